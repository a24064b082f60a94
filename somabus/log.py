"""A numbered log: `<log>/<number // 1000>/<number>.json`, from 1 without gaps.

Appending is the exclusive creation of the next number: one winner, one order for all readers, no clock involved.
It knows neither what the entries say nor who reads them.
"""

import re
from itertools import pairwise
from typing import Final

from somabus.errors import KeyExistsError, StoreDamagedError, StoreUnavailableError
from somabus.store.port import Store

SEGMENT: Final = 1000
_SEGMENT: Final = re.compile(r"[0-8]\d{6}", re.ASCII)  # numbers beyond are nobody's: they would outgrow the name
_ENTRY: Final = re.compile(r"\d{10}\.json", re.ASCII)
_VAIN_TRIES: Final = 10_000


class Log:
    """One log of a store."""

    def __init__(self, store: Store, path: str) -> None:
        self._store = store
        self._path = path

    def append(self, data: bytes) -> int:
        """Append an entry and return its number; the entry is whole and durable on return.

        Raises:
            StoreError: nothing was appended, or, if the drive failed at the very end, exactly this entry was.
        """
        number = self.tail() + 1
        for _ in range(_VAIN_TRIES):
            if self.append_at(number, data):
                return number
            # Somebody has this number, so it exists, whatever the listing shows: the next one leaves no gap.
            number += 1
        raise StoreUnavailableError(self._path, f"{_VAIN_TRIES} others were faster")

    def append_at(self, number: int, data: bytes) -> bool:
        """Append an entry under exactly this number, the one after the last; False if somebody has it."""
        try:
            self._store.create(self.key(number), data)
        except KeyExistsError:
            return False
        return True

    def tail(self) -> int:
        """Return the last number before the first gap that a listing shows, 0 for an empty log.

        A number behind a gap is none of a writer's of this format; following it would leave the gap for ever.
        """
        last = 0
        for segment in self._segments()[-2:]:
            numbers = self._numbers(segment)
            if not numbers or numbers[0] != max(1, int(segment) * SEGMENT):
                break
            last = next((n for n, after in pairwise(numbers) if after != n + 1), numbers[-1])
        return last

    def after(self, position: int, limit: int) -> list[int]:
        """Return up to `limit` of the numbers past the position that a listing shows, in order."""
        start = _segment(position + 1)
        found: list[int] = []
        for segment in self._segments():
            if segment >= start:
                found += [number for number in self._numbers(segment) if number > position]
            if len(found) >= limit:
                break
        return found[:limit]

    def read(self, number: int) -> bytes | None:
        """Return the bytes of an entry that was listed, or None if it is gone."""
        return self._store.read(self.key(number), listed=True)

    def _segments(self) -> list[str]:
        """Return the segments up to the first gap; the oldest may have been swept."""
        names = [name for name in self._store.list(self._path) if _SEGMENT.fullmatch(name)]
        gap = next((n for n, (one, after) in enumerate(pairwise(names), 1) if int(after) != int(one) + 1), len(names))
        return names[:gap]

    def _numbers(self, segment: str) -> list[int]:
        try:
            names = self._store.list(f"{self._path}/{segment}")
        except StoreDamagedError:
            return []  # a file or a link stands in the place of a segment
        numbers = [int(name[:10]) for name in names if _ENTRY.fullmatch(name)]
        return [number for number in numbers if _segment(number) == segment]

    def key(self, number: int) -> str:
        """Return where an entry lies."""
        return f"{self._path}/{_segment(number)}/{number:010d}.json"


def _segment(number: int) -> str:
    return f"{number // SEGMENT:07d}"
