"""A claimed job in the hands of its worker, and the ways in which it leaves them.

Power cut or kill after each step: 1 a record of how the attempt ends, which counts for nothing until the job lies
there; 2 the job has ended; 3 those who wait for it know. After 1 the lease ends and another attempt is made; after 2 a
worker with nothing else to do tells those who wait: so 3, where the drive does not take it, fails nothing.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from somabus.errors import KeyMissingError, LeaseLostError, StoppedError, StoreError
from somabus.jobs.follower import Follower
from somabus.jobs.gates import Gates, Passed
from somabus.jobs.opening import JobOpener, OpenedJob
from somabus.jobs.records import Records
from somabus.jobs.shelf import Lying, Shelf
from somabus.model.ids import later, milliseconds
from somabus.model.job import Job, JobAddress
from somabus.model.retry import RetryPolicy
from somabus.model.ticket import JobEvent, JobState, Ticket, job_target
from somabus.store.port import Store

_T = TypeVar("_T")
_TRIES: Final = 60
_GLANCE_S: Final = 1.0
_log: Final = logging.getLogger("somabus")


@dataclass(slots=True, eq=False)
class Holding:
    """A job that is this worker's until its lease ends."""

    shelf: Shelf
    ticket: Ticket
    opened: OpenedJob
    began_at: datetime
    lease_for: timedelta = timedelta(seconds=60)
    passed: Passed = field(default_factory=Passed)

    @property
    def job(self) -> Job:
        """The job."""
        return self.opened.job


class Settling:
    """Ends what a worker has claimed.

    Every way out raises `LeaseLostError`, and changes nothing, once the job is not this worker's any more.
    """

    def __init__(
        self,
        store: Store,
        records: Records,
        follower: Follower,
        opener: JobOpener,
        gates: Gates,
        *,
        entropy: Callable[[int], bytes],
        tell: Callable[[str, str, str], None],
    ) -> None:
        self._store = store
        self._records = records
        self._follower = follower
        self._opener = opener
        self._gates = gates
        self._entropy = entropy
        self._tell = tell

    def renew(self, holding: Holding) -> None:
        """Hold on to a job for another while."""
        holding.ticket = holding.shelf.renew(holding.ticket, holding.lease_for)
        self._gates.renew(holding.passed)

    def holds(self, holding: Holding) -> bool:
        """Tell whether a job is this worker's still; it takes nobody else's move away, as a renewal does."""
        return holding.shelf.read(JobState.ACTIVE, holding.ticket.name) is not None

    def complete(self, holding: Holding, result: Any) -> None:
        """Report a job as done, with its result."""
        self._end(holding, JobEvent.COMPLETE, result=result)

    def fail(self, holding: Holding, error: str) -> None:
        """Report a job as failed for good."""
        self._end(holding, JobEvent.FAIL, error=error)

    def retry(self, holding: Holding, error: str) -> None:
        """Report an attempt as failed: it is made again after a while, or the job has failed."""
        job, ticket = holding.job, holding.ticket
        if ticket.failed + 1 >= job.max_attempts:
            self.fail(holding, f"attempt {ticket.failed + 1} of {job.max_attempts}: {error}")
            return
        cap = timedelta(seconds=max(job.backoff_cap_s, job.backoff_s))
        policy = RetryPolicy(base=timedelta(seconds=job.backoff_s), cap=cap)
        dice = int.from_bytes(self._entropy(4)) / (1 << 32)
        due = _due(holding, policy.delay(ticket.failed + 1, dice))
        self._out(holding, JobEvent.RETRY, ticket.retried(due), error=error)

    def snooze(self, holding: Holding, delay: timedelta) -> None:
        """Put a job off; this is no failure."""
        holding.shelf.held(holding.ticket, JobEvent.RETRY, holding.ticket.due(_due(holding, delay)))
        self._gates.leave(holding.passed)

    def release(self, holding: Holding) -> None:
        """Put a job back where it waits, at once; this is no failure."""
        holding.shelf.held(holding.ticket, JobEvent.RELEASE, holding.ticket.idle())
        self._gates.leave(holding.passed)

    def park(self, holding: Holding, why: str) -> None:
        """Set a job aside until a human has looked at it."""
        self._out(holding, JobEvent.PARK, holding.ticket.idle(), error=why)
        job = holding.job
        said = f"the job {job.address} waits for a human: {why}"
        _besides(lambda: self._tell(f"queue {job.queue}", f"parked {job.id}", said))

    def cancel(self, holding: Holding, why: str) -> None:
        """Report a job as one that is not to be done any more."""
        self._end(holding, JobEvent.CANCEL, error=why)

    def let_go(self, holding: Holding) -> None:
        """Give back what a job held that is another's now; no copy of one that was cancelled is covered any more."""
        self._gates.leave(holding.passed)
        with suppress(StoreError):
            if self.has_ended(holding.job.address):
                self._opener.finish(holding.job)

    def await_children(self, holding: Holding) -> None:
        """Let a job wait until its children have ended; if they have, it goes on at once."""
        holding.shelf.held(holding.ticket, JobEvent.AWAIT, holding.ticket.idle())
        self._gates.leave(holding.passed)
        _besides(lambda: self._follower.catch_up(holding.job))
        _besides(lambda: self._follower.settle(holding.job.address))

    def bury(self, shelf: Shelf, ticket: Ticket, job: Job | None, why: str, *, attempt: bool = False) -> None:
        """Set a claimed job aside for good; `attempt`: somebody tried what nobody may."""
        address = JobAddress(shelf.queue, ticket.id)
        self._records.tried(address, ticket.generation, JobEvent.BURY, attempt=ticket.attempt, error=why)
        shelf.held(ticket, JobEvent.BURY, ticket)
        _log.warning("job set aside", extra={"job": str(address), "detail": why})
        if attempt:
            said = f"the job {address} was refused: {why}"
            _besides(lambda: self._tell(f"queue {shelf.queue}", f"refused {ticket.id}", said))
        if job is not None and not attempt and (job.queue, job.id) == address:  # a forged job names whom it likes
            _besides(lambda: self._follower.told(job, JobState.DEAD))

    def bury_stranger(self, shelf: Shelf, state: JobState, name: str, ticket: Ticket, why: str) -> None:
        """Set aside a file that is no job of its own, under a name of ours."""
        self._records.tried(JobAddress(shelf.queue, ticket.id), ticket.generation, JobEvent.BURY, error=why)
        with suppress(KeyMissingError):
            self._store.move(shelf.key(state, name), shelf.key(job_target(state, JobEvent.BURY), ticket.end.name))

    def expire(self, address: JobAddress, lying: Lying, why: str) -> None:
        """End a job that nobody holds, for one of its times has passed."""
        self._follower.ended(address, lying, JobEvent.FAIL, why)

    def has_ended(self, address: JobAddress) -> bool:
        """Tell whether a job has ended: then what is claimed under its id is a copy that somebody laid there."""
        return self._records.ending(address) is not None

    def is_orphan(self, job: Job) -> bool:
        """Tell whether a job's parent was cancelled, and it along with that: it came in late, or was cut off."""
        return self._records.is_orphan(job)

    def quietly(self, settle: Callable[[], None]) -> None:
        """Settle a job that nobody was given; if the lease was lost meanwhile, it is another's to settle."""
        with suppress(LeaseLostError):
            settle()

    # -- steps ------------------------------------------------------------------------------------------------

    def _end(self, holding: Holding, event: JobEvent, *, result: Any = None, error: str = "") -> None:
        self._out(holding, event, holding.ticket, result=result, error=error)
        _besides(lambda: self._opener.finish(holding.job))
        _besides(lambda: self._follower.told(holding.job, job_target(JobState.ACTIVE, event)))  # 3

    def _out(self, holding: Holding, event: JobEvent, to: Ticket, *, result: Any = None, error: str = "") -> None:
        ticket = holding.ticket
        self._records.tried(
            holding.job.address, ticket.generation, event, attempt=ticket.attempt, began_at=holding.began_at,
            result=result, error=error,
        )  # 1  # fmt: skip
        holding.shelf.held(ticket, event, to)  # 2
        self._gates.leave(holding.passed)


def _due(holding: Holding, delay: timedelta) -> int:
    """Return when a job comes again, in ms: not behind the end of its time, at which it has failed."""
    at, end_by = later(holding.shelf.now(), delay), holding.job.end_by
    return milliseconds(at if end_by is None else min(at, end_by))


def _besides(act: Callable[[], object]) -> None:
    """Do what is no part of an end that is there: whoever looks makes good what cannot be written now."""
    try:
        act()
    except StoreError as error:
        _log.warning("could not tell how a job ended", extra={"detail": str(error)})


def patiently(act: Callable[[], _T], hold: Callable[[], None], wait: Callable[[float], object]) -> _T:
    """Do what writes; where the drive is full or away, again and again, while `hold` keeps the job.

    What a handler did, and its end, must not get lost for a drive that is away for a moment.

    Raises:
        LeaseLostError: the job is not this worker's any more. StoreError: it could not be done in all that time.
    """
    for _ in range(_TRIES - 1):
        try:
            return act()
        except StoreError as error:
            _log.warning("could not write, and tries again", extra={"detail": str(error)})
        wait(_GLANCE_S)
        with suppress(StoreError, StoppedError):
            hold()
    return act()
