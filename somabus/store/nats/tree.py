"""Documents by their keys, on a stream: found, written with the folders that show them, and removed by revision."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from somabus.store.nats.folders import Folders
from somabus.store.nats.stream import EXPECTED, OF_SUBJECT, Found, Stream
from somabus.store.nats.subjects import Subjects
from somabus.store.nats.talk import Question

_WEIGHED_AT_ONCE: Final = 50


class Tree:
    """The documents of one bus."""

    def __init__(self, stream: Stream, subjects: Subjects) -> None:
        self.folders = Folders(stream, subjects)
        self._stream = stream
        self._subjects = subjects

    def find(self, key: str) -> Found | None:
        """Return a document, or None."""
        return self._stream.find(self._subjects.document(key), key)

    def find_all(self, keys: Sequence[str]) -> list[Found | None]:
        """Return several documents."""
        return self._stream.find_all(map(self._subjects.document, keys), keys[0] if keys else "")

    def write(self, key: str, data: bytes, headers: Mapping[str, str]) -> int | None:
        """Write a document; return its revision, or None if somebody wrote since the expected one."""
        return self.write_all([(key, data)], headers)[0]

    def write_all(self, documents: Sequence[tuple[str, bytes]], headers: Mapping[str, str]) -> list[int | None]:
        """Write documents between the folders that they lie in: those are shown before, and again behind them."""
        said = dict(headers) or None
        questions = [Question(self._subjects.document(key), data, said, key) for key, data in documents]
        before, behind = self.folders.around(key for key, _ in documents)
        revisions = self._stream.put([*before, *questions, *behind])
        self.folders.shown(before, revisions[: len(before)])
        self.folders.shown(behind, revisions[len(before) + len(questions) :])
        return revisions[len(before) : len(before) + len(questions)]

    def intend(self, key: str, targets: str, headers: Mapping[str, str]) -> int | None:
        """Write that a document is to be moved; return the intent's revision, or None; see `write`."""
        return self._stream.put([Question(self._subjects.intent(key), targets.encode(), dict(headers), key)])[0]

    def fences(self, key: str) -> bool:
        """Tell whether the server knows the condition of `fence`."""
        return self._stream.known(key).fences

    def fence(self, key: str, intent: int) -> dict[str, str]:
        """Return the condition that the last intent to move a document is still this one."""
        return {EXPECTED: str(intent), OF_SUBJECT: self._subjects.intent(key)}

    def intent(self, key: str) -> Found | None:
        """Return where a document is to be moved, or None."""
        return self._stream.find(self._subjects.intent(key), key)

    def remove(self, revision: int, key: str) -> bool:
        """Delete a document of exactly this revision; False if there is none any more."""
        return self._stream.remove(revision, key)

    def weights(self, prefix: str) -> Iterator[int]:
        """Yield the size of each document below a folder, however deep."""
        subjects = self._stream.subjects(self._subjects.below(prefix), prefix or ".")
        while several := list(islice(subjects, _WEIGHED_AT_ONCE)):
            yield from (len(found.data) for found in self._stream.find_all(several, prefix or ".") if found)
