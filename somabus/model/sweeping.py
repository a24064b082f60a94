"""What an agent remembers of its sweeps, on its machine."""

from datetime import datetime, timedelta
from typing import Final, Literal

from pydantic import Field

from somabus.model.message import Utc, Value

EVERY: Final = timedelta(days=1)


class Sweeping(Value):
    """The file at home.

    `swept`: when each area was last gone through to its end. `mark`: where the records of keys were left. `debris`,
    `debris_at_home` and `sessions`: since when each name has been seen as it is. `days`: what the handled mail of each
    day weighs. `weights`: what each part of the bus weighs, in bytes, and `weighed` where weighing was left.
    """

    format: Literal[1] = 1
    swept: dict[str, Utc] = Field(default_factory=dict)
    mark: str = ""
    debris: dict[str, Utc] = Field(default_factory=dict)
    debris_at_home: dict[str, Utc] = Field(default_factory=dict)
    sessions: dict[str, Utc] = Field(default_factory=dict)
    days: dict[str, int] = Field(default_factory=dict)
    weights: dict[str, int] = Field(default_factory=dict)
    weighed: str = ""

    def due(self, area: str, now: datetime) -> bool:
        """Tell whether an area is to be gone through again; a time from the future is none."""
        at = self.swept.get(area)
        return at is None or not timedelta(0) <= now - at < EVERY
