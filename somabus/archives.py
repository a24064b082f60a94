"""The archives of one log: where the entries of old segments are, once a sweep has packed them.

It knows the files and no policy: what is packed, and what is dropped, `somabus.sweep` decides.
"""

from contextlib import suppress

from somabus.errors import DocumentTooLargeError, KeyExistsError, MessageError, StoreDamagedError
from somabus.model.archive import FOLDER, SEGMENT, Archive, Span, gone_name, gone_to, pack, spans, unpack
from somabus.model.wire import dump
from somabus.store.port import Store


class Archives:
    """Reads the archives of a log, and adds to them. What was opened last is kept in mind."""

    def __init__(self, store: Store, log: str) -> None:
        self._store = store
        self._log = log
        self._spans: dict[int, list[Span]] = {}
        self.gone = 0
        """The last number of those that were dropped, all from the first on."""
        self._open: tuple[Span, Archive] | None = None

    @property
    def folder(self) -> str:
        """Where they lie."""
        return f"{self._log}/{FOLDER}"

    def look(self) -> dict[int, list[Span]]:
        """List what there is, by segment."""
        found: dict[int, list[Span]] = {}
        names = self._store.list(self.folder)
        self.gone = gone_to(names)
        for span in filter(None, map(Span.parse, names)):
            if span.first // SEGMENT == span.last // SEGMENT:
                found.setdefault(span.first // SEGMENT, []).append(span)
        self._spans = found
        return found

    def numbers(self, segment: int) -> list[int]:
        """Return the numbers of a segment that are archived, in order; those of an archive that is damaged are not."""
        return sorted(number for span in self._spans.get(segment, ()) for number in self._entries(span))

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
        if self._open is None or self._open[0] != span:
            raw = self._store.read(f"{self.folder}/{span.name}", listed=True)
            archive = unpack(raw or b"")
            if (archive.header.log, archive.header.first, archive.header.last) != (self._log, *span):
                raise StoreDamagedError(f"{self.folder}/{span.name}", f"it was made for {archive.header.log}")
            self._open = (span, archive)
        return self._open[1]

    def add(self, segment: int, entries: list[tuple[int, bytes]]) -> None:
        """Archive the entries of a segment. Power cut in between: the next time writes what is missing."""
        for span, held in spans(*bounds(segment), entries):
            try:
                self._store.create(f"{self.folder}/{span.name}", pack(self._log, span, held, self._store.now()))
            except KeyExistsError:
                continue  # a sweep before this one, or beside it; it is read before anything is deleted
        self.look()

    def drop(self, segment: int) -> int:
        """Drop the archives of the segment right behind what was dropped before; return how many there were.

        Power cut after each step: 1 two marks, the higher counts; 2 archives that no reader looks for; 3 done.
        """
        before, last = self.gone, bounds(segment)[1]
        with suppress(KeyExistsError):
            self._store.create(f"{self.folder}/{gone_name(last)}", dump({"format": 1, "at": self._store.now()}))
        for span in [each for found in self.look().values() for each in found if each.last <= last]:
            self._store.delete(f"{self.folder}/{span.name}")
        if before:
            self._store.delete(f"{self.folder}/{gone_name(before)}")
        dropped = len(self._spans.get(segment, ()))
        self.look()
        return dropped

    def _entries(self, span: Span) -> dict[int, bytes]:
        try:
            return self.opened(span).entries
        except (MessageError, StoreDamagedError, DocumentTooLargeError):
            return {}


def bounds(segment: int) -> tuple[int, int]:
    """Return the first and the last number of a segment."""
    return max(1, segment * SEGMENT), segment * SEGMENT + SEGMENT - 1


def covers(found: list[Span], segment: int) -> bool:
    """Tell whether archives, sorted, answer for every number of a segment."""
    reached, last = bounds(segment)
    for span in found:
        if span.first > reached:
            return False
        reached = max(reached, span.last + 1)
    return reached > last
