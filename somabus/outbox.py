"""The outbox: what an agent shares with everybody, and the following of others' outboxes.

One write, however many follow: every follower keeps its own cursor.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from somabus.authority import Authority
from somabus.cursors import CursorBook
from somabus.errors import DocumentTooLargeError, MessageError, StoreDamagedError, StoreRefusedError
from somabus.log import Log
from somabus.model import tree
from somabus.model.cursor import Position, advance
from somabus.model.envelope import split
from somabus.model.message import Message
from somabus.model.trust import may_act
from somabus.opener import Opened, Opener
from somabus.store.port import Store

_PROOF: Final = 20


@dataclass(frozen=True, slots=True)
class Shared:
    """One entry of a log: what it says, or why it cannot be used."""

    log: str
    number: int
    opened: Opened | None
    fault: str = ""


class Outbox:
    """Shares on behalf of one agent, and follows the others."""

    def __init__(self, store: Store, me: str, authority: Authority, opener: Opener) -> None:
        self._store = store
        self._authority = authority
        self._opener = opener
        self._mine = Log(store, tree.outbox(me))

    def share(self, message: Message, data: bytes) -> int:
        """Append to the agent's own outbox and return the number; the entry that is last already is not repeated."""
        tail = self._mine.tail()
        if tail and self._id_at(tail) == message.id:
            return tail  # the power went after the append and before its reason was forgotten
        return self._mine.append(data)

    def follow(self, owner: str, cursors: CursorBook, limit: int) -> Iterator[Shared]:
        """Yield what is new in another's outbox, moving the cursor behind each entry once it was worked through."""
        return self.read_log(tree.outbox(owner), cursors, limit, sender=owner, channel=None)

    def read_log(
        self, path: str, cursors: CursorBook, limit: int, *, sender: str | None, channel: str | None
    ) -> Iterator[Shared]:
        """Yield the new entries of a log, in order. An entry that is gone for good comes as a fault.

        Args:
            path: which log.
            cursors: where this reader stands.
            limit: at most so many now.
            sender: who alone may write there, or None for anybody.
            channel: what the entries must say they were posted to.
        """
        log = Log(self._store, path)
        before = cursors.position(path)
        step = advance(before, log.after(before.at, limit), self._store.now())
        if step.lost and all(self._entry(log, path, n, sender, channel).fault for n in step.numbers[:_PROOF]):
            # Nothing behind the hole is a writer's own: it was planted there, and the log will go on before it.
            yield Shared(path, step.lost[0], None, "it is missing, and nothing genuine stands behind it")
            return
        for number in step.lost:
            yield Shared(path, number, None, "it was deleted; the rest of the log is read on")
        for number in step.numbers:
            yield self._entry(log, path, number, sender, channel)
            cursors.move(path, Position(at=number))
        if step.position != before:
            cursors.move(path, step.position)

    def _entry(self, log: Log, path: str, number: int, sender: str | None, channel: str | None) -> Shared:
        try:
            raw = log.read(number)
            if raw is None:
                return Shared(path, number, None, "it is listed and cannot be read")
            opened = self._opener.open(raw)
        except (MessageError, StoreDamagedError, StoreRefusedError, DocumentTooLargeError) as error:
            return Shared(path, number, None, str(error))
        return Shared(path, number, opened, self._fault(opened, sender, channel))

    def _fault(self, opened: Opened, sender: str | None, channel: str | None) -> str:
        message = opened.message
        if message.bus != self._authority.bus.bus or message.to or message.channel != channel:
            return "it was not made for this log"
        if sender is not None and message.sender != sender:
            return f"it was written by {message.sender} into the outbox of {sender}"
        if message.kind in self._authority.bus.policy.protected:
            return f"mail of the protected kind {message.kind} has no place in a log"
        if message.expired(self._store.now()):
            return f"it expired at {message.expires_at:%Y-%m-%d %H:%M} UTC"
        if not may_act(opened.trust, self._authority.bus.policy.trust):
            return f"its sender could not be proven: {opened.trust}"
        return ""

    def _id_at(self, number: int) -> str | None:
        try:
            raw = self._mine.read(number)
            return None if raw is None else Message.decode(split(raw).body).id
        except (MessageError, StoreDamagedError, DocumentTooLargeError):
            return None
