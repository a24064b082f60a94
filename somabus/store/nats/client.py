"""nats-py's client, and what it leaves undone."""

import asyncio
import ssl
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg


class StrictClient(Client):
    """nats-py's client, which goes on in clear text where a server asks for no TLS; this one does not.

    And where it is ended while it connects, it would leave its socket to be collected.
    """

    def __init__(self, *, tls: bool) -> None:
        super().__init__()
        self._must = tls

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        if self._must and not info.get("tls_required"):
            message = "the server offers no TLS, and the address or the settings ask for it"
            raise ssl.SSLError(0, message)
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
