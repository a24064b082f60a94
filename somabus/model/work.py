"""The records beside a job: how each attempt ended, which steps were taken, who waits for whom.

queues/<queue>/runs/<id>/<generation>.<event>.json          how an attempt ended, sealed by whoever ended it
queues/<queue>/runs/<id>/steps/<number>.pending.<turn>.json a step is about to take effect
queues/<queue>/runs/<id>/steps/<number>.done.json           it has, and this is its result
queues/<queue>/runs/<id>/steps/<number>.again.<turn>.json   in that turn it did not: it may be taken once more
queues/<queue>/runs/<id>/then/<id>.json                     whoever depends on it
queues/<queue>/runs/<id>/children/<id>.json                 a child
queues/<queue>/runs/<id>/met/<id>.<state>.<policy>.json     a dependency or a child has ended
queues/<queue>/runs/<id>/met/<id>.missed.json               it was not to be seen, and may have been cut off
"""

import hashlib
import re
from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, NamedTuple

import orjson
from pydantic import Field

from somabus.model.job import OnFailure
from somabus.model.message import Id, Name, Utc, Value
from somabus.model.ticket import JobEvent, JobState

MAX_ERROR: Final = 4000
_SORTED: Final = orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z
_MET: Final = re.compile(r"(?P<id>[0-9a-f-]{36})\.(?P<state>[a-z]+)\.(?P<policy>[a-z]+)\.json")
_STEP: Final = re.compile(r"(?P<number>\d{4})\.(?P<what>pending|done|again)(?:\.(?P<count>\d{1,9}))?\.json")


class Try(Value):
    """How one attempt at a job ended, or how the job ended without one."""

    format: Literal[1] = 1
    bus: Id
    queue: Name
    id: Id
    generation: int = Field(ge=0, strict=True)
    event: JobEvent
    by: Name
    at: Utc
    began_at: Utc | None = None
    attempt: int = Field(default=0, ge=0, strict=True)
    result: Any = None
    error: Annotated[str, Field(max_length=MAX_ERROR)] = ""


class Step(Value):
    """One step of a job in its ledger: about to take effect, done with its result, or to be taken again.

    `turn`: how often it was begun, this time included; each turn has one winner.
    """

    format: Literal[1] = 1
    bus: Id
    queue: Name
    id: Id
    turn: int = Field(default=1, ge=1, strict=True)
    number: int = Field(ge=1, le=9999, strict=True)
    name: str = Field(min_length=1, max_length=200)
    generation: int = Field(ge=0, strict=True)
    at: Utc
    by: Name
    result: Any = None


class StepMark(StrEnum):
    """What a file of the ledger says."""

    PENDING = "pending"
    DONE = "done"
    AGAIN = "again"


class Bond(Value):
    """A job that waits for another, or was submitted under a key: where it is, and the name it had at first.

    `replaces`: the id of the job under the same key whose place it takes, if that has not begun. `work`: a digest of
    what is to be done, by which a parent that submits its children once more knows each.
    """

    format: Literal[1] = 1
    queue: Name
    id: Id
    ticket: str = Field(max_length=200)
    replaces: Id | None = None
    work: str = Field(default="", max_length=64)


class Met(NamedTuple):
    """One job that another waited for has ended, as the name of the record says."""

    id: str
    state: JobState
    policy: OnFailure

    @property
    def name(self) -> str:
        """The record's name."""
        return f"{self.id}.{self.state}.{self.policy}.json"

    @classmethod
    def parse(cls, name: str) -> "Met | None":
        """Read a record's name, or return None for a name that is none."""
        found = _MET.fullmatch(name)
        try:
            return None if found is None else cls(found["id"], JobState(found["state"]), OnFailure(found["policy"]))
        except ValueError:
            return None


def missed_name(job: str) -> str:
    """The name of the record that something a job waits for was not to be seen."""
    return f"{job}.missed.json"


class Standing(StrEnum):
    """Whether a job that waits for others may go on."""

    WAIT = "wait"
    GO = "go"
    FAIL = "fail"


def judge(needs: Collection[str], children: Collection[str], at_least: int, met: Iterable[Met]) -> tuple[Standing, str]:
    """Say whether a job that waits for others may go on, and, if it fails, because of which.

    Args:
        needs: the ids that it depends on.
        children: the ids of the children that are known.
        at_least: how many children it waits for, known or not.
        met: what has ended.
    """
    waited_for, ended = {*needs, *children}, dict[str, Met]()
    for each in met:  # of one that failed, was replayed and completed, both are written down
        if each.id in waited_for and (each.id not in ended or each.state is JobState.COMPLETED):
            ended[each.id] = each
    failed = [each for each in ended.values() if each.state is not JobState.COMPLETED]
    for each in failed:
        if each.policy is OnFailure.FAIL:
            return Standing.FAIL, each.id
    if any(each.policy is OnFailure.CONTINUE for each in failed):
        return Standing.GO, ""
    if waited_for <= ended.keys() and len(ended.keys() - set(needs)) >= at_least:
        return Standing.GO, ""
    return Standing.WAIT, ""


def work_digest(name: str, data: dict[str, Any]) -> str:
    """Return by what a job is known that is submitted once more: what is to be done with what."""
    return hashlib.sha256(f"{name}\n".encode() + orjson.dumps(data, option=_SORTED)).hexdigest()


class Page(NamedTuple):
    """What the ledger says of one step: its last turn, its result, and the turns in which it is known to be undone."""

    pending: Step | None = None
    done: Step | None = None
    again: frozenset[int] = frozenset()

    @property
    def in_doubt(self) -> bool:
        """Whether the step may have taken effect, and nobody knows."""
        return self.done is None and self.pending is not None and self.pending.turn not in self.again

    @property
    def next_turn(self) -> int:
        """The turn in which it would be taken now."""
        return 1 if self.pending is None else self.pending.turn + 1


def step_name(number: int, mark: StepMark, turn: int | None = None) -> str:
    """The name of a file of the ledger."""
    return f"{number:04d}.{mark}.json" if turn is None else f"{number:04d}.{mark}.{turn}.json"


def step_of(name: str) -> tuple[int, StepMark, int | None] | None:
    """Read the name of a file of the ledger: number, mark, and the turn in it; None for any other name."""
    found = _STEP.fullmatch(name)
    if found is None:
        return None
    return int(found["number"]), StepMark(found["what"]), None if found["count"] is None else int(found["count"])
