"""Goals: what the humans want. Agents propose them, work on them and report; an operator's signature alone makes one.

proposed ─► active ─► ended
            └─► active, changed
"""

from enum import StrEnum
from typing import Final, Literal

from pydantic import Field

from somabus.errors import ConfigurationError
from somabus.model.message import Id, Name, Utc, Value


class GoalState(StrEnum):
    """Where a goal stands."""

    PROPOSED = "proposed"
    ACTIVE = "active"
    ENDED = "ended"


class GoalEvent(StrEnum):
    """What an operator does with one."""

    ACTIVATE = "activate"
    CHANGE = "change"
    END = "end"


MOVES: Final = {
    (GoalState.PROPOSED, GoalEvent.ACTIVATE): GoalState.ACTIVE,
    (GoalState.ACTIVE, GoalEvent.CHANGE): GoalState.ACTIVE,
    (GoalState.ACTIVE, GoalEvent.END): GoalState.ENDED,
}


def moved(state: GoalState, event: GoalEvent) -> GoalState:
    """Return the state after an event.

    Raises:
        ConfigurationError: a goal in that state does not take it.
    """
    if (state, event) not in MOVES:
        message = f"a goal that is {state} cannot {event}"
        raise ConfigurationError(message)
    return MOVES[state, event]


class Goal(Value):
    """One goal, as an operator signed it; `version` grows with every change and never goes back."""

    format: Literal[1] = 1
    bus: Id
    id: Id
    version: int = Field(ge=1)
    state: Literal[GoalState.ACTIVE, GoalState.ENDED]
    title: str = Field(min_length=1, max_length=200)
    body: str = Field(default="", max_length=100_000)
    created_at: Utc
    changed_at: Utc
    operator: Name
    proposed_by: Name | None = None

    @property
    def number(self) -> int:
        """What may never go back."""
        return self.version


class Proposal(Value):
    """A goal that an agent would like to have; it counts for nothing until an operator activates it."""

    format: Literal[1] = 1
    bus: Id
    id: Id
    agent: Name
    title: str = Field(min_length=1, max_length=200)
    body: str = Field(default="", max_length=100_000)
    at: Utc


class Work(Value):
    """What one agent does for one goal; replaced whole by that agent alone."""

    format: Literal[1] = 1
    bus: Id
    goal: Id
    agent: Name
    doing: str = Field(min_length=1, max_length=2000)
    progress: float | None = Field(default=None, ge=0, le=1)
    done: bool = False
    since: Utc
    updated_at: Utc
