"""Calls that end: a drive that hangs becomes `StoreUnavailableError` after a while, instead of no answer for ever.

A call into a dead mount can be neither taken back nor interrupted, so on a network drive another thread makes it, and
the caller waits for as long as it has patience. A thread that hangs is left behind, and until it comes back others
are told at once that the drive does not answer; now and then one may try, for a drive can come back under another
mount. After two calls in turn that took long to fail, as some clients try for ten seconds each, others fail at once
for as long again, or a beat would wait for each of its steps. What happened to a call is not known: it may still be
done later, which is what `Store` says of that error.
"""

import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from queue import Empty, SimpleQueue
from typing import Any, Final, NamedTuple, TypeVar

from somabus.errors import StoreUnavailableError
from somabus.store.port import Store

_T = TypeVar("_T")
PATIENCE_S: Final = 30.0
_LONGEST_PAUSE_S: Final = 3600.0
_SLOW_S: Final = 3.0
_IN_TURN: Final = 2
_A_DOCUMENT_S: Final = 0.5
_MANY_S: Final = 300.0


class _Answer(NamedTuple):
    value: Any
    error: BaseException | None


class Deadline:
    """Has calls made by threads of its own, and waits for each so long at most. For any number of callers.

    Args:
        patience_s: so long a call may take.
        monotonic: a clock that never goes back; the machine's if none is given.
    """

    def __init__(self, patience_s: float = PATIENCE_S, monotonic: Callable[[], float] | None = None) -> None:
        self._patience_s = patience_s
        self._monotonic = monotonic or time.monotonic
        self._pid = os.getpid()
        self._idle: list[_Hand] = []
        self._hanging: set[_Hand] = set()
        self._since = 0.0
        self._next_try = 0.0
        self._pause_s = patience_s
        self._away_until = 0.0
        self._slow = 0
        weakref.finalize(self, _dismiss, self._idle)

    def ask(self, call: Callable[[], _T], what: str, *, extra_s: float = 0.0) -> _T:
        """Return what the call returns, or raise what it raises.

        Args:
            call: what may hang.
            what: for whom it is, for the error.
            extra_s: so much longer it may take.

        Raises:
            StoreUnavailableError: it has not ended in time, or another call hangs and this one was not begun.
        """
        hand = self._hand(what)
        answer: _Answer | None = None
        began = self._monotonic()
        try:
            hand.calls.put(call)
            with suppress(Empty):
                answer = hand.answers.get(timeout=self._patience_s + extra_s)
        except BaseException:  # the caller was interrupted; the drive is not to blame
            hand.calls.put(None)
            raise
        if answer is None:
            self._left_behind(hand)
            raise self._silent(what)
        self._idle.append(hand)
        if answer.error is not None:
            self._rest(answer.error, began)
            raise answer.error
        self._answers()
        value: _T = answer.value
        return value

    def _hand(self, what: str) -> "_Hand":
        """Return a thread that is free; threads do not live on in a child of a fork."""
        if os.getpid() != self._pid:
            self._pid = os.getpid()
            self._idle.clear()
            self._hanging.clear()
        self._take_back()
        now = self._monotonic()
        if now < self._away_until:
            raise self._silent(what)
        if self._hanging:
            if now < self._next_try:
                raise self._silent(what)
            self._pause_s = min(self._pause_s * 2, _LONGEST_PAUSE_S)  # each try may cost a thread
            self._next_try = now + self._pause_s
        with suppress(IndexError):  # Race: another caller took the last one.
            return self._idle.pop()
        return _Hand()

    def _rest(self, error: BaseException, began: float) -> None:
        """Leave a drive alone that took long, twice in turn, to say that it is away: for as long again."""
        now = self._monotonic()
        slow = isinstance(error, StoreUnavailableError) and now - began > _SLOW_S
        self._slow = self._slow + 1 if slow else 0
        if self._slow >= _IN_TURN:  # one file may be bad for itself
            self._since, self._away_until = began, 2 * now - began

    def _answers(self) -> None:
        """Forget the calls that hang: the drive answers, under another mount perhaps."""
        self._slow = 0
        for hand in list(self._hanging):
            hand.calls.put(None)
        self._hanging.clear()

    def _left_behind(self, hand: "_Hand") -> None:
        if not self._hanging:
            self._since = self._monotonic() - self._patience_s
            self._pause_s = self._patience_s
            self._next_try = self._monotonic() + self._pause_s
        self._hanging.add(hand)

    def _take_back(self) -> None:
        """Let those threads work again whose calls have ended; nobody waits for the answers any more."""
        for hand in list(self._hanging):
            with suppress(Empty):
                hand.answers.get_nowait()
                self._hanging.discard(hand)
                self._idle.append(hand)

    def _silent(self, what: str) -> StoreUnavailableError:
        return StoreUnavailableError(what, f"the drive has not answered for {self._monotonic() - self._since:.0f} s")


class _Hand:
    """One thread that makes calls, one at a time, until it is handed None; it keeps no process alive."""

    def __init__(self) -> None:
        self.calls: SimpleQueue[Callable[[], Any] | None] = SimpleQueue()
        self.answers: SimpleQueue[_Answer] = SimpleQueue()
        threading.Thread(target=self._work, name="somabus drive", daemon=True).start()

    def _work(self) -> None:
        while (call := self.calls.get()) is not None:
            try:
                answer = _Answer(call(), None)
            except BaseException as error:  # noqa: BLE001 - the caller raises it
                answer = _Answer(None, error)
            del call
            self.answers.put(answer)
            del answer


def _dismiss(idle: list[_Hand]) -> None:
    for hand in idle:
        hand.calls.put(None)


class DeadlineStore:
    """Another store whose every call ends."""

    def __init__(self, store: Store, deadline: Deadline) -> None:
        self._store = store
        self._deadline = deadline

    def read(self, key: str, *, listed: bool = False) -> bytes | None:
        """See `Store.read`."""
        return self._deadline.ask(lambda: self._store.read(key, listed=listed), key)

    def stamps(self, keys: Sequence[str]) -> list[str | None]:
        """See `Store.stamps`; one call for all, which on a network drive asks nobody."""
        return self._deadline.ask(lambda: self._store.stamps(keys), f"{len(keys)} documents")

    def create(self, key: str, data: bytes) -> None:
        """See `Store.create`."""
        self._deadline.ask(lambda: self._store.create(key, data), key)

    def create_many(self, documents: Iterable[tuple[str, bytes]]) -> None:
        """See `Store.create_many`; many documents may take longer than one."""
        batch = list(documents)
        extra_s = len(batch) * _A_DOCUMENT_S
        self._deadline.ask(lambda: self._store.create_many(batch), f"{len(batch)} documents", extra_s=extra_s)

    def replace(self, key: str, data: bytes) -> None:
        """See `Store.replace`."""
        self._deadline.ask(lambda: self._store.replace(key, data), key)

    def move(self, source: str, target: str, *, durable: bool = True) -> None:
        """See `Store.move`."""
        self._deadline.ask(lambda: self._store.move(source, target, durable=durable), source)

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        self._deadline.ask(lambda: self._store.delete(key), key)

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> list[str]:
        """See `Store.list`."""
        return self._deadline.ask(lambda: self._store.list(prefix, after, limit), prefix)

    def weigh(self, prefix: str) -> int:
        """See `Store.weigh`; it looks at every document, and may take long."""
        return self._deadline.ask(lambda: self._store.weigh(prefix), prefix, extra_s=_MANY_S)

    def prune(self, prefix: str) -> None:
        """See `Store.prune`."""
        self._deadline.ask(lambda: self._store.prune(prefix), prefix)

    def wait(self, prefix: str, timeout: float) -> bool:
        """See `Store.wait`."""
        return self._deadline.ask(lambda: self._store.wait(prefix, timeout), prefix, extra_s=timeout)

    @contextmanager
    def lock(self, name: str) -> Iterator[bool]:
        """See `Store.lock`."""
        lock = self._store.lock(name)
        held = self._deadline.ask(lock.__enter__, name)
        try:
            yield held
        finally:
            with suppress(StoreUnavailableError):  # it is free again when this process ends
                self._deadline.ask(lambda: lock.__exit__(None, None, None), name)

    def now(self) -> datetime:
        """See `Store.now`."""
        return self._deadline.ask(self._store.now, "tmp")
