"""Holding on: while a handler works, a thread makes the lease of its job end later, again and again.

It finds out as well that the job was cancelled, paused or passed on, and that its time is up. Whoever wants to settle
the job ends the keeper first, so that nobody renames it at the same time.
"""

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from types import TracebackType
from typing import Final, Self

from somabus.errors import LeaseLostError, StoreError
from somabus.jobs.holding import Holding, Settling

_log: Final = logging.getLogger("somabus")


class Keeper:
    """Keeps one job while its handler works; use it in a `with` block."""

    def __init__(self, holding: Holding, settling: Settling, now: Callable[[], datetime]) -> None:
        self._holding = holding
        self._settling = settling
        self._now = now
        self._renewed_at = now()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._lost = False
        job = holding.job
        self._until = None if job.timeout_s is None else holding.began_at + timedelta(seconds=job.timeout_s)
        if job.end_by is not None:
            self._until = job.end_by if self._until is None else min(self._until, job.end_by)
        every = holding.lease_for.total_seconds() / 3
        self._every = (
            every
            if self._until is None
            else min(every, max(0.05, (self._until - self._renewed_at).total_seconds() / 3))
        )
        self._thread = threading.Thread(target=self._keep, daemon=True, name=f"somabus job {job.id}")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    @property
    def lost(self) -> bool:
        """Whether the job is known not to be this worker's any more."""
        return self._lost

    def check(self) -> None:
        """Make sure that the job is still this worker's, by renewing it: nothing else proves that.

        Raises:
            LeaseLostError: it is not.
        """
        with self._lock:
            self._check(timedelta(0))

    def _check(self, every: timedelta) -> None:
        now = self._now()
        if not self._lost and self._until is not None and now >= self._until:
            self._time_is_up()
        if self._lost:
            raise LeaseLostError(self._holding.job.id, self._holding.ticket.generation)
        if not timedelta(0) <= now - self._renewed_at < every:
            self._renew(now)

    def _renew(self, now: datetime) -> None:
        try:
            self._settling.renew(self._holding)
        except LeaseLostError:
            self._lost = True
            raise
        self._renewed_at = now

    def _time_is_up(self) -> None:
        """Take the job out of the hands of a handler that took too long; what it still does counts for nothing."""
        self._lost = True
        job = self._holding.job
        if job.end_by is not None and job.end_by <= self._now():
            why, end = job.too_late(self._now()), self._settling.fail
        else:
            why, end = f"it took longer than {job.timeout_s:g} s", self._settling.retry
        self._settling.quietly(lambda: end(self._holding, why))

    def _keep(self) -> None:
        while not self._over.wait(self._every):
            with self._lock:
                try:
                    self._check(self._holding.lease_for / 3)
                except LeaseLostError:
                    return
                except StoreError as error:  # until the lease ends there is time to try again
                    _log.warning("could not renew a job", extra={"detail": str(error)})
