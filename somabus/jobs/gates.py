"""What must let a job begin, beside its turn: its quiet hours, a free slot of its key, and the rate of its key.

A slot is a named lease, so whoever holds one and dies frees it when the lease ends. A place in a rate's window is a
file created exclusively: however many machines ask, no more begin than may.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, time, timedelta
from typing import Final, NamedTuple

from somabus.errors import (
    ConfigurationError,
    KeyExistsError,
    LeaseHeldError,
    LeaseLostError,
    StoreDamagedError,
    StoreError,
)
from somabus.lease import Lease, Leases
from somabus.model import tree
from somabus.model.ids import from_milliseconds, milliseconds
from somabus.model.job import Job, Quiet, Rate, Slots, Terms
from somabus.model.leases import is_slot_name, slot_name
from somabus.model.wallclock import zone_of
from somabus.store.port import Store

_UNUSED_FOR: Final = timedelta(days=7)


class Passed(NamedTuple):
    """What a job holds while it is worked on: a slot, and a place in the window of a rate."""

    lease: Lease | None = None
    place: str = ""


class Gates:
    """The gates before one queue, on behalf of one worker."""

    def __init__(self, store: Store, queue: str, leases: Leases, lease_for: timedelta) -> None:
        self._store = store
        self._queue = queue
        self._leases = leases
        self._lease_for = lease_for
        self._shut: dict[str, tuple[datetime, datetime]] = {}

    def bars(self, job: Job | Terms, now: datetime) -> bool:
        """Tell whether a job need not try: it is quiet, or a gate of its was shut a moment ago."""
        quiet = job.quiet is not None and is_quiet(job.quiet, now)
        return quiet or any(self._is_shut(gate, now) for gate in _names(job))

    def enter(self, job: Job, now: datetime) -> Passed | None:
        """Let a job begin, or return None: not now."""
        if self.bars(job, now):
            return None
        lease = None
        if job.slots is not None:
            lease = self._slot(job.slots)
            if lease is None:
                self._shut[_slot_gate(job.slots)] = now, now + timedelta(seconds=1)
                return None
        place = "" if job.rate is None else self._place(job.rate, now)
        if place is None:
            self.leave(Passed(lease))
            return None
        return Passed(lease, place)

    def renew(self, passed: Passed) -> None:
        """Hold on to what a job holds."""
        if passed.lease is not None:
            with suppress(LeaseLostError):  # too many are at work for a moment; the job itself is fenced by its claim
                passed.lease.extend(self._lease_for)

    def leave(self, passed: Passed) -> None:
        """Give back what a job held that has begun: its slot. Its place in a window is taken."""
        if passed.lease is not None:
            with suppress(StoreError):  # it ends by itself
                passed.lease.release()

    def turn_back(self, passed: Passed) -> None:
        """Give back all that a job held that has not begun after all."""
        self.leave(passed)
        if passed.place:
            with suppress(StoreError):  # one fewer begins in this window
                self._store.delete(passed.place)

    def sweep(self) -> None:
        """Drop the windows of rates that are over, and let go of their keys."""
        now = milliseconds(self._store.now())
        for key in self._store.list(f"{tree.QUEUES}/{self._queue}/rates"):
            with suppress(StoreDamagedError):  # something else lies there; it is in nobody's way
                for window in self._store.list(tree.rate(self._queue, key)):
                    ended, _, _ = window.partition("-")
                    if ended.isdigit() and int(ended) < now:
                        self._drop(key, window)
                self._store.prune(tree.rate(self._queue, key))

    def drop_slots(self) -> None:
        """Drop the slots of keys that nobody has used for long: should two meet there, both work for a moment."""
        for name in self._store.list(tree.LEASES):
            if is_slot_name(name):
                with suppress(StoreDamagedError):
                    self._leases.drop(name, self._store.now() - _UNUSED_FOR)

    # -- steps ------------------------------------------------------------------------------------------------

    def _is_shut(self, gate: str, now: datetime) -> bool:
        since, until = self._shut.get(gate, (now, now))
        if since <= now < until:  # a clock that goes back opens it
            return True
        self._shut.pop(gate, None)
        return False

    def _slot(self, slots: Slots) -> Lease | None:
        for number in range(slots.count):
            with suppress(LeaseHeldError):
                return self._leases.take(slot_name(slots.key, number), self._lease_for)
        return None

    def _place(self, rate: Rate, now: datetime) -> str | None:
        """Take a place in the window of now, and return it, or None if none is left."""
        width = max(1, round(rate.window_s * 1000))
        ends = (milliseconds(now) // width + 1) * width
        folder = f"{tree.rate(self._queue, rate.key)}/{ends}-{width}"
        taken = set(self._store.list(folder))
        for name in (f"{number}.json" for number in range(1, rate.count + 1)):
            if name not in taken:
                with suppress(KeyExistsError):
                    self._store.create(f"{folder}/{name}", b'{"format":1}')
                    return f"{folder}/{name}"
        self._shut[_rate_gate(rate)] = now, from_milliseconds(ends)
        return None

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


def _names(job: Job | Terms) -> Iterator[str]:
    if job.slots is not None:
        yield _slot_gate(job.slots)
    if job.rate is not None:
        yield _rate_gate(job.rate)


def _slot_gate(slots: Slots) -> str:
    return f"slots {slots.key}"


def _rate_gate(rate: Rate) -> str:
    return f"rate {rate.key}"
