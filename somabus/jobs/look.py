"""Looking at jobs: what lies where, how one came to where it is, and why a queue stands still. Nothing is changed."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from somabus.errors import TrustError
from somabus.jobs.aside import Aside, Attachment, Report
from somabus.jobs.ledger import Ledger
from somabus.jobs.opening import JobOpener, OpenedJob
from somabus.jobs.records import UNREADABLE, Ending
from somabus.jobs.standstill import Cause, Ground, Sight, set_aside
from somabus.jobs.workers import WorkerRecord
from somabus.model.ids import from_milliseconds, id_time
from somabus.model.job import JobAddress
from somabus.model.ticket import ENDED, End, JobEvent, JobState, Ticket
from somabus.model.work import Page, Try

_OPEN: Final = tuple(state for state in JobState if state not in ENDED)
_FAILED: Final = (JobEvent.RETRY, JobEvent.FAIL)
_LOOKS: Final = 2
_HOUR: Final = timedelta(hours=1)
_COUNTED: Final = 2_000
_IN_VAIN: Final = 200
"""So many ends in a row that are older than an hour: what was submitted before them has, most likely, too."""


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


@dataclass(frozen=True, slots=True)
class JobFile:
    """One job with all that lies beside it.

    `cause`: why it stands still. `worker`: who has it, if that can be told. `doubt`: why its ledger is not believed.
    """

    view: JobView
    tries: list[Try]
    steps: dict[int, Page]
    children: list[JobAddress]
    progress: Report | None
    spent: dict[str, float]
    attachments: list[Attachment]
    cause: Cause | None = None
    worker: str = ""
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class QueueStats:
    """A queue in numbers.

    `oldest`: since when the one that waits longest does. `stalled`: how often workers vanished over what has not ended.
    `per_hour`: how many were completed within the last hour, or at least so many if not `per_hour_exact`: those
    submitted last are looked at first, and not all of a long queue. `causes`: why it stands still, if it does.
    """

    queue: str
    counts: dict[JobState, int]
    oldest: datetime | None
    stalled: int
    per_hour: int
    per_hour_exact: bool
    workers: list[WorkerRecord]
    causes: list[Cause] = field(default_factory=list)


class Look:
    """Looks on behalf of one agent."""

    def __init__(self, ground: Ground, ledger: Ledger, opener: JobOpener, aside: Aside) -> None:
        self._ground = ground
        self._records = ground.records
        self._book = ledger
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
        view = self.find(address)
        if view is None:
            return None
        children = [JobAddress(each.queue, each.id) for each in self._records.bonds(address, "children")]
        spent = {} if view.opened is None else self._aside.spent(view.opened.job)
        steps, doubt = self._ledger(address)
        return JobFile(
            view,
            self._records.tries(address),
            steps,
            children,
            self._aside.progress(address),
            spent,
            self._aside.attachments(address),
            self._cause(view, steps),
            self._worker(view),
            doubt,
        )

    def stats(self, queue: str) -> QueueStats:
        """Return a queue in numbers."""
        sight, now = Sight(self._ground), self._ground.store.now()
        names = {state: sight.names(queue, state) for state in _OPEN}
        counts = {state: len(found) for state, found in names.items()}
        ended = {state: self._ends(queue, state) for state in ENDED}
        counts |= {state: len(found) for state, found in ended.items()}
        waiting = [name[2:38] for name in names[JobState.WAITING] if Ticket.parse(name) is not None]
        oldest = min(map(id_time, waiting), default=None)
        tickets = [ticket for found in names.values() for ticket in map(Ticket.parse, found) if ticket is not None]
        stalled = sum(each.stalled for each in tickets)
        per_hour, exact = self._per_hour(queue, ended[JobState.COMPLETED], now)
        workers = self._ground.workers.live(queue)
        return QueueStats(queue, counts, oldest, stalled, per_hour, exact, workers, sight.of_queue(queue))

    def standing(self, queue: str) -> tuple[int, list[Cause]]:
        """Return how many jobs of a queue are dead, and why it stands still: what of its numbers cannot wait."""
        return len(self._ends(queue, JobState.DEAD)), Sight(self._ground).of_queue(queue)

    def left_by(self, queue: str, worker: WorkerRecord) -> list[Cause]:
        """Return what a worker leaves lying in a queue, and why."""
        return Sight(self._ground).left_by(queue, worker)

    # -- steps ------------------------------------------------------------------------------------------------

    def _open(self, queue: str, state: JobState, ticket: Ticket) -> JobView:
        opened, fault = self._opened(self._records.shelf(queue).read(state, ticket.name))
        until = None if ticket.until is None else from_milliseconds(ticket.until)
        address = JobAddress(queue, ticket.id)
        why = set_aside(self._records, address) if state is JobState.PAUSED else ""
        return JobView(address, state, ticket.generation, opened, ticket.failed, ticket.stalled, until, fault, why)

    def _ended(self, queue: str, state: JobState, end: End) -> JobView:
        address, opened, fault = JobAddress(queue, end.id), *self._opened(self._records.shelf(queue).ended(state, end))
        said = None if state is JobState.COMPLETED else self._records.last_word(address, Ending(state, end, b""))
        why = "" if said is None else said.error
        failed = sum(each in _FAILED for each in self._records.events(address))
        return JobView(address, state, end.generation, opened, failed, fault=fault, why=why)

    def _ledger(self, address: JobAddress) -> tuple[dict[int, Page], str]:
        """Return the ledger, or why it is not believed: a person must see the job all the same."""
        try:
            return self._book.pages(address), ""
        except (TrustError, *UNREADABLE) as error:
            return {}, str(error)

    def _cause(self, view: JobView, steps: dict[int, Page]) -> Cause | None:
        if view.opened is None or view.state.ended:
            return None
        lying = self._records.shelf(view.address.queue).find(view.address.id)
        cause = lying and Sight(self._ground).of_job(view.opened.job, lying.state, lying.ticket)
        doubtful = [number for number, page in sorted(steps.items()) if page.in_doubt]
        if cause is None or view.state is not JobState.PAUSED or not doubtful:
            return cause
        return cause._replace(step=f"somabus job step {view.address} {doubtful[0]} --again, or --done JSON")

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
        yield from (each.id for state in _OPEN for each in map(Ticket.parse, shelf.names(state)) if each is not None)
        ends = (End.parse(name) for state in ENDED for name in self._ends(queue, state))
        yield from (each.id for each in ends if each is not None)

    def _ends(self, queue: str, state: JobState) -> list[str]:
        shelf = self._records.shelf(queue)
        return [name for day in shelf.names(state) for name in shelf.day(state, day)]

    def _per_hour(self, queue: str, completed: list[str], now: datetime) -> tuple[int, bool]:
        """Count what was completed within the last hour, and tell whether everything was looked at."""
        count = vain = 0
        for looked, name in enumerate(reversed(completed)):
            if looked >= _COUNTED or vain >= _IN_VAIN:
                return count, False
            end = End.parse(name)
            said = end and self._records.last_word(JobAddress(queue, end.id), Ending(JobState.COMPLETED, end, b""))
            late = said is not None and now - said.at <= _HOUR
            count, vain = count + bool(late), 0 if late else vain + 1
        return count, True
