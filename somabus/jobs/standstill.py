"""Why jobs stand still, and what a person can do about it.

    waiting, delayed and due, left by a vanished worker   a stop · no worker · none that fits · a gate · its turn
    blocked, waiting-children                             what it waits for, and why that stands still
    paused                                                what was said when it was set aside

Nothing is changed, and nothing is decided by what is said here: a job gets to a worker by its claim alone.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from functools import cache
from typing import Final, NamedTuple

from somabus.errors import ConfigurationError
from somabus.halt import Stopped
from somabus.jobs.asking import asks, worker_for
from somabus.jobs.gates import is_quiet
from somabus.jobs.records import UNREADABLE, Records, decoded
from somabus.jobs.shelf import Lying
from somabus.jobs.told import why_set_aside
from somabus.jobs.workers import WorkerRecord, Workers
from somabus.lease import Leases
from somabus.model import tree
from somabus.model.ids import from_milliseconds, milliseconds
from somabus.model.job import Job, JobAddress, Rate, Slots
from somabus.model.leases import slot_name
from somabus.model.stop import Range
from somabus.model.text import ago, many
from somabus.model.ticket import HELD_UP, OPEN, JobState, Ticket
from somabus.model.wallclock import zone_of
from somabus.store.port import Store

_GLANCES: Final = 50
_CHAINS: Final = 10
_LINKS: Final = 20
"""So many jobs that wait for others are followed, each so far: it costs some listings for each step."""

_NAMED: Final = 5


class Cause(NamedTuple):
    """Why a job, or a queue, stands still. `step`: what to do; empty for what goes on by itself."""

    why: str
    step: str = ""

    def __str__(self) -> str:
        return f"{self.why}; next: {self.step}" if self.step else self.why


class Ground(NamedTuple):
    """What is looked at. `recipient`: who alone may run a job that takes an approval; None for all others."""

    store: Store
    records: Records
    workers: Workers
    leases: Leases
    stops: Callable[[], tuple[Stopped, ...]]
    recipient: Callable[[Job], str | None]


class Sight:
    """One look at the queues: each folder is listed once, and of each the first jobs are read."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._now: datetime = ground.store.now()
        self._stops = ground.stops()
        self._workers = cache(ground.workers.live)
        self._names = cache(lambda queue, state: ground.records.shelf(queue).names(state))

    def names(self, queue: str, state: JobState) -> list[str]:
        """Return the names in the folder of a state, as they were listed."""
        return self._names(queue, state)

    def of_queue(self, queue: str) -> list[Cause]:
        """Say what holds up the jobs of a queue, how many of the first, and what helps."""
        ready = list(self._ready(queue))
        found = self._counted(queue, ready, lambda job, _lying: self._held(job, self._workers(queue)))
        said = [Cause(f"{_wait(count)}: {cause.why}", cause.step) for cause, count in found.items()]
        said += _only_of(_GLANCES, ready) if said else []
        left = sum(each.state is JobState.ACTIVE for each in ready)
        if left and self._workers(queue):
            gone = f"{many(left, 'job')} left behind by workers that vanished: the first free one takes over"
            said.append(Cause(gone, f"somabus work --queue {queue}"))
        held_up = [each for state in HELD_UP for each in self._lying(queue, state)]
        stuck = self._counted(queue, held_up[:_CHAINS], lambda job, lying: self._stuck(job, lying.state))
        said += [Cause(f"{_wait(count)} for others: {cause.why}", cause.step) for cause, count in stuck.items()]
        said += _only_of(_CHAINS, held_up) if stuck else []
        return [*said, *self._paused(queue)]

    def left_by(self, queue: str, worker: WorkerRecord) -> list[Cause]:
        """Say what a worker leaves lying in a queue, and why."""
        ready = list(self._ready(queue))
        others = self._counted(queue, ready, lambda job, _lying: None if worker.able(job) else Cause(asks(job)))
        named = ", ".join([cause.why for cause in others][:_NAMED]) + (" …" if len(others) > _NAMED else "")
        said = [Cause(f"{_wait(others.total())} that this worker does not take: {named}")] if others else []
        gates = self._counted(queue, ready, lambda job, _lying: self._gate(job) if worker.able(job) else None)
        said += [Cause(f"{_wait(count)}: {cause.why}") for cause, count in gates.items()]
        return [*said, *(_only_of(_GLANCES, ready) if said else [])]

    def of_job(self, job: Job, state: JobState, ticket: Ticket) -> Cause | None:
        """Say why one job stands still; None for one that does not, or of which its state says all."""
        if state is JobState.PAUSED:
            return Cause(self._said_of(job.queue, ticket), f"somabus job resume {job.address}")
        if state in HELD_UP:
            cause = self._stuck(job, state) or Cause(self._waits_for(job))
            return cause._replace(why=cause.why.replace(f"{job.address} waits", "it waits", 1))
        if not self._is_ready(Lying(state, ticket)):
            return None
        return self._held(job, self._workers(job.queue)) or self._next(job, state, ticket)

    def _next(self, job: Job, state: JobState, ticket: Ticket) -> Cause:
        """Say when its turn comes; a worker that was killed counts as alive for a while."""
        if state is JobState.ACTIVE:
            return Cause("its worker vanished: the first free one takes over", worker_for(job))
        before = sum(name < ticket.name for name in self._names(job.queue, JobState.WAITING))
        seen = ago(max(each.seen_at for each in self._workers(job.queue) if each.able(job)), self._now)
        return Cause(f"its turn comes after {many(before, 'job')}; a worker that takes it was seen {seen}")

    # -- ready to be taken ------------------------------------------------------------------------------------

    def _lying(self, queue: str, state: JobState) -> list[Lying]:
        tickets = map(Ticket.parse, self._names(queue, state))
        return [Lying(state, ticket) for ticket in tickets if ticket is not None]

    def _is_ready(self, lying: Lying) -> bool:
        until = lying.ticket.until
        over = until is not None and until <= milliseconds(self._now)
        return lying.state is JobState.WAITING or (lying.state in (JobState.DELAYED, JobState.ACTIVE) and over)

    def _ready(self, queue: str) -> Iterator[Lying]:
        for state in (JobState.WAITING, JobState.DELAYED, JobState.ACTIVE):
            yield from filter(self._is_ready, self._lying(queue, state))

    def _counted(
        self, queue: str, lying: Iterable[Lying], judge: Callable[[Job, Lying], Cause | None]
    ) -> Counter[Cause]:
        """Judge the first of them, and count who has the same cause."""
        found = Counter[Cause]()
        for each in [*lying][:_GLANCES]:
            job = self._read(queue, each)
            cause = None if job is None else judge(job, each)
            if cause is not None:
                found[cause] += 1
        return found

    def _read(self, queue: str, lying: Lying) -> Job | None:
        with suppress(*UNREADABLE):
            raw = self._ground.records.shelf(queue).read(lying.state, lying.ticket.name)
            return None if raw is None else decoded(raw)
        return None  # whoever takes it sets it aside

    def _held(self, job: Job, workers: Iterable[WorkerRecord]) -> Cause | None:
        """Say why no worker takes a job that is ready."""
        for each in self._stops:
            if each.scope.covers("", job.name):
                return Cause(str(each), _lift(each))
        recipient = self._ground.recipient(job)
        if recipient is not None:
            if "answer.json" not in self._ground.store.list(tree.approval(job.approval or "")):
                return Cause("no operator has answered what it asks for", f"somabus approvals {job.approval}")
            job = job.model_copy(update={"worker": recipient})
        if not workers:
            return Cause("no worker lives", worker_for(job))
        able = [each for each in workers if each.able(job)]
        if not able:
            return Cause(f"no live worker takes {asks(job)}", worker_for(job))
        stops = [next((stop for stop in self._stops if stop.scope.covers(each.agent, None)), None) for each in able]
        if stops[0] is not None and all(stops):
            return Cause(str(stops[0]), _lift(stops[0]))
        return self._gate(job)

    def _gate(self, job: Job) -> Cause | None:
        """Say which gate holds back a job that has a worker."""
        if job.quiet is not None and is_quiet(job.quiet, self._now):
            with suppress(ConfigurationError):
                zone_of(job.quiet.zone)
                return Cause(f"its quiet hours last until {job.quiet.ends} {job.quiet.zone}")
            return Cause(f"its quiet hours are told in {job.quiet.zone}, a zone that this machine does not know")
        slots = None if job.slots is None else self._slots(job.slots)
        return slots or (None if job.rate is None else self._rate(job.queue, job.rate))

    def _slots(self, slots: Slots) -> Cause | None:
        held = [self._ground.leases.held(slot_name(slots.key, number)) for number in range(slots.count)]
        holders = Counter(each.agent for each in held if each is not None)
        if holders.total() < slots.count:
            return None
        return Cause(f"no slot of {slots.key} is free: {', '.join(f'{who} has {n}' for who, n in holders.items())}")

    def _rate(self, queue: str, rate: Rate) -> Cause | None:
        """Say that as many have begun within a window as may; its folder is called as its end and its width."""
        store, folder, now = self._ground.store, tree.rate(queue, rate.key), milliseconds(self._now)
        for window in store.list(folder):
            end, _, width = window.partition("-")
            if width == str(max(1, round(rate.window_s * 1000))) and end.isdigit() and int(end) > now:
                count = len(store.list(f"{folder}/{window}"))
                if count >= rate.count:
                    until = ago(from_milliseconds(int(end)), self._now)
                    return Cause(f"{count} of the rate {rate.key} have begun; the next may {until}")
        return None

    # -- waiting for others -----------------------------------------------------------------------------------

    def _open_needs(self, job: Job) -> list[JobAddress]:
        """Return what a job waits for and what is not written down as ended."""
        records = self._ground.records
        children = [JobAddress(each.queue, each.id) for each in records.bonds(job.address, "children")]
        met = {each.id for each in records.met(job.address)}
        return [each for each in dict.fromkeys([*job.needs(), *children]) if each.id not in met]

    def _waits_for(self, job: Job) -> str:
        """Name the first that a job waits for, each with its state."""
        needs = self._open_needs(job)
        named = ", ".join(f"{each} ({self._state(each)})" for each in needs[:_NAMED])
        more = f" and {len(needs) - _NAMED:,} more" if len(needs) > _NAMED else ""
        return f"it waits for {named}{more}" if needs else "all that it waits for has ended; it goes on at once"

    def _stuck(self, job: Job, state: JobState, seen: frozenset[JobAddress] = frozenset()) -> Cause | None:
        """Say which of the others does not move, if one does not."""
        known = len(self._ground.records.children(job.address))
        if state is JobState.BLOCKED and known < job.children:
            short = (
                f"{job.address} waits for {job.children} children, and {known} {'is' if known == 1 else 'are'} there"
            )
            return Cause(short, f"somabus submit NAME --parent {job.address}")
        seen |= {job.address}
        for each in self._open_needs(job)[:_LINKS]:
            cause = self._other(each, seen)
            if cause is not None:
                return cause
        return None

    def _other(self, address: JobAddress, seen: frozenset[JobAddress]) -> Cause | None:
        """Say why a job on which another waits does not move, if it does not."""
        if address in seen:
            return Cause(f"{address} waits, in a circle, for itself", f"somabus job cancel {address}")
        lying = self._find(address)
        if lying is None:
            return self._gone(address)
        job = self._read(address.queue, lying)
        if job is None or len(seen) > _LINKS:
            return None
        if lying.state is JobState.PAUSED:
            said = self._said_of(address.queue, lying.ticket)
            return Cause(f"{address} is paused: {said}", f"somabus job {address}")
        if lying.state in HELD_UP:
            return self._stuck(job, lying.state, seen)
        held = self._held(job, self._workers(address.queue)) if self._is_ready(lying) else None
        return held and Cause(f"{address} is {lying.state}, and {held.why}", held.step)

    def _gone(self, address: JobAddress) -> Cause | None:
        ending = self._ground.records.ending(address)
        if ending is None:
            return Cause(f"{address} cannot be seen; if it never comes, it counts as failed", f"somabus job {address}")
        if self._workers(address.queue):
            return None  # it is told as soon as one looks
        step = f"somabus work --queue {address.queue}"
        return Cause(f"{address} is {ending.state}, and no worker lives that tells who waits", step)

    def _find(self, address: JobAddress) -> Lying | None:
        lying = (each for state in OPEN for each in self._lying(address.queue, state))
        return next((each for each in lying if each.ticket.id == address.id), None)

    def _state(self, address: JobAddress) -> str:
        lying = self._find(address)
        ending = self._ground.records.ending(address) if lying is None else None
        return lying.state if lying is not None else "not to be seen" if ending is None else ending.state

    # -- set aside --------------------------------------------------------------------------------------------

    def _paused(self, queue: str) -> Iterator[Cause]:
        paused = self._lying(queue, JobState.PAUSED)
        if paused:
            said = dict.fromkeys(self._said_of(queue, each.ticket) for each in paused[:_NAMED])
            see = f"somabus jobs list {queue} --state paused"
            yield Cause(f"{_wait(len(paused))} for a human: {'; '.join(said)}", see)

    def _said_of(self, queue: str, ticket: Ticket) -> str:
        return why_set_aside(self._ground.records, JobAddress(queue, ticket.id), ticket.generation)


def _wait(count: int) -> str:
    return f"{many(count, 'job')} {'waits' if count == 1 else 'wait'}"


def _only_of(limit: int, there: list[Lying]) -> list[Cause]:
    """Say that these are causes of the first alone."""
    return [Cause(f"these are the first {limit} of {len(there):,}")] if len(there) > limit else []


def _lift(stop: Stopped) -> str:
    flag = {Range.BUS: "", Range.AGENT: f" --only {stop.scope.name}", Range.KIND: f" --kind {stop.scope.name}"}
    return f"somabus resume{flag[stop.scope.range]}"
