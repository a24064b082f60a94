"""How far a reader has come in numbered logs, and what it does about a hole.

A cursor moves only over numbers without a gap: on some drives a new entry is listed late, and whoever skips it has
lost it. A hole that stays is a deletion; it is waited for, then stepped over and reported with its number.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from pydantic import Field

from somabus.model.message import Name, Utc, Value

HOLE_PATIENCE: Final = timedelta(hours=1)
MOST_TOLD: Final = 100
"""So many numbers of a hole are told; a hostile entry could claim a hole of billions."""


class Hole(Value):
    """The first missing number, and when this reader first missed it."""

    number: int = Field(ge=1)
    since: Utc


class Position(Value):
    """The last number read of one log, and the hole that holds the reader up, if any."""

    at: int = Field(default=0, ge=0)
    hole: Hole | None = None


class Cursors(Value):
    """All positions of one agent, in one file that only it replaces."""

    format: Literal[1] = 1
    agent: Name
    logs: dict[str, Position] = Field(default_factory=dict)
    alerted: dict[str, str] = Field(default_factory=dict)


class Step(NamedTuple):
    """What a reader may read now, where it stands afterwards, and the numbers it gave up."""

    numbers: tuple[int, ...]
    position: Position
    lost: tuple[int, ...]


def advance(position: Position, present: Sequence[int], now: datetime) -> Step:
    """Decide what to read, given the numbers that a listing showed after the position, in order."""
    expected = position.at + 1
    if not present:
        return Step((), position, ())
    if present[0] > expected:
        hole = position.hole
        if hole is None or hole.number != expected:
            return Step((), Position(at=position.at, hole=Hole(number=expected, since=now)), ())
        if now - hole.since < HOLE_PATIENCE:
            return Step((), position, ())
        # The entries before the first present one never came: a deletion, not a delay.
        rest = advance(Position(at=present[0] - 1), present, now)
        lost = tuple(range(expected, min(present[0], expected + MOST_TOLD)))
        return Step(rest.numbers, rest.position, lost + rest.lost)
    run = [
        number for number, want in zip(present, range(expected, expected + len(present)), strict=True) if number == want
    ]
    last = run[-1]
    hole = Hole(number=last + 1, since=now) if len(run) < len(present) else None
    return Step(tuple(run), Position(at=last, hole=hole), ())
