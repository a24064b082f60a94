"""Which job a worker takes next: by priority, then age; what it cannot take, or not yet, is left for others.

    list once ─► in time? fits? may begin now? ─► claim (rename) ─► read ─► judge ─┬─► holding
                  │ no                             │ lost?                         ├─► failed/     too late
                  └────────────────────────────────┴─► next                        ├─► cancelled/  as its parent
                                                                                   └─► dead/       stalled, refused

A job whose worker vanished is claimed straight out of active/ when its lease ends, and has stalled once more.
"""

import heapq
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from somabus.errors import (
    DocumentTooLargeError,
    KeyMissingError,
    MessageError,
    MessageTooLargeError,
    StoreDamagedError,
    StoreUnavailableError,
    UnsupportedFormatError,
)
from somabus.jobs.gates import Gates, Passed
from somabus.jobs.holding import Holding, Settling
from somabus.jobs.opening import JobOpener, OpenedJob
from somabus.jobs.records import UNREADABLE
from somabus.jobs.shelf import Lying, Shelf
from somabus.model.deadletter import Reason
from somabus.model.ids import IdMaker, from_milliseconds, milliseconds
from somabus.model.job import Job, JobAddress, Terms
from somabus.model.ticket import LONGEST_LEASE_MS, JobState, Ticket
from somabus.opener import Refusal

LEASE_FOR: Final = timedelta(seconds=60)
_RELIST_AFTER: Final = timedelta(seconds=2)
_ASK_AGAIN: Final = timedelta(seconds=10)
_REMEMBERED: Final = 200
"""So many jobs that may not begin yet are remembered whole."""

_BARRED: Final = 200_000
"""Of so many it is remembered on what terms they are taken: a job never changes, so it is read once for that."""

_STRANGER_DIGIT: Final = 9


class Picker:
    """Picks from one queue on behalf of one worker.

    Args:
        shelf: the queue.
        opener: verifies jobs.
        settling: ends what was claimed.
        gates: what must let a job begin: slots, rates, quiet hours.
        ids: makes ids, for files whose names say nothing.
        fits: tells whether this worker takes a job at all.
        stopped: returns the kinds of work that a human has stopped; raises if all of it is.
    """

    def __init__(
        self,
        shelf: Shelf,
        opener: JobOpener,
        settling: Settling,
        gates: Gates,
        *,
        ids: IdMaker,
        fits: Callable[[Terms], bool],
        stopped: Callable[[], frozenset[str]],
        lease_for: timedelta = LEASE_FOR,
    ) -> None:
        self._shelf = shelf
        self._opener = opener
        self._settling = settling
        self._gates = gates
        self._ids = ids
        self._fits = fits
        self._stopped = stopped
        self._lease_for = lease_for
        self._known: dict[str, _Known | None] = {}
        self._terms: dict[str, Terms | None] = {}
        self._shared: dict[Terms, Terms] = {}
        self._later: dict[str, datetime] = {}
        self._listed: Iterator[tuple[JobState, str]] = iter(())
        self._listed_at: datetime | None = None
        self.looked_at_all = True

    def next(self) -> Holding | None:
        """Take the next job, or return None when none can be taken now, or none was found in time.

        Of what was looked at in vain the terms are remembered: the next look comes further. `looked_at_all` tells
        whether it came to the end.

        Raises:
            StoppedError: a human stopped it. Nothing was claimed.
            StoreUnavailableError: could not look. Nothing was claimed.
        """
        stopped, began = self._stopped(), self._shelf.now()
        fresh = self._listed_at is None or not timedelta(0) <= began - self._listed_at < _RELIST_AFTER
        while True:
            if fresh:
                self._listed, self._listed_at = self._candidates(began), began
            for state, name in self._listed:
                holding = self._try(state, name, stopped, self._shelf.now())
                if holding is not None:
                    return holding
                if self._shelf.now() - began > _RELIST_AFTER:  # chores wait, and an urgent job may have come meanwhile
                    self._listed_at, self.looked_at_all = None, False
                    return None
            if fresh:
                self.looked_at_all = True
                return None
            fresh = True

    def next_due(self) -> datetime | None:
        """Return when the next delayed job is due or the next lease ends, as far as names tell, or None."""
        now = milliseconds(self._shelf.now())
        names = [*self._shelf.names(JobState.DELAYED), *self._shelf.names(JobState.ACTIVE)]
        ends = [until for name in names if (until := _until(name)) > now]
        return from_milliseconds(min(ends)) if ends else None

    # -- steps ------------------------------------------------------------------------------------------------

    def _candidates(self, now: datetime) -> Iterator[tuple[JobState, str]]:
        """Yield what can be claimed, in the order of service, from one walk through each folder."""
        at = milliseconds(now)
        free = [(name, JobState.ACTIVE) for name in self._shelf.names(JobState.ACTIVE) if _free(name, at)]
        free += [(name, JobState.DELAYED) for name in self._shelf.names(JobState.DELAYED) if _until(name) <= at]
        waiting = ((name, JobState.WAITING) for name in self._shelf.walk(JobState.WAITING))
        for name, state in heapq.merge(waiting, sorted(free)):
            yield state, name

    def _try(self, state: JobState, name: str, stopped: frozenset[str], now: datetime) -> Holding | None:
        """Take one candidate, if this worker may; what nobody may run is settled on the way."""
        ticket = Ticket.parse(name)
        if ticket is None or not ticket.fits(state):
            self._set_aside(state, name, f"{name!r} is no file name of a job; see docs/format.md")
            return None
        if self._is_barred(ticket.id, stopped, now):
            return None
        try:
            known = self._glance(state, ticket)
        except KeyMissingError:
            return None  # another has it
        except UnsupportedFormatError:
            self._remember(ticket.id, None)  # a worker that is newer than this one takes it
            return None
        passed = self._passed(Lying(state, ticket), known.opened, stopped, now) if known is not None else Passed()
        mine = None if passed is None else self._shelf.claim(state, ticket, self._lease_for)
        if passed is None or mine is None:
            self._gates.turn_back(passed or Passed())
            return None
        return self._judged(mine, known, passed)

    def _passed(self, lying: Lying, opened: OpenedJob, stopped: frozenset[str], now: datetime) -> Passed | None:
        """Let a job begin, and return what it holds by that; None if this worker does not take it, or not now.

        One whose time has passed has failed by that, whoever takes it.
        """
        job, ticket = opened.job, lying.ticket
        late = job.late(now, begun=ticket.generation > 0)
        if (
            late
            and lying.state is not JobState.ACTIVE
            and not self._opener.refusal(opened, self._shelf.queue, ticket.id)
        ):
            self._settling.expire(job.address, lying, late)
        elif not self._fits(job.terms) or job.name in stopped:
            self._remember(ticket.id, job.terms)
        elif self._opener.awaits_approval(opened):
            self._later[ticket.id] = now + _ASK_AGAIN
        elif (passed := self._gates.enter(job, now)) is None:
            self._remember(ticket.id, job.terms)
        else:
            self._later.pop(ticket.id, None)
            return passed
        return None

    def _is_barred(self, job: str, stopped: frozenset[str], now: datetime) -> bool:
        """Tell by what is remembered of a job whether it is not to be taken now; no file is read for that."""
        if timedelta(0) < self._later.get(job, now) - now <= _ASK_AGAIN:
            return True
        if job not in self._terms:
            return False
        terms = self._terms[job]
        if terms is None:
            return True
        return not terms.over(now) and (not self._fits(terms) or terms.name in stopped or self._gates.bars(terms, now))

    def _remember(self, job: str, terms: Terms | None) -> None:
        self._known.pop(job, None)
        if len(self._terms) >= _BARRED:
            for memory in (self._terms, self._shared, self._later):
                memory.clear()
        self._terms[job] = terms if terms is None else self._shared.setdefault(terms, terms)

    def _glance(self, state: JobState, ticket: Ticket) -> "_Known | None":
        """Return a job before it is taken; None if it cannot be read: taking it is how it gets set aside.

        A job never changes, so it is opened once.

        Raises:
            KeyMissingError: it is not there any more, and nothing is known of it.
            UnsupportedFormatError: it is of a later format.
        """
        if ticket.id not in self._known:
            while len(self._known) >= _REMEMBERED:
                del self._known[next(iter(self._known))]
            self._known[ticket.id] = self._looked_into(state, ticket)
        return self._known[ticket.id]

    def _looked_into(self, state: JobState, ticket: Ticket) -> "_Known | None":
        try:
            raw = self._shelf.read(state, ticket.name)
            if raw is None:
                raise KeyMissingError(self._shelf.key(state, ticket.name))
            return _Known(raw, self._opener.open(raw), self._shelf.now())
        except UnsupportedFormatError:
            raise
        except UNREADABLE:
            return None

    def _judged(self, ticket: Ticket, known: "_Known | None", passed: Passed) -> Holding | None:
        """Return what was claimed, read again under its new name; what may not be run is settled."""
        self._known.pop(ticket.id, None)
        try:
            # Race: a user-space network client tells two claimants that they won; only one can read the file.
            raw = self._shelf.read(JobState.ACTIVE, ticket.name)
            opened = self._opened(raw, known)
        except (DocumentTooLargeError, MessageTooLargeError) as error:
            self._bury(ticket, None, passed, _why(Refusal(Reason.TOO_LARGE, str(error))))
            return None
        except (StoreDamagedError, MessageError) as error:
            self._bury(ticket, None, passed, _why(Refusal(Reason.MALFORMED, str(error))))
            return None
        except StoreUnavailableError:
            self._gates.turn_back(passed)
            raise
        if opened is None:
            self._gates.turn_back(passed)
            return None
        if self._settling.has_ended(JobAddress(self._shelf.queue, ticket.id)):
            self._gates.turn_back(passed)
            self._set_aside(JobState.ACTIVE, ticket.name, "it is a copy of a job that has ended")
            return None
        return self._admitted(ticket, opened, passed)

    def _opened(self, raw: bytes | None, known: "_Known | None") -> OpenedJob | None:
        if known is not None and raw == known.raw and self._shelf.now() - known.at < _RELIST_AFTER:
            return known.opened  # opened a moment ago, byte for byte; a key may be called back any time
        return None if raw is None else self._opener.open(raw)

    def _admitted(self, ticket: Ticket, opened: OpenedJob, passed: Passed) -> Holding | None:
        """Return what may be run; what may not is settled, and what it holds is given back."""
        job, now, settling = opened.job, self._shelf.now(), self._settling
        holding = Holding(self._shelf, ticket, opened, now, self._lease_for, passed)
        refusal = self._opener.refusal(opened, self._shelf.queue, ticket.id)
        late = job.late(now, begun=ticket.generation > 1)
        if refusal is not None and refusal.later and ticket.attempt < job.max_attempts:
            settling.quietly(lambda: settling.retry(holding, refusal.detail))
        elif refusal is not None:
            self._bury(ticket, job, passed, _why(refusal), attempt=True)
        elif ticket.stalled > job.max_stalled:
            self._bury(ticket, job, passed, f"{ticket.stalled} workers had it and vanished; it may be what stops them")
        elif late:
            settling.quietly(lambda: settling.fail(holding, late))
        elif settling.is_orphan(job):
            settling.quietly(lambda: settling.cancel(holding, f"its parent {job.parent} was cancelled"))
        elif (uncovered := self._opener.uncovered(opened, spend=True)) is not None:
            self._bury(ticket, job, passed, _why(uncovered), attempt=True)
        else:
            return holding
        return None

    def _bury(self, ticket: Ticket, job: Job | None, passed: Passed, why: str, *, attempt: bool = False) -> None:
        self._gates.turn_back(passed)
        self._settling.quietly(lambda: self._settling.bury(self._shelf, ticket, job, why, attempt=attempt))

    def _set_aside(self, state: JobState, name: str, why: str) -> None:
        """Bury a file that is no job of its own, under a name of ours: the name it has may be another's."""
        ticket = Ticket(_STRANGER_DIGIT, self._ids.make(self._shelf.now()))
        self._settling.bury_stranger(self._shelf, state, name, ticket, why)


class _Known(NamedTuple):
    """A job that was opened before it was taken."""

    raw: bytes
    opened: OpenedJob
    at: datetime


def _why(refusal: Refusal) -> str:
    reason = f"{refusal.reason}: "
    return reason + refusal.detail.removeprefix(reason)


def _free(name: str, at: int) -> bool:
    """Tell whether a name under active/ may be taken: its lease has ended, or lasts longer than clocks can explain."""
    return not at < _until(name) < at + 2 * LONGEST_LEASE_MS


def _until(name: str) -> int:
    """When the delay or the lease in a name ends; a foreign name has none and is up for taking at once."""
    ticket = Ticket.parse(name)
    return 0 if ticket is None or ticket.until is None else ticket.until
