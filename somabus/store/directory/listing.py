"""Listing a folder; one in which nothing came, went or was replaced since is not read a second time.

The change time of a folder moves with every name in it, and no program can set it (POSIX, stat(2)). Three things must
hold before it is believed. The drive is this machine's alone: a network client shows times that are seconds old, and
answers a listing from the same memory anyway. The time was older than a tick of the drive's clock when the folder was
read: a name that comes within the tick of the last one moves nothing. And it is finer than a second: after a clock
was put back, a name could otherwise come in the same second once more.
"""

import os
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from operator import attrgetter
from typing import Final

from somabus.store.directory.mount import mount_of
from somabus.store.port import is_part

_TICK_NS: Final = 100_000_000  # the kernel's clock for files stands still for up to 10 ms
_SECOND_NS: Final = 1_000_000_000
_NOWHERE: Final = -1
_MANY_NAMES: Final = 2_000
_ALL_NAMES: Final = 50_000
_AT_ONCE: Final = 4_000
_LARGE_BYTES: Final = 2 * 1024 * 1024
"""A folder of this size has tens of thousands of names, or had them: too many to hold where few are asked for."""


class Listings:
    """Lists the folders of one tree, and remembers small ones."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._device: int | None = None
        self._known: dict[str, tuple[int, int, list[str]]] = {}
        self._held = 0

    def names(self, path: str, after: str, limit: int | None = None) -> list[str]:
        """Return the names in a folder that may be parts of keys, sorted, those greater than `after`, at most `limit`.

        Raises:
            OSError: it could not be looked into.
        """
        if limit is not None and path not in self._known and os.stat(path).st_size > _LARGE_BYTES:
            return _first(path, after, limit)
        names, parts = self._names(path)
        start = bisect_right(names, after) if after else 0
        if parts:
            return names[start : None if limit is None else start + limit]
        return list(islice(filter(is_part, islice(names, start, None)), limit))

    def _names(self, path: str) -> tuple[list[str], bool]:
        """Return what is in a folder, sorted, and whether all of it is known to be parts of keys."""
        if self._device is None:
            self._device = os.stat(self._root).st_dev if mount_of(self._root).dated else _NOWHERE
        if self._device == _NOWHERE:
            return sorted(os.listdir(path)), False
        now = time.time_ns()
        found = os.stat(path)
        known = self._known.get(path)
        if known is not None and known[0] == found.st_ctime_ns and known[1] == found.st_ino:
            return known[2], True
        names = sorted(os.listdir(path))
        stood = now - found.st_ctime_ns > _TICK_NS and found.st_ctime_ns % _SECOND_NS != 0
        if stood and found.st_dev == self._device and len(names) <= _MANY_NAMES:
            names = list(filter(is_part, names))
            self._keep(path, found, names)
            return names, True
        return names, False

    def _keep(self, path: str, found: os.stat_result, names: list[str]) -> None:
        if self._held > _ALL_NAMES:
            self._known.clear()
            self._held = 0
        self._known[path] = found.st_ctime_ns, found.st_ino, names
        self._held += len(names) + 1


def _first(path: str, after: str, limit: int) -> list[str]:
    """Return the first names that may be parts of keys; each name is judged only where some of the first may not."""
    if limit < 1:
        return []
    names = _smallest(path, after, limit, iter)
    return names if all(map(is_part, names)) else _smallest(path, after, limit, partial(filter, is_part))


def _smallest(path: str, after: str, limit: int, judged: Callable[[Iterator[str]], Iterator[str]]) -> list[str]:
    """Read a folder and keep hardly more names than are asked for."""
    names: list[str] = []
    with os.scandir(path) as entries:
        others = judged(filter(after.__lt__, map(attrgetter("name"), entries)))
        while several := list(islice(others, _AT_ONCE)):
            names += filter(names[-1].__gt__, several) if len(names) == limit else several
            names.sort()
            del names[limit:]
    return names
