"""Machines: where each of them stands, what its clock says, and when its scheduler fires."""

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

LOCAL_HOURS = (0, 6, 12, 18)


@dataclass(frozen=True)
class Machine:
    """One machine. Its scheduler fires every six hours by the wall clock of its zone, as its own clock has it.

    `errors`: from when on, by the drive's clock, its clock is ahead by how much; in order, none is right.
    """

    name: str
    zone: str = "UTC"
    errors: tuple[tuple[datetime, timedelta], ...] = field(default=(), repr=False)

    def error(self, at):
        """Return how far its clock is ahead at a moment of the drive's."""
        place = bisect_right([since for since, _ in self.errors], at)
        return self.errors[place - 1][1] if place else timedelta(0)

    def fires(self, start, days, stagger):
        """Yield when its scheduler fires, by the drive's clock and in order.

        A clock that is set forward past a firing skips it, one that is set back fires it a second time.
        """
        end = start + timedelta(days=days)
        marks = [
            (datetime.min.replace(tzinfo=UTC), timedelta(0)),
            *self.errors,
            (datetime.max.replace(tzinfo=UTC), None),
        ]
        walls = list(self._walls(start, days, stagger))
        for (since, ahead), (until, _) in pairwise(marks):
            for wall in walls:
                if max(since, start) <= wall - ahead < min(until, end):
                    yield wall - ahead

    def _walls(self, start, days, stagger):
        """Yield the local times of firing, in UTC, with some days to spare for clocks that are wrong."""
        zone = ZoneInfo(self.zone)
        for day in range(-2, days + 2):
            date = (start + timedelta(days=day)).date()
            for hour in LOCAL_HOURS:
                local = datetime.combine(date, time(hour), zone) + stagger  # wall-clock arithmetic, as cron does it
                yield local.astimezone(UTC)


@dataclass(frozen=True)
class MachineClock:
    """The clock of one machine, beside the drive's, which is turned by hand."""

    drive: object
    machine: Machine

    def now(self):
        """Return what this machine takes for the time."""
        return self.drive.now() + self.machine.error(self.drive.now())

    def monotonic(self):
        """Return seconds that never go back."""
        return self.drive.monotonic()


def park(start, dice):
    """Return machines in zones with summer time, one that is hours off for a month, and one whose clock jumps."""
    day = timedelta(days=1)
    astray = (
        (start, timedelta(minutes=7)),
        (start + 90 * day, -timedelta(hours=2)),
        (start + 120 * day, timedelta(minutes=7)),
    )
    jumps = tuple((start + n * 5 * day, timedelta(minutes=dice.randint(-40, 40))) for n in range(73))
    return (
        Machine("berlin", "Europe/Berlin"),
        Machine("new york", "America/New_York", ((start, timedelta(minutes=3)),)),
        Machine("utc"),
        Machine("astray", "UTC", astray),
        Machine("jumping", "UTC", jumps),
        Machine("london", "Europe/London"),
    )
