"""Where a job lies and what its file is called: the life of a job as one table.

    waiting/           5-<id>.<generation>.<failed>.<stalled>.json
    delayed/           5-<id>.<generation>.<failed>.<stalled>.<due, ms>.json
    blocked/           as waiting; for a job whose dependencies have not all ended
    active/            5-<id>.<generation>.<failed>.<stalled>.<lease end, ms>.<holder>.json
    waiting-children/  as waiting; for a parent whose children have not all ended
    paused/            as waiting; for one that a human set aside, or that waits for a human
    completed/ failed/ dead/ cancelled/     <day of the id>/<id>.<generation>.json

A job's state is the folder it lies in; a move is one rename. The name sorts by priority, then age. The generation
grows with every claim and never goes back, so a worker of the past has no file under its name. How often it failed and
how often its worker vanished (it stalled) are two numbers, both in the name: no crash can lose one. The name of a job
that has ended follows from its id and generation.
"""

import re
from enum import StrEnum
from typing import Final, NamedTuple

from somabus.model.ids import id_time

_ID: Final = r"(?P<id>[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})"
_NUMBER: Final = r"0|[1-9][0-9]{0,8}"
_TICKET: Final = re.compile(
    rf"(?P<digit>[0-9])-{_ID}\.(?P<generation>{_NUMBER})\.(?P<failed>{_NUMBER})\.(?P<stalled>{_NUMBER})"
    r"(?:\.(?P<until>0|[1-9][0-9]{0,14}))?(?:\.(?P<holder>[0-9a-f]{12}))?\.json"
)
_ENDED: Final = re.compile(rf"{_ID}\.(?P<generation>{_NUMBER})\.json")
LONGEST_LEASE_MS: Final = 86_400_000
_LAST_GENERATION: Final = 999_999_998


class JobState(StrEnum):
    """The folder a job lies in."""

    WAITING = "waiting"
    DELAYED = "delayed"
    BLOCKED = "blocked"
    ACTIVE = "active"
    WAITING_CHILDREN = "waiting-children"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    DEAD = "dead"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether a job in this state has ended; only a human's replay brings it back."""
        return self in ENDED


class JobEvent(StrEnum):
    """What can happen to a job."""

    CLAIM = "claim"
    RENEW = "renew"
    COMPLETE = "complete"
    RETRY = "retry"
    RELEASE = "release"
    AWAIT = "await children"
    UNBLOCK = "unblock"
    POSTPONE = "postpone"
    PAUSE = "pause"
    PARK = "park"
    RESUME = "resume"
    FAIL = "fail"
    BURY = "bury"
    CANCEL = "cancel"
    REPLAY = "replay"


ENDED: Final[tuple[JobState, ...]] = (JobState.COMPLETED, JobState.FAILED, JobState.DEAD, JobState.CANCELLED)
OPEN: Final[tuple[JobState, ...]] = tuple(state for state in JobState if state not in ENDED)
HELD_UP: Final = (JobState.BLOCKED, JobState.WAITING_CHILDREN)
"""Where jobs wait for others."""


_S, _E = JobState, JobEvent
JOB_MOVES: Final[dict[JobState, dict[JobEvent, JobState]]] = {
    _S.WAITING: {
        _E.CLAIM: _S.ACTIVE, _E.PAUSE: _S.PAUSED, _E.CANCEL: _S.CANCELLED,
        _E.FAIL: _S.FAILED,  # it waited longer than it may
        _E.BURY: _S.DEAD,
    },
    _S.DELAYED: {
        _E.CLAIM: _S.ACTIVE,  # once it is due
        _E.PAUSE: _S.PAUSED, _E.CANCEL: _S.CANCELLED, _E.FAIL: _S.FAILED, _E.BURY: _S.DEAD,
    },
    _S.BLOCKED: {
        _E.UNBLOCK: _S.WAITING,
        _E.POSTPONE: _S.DELAYED,  # all it depends on has ended, and it is not due yet
        _E.PAUSE: _S.PAUSED, _E.CANCEL: _S.CANCELLED,
        _E.FAIL: _S.FAILED,  # what it depends on failed
        _E.BURY: _S.DEAD,
    },
    _S.ACTIVE: {
        _E.CLAIM: _S.ACTIVE,  # by another, once the lease has ended: it stalled
        _E.RENEW: _S.ACTIVE, _E.COMPLETE: _S.COMPLETED, _E.RETRY: _S.DELAYED, _E.RELEASE: _S.WAITING,
        _E.AWAIT: _S.WAITING_CHILDREN, _E.PAUSE: _S.PAUSED,
        _E.PARK: _S.PAUSED,  # a human must say whether a step took effect
        _E.FAIL: _S.FAILED,
        _E.BURY: _S.DEAD,  # stalled too often, or may not be acted on
        _E.CANCEL: _S.CANCELLED,
    },
    _S.WAITING_CHILDREN: {
        _E.UNBLOCK: _S.WAITING, _E.POSTPONE: _S.DELAYED, _E.PAUSE: _S.PAUSED, _E.CANCEL: _S.CANCELLED,
        _E.FAIL: _S.FAILED, _E.BURY: _S.DEAD,
    },
    _S.PAUSED: {
        _E.RESUME: _S.BLOCKED,  # and from there at once to where it belongs, if nothing holds it up
        _E.CANCEL: _S.CANCELLED,
        _E.FAIL: _S.FAILED,
    },
    _S.COMPLETED: {},
    _S.FAILED: {_E.REPLAY: _S.BLOCKED},
    _S.DEAD: {_E.REPLAY: _S.BLOCKED},
    _S.CANCELLED: {},
}  # fmt: skip
"""Every move there is. Code, tests and the picture in docs/jobs.md come from this table."""

_SHAPES: Final = {JobState.DELAYED: (True, False), JobState.ACTIVE: (True, True)}
"""Whether a name there says until when, and who holds it."""


class Ticket(NamedTuple):
    """The facts in a file's name. `until` is when a delay or a lease ends, in ms on the drive's clock."""

    digit: int
    id: str
    generation: int = 0
    failed: int = 0
    stalled: int = 0
    until: int | None = None
    holder: str | None = None

    @property
    def name(self) -> str:
        """The file's name."""
        until = "" if self.until is None else f".{self.until}"
        holder = "" if self.holder is None else f".{self.holder}"
        return f"{self.digit}-{self.id}.{self.generation}.{self.failed}.{self.stalled}{until}{holder}.json"

    @classmethod
    def parse(cls, name: str) -> "Ticket | None":
        """Read a file's name, or return None for a name that no writer of format 1 gives."""
        found = _TICKET.fullmatch(name)
        if found is None:
            return None
        digit, job, generation, failed, stalled, until, holder = found.groups()
        return cls(
            int(digit), job, int(generation), int(failed), int(stalled), None if until is None else int(until), holder
        )

    def fits(self, state: JobState) -> bool:
        """Tell whether a file of this name belongs into that folder."""
        if self.generation > _LAST_GENERATION:
            return False
        return (self.until is not None, self.holder is not None) == _SHAPES.get(state, (False, False))

    @property
    def attempt(self) -> int:
        """Which attempt a claim is, 1 being the first since it was submitted or replayed; one that stalled counts."""
        return self.failed + self.stalled + 1

    def claimed(self, holder: str, lease_end: int) -> "Ticket":
        """The name under active/ for the next generation; taken from a holder that vanished, it has stalled."""
        stalled = self.stalled + (self.holder is not None)
        return self._replace(generation=self.generation + 1, stalled=stalled, until=lease_end, holder=holder)

    def renewed(self, lease_end: int) -> "Ticket":
        """The name under active/ with a later end, same generation and holder."""
        return self._replace(until=lease_end)

    def retried(self, due: int) -> "Ticket":
        """The name under delayed/ after an attempt that failed."""
        return self._replace(failed=self.failed + 1, until=due, holder=None)

    def due(self, due: int) -> "Ticket":
        """The name under delayed/ of one that did not fail."""
        return self._replace(until=due, holder=None)

    def idle(self) -> "Ticket":
        """The name where nobody holds it and nothing is due."""
        return self._replace(until=None, holder=None)

    @property
    def end(self) -> "End":
        """Its name once it has ended."""
        return End(self.id, self.generation)


class End(NamedTuple):
    """The name of a job that has ended, below the folder of its state."""

    id: str
    generation: int

    @property
    def day(self) -> str:
        """The day's folder: the day of the id, so that an end can be looked up by id and generation."""
        return id_time(self.id).date().isoformat()

    @property
    def name(self) -> str:
        """The path below the folder of the state."""
        return f"{self.day}/{self.id}.{self.generation}.json"

    @classmethod
    def parse(cls, name: str) -> "End | None":
        """Read the last part of such a name, or return None for any other."""
        found = _ENDED.fullmatch(name)
        return None if found is None else cls(found["id"], int(found["generation"]))


def job_target(state: JobState, event: JobEvent) -> JobState:
    """Return the folder that the event moves a job to; a KeyError for a move that the table does not have."""
    return JOB_MOVES[state][event]
