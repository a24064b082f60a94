"""A worker: takes one job after the other from a queue, runs its handler, and settles what comes of it.

    next ─► keep (renew, again and again) ─► handler ─┬─► returns    verify what it required ─► completed
      ▲                                               ├─► raises     tried again later, or failed
      │ nothing: look at what is held up              ├─► leaves     its children, a human, later, never again
      └───────────────────────────────────────────────└─► lost       cancelled or passed on: nothing

It holds one job at a time; for more, start more workers.
"""

import logging
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import PurePath
from typing import Any, Final

from somabus.errors import (
    BudgetError,
    ChildFailedError,
    LeaseLostError,
    SomabusError,
    StoppedError,
    StoreError,
    StoreFullError,
    StoreUnavailableError,
    TrustError,
)
from somabus.jobs.chores import Chores
from somabus.jobs.context import JobContext, Leave
from somabus.jobs.desk import Desk, Services
from somabus.jobs.gates import Gates
from somabus.jobs.holding import Holding, Settling, patiently
from somabus.jobs.keeper import Keeper, Kept
from somabus.jobs.picker import LEASE_FOR, Picker
from somabus.jobs.records import UNREADABLE
from somabus.jobs.shelf import Shelf
from somabus.jobs.workers import Presence, WorkerRecord, fits
from somabus.model import tree
from somabus.model.job import Job, JobDraft, Terms
from somabus.model.ticket import JobState
from somabus.model.wire import dump, refuse_unwritable
from somabus.store.port import MAX_BYTES

JobHandler = Callable[[JobContext], Any]
Settle = Callable[[Holding], None]
_GLANCE_S: Final = 1.0
_OWN: Final = str(PurePath(__file__).parent.parent)
_PUT_OFF_FOR: Final = timedelta(minutes=1)
_AT_LEAST_S: Final = 0.1
_NEVER_AGAIN: Final = (BudgetError, ChildFailedError)
_DRIVE: Final = (StoreUnavailableError, StoreFullError)
_BLAMED: Final = 60
"""So often a handler may put what it raises down to the drive: an hour of it, in one worker."""

_log: Final = logging.getLogger("somabus")


class Worker:
    """Works on one queue.

    Args:
        services: what stands on the bus.
        queue: its name.
        handlers: what runs jobs of which name.
        slots: what it submits again and again.
        tags: what it says of itself; a job gets to a worker that has all of its tags.
        lease_for: how long a job is this worker's, unless it renews that, which it does by itself.
    """

    def __init__(
        self,
        services: Services,
        queue: str,
        handlers: dict[str, JobHandler],
        *,
        slots: Iterable[JobDraft] = (),
        tags: Iterable[str] = (),
        lease_for: timedelta = LEASE_FOR,
    ) -> None:
        self._services = services
        self._queue = queue
        self._handlers = handlers
        self._tags = tuple(tags)
        self._shelf = Shelf(services.store, queue, services.entropy)
        self._gates = Gates(services.store, queue, services.leases, lease_for)
        self._settling = Settling(
            services.store, services.records, services.follower, services.opener, self._gates,
            entropy=services.entropy, tell=services.tell,
        )  # fmt: skip
        self._wait = threading.Event().wait  # for nothing but time
        self._desk = Desk(
            services.me,
            services.records,
            services.ledger,
            services.submitter,
            self._settling,
            services.aside,
            services.now,
            self._wait,
            services.send,
        )
        self._presence = Presence(services.workers, queue, services.monotonic)
        self._keeper = Keeper(self._settling, services.now, self._alive)
        self._blamed = Counter[str]()
        self._holder = services.entropy(6).hex()
        self._skills: tuple[str, ...] = ()
        self._picker = Picker(
            self._shelf, services.opener, self._settling, self._gates, ids=services.ids, fits=self._fits,
            stopped=lambda: services.stopped("Agent.work"), lease_for=lease_for,
        )  # fmt: skip
        self._chores = Chores(services, self._shelf, self._gates, slots)

    def until(self, stop: threading.Event, on_job: Callable[[str, str], None] = lambda _job, _said: None) -> int:
        """Work until `stop` is set, and return how many attempts were made; a job that is begun is ended first."""
        made, trouble = 0, ""
        try:
            while not stop.is_set():
                try:
                    said = self.one(on_job)
                    made += said
                    trouble = ""
                    if not said:
                        self._rest(stop)
                except SomabusError as error:  # it stays, and goes on when the drive is back or the stop is lifted
                    if type(error).__name__ != trouble:
                        _log.warning(
                            "stopped" if isinstance(error, StoppedError) else "could not work",
                            extra={"detail": str(error)},
                        )
                    trouble = type(error).__name__
                    stop.wait(_GLANCE_S)
        finally:
            self._leave()
        return made

    def drain(
        self,
        limit: int | None = None,
        *,
        stop: threading.Event | None = None,
        on_job: Callable[[str, str], None] = lambda _job, _said: None,
    ) -> int:
        """Work until nothing can be taken now, so many attempts were made, or `stop` is set; return how many were made.

        Raises:
            StoppedError: a human stopped it. StoreUnavailableError: could not look. What was begun was ended.
        """
        made = 0
        try:
            while (limit is None or made < limit) and not (stop is not None and stop.is_set()):
                if self.one(on_job):
                    made += 1
                elif not self.chores() and self._picker.looked_at_all:
                    break
        finally:
            self._leave()
        return made

    def one(self, on_job: Callable[[str, str], None] = lambda _job, _said: None) -> bool:
        """Take one job and run it; False if none can be taken now.

        Raises:
            StoppedError: a human stopped it. Nothing was taken.
            StoreUnavailableError: could not look. Nothing was taken.
        """
        self._here()
        if self._chores.due(idle=False):  # first of all what others began and could not end
            self._chores.do()
        holding = self._picker.next()
        if holding is None:
            return False
        said = self._run(holding, on_job)
        on_job(str(holding.job.address), said)
        return True

    def chores(self) -> bool:
        """Look at what is held up, what was cut off and what is due in this queue; tell whether anything moved.

        Raises:
            StoppedError: a human stopped it. Nothing was moved.
        """
        return self._chores.do()

    # -- one job ----------------------------------------------------------------------------------------------

    def _run(self, holding: Holding, on_job: Callable[[str, str], None]) -> str:
        """Run the handler of a job and settle what comes of it; say in words what did."""
        job = holding.job
        try:
            settle, said = self._attempt(holding)
            self._settled(settle, holding)
        except LeaseLostError:
            self._settling.let_go(holding)
            _log.info("job lost", extra={"job": str(job.address)})
            return "lost"
        except (KeyboardInterrupt, GeneratorExit):
            with suppress(SomabusError):
                self._settling.release(holding)  # told to end at once: that is not the job's fault
            on_job(str(job.address), "given back")
            raise
        return said

    def _settled(self, settle: Settle, holding: Holding) -> None:
        """Settle a job, patiently: one whose end cannot be written must not count as one whose worker vanished."""
        try:
            patiently(lambda: settle(holding), lambda: self._settling.renew(holding), self._wait)
        except StoreError:
            self._settling.release(holding)  # a rename: a full drive takes it

    def _attempt(self, holding: Holding) -> tuple[Settle, str]:
        """Run the handler, and return how its job is to be settled, and that in words."""
        with self._keeper.keeping(holding) as kept:
            self._services.chain.enter(holding.job)
            try:
                context = self._context(kept, holding)
                result = self._handlers[holding.job.name](context)
                context.verify()
                _check_result(result)
                settle: tuple[Settle, str] = partial(self._settling.complete, result=result), "completed"
            except Leave as leave:
                settle = leave.how, str(leave)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - a handler may fail in any way: the job's affair
                if not (isinstance(error, LeaseLostError) and kept.is_lost()):  # it may have lost a lease of its own
                    settle = self._failed(holding, error)
            finally:
                self._services.chain.leave()
        if kept.unsettled is not None:  # its time was up, and the drive did not take that yet
            return kept.unsettled, "lost"
        if kept.lost:
            raise LeaseLostError(holding.job.id, holding.ticket.generation)
        return settle

    def _context(self, kept: Kept, holding: Holding) -> JobContext:
        """Return what the handler is handed; a job whose ledger somebody meddled with waits for a human."""
        try:
            protected = self._services.opener.protected(holding.job)
            ledger = self._services.ledger.pages(holding.job.address, self._services.me if protected else None)
            return JobContext(self._desk, partial(self._check, kept, holding.job), holding, ledger)
        except (TrustError, *UNREADABLE) as error:
            why = f"its ledger cannot be believed: {error}"
            raise Leave(lambda held: self._settling.park(held, why), why) from None

    def _check(self, kept: Kept, job: Job) -> None:
        """Make sure that the job is still this worker's, and that no human has stopped it."""
        kept.check()
        if job.name in self._services.stopped("Agent.work"):
            raise StoppedError("Agent.work", f"work of the kind {job.name}", "", "a human")

    def _is_stopped(self, job: Job) -> bool:
        """Tell whether jobs of this name are stopped, or all of them: if not, only something that it does is."""
        try:
            return job.name in self._services.stopped("Agent.work")
        except StoppedError:
            return True

    def _failed(self, holding: Holding, error: BaseException) -> tuple[Settle, str]:
        if isinstance(error, StoppedError):  # by a human: it waits, and comes again after the resume
            return self._settling.release if self._is_stopped(holding.job) else partial(
                self._settling.snooze, delay=_PUT_OFF_FOR
            ), "stopped"
        if isinstance(error, _DRIVE) and self._blamed[holding.job.id] < _BLAMED:  # that is not the job's fault
            self._blamed[holding.job.id] += 1
            return partial(self._settling.snooze, delay=_PUT_OFF_FOR), f"put off: {error}"
        if isinstance(error, _NEVER_AGAIN):
            return partial(self._settling.fail, error=str(error)), "failed"
        why = f"{type(error).__name__}: {error}{_where(error)}"
        facts = {"job": str(holding.job.address), "attempt": holding.ticket.attempt}
        _log.error("job failed", exc_info=error, extra=facts)
        return partial(self._settling.retry, error=why), f"failed: {why}"

    # -- between jobs -----------------------------------------------------------------------------------------

    def _fits(self, terms: Terms) -> bool:
        return fits(terms, self._services.me, self._handlers, self._tags, self._skills)

    def _rest(self, stop: threading.Event) -> None:
        """Do what is to be done besides, then wait until something may have changed."""
        if self._chores.due(idle=True) and self._chores.do():
            return
        left, due = _GLANCE_S, self._picker.next_due()
        if due is not None:
            left = min(left, max(_AT_LEAST_S, (due - self._shelf.now()).total_seconds()))
        if not stop.is_set():
            self._services.store.wait(tree.shelf(self._queue, JobState.WAITING), left)

    def _here(self) -> None:
        """Say now and then that it is there, unless a human stopped it."""
        if self._presence.due:
            self._services.stopped("Agent.work")
            self._skills = self._services.skills()
            self._presence.say(self._record())

    def _leave(self) -> None:
        """Take back that it is there, and keep nothing any more."""
        self._keeper.rest()
        self._presence.leave(self._record())

    def _alive(self, job: Job) -> None:
        """Say now and then, while a handler works, that it is there and at which job."""
        if self._presence.due:
            self._presence.say(self._record(str(job.address)))

    def _record(self, doing: str = "") -> WorkerRecord:
        return WorkerRecord(
            agent=self._services.me, holder=self._holder, seen_at=self._shelf.now(),
            names=tuple(sorted(self._handlers)), tags=self._tags, skills=self._skills, doing=doing,
        )  # fmt: skip


def _where(error: BaseException) -> str:
    """Say on which line of the handler's own file something went wrong; nothing if it is not known."""
    lines = [each for each in traceback.extract_tb(error.__traceback__) if _OWN not in each.filename]
    return f" ({PurePath(lines[-1].filename).name}:{lines[-1].lineno})" if lines else ""


def _check_result(result: Any) -> None:
    """Refuse a result that cannot be written.

    Raises:
        TypeError, MalformedMessageError: it is no JSON. ValueError: it is too large.
    """
    refuse_unwritable({"result": result})
    size = len(dump(result))
    if size > MAX_BYTES // 2:
        message = f"the result has {size:,} bytes, and {MAX_BYTES // 2:,} is the most; attach it"
        raise ValueError(message)
