"""How far a reader has come in numbered logs, and what it does about a hole.

An agent runs in several processes, and each of them keeps its own copy of the cursors: joining two copies gives up
nothing that either has read (a join-semilattice: Shapiro and others, "Conflict-free replicated data types", 2011).

A cursor moves only over numbers without a gap: on some drives a new entry is listed late, and whoever skips it has
lost it. A hole that stays is a deletion; it is waited for, then stepped over and reported with its number.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import Field

from somabus.model.message import Name, Utc, Value

HOLE_PATIENCE: Final = timedelta(hours=1)
MOST_TOLD: Final = 100
"""So many numbers of a hole are told; a hostile entry could claim a hole of billions."""

MOST_MINE: Final = 1000
"""So many own numbers past the position are remembered; older ones count as unread again."""


class Hole(Value):
    """The first missing number, and when this reader first missed it."""

    number: int = Field(ge=1)
    since: Utc


class Position(Value):
    """The last number read of one log, and the hole that holds the reader up, if any.

    `mine`: numbers past it that the reader wrote itself, and so need not read.
    """

    at: int = Field(default=0, ge=0)
    hole: Hole | None = None
    mine: tuple[int, ...] = Field(default=(), max_length=MOST_MINE)

    def moved(self, to: "Position") -> "Position":
        """Return the position to move to, with the reader's own numbers that lie past it."""
        mine = sorted({*self.mine, *to.mine})
        at = to.at
        while mine and mine[0] <= at + 1:
            at = max(at, mine.pop(0))
        hole = to.hole if to.hole is not None and to.hole.number == at + 1 else None
        return Position(at=at, hole=hole, mine=tuple(mine[-MOST_MINE:]))

    def wrote(self, number: int) -> "Position":
        """Return the position after the reader wrote an entry of this number itself."""
        return self.moved(Position(at=self.at, hole=self.hole, mine=(number,)))

    def joined(self, other: "Position") -> "Position":
        """Return the position that gives up nothing that either copy has read."""
        if other == self:
            return self  # of a thousand logs, most have not moved
        behind, ahead = sorted((self, other), key=lambda each: each.at)
        known = [each for each in (behind.hole, ahead.hole) if each is not None and each.number == ahead.at + 1]
        hole = min(known, key=lambda each: each.since, default=None)
        return behind.moved(Position(at=ahead.at, hole=hole, mine=ahead.mine))


class Cursors(Value):
    """All positions of one agent, in one file that only it replaces.

    `channels`: how often the agent has subscribed to and unsubscribed from each; an odd number is a subscription.
    """

    format: Literal[1] = 1
    agent: Name
    logs: dict[str, Position] = Field(default_factory=dict)
    alerted: dict[str, str] = Field(default_factory=dict)
    channels: dict[str, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)

    def joined(self, other: "Cursors") -> "Cursors":
        """Return what gives up nothing that either copy has read or decided; the alerts are this copy's."""
        logs = {name: at.joined(other.logs.get(name, at)) for name, at in self.logs.items()}
        channels = {name: max(count, other.channels.get(name, 0)) for name, count in self.channels.items()}
        return self.model_copy(update={"logs": {**other.logs, **logs}, "channels": {**other.channels, **channels}})

    @property
    def subscribed(self) -> tuple[str, ...]:
        """The channels that the agent follows now, sorted."""
        return tuple(sorted(name for name, count in self.channels.items() if count % 2))


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
