"""A routine's cadence as a grid on the wall clock.

The grid does not start with the process: a six-hour routine on a machine that sleeps still knows which slot it
serves and how many went by. `6h` is every slot since 1970 that is a multiple of six hours; anything with blanks is
a cron expression, read by croniter: in UTC, or in the zone that stands as its sixth field.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from itertools import islice, pairwise, takewhile
from typing import Final, NamedTuple

from somabus.errors import ConfigurationError
from somabus.model.wallclock import latest_wall, moment, zone_of

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)")
_UNITS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_LEAST_S: Final = 0.001
MAX_EVERY_S: Final = 3650 * 86400
_DICE: Final = re.compile(r"(?<![a-z])[rh](?![a-z])", re.IGNORECASE)
_NAMES: Final = ("minute", "hour", "day of the month", "month", "day of the week")
_FIELDS: Final = len(_NAMES)
_ZONE: Final = re.compile(r"[A-Za-z]{3}")
_COUNT: Final = 10_000
_DAY_S, _MONTH_S = 86400, 32 * 86400
_SPARSE, _DENSE = 14, 3000

DEFAULT: Final = "6h"


def parse_duration(text: str) -> timedelta:
    """Read `90s`, `10m`, `6h`, `2d` or `1w`.

    Raises:
        ConfigurationError: something else, nothing, or more than ten years.
    """
    found = _DURATION.fullmatch(text.strip().lower())
    if found is None:
        message = f"{ascii(text)[:40]} is no duration; write a number and a unit such as 90s, 10m, 6h, 2d"
        raise ConfigurationError(message)
    seconds = float(found[1]) * _UNITS[found[2]]
    if not _LEAST_S <= seconds <= MAX_EVERY_S:
        message = f"{ascii(text)[:40]} is no duration: one is more than nothing and at most ten years, as 90s, 6h or 2d"
        raise ConfigurationError(message)
    return timedelta(seconds=seconds)


class Schedule(NamedTuple):
    """A cadence: slots on the wall clock. Build it with `Schedule.parse`."""

    text: str

    @classmethod
    def parse(cls, text: str) -> "Schedule":
        """Read `6h`, or a cron expression such as `0 */6 * * *` or `0 9 * * 1-5 Europe/Berlin`.

        Raises:
            ConfigurationError: neither, or no zone that this machine knows.
        """
        text = " ".join(text.split())
        if " " not in text:
            try:
                parse_duration(text)
            except ConfigurationError as error:
                message = f"{error}, or a cron expression such as '0 9 * * 1-5'"
                raise ConfigurationError(message) from None
            return cls(text)
        *fields, last = text.split()
        zoned = len(fields) == _FIELDS and _ZONE.match(last) is not None
        cron = " ".join(fields) if zoned else text
        if len(cron.split()) != _FIELDS or _DICE.search(cron) or not _comes(cron):
            message = (
                f"{ascii(text)[:60]} is no cron expression that ever comes{_fault(cron)}; five fields are needed, "
                "as in: 0 */6 * * *, and a zone may follow: 0 9 * * 1-5 Europe/Berlin"
            )
            raise ConfigurationError(message)
        if zoned:
            _check_zone(cron, last)
        return cls(text)

    def due(self, now: datetime) -> datetime:
        """Return the latest slot at or before now."""
        if self.span is not None:
            return now - (now - _EPOCH) % self.span
        from croniter import croniter

        # croniter looks strictly before its start, and a slot that is now counts as due.
        start = latest_wall(now, self.zone).replace(microsecond=0) + timedelta(seconds=1)
        walls = croniter(self.cron, start)
        while True:
            slot = moment(walls.get_prev(datetime), self.zone)
            if slot <= now:
                return slot

    def next(self, now: datetime) -> datetime:
        """Return the first slot after now."""
        return self.due(now) + self.span if self.span is not None else next(self._after(now))

    def missed(self, last_due: datetime, now: datetime) -> int:
        """Count the slots after the one last served and before the one due now; at most ten thousand."""
        due = self.due(now)
        if due <= last_due:
            return 0
        if self.span is not None:
            return max(0, min(_COUNT, (due - self.due(last_due)) // self.span - 1))
        slots = self._after(last_due)
        return sum(1 for _ in takewhile(lambda slot: slot < due, islice(slots, _COUNT)))

    @property
    def every_s(self) -> float:
        """The longest time between two neighbouring slots, in seconds: what peers may expect.

        Once a year, where clocks are put back, it may be exceeded by as much as they are.
        """
        return _longest_gap(self.cron) if self.span is None else self.span.total_seconds()

    @property
    def span(self) -> timedelta | None:
        """The time between two slots of a cadence such as `6h`; None of a cron expression."""
        return None if self.cron else parse_duration(self.text)

    @property
    def cron(self) -> str:
        """The five fields of a cron expression, without the zone; empty of a cadence such as `6h`."""
        return " ".join(self.text.split()[:_FIELDS]) if " " in self.text else ""

    @property
    def zone(self) -> tzinfo:
        """The zone on whose wall clocks the slots stand."""
        names = self.text.split()[_FIELDS:]
        return zone_of(names[0]) if names else UTC

    def _after(self, now: datetime) -> Iterator[datetime]:
        """Return the slots of a cron expression after a moment, in their order, each once."""
        from croniter import croniter

        zone = self.zone
        walls = croniter(self.cron, now.astimezone(zone).replace(tzinfo=None, fold=0))
        while True:
            slot = moment(walls.get_next(datetime), zone)
            if slot > now:  # else a time that has come before the clocks were put back, or one more of a skipped hour
                yield slot
                now = slot


@cache
def _longest_gap(cron: str) -> float:
    from croniter import croniter

    slots = croniter(cron, _EPOCH)
    times = [slots.get_next(float)]
    # Far enough to see nights, week-ends and the short months, and not so far that a dense one takes long; where every
    # day is like the others, one has it all.
    least, span_s = (2, _DAY_S) if cron.split()[2:] == ["*"] * 3 else (_SPARSE, _MONTH_S)
    while len(times) < _DENSE and (len(times) < least or times[-1] - times[0] < span_s):
        times.append(slots.get_next(float))
    return float(max(after - before for before, after in pairwise(times)))


def _check_zone(cron: str, name: str) -> None:
    """Refuse a zone that is unknown, and one that would only silence a dense cadence while clocks are put back."""
    from croniter import croniter

    zone_of(name)
    if all(field == ["*"] for field in croniter.expand(cron)[0][1:]):
        message = f"{cron!r} comes in every hour of every day, so it needs no zone; leave {name} away"
        raise ConfigurationError(message)


def _fault(cron: str) -> str:
    """Name the first field that is wrong by itself, or nothing: the others may still never come together."""
    fields = cron.split()
    if len(fields) != _FIELDS:
        return f": {len(fields)} were given" if len(fields) < _FIELDS else ""
    for place, (name, field) in enumerate(zip(_NAMES, fields, strict=True)):
        alone = ["*"] * _FIELDS
        alone[place] = field
        if _DICE.search(field) or not _comes(" ".join(alone)):
            return f": {ascii(field)[:40]} is no {name}"
    return ""


def _comes(cron: str) -> bool:
    from croniter import CroniterError, croniter

    try:
        croniter(cron, _EPOCH).get_next(float)
    except (CroniterError, ValueError):
        return False
    return True
