"""Debris under tmp/, of the bus and of an agent's home: what a dead writer left. No writer takes two days over a file.

The time of a file is its writer's clock on some drives, so a name is looked at twice: what this machine still sees
two days, by the drive's clock, after it saw it first is debris. A writer that wakes up then finds its file gone,
fails loudly and has acknowledged nothing.
"""

from datetime import datetime, timedelta
from typing import Final

from somabus.errors import StoreDamagedError
from somabus.store.port import Store
from somabus.sweep.area import Allowance, Swept

OLD: Final = timedelta(days=2)
_TMP: Final = "tmp"
_LOCKS: Final = "locks"


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
        names = _inside(store, f"{_TMP}/{writer}")
        for path in [f"{writer}/{name}" for name in names] or [writer]:
            first = min(seen.get(path, now), now)
            if now - first < OLD or not allowance.take():
                found[path] = first
                continue
            if path != writer:
                _remove(store, f"{_TMP}/{path}")
                dropped += 1
            store.prune(f"{_TMP}/{writer}")
    return Swept(area, dropped, done=not allowance.spent), found


def _inside(store: Store, folder: str) -> list[str]:
    try:
        return store.list(folder)
    except StoreDamagedError:
        return []  # a file of a stranger, right under tmp/: not ours to remove


def _remove(store: Store, path: str) -> None:
    try:
        store.delete(path)
    except StoreDamagedError:
        store.prune(path)  # a folder that was to become an entry of a drive without hard links
