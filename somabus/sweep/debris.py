"""Debris under tmp/, of the bus and of an agent's home: what a dead writer left. No writer takes two days over a file.

The time of a file is its writer's clock on some drives, so a name is looked at twice: what this machine still sees
two days, by the drive's clock, after it saw it first is debris. A writer that wakes up then finds its file gone,
fails loudly and has acknowledged nothing.
"""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from somabus.errors import StoreDamagedError, StoreRefusedError
from somabus.store.port import Store
from somabus.sweep.area import Allowance, Swept

OLD: Final = timedelta(days=2)
_TMP: Final = "tmp"
_LOCKS: Final = "locks"
_DEEP: Final = 3
_MOST: Final = 5000


def sweep_debris(
    area: str, store: Store, seen: dict[str, datetime], now: datetime, allowance: Allowance
) -> tuple[Swept, dict[str, datetime]]:
    """Remove debris; return what became of it, and when each name that is there now was seen first.

    Args:
        area: what to call it.
        store: where.
        seen: the same of the step before.
        now: by the drive's clock.
        allowance: what may be done in this step.
    """
    found, dropped = dict[str, datetime](), 0
    for writer in store.list(_TMP):
        if writer == _LOCKS:
            continue
        for path in [*_inside(store, f"{_TMP}/{writer}"), f"{_TMP}/{writer}"]:
            first = min(seen.get(path, now), now)
            if now - first >= OLD and allowance.take():
                dropped += _remove(store, path)
            elif len(found) < _MOST:
                found[path] = first
    return Swept(area, dropped, done=not allowance.spent), found


def _inside(store: Store, folder: str, depth: int = 0) -> list[str]:
    """Return what lies in a folder, the deepest first."""
    try:
        below = [f"{folder}/{name}" for name in store.list(folder)]
    except StoreDamagedError:
        return []  # it is a file
    return [path for each in below for path in ([*_inside(store, each, depth + 1), each] if depth < _DEEP else [each])]


def _remove(store: Store, path: str) -> bool:
    """Remove a file, or a folder if it is empty; a folder in which something comes to be stays."""
    with suppress(StoreDamagedError, StoreRefusedError):
        store.delete(path)
        return True
    store.prune(path)
    return False
