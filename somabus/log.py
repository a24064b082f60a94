"""A numbered log: `<log>/<number // 1000>/<number>.json`, from 1 without gaps.

Appending is the exclusive creation of the next number: one winner, one order for all readers, no clock involved.
Old segments may have been packed into archives by a sweep, and the oldest of these dropped. It knows neither what the
entries say nor who reads them.
"""

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import islice, pairwise
from typing import Final

from somabus.archives import Archives
from somabus.errors import DocumentTooLargeError, KeyExistsError, StoreDamagedError, StoreUnavailableError
from somabus.model.archive import FOLDER, SEGMENT
from somabus.store.port import Store

LIVE: Final = 2
"""So many of the last segments are never archived: writers append to them."""

_SEGMENT: Final = re.compile(r"[0-8]\d{6}", re.ASCII)  # numbers beyond are nobody's: they would outgrow the name
_ENTRY: Final = re.compile(r"\d{10}\.json", re.ASCII)
_MOMENT: Final = timedelta(seconds=1)
_PROOF: Final = 20
_VAIN_TRIES: Final = 10_000


class Log:
    """One log of a store. It remembers in which segment the log ended when it last looked: a log only grows."""

    def __init__(self, store: Store, path: str) -> None:
        self._store = store
        self.path = path
        self.archives = Archives(store, path)
        self._end: str | None = None
        self._own: int | None = None
        self._appended: tuple[int, datetime] | None = None
        self._archived: frozenset[str] = frozenset()
        self._gone: frozenset[str] = frozenset()

    def append(self, data: bytes, genuine: Callable[[int], bool] = lambda _number: False) -> int:
        """Append an entry and return its number; the entry is whole and durable on return.

        Args:
            data: the entry.
            genuine: tells whether an entry that stands behind a gap is a writer's own, so that the gap is one of a
                deletion: readers have stepped over it, and would never look at what is written into it.

        Raises:
            StoreError: nothing was appended, or, if the drive failed at the very end, exactly this entry was.
        """
        recent = self._recent()
        if recent is not None and self.append_at(recent + 1, data):
            return recent + 1
        number = max(self.last(genuine), self._left_behind()) + 1
        for _ in range(_VAIN_TRIES):
            if self.append_at(number, data):
                return number
            # Somebody has this number, so it exists, whatever the listing shows: the next one leaves no gap.
            number += 1
        raise StoreUnavailableError(self.path, f"{_VAIN_TRIES} others were faster")

    def append_at(self, number: int, data: bytes) -> bool:
        """Append an entry under exactly this number, the one after the last; False if somebody has it."""
        now = self._store.now()
        try:
            self._store.create(self.key(number), data)
        except KeyExistsError:
            self._appended = None
            return False
        alone = self._own in (None, number - 1)  # where others append as well, a listing is cheaper than a vain try
        self._own, self._appended = number, (number, now) if alone else None
        return True

    def tail(self) -> int:
        """Return the last number before the first gap that a listing shows, 0 for an empty log.

        A number behind a gap is none of a writer's of this format; following it would leave the gap for ever.
        """
        return _run(self._ending())

    def last(self, genuine: Callable[[int], bool]) -> int:
        """Return the last number, or a later one behind a gap if `genuine` knows it for a writer's own."""
        numbers = self._ending()
        last = _run(numbers)
        beyond = {number for number in numbers if number > last}
        segments = self._segments()[-2:]
        if not numbers or segments[-1:] > [_segment(last)]:
            ends = (number for segment in segments for number in self._numbers(segment) if number > last)
            beyond = {*self.after(last, SEGMENT), *ends}
        return next((number for number in sorted(beyond, reverse=True) if genuine(number)), last)

    def waiting(self, position: int, genuine: Callable[[int], bool] = lambda _: False) -> int:
        """Count the entries past a position, up to the first gap, by listing the last segment alone.

        Where the very next number is missing, what stands behind it counts if `genuine` knows one there for a
        writer's own: the reader has to be called, for only reading steps over what was deleted.
        """
        here = _segment(position + 1)
        if self._end != here and self._segments()[-1:] == [here]:
            self._end = here
        numbers = self._beyond(here, position) if self._end == here else None
        if numbers is None or _full(numbers):
            tail = self.tail()
            if tail > position:
                return tail - self.swept(position)
            numbers = self.after(position, SEGMENT)  # a reader that has stepped over a gap counts on from itself
        if numbers and numbers[0] != position + 1:
            return len(self.behind(position, genuine))
        return _run(numbers) - position if numbers else 0

    def behind(self, position: int, genuine: Callable[[int], bool]) -> list[int]:
        """Return up to a thousand numbers past a position, none if no writer's own is at either end of them."""
        numbers = self.after(position, SEGMENT)
        ends = dict.fromkeys([*numbers[-_PROOF:], *numbers[:_PROOF]])
        return numbers if any(map(genuine, ends)) else []

    def places(self) -> tuple[str, str]:
        """Return the folder of the last segment, and the one in which the next segment will come."""
        self._ending()
        return self.path, f"{self.path}/{self._end or _segment(1)}"

    def after(self, position: int, limit: int) -> list[int]:
        """Return up to `limit` of the numbers past the position that a listing shows, in order."""
        start = _segment(position + 1)
        found: list[int] = []
        for segment in self._segments():
            if segment >= start:
                found += self._all_numbers(segment, after=position)
            if len(found) >= limit:
                break
        return found[:limit]

    def swept(self, position: int) -> int:
        """Return the last of the numbers right past a position that a sweep has dropped; the position if none was."""
        for segment in self._segments():
            if segment == _segment(position + 1) and segment in self._gone and not self._all_numbers(segment):
                position = int(segment) * SEGMENT + SEGMENT - 1
        return position

    def old_segments(self) -> list[tuple[str, list[int]]]:
        """Return the segments that writers have left behind, each with the numbers that lie in its folder."""
        return [(segment, self._numbers(segment)) for segment in self._written()[:-LIVE]]

    def archived(self, segment: str) -> list[int]:
        """Return the numbers of a segment that are archived."""
        return self.archives.numbers(int(segment)) if segment in self._archived else []

    def read(self, number: int) -> bytes | None:
        """Return the bytes of an entry that was listed, or None if it is gone."""
        return next(iter(self.readings(number)), None)

    def readings(self, number: int) -> Iterator[bytes]:
        """Yield what lies under a number: its file, and what the archives have; the first that is genuine is the entry.

        Raises:
            StoreDamagedError, DocumentTooLargeError: no bytes lie there that could be read.
        """
        old = _segment(number) in self._archived
        found: bytes | None = None
        damage: Exception | None = None
        try:
            found = self._store.read(self.key(number), listed=not old)
        except (StoreDamagedError, DocumentTooLargeError) as error:
            damage = error  # planted in the place of a file that was cleared, perhaps
        if found is None and not old:
            self._segments()  # Race: it was archived since the segments were listed.
        if found is not None:
            yield found
        packed = self.archives.read(number) if _segment(number) in self._archived else None
        if packed is not None:
            yield packed
        elif damage is not None:
            raise damage

    def key(self, number: int) -> str:
        """Return where an entry lies."""
        return f"{self.path}/{_segment(number)}/{number:010d}.json"

    def _ending(self) -> list[int]:
        """Return the numbers of the last segment, or of the one before while that one is not full."""
        if self._end is not None:
            numbers = self._numbers(self._end)
            if numbers and numbers[0] == _first(self._end) and not _full(numbers):
                return numbers
        before: list[int] = []
        for segment in self._written()[-LIVE:]:
            numbers = self._numbers(segment)
            if not numbers or numbers[0] != _first(segment) or (before and not _full(before)):
                break
            before, self._end = numbers, segment
        return before

    def _written(self) -> list[str]:
        """Return the segments up to the last one in which files lie: an empty folder is no end of a log."""
        segments = self._segments()
        while segments and not self._numbers(segments[-1]):
            segments.pop()
        return segments

    def _segments(self) -> list[str]:
        """Return the segments up to the first gap, and learn which of them are archived, and which were dropped.

        Whoever can write here can plant archives and marks, and take nothing away: so they count only before the last
        two segments that hold files. There they can hide nothing, and no number is given twice.
        """
        listed = self._store.list(self.path)
        live = [name for name in listed if _SEGMENT.fullmatch(name)]
        self._archived = self._gone = frozenset()
        if FOLDER in listed:
            self._learn(live)
        names = sorted({*live, *self._archived, *self._gone})
        gap = next((n for n, (one, after) in enumerate(pairwise(names), 1) if int(after) != int(one) + 1), len(names))
        return names[:gap]

    def _learn(self, live: list[str]) -> None:
        """Learn which segments are archived, and which were dropped."""
        packed = {f"{each:07d}" for each in self.archives.look()}
        gone = {f"{each:07d}" for each in self.archives.gone}
        held = list(islice((name for name in reversed(live) if self._numbers(name)), LIVE)) if packed or gone else []
        before = held[LIVE - 1] if len(held) >= LIVE else ""
        self._archived = frozenset(each for each in packed if each < before)
        self._gone = frozenset(each for each in gone if each < before)

    def _recent(self) -> int | None:
        """Return the number that this process appended last, if that was a moment ago: the next one is likely free.

        Whether it is, the exclusive creation decides. A listing would show besides that somebody removed an entry
        within that moment.
        """
        if self._appended is None:
            return None
        number, at = self._appended
        return number if timedelta(0) <= self._store.now() - at < _MOMENT else None

    def _left_behind(self) -> int:
        """Return the last number that is archived or was dropped: no number up to there is given again."""
        last = max([*self._archived, *self._gone], default=None)
        return 0 if last is None else int(last) * SEGMENT + SEGMENT - 1

    def _beyond(self, segment: str, position: int) -> list[int] | None:
        """Return the numbers of the last segment past a position; None if it does not show that the log is here."""
        numbers = self._numbers(segment, after=max(0, position - 1))
        if position in numbers[:1]:
            return numbers[1:]
        # Nothing new, or packed and cleared since this process looked: only where the position itself lies is known.
        return numbers or None

    def _all_numbers(self, segment: str, after: int = 0) -> list[int]:
        """Return the numbers of a segment past a position, wherever they lie now."""
        archived = [number for number in self.archived(segment) if number > after]
        return sorted({*archived, *self._numbers(segment, after)}) if archived else self._numbers(segment, after)

    def _numbers(self, segment: str, after: int = 0) -> list[int]:
        try:
            names = self._store.list(f"{self.path}/{segment}", f"{after:010d}.json" if after else "")
        except StoreDamagedError:
            return []  # a file or a link stands in the place of a segment
        numbers = [int(name[:10]) for name in names if _ENTRY.fullmatch(name)]
        return [number for number in numbers if _segment(number) == segment]


def _segment(number: int) -> str:
    return f"{number // SEGMENT:07d}"


def _first(segment: str) -> int:
    return max(1, int(segment) * SEGMENT)


def _full(numbers: list[int]) -> bool:
    """Tell whether the numbers reach the end of their segment, so that another one may follow."""
    return bool(numbers) and numbers[-1] % SEGMENT == SEGMENT - 1


def _run(numbers: list[int]) -> int:
    """Return the last number before the first gap, 0 if there is none."""
    return next((n for n, after in pairwise(numbers) if after != n + 1), numbers[-1] if numbers else 0)
