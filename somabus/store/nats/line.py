"""One connection: nats-py on an event loop in a thread of its own.

With `client.py` the only file that knows nats-py. It connects by itself, again and again, and every question ends in
time: with an answer, with what the server refused, or with `StoreUnavailableError`, as soon as it is known that no
answer comes:

    the connection breaks        whoever waits for an answer is told at once
    it does not come back        for a moment questions wait for it; then they are told at once
    the server hangs             the first question finds out, after ten seconds (many at once, later), and gives it up
    the server closes it         this line is over, and the link begins another one

Nothing is kept to be sent later: what its caller was told has failed is not done after all when the server is back,
unless it was on its way already.
"""

import asyncio
import contextlib
import itertools
import logging
import os
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping
from concurrent.futures import CancelledError, Future
from typing import Any, Final, TypeVar

from nats.aio.msg import Msg
from nats.errors import Error

from somabus.errors import DocumentTooLargeError, StoreRefusedError, StoreUnavailableError
from somabus.store.nats.client import FOR_EVER, StrictClient
from somabus.store.nats.talk import Answer, Question, Refused, judged
from somabus.store.nats.trouble import NONE, Trouble, may_not, understood

_T = TypeVar("_T")
_ANSWER_S: Final = 10.0
_EACH_S: Final = 0.1  # a slow disk takes as long for each of many that are asked at once
_PATIENCE_S: Final = 3.0
_END_S: Final = 2.0
_GIVEN_UP_S: Final = 60.0
"""After so long the client may have stopped trying; a new one begins."""
_HEADERS: Final = 1024
_log: Final = logging.getLogger("somabus")

Listeners = dict[int, tuple[str, Callable[[], None]]]  # a subject, and what to call


class Line:
    """A connection that is being made, is there, or is broken and being made again.

    Args:
        servers: their addresses.
        options: who we are, as nats-py takes it.
        listeners: told of what is published, and whenever something may have been missed.
        where: what errors call the other end.
        who: as whom we come, for errors.
    """

    def __init__(
        self, servers: Iterable[str], options: Mapping[str, Any], listeners: Listeners, where: str, who: str = ""
    ) -> None:
        self.over = False
        self._who = who
        self._options = {"servers": list(servers), **options}
        self._where = where
        self._listeners = listeners
        self._client = StrictClient(tls="tls" in options)
        self._waiting: dict[str, tuple[Question, asyncio.Future[Msg]]] = {}
        self._numbers = itertools.count()
        self._inbox = ""
        self._known = asyncio.Event()  # it is there, or it will not be
        self._trouble = NONE
        self._handing = threading.Lock()
        self._handed: dict[Future[Any], Coroutine[Any, Any, Any]] = {}
        self._pid = os.getpid()
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda _loop, context: _log.info("nats: %s", context["message"]))
        self._away_since = self._loop.time()
        self._ending = asyncio.Event()
        self._thread = threading.Thread(target=self._live, daemon=True, name="somabus nats")
        self._thread.start()

    # -- for other threads ------------------------------------------------------------------------------------

    def run(self, work: Coroutine[Any, Any, _T], patience_s: float = _PATIENCE_S + 2 * _ANSWER_S) -> _T:
        """Have the loop do something, and wait for it; it ends by itself, in time.

        Raises:
            StoreUnavailableError: this line has ended.
        """
        with self._handing:
            try:
                future = asyncio.run_coroutine_threadsafe(work, self._loop)
            except RuntimeError:
                work.close()
                raise self._away(self._where) from None
            self._handed[future] = work
        try:
            return future.result(patience_s)
        except (TimeoutError, CancelledError):
            raise self._away(self._where) from None
        finally:
            self._handed.pop(future, None)
            if not future.done() and not self._loop.is_closed():  # the caller was interrupted
                future.cancel()

    def end(self) -> None:
        """End the connection and the thread; in a child of a fork they are the parent's, and stay as they are."""
        self.over = True
        if os.getpid() != self._pid or not self._thread.is_alive():
            return
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._ending.set)
        if threading.current_thread() is not self._thread:  # else: collected as garbage by the loop itself
            with contextlib.suppress(KeyboardInterrupt):  # a second Ctrl-C: it ends with the process
                self._thread.join(_END_S)

    # -- in the loop ------------------------------------------------------------------------------------------

    async def ask_all(self, questions: list[Question]) -> list[Answer | Refused]:
        """Return the answers to several questions, asked at once and in this order.

        Raises:
            StoreUnavailableError: one was not answered; each may be done or not.
            StoreRefusedError: the server does not let us do one of them.
        """
        await self._there(questions[0].what)
        within_s = _ANSWER_S + len(questions) * _EACH_S
        answers = await asyncio.gather(*(self._ask(each, within_s) for each in questions), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, Refused):
                raise answer
        return answers  # type: ignore[return-value]

    async def server(self) -> tuple[str, int, bool]:
        """Return version, largest message, and whether we are under TLS; `StoreUnavailableError` if it is away."""
        await self._there(self._where)
        found = self._client.connected_server_version
        return f"{found.major}.{found.minor}.{found.patch}", self._client.max_payload, self._client.secret

    async def ask_everybody(self, question: Question, within_s: float) -> list[Answer | Refused]:
        """Return all answers that come within a time; `StoreUnavailableError` if the server is away."""
        await self._there(question.what)
        try:
            return [
                judged(each.data, each.headers or {})
                for each in await self._client.ask_everybody(question.subject, within_s)
            ]
        except (Error, OSError) as error:
            raise self._away(question.what, str(error)) from error

    async def listen(self, subject: str, heard: Callable[[], None]) -> None:
        """Call `heard` whenever something is published; `StoreUnavailableError` if the server is away."""
        await self._there(self._where)
        await self._subscribe(subject, heard)

    async def _ask(self, question: Question, within_s: float) -> Answer | Refused:
        if len(question.data) + _HEADERS > self._client.max_payload:
            said = f"{len(question.data):,} bytes; this server takes {self._client.max_payload - _HEADERS:,}"
            raise DocumentTooLargeError(question.what, f"{said}; it is set by max_payload")
        token = str(next(self._numbers))
        future: asyncio.Future[Msg] = self._loop.create_future()
        self._waiting[token] = question, future
        try:
            reply = f"{self._inbox}.{token}"
            await self._client.publish(question.subject, question.data, reply=reply, headers=question.headers)
            async with asyncio.timeout(within_s):
                message = await future
                return judged(message.data, message.headers or {})
        except TimeoutError:
            await self._give_up()
            raise self._away(question.what) from None
        except (Error, OSError) as error:
            raise self._away(question.what, str(error)) from error
        finally:
            del self._waiting[token]

    async def _there(self, what: str) -> None:
        """Wait for a moment until the server is there."""
        left = self._away_since + _PATIENCE_S - self._loop.time()
        if not self._known.is_set() and left > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._known.wait()
        if self._loop.time() - self._away_since > _GIVEN_UP_S and not self._known.is_set():
            self._quit()
        if self.over or not self._known.is_set():
            raise self._away(what)

    def _away(self, what: str, said: str = "") -> StoreUnavailableError:
        lasting = self._trouble.shut_out or self._trouble.lasts
        return (Trouble(said) if said and not lasting else self._trouble).error(what, self._where)

    async def _begin(self) -> None:
        try:
            await self._client.connect(
                **self._options, **FOR_EVER, error_cb=self._on_error, disconnected_cb=self._on_broken,
                reconnected_cb=self._on_back, closed_cb=self._on_closed,
            )  # fmt: skip
            self._inbox = self._client.new_inbox()
            await self._client.subscribe(f"{self._inbox}.*", cb=self._on_answer)
            for subject, heard in list(self._listeners.values()):
                await self._subscribe(subject, heard)
            await self._on_back()
        except Exception as error:  # noqa: BLE001 - whatever it is, this line comes to nothing, and says so
            self._note(understood(error))
            await self._on_closed()

    async def _subscribe(self, subject: str, heard: Callable[[], None]) -> None:
        async def on_message(_message: Msg) -> None:
            heard()

        await self._client.subscribe(subject, cb=on_message)

    async def _give_up(self) -> None:
        """Leave a server that hangs; until one answers again, nobody waits for it."""
        self._known.clear()
        self._away_since = self._loop.time() - _PATIENCE_S
        self._trouble = Trouble(f"no answer within {_ANSWER_S:g} s")
        await self._client.force_reconnect()

    async def _on_answer(self, message: Msg) -> None:
        _question, future = self._waiting.get(message.subject.rpartition(".")[2], (None, None))
        if future is not None and not future.done():
            future.set_result(message)

    async def _on_error(self, error: Exception) -> None:
        told = understood(error)
        if told.shut_out or (told.unheard and told.unheard.startswith(self._inbox.lower())):
            told = told.out(self._inbox.rpartition(".")[0], self._who)
        self._note(told)
        if told.unsaid:
            self._fail(
                lambda question: StoreRefusedError(question.what, may_not(question.subject, self._who)), told.unsaid
            )
        elif told.shut_out or isinstance(error, ssl.SSLError):  # not by trying again
            self._fail(lambda question: self._away(question.what))
            self._quit()

    def _note(self, told: Trouble) -> None:
        if told.said != self._trouble.said:  # it tries four times a second
            _log.info("nats: %s", told.said)
        if not self.over:
            self._trouble = told

    async def _on_broken(self) -> None:
        if self._known.is_set():
            self._known.clear()
            self._away_since = self._loop.time()
        self._fail(lambda question: self._away(question.what, "the connection broke"))

    async def _on_back(self) -> None:
        self._trouble = NONE
        self._known.set()
        self._wake()

    async def _on_closed(self) -> None:
        self._fail(lambda question: self._away(question.what, "the server closed the connection"))
        self._quit()

    def _quit(self) -> None:
        """Be over: those who listen are told, and the next question begins another line."""
        self.over = True
        self._known.set()
        self._wake()
        self._ending.set()

    def _fail(self, error: Callable[[Question], Exception], subject: str | None = None) -> None:
        """Tell those who wait for an answer that none comes: all, or those with a subject, told in lower case."""
        for question, future in self._waiting.values():
            if not future.done() and subject in (None, question.subject.lower()):
                future.set_exception(error(question))

    def _wake(self) -> None:
        for _subject, heard in list(self._listeners.values()):
            heard()

    def _live(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._life())
        finally:
            with self._handing:  # what was handed over while the loop ended never goes on
                for future, work in [each for each in self._handed.items() if not each[0].done()]:
                    future.set_exception(self._away(self._where))
                    work.close()

    async def _life(self) -> None:
        begun = self._loop.create_task(self._begin())
        await self._ending.wait()
        begun.cancel()
        with contextlib.suppress(Exception, asyncio.CancelledError):  # it waits for what was cancelled here
            async with asyncio.timeout(_END_S / 2):
                await self._client.close()
        while rest := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in rest:  # again and again: a client that is connecting may miss the first time
                task.cancel()
            await asyncio.wait(rest, timeout=0.05)
        self._client.drop()
        await asyncio.sleep(0)
