"""The connection to a server: nats-py on an event loop in a thread of its own, for callers who wait.

The only file that knows nats-py. Whatever the server or the network does becomes an answer, an error that the server
gave (`Refused`), or `StoreUnavailableError`: nothing is known then. It connects again by itself, for ever.
"""

import asyncio
import contextlib
import json
import logging
import os
import threading
import weakref
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, Final, NamedTuple, TypeVar

from somabus.errors import StoreRefusedError, StoreUnavailableError

_T = TypeVar("_T")
_ANSWER_S: Final = 10.0
_CONNECT_S: Final = 5.0
_BACK_S: Final = 2.0
_AT_ONCE: Final = 500  # a server drops API requests beyond ten thousand in flight
_log: Final = logging.getLogger("somabus")


class Refused(Exception):  # noqa: N818 - it is no fault: the server said no
    """The server's own answer to a request: `code` is its number, `said` its words."""

    def __init__(self, code: int, said: str) -> None:
        super().__init__(said)
        self.code = code
        self.said = said


class Answer(NamedTuple):
    """What came back: bytes and headers."""

    data: bytes
    headers: Mapping[str, str]


class Question(NamedTuple):
    """What is asked: a subject, bytes and headers."""

    subject: str
    data: bytes = b""
    headers: dict[str, str] | None = None


class Link:
    """One connection, made at the first question; a child of a fork makes its own.

    Args:
        servers: their addresses.
        options: who we are, as nats-py's `connect` takes it: user, password, token, nkeys, credentials, tls.
    """

    def __init__(self, servers: Iterable[str], options: Mapping[str, Any]) -> None:
        self._servers = list(servers)
        self._options = dict(options)
        self._lock = threading.Lock()
        self._state: _State | None = None

    @property
    def where(self) -> str:
        """The servers, for errors; never a password."""
        return ", ".join(server.rpartition("@")[2] for server in self._servers)

    @property
    def most_bytes(self) -> int:
        """How large a message the server takes."""
        return int(self._connected().client.max_payload)

    @property
    def version(self) -> str:
        """The server's version."""
        found = self._connected().client.connected_server_version
        return f"{found.major}.{found.minor}.{found.patch}"

    @property
    def secret(self) -> bool:
        """Whether nobody on the way can read along."""
        return "tls" in self._options

    def ask(self, question: Question) -> Answer:
        """Return the server's answer.

        Raises:
            Refused: it said no.
            StoreUnavailableError: no answer came; what was asked may be done or not.
        """
        (answer,) = self.ask_all([question])
        if isinstance(answer, Refused):
            raise answer
        return answer

    def ask_all(self, questions: list[Question]) -> list[Answer | Refused]:
        """Return the answers to many questions, asked at once and in this order.

        Raises:
            StoreUnavailableError: one was not answered; each may be done or not.
        """
        state = self._connected()
        return self._run(state, _all(state, questions), questions[0].subject)

    def listen(self, subject: str, heard: Callable[[], None]) -> Callable[[], None]:
        """Call `heard`, from another thread, whenever something is published; return what ends that."""
        state = self._connected()

        async def begin() -> Any:
            async def on_message(_message: Any) -> None:
                heard()

            return await state.client.subscribe(subject, cb=on_message)

        subscription = self._run(state, begin(), subject)

        def end() -> None:
            with contextlib.suppress(StoreUnavailableError):
                self._run(state, subscription.unsubscribe(), subject)

        return end

    def close(self) -> None:
        """End the connection; the next question makes another one."""
        with self._lock:
            state, self._state = self._state, None
        if state is not None:
            state.finalizer()

    def _run(self, state: "_State", work: Coroutine[Any, Any, _T], subject: str) -> _T:
        from nats.errors import Error, NoRespondersError

        future = asyncio.run_coroutine_threadsafe(work, state.loop)
        try:
            return future.result(_ANSWER_S + _BACK_S)
        except StoreUnavailableError:
            raise
        except NoRespondersError as error:
            raise StoreUnavailableError(subject, f"no JetStream answers at {self.where}") from error
        except (Error, OSError, TimeoutError, asyncio.CancelledError) as error:
            future.cancel()
            refused = state.refused
            if refused and subject.split(".", 1)[0] in refused:
                state.refused = ""
                raise StoreRefusedError(subject, refused) from error
            said = f"no answer from {self.where}: {error or type(error).__name__}"
            raise StoreUnavailableError(subject, said) from error

    def _connected(self) -> "_State":
        with self._lock:
            if self._state is None or self._state.pid != os.getpid():
                self._state = _State(self._servers, self._options)
                try:
                    self._state.connect()
                except BaseException:
                    state, self._state = self._state, None
                    state.finalizer()
                    raise
            return self._state


class _State:
    """A loop in a thread, and the connection that lives there."""

    def __init__(self, servers: list[str], options: Mapping[str, Any]) -> None:
        self.pid = os.getpid()
        self.refused = ""
        self.loop = asyncio.new_event_loop()
        self._servers = servers
        self._options = options
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True, name="somabus nats")
        self._thread.start()
        self.client: Any = None
        self._box: list[Any] = []
        self.finalizer = weakref.finalize(self, _end, self.loop, self._thread, self._box)

    def connect(self) -> None:
        """Connect.

        Raises:
            StoreUnavailableError: no server answers. StoreRefusedError: it does not let us in.
        """
        import nats
        from nats.errors import AuthorizationError, Error, NoServersError

        me = weakref.ref(self)

        async def on_error(error: Exception) -> None:
            state = me()
            if state is not None and "permissions violation" in str(error).lower():
                state.refused = str(error)
            _log.info("nats", extra={"detail": str(error)})

        async def begin() -> Any:
            return await nats.connect(
                self._servers, connect_timeout=_CONNECT_S, max_reconnect_attempts=-1, reconnect_time_wait=0.2,
                allow_reconnect=True, error_cb=on_error, **self._options,
            )  # fmt: skip

        where = ", ".join(server.rpartition("@")[2] for server in self._servers)
        future = asyncio.run_coroutine_threadsafe(asyncio.wait_for(begin(), _CONNECT_S), self.loop)
        try:
            self.client = future.result(_CONNECT_S + 1)
        except (NoServersError, OSError, TimeoutError) as error:
            raise StoreUnavailableError(where, "no server answers there") from error
        except AuthorizationError as error:
            said = "the server does not let us in; check user, password, token or key"
            raise StoreRefusedError(where, said) from error
        except Error as error:
            raise StoreUnavailableError(where, str(error)) from error
        self._box.append(self.client)


def _end(loop: asyncio.AbstractEventLoop, thread: threading.Thread, box: list[Any]) -> None:
    async def bye() -> None:
        for client in box:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(client.close(), 1)
        loop.stop()

    if thread.is_alive():
        asyncio.run_coroutine_threadsafe(bye(), loop)
        thread.join(2)
    if not thread.is_alive():
        loop.close()


async def _all(state: _State, questions: list[Question]) -> list[Answer | Refused]:
    await _back(state)
    answers: list[Answer | Refused] = []
    for start in range(0, len(questions), _AT_ONCE):
        several = [_one(state.client, each) for each in questions[start : start + _AT_ONCE]]
        answers += await asyncio.gather(*several)
    return answers


async def _back(state: _State) -> None:
    """Give a connection that broke a moment to come back, rather than to let a question run into it."""
    waited = 0.0
    while not state.client.is_connected:
        if waited >= _BACK_S:
            raise StoreUnavailableError("", "the connection to the server is broken, and does not come back")
        await asyncio.sleep(0.05)
        waited += 0.05


async def _one(client: Any, question: Question) -> Answer | Refused:
    found = await client.request(question.subject, question.data, timeout=_ANSWER_S, headers=question.headers)
    headers = dict(found.headers or {})
    status = headers.get("Status", "")
    if status.isdigit() and int(status) >= 400:  # noqa: PLR2004 - as in HTTP
        return Refused(int(status), headers.get("Description", ""))
    if found.data.startswith(b'{"') and b'"error"' in found.data and "Nats-Sequence" not in headers:
        error = json.loads(found.data).get("error")
        if error:
            return Refused(int(error.get("err_code", error.get("code", 0))), str(error.get("description", "")))
    return Answer(found.data, headers)
