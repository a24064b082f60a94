"""How far this agent has read each log, kept on the bus in one file that it alone replaces."""

import contextlib

from somabus.errors import MessageError
from somabus.model import tree
from somabus.model.cursor import Cursors, Position
from somabus.model.wire import parse_object
from somabus.store.port import Store


class CursorBook:
    """Loaded at the start of a step, saved at its end.

    A file that is damaged is begun anew: entries come twice, none is skipped.
    """

    def __init__(self, store: Store, me: str) -> None:
        self._store = store
        self._me = me
        self._saved = Cursors(agent=me)
        self._logs: dict[str, Position] = {}
        self.alerted: dict[str, str] = {}

    def load(self) -> None:
        """Read the positions."""
        raw = self._store.read(tree.cursors(self._me))
        self._saved = Cursors(agent=self._me)
        if raw is not None:
            with contextlib.suppress(MessageError):
                self._saved = Cursors.from_object(parse_object(raw))
        self._logs = dict(self._saved.logs)
        self.alerted = dict(self._saved.alerted)

    def save(self) -> None:
        """Write the positions, if any has changed."""
        now = Cursors(agent=self._me, logs=self._logs, alerted=self.alerted)
        if now != self._saved:
            self._store.replace(tree.cursors(self._me), now.to_json())
            self._saved = now

    def position(self, log: str) -> Position:
        """Where this agent stands in a log."""
        return self._logs.get(log, Position())

    def move(self, log: str, position: Position) -> None:
        """Stand elsewhere."""
        self._logs[log] = position
