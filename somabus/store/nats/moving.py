"""How a document is moved, and what a crash leaves after each step.

    1  the source is written again, unchanged, with a mark that names the target, if nobody wrote since: one winner
       the document where it was; for half a minute others are told that it is gone, then anybody may move it
    2  the target is written, with a note of the source's revision
       two documents; whoever would move the first one finds the second and does step 3;
       whoever would move the second one removes the first before anything else
    3  the source is deleted, if nobody wrote since 1

So two of them never count. A mover that stood still for longer than half a minute finds at 3 that another one moved
the document, takes its own target away again, and is told that it was too late.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from somabus.errors import KeyMissingError
from somabus.store.nats.stream import EXPECTED, Found
from somabus.store.nats.tree import Tree

TAKES: Final = timedelta(seconds=30)
_TO: Final = "Somabus-To"
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
        found = self._tree.find(source)
        if found is None or self._moves(source, found):
            raise KeyMissingError(source)
        mark = self._mark(source, target, found)  # 1
        if mark is None:
            raise KeyMissingError(source)
        written = self._tree.write(target, found.data, {_FROM: str(mark)})  # 2
        if not self._tree.remove(mark, source):  # 3
            if written is not None:
                self._tree.remove(written, target)
            raise KeyMissingError(source)

    def _moves(self, source: str, found: Found) -> bool:
        """Tell whether another one moves it; a move that was cut off behind its second step is finished."""
        target = found.headers.get(_TO)
        if target is None:
            return False
        if self._now() - found.at < self._takes:
            return True
        there = self._tree.find(target)
        if there is None or there.headers.get(_FROM) != str(found.revision):
            return False
        self._tree.remove(found.revision, source)
        return True

    def _mark(self, source: str, target: str, found: Found) -> int | None:
        """Make the source one's own, and remove what a move to it may have left; None if another was faster."""
        before = found.headers.get(_FROM)
        headers = {EXPECTED: str(found.revision), _TO: target, **({} if before is None else {_FROM: before})}
        revision = self._tree.rewrite(source, found.data, headers)
        if revision is not None and before is not None:
            self._tree.remove(int(before), source)
        return revision
