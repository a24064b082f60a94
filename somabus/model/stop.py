"""The stop: a file at the root of the tree whose name alone stops; what it says tells who did it and why.

STOP                  the whole bus; so does STOP.txt, stop, and a folder of that name
STOP.agent.scout      one agent
STOP.kind.deploy      one kind of work
"""

import re
from enum import StrEnum
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from pydantic import Field

from somabus.model.message import Id, Name, Utc, Value
from somabus.model.names import is_name

_STOP: Final = re.compile(r"stop(?![a-z0-9])", re.IGNORECASE | re.ASCII)
_SCOPED: Final = re.compile(r"stop\.(agent|kind)\.(.+)", re.IGNORECASE | re.ASCII)


class Range(StrEnum):
    """How far a stop reaches."""

    BUS = "bus"
    AGENT = "agent"
    KIND = "kind"


class Scope(NamedTuple):
    """What is stopped; `name` is the agent's or the kind's, and empty for the whole bus."""

    range: Range
    name: str = ""

    @property
    def file(self) -> str:
        """The name of its file at the root of the tree."""
        return "STOP" if self.range is Range.BUS else f"STOP.{self.range}.{self.name}"

    def __str__(self) -> str:
        return {
            Range.BUS: "the whole bus",
            Range.AGENT: f"the agent {self.name}",
            Range.KIND: f"work of kind {self.name}",
        }[self.range]

    def covers(self, agent: str, kind: str | None) -> bool:
        """Tell whether an agent, doing work of a kind, is stopped."""
        # A person on Windows, who does not see the ending of a file, makes STOP.agent.scout.txt.
        names = (self.name, self.name.removesuffix(".txt"))
        return self.range is Range.BUS or (agent if self.range is Range.AGENT else kind) in names


@lru_cache(maxsize=256)  # the names at the root are judged before each message, and hardly ever change
def scope_of(file: str) -> Scope | None:
    """Return what a file at the root of the tree stops, going by its name, or None if it is no stop."""
    if not _STOP.match(file):
        return None
    scoped = _SCOPED.fullmatch(file)
    if scoped is None or not is_name(scoped[2].lower()):
        return Scope(Range.BUS)  # "STOP.agent.scout (copy)": whoever made it wants something stopped
    return Scope(Range(scoped[1].lower()), scoped[2].lower())


class Stop(Value):
    """What a stop written by `somabus stop` says. A stop without a signature stops too."""

    format: Literal[1] = 1
    bus: Id
    id: Id
    range: Range
    name: Name | Literal[""] = ""
    why: str = Field(default="", max_length=1000)
    at: Utc
    by: Name | Literal[""] = ""

    @property
    def scope(self) -> Scope:
        """What it stops."""
        return Scope(self.range, self.name)


class Resume(Value):
    """The lifting of one stop, by an operator. Without it, whoever saw the signed stop stays stopped."""

    format: Literal[1] = 1
    bus: Id
    stop: Id
    why: str = Field(default="", max_length=1000)
    at: Utc
    by: Name
