"""The budget: how much room the bus takes, and an alert before there is none left."""

from typing import Final, NamedTuple

from somabus.alerts import Alerts
from somabus.errors import StoreDamagedError
from somabus.store.port import Store
from somabus.sweep.area import Allowance

COMPONENT: Final = "disk"
_WARN: Final = 0.8
_SHARED_OUT: Final = frozenset(["messages", "channels"])


def weigh(store: Store, known: dict[str, int], mark: str, allowance: Allowance) -> tuple[dict[str, int], str]:
    """Weigh the parts of the bus behind a mark, as many as are allowed.

    Returns:
        What each part weighs, those that were weighed before included, and the mark to go on behind; empty at the end.
    """
    parts = sorted(part for folder in store.list("") for part in _parts(store, folder))
    weights = {part: weight for part, weight in known.items() if part in parts}
    for part in parts:
        if part > mark:
            if allowance.spent:
                return weights, mark
            weights[part] = store.weigh(part)
            mark = part
    return weights, ""


def _parts(store: Store, folder: str) -> list[str]:
    """Share a folder out where its parts may be many and large."""
    try:
        return [f"{folder}/{name}" for name in store.list(folder)] if folder in _SHARED_OUT else [folder]
    except StoreDamagedError:
        return []


class Fill(NamedTuple):
    """How full the bus is: what its documents weigh, and what they may; 0 where no budget is set."""

    weight: int
    budget: int

    @property
    def level(self) -> str:
        """`ok`, `warning` from four fifths on, `error` when it is full."""
        if not self.budget or self.weight < self.budget * _WARN:
            return "ok"
        return "error" if self.weight >= self.budget else "warning"

    def __str__(self) -> str:
        if not self.budget:
            return f"{_size(self.weight)}, no budget"
        return f"{_size(self.weight)} of {_size(self.budget)}"


def watch(fill: Fill, alerts: Alerts) -> bool:
    """Raise an alert once for each level that the bus reaches; tell whether one was raised now."""
    if fill.level == "ok":
        alerts.end_episodes([COMPONENT], "room")
        return False
    passed = fill.budget * (_WARN if fill.level == "warning" else 1)
    detail = f"the bus takes over {_size(passed)} of its {_size(fill.budget)}; see what stays: somabus sweep --rehearse"
    return alerts.raise_once(COMPONENT, f"room: {fill.level}", fill.level, detail)


def _size(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024:  # noqa: PLR2004 - the step between two units
            whole = f"{count:,.0f} {unit}" if count != 1 else "1 byte"
            return whole if unit == "bytes" else f"{count:,.1f} {unit}"
        count /= 1024
    return f"{count:,.1f} TiB"
