"""A routine's cadence as a grid on the wall clock, in UTC.

The grid does not start with the process: a six-hour routine on a machine that sleeps still knows which slot it
serves and how many went by. `6h` is every slot since 1970 that is a multiple of six hours; anything with blanks is
a cron expression, read by croniter.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Final

from somabus.errors import ConfigurationError

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)")
_UNITS: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_LEAST_S: Final = 0.001
MAX_EVERY_S: Final = 3650 * 86400
_DICE: Final = re.compile(r"(?<![a-z])[rh](?![a-z])", re.IGNORECASE)
_FIELDS: Final = 5
_COUNT: Final = 10_000
_SPARSE, _DENSE, _MONTH_S = 14, 3000, 32 * 86400

DEFAULT: Final = "0 */6 * * *"


def parse_duration(text: str) -> timedelta:
    """Read `90s`, `10m`, `6h`, `2d` or `1w`.

    Raises:
        ConfigurationError: something else, nothing, or more than ten years.
    """
    found = _DURATION.fullmatch(text.strip().lower())
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if not _LEAST_S <= seconds <= MAX_EVERY_S:
        message = f"{ascii(text)[:40]} is no duration; write a number and a unit such as 90s, 10m, 6h, 2d"
        raise ConfigurationError(message)
    return timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Schedule:
    """A cadence: slots on the wall clock. Build it with `Schedule.parse`."""

    text: str

    @classmethod
    def parse(cls, text: str) -> "Schedule":
        """Read `6h` or a cron expression such as `0 */6 * * *`.

        Raises:
            ConfigurationError: neither.
        """
        text = " ".join(text.split())
        if " " not in text:
            parse_duration(text)
            return cls(text)
        if len(text.split()) != _FIELDS or _DICE.search(text) or not _comes(text):
            message = (
                f"{ascii(text)[:60]} is no cron expression that ever comes; five fields are needed, as in: 0 */6 * * *"
            )
            raise ConfigurationError(message)
        return cls(text)

    def due(self, now: datetime) -> datetime:
        """Return the latest slot at or before now."""
        if self._every is not None:
            return now - (now - _EPOCH) % self._every
        from croniter import croniter

        # croniter looks strictly before its start, and a slot that is now counts as due.
        return _utc(croniter(self.text, now.replace(microsecond=0) + timedelta(seconds=1)).get_prev(datetime))

    def next(self, now: datetime) -> datetime:
        """Return the first slot after now."""
        if self._every is not None:
            return self.due(now) + self._every
        from croniter import croniter

        return _utc(croniter(self.text, now).get_next(datetime))

    def missed(self, last_due: datetime, now: datetime) -> int:
        """Count the slots after the one last served and before the one due now; at most ten thousand."""
        due = self.due(now)
        if due <= last_due:
            return 0
        if self._every is not None:
            return max(0, min(_COUNT, (due - self.due(last_due)) // self._every - 1))
        from croniter import croniter

        slots, count = croniter(self.text, last_due), 0
        while count < _COUNT and _utc(slots.get_next(datetime)) < due:
            count += 1
        return count

    @property
    def every_s(self) -> float:
        """The longest time between two neighbouring slots, in seconds: what peers may expect."""
        return _longest_gap(self.text) if self._every is None else self._every.total_seconds()

    @property
    def _every(self) -> timedelta | None:
        return None if " " in self.text else parse_duration(self.text)


@cache
def _longest_gap(cron: str) -> float:
    from croniter import croniter

    slots = croniter(cron, _EPOCH)
    times = [slots.get_next(float)]
    # Far enough to see nights, week-ends and the short months, and not so far that a dense one takes long.
    while len(times) < _DENSE and (len(times) < _SPARSE or times[-1] - times[0] < _MONTH_S):
        times.append(slots.get_next(float))
    return float(max(after - before for before, after in pairwise(times)))


def _comes(cron: str) -> bool:
    from croniter import CroniterError, croniter

    try:
        croniter(cron, _EPOCH).get_next(float)
    except (CroniterError, ValueError):
        return False
    return True


def _utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
