"""Holding on: while a handler works, a thread makes the lease of its job end later, again and again.

It finds out as well that the job was cancelled, paused or passed on, and that its time is up; and it says meanwhile
that the worker is there. One thread serves a worker for all its jobs, and ends when there was none for a while. Whoever
wants to settle a job takes it from the keeper first, so that nobody renames it at the same time.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Final, NoReturn

from somabus.errors import LeaseLostError, StoreError
from somabus.jobs.holding import Holding, Settling
from somabus.model.job import Job

_TICK_S: Final = 0.25
_ENDS_AFTER: Final = 40
"""So many ticks without a job, and the thread ends; the next job begins another one."""

_log: Final = logging.getLogger("somabus")


class Kept:
    """One job that is kept while its handler works."""

    def __init__(self, holding: Holding, settling: Settling, now: Callable[[], datetime], lock: threading.Lock) -> None:
        self._holding = holding
        self._settling = settling
        self._now = now
        self._lock = lock
        self._renewed_at = holding.began_at
        self.lost = False
        self.unsettled: Callable[[Holding], None] | None = None
        job = holding.job
        ends = [] if job.timeout_s is None else [holding.began_at + timedelta(seconds=job.timeout_s)]
        self._until = min([*ends, *([job.end_by] if job.end_by else [])], default=None)

    @property
    def job(self) -> Job:
        """The job."""
        return self._holding.job

    def check(self) -> None:
        """Make sure that the job is still this worker's: it lies under its name, which nobody else gives away.

        Raises:
            LeaseLostError: it was cancelled, paused or passed on, or its time is up.
        """
        with self._lock:
            self.look()
            if not self._settling.holds(self._holding):
                self._lose()

    def is_lost(self) -> bool:
        """Tell whether the job is not this worker's any more."""
        try:
            self.check()
        except LeaseLostError:
            return True
        except StoreError:
            return self.lost
        return False

    def look(self) -> None:
        """Renew the job if it is time for that, for whoever has the lock.

        Raises:
            LeaseLostError: see `check`.
        """
        now = self._now()
        if not self.lost and self._until is not None and now >= self._until:
            self._time_is_up(now)
        if self.lost:
            self._lose()
        if not timedelta(0) <= now - self._renewed_at < self._holding.lease_for / 3:
            try:
                self._settling.renew(self._holding)
            except LeaseLostError:
                self._lose()
            self._renewed_at = now

    def _lose(self) -> NoReturn:
        self.lost = True
        raise LeaseLostError(self._holding.job.id, self._holding.ticket.generation)

    def _time_is_up(self, now: datetime) -> None:
        """Take the job out of the hands of a handler that took too long; what it still does counts for nothing.

        If that cannot be written now, it is the worker's to do when the handler has found out.
        """
        self.lost = True
        job = self._holding.job
        late = job.late(now, begun=True)
        why = late or f"it took longer than {job.timeout_s:g} s"
        self.unsettled = partial(self._settling.fail if late else self._settling.retry, error=why)
        with suppress(StoreError):
            self._settling.quietly(partial(self.unsettled, self._holding))
            self.unsettled = None


class Keeper:
    """Keeps the jobs of one worker, one at a time, and tells `alive` again and again at which it is."""

    def __init__(self, settling: Settling, now: Callable[[], datetime], alive: Callable[[Job], None]) -> None:
        self._settling = settling
        self._now = now
        self._alive = alive
        self._lock = threading.Lock()
        self._kept: Kept | None = None
        self._thread: threading.Thread | None = None
        self._over = threading.Event()

    @contextmanager
    def keeping(self, holding: Holding) -> Iterator[Kept]:
        """Keep a job until the block ends; behind it nobody but the caller touches it."""
        kept = Kept(holding, self._settling, self._now, self._lock)
        with self._lock:
            self._kept = kept
            if self._thread is None or not self._thread.is_alive():
                self._over = threading.Event()
                self._thread = threading.Thread(
                    target=self._live, args=[self._over], daemon=True, name="somabus keeper"
                )
                self._thread.start()
        try:
            yield kept
        finally:
            with self._lock:
                self._kept = None

    def rest(self) -> None:
        """Let the thread end now; the next job begins another one."""
        with self._lock:
            self._over.set()
            self._thread = None

    def _live(self, over: threading.Event) -> None:
        idle = 0
        while not over.wait(_TICK_S):
            with self._lock:
                idle = 0 if self._kept else idle + 1
                if self._kept is not None and not over.is_set():
                    self._look(self._kept)
                elif idle >= _ENDS_AFTER:
                    over.set()
                    self._thread = None if self._over is over else self._thread

    def _look(self, kept: Kept) -> None:
        try:
            self._alive(kept.job)
            if not kept.lost:
                kept.look()
        except LeaseLostError:
            _log.info("a job was lost while its handler works")
        except Exception as error:  # noqa: BLE001 - whatever it is, until the lease ends there is time to try again
            _log.warning("could not renew a job", extra={"detail": str(error)})
