"""The drive of the year, and what may happen to it and to those who use it."""

import os

from somabus.errors import StoreUnavailableError
from somabus.store.directory import DirectoryStore
from somabus.testing import Fuse, StoppingStore


class Drive:
    """A store that can be away: then every verb says that it could not look."""

    def __init__(self, store):
        self._store = store
        self.away = False

    def __getattr__(self, verb):
        """Hand on a verb."""
        if self.away:
            raise StoreUnavailableError("the drive", "away for a day")
        return getattr(self._store, verb)


class Process:
    """The two stores of one process, on one fuse: it dies with an operation on either."""

    def __init__(self, drive, home):
        self.fuse = Fuse()
        self.drive = StoppingStore(drive, self.fuse)
        self.home = StoppingStore(home, self.fuse)

    def die_within(self, steps, dice):
        """Die at one of the next operations."""
        self.fuse.at = self.fuse.steps + dice.randint(1, max(1, steps))

    def live(self):
        """Live on."""
        self.fuse.at = 0


def folders(store):
    """Return how many entries each folder of a store has."""
    if isinstance(store, DirectoryStore):
        return {
            os.path.relpath(folder, store.root).replace(os.sep, "/"): len(inside) + len(files)
            for folder, inside, files in os.walk(store.root)
        }
    return {folder: len(names) for folder, names in store._folders.items()}
