"""Serving: over standard input and output for the tool that started it, or over HTTP on this machine alone."""

import hmac
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import redirect_stdout
from typing import Any, Final

import anyio
from mcp.server.stdio import stdio_server

from somabus.agent import Agent
from somabus.errors import ConfigurationError
from somabus.mcp.server import Door

LOOPBACK: Final = "127.0.0.1"
Message = MutableMapping[str, Any]
App = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]


def serve_stdio(agent: Agent, watcher: Agent) -> None:
    """Serve the process that started this one, until it closes standard input."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the SDK's reader of standard input cannot be interrupted
    anyio.run(_stdio, Door(agent, watcher))


async def _stdio(door: Door) -> None:
    async with stdio_server() as (reads, writes):
        with redirect_stdout(sys.stderr):  # what a health check prints is no word of the protocol
            await door.server.run(reads, writes, door.server.create_initialization_options())


def serve_http(agent: Agent, watcher: Agent, *, port: int, token: str, ready: Callable[[str], None]) -> None:
    """Serve whoever knows the token, on the loopback address, until a signal ends it.

    Args:
        agent: what the tools call.
        watcher: the same agent a second time.
        port: 0 takes a free one.
        token: what clients must send as `Authorization: Bearer …`.
        ready: told the address once it answers.

    Raises:
        ConfigurationError: the port is taken.
    """
    import uvicorn

    door = Door(agent, watcher)
    listener = _listener(port)
    url = f"http://{LOOPBACK}:{listener.getsockname()[1]}/mcp"
    app = Guarded(door.server.streamable_http_app(host=LOOPBACK), token)
    config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="on", timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    ready(url)
    server.run(sockets=[listener])


def _listener(port: int) -> socket.socket:
    # Named as TCP, so that asyncio sends small answers at once: unnamed, each waits 40 ms for Nagle's algorithm.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
    except OSError as error:
        listener.close()
        message = f"port {port} of {LOOPBACK} cannot be had ({error.strerror}); give another one, or 0 for a free one"
        raise ConfigurationError(message) from error
    listener.listen()
    return listener


class Guarded:
    """Lets no request through that does not carry the token."""

    def __init__(self, app: App, token: str) -> None:
        self._app = app
        self._wanted = f"Bearer {token}".encode()

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Answer 401 to whoever does not know the token."""
        given = dict(scope.get("headers") or ()).get(b"authorization", b"")
        if scope["type"] == "lifespan" or hmac.compare_digest(given, self._wanted):
            await self._app(scope, receive, send)
            return
        headers = [(b"www-authenticate", b'Bearer realm="somabus"'), (b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": 401, "headers": headers})
        await send({"type": "http.response.body", "body": b"this server wants the token that `somabus mcp` named\n"})
