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
_RULE: Final = re.compile(r"(?P<name>[a-z_]+)=(?P<number>[0-9]{1,19})(?P<unit>KiB|MiB|GiB|TiB)?", re.ASCII)
_UNITS: Final = {None: 1, "KiB": 1024, "MiB": 1024**2, "GiB": _GIB, "TiB": 1024 * _GIB}


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


def parse_rules(texts: Iterable[str]) -> dict[str, int]:
    """Read rules such as `done_days=14` and `budget_bytes=20GiB`.

    Raises:
        ConfigurationError: one is none.
    """
    rules: dict[str, int] = {}
    for text in texts:
        found = _RULE.fullmatch(text.strip())
        if found is None or found["name"] not in Retention.model_fields or (found["unit"] and "bytes" not in text):
            known = f"done_days=14 or budget_bytes=20GiB; there are {', '.join(Retention.model_fields)}"
            message = f"{ascii(text)[:60]} is no rule of retention; write {known}"
            raise ConfigurationError(message)
        rules[found["name"]] = int(found["number"]) * _UNITS[found["unit"]]
    return rules
