"""What a wall clock shows, as a moment, where clocks are put forward and back.

An hour that is skipped has its moment all the same: the first one after it. An hour that comes twice has one: the first
time. So a wall clock's times in their order have moments in their order, and no time has none or two.
"""

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from somabus.errors import ConfigurationError

_LEAST: Final = timedelta(seconds=1)


def zone_of(name: str) -> tzinfo:
    """Return a zone by its IANA name.

    Raises:
        ConfigurationError: this machine knows no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = f"{ascii(name)[:60]} is no time zone that this machine knows; write a name such as Europe/Berlin"
        raise ConfigurationError(message) from None


def moment(wall: datetime, zone: tzinfo) -> datetime:
    """Return when the clocks of a zone show a time, in UTC; `wall` has no zone."""
    first = wall.replace(tzinfo=zone).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == wall:
        return first
    return _change(wall.replace(tzinfo=zone, fold=1).astimezone(UTC), first, zone)


def latest_wall(now: datetime, zone: tzinfo) -> datetime:
    """Return the latest time that the clocks of a zone have shown, now or before they were put back to it."""
    here = now.astimezone(zone)
    wall = here.replace(tzinfo=None, fold=0)
    if not here.fold:
        return wall
    return wall + (_offset(here.replace(fold=0)) - _offset(here))


def _change(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """Return the first moment, between two, at which the clocks of a zone have been put forward."""
    late = _offset(after.astimezone(zone))
    while after - before > _LEAST:
        middle = (before + (after - before) / 2).replace(microsecond=0)
        if _offset(middle.astimezone(zone)) == late:
            after = middle
        else:
            before = middle
    return after


def _offset(at: datetime) -> timedelta:
    return at.utcoffset() or timedelta(0)
