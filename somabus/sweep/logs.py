"""Logs: old segments are packed into archives, and archives are dropped when everybody has read them.

    a segment of files ──archive_days──► an archive beside the files ──an hour──► an archive ──logs_days──► a mark

The files stay for an hour beside their archive: by then every machine sees it, and no reader finds neither. A mark of
a few bytes stays for each segment that was dropped, so that a log never looks shorter than it is.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from statistics import median_low
from typing import Final

from somabus.errors import DocumentTooLargeError, MessageError, StoreDamagedError
from somabus.log import Log
from somabus.model.archive import Archive
from somabus.model.envelope import split
from somabus.model.ids import id_time, is_id
from somabus.model.retention import Retention
from somabus.model.wire import parse_object
from somabus.store.port import Store
from somabus.sweep.area import Allowance, Swept

_REST: Final = timedelta(hours=1)
_SAMPLE: Final = 9
_DAMAGE: Final = (MessageError, StoreDamagedError, DocumentTooLargeError)


def sweep_log(store: Store, path: str, rule: Retention, floor: Callable[[], int], allowance: Allowance) -> Swept:
    """Pack and drop what is old in one log.

    Args:
        store: the bus.
        path: the log.
        rule: what is old.
        floor: returns a number from which on nothing is dropped: somebody has not read it, or it is open. It is asked
            only where something is old enough, for the answer takes a look at every reader.
        allowance: what may be done in this step.
    """
    run = _Run(store, Log(store, path), rule, allowance)
    done = all(run.segment(segment, numbers, floor) for segment, numbers in run.log.old_segments())
    return Swept(path, run.dropped, run.archived, run.why, done=done)


class _Run:
    """One step in one log. Its deeds tell whether the step may go on."""

    def __init__(self, store: Store, log: Log, rule: Retention, allowance: Allowance) -> None:
        self._store = store
        self.log = log
        self._rule = rule
        self._allowance = allowance
        self._now = store.now()
        self._weight: int | None = None
        self.dropped = self.archived = 0
        self.why = ""

    def segment(self, segment: str, numbers: list[int], floor: Callable[[], int]) -> bool:
        """Bring one segment, with the numbers in its folder, one step on its way; damage stays, and is said."""
        try:
            packed = self.log.archives.packed(int(segment))
            if packed is None:
                return self._pack(segment, numbers) if numbers else True
            entries = {number: raw for archive in packed for number, raw in archive.entries.items()}
            return self._clear(segment, numbers, packed, entries) and self._expire(segment, entries, floor)
        except _DAMAGE as error:
            self.why = f"segment {segment} stays as it is: {error}"
            return True

    def _pack(self, segment: str, numbers: list[int]) -> bool:
        """Pack the files of a segment if they are old; a few of them tell."""
        if self._allowance.spent:
            return False
        if not self._old([self._read(number) for number in numbers[:: max(1, len(numbers) // _SAMPLE)]], "archive"):
            return True
        self.log.archives.add(int(segment), [(number, self._read(number)) for number in numbers])
        self.archived += len(numbers)
        return self._allowance.take(len(numbers))

    def _clear(self, segment: str, numbers: list[int], packed: list[Archive], entries: dict[int, bytes]) -> bool:
        """Delete the files whose bytes have long stood in the archive."""
        age = self._now - max(archive.header.at for archive in packed)
        if timedelta(0) <= age < _REST:
            return True
        for number in numbers:
            if entries.get(number) != self._read(number):
                self.why = f"number {number} stays, for its archive holds something else; see: somabus verify"
            elif self._allowance.take():
                self._store.delete(self.log.key(number))
            else:
                return False
        self._store.prune(f"{self.log.path}/{segment}")
        return True

    def _expire(self, segment: str, entries: dict[int, bytes], floor: Callable[[], int]) -> bool:
        """Drop the archives of a segment that are old enough, or the oldest when there is no room for all."""
        if not (self._old(list(entries.values()), "logs") or self._heavy()):
            return True
        if max(entries, default=0) >= floor():
            return True
        if not self._allowance.take():
            return False
        self.log.archives.drop(int(segment))
        self._weight = None
        self.dropped += len(entries)
        return True

    def _read(self, number: int) -> bytes:
        raw = self._store.read(self.log.key(number), listed=True)
        if raw is None:
            raise StoreDamagedError(self.log.key(number), "it is listed and cannot be read")
        return raw

    def _old(self, entries: list[bytes], what: str) -> bool:
        """Tell whether entries are old, by the time of the one in the middle: no single clock decides."""
        times = [_made_at(raw, self._now) for raw in entries]
        return bool(times) and self._now - median_low(times) > self._rule.span(what)

    def _heavy(self) -> bool:
        if self._rule.logs_bytes and self._weight is None:
            self._weight = self._store.weigh(self.log.archives.folder)
        return (self._weight or 0) > self._rule.logs_bytes > 0


def _made_at(raw: bytes, now: datetime) -> datetime:
    """Return when an entry was made by its id; one that says nothing of the kind is old, one from the future is new."""
    try:
        found = parse_object(split(raw).body).get("id")
    except MessageError:
        found = None
    return (
        min(id_time(found), now) if isinstance(found, str) and is_id(found) else datetime.min.replace(tzinfo=now.tzinfo)
    )
