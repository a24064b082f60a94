"""A clock that stands still until it is turned."""

from datetime import UTC, datetime, timedelta


class HandClock:
    """A `Clock` for tests; `now` and `monotonic` move together, and only by hand."""

    def __init__(self, start: datetime = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)) -> None:
        self._now = start
        self._elapsed = 0.0

    def now(self) -> datetime:
        """Return the time it was turned to."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds it was advanced by."""
        return self._elapsed

    def advance(self, **span: float) -> None:
        """Turn it on, by the arguments of `timedelta`."""
        step = timedelta(**span)
        self._now += step
        self._elapsed += step.total_seconds()

    def put_back(self, **span: float) -> None:
        """Set the wall clock back, as an administrator or a battery does; the monotonic one goes on."""
        self._now -= timedelta(**span)
