"""Looking at jobs: what lies where, how one came to where it is, and why a queue stands still. Nothing is changed."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from somabus.errors import TrustError
from somabus.jobs.aside import Aside, Attachment, Report
from somabus.jobs.ledger import Ledger
from somabus.jobs.opening import JobOpener, OpenedJob
from somabus.jobs.records import UNREADABLE, Ending
from somabus.jobs.standstill import Cause, Ground, Sight
from somabus.jobs.told import Lately, believed, lately, set_aside, why_ended, why_set_aside
from somabus.jobs.workers import WorkerRecord
from somabus.model.ids import from_milliseconds, id_time
from somabus.model.job import JobAddress
from somabus.model.text import ago, many
from somabus.model.ticket import ENDED, OPEN, End, JobEvent, JobState, Ticket
from somabus.model.work import Page, Try

_FAILED: Final = (JobEvent.RETRY, JobEvent.FAIL)
_LOOKS: Final = 2
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_COUNTED: Final = 2_000
_IN_VAIN: Final = 200
"""So many ends in a row that are older than an hour: what was submitted before them has, most likely, too."""

_FAILURES: Final = 50
_KIN: Final = 100
"""So many failures and children are looked at: each costs some reads."""


@dataclass(frozen=True, slots=True)
class JobView:
    """One job as it lies there.

    `until`: when it is due, or its lease ends. `why`: what was said when it was set aside, or ended otherwise than
    completed. `failed`: of one that has ended, how many of its attempts did.
    """

    address: JobAddress
    state: JobState
    generation: int
    opened: OpenedJob | None
    failed: int = 0
    stalled: int = 0
    until: datetime | None = None
    fault: str = ""
    why: str = ""

    @property
    def submitted_at(self) -> datetime:
        """When it was submitted, by its id."""
        return id_time(self.address.id)


class Kin(NamedTuple):
    """A child of a job: its name and state, if it can be seen and is among the first hundred."""

    address: JobAddress
    name: str = ""
    state: JobState | None = None


@dataclass(frozen=True, slots=True)
class JobFile:
    """One job with all that lies beside it.

    `tries`: how each attempt ended, as far as that is proven; `unproven`: so many records of it are nobody's word.
    `cause`: why it stands still. `worker`: who has it, if that can be told. `doubt`: why its ledger is not believed.
    """

    view: JobView
    tries: list[Try]
    steps: dict[int, Page]
    children: list[Kin]
    progress: Report | None
    spent: dict[str, float]
    attachments: list[Attachment]
    cause: Cause | None = None
    worker: str = ""
    doubt: str = ""
    unproven: int = 0


@dataclass(frozen=True, slots=True)
class QueueStats:
    """A queue in numbers.

    `oldest`: since when the one that waits longest does. `stalled`: how often workers vanished over what has not ended.
    `per_hour`: how many were completed within the last hour, or at least so many if not `per_hour_exact`: those
    submitted last are looked at first, and not all of a long queue. `causes`: why it stands still, if it does.
    `failures`: what failed within the last day, and what is dead.
    """

    queue: str
    counts: dict[JobState, int]
    oldest: datetime | None
    stalled: int
    per_hour: int
    per_hour_exact: bool
    workers: list[WorkerRecord]
    causes: list[Cause] = field(default_factory=list)
    failures: list[Cause] = field(default_factory=list)


class Look:
    """Looks on behalf of one agent."""

    def __init__(self, ground: Ground, ledger: Ledger, opener: JobOpener, aside: Aside) -> None:
        self._ground = ground
        self._records = ground.records
        self._ledger = ledger
        self._opener = opener
        self._aside = aside

    def queues(self) -> list[str]:
        """Return the names of all queues."""
        return self._records.queues()

    def jobs(self, queue: str, state: JobState, limit: int = 100) -> Iterator[JobView]:
        """Yield the jobs of a queue in a state, in the order of service; of those that ended, the last first."""
        shelf = self._records.shelf(queue)
        if not state.ended:
            for name in shelf.names(state)[:limit]:
                ticket = Ticket.parse(name)
                if ticket is not None:
                    yield self._open(queue, state, ticket)
            return
        left = limit
        for day in reversed(shelf.names(state)):
            for name in reversed(shelf.day(state, day)):
                end = End.parse(name)
                if end is not None and left > 0:
                    left -= 1
                    yield self._ended(queue, state, end)

    def find(self, address: JobAddress) -> JobView | None:
        """Return one job, wherever it lies, or None if there is none."""
        for _ in range(_LOOKS):  # it may end while it is looked for
            ending = self._records.ending(address)
            if ending is not None:
                return self._ended(address.queue, ending.state, ending.end)
            lying = self._records.shelf(address.queue).find(address.id)
            if lying is not None:
                return self._open(address.queue, lying.state, lying.ticket)
        return None

    def named(self, ending: str) -> list[JobAddress]:
        """Return the jobs, in all queues, whose id ends like this."""
        return sorted(
            {JobAddress(queue, each) for queue in self.queues() for each in self._ids(queue) if each.endswith(ending)}
        )

    def file(self, address: JobAddress) -> JobFile | None:
        """Return one job with all that lies beside it, or None if there is none."""
        said = self._records.tries(
            address
        )  # before the look: its generation is then that of the last of them, or above
        view = self.find(address)
        if view is None:
            return None
        children = [JobAddress(each.queue, each.id) for each in self._records.bonds(address, "children")]
        tries = believed(self._records, said, view.generation)
        spent = {} if view.opened is None else self._aside.spent(view.opened.job)
        steps, doubt = self._steps(address)
        return JobFile(
            view,
            tries,
            steps,
            [*map(self._kin, children[:_KIN]), *map(Kin, children[_KIN:])],
            self._aside.progress(address),
            spent,
            self._aside.attachments(address),
            self._cause(view, steps),
            self._worker(view),
            doubt,
            len(said) - len(tries),
        )

    def counts(self, queue: str) -> dict[JobState, int]:
        """Return how many jobs of a queue are in which state: names alone, and nothing is read."""
        shelf = self._records.shelf(queue)
        return {each: len(self._ends(queue, each) if each.ended else shelf.names(each)) for each in JobState}

    def stats(self, queue: str) -> QueueStats:
        """Return a queue in numbers."""
        sight, now = Sight(self._ground), self._ground.store.now()
        names = {state: sight.names(queue, state) for state in OPEN}
        counts = {state: len(found) for state, found in names.items()}
        ended = {state: self._ends(queue, state) for state in ENDED}
        counts |= {state: len(found) for state, found in ended.items()}
        waiting = [name[2:38] for name in names[JobState.WAITING] if Ticket.parse(name) is not None]
        oldest = min(map(id_time, waiting), default=None)
        tickets = [ticket for found in names.values() for ticket in map(Ticket.parse, found) if ticket is not None]
        stalled = sum(each.stalled for each in tickets)
        done = reversed(ended[JobState.COMPLETED])
        hour = lately(
            self._records, queue, JobState.COMPLETED, done, now - _HOUR, most=_COUNTED, in_vain=_IN_VAIN
        )  # fmt: skip
        workers, causes = self._ground.workers.live(queue), sight.of_queue(queue)
        failures = self._failures(queue, ended[JobState.FAILED], ended[JobState.DEAD])
        return QueueStats(queue, counts, oldest, stalled, hour.number, hour.exact, workers, causes, failures)

    def standing(self, queue: str) -> tuple[list[Cause], list[Cause]]:
        """Return what of a queue's jobs failed or is dead, and why it stands still: what of it cannot wait."""
        failed, dead = self._ends(queue, JobState.FAILED), self._ends(queue, JobState.DEAD)
        return self._failures(queue, failed, dead), Sight(self._ground).of_queue(queue)

    def left_by(self, queue: str, worker: WorkerRecord) -> list[Cause]:
        """Return what a worker leaves lying in a queue, and why."""
        return Sight(self._ground).left_by(queue, worker)

    # -- steps ------------------------------------------------------------------------------------------------

    def _open(self, queue: str, state: JobState, ticket: Ticket) -> JobView:
        opened, fault = self._opened(self._records.shelf(queue).read(state, ticket.name))
        until = None if ticket.until is None else from_milliseconds(ticket.until)
        address = JobAddress(queue, ticket.id)
        why = why_set_aside(self._records, address, ticket.generation) if state is JobState.PAUSED else ""
        return JobView(address, state, ticket.generation, opened, ticket.failed, ticket.stalled, until, fault, why)

    def _ended(self, queue: str, state: JobState, end: End) -> JobView:
        address, opened, fault = JobAddress(queue, end.id), *self._opened(self._records.shelf(queue).ended(state, end))
        why = why_ended(self._records, address, Ending(state, end, b""))
        failed = sum(each in _FAILED for each in self._records.events(address))
        return JobView(address, state, end.generation, opened, failed, fault=fault, why=why)

    def _steps(self, address: JobAddress) -> tuple[dict[int, Page], str]:
        """Return the ledger, or why it is not believed: a person must see the job all the same."""
        try:
            return self._ledger.pages(address), ""
        except (TrustError, *UNREADABLE) as error:
            return {}, str(error)

    def _cause(self, view: JobView, steps: dict[int, Page]) -> Cause | None:
        if view.opened is None or view.state.ended:
            return None
        lying = self._records.shelf(view.address.queue).find(view.address.id)
        cause = lying and Sight(self._ground).of_job(view.opened.job, lying.state, lying.ticket)
        if cause is None or view.state is not JobState.PAUSED:
            return cause
        doubtful = [number for number, page in sorted(steps.items()) if page.in_doubt]
        if not doubtful:
            return cause._replace(why=cause.why + self._done_since(view, steps))
        return cause._replace(step=f"somabus job step {view.address} {doubtful[0]} --again, or --done JSON")

    def _done_since(self, view: JobView, steps: dict[int, Page]) -> str:
        """Say which step was done after the job was set aside: by a worker that came back, or as somebody said."""
        said = set_aside(self._records, view.address, view.generation)
        done = [n for n, page in sorted(steps.items()) if said and page.done and page.done.at > said.at]
        return f"; step {done[-1]} is done since" if done else ""

    def _kin(self, child: JobAddress) -> Kin:
        view = self.find(child)
        return Kin(child) if view is None else Kin(child, view.opened.job.name if view.opened else "", view.state)

    def _worker(self, view: JobView) -> str:
        """Return the agent whose worker says that it is at this job."""
        live = self._ground.workers.live(view.address.queue) if view.state is JobState.ACTIVE else []
        return next((each.agent for each in live if each.doing == str(view.address)), "")

    def _opened(self, raw: bytes | None) -> tuple[OpenedJob | None, str]:
        if raw is None:
            return None, "it was moved while it was looked at"
        try:
            return self._opener.open(raw), ""
        except UNREADABLE as error:
            return None, str(error)

    def _ids(self, queue: str) -> Iterator[str]:
        shelf = self._records.shelf(queue)
        yield from (each.id for state in OPEN for each in map(Ticket.parse, shelf.names(state)) if each is not None)
        ends = (End.parse(name) for state in ENDED for name in self._ends(queue, state))
        yield from (each.id for each in ends if each is not None)

    def _ends(self, queue: str, state: JobState) -> list[str]:
        shelf = self._records.shelf(queue)
        return [name for day in shelf.names(state) for name in shelf.day(state, day)]

    def _failures(self, queue: str, failed: list[str], dead: list[str]) -> list[Cause]:
        """Say what of a queue did not come to a good end: what failed within a day, and all that is dead."""
        now = self._ground.store.now()
        day = lately(
            self._records, queue, JobState.FAILED, reversed(failed), now - _DAY, most=_FAILURES, in_vain=_FAILURES
        )  # fmt: skip
        see = f"somabus jobs list {queue} --state"
        said = [Cause(f"{_jobs(day)} failed within a day, the last {ago(day.last, now)}", f"{see} failed")]
        buried = [Cause(f"{many(len(dead), 'job')} dead: workers vanished, or nobody may run them", f"{see} dead")]
        return [*(said if day.number else []), *(buried if dead else [])]


def _jobs(found: Lately) -> str:
    return many(found.number, "job") if found.exact else f"{found} jobs"
