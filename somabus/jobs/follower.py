"""What an end means to those who wait for it: a job goes on once all that it depends on, and all its children, ended.

    A ends ─► runs/A/then/B.json ─► runs/B/met/A.… (unless A is all it waits for) ─► blocked/B ─► waiting/B

Whoever ends a job tells those who wait for it. Power cut or kill in between: a worker with nothing else to do looks at
everything that is held up, and finds what was not told. A job is let go by what is there: one look may be wrong, and
only what was missed and is missed again an hour later counts as never submitted. And one winner moves it, for it is a
rename.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from functools import cache
from typing import Final, NamedTuple

from somabus.errors import KeyMissingError, MessageError, UnsupportedFormatError
from somabus.jobs.records import UNREADABLE, Ending, Records, decoded
from somabus.jobs.shelf import Lying
from somabus.model.ids import milliseconds
from somabus.model.job import Job, JobAddress, OnFailure
from somabus.model.ticket import HELD_UP, JobEvent, JobState, Ticket, job_target
from somabus.model.work import Bond, Met, Standing, judge, work_digest

_LOOKED_AT: Final = (*HELD_UP, JobState.PAUSED)
_AT_MOST: Final = 500
"""So many jobs are looked at in one go: a worker has other things to do."""

_NEVER_CAME: Final = timedelta(hours=1)
"""What is missed for so long was never submitted: its submit was cut off."""

_Ends = deque[tuple[Job, JobState]]


class Follower:
    """Follows ends to those who wait for them."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._place: dict[str, tuple[int, str]] = {}

    def told(self, job: Job, state: JobState) -> None:
        """Tell those who wait for a job that it has ended in this state; and so on for those that end by that."""
        self._follow(deque([(job, state)]))

    def ended(self, address: JobAddress, lying: Lying, event: JobEvent, why: str) -> bool:
        """End a job that is not in one's own hands, and tell those who wait; False if it is not there any more."""
        ends: _Ends = deque()
        moved = self._ended(address, lying, event, why, ends)
        self._follow(ends)
        return moved

    def settle(self, address: JobAddress, hint: str = "") -> JobState | None:
        """Let a job go on, or fail, if nothing holds it up; return where it went, or None if it stays."""
        ends: _Ends = deque()
        held = self._held(address, hint)
        went = None if held is None else self._moved(held, self._records.met(address), ends)
        self._follow(ends)
        return went

    def look(self, queue: str) -> tuple[int, bool]:
        """Look at what is held up in a queue, so much of it at most, and tell it what it was not told.

        What may not begin any more, or not end any more, has failed by that. Returns how much moved, and whether there
        is more to look at: the next look goes on there.
        """
        page, more = self._page(queue)
        there = cache(lambda where: self._records.shelf(where).open_ids())
        return sum(self._looked(queue, lying, there) for lying in page), more

    def catch_up(self, job: Job) -> None:
        """Write down what has ended and was not told."""
        for address in self._not_met(job):
            self._caught_up(job, address)

    # -- steps ------------------------------------------------------------------------------------------------

    def _page(self, queue: str) -> tuple[list[Lying], bool]:
        """Return the next jobs to be looked at, and whether more are behind them; behind the last, it begins anew."""
        shelf, found = self._records.shelf(queue), list[Lying]()
        index, after = self._place.get(queue, (0, ""))
        while index < len(_LOOKED_AT) and len(found) < _AT_MOST:
            state, room = _LOOKED_AT[index], _AT_MOST - len(found)
            names = shelf.names(state, after, room)
            found += [Lying(state, ticket) for ticket in map(Ticket.parse, names) if ticket is not None]
            index, after = (index, names[-1]) if len(names) == room else (index + 1, "")
        more = index < len(_LOOKED_AT)
        self._place[queue] = (index, after) if more else (0, "")
        return found, more

    def _looked(self, queue: str, lying: Lying, there: Callable[[str], frozenset[str]]) -> bool:
        """Look at one job that is held up or set aside, and tell whether it moved; `there`: what is open in a queue."""
        shelf, (state, ticket) = self._records.shelf(queue), lying
        job = self._read(queue, lying)
        if job is None:
            return self._let_out(queue, lying)
        late = job.late(shelf.now(), begun=ticket.generation > 0)
        if late:
            return self.ended(job.address, lying, JobEvent.FAIL, late)
        if self._records.is_orphan(job):
            return self.ended(job.address, lying, JobEvent.CANCEL, f"its parent {job.parent} was cancelled")
        if state is JobState.PAUSED:
            return False
        left = [each for each in self._not_met(job) if not self._caught_up(job, each)]
        missing = self._records.missing(job.address) if left else []
        for address in left:
            if address.id not in there(address.queue):
                self._miss(job, address)
            elif address.id in missing:
                self._records.seen(job.address, address.id)
        return self.settle(job.address, ticket.name) is not None

    def _let_out(self, queue: str, lying: Lying) -> bool:
        """Let what is no job go where whoever takes it sets it aside; one of a later format is left to newer ones."""
        (state, ticket), shelf = lying, self._records.shelf(queue)
        try:
            decoded(shelf.read(state, ticket.name) or b"")
        except UnsupportedFormatError:
            return False
        except (*UNREADABLE, KeyMissingError):
            pass
        return state in HELD_UP and shelf.move(state, ticket, JobEvent.UNBLOCK, ticket.idle(), durable=False)

    def _not_met(self, job: Job) -> list[JobAddress]:
        """Return what a job waits for and what is not written down as ended."""
        known = {each.id for each in self._records.met(job.address)}
        children = (JobAddress(each.queue, each.id) for each in self._records.bonds(job.address, "children"))
        return [each for each in (*job.needs(), *children) if each.id not in known]

    def _caught_up(self, job: Job, address: JobAddress) -> bool:
        """Write down that something has ended, if it has."""
        ending = self._records.ending(address)
        if ending is not None:
            self._records.meet(job.address, Met(address.id, ending.state, policy(ending)))
        return ending is not None

    def _miss(self, job: Job, address: JobAddress) -> None:
        """Write down that something a job waits for is not to be seen; if it was missed long ago, it never came."""
        shelf = self._records.shelf(address.queue)
        if shelf.now() - self._records.missed(job.address, address.id) < _NEVER_CAME:
            return
        if shelf.find(address.id) is None and not self._caught_up(job, address):
            self._records.meet(job.address, Met(address.id, JobState.FAILED, OnFailure.FAIL))

    def _follow(self, ends: _Ends) -> None:
        while ends:
            job, state = ends.popleft()
            met = Met(job.id, state, job.on_failure)
            for address, hint in self._waiting_for(job):
                self._one(address, hint, met, ends)

    def _waiting_for(self, job: Job) -> Iterator[tuple[JobAddress, str]]:
        """Yield who depends on a job, and its parent, each with the name that it may still have."""
        for bond in self._records.bonds(job.address, "then"):
            yield JobAddress(bond.queue, bond.id), bond.ticket
        parent = JobAddress.parse(job.parent) if job.parent else None
        if parent is not None:
            yield parent, ""

    def _one(self, address: JobAddress, hint: str, met: Met, ends: _Ends) -> None:
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
        shelf, guess = self._records.shelf(address.queue), Ticket.parse(hint)
        lying = None if guess is None else Lying(JobState.BLOCKED, guess)
        job = None if lying is None else self._read(address.queue, lying)
        if job is None:
            lying = shelf.find_in(HELD_UP, address.id)
            job = None if lying is None else self._read(address.queue, lying)
        return None if job is None or lying is None else _Held(job, lying)

    def _moved(self, held: "_Held", met: Iterable[Met], ends: _Ends) -> JobState | None:
        """Make the move that these ends allow, if any, and return where it went; `ends` gets a job that fails."""
        job, lying = held
        needs = [each.id for each in job.needs()]
        standing, culprit = judge(needs, self._records.children(job.address), job.children, met)
        if standing is Standing.GO:
            return self._go(job, lying)
        if standing is Standing.FAIL:
            where = next((str(each) for each in job.needs() if each.id == culprit), culprit)
            event, why = JobEvent.FAIL, f"{where}, which it waits for, did not complete"
            if self._records.is_orphan(job):  # that one was cancelled along with it, and first
                event, why = JobEvent.CANCEL, f"its parent {job.parent} was cancelled"
            return job_target(lying.state, event) if self._ended(job.address, lying, event, why, ends) else None
        return None

    def _go(self, job: Job, lying: Lying) -> JobState | None:
        shelf, ticket = self._records.shelf(job.queue), lying.ticket
        event, to, durable = JobEvent.UNBLOCK, ticket.idle(), False  # a power cut may undo it: it is looked at again
        if job.not_before is not None and job.not_before > shelf.now():
            event, to, durable = JobEvent.POSTPONE, ticket.due(milliseconds(job.not_before)), True
        return job_target(lying.state, event) if shelf.move(lying.state, ticket, event, to, durable=durable) else None

    def _ended(self, address: JobAddress, lying: Lying, event: JobEvent, why: str, ends: _Ends) -> bool:
        """End a job where it lies; `ends` gets it. Cut off before the move, a record lies there that counts not."""
        shelf, ticket = self._records.shelf(address.queue), lying.ticket
        with suppress(KeyMissingError):
            raw = shelf.read(lying.state, ticket.name)
            self._records.tried(address, ticket.generation, event, attempt=ticket.attempt, error=why)
            moved = shelf.move(lying.state, ticket, event, ticket)
            if moved and raw is not None:
                with suppress(*UNREADABLE):  # it has ended, whatever it is
                    job = decoded(raw)
                    ends += [(job, job_target(lying.state, event))] if job.address == address else []
            return moved
        return False

    def _read(self, queue: str, lying: Lying) -> Job | None:
        """Return a job as it lies there; None for one that is gone, cannot be read, or says that it lies elsewhere."""
        with suppress(*UNREADABLE, KeyMissingError):
            raw = self._records.shelf(queue).read(lying.state, lying.ticket.name)
            job = None if raw is None else decoded(raw)
            return job if job is not None and job.address == (queue, lying.ticket.id) else None
        return None


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
    """Return the record of a job that waits, or has a key."""
    return Bond(queue=job.queue, id=job.id, ticket=ticket.name)


def child_of(job: Job, ticket: Ticket) -> Bond:
    """Return the record of a child, by which its parent knows it again."""
    return bond_of(job, ticket).model_copy(update={"work": work_digest(job.name, job.data)})
