"""Folders: a message for each, so that a listing of the folder above shows it.

A document is written when its folder shows, and those above it: whatever is there is listed, also where its writer died
in mid-write. Behind the document the folder is shown once more, for it may have been let go between the two.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from somabus.errors import StoreError
from somabus.store.nats.stream import NEW, Stream
from somabus.store.nats.subjects import Subjects
from somabus.store.nats.talk import Question

_KNOWN: Final = 10_000


class Folders:
    """The folders of one bus; it remembers those that this process has shown."""

    def __init__(self, stream: Stream, subjects: Subjects) -> None:
        self._stream = stream
        self._subjects = subjects
        self._shown: set[str] = set()

    def names(self, folder: str) -> set[str]:
        """Return what lies one level below, documents and folders; "" is the root."""
        found = self._stream.subjects(self._subjects.one_level(folder), folder or self._stream.where)
        return {Subjects.name(each) for each in found if self._subjects.shows(each)}

    def around(self, keys: Iterable[str]) -> tuple[list[Question], list[Question]]:
        """Return what is to be written before documents and behind them; what shows already is refused, and stays."""
        nearest = dict.fromkeys(above[-1] for key in keys if (above := self._subjects.folders_above(key)))
        chains = ([each] if each in self._shown else self._chain(each) for each in nearest)
        before = dict.fromkeys(each for chain in chains for each in chain)
        return [self._question(folder) for folder in before], [self._question(folder) for folder in nearest]

    def shown(self, questions: Iterable[Question], revisions: Iterable[int | None]) -> None:
        """Take note of what was written; a folder that was let go meanwhile may need those above it again."""
        for question, revision in zip(questions, revisions, strict=True):
            if revision is not None and question.what in self._shown:
                self._stream.put([self._question(each) for each in self._chain(question.what)])
            self._shown.add(question.what)
        if len(self._shown) > _KNOWN:
            self._shown.clear()

    def let_go(self, folder: str) -> None:
        """Show a folder no more in which nothing is left.

        Race: a document may come between the look and the removal; so there is a second look.
        """
        found = self._stream.find(self._subjects.folder(folder), folder)
        if found is None or self.names(folder):
            return
        self._shown.discard(folder)
        if self._stream.remove(found.revision, folder) and self.names(folder):
            self._stream.put([self._question(each) for each in self._chain(folder)])

    def tidy(self, keys: Iterable[str]) -> None:
        """Show none of the folders above these keys in which nothing is: a document for it was refused."""
        above = {folder for key in keys for folder in self._subjects.folders_above(key)}
        with suppress(StoreError):  # whoever may not let go of it leaves it
            for folder in sorted(above, reverse=True):  # the deepest first
                self.let_go(folder)

    def take(self, folder: str) -> bool:
        """Show a folder no more, whatever lies in it; of several racers one is told that it did."""
        found = self._stream.find(self._subjects.folder(folder), folder)
        self._shown.discard(folder)
        return found is not None and self._stream.remove(found.revision, folder)

    def _chain(self, folder: str) -> list[str]:
        return [*self._subjects.folders_above(folder), folder]

    def _question(self, folder: str) -> Question:
        return Question(self._subjects.folder(folder), b"", NEW, folder)
