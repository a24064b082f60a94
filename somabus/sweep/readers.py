"""Who has read how far: nothing that somebody has not read is dropped from a log.

An agent that has not beaten for as long as archives are kept holds nothing up any more; when it comes back, it reads
on at what is there and is told what it has missed.
"""

from somabus.errors import DocumentTooLargeError, MessageError, StoreDamagedError
from somabus.identity import Identities
from somabus.model import tree
from somabus.model.cursor import Cursors, Position
from somabus.model.envelope import Seal, split
from somabus.model.retention import Retention
from somabus.model.wire import parse_object
from somabus.registry import Registry
from somabus.store.port import Store

NOBODY: int = 2**62


class Readers:
    """Reads the cursors of all agents once a sweep."""

    def __init__(self, store: Store, registry: Registry, identities: Identities, rule: Retention) -> None:
        self._store = store
        self._registry = registry
        self._identities = identities
        self._rule = rule
        self._found: dict[str, Cursors] | None = None

    def floor(self, log: str, *, but: str = "", channel: str = "") -> int:
        """Return the lowest number of a log that some reader has not read.

        Args:
            log: which.
            but: whose own log it is; it reads there nothing.
            channel: whose followers alone are asked; all agents if empty.
        """
        readers = [
            each for name, each in self._all().items() if name != but and (not channel or channel in each.subscribed)
        ]
        return min((each.logs.get(log, Position()).at + 1 for each in readers), default=NOBODY)

    def _all(self) -> dict[str, Cursors]:
        if self._found is None:
            oldest = self._store.now() - self._rule.span("logs")
            peers = (self._registry.peer(name) for name in sorted(self._registry.names()))
            living = [peer.name for peer in peers if peer.last_seen is None or peer.last_seen > oldest]
            self._found = {name: self._cursors(name) for name in living}
        return self._found

    def _cursors(self, name: str) -> Cursors:
        """Return what an agent itself has written down; what cannot be read, or is not its own, has read nothing."""
        try:
            raw = self._store.read(tree.cursors(name))
            envelope = None if raw is None else split(raw)
            if envelope is not None and self._identities.signed_by(name, envelope, Seal.CURSORS):
                found = Cursors.from_object(parse_object(envelope.body))
                if found.agent == name:
                    return found
        except (MessageError, StoreDamagedError, DocumentTooLargeError):
            pass
        return Cursors(agent=name)
