"""The outbox: what an agent shares with everybody, and the following of others' outboxes.

One write, however many follow: every follower keeps its own cursor.
"""

from collections.abc import Iterator

from somabus.cursors import CursorBook
from somabus.errors import DocumentTooLargeError, MessageError, StoreDamagedError
from somabus.log import Log
from somabus.model import tree
from somabus.model.envelope import split
from somabus.model.message import Message
from somabus.reader import Entry, Reader, Writers
from somabus.store.port import Store


class Outbox:
    """Shares on behalf of one agent, and follows the others."""

    def __init__(self, store: Store, me: str, reader: Reader) -> None:
        self._store = store
        self._me = me
        self._reader = reader
        self._mine = Log(store, tree.outbox(me))

    def share(self, data: bytes) -> int:
        """Append to the agent's own outbox and return the number."""
        return self._mine.append(data, self._genuine)

    def share_once(self, message: Message, data: bytes) -> int:
        """Append what may have been appended before; the entry that is last already is not repeated."""
        last = self._mine.last(self._genuine)
        if last and self._id_at(last) == message.id:
            return last  # the power went after the append and before its reason was forgotten
        return self.share(data)

    def follow(self, owner: str, cursors: CursorBook, limit: int) -> Iterator[Entry]:
        """Yield what is new in another's outbox, moving the cursor behind each entry once it was worked through."""
        return self._reader.follow(Log(self._store, tree.outbox(owner)), cursors, limit, Writers(owner, None))

    def _genuine(self, number: int) -> bool:
        return self._reader.genuine(self._mine, number, Writers(self._me, None))

    def _id_at(self, number: int) -> str | None:
        try:
            raw = self._mine.read(number)
            return None if raw is None else Message.decode(split(raw).body).id
        except (MessageError, StoreDamagedError, DocumentTooLargeError):
            return None
