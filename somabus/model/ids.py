"""Identifiers: UUID version 7 (RFC 9562), so that a sorted listing is the order of creation.

The time and the random bytes are handed in. An id that must come out the same twice (a bounce, an automatic
reply) is derived from its parent's: the second sending then meets the first by name and is recognised.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from somabus.errors import MalformedMessageError

_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_LATEST: Final = _EPOCH + timedelta(milliseconds=0xE677D21FDBFF)  # the last millisecond of the year 9999

RANDOM_BYTES: Final = 8


def microseconds(at: datetime) -> int:
    """Return the microseconds since 1970 of an aware time, exactly."""
    return (at - _EPOCH) // _MICROSECOND


def milliseconds(at: datetime) -> int:
    """Return the milliseconds since 1970 of an aware time, rounded down."""
    return microseconds(at) // 1000


def from_milliseconds(value: int) -> datetime:
    """Return the aware UTC time of milliseconds since 1970; what lies past the year 9999 becomes its end."""
    return _LATEST if value > milliseconds(_LATEST) else _EPOCH + timedelta(milliseconds=value)


def later(at: datetime, span: timedelta) -> datetime:
    """Return the moment a span after another; the end of the calendar for a span without bounds.

    Raises:
        MalformedMessageError: the span is none.
    """
    if not isinstance(span, timedelta):
        raise MalformedMessageError(f"{ascii(span)[:60]} is no span of time; give a timedelta, as timedelta(hours=6)")
    try:
        return at + span
    except OverflowError:
        return _LATEST if span > timedelta(0) else _EPOCH


def uuid7(us: int, entropy: bytes) -> str:
    """Build the id of a moment: 48 bits of milliseconds, 12 bits of the fraction below, 62 random bits."""
    ms, rest = divmod(us, 1000)
    rand = int.from_bytes(entropy[:RANDOM_BYTES]) & ((1 << 62) - 1)
    value = (ms & ((1 << 48) - 1)) << 80 | 0x7 << 76 | (rest * 4096 // 1000) << 64 | 0b10 << 62 | rand
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def derive_id(parent: str, label: str) -> str:
    """Return the one id that belongs to this parent and label; it keeps the parent's place in time."""
    import hashlib

    digest = hashlib.sha256(f"{parent}\n{label}".encode()).digest()
    us = int(parent[:8] + parent[9:13], 16) * 1000
    return uuid7(us, digest)


def is_id(text: str) -> bool:
    """Tell whether the text is a UUIDv7 in its usual lower-case form."""
    return bool(_ID.fullmatch(text))


def id_time(text: str) -> datetime:
    """Return the moment inside an id, as its maker's clock had it, to the millisecond."""
    return from_milliseconds(int(text[:8] + text[9:13], 16))


class IdMaker:
    """Makes ids that always increase, even when two fall into one microsecond or the clock is put back."""

    def __init__(self, entropy: Callable[[int], bytes]) -> None:
        self._entropy = entropy
        self._last = 0

    def make(self, now: datetime) -> str:
        """Return a new id for this moment, greater than every id made before."""
        self._last = max(microseconds(now), self._last + 1)
        return uuid7(self._last, self._entropy(RANDOM_BYTES))
