"""The drive of the year, and what may happen to it and to those who use it."""

import os

from somabus.errors import StoreUnavailableError
from somabus.store.directory import DirectoryStore
from somabus.testing import Fuse, StoppingStore

_VERBS = ("read", "create", "create_many", "replace", "move", "delete", "list", "weigh", "prune", "lock", "now")


class Switch:
    """Whether the drive is away, for everybody."""

    away = False

    def look(self):
        """Say that nobody could look, while it is away."""
        if self.away:
            raise StoreUnavailableError("the drive", "away for a day")


class _Step(Fuse):
    """A step on the way to the drive: of the process that takes it, and of the switch."""

    def __init__(self, fuse, switch):
        super().__init__()
        self._fuse, self._switch = fuse, switch

    def step(self):
        self._fuse.step()
        self._switch.look()


class Line(StoppingStore):
    """The way of one process to the drive; while that is away, it says so and does nothing."""

    def __init__(self, store, fuse, switch):
        super().__init__(store, _Step(fuse, switch))
        self._switch = switch

    def now(self):
        """See `Store.now`; a drive that is away has no time."""
        self._switch.look()
        return super().now()


class Process:
    """The two stores of one process, on one fuse: it dies with an operation on either."""

    def __init__(self, drive, home, switch):
        self._fuse = Fuse()
        self.drive, self.home = Line(drive, self._fuse, switch), StoppingStore(home, self._fuse)
        self._ways = ((self.drive, drive), (self.home, home))

    def begin(self, *, dies_at=0, away=False):
        """Begin a beat: die at a step of it, find the drive away, or, the short way, neither."""
        self._fuse.at = self._fuse.steps + dies_at if dies_at else 0
        for line, store in self._ways:
            for verb in _VERBS:
                line.__dict__.pop(verb, None)
                if not (dies_at or away):
                    setattr(line, verb, getattr(store, verb))


def folders(store):
    """Return how many entries each folder of a store has."""
    if isinstance(store, DirectoryStore):
        return {
            os.path.relpath(folder, store.root).replace(os.sep, "/"): len(inside) + len(files)
            for folder, inside, files in os.walk(store.root)
        }
    return {folder: len(names) for folder, names in store._folders.items()}
