"""Looking at jobs: what lies where, how one came to where it is, and why a queue stands still. Nothing is changed."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from somabus.jobs.aside import Aside, Report
from somabus.jobs.opening import JobOpener, OpenedJob
from somabus.jobs.records import UNREADABLE, Records
from somabus.jobs.workers import WorkerRecord, Workers
from somabus.model.ids import from_milliseconds, id_time
from somabus.model.job import JobAddress
from somabus.model.text import many
from somabus.model.ticket import ENDED, End, JobState, Ticket
from somabus.model.work import Page, Try

_OPEN: Final = tuple(state for state in JobState if state not in ENDED)
_LOOKS: Final = 2
_GLANCES: Final = 50
_COUNTED: Final = 200


@dataclass(frozen=True, slots=True)
class JobView:
    """One job as it lies there. `until`: when it is due, or its lease ends."""

    address: JobAddress
    state: JobState
    generation: int
    opened: OpenedJob | None
    failed: int = 0
    stalled: int = 0
    until: datetime | None = None
    fault: str = ""

    @property
    def submitted_at(self) -> datetime:
        """When it was submitted, by its id."""
        return id_time(self.address.id)


@dataclass(frozen=True, slots=True)
class JobFile:
    """One job with all that lies beside it."""

    view: JobView
    tries: list[Try]
    steps: dict[int, Page]
    children: list[JobAddress]
    progress: Report | None
    spent: dict[str, float]


@dataclass(frozen=True, slots=True)
class QueueStats:
    """A queue in numbers. `causes`: why it stands still, if it does, each with what to do."""

    queue: str
    counts: dict[JobState, int]
    oldest: datetime | None
    stalled: int
    per_hour: float
    workers: list[WorkerRecord]
    causes: list[str] = field(default_factory=list)


class Look:
    """Looks on behalf of one agent."""

    def __init__(self, records: Records, opener: JobOpener, workers: Workers, aside: Aside) -> None:
        self._records = records
        self._opener = opener
        self._workers = workers
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

    def file(self, address: JobAddress) -> JobFile | None:
        """Return one job with all that lies beside it, or None if there is none."""
        view = self.find(address)
        if view is None:
            return None
        children = [JobAddress(each.queue, each.id) for each in self._records.bonds(address, "children")]
        spent = {} if view.opened is None else self._aside.spent(view.opened.job)
        return JobFile(
            view,
            self._records.tries(address),
            self._records.steps(address),
            children,
            self._aside.progress(address),
            spent,
        )

    def stats(self, queue: str) -> QueueStats:
        """Return a queue in numbers."""
        shelf = self._records.shelf(queue)
        now, names = shelf.now(), {state: shelf.names(state) for state in _OPEN}
        counts = {state: len(found) for state, found in names.items()}
        ended = {state: self._ends(queue, state) for state in ENDED}
        counts |= {state: len(found) for state, found in ended.items()}
        waiting = [name[2:38] for name in names[JobState.WAITING] if Ticket.parse(name) is not None]
        oldest = min(map(id_time, waiting), default=None)
        tickets = [ticket for found in names.values() for ticket in map(Ticket.parse, found) if ticket is not None]
        workers = self._workers.live(queue)
        per_hour = self._per_hour(queue, ended[JobState.COMPLETED], now)
        stalled = sum(each.stalled for each in tickets)
        return QueueStats(queue, counts, oldest, stalled, per_hour, workers, self._causes(queue, names, workers, now))

    # -- steps ------------------------------------------------------------------------------------------------

    def _open(self, queue: str, state: JobState, ticket: Ticket) -> JobView:
        opened, fault = self._opened(self._records.shelf(queue).read(state, ticket.name))
        until = None if ticket.until is None else from_milliseconds(ticket.until)
        address = JobAddress(queue, ticket.id)
        return JobView(address, state, ticket.generation, opened, ticket.failed, ticket.stalled, until, fault)

    def _ended(self, queue: str, state: JobState, end: End) -> JobView:
        opened, fault = self._opened(self._records.shelf(queue).ended(state, end))
        return JobView(JobAddress(queue, end.id), state, end.generation, opened, fault=fault)

    def _opened(self, raw: bytes | None) -> tuple[OpenedJob | None, str]:
        if raw is None:
            return None, "it was moved while it was looked at"
        try:
            return self._opener.open(raw), ""
        except UNREADABLE as error:
            return None, str(error)

    def _ends(self, queue: str, state: JobState) -> list[str]:
        shelf = self._records.shelf(queue)
        return [name for day in shelf.names(state) for name in shelf.day(state, day)]

    def _per_hour(self, queue: str, completed: list[str], now: datetime) -> float:
        """Return how many were completed within the last hour, of those submitted lately."""
        count = 0
        for name in completed[-_COUNTED:]:
            end = End.parse(name)
            if end is None:
                continue
            with suppress(*UNREADABLE):
                ending = self._records.ending(JobAddress(queue, end.id))
                said = None if ending is None else self._records.last_word(JobAddress(queue, end.id), ending)
                count += said is not None and now - said.at <= timedelta(hours=1)
        return float(count)

    def _causes(
        self, queue: str, names: dict[JobState, list[str]], workers: list[WorkerRecord], now: datetime
    ) -> list[str]:
        """Say why a queue stands still, each with the next step."""
        count = {state: len(found) for state, found in names.items()}
        waiting, blocked = count[JobState.WAITING], count[JobState.BLOCKED]
        found = []
        if waiting and not workers:
            found.append(f"{many(waiting, 'job')} to do and no worker lives: somabus work --queue {queue}")
        unfit = self._unfit(queue, workers) if waiting and workers else 0
        if unfit:
            found.append(f"no live worker takes {unfit} of those that wait: one needs the handler, tags and skills")
        held = [each for each in map(Ticket.parse, names[JobState.ACTIVE]) if each is not None]
        vanished = sum(from_milliseconds(each.until or 0) < now for each in held)
        if vanished:
            found.append(f"{many(vanished, 'job')} in the hands of workers that vanished; any live worker takes over")
        if paused := count[JobState.PAUSED]:
            found.append(f"{many(paused, 'job')} set aside for a human: somabus jobs {queue} --state paused")
        if blocked and not waiting and not count[JobState.ACTIVE] and not count[JobState.DELAYED]:
            found.append(
                f"{many(blocked, 'job')} held up by others that do not run: somabus jobs {queue} --state blocked"
            )
        return found

    def _unfit(self, queue: str, workers: list[WorkerRecord]) -> int:
        """Count those of the first that wait which no live worker takes."""
        first = [view.opened.job for view in self.jobs(queue, JobState.WAITING, _GLANCES) if view.opened is not None]
        return sum(not any(each.able(job) for each in workers) for job in first)
