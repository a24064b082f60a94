"""How far this agent has read each log: one sealed file on the bus that it alone replaces, and a copy at home.

The processes of one agent move their cursors at the same time, so a save joins what it finds with what it has: no
process takes back what another has read or subscribed to. A file that is damaged, or was put back, is made good from
the copy at home: nothing is announced twice, nothing is skipped.
"""

from collections.abc import Callable, Sequence
from typing import Final

from somabus.errors import DocumentTooLargeError, MessageError, StoreDamagedError
from somabus.model import tree
from somabus.model.cursor import Cursors, Position
from somabus.model.envelope import Seal, seal_body, split
from somabus.model.signing import Signer
from somabus.model.wire import parse_object
from somabus.store.port import Store

_COPY: Final = "cursors.json"
_PAUSE_S: Final = 0.01
_PATIENCE: Final = 500
"""So often a process looks whether another one has written its copy; one that is stuck is not waited for for ever."""


class CursorBook:
    """Loaded at the start of a step, saved at its end."""

    def __init__(self, store: Store, home: Store, me: str, signer: Signer, *, also: Sequence[bytes] = ()) -> None:
        self._store = store
        self._home = home
        self._me = me
        self._signer = signer
        self._keys = [signer.public_key, *also]
        self._saved = Cursors(agent=me)
        self._logs: dict[str, Position] = {}
        self._channels: dict[str, int] = {}
        self._judged: dict[str, tuple[bytes, Cursors | None]] = {}
        self.alerted: dict[str, str] = {}

    def load(self) -> None:
        """Read how far any process of this agent has come."""
        changed = self._now != self._saved
        there = self._there()
        found = self._found(there)
        if changed:
            self._take(self._now.joined(found))
        else:
            self._saved = there or Cursors(agent=self._me)  # what differs from it is mended by the next save
            self._take(found)

    def save(self) -> None:
        """Write what has changed, joined with what other processes of this agent have written meanwhile.

        One process at a time writes the copy at home, which has all that any of them knows. Power cut between the two
        writes: the copy at home is ahead, and counts; a second machine of this agent reads some entries again.
        """
        if self._now == self._saved:
            return
        there = self._there()
        for patience in range(_PATIENCE, -1, -1):
            with self._home.lock("cursors") as mine:  # for as long as the own disk takes; the drive may hang
                if mine or not patience:
                    now = self._now.joined(self._found(there))
                    self._home.replace(_COPY, now.to_json())
                    break
            self._home.wait("tmp", _PAUSE_S)  # another process writes what it has joined without this one's
        self._store.replace(tree.cursors(self._me), seal_body(now.to_json(), Seal.CURSORS, self._signer.sign))
        self._saved = now
        self._take(now)

    @property
    def _now(self) -> Cursors:
        return Cursors(agent=self._me, logs=self._logs, alerted=self.alerted, channels=self._channels)

    def position(self, log: str) -> Position:
        """Where this agent stands in a log."""
        return self._logs.get(log, Position())

    def move(self, log: str, position: Position) -> None:
        """Stand elsewhere."""
        self._logs[log] = self.position(log).moved(position)

    def wrote(self, log: str, number: int) -> None:
        """Take note that this agent wrote an entry itself: it is nothing to be read."""
        self._logs[log] = self.position(log).wrote(number)

    @property
    def subscribed(self) -> tuple[str, ...]:
        """The channels that this agent follows, sorted."""
        return self._now.subscribed

    def subscribe(self, channel: str, *, follow: bool) -> bool:
        """Follow a channel, or no more; tell whether that is a change."""
        if (channel in self.subscribed) == follow:
            return False
        self._channels[channel] = self._channels.get(channel, 0) + 1
        return True

    def _take(self, cursors: Cursors) -> None:
        self._logs, self._channels = dict(cursors.logs), dict(cursors.channels)
        self.alerted = dict(cursors.alerted)

    def _found(self, there: Cursors | None) -> Cursors:
        """Return what lies on the bus joined with the copy at home, as far as either can be read."""
        here = self._here()
        if there is None or here is None:
            return there or here or Cursors(agent=self._me)
        older = _alerts_read(here) > _alerts_read(there)  # the file on the bus was put back, its alerts with it
        return here.joined(there) if older else there.joined(here)

    def _there(self) -> Cursors | None:
        return self._opened(self._store, tree.cursors(self._me), self._unsealed)

    def _here(self) -> Cursors | None:
        return self._opened(self._home, _COPY, self._mine)

    def _opened(self, store: Store, key: str, judge: Callable[[bytes], Cursors | None]) -> Cursors | None:
        """Return what a copy says, or None if it cannot be used; one that has not changed is judged once."""
        try:
            raw = store.read(key)
            if raw is None:
                return None
            known = self._judged.get(key)
            if known is None or known[0] != raw:
                known = self._judged[key] = (raw, judge(raw))
            return known[1]
        except (MessageError, StoreDamagedError, DocumentTooLargeError):
            return None

    def _unsealed(self, raw: bytes) -> Cursors | None:
        """Take what this agent has sealed, or whoever can write the file could make it skip what it has not read."""
        envelope = split(raw)
        return self._mine(envelope.body) if any(envelope.verified_by(k, Seal.CURSORS) for k in self._keys) else None

    def _mine(self, body: bytes) -> Cursors | None:
        found = Cursors.from_object(parse_object(body))
        return found if found.agent == self._me else None


def _alerts_read(cursors: Cursors) -> int:
    return cursors.logs.get(tree.ALERTS, Position()).at
