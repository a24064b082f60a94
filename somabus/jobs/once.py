"""Once: a job that has a key, or a parent, is submitted by way of a record that has one winner.

    1 the job is created in submitting/, where nobody takes it
    2 the key's record is created: one winner, whoever submits it; it says whose place the job takes, which is cancelled
    3 the parent's record is created, so that it waits
    4 the job is moved to its folder: one winner, so it is there once

Power cut or kill after each step: 1 nobody was promised anything, and it is dropped after a day; 2 and 3 whoever
submits it again, or a worker with nothing else to do, goes on from there. A child that comes in after its parent was
cancelled is cancelled by whoever takes it.
"""

import hashlib
from contextlib import suppress
from datetime import timedelta
from typing import Final, NamedTuple

from somabus.errors import KeyExistsError, KeyMissingError, StoreUnavailableError
from somabus.jobs.drafting import Made
from somabus.jobs.follower import Follower, bond_of, child_of
from somabus.jobs.records import UNREADABLE, Records, decoded
from somabus.jobs.shelf import Lying
from somabus.model import tree
from somabus.model.ids import id_time
from somabus.model.job import Job, JobAddress, OnDuplicate
from somabus.model.ticket import JobEvent, JobState, Ticket
from somabus.model.wire import parse_object
from somabus.model.work import Bond
from somabus.store.port import Store

_DROPPED_AFTER: Final = timedelta(days=1)
_LEFT_BEHIND: Final = timedelta(minutes=1)
_TRIES: Final = 20
_NOT_BEGUN: Final = frozenset([JobState.WAITING, JobState.DELAYED, JobState.BLOCKED, JobState.PAUSED])


class Keyed(NamedTuple):
    """What became of a submit with a key: the job it duplicates, or whose place it took."""

    duplicate: str | None = None
    replaced: str | None = None


class Once:
    """Submits by way of a record."""

    def __init__(self, store: Store, records: Records, follower: Follower) -> None:
        self._store = store
        self._records = records
        self._follower = follower

    def keyed(self, made: Made, mode: OnDuplicate) -> Keyed:
        """Submit a job unless its key says otherwise."""
        digest, aside = key_digest(made.job), False
        for _ in range(_TRIES):
            number = self._highest(made.job.queue, digest)
            first = self._record(made.job.queue, digest, number) if number else None
            if first is not None and self._is_duplicate(first, mode):
                if aside:
                    self._store.delete(tree.submitting(made.job.queue, made.ticket.name))
                return Keyed(duplicate=first.id)
            if not aside:
                self.write_aside(made)  # 1
                aside = True
            replaces = first.id if first is not None and mode is OnDuplicate.REPLACE else None
            record = bond_of(made.job, made.ticket).model_copy(update={"replaces": replaces})
            try:
                self._store.create(tree.job_key(made.job.queue, digest, number + 1), record.to_json())  # 2
            except KeyExistsError:
                continue
            taken = self._take_place(record)
            self.bring_in(made.job, made.ticket, made.state)
            return Keyed(replaced=replaces if taken else None)
        raise StoreUnavailableError(tree.job_key(made.job.queue, digest), f"{_TRIES} others were faster")

    def _is_duplicate(self, first: Bond, mode: OnDuplicate) -> bool:
        """Tell whether nothing is to be submitted, for the job before it under its key."""
        self.finish(first)
        return mode is OnDuplicate.REJECT or (mode is OnDuplicate.COALESCE and self._not_begun(first) is not None)

    def _not_begun(self, first: Bond) -> Lying | None:
        return self._waits(JobAddress(first.queue, first.id), first.ticket)

    def _waits(self, address: JobAddress, hint: str = "") -> Lying | None:
        """Return where a job lies that has not begun, or None."""
        lying = self._records.shelf(address.queue).find(address.id, hint)
        return None if lying is None or lying.state not in _NOT_BEGUN or lying.ticket.generation else lying

    def _take_place(self, record: Bond) -> bool:
        """Cancel the job whose place another takes, if it has not begun; tell whether it was in time."""
        if record.replaces is None:
            return False
        address = JobAddress(record.queue, record.replaces)
        lying = self._waits(address)
        if lying is None:
            return False
        why = f"{record.queue}/{record.id} took its place"
        return self._follower.ended(address, lying, JobEvent.CANCEL, why)

    def finish(self, first: Bond) -> None:
        """Bring in the job of a record, of a key or of a parent's, if its submit was cut off."""
        ticket = Ticket.parse(first.ticket)
        raw = None if ticket is None else self._store.read(tree.submitting(first.queue, first.ticket))
        if raw is not None and ticket is not None:
            with suppress(*UNREADABLE):
                job = decoded(raw)
                self._take_place(first)
                self.bring_in(job, ticket, _begins(job, ticket))

    def _recorded(self, job: Job) -> Bond | None:
        """Return the record of a job in submitting/, if it was made: of its key, or with its parent."""
        if job.key is not None:
            records = self._records.key_records(job.queue, key_digest(job))
            return next((each for each in records if each.id == job.id), None)
        parent = JobAddress.parse(job.parent) if job.parent else None
        if parent is None:
            return None
        return next((each for each in self._records.bonds(parent, "children") if each.id == job.id), None)

    def _highest(self, queue: str, digest: str) -> int:
        names = self._store.list(tree.job_key(queue, digest))
        return max((int(name[:9]) for name in names if name[:9].isdigit()), default=0)

    def _record(self, queue: str, digest: str, number: int) -> Bond:
        place = tree.job_key(queue, digest, number)
        raw = self._store.read(place, listed=True)
        if raw is None:
            raise StoreUnavailableError(place, "it exists and cannot be read yet")
        return Bond.from_object(parse_object(raw))

    def bring_in(self, job: Job, ticket: Ticket, state: JobState) -> bool:
        """Do the last steps of a submit that has its record: the parent's record, and the move; see above."""
        if job.parent is not None and (parent := JobAddress.parse(job.parent)) is not None:
            with suppress(KeyExistsError):
                self._store.create(*self._records.bond(parent, "children", child_of(job, ticket)))  # 3
        try:
            target = f"{tree.shelf(job.queue, state)}/{ticket.name}"
            self._store.move(tree.submitting(job.queue, ticket.name), target)  # 4
        except KeyMissingError:
            return False  # another did it, in this moment or long ago
        return True

    def finish_others(self, queue: str) -> int:
        """Go on with submits that were cut off, and drop what nobody was promised; return how many were brought in."""
        now, found = self._store.now(), 0
        for name in self._store.list(tree.submitting(queue)):
            ticket, place = Ticket.parse(name), tree.submitting(queue, name)
            if ticket is None or now - id_time(ticket.id) < _LEFT_BEHIND:
                continue
            with suppress(*UNREADABLE):
                raw = self._store.read(place)
                if raw is None:
                    continue
                job = decoded(raw)
                record = self._recorded(job)
                if record is not None and record.ticket == name:  # a child that was drafted twice lies there twice
                    self._take_place(record)
                    found += self.bring_in(job, ticket, _begins(job, ticket))
                    self._follower.settle(job.address, name)
                elif now - job.created_at > _DROPPED_AFTER:  # the id of a child is as old as its parent
                    self._store.delete(place)
        return found

    def write_aside(self, made: Made) -> None:
        """Do the first step of a submit that has a record."""
        place = tree.submitting(made.job.queue, made.ticket.name)
        self._store.create_many([*self.bonds(made), (place, made.data)])

    def bonds(self, made: Made) -> list[tuple[str, bytes]]:
        """Return the documents by which those that a job depends on know of it."""
        bond = bond_of(made.job, made.ticket)
        return [self._records.bond(address, "then", bond) for address in made.job.needs()]


def _begins(job: Job, ticket: Ticket) -> JobState:
    """Return where the life of a job begins, as its submitter saw it: by the name that it was given."""
    if ticket.until is not None:
        return JobState.DELAYED
    return JobState.BLOCKED if job.held_up() else JobState.WAITING


def key_digest(job: Job) -> str:
    """Return the folder of a job's key; the same key of another name is another key."""
    return hashlib.sha256(f"{job.name}\n{job.key}".encode()).hexdigest()[:32]
