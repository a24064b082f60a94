"""The spool: outgoing mail on this machine's own disk, for as long as the drive is away.

The next beat delivers it under the id and the name that it was given here; a delivery that is cut off is repeated
and meets its own work.
"""

from typing import Literal

from somabus.errors import DocumentTooLargeError, MessageError, StoreDamagedError
from somabus.model.message import Id, Name, Value
from somabus.model.wire import parse_object
from somabus.store.port import Store


class SpoolEntry(Value):
    """One message that waits for the drive: where it goes, its sealed bytes, and where its `key=` is recorded."""

    format: Literal[1] = 1
    id: Id
    to: Name
    key: str
    document: str
    sent_key: str | None = None


class Spool:
    """Outgoing mail in a store of the agent's own."""

    def __init__(self, home: Store) -> None:
        self._home = home

    def keep(self, entry: SpoolEntry) -> str:
        """Keep a sealed message on this machine's disk; return the id that counts, an earlier one of the same key."""
        for earlier in self.entries() if entry.sent_key else ():
            if earlier.sent_key == entry.sent_key:
                return earlier.id
        self._home.replace(_key(entry.id), entry.to_json())
        return entry.id

    def entries(self) -> list[SpoolEntry]:
        """Return what waits, oldest first."""
        return [entry for name in self._home.list("spool") if (entry := self._entry(name)) is not None]

    def _entry(self, name: str) -> SpoolEntry | None:
        """Read one entry; what cannot be read is set aside, so that it does not hold up the others."""
        try:
            raw = self._home.read(f"spool/{name}")
            return None if raw is None else SpoolEntry.from_object(parse_object(raw))
        except (MessageError, StoreDamagedError, DocumentTooLargeError):
            self._home.move(f"spool/{name}", f"refused/{name}")
            return None

    def count(self) -> int:
        """Count what waits."""
        return len(self._home.list("spool"))

    def holds(self, message_id: str) -> bool:
        """Tell whether a message waits here."""
        return self._home.read(_key(message_id)) is not None

    def remove(self, message_id: str) -> None:
        """Forget a message that was delivered."""
        self._home.delete(_key(message_id))

    def refuse(self, message_id: str) -> None:
        """Set a message aside that cannot be delivered; it stays on this machine."""
        self._home.move(_key(message_id), f"refused/{message_id}.json")


def _key(message_id: str) -> str:
    return f"spool/{message_id}.json"
