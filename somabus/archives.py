"""The archives of one log: where the entries of old segments are, once a sweep has packed them.

It knows the files and no policy: what is packed, and what is dropped, `somabus.sweep` decides. Which of them count,
`Log` decides: whoever can write to the drive can plant some.
"""

from contextlib import suppress

from somabus.errors import DocumentTooLargeError, KeyExistsError, MessageError, StoreDamagedError
from somabus.model.archive import (
    FOLDER,
    SEGMENT,
    Archive,
    Span,
    bounds,
    gone_name,
    gone_segments,
    pack,
    spans,
    unpack,
)
from somabus.model.wire import dump
from somabus.store.port import MAX_BYTES, Store


class Archives:
    """Reads the archives of a log, and adds to them. Those of the segment that was opened last are kept in mind."""

    def __init__(self, store: Store, log: str) -> None:
        self._store = store
        self._log = log
        self._spans: dict[int, list[Span]] = {}
        self._open: dict[Span, Archive] = {}
        self.gone: frozenset[int] = frozenset()
        """The segments that were dropped."""

    @property
    def folder(self) -> str:
        """Where they lie."""
        return f"{self._log}/{FOLDER}"

    def look(self) -> dict[int, list[Span]]:
        """List what there is, by segment; of archives for the same numbers, those that reach farther."""
        found: dict[int, list[Span]] = {}
        try:
            names = self._store.list(self.folder)
        except StoreDamagedError:
            names = []  # something else stands in the place of the folder
        self.gone = gone_segments(names)
        for span in sorted(filter(None, map(Span.parse, names)), key=lambda each: (each.first, -each.last)):
            known = found.setdefault(span.first // SEGMENT, [])
            if span.first // SEGMENT == span.last // SEGMENT and not (known and span.last <= known[-1].last):
                known.append(span)
        self._spans = {segment: known for segment, known in found.items() if known}
        return self._spans

    def numbers(self, segment: int) -> list[int]:
        """Return the numbers of a segment that are archived, in order; those of an archive that is damaged are not."""
        return sorted({number for span in self._spans.get(segment, ()) for number in self._entries(span)})

    def read(self, number: int) -> bytes | None:
        """Return the bytes of an entry, or None if no archive that can be read has it."""
        for span in self._spans.get(number // SEGMENT, ()):
            if span.first <= number <= span.last:
                found = self._entries(span).get(number)
                if found is not None:
                    return found
        return None

    def opened(self, span: Span) -> Archive:
        """Read one archive.

        Raises:
            MessageError, StoreDamagedError, DocumentTooLargeError: it is damaged, or made for another log.
        """
        if span not in self._open:
            raw = self._store.read(f"{self.folder}/{span.name}", listed=True)
            archive = unpack(raw or b"")
            if (archive.header.log, archive.header.first, archive.header.last) != (self._log, *span):
                raise StoreDamagedError(f"{self.folder}/{span.name}", f"it was made for {archive.header.log}")
            self._open = {
                each: kept for each, kept in self._open.items() if each.first // SEGMENT == span.first // SEGMENT
            }
            self._open[span] = archive
        return self._open[span]

    def packed(self, segment: int) -> list[Archive] | None:
        """Return the archives of a segment, or None if they do not answer for all of its numbers.

        Raises:
            MessageError, StoreDamagedError, DocumentTooLargeError: one of them is damaged.
        """
        found = self._spans.get(segment, [])
        return [self.opened(span) for span in found] if _covers(found, segment) else None

    def add(self, segment: int, entries: list[tuple[int, bytes]]) -> None:
        """Archive the entries of a segment. Power cut in between: the next time writes what is missing.

        Raises:
            StoreDamagedError: an entry cannot be packed so that it comes out again. Nothing of it was written.
        """
        for span, held in spans(*bounds(segment), entries):
            raw = pack(self._log, span, held, self._store.now())
            if len(raw) > MAX_BYTES or unpack(raw).entries != held:
                raise StoreDamagedError(f"{self.folder}/{span.name}", "an entry of it is too large to be packed")
            with suppress(KeyExistsError):  # of a sweep before this one, or beside it; it is read before files go
                self._store.create(f"{self.folder}/{span.name}", raw)
        self.look()

    def drop(self, segment: int) -> None:
        """Drop the archives of a segment. Power cut in between: what is still there counts, and is dropped again."""
        with suppress(KeyExistsError):
            mark = dump({"format": 1, "log": self._log, "at": self._store.now()})
            self._store.create(f"{self.folder}/{gone_name(segment)}", mark)
        for span in self._spans.get(segment, ()):
            self._store.delete(f"{self.folder}/{span.name}")
        self.look()

    def _entries(self, span: Span) -> dict[int, bytes]:
        try:
            return self.opened(span).entries
        except (MessageError, StoreDamagedError, DocumentTooLargeError):
            return {}


def _covers(found: list[Span], segment: int) -> bool:
    """Tell whether archives, sorted, answer for every number of a segment."""
    reached, last = bounds(segment)
    for span in found:
        if span.first > reached:
            return False
        reached = max(reached, span.last + 1)
    return reached > last
