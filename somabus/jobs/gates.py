"""What must let a job begin, beside its turn: its quiet hours, a free slot of its key, and the rate of its key.

A slot is a named lease, so whoever holds one and dies frees it when the lease ends. A place in a rate's window is a
file created exclusively: however many machines ask, no more begin than may.
"""

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, time, timedelta
from typing import NamedTuple

from somabus.errors import (
    ConfigurationError,
    KeyExistsError,
    LeaseHeldError,
    LeaseLostError,
    StoreDamagedError,
    StoreUnavailableError,
)
from somabus.lease import Lease, Leases
from somabus.model import tree
from somabus.model.ids import from_milliseconds, milliseconds
from somabus.model.job import Job, Quiet, Rate, Slots
from somabus.model.wallclock import zone_of
from somabus.store.port import Store


class Passed(NamedTuple):
    """What a job holds while it is worked on."""

    lease: Lease | None = None


class Gates:
    """The gates before one queue, on behalf of one worker."""

    def __init__(self, store: Store, queue: str, leases: Leases, lease_for: timedelta) -> None:
        self._store = store
        self._queue = queue
        self._leases = leases
        self._lease_for = lease_for
        self._shut: dict[str, datetime] = {}

    def enter(self, job: Job, now: datetime) -> Passed | None:
        """Let a job begin, or return None: not now."""
        if job.quiet is not None and is_quiet(job.quiet, now):
            return None
        if any(self._is_shut(gate, now) for gate in _names(job)):
            return None
        lease = None
        if job.slots is not None:
            lease = self._slot(job.slots)
            if lease is None:
                self._shut[_slot_gate(job.slots)] = now + timedelta(seconds=1)
                return None
        if job.rate is not None and not self._counted(job.rate, now):
            self.leave(Passed(lease))
            return None
        return Passed(lease)

    def renew(self, passed: Passed) -> None:
        """Hold on to what a job holds."""
        if passed.lease is not None:
            with suppress(LeaseLostError):  # too many are at work for a moment; the job itself is fenced by its claim
                passed.lease.extend(self._lease_for)

    def leave(self, passed: Passed) -> None:
        """Give back what a job held."""
        if passed.lease is not None:
            with suppress(StoreUnavailableError):  # it ends by itself
                passed.lease.release()

    def sweep(self) -> None:
        """Drop the windows of rates that are over."""
        now = milliseconds(self._store.now())
        for key in self._store.list(f"{tree.QUEUES}/{self._queue}/rates"):
            for window in self._store.list(tree.rate(self._queue, key)):
                ended, _, _ = window.partition("-")
                if ended.isdigit() and int(ended) < now:
                    with suppress(StoreDamagedError):  # something else lies there; it is in nobody's way
                        self._drop(key, window)

    # -- steps ------------------------------------------------------------------------------------------------

    def _is_shut(self, gate: str, now: datetime) -> bool:
        until = self._shut.get(gate)
        if until is not None and until <= now:
            del self._shut[gate]
            until = None
        return until is not None

    def _slot(self, slots: Slots) -> Lease | None:
        digest = hashlib.sha256(slots.key.encode()).hexdigest()[:16]
        for number in range(slots.count):
            with suppress(LeaseHeldError):
                return self._leases.take(f"slot-{digest}-{number}", self._lease_for)
        return None

    def _counted(self, rate: Rate, now: datetime) -> bool:
        """Take a place in the window of now, if one is left."""
        width = max(1, round(rate.window_s * 1000))
        ends = (milliseconds(now) // width + 1) * width
        folder = f"{tree.rate(self._queue, rate.key)}/{ends}-{width}"
        for number in range(len(self._store.list(folder)) + 1, rate.count + 1):
            try:
                self._store.create(f"{folder}/{number}.json", b'{"format":1}')
            except KeyExistsError:
                continue
            return True
        self._shut[_rate_gate(rate)] = from_milliseconds(ends)
        return False

    def _drop(self, key: str, window: str) -> None:
        folder = f"{tree.rate(self._queue, key)}/{window}"
        for name in self._store.list(folder):
            self._store.delete(f"{folder}/{name}")
        self._store.prune(folder)


def is_quiet(quiet: Quiet, now: datetime) -> bool:
    """Tell whether nothing may begin now; hours that end before they begin go over midnight.

    A zone that this machine does not know leaves the job to those that do.
    """
    try:
        local = now.astimezone(zone_of(quiet.zone)).time()
    except ConfigurationError:
        return True
    begins, ends = time.fromisoformat(quiet.begins), time.fromisoformat(quiet.ends)
    return begins <= local < ends if begins <= ends else local >= begins or local < ends


def _names(job: Job) -> Iterator[str]:
    if job.slots is not None:
        yield _slot_gate(job.slots)
    if job.rate is not None:
        yield _rate_gate(job.rate)


def _slot_gate(slots: Slots) -> str:
    return f"slots {slots.key}"


def _rate_gate(rate: Rate) -> str:
    return f"rate {rate.key}"
