"""The times of day at which a scheduler must fire so that no slot is missed.

Schedulers differ in what they know: cron and launchd the machine's wall clock alone, none of them a grid since 1970,
each its own rule for the hour that is skipped. So all of them fire at a few times of every day, and a beat whose slot
was served ends quietly. Fired too often is harmless; a slot without a firing is not.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from math import gcd
from typing import Final

from somabus.model.schedule import Schedule

DAY: Final = 24 * 60
_DAYS: Final = 400
_MINUTE: Final = timedelta(minutes=1)

Wall = Callable[[datetime], datetime]
"""What a clock shows at a moment."""


def utc(at: datetime) -> datetime:
    """Show UTC."""
    return at.astimezone(UTC)


def here(at: datetime) -> datetime:
    """Show the time of this machine."""
    return at.astimezone()


def times_of_day(schedule: Schedule, wall: Wall, now: datetime) -> frozenset[int]:
    """Return minutes of the day: whatever slot comes, in every offset of the coming year, the clock shows one then."""
    daily = _daily(schedule)
    found: set[int] = set()
    for begin, end in _windows(daily.zone, wall, now):
        found |= {_minute(wall(slot)) for slot in _slots(daily, begin, end)}
        if len(found) == DAY:
            break
    return frozenset(found)


def hours_and_minutes(times: Iterable[int]) -> tuple[list[int], list[int]]:
    """Return the hours and the minutes that cover all times, for schedulers that combine each with each."""
    return sorted({each // 60 for each in times}), sorted({each % 60 for each in times})


def _daily(schedule: Schedule) -> Schedule:
    """Return a schedule that is the same every day, and has a slot wherever this one may have one.

    A cadence that does not divide a day drifts through it, and stays on the grid of the largest that divides both.
    """
    if schedule.span is not None:
        minutes = schedule.span / _MINUTE
        return Schedule.parse(f"{gcd(int(minutes), DAY) if minutes.is_integer() else 1}m")
    minute, hour, _day, _month, _weekday, *zone = schedule.text.split()
    return Schedule(" ".join([minute, hour, "* * *", *zone]))


def _windows(zone: tzinfo, wall: Wall, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Return spans of time with a whole day in each pair of offsets, and with each change of them, in a year."""
    days = [now + timedelta(days=n) for n in range(_DAYS)]
    yield days[0], days[2]
    offsets = [(each.astimezone(zone).utcoffset(), wall(each).utcoffset()) for each in days]
    for n in range(1, _DAYS - 2):
        if offsets[n] != offsets[n - 1]:
            yield days[n - 1], days[n + 2]


def _slots(schedule: Schedule, begin: datetime, end: datetime) -> Iterator[datetime]:
    slot = schedule.next(begin)
    while slot <= end:
        yield slot
        slot = schedule.next(slot)


def _minute(at: datetime) -> int:
    return at.hour * 60 + at.minute
