"""The budget: how much room the bus takes, and an alert before there is none left."""

from typing import Final, NamedTuple

from somabus.alerts import Alerts
from somabus.model.retention import Retention

COMPONENT: Final = "disk"
_WARN: Final = 0.8


class Fill(NamedTuple):
    """How full the bus is: what its documents weigh, and what they may; `None` where no budget is set."""

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


def watch(fill: Fill, rule: Retention, alerts: Alerts) -> bool:
    """Raise an alert once for each level that the bus reaches; tell whether one was raised now."""
    if fill.level == "ok":
        alerts.end_episodes(COMPONENT, "room")
        return False
    detail = (
        f"the bus takes over {rule.budget_bytes * _WARN if fill.level == 'warning' else rule.budget_bytes:,.0f} bytes; "
        "look what stays with: somabus sweep"
    )
    return alerts.raise_once(COMPONENT, f"room: {fill.level}", fill.level, detail)


def _size(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024:  # noqa: PLR2004 - the step between two units
            return f"{count:,.0f} {unit}" if unit == "bytes" else f"{count:,.1f} {unit}"
        count /= 1024
    return f"{count:,.1f} TiB"
