"""Submitting: a draft becomes a job in the folder in which its life begins; when this returns, it is on the drive.

A job without a key and without a parent is created in its folder, and that is all; see `once` for the others. Of many
that wait for each other, whoever waits is written before whom it waits for: a crash leaves no half graph that runs.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from somabus.errors import JobRefusedError, OtherChildError, QueueFullError, StoreError
from somabus.jobs.asking import worker_for
from somabus.jobs.drafting import Drafter, Made, in_slot
from somabus.jobs.follower import Follower, child_of, policy
from somabus.jobs.graph import ordered
from somabus.jobs.once import Once
from somabus.jobs.records import Records
from somabus.jobs.workers import Workers
from somabus.model import tree
from somabus.model.ids import IdMaker
from somabus.model.job import MAX_WIDTH, Job, JobAddress, JobDraft, OnDuplicate, child_id
from somabus.model.ticket import JobState
from somabus.model.work import Met, work_digest
from somabus.store.port import Store


@dataclass(frozen=True, slots=True)
class JobReceipt:
    """Proof that the job is on the drive.

    `duplicate`: a job of this key had been submitted before, and nothing was submitted; `id` is that one's. `replaced`:
    the id of the one whose place it took. `workers`: how many live workers of its queue there are that may take it.
    `unread`: how much waits for the submitter itself. `start`: the command of a worker that takes it.
    """

    id: str
    queue: str
    name: str
    submitted_at: datetime
    state: JobState
    duplicate: bool = False
    replaced: str | None = None
    workers: int | None = None
    unread: int | None = None
    start: str = ""

    @property
    def address(self) -> str:
        """How the job is referred to: `queue/id`."""
        return f"{self.queue}/{self.id}"

    def __str__(self) -> str:
        if self.duplicate:
            return f"{self.address} had been submitted before under this key; nothing was submitted twice"
        said = f"{self.address} ({self.name}) is {self.state}"
        if self.workers == 0:
            said += f"; no live worker takes it: start one with {self.start}"
        return said


class Submitter:
    """Submits on behalf of one agent.

    Args:
        store: the bus.
        drafter: makes drafts into jobs.
        once: submits by way of a record.
        records: what lies beside jobs.
        follower: tells those who wait of what ended meanwhile.
        workers: knows who works.
        ids: makes ids.
        unread: counts what waits for this agent.
    """

    def __init__(
        self,
        store: Store,
        drafter: Drafter,
        once: Once,
        *,
        records: Records,
        follower: Follower,
        workers: Workers,
        ids: IdMaker,
        unread: Callable[[], int | None],
    ) -> None:
        self._store = store
        self._drafter = drafter
        self._once = once
        self._records = records
        self._follower = follower
        self._workers = workers
        self._ids = ids
        self._unread = unread

    def submit(self, draft: JobDraft) -> JobReceipt:
        """Submit one job; see `Agent.submit`."""
        draft = in_slot(draft, self._store.now())
        self._check_room([draft])
        job_id = self._ids.make(self._store.now())
        made = self._drafter.made(draft, job_id, draft.depends_on, draft.parent, draft.children)
        self._check_references(made.job)
        if draft.key is not None:
            keyed = self._once.keyed(made, OnDuplicate(draft.on_duplicate))
            if keyed.duplicate is not None:
                first = self._records.state(JobAddress(draft.queue, keyed.duplicate))
                return self._receipt(made, first or made.state, duplicate=keyed.duplicate)
            return self._receipt(made, self._settle(made), replaced=keyed.replaced)
        if made.job.parent is not None:
            self._once.write_aside(made)
            self._once.bring_in(made.job, made.ticket, made.state)
        else:
            self._store.create_many([*self._once.bonds(made), self._document(made)])
        return self._receipt(made, self._settle(made))

    def submit_child(self, parent: Job, number: int, draft: JobDraft) -> JobAddress:
        """Submit the child of this number of a job that runs; the same number again submits nothing.

        Whoever repeats it may not know whether it was done: its id follows from its parent and number, and the
        parent's record of it is the one winner.

        Raises:
            JobRefusedError: it breaks a rule. OtherChildError: it is not the one of that number. Nothing was submitted.
        """
        child = child_id(parent.id, number)
        _refuse(draft, ("key", "slot", "max_waiting"), "a child is there once by itself")
        where = str(parent.address)
        above = {where: parent}
        made = self._drafter.made(draft, child, draft.depends_on, where, draft.children, above, child=number)
        bond = self._records.child(parent.address, child)
        if bond is None:
            self._check_references(made.job, known=above)
            if number > MAX_WIDTH:
                raise _too_wide(where)
            self._once.write_aside(made)
        else:
            if bond.work not in {"", work_digest(draft.name, draft.data)}:
                raise OtherChildError(where, number, draft.name)
            self._once.finish(bond)
            return JobAddress(bond.queue, bond.id)
        self._once.bring_in(made.job, made.ticket, made.state)
        self._settle(made)
        return made.job.address

    def submit_many(self, drafts: Sequence[JobDraft]) -> list[JobReceipt]:
        """Submit a graph of jobs as one group commit; see `Agent.submit_many`."""
        for draft in drafts:
            _refuse(draft, ("key", "slot"), "it is submitted alone, not among many")
        last_first = list(reversed(ordered(drafts)))
        made = self._graph(drafts, last_first)
        inside = {str(one.job.address) for one in made.values()}
        self._check_room(drafts)
        for index in last_first:
            self._check_references(made[index].job, known=inside)
        for where, more in Counter(one.job.parent for one in made.values() if one.job.parent not in inside).items():
            parent = None if where is None else JobAddress.parse(where)
            if parent is not None:
                self._check_width(parent, more)
        documents = []
        for index in last_first:
            documents += [*self._once.bonds(made[index]), *self._parents(made[index])]
        documents += [self._document(made[index]) for index in last_first]
        self._store.create_many(documents)
        states = {
            index: one.state if inside.issuperset(one.job.depends_on) else self._settle(one)
            for index, one in made.items()
        }
        return [self._receipt(made[index], states[index]) for index in range(len(drafts))]

    def finish_others(self, queue: str) -> int:
        """Go on with submits to a queue that were cut off; return how many were brought in."""
        return self._once.finish_others(queue)

    # -- what is checked --------------------------------------------------------------------------------------

    def _check_room(self, drafts: Sequence[JobDraft]) -> None:
        """Refuse drafts, all of them, if so many wait in the queue of one that it is not wanted there."""
        ahead = Counter[str]()
        for draft in drafts:
            if draft.max_waiting is not None:
                waiting = len(self._records.shelf(draft.queue).names(JobState.WAITING)) + ahead[draft.queue]
                if waiting >= draft.max_waiting:
                    raise QueueFullError(draft.queue, waiting, draft.max_waiting)
            ahead[draft.queue] += 1

    def _check_references(self, job: Job, known: Iterable[str] = ()) -> None:
        """Refuse a job that waits for one that is not there, or is the child of one that has ended."""
        known = set(known)
        for each in job.depends_on:
            if each not in known and not self._is_there(each):
                raise JobRefusedError(f"it depends on {each}, and there is no such job")
        if job.parent is not None and job.parent not in known:
            self._check_parent(job.parent)
        if job.parent is not None and job.depends_on:
            self._check_circle(job)

    def _check_circle(self, job: Job) -> None:
        """Refuse a child that waits for what waits for it: its parent, one above, or what these are needed by."""
        above, each = set[str](), job.parent
        while each is not None and each not in above:
            above.add(each)
            parent = JobAddress.parse(each)
            there = None if parent is None else self._records.job(parent)
            each = None if there is None else there.parent
        seen, left = set[str](), list(job.depends_on)
        while left and len(seen) < MAX_WIDTH:
            needed = left.pop()
            if needed in above:
                raise JobRefusedError(f"it depends on {needed}, which waits for it")
            address = JobAddress.parse(needed)
            there = None if address is None or needed in seen else self._records.job(address)
            seen.add(needed)
            left += [] if there is None else there.depends_on

    def _check_parent(self, where: str) -> None:
        parent = JobAddress.parse(where)
        ended = None if parent is None else self._records.ending(parent)
        if ended is not None:
            raise JobRefusedError(f"its parent {where} has ended: it is {ended.state}")
        if parent is None or self._records.shelf(parent.queue).find(parent.id) is None:
            raise JobRefusedError(f"its parent is {where}, and there is no such job")
        self._check_width(parent)

    def _check_width(self, parent: JobAddress, more: int = 1) -> None:
        if len(self._records.children(parent)) + more > MAX_WIDTH:
            raise _too_wide(str(parent))

    def _is_there(self, where: str) -> bool:
        address = JobAddress.parse(where)
        if address is None:
            return False
        shelf = self._records.shelf(address.queue)
        return (
            self._records.ending(address) is not None
            or shelf.find(address.id) is not None
            or self._records.ending(address) is not None  # it may have ended while it was looked for
        )

    # -- steps ------------------------------------------------------------------------------------------------

    def _graph(self, drafts: Sequence[JobDraft], last_first: Sequence[int]) -> dict[int, Made]:
        """Return the jobs of a batch by their places in it, with addresses for labels, parents first."""
        now = self._store.now()
        ids = [self._ids.make(now) for _ in drafts]
        named = {
            draft.label: f"{draft.queue}/{job_id}" for draft, job_id in zip(drafts, ids, strict=True) if draft.label
        }
        widths = Counter(draft.parent for draft in drafts if draft.parent in named)
        made: dict[int, Made] = {}
        known: dict[str, Job] = {}
        for index in last_first:
            draft = drafts[index]
            needs = tuple(named.get(each, each) for each in draft.depends_on)
            parent = None if draft.parent is None else named.get(draft.parent, draft.parent)
            children = max(draft.children, widths[draft.label] if draft.label else 0)
            made[index] = one = self._drafter.made(draft, ids[index], needs, parent, children, known)
            known[str(one.job.address)] = one.job
        return made

    def _settle(self, made: Made) -> JobState:
        """Tell a job what ended before anybody could know that it waits for that; return in which state it is now."""
        if made.state is not JobState.BLOCKED:
            return made.state
        for address in made.job.needs():
            ending = self._records.ending(address)
            if ending is not None:
                self._records.meet(made.job.address, Met(address.id, ending.state, policy(ending)))
        return self._follower.settle(made.job.address, made.ticket.name) or made.state

    def _parents(self, made: Made) -> list[tuple[str, bytes]]:
        parent = JobAddress.parse(made.job.parent) if made.job.parent else None
        return [] if parent is None else [self._records.bond(parent, "children", child_of(made.job, made.ticket))]

    def _document(self, made: Made) -> tuple[str, bytes]:
        return f"{tree.shelf(made.job.queue, made.state)}/{made.ticket.name}", made.data

    def _receipt(
        self, made: Made, state: JobState, *, duplicate: str | None = None, replaced: str | None = None
    ) -> JobReceipt:
        workers = None
        with suppress(StoreError):
            workers = self._workers.able(made.job)
        return JobReceipt(
            id=duplicate or made.job.id, queue=made.job.queue, name=made.job.name, submitted_at=made.job.created_at,
            state=state, duplicate=duplicate is not None, replaced=replaced, workers=workers,
            unread=self._unread(),
            start=worker_for(made.job),
        )  # fmt: skip


def _refuse(draft: JobDraft, fields: tuple[str, ...], why: str) -> None:
    """Refuse what would say nothing here, instead of leaving it out without a word."""
    for field in fields:
        if getattr(draft, field) is not None:
            raise JobRefusedError(f"{field} cannot be said of this one: {why}")


def _too_wide(parent: str) -> JobRefusedError:
    return JobRefusedError(f"its parent {parent} may have {MAX_WIDTH:,} children and no more")
