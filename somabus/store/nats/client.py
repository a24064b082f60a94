"""nats-py's client, and what it leaves undone."""

import asyncio
import ssl
import time
from collections.abc import Mapping
from typing import Any, Final

from nats.aio.client import DEFAULT_BUFFER_SIZE, Client, Srv
from nats.aio.msg import Msg
from nats.aio.transport import TcpTransport

FOR_EVER: Final[Mapping[str, Any]] = {
    "allow_reconnect": True, "max_reconnect_attempts": -1, "reconnect_time_wait": 0.25, "connect_timeout": 5,
    "ping_interval": 10, "max_outstanding_pings": 2, "pending_size": 0,
}  # fmt: skip
"""It connects again for ever, finds out by itself that nobody answers, and keeps nothing to be sent later."""


class _Tcp(TcpTransport):
    """nats-py's TCP, which does not tell its protocol of TLS, and so has asyncio complain at the end."""

    async def connect_tls(self, *args: Any, **options: Any) -> None:
        await super().connect_tls(*args, **options)
        transport = self._io_writer.transport  # type: ignore[union-attr]
        transport.get_protocol().connection_made(transport)


class StrictClient(Client):
    """nats-py's client, which goes on in clear text where a server asks for no TLS; this one does not.

    And where it is ended while it connects, it would leave its socket to be collected.
    """

    def __init__(self, *, tls: bool) -> None:
        super().__init__()
        self._must = tls

    async def _connect_to_server(self, s: Srv) -> None:
        s.last_attempt = time.monotonic()
        if not self._transport:
            self._transport = _Tcp()  # type: ignore[no-untyped-call]
        await self._transport.connect(s.uri, DEFAULT_BUFFER_SIZE, self.options["connect_timeout"])

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        if self._must and not info.get("tls_required"):
            message = "the server offers no TLS, and the address or the settings ask for it; if it need not be: nats://"
            raise ssl.SSLError(0, f"{message}, and no SOMABUS_NATS_CA and no SOMABUS_NATS_CERT")
        await super()._process_info(info, initial_connection)

    @property
    def secret(self) -> bool:
        """Whether the connection is under TLS, by our wish or the server's."""
        return bool(self._server_info.get("tls_required"))

    async def ask_everybody(self, subject: str, within_s: float) -> list[Msg]:
        """Return all answers that come within a time; its own `request` takes the first for the only one."""
        heard: list[Msg] = []

        async def on_message(message: Msg) -> None:
            heard.append(message)

        inbox = self.new_inbox()
        hearing = await self.subscribe(inbox, cb=on_message)
        await self.publish(subject, b"", reply=inbox)
        await asyncio.sleep(within_s)
        await hearing.unsubscribe()
        return heard

    def drop(self) -> None:
        """Let go of a socket that is still there."""
        if self._transport is not None:
            self._transport.close()  # type: ignore[no-untyped-call]
