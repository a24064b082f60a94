"""What an end means to those who wait for it: a job goes on once all that it depends on, and all its children, ended.

    A ends ─► runs/A/then/B.json ─► runs/B/met/A.… (unless A is all it waits for) ─► blocked/B ─► waiting/B

Whoever ends a job tells those who wait for it. Power cut or kill in between: a worker with nothing else to do looks at
everything that is held up, and finds what was not told. A job is let go by what is there, never by what is missing:
a listing may be old. And one winner moves it, for it is a rename.
"""

from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from somabus.errors import KeyMissingError, MessageError
from somabus.jobs.records import UNREADABLE, Ending, Records, decoded
from somabus.jobs.shelf import Lying
from somabus.model.ids import id_time, milliseconds
from somabus.model.job import Job, JobAddress, OnFailure
from somabus.model.ticket import JobEvent, JobState, Ticket, job_target
from somabus.model.work import Bond, Met, Standing, judge

_HELD_UP: Final = (JobState.BLOCKED, JobState.WAITING_CHILDREN)
_MISSED_FOR: Final = timedelta(minutes=10)
_LOOKS: Final = 3
_SURELY: Final = timedelta(days=1)
_NEVER_CAME: Final = timedelta(hours=1)
"""So long after its submit whatever a job waits for is there, or its submit was cut off."""


class Follower:
    """Follows ends to those who wait for them."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._missing: dict[JobAddress, tuple[datetime, int]] = {}
        self._there: dict[str, frozenset[str]] = {}

    def told(self, job: Job, state: JobState) -> None:
        """Tell those who wait for a job that it has ended in this state; and so on for those that end by that."""
        ends = deque([(job, state)])
        while ends:
            job, state = ends.popleft()
            met = Met(job.id, state, job.on_failure)
            for bond in self._records.bonds(job.address, "then"):
                self._one(JobAddress(bond.queue, bond.id), bond.ticket, met, ends)
            parent = JobAddress.parse(job.parent) if job.parent else None
            if parent is not None:
                self._one(parent, "", met, ends)

    def settle(self, address: JobAddress, hint: str = "") -> None:
        """Let a job go on, or fail, if nothing holds it up."""
        ends: deque[tuple[Job, JobState]] = deque()
        held = self._held(address, hint)
        if held is not None:
            self._moved(held, self._records.met(address), ends)
        while ends:
            self.told(*ends.popleft())

    def look(self, queue: str) -> int:
        """Look at everything in a queue that is held up, and tell it what it was not told; return how much moved."""
        shelf, moved = self._records.shelf(queue), 0
        self._there.clear()
        for state in _HELD_UP:
            for name in shelf.names(state):
                ticket = Ticket.parse(name)
                job = None if ticket is None else self._read(queue, Lying(state, ticket))
                if job is not None:
                    self.catch_up(job)
                    self.settle(job.address, name)
                    moved += shelf.read(state, name) is None
        return moved

    def catch_up(self, job: Job) -> None:
        """Write down what has ended and was not told; what never came counts as failed."""
        known = {each.id for each in self._records.met(job.address)}
        children = [JobAddress(each.queue, each.id) for each in self._records.bonds(job.address, "children")]
        for address in (*job.needs(), *children):
            if address.id in known:
                continue
            ending = self._records.ending(address)
            if ending is not None:
                self._records.meet(job.address, Met(address.id, ending.state, policy(ending)))
            elif self._never_came(address):
                self._records.meet(job.address, Met(address.id, JobState.FAILED, OnFailure.FAIL))

    # -- steps ------------------------------------------------------------------------------------------------

    def _one(self, address: JobAddress, hint: str, met: Met, ends: deque[tuple[Job, JobState]]) -> None:
        """Tell one job of an end. If it waits for nothing else, its move is all that needs to be written.

        Cut off before the move, it is still held up, and is told by whoever looks.
        """
        held = self._held(address, hint)
        if held is not None and _waits_for_one(held.job) and self._moved(held, [met], ends):
            return
        self._records.meet(address, met)
        held = held or self._held(address, hint)  # it may have begun to wait meanwhile
        if held is not None:
            self._moved(held, self._records.met(address), ends)

    def _held(self, address: JobAddress, hint: str) -> "_Held | None":
        """Return a job that is held up, and where; None if it is not, or cannot be read."""
        lying = self._records.shelf(address.queue).find(address.id, hint)
        if lying is None or lying.state not in _HELD_UP:
            return None
        job = self._read(address.queue, lying)
        return None if job is None else _Held(job, lying)

    def _moved(self, held: "_Held", met: Iterable[Met], ends: deque[tuple[Job, JobState]]) -> bool:
        """Make the move that these ends allow, if any, and tell whether it was made; `ends` gets a job that fails."""
        job, lying = held
        needs = [each.id for each in job.needs()]
        standing, culprit = judge(needs, self._records.children(job.address), job.children, met)
        if standing is Standing.GO:
            return self._go(job, lying)
        if standing is Standing.FAIL:
            return self._fail(job, lying, f"{culprit}, which it waits for, did not complete", ends)
        return False

    def _go(self, job: Job, lying: Lying) -> bool:
        shelf, ticket = self._records.shelf(job.queue), lying.ticket
        if job.not_before is not None and job.not_before > shelf.now():
            return shelf.move(lying.state, ticket, JobEvent.POSTPONE, ticket.due(milliseconds(job.not_before)))
        # a power cut may undo it: then it is looked at again
        return shelf.move(lying.state, ticket, JobEvent.UNBLOCK, ticket.idle(), durable=False)

    def _fail(self, job: Job, lying: Lying, why: str, ends: deque[tuple[Job, JobState]]) -> bool:
        self._records.tried(job.address, lying.ticket.generation, JobEvent.FAIL, error=why)
        moved = self._records.shelf(job.queue).move(lying.state, lying.ticket, JobEvent.FAIL, lying.ticket)
        if moved:
            ends.append((job, job_target(lying.state, JobEvent.FAIL)))
        return moved

    def _never_came(self, address: JobAddress) -> bool:
        """Tell whether a job was never submitted: it was missed in many looks, over a long time.

        One look proves nothing, for a listing may be old, and it may be moved or end while it is looked for.
        """
        now = self._records.shelf(address.queue).now()
        if now - id_time(address.id) <= _NEVER_CAME or address.id in self._open_in(address.queue):
            self._missing.pop(address, None)
            return False
        since, looks = self._missing.get(address, (now, 0))
        self._missing[address] = since, looks + 1
        early = now - id_time(address.id) < _SURELY and (looks < _LOOKS or now - since < _MISSED_FOR)
        if early or self._records.ending(address) is not None:
            return False
        del self._missing[address]
        return True

    def _open_in(self, queue: str) -> frozenset[str]:
        """Return the ids of all jobs of a queue that have not ended, listed once a look."""
        if queue not in self._there:
            self._there[queue] = self._records.shelf(queue).open_ids()
        return self._there[queue]

    def _read(self, queue: str, lying: Lying) -> Job | None:
        try:
            raw = self._records.shelf(queue).read(lying.state, lying.ticket.name)
            return None if raw is None else decoded(raw)
        except (*UNREADABLE, KeyMissingError):
            return None  # whoever takes it sets it aside


class _Held(NamedTuple):
    """A job that is held up, and where it lies."""

    job: Job
    lying: Lying


def _waits_for_one(job: Job) -> bool:
    return len(job.depends_on) == 1 and not job.children


def policy(ending: Ending) -> OnFailure:
    """Return what the failure of a job means to those who wait for it; the hardest, if it cannot be read."""
    try:
        return decoded(ending.raw).on_failure
    except MessageError:
        return OnFailure.FAIL


def bond_of(job: Job, ticket: Ticket) -> Bond:
    """Return the record of a job that waits, or is a child."""
    return Bond(queue=job.queue, id=job.id, ticket=ticket.name)
