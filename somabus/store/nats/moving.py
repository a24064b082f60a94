"""How a document is moved, and what a crash leaves after each step.

    1  an intent is written beside the source, if there is none: one winner. It names the target
       the document where it was; for half a minute others are told that it is gone, then anybody may move it
    2  the target is written, with a note of the source's revision
       two documents; whoever would move the first one finds the second and finishes the work: step 3;
       whoever would move the second one removes the first before anything else
    3  the source is deleted, if it is still that revision
    4  the intent is deleted

So two of them never count. A mover that stood still for longer than half a minute finds at 3 that another one moved
the document, takes its own target away again, and is told that it was too late.

Why the source is not written again with a mark: a server that is killed forgets that a message took the place of an
older one of its subject. Where the newer one was deleted, the older one is there again after the restart, and a message
would have a second holder. What was written once and deleted stays deleted.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from somabus.errors import KeyMissingError
from somabus.store.nats.stream import EXPECTED, NEW, Found
from somabus.store.nats.tree import Tree

TAKES: Final = timedelta(seconds=30)
_FROM: Final = "Somabus-From"


class Mover:
    """Moves documents.

    Args:
        tree: where they lie.
        now: the server's time.
        takes: how long a move may take before others may finish it.
    """

    def __init__(self, tree: Tree, now: Callable[[], datetime], takes: timedelta = TAKES) -> None:
        self._tree = tree
        self._now = now
        self._takes = takes

    def move(self, source: str, target: str) -> None:
        """See `Store.move`."""
        intent = self._intend(source, target)  # 1
        if intent is None:
            raise KeyMissingError(source)
        moved = self._carry(source, target)
        self._tree.remove(intent, source)  # 4
        if not moved:
            raise KeyMissingError(source)

    def _intend(self, source: str, target: str) -> int | None:
        """Become the one who moves the source; None if another one is."""
        intent = self._tree.intend(source, target, NEW)
        if intent is not None:
            return intent
        other = self._tree.intent(source)
        if other is None or self._now() - other.at < self._takes:
            return None
        intent = self._tree.intend(source, target, {EXPECTED: str(other.revision)})
        if intent is not None:
            self._finish(source, other)
        return intent

    def _finish(self, source: str, other: Found) -> None:
        """Do the third step of a move that was cut off behind its second."""
        found, there = self._tree.find(source), self._tree.find(other.data.decode())
        if found is not None and there is not None and there.headers.get(_FROM) == str(found.revision):
            self._tree.remove(found.revision, source)

    def _carry(self, source: str, target: str) -> bool:
        """Do the second step and the third; tell whether the document was there to be moved."""
        found = self._tree.find(source)
        if found is None:
            return False
        before = found.headers.get(_FROM)
        if before is not None:
            self._tree.remove(int(before), source)  # what the move to here may have left
        written = self._tree.write(target, found.data, {_FROM: str(found.revision)})  # 2
        if self._tree.remove(found.revision, source):  # 3
            return True
        if written is not None:
            self._tree.remove(written, target)
        return False
