"""Retention: how long the bus keeps what is over, and how much room it may take.

What waits is never over: nothing unread, nothing unexpired and nothing that an open thing refers to is dropped,
however old it is and however little room there is.
"""

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from pydantic import Field

from somabus.errors import ConfigurationError
from somabus.model.message import Value

MOST_DAYS: Final = 36_500
_GIB: Final = 1024**3
_MOST_BYTES: Final = 2**60
_NUMBER: Final = re.compile(r"(?P<number>[0-9]{1,19})(?P<unit>[A-Za-z]*)", re.ASCII)
_UNITS: Final = {"": 1, "KiB": 1024, "MiB": 1024**2, "GiB": _GIB, "TiB": 1024 * _GIB}


def _days(default: int, least: int = 1) -> int:
    field: int = Field(default=default, ge=least, le=MOST_DAYS)
    return field


def _bytes(default: int) -> int:
    field: int = Field(default=default, ge=0, le=_MOST_BYTES)
    return field


class Retention(Value):
    """Days count from when a thing was over; bytes are for each agent or log, 0 for no limit but the days.

    `done`: mail that was handled, withdrawn or expired. `dead`: dead letters, from when they were shown. `keys`: the
    records by which a second sending with the same key is known. `archive`: entries of logs before they are packed.
    `logs`: archives before they are dropped, and how long an agent may be away without losing its place in them.
    `budget_bytes`: for the whole bus; a sweep warns at four fifths of it.
    """

    done_days: int = _days(30, least=2)
    done_bytes: int = _bytes(_GIB)
    dead_days: int = _days(90)
    dead_bytes: int = _bytes(_GIB)
    keys_days: int = _days(90, least=2)
    archive_days: int = _days(7)
    logs_days: int = _days(365)
    logs_bytes: int = _bytes(_GIB)
    budget_bytes: int = _bytes(50 * _GIB)

    def span(self, what: str) -> timedelta:
        """Return the days of one kind as a span of time."""
        return timedelta(days=getattr(self, f"{what}_days"))

    def __str__(self) -> str:
        return " ".join(f"{name}={_written(name, value)}" for name, value in self)


def parse_rules(texts: Iterable[str]) -> dict[str, int]:
    """Read rules such as `done_days=14` and `budget_bytes=20GiB`.

    Raises:
        ConfigurationError: one is none, or its value is out of bounds.
    """
    return dict(_rule(text.strip()) for text in texts)


def _rule(text: str) -> tuple[str, int]:
    name, _, value = text.partition("=")
    if name not in Retention.model_fields:
        known = f"done_days=14 or budget_bytes=20GiB; there are {', '.join(Retention.model_fields)}"
        message = f"{ascii(text)[:60]} is no rule of retention; write {known}"
        raise ConfigurationError(message)
    found, units = _NUMBER.fullmatch(value), _UNITS if name.endswith("_bytes") else {"": 1}
    least, most = _bounds(name)
    if found is not None and found["unit"] in units:
        number = int(found["number"]) * units[found["unit"]]
        if least <= number <= most:
            return name, number
    what = (
        "a number of days" if units is not _UNITS else "a number of bytes, or one with KiB, MiB, GiB or TiB behind it"
    )
    span = f"from {least} to {_written(name, most)}" + (", 0 for no limit" if least == 0 else "")
    message = f"{name}={ascii(value)[:60]} does not go: the value is {what}, {span}"
    raise ConfigurationError(message)


def _bounds(name: str) -> tuple[int, int]:
    """Return the least and the most that a rule allows, as its field has them."""
    facts = Retention.model_fields[name].metadata
    least, most = (next(getattr(each, end) for each in facts if hasattr(each, end)) for end in ("ge", "le"))
    return least, most


def _written(name: str, number: int) -> str:
    """Write a value in the largest unit in which it is a whole number."""
    unit = max((unit for unit in _UNITS if number % _UNITS[unit] == 0), key=_UNITS.__getitem__)
    return f"{number // _UNITS[unit]}{unit}" if number and name.endswith("_bytes") else str(number)
