"""Logs: old segments are packed into archives, and archives are dropped when everybody has read them.

    a segment of files ──archive_days──► an archive beside the files ──an hour──► an archive ──logs_days──► nothing

The files stay for an hour beside their archive: by then every machine sees it, and no reader finds neither. What is
dropped is always the beginning of the log, and a mark says how far.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from statistics import median_low
from typing import Final

from somabus.archives import bounds, covers
from somabus.errors import DocumentTooLargeError, MessageError, StoreDamagedError
from somabus.log import Log
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
    for segment, numbers in run.log.old_segments():
        if not (run.thin(segment, numbers) if numbers else run.expire(segment, floor)):
            return Swept(path, run.dropped, run.archived, run.why, done=False)
    return Swept(path, run.dropped, run.archived, run.why)


class _Run:
    """One step in one log. Its deeds tell whether the step may go on."""

    def __init__(self, store: Store, log: Log, rule: Retention, allowance: Allowance) -> None:
        self._store = store
        self.log = log
        self._rule = rule
        self._allowance = allowance
        self._now = store.now()
        self._excess: int | None = None
        self.dropped = self.archived = 0
        self.why = ""

    def thin(self, segment: str, numbers: list[int]) -> bool:
        """Pack the files of a segment if they are old, or delete them when they have long been packed."""
        packed = self._packed(segment)
        try:
            return self._pack(segment, numbers) if packed is None else self._clear(segment, numbers, *packed)
        except _DAMAGE as error:
            self.why = f"segment {segment} stays as it is, for an entry of it cannot be read: {error}"
            return True

    def _pack(self, segment: str, numbers: list[int]) -> bool:
        if self._allowance.spent:
            return False
        if not self._old(
            [(number, self._read(number)) for number in numbers[:: max(1, len(numbers) // _SAMPLE)]], "archive"
        ):
            return True
        entries = [(number, self._read(number)) for number in numbers]
        self.log.archives.add(int(segment), entries)
        self.archived += len(entries)
        return self._allowance.take(len(entries))

    def _clear(self, segment: str, numbers: list[int], at: datetime, held: dict[int, bytes]) -> bool:
        """Delete the files whose bytes have long stood in the archive."""
        if self._now - at < _REST:
            return True
        for number in numbers:
            if held.get(number) != self._read(number):
                self.why = f"number {number} stays, for its archive holds something else; see: somabus verify"
            elif self._allowance.take():
                self._store.delete(self.log.key(number))
            else:
                return False
        self._store.prune(f"{self.log.path}/{segment}")
        return True

    def expire(self, segment: str, floor: Callable[[], int]) -> bool:
        """Drop the archives of a segment that are old enough, or the oldest when there is no room for all."""
        if bounds(int(segment))[0] != self.log.archives.gone + 1:
            return True  # what is dropped is always the beginning
        packed = self._packed(segment)
        if packed is None:
            return True
        held = packed[1]
        if not (self._old(list(held.items()), "logs") or self._heavy()):
            return True
        if max(held, default=0) >= floor():
            return True
        if not self._allowance.take():
            return False
        self._excess = (self._excess or 0) - sum(map(len, held.values()))
        self.log.archives.drop(int(segment))
        self.dropped += len(held)
        return True

    def _read(self, number: int) -> bytes:
        raw = self._store.read(self.log.key(number), listed=True)
        if raw is None:
            raise StoreDamagedError(self.log.key(number), "it is listed and cannot be read")
        return raw

    def _packed(self, segment: str) -> tuple[datetime, dict[int, bytes]] | None:
        """Return when a segment was packed, and its entries as archived; None if it is not, or damaged."""
        spans = sorted(self.log.archives.look().get(int(segment), ()))
        if not covers(spans, int(segment)):
            return None  # the power went between two archives: what is missing is added
        try:
            archives = [self.log.archives.opened(span) for span in spans]
        except _DAMAGE as error:
            self.why = f"an archive of segment {segment} is damaged: {error}"
            return None
        held = {number: raw for archive in archives for number, raw in archive.entries.items()}
        return max(archive.header.at for archive in archives), held

    def _old(self, entries: list[tuple[int, bytes]], what: str) -> bool:
        """Tell whether entries are old, by the time of the one in the middle: no single clock decides."""
        times = [_made_at(raw, self._now) for _, raw in entries]
        return bool(times) and self._now - median_low(times) > self._rule.span(what)

    def _heavy(self) -> bool:
        if self._excess is None:
            self._excess = self._store.weigh(self.log.archives.folder) - self._rule.logs_bytes
        return self._rule.logs_bytes > 0 and self._excess > 0


def _made_at(raw: bytes, now: datetime) -> datetime:
    """Return when an entry was made by its id; one that says nothing of the kind is old, one from the future is new."""
    try:
        found = parse_object(split(raw).body).get("id")
    except MessageError:
        found = None
    return (
        min(id_time(found), now) if isinstance(found, str) and is_id(found) else datetime.min.replace(tzinfo=now.tzinfo)
    )
