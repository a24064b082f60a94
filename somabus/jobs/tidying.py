"""Tidying a queue: jobs that ended long ago, and keys that need not be known any more, are dropped; a worker does it.

What ended stays for the days that the bus keeps handled mail, what is dead or failed for those of dead letters, by when
it ended; and as long as anything waits for it, or would after a replay. It is moved aside first, which has one winner,
then all beside it is dropped, and then itself: cut off anywhere, the next worker goes on.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from somabus.errors import KeyMissingError, StoreDamagedError, StoreRefusedError
from somabus.jobs.records import Records
from somabus.jobs.shelf import Shelf
from somabus.model import tree
from somabus.model.ids import id_time, is_id
from somabus.model.job import JobAddress
from somabus.model.retention import Retention
from somabus.model.ticket import ENDED, JOB_MOVES, End, JobEvent, JobState
from somabus.store.port import Store

_KEPT: Final = {
    JobState.COMPLETED: "done", JobState.CANCELLED: "done", JobState.FAILED: "dead", JobState.DEAD: "dead",
}  # fmt: skip
TIDIED_EVERY: Final = timedelta(hours=1)
_AT_MOST: Final = 500
"""So many jobs are looked at in one go: a worker has other things to do."""


class Tidying:
    """Tidies one queue."""

    def __init__(self, store: Store, records: Records, shelf: Shelf, rule: Callable[[], Retention]) -> None:
        self._store = store
        self._records = records
        self._shelf = shelf
        self._rule = rule
        self._open: dict[str, frozenset[str]] = {}
        self._after = ""
        self._place: tuple[JobState, str] | None = None

    def step(self) -> bool:
        """Drop what is over, so much of it at most; tell whether there is more: the next step goes on there."""
        rule = self._rule()
        self._open.clear()
        old = list(islice(self._old(rule), _AT_MOST))
        for state, end in old:
            if not self._is_awaited(JobAddress(self._shelf.queue, end.id)):
                self._take(state, end)
        self._place = (old[-1][0], old[-1][1].name) if len(old) == _AT_MOST else None
        self._drop_taken()
        more = self._keys(self._shelf.now() - rule.span("keys"))
        return more or self._place is not None

    # -- steps ------------------------------------------------------------------------------------------------

    def _take(self, state: JobState, end: End) -> None:
        """Take a job out of its state: whoever would bring it back comes before that, or finds it gone."""
        target = f"{tree.dropping(self._shelf.queue)}/{end.name.rpartition('/')[2]}"
        with suppress(KeyMissingError):
            self._store.move(self._shelf.key(state, end.name), target, durable=False)

    def _drop_taken(self) -> None:
        """Drop what lies beside the jobs that were taken, and then these: also those of a worker that died at it."""
        folder = tree.dropping(self._shelf.queue)
        for name in self._store.list(folder):
            end = End.parse(name)
            if end is not None:
                self._drop(tree.run(self._shelf.queue, end.id))
            with suppress(StoreDamagedError, StoreRefusedError):  # a folder that somebody laid there
                self._store.delete(f"{folder}/{name}")

    def _old(self, rule: Retention) -> Iterator[tuple[JobState, End]]:
        """Yield what has ended long ago, from where the last step was; a day's folder is let go when it is empty."""
        for state in sorted(ENDED):
            limit = self._shelf.now() - rule.span(_KEPT[state])
            after = self._place[1] if self._place is not None and self._place[0] is state else ""
            if self._place is not None and state < self._place[0]:
                continue
            for day in self._shelf.names(state):
                if day >= limit.date().isoformat():
                    break
                if day < after.partition("/")[0]:
                    continue
                with suppress(StoreDamagedError):  # something else lies there; it is in nobody's way
                    for end in filter(None, map(End.parse, self._shelf.day(state, day))):
                        if end.name > after and self._ended_at(end) < limit:
                            yield state, end
                    self._store.prune(f"{tree.shelf(self._shelf.queue, state)}/{day}")

    def _ended_at(self, end: End) -> datetime:
        address = JobAddress(self._shelf.queue, end.id)
        tries = [each for each in self._records.tries(address) if each.generation == end.generation]
        return max((each.at for each in tries), default=id_time(end.id))

    def _is_awaited(self, address: JobAddress) -> bool:
        """Tell whether a job waits for this one, or would after a replay; or whether a child of it has not ended."""
        children = [JobAddress(bond.queue, bond.id) for bond in self._records.bonds(address, "children")]
        waiting = [JobAddress(bond.queue, bond.id) for bond in self._records.bonds(address, "then")]
        job = self._records.job(address)
        parent = JobAddress.parse(job.parent) if job is not None and job.parent else None
        waiting += [parent] if parent else []
        return any(map(self._is_open, (*children, *waiting))) or any(map(self._may_come_back, waiting))

    def _is_open(self, address: JobAddress) -> bool:
        """Tell whether a job has not ended; one that came while this goes on has not ended either."""
        shelf = self._records.shelf(address.queue)
        if address.queue not in self._open:
            self._open[address.queue] = shelf.open_ids()
        if address.id in self._open[address.queue]:
            return True
        return self._records.ending(address) is None and shelf.find(address.id) is not None

    def _may_come_back(self, address: JobAddress) -> bool:
        ending = self._records.ending(address)
        return ending is not None and JobEvent.REPLAY in JOB_MOVES[ending.state]

    def _keys(self, limit: datetime) -> bool:
        """Forget keys whose last job was submitted before a moment, and has ended; tell whether there are more."""
        folder = f"{tree.QUEUES}/{self._shelf.queue}/keys"
        digests = self._store.list(folder, self._after, _AT_MOST)
        for digest in digests:
            with suppress(StoreDamagedError):  # something else lies there
                if self._is_forgotten(digest, limit):
                    self._drop(f"{folder}/{digest}")
        self._after = digests[-1] if len(digests) == _AT_MOST else ""
        return bool(self._after)

    def _is_forgotten(self, digest: str, limit: datetime) -> bool:
        records = self._records.key_records(self._shelf.queue, digest)
        old = [each for each in records if is_id(each.id) and id_time(each.id) < limit]
        return (
            bool(records) and len(old) == len(records) and not self._is_open(JobAddress(self._shelf.queue, old[-1].id))
        )

    def _drop(self, folder: str) -> None:
        """Delete all that lies below a folder, and let it go."""
        for name in self._store.list(folder):
            place = f"{folder}/{name}"
            try:
                below = bool(self._store.list(place))
            except StoreDamagedError:
                below = False
            if below:
                self._drop(place)
            else:
                with suppress(StoreDamagedError, StoreRefusedError):  # an empty folder
                    self._store.delete(place)
                self._store.prune(place)
        self._store.prune(folder)
