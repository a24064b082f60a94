"""Who has read how far: nothing that somebody has not read is dropped from a log.

An agent that has not beaten for as long as archives are kept holds nothing up any more; when it comes back, it reads
on at what is there and is told what it has missed.
"""

from datetime import datetime
from typing import Final

from somabus.errors import DocumentTooLargeError, MessageError, StoreDamagedError, StoreRefusedError
from somabus.identity import Identities
from somabus.model import tree
from somabus.model.cursor import Cursors, Position
from somabus.model.envelope import Seal, split
from somabus.model.retention import Retention
from somabus.model.wire import parse_object
from somabus.peer import Peer
from somabus.registry import Registry
from somabus.store.port import Store

NOBODY: Final = 2**62
_NAME: Final = "cursors.json"


class Readers:
    """Reads the cursors of all agents once a sweep."""

    def __init__(self, store: Store, registry: Registry, identities: Identities, rule: Retention) -> None:
        self._store = store
        self._registry = registry
        self._identities = identities
        self._rule = rule
        self._found: dict[str, Cursors | None] | None = None

    def floor(self, log: str, *, but: str = "", channel: str = "") -> int:
        """Return the lowest number of a log that some reader has not read.

        Args:
            log: which.
            but: whose own log it is; it reads there nothing.
            channel: whose followers alone are asked; all agents if empty.
        """
        floors = [self._first_unread(each, log, channel) for name, each in self._all().items() if name != but]
        return min(floors, default=NOBODY)

    def _first_unread(self, reader: Cursors | None, log: str, channel: str) -> int:
        """Return the first number that a reader has not read; 1 where nobody can tell how far it has come."""
        if reader is None:
            return 1
        if channel and channel not in reader.subscribed:
            return NOBODY
        return reader.logs.get(log, Position()).at + 1

    def _all(self) -> dict[str, Cursors | None]:
        if self._found is None:
            oldest = self._store.now() - self._rule.span("logs")
            peers = [self._registry.peer(name) for name in sorted(self._registry.names())]
            self._found = {peer.name: self._cursors(peer.name) for peer in peers if self._lives(peer, oldest)}
        return self._found

    def _lives(self, peer: Peer, oldest: datetime) -> bool:
        """Tell whether somebody is behind a name, and was there lately; a folder alone is nobody.

        Whose heartbeat or card cannot be read may live: a known key, or the time of joining, speaks for it.
        """
        if peer.card is None:
            return self._identities.pinned(peer.name) is not None
        return (peer.last_seen or peer.card.joined_at) > oldest

    def _cursors(self, name: str) -> Cursors | None:
        """Return what an agent itself has written down; None if there is something that cannot be read or proven."""
        try:
            if _NAME not in self._store.list(f"{tree.REGISTRY}/{name}"):
                return Cursors(agent=name)  # it has never read anything
            raw = self._store.read(tree.cursors(name), listed=True)
            envelope = split(raw or b"")
            if self._identities.signed_by(name, envelope, Seal.CURSORS):
                found = Cursors.from_object(parse_object(envelope.body))
                return found if found.agent == name else None
        except (MessageError, StoreDamagedError, StoreRefusedError, DocumentTooLargeError):
            pass
        return None
