"""Named leases: a resource has one holder at a time, and every tenure has a number.

    leases/<name>/000000041.json     released
    leases/<name>/000000042.json     the highest number counts

Taking is the exclusive creation of the next number, so it has one winner; the number never goes back and fences what
the holder writes elsewhere. Old numbers are swept from far below the top only: a machine that still sees an old
listing must find its next number taken.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from types import TracebackType
from typing import Final, Self

from somabus.errors import (
    DocumentTooLargeError,
    KeyExistsError,
    LeaseHeldError,
    LeaseLostError,
    MessageError,
    StoreDamagedError,
    StoreUnavailableError,
)
from somabus.model import tree
from somabus.model.ids import later
from somabus.model.leases import LeaseRecord
from somabus.model.names import check_name
from somabus.model.wire import parse_object
from somabus.store.port import Store

KEPT: Final = 100
_TRIES: Final = 50
_RECORD: Final = re.compile(r"\d{9,18}\.json", re.ASCII)


class Lease:
    """A lease that was taken; leaving the `with` block gives it back."""

    def __init__(self, leases: "Leases", record: LeaseRecord) -> None:
        self._leases = leases
        self.record = record

    @property
    def name(self) -> str:
        """Of what."""
        return self.record.name

    @property
    def generation(self) -> int:
        """The number of this tenure. Put it into what you write, and refuse what carries a lower one."""
        return self.record.generation

    def extend(self, for_: timedelta) -> None:
        """Make the lease end `for_` from now.

        Raises:
            LeaseLostError: another generation began; stop writing.
        """
        self.record = self._leases.renew(self.record, for_)

    def check(self) -> None:
        """Make sure that no other generation began.

        Raises:
            LeaseLostError: one did; stop writing.
        """
        self._leases.check(self.record)

    def release(self) -> None:
        """Give it back; another may take the next generation at once."""
        self._leases.release(self.record)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class Leases:
    """Takes leases on behalf of one agent. `holder` names this process, for those who have to wait."""

    def __init__(self, store: Store, me: str, holder: str, staleness: timedelta) -> None:
        self._store = store
        self._me = me
        self._holder = holder
        self._staleness = staleness

    def take(self, name: str, for_: timedelta, *, dead: Callable[[LeaseRecord], bool] = lambda _record: False) -> Lease:
        """Take a lease.

        Args:
            name: of what.
            for_: how long, if it is not extended or given back.
            dead: tells of a record whether its holder is known to be dead, so that its end need not be waited for.

        Raises:
            LeaseHeldError: another holds it; the error says who and until when.
            StoreError: could not look; nothing was taken.
        """
        check_name(name)
        number = self._highest(name)
        for _ in range(_TRIES):
            last = self._read(name, number) if number else None
            now = self._store.now()
            if last is not None and not (last.free(now, self._staleness) or dead(last)):
                raise LeaseHeldError(name, f"{last.agent} ({last.holder})", last.ends_at)
            record = LeaseRecord(
                name=name,
                generation=number + 1,
                agent=self._me,
                holder=self._holder,
                taken_at=now,
                ends_at=later(now, for_),
            )
            try:
                self._store.create(tree.lease(name, number + 1), record.to_json())
            except KeyExistsError:
                number += 1  # it exists, whatever the listing showed
                continue
            self._sweep(name, number + 1)
            return Lease(self, record)
        raise StoreUnavailableError(tree.lease(name), f"{_TRIES} others were faster")

    def held(self, name: str) -> LeaseRecord | None:
        """Return the record of whoever holds the lease now, or None."""
        last = self.last(name)
        return None if last is None or last.free(self._store.now(), timedelta(0)) else last

    def last(self, name: str) -> LeaseRecord | None:
        """Return the record of whoever took the lease last, or None."""
        number = self._highest(check_name(name))
        return self._read(name, number) if number else None

    def check(self, record: LeaseRecord) -> None:
        """See `Lease.check`."""
        if self._highest(record.name) > record.generation:
            raise LeaseLostError(record.name, record.generation)

    def renew(self, record: LeaseRecord, for_: timedelta) -> LeaseRecord:
        """See `Lease.extend`."""
        self.check(record)
        longer = record.model_copy(update={"ends_at": later(self._store.now(), for_)})
        self._store.replace(tree.lease(record.name, record.generation), longer.to_json())
        self.check(record)  # Race: the next generation may have begun while ours was written.
        return longer

    def release(self, record: LeaseRecord) -> None:
        """See `Lease.release`. A lease that was passed on is not ours to release, which is no error."""
        if self._highest(record.name) == record.generation:
            given_back = record.model_copy(update={"released": True})
            self._store.replace(tree.lease(record.name, record.generation), given_back.to_json())

    def drop(self, name: str, before: datetime) -> bool:
        """Forget a lease whose last tenure ended before a moment, for names that nobody fences anything with."""
        last = self.last(name)
        if last is None or last.ends_at >= before:
            return False
        for each in self._store.list(tree.lease(name)):
            self._store.delete(f"{tree.lease(name)}/{each}")
        self._store.prune(tree.lease(name))
        return True

    def _highest(self, name: str) -> int:
        numbers = [int(each[:-5]) for each in self._store.list(tree.lease(name)) if _is_record(each)]
        return max(numbers, default=0)

    def _read(self, name: str, number: int) -> LeaseRecord | None:
        """Return the record of a number; one that is damaged counts as ended, its number still counts."""
        try:
            raw = self._store.read(tree.lease(name, number), listed=True)
            if raw is None:  # it exists, and this machine cannot see it yet: that is not "free"
                raise StoreUnavailableError(tree.lease(name, number), "it exists and cannot be read yet")
            return LeaseRecord.from_object(parse_object(raw))
        except (MessageError, StoreDamagedError, DocumentTooLargeError):
            return None

    def _sweep(self, name: str, highest: int) -> None:
        for each in self._store.list(tree.lease(name)):
            if _is_record(each) and int(each[:-5]) <= highest - KEPT:
                self._store.delete(f"{tree.lease(name)}/{each}")


def _is_record(name: str) -> bool:
    return _RECORD.fullmatch(name) is not None
