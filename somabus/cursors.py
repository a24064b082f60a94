"""How far this agent has read each log, kept on the bus in one sealed file that it alone replaces."""

import contextlib
from collections.abc import Sequence

from somabus.errors import DocumentTooLargeError, MessageError, StoreDamagedError
from somabus.model import tree
from somabus.model.cursor import Cursors, Position
from somabus.model.envelope import Seal, seal_body, split
from somabus.model.signing import Signer
from somabus.model.wire import parse_object
from somabus.store.port import Store


class CursorBook:
    """Loaded at the start of a step, saved at its end.

    A file that is damaged is begun anew: entries come twice, none is skipped.
    """

    def __init__(self, store: Store, me: str, signer: Signer, *, also: Sequence[bytes] = ()) -> None:
        self._store = store
        self._me = me
        self._signer = signer
        self._keys = [signer.public_key, *also]
        self._saved = Cursors(agent=me)
        self._logs: dict[str, Position] = {}
        self.alerted: dict[str, str] = {}

    def load(self) -> None:
        """Read the positions, unless some have moved and are not saved yet."""
        if self._now != self._saved:
            return
        self._saved = Cursors(agent=self._me)
        with contextlib.suppress(MessageError, StoreDamagedError, DocumentTooLargeError):
            raw = self._store.read(tree.cursors(self._me))
            # Sealed, or whoever can write the file could make this reader skip what it has not read.
            if raw is not None and any(split(raw).verified_by(key, Seal.CURSORS) for key in self._keys):
                found = Cursors.from_object(parse_object(split(raw).body))
                self._saved = found if found.agent == self._me else self._saved
        self._logs = dict(self._saved.logs)
        self.alerted = dict(self._saved.alerted)

    def save(self) -> None:
        """Write the positions, if any has changed."""
        now = self._now
        if now != self._saved:
            sealed = seal_body(now.to_json(), Seal.CURSORS, self._signer.sign)
            self._store.replace(tree.cursors(self._me), sealed)
            self._saved = now

    @property
    def _now(self) -> Cursors:
        return Cursors(agent=self._me, logs=self._logs, alerted=self.alerted)

    def position(self, log: str) -> Position:
        """Where this agent stands in a log."""
        return self._logs.get(log, Position())

    def move(self, log: str, position: Position) -> None:
        """Stand elsewhere."""
        self._logs[log] = position
