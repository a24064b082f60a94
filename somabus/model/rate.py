"""How much an agent may send to one place: a bucket that is refilled all the time (a token bucket, RFC 2697)."""

from datetime import datetime, timedelta
from typing import NamedTuple

_HOUR_S = 3600.0


class Bucket(NamedTuple):
    """What was left at a moment."""

    left: float
    at: datetime

    def refilled(self, per_hour: int, now: datetime) -> "Bucket":
        """Return what is left now; a clock that was put back refills nothing and takes nothing."""
        passed = max(0.0, (now - self.at).total_seconds())
        return Bucket(min(float(per_hour), self.left + passed * per_hour / _HOUR_S), now)

    def spent(self, count: int) -> "Bucket":
        """Return what is left after so many; below zero where two processes spent the same."""
        return Bucket(self.left - count, self.at)

    def again_at(self, per_hour: int) -> datetime:
        """Return the moment from which one more may go out."""
        return self.at + timedelta(seconds=max(0.0, 1 - self.left) * _HOUR_S / per_hour)
