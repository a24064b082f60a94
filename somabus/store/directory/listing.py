"""Listing a folder; one in which nothing came, went or was replaced since is not read a second time.

The change time of a folder moves with every name in it, and nobody can set it (POSIX, stat(2)). Two things must hold
before it is believed. The drive is this machine's alone: a network client shows times that are seconds old, and
answers a listing from the same memory anyway. And the time was older than a tick of the drive's clock when the folder
was read: a name that comes within the tick of the last one moves nothing.
"""

import os
import time
from bisect import bisect_right
from typing import Final

from somabus.store.directory.mount import mount_of
from somabus.store.port import is_ours, is_part

_TICK_NS: Final = 100_000_000  # the kernel's clock for files stands still for up to 10 ms
_COARSE_TICK_NS: Final = 2_000_000_000  # where times are kept in whole seconds, or in pairs of them
_SECOND_NS: Final = 1_000_000_000
_NOWHERE: Final = -1
_MANY_NAMES: Final = 2_000
_MANY_FOLDERS: Final = 500


class Listings:
    """Lists the folders of one tree, and remembers small ones."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._device: int | None = None
        self._known: dict[str, tuple[int, int, list[str]]] = {}

    def names(self, path: str, after: str) -> list[str]:
        """Return the names in a folder that may be parts of keys, sorted, those greater than `after`.

        Raises:
            OSError: it could not be looked into.
        """
        names = self._names(path)
        return names[bisect_right(names, after) :] if after else names[:]

    def _names(self, path: str) -> list[str]:
        if self._device is None:
            self._device = os.stat(self._root).st_dev if mount_of(self._root).dated else _NOWHERE
        if self._device == _NOWHERE:
            return _read(path)
        now = time.time_ns()
        found = os.stat(path)
        known = self._known.get(path)
        if known is not None and known[0] == found.st_ctime_ns and known[1] == found.st_ino:
            return known[2]
        names = _read(path)
        tick = _TICK_NS if found.st_ctime_ns % _SECOND_NS else _COARSE_TICK_NS
        if now - found.st_ctime_ns > tick and found.st_dev == self._device and len(names) <= _MANY_NAMES:
            if len(self._known) >= _MANY_FOLDERS:
                self._known.clear()
            self._known[path] = found.st_ctime_ns, found.st_ino, names
        return names


def _read(path: str) -> list[str]:
    # Most names of a backlog of a hundred thousand are told at a glance.
    names = [name for name in os.listdir(path) if is_ours(name) or is_part(name)]
    names.sort()
    return names
