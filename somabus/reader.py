"""Reading logs of messages: what is new past a position, each entry judged, holes waited for and told.

It moves no cursor but the one it is handed; where entries come from, and who may write there, its callers say.
"""

from collections.abc import Iterator
from typing import NamedTuple

from somabus.authority import Authority
from somabus.cursors import CursorBook
from somabus.errors import DocumentTooLargeError, MessageError, StoreDamagedError, StoreRefusedError
from somabus.log import Log
from somabus.model.cursor import Position, advance
from somabus.model.kinds import NEVER_MUTED
from somabus.model.message import Message
from somabus.model.trust import may_act
from somabus.opener import Opened, Opener
from somabus.store.port import Store


class Entry(NamedTuple):
    """One entry of a log: what it says, or why it cannot be used."""

    log: str
    number: int
    opened: Opened | None
    fault: str = ""


class Writers(NamedTuple):
    """Who may write to a log: `sender` alone, or anybody if None; `channel` is what its entries must be for."""

    sender: str | None
    channel: str | None


class Ahead(NamedTuple):
    """What lies past a position: numbers to read, the position behind them, and the entries that were given up."""

    numbers: tuple[int, ...]
    position: Position
    lost: tuple[Entry, ...]


class Reader:
    """Reads on behalf of one agent."""

    def __init__(self, store: Store, authority: Authority, opener: Opener) -> None:
        self._store = store
        self._authority = authority
        self._opener = opener

    def follow(self, log: Log, cursors: CursorBook, limit: int, writers: Writers) -> Iterator[Entry]:
        """Yield what is new, in order, moving the cursor behind each entry once it was worked through."""
        before = cursors.position(log.path)
        ahead = self.ahead(log, before, limit, writers)
        yield from ahead.lost
        for number in ahead.numbers:
            yield self.entry(log, number, writers)
            cursors.move(log.path, Position(at=number))
        if ahead.position != before:
            cursors.move(log.path, ahead.position)

    def ahead(self, log: Log, before: Position, limit: int, writers: Writers) -> Ahead:
        """Return what may be read now. An entry that is gone for good comes as a fault."""
        swept: tuple[Entry, ...] = ()
        present = log.after(before.at, limit)
        if present and present[0] > before.at + 1:
            before, swept = self._swept(log, before)
        step = advance(before, present, self._store.now())
        if step.lost and not log.behind(before.at, lambda number: self.genuine(log, number, writers)):
            # Nothing behind the hole is a writer's own: it was planted there, and the log will go on before it.
            planted = "it is missing, and nothing genuine stands behind it"
            return Ahead((), before, (*swept, Entry(log.path, step.lost[0], None, planted)))
        gone = "it was deleted; the rest of the log is read on"
        lost = (Entry(log.path, number, None, gone) for number in step.lost)
        return Ahead(step.numbers, step.position, (*swept, *lost))

    def _swept(self, log: Log, before: Position) -> tuple[Position, tuple[Entry, ...]]:
        """Step over what a sweep has dropped; a reader that is no newcomer was away for very long, and is told."""
        last = log.swept(before.at)
        if last == before.at:
            return before, ()
        said = f"it and those up to {last} were old, and were dropped while this agent was away"
        told = (Entry(log.path, before.at + 1, None, said),) if before.at else ()
        return Position(at=last), told

    def genuine(self, log: Log, number: int, writers: Writers) -> bool:
        """Tell whether an entry is one that somebody who may write there has written."""
        return self.said(log, number, writers) is not None

    def said(self, log: Log, number: int, writers: Writers) -> Message | None:
        """Return what somebody who may write there has written, whether or not it may still be acted on.

        What follows from a log must be the same for all who read it, today and next year: no clock has a part in it.
        """
        opened = self.entry(log, number, writers).opened
        return None if opened is None or self._foreign(opened, writers) else opened.message

    def entry(self, log: Log, number: int, writers: Writers) -> Entry:
        """Read one entry that was listed.

        Raises:
            StoreUnavailableError: could not look.
        """
        first: Entry | None = None
        try:
            for raw in log.readings(number):
                found = self._judged(log, number, raw, writers)
                if found.opened is not None and not self._foreign(found.opened, writers):
                    return found
                first = first or found
        except (StoreDamagedError, StoreRefusedError, DocumentTooLargeError) as error:
            first = Entry(log.path, number, None, str(error))
        return first or Entry(log.path, number, None, "it is listed and cannot be read")

    def _judged(self, log: Log, number: int, raw: bytes, writers: Writers) -> Entry:
        try:
            opened = self._opener.open(raw)
        except MessageError as error:
            return Entry(log.path, number, None, str(error))
        return Entry(log.path, number, opened, self._fault(opened, writers))

    def _fault(self, opened: Opened, writers: Writers) -> str:
        message, policy = opened.message, self._authority.bus.policy
        foreign = self._foreign(opened, writers)
        if foreign:
            return foreign
        if message.expired(self._store.now()):
            return f"it expired at {message.expires_at:%Y-%m-%d %H:%M} UTC"
        if writers.channel and message.hops > policy.hop_limit and message.kind not in NEVER_MUTED:
            return f"parked for a human: hop {message.hops} of a chain from {message.origin}; limit {policy.hop_limit}"
        return ""

    def _foreign(self, opened: Opened, writers: Writers) -> str:
        message, policy = opened.message, self._authority.bus.policy
        if message.bus != self._authority.bus.bus or message.to or message.channel != writers.channel:
            return "it was not made for this log"
        if writers.sender is not None and message.sender != writers.sender:
            return f"it was written by {message.sender} into the outbox of {writers.sender}"
        if message.kind in policy.protected:
            return f"mail of the protected kind {message.kind} has no place in a log"
        if not may_act(opened.trust, policy.trust):
            return f"its sender could not be proven: {opened.trust}"
        return ""
