"""How a document is moved and deleted, and what a crash or a standstill leaves after each step.

    1  an intent is written beside the source, if there is none: one winner. It names the target. A crash leaves the
       document where it was; for half a minute others are told that it is gone, then anybody may take the intent's
       place with one of his own, which names all targets before his
    2  the target is written, with a note of where it comes from, on the condition that the intent is still the last:
       now the move is done. Two documents; whoever takes over finds the second one and removes the first; whoever would
       move or delete the second one removes the first before anything else
    3  the source is deleted, if it is still that revision
    4  the intent is deleted; one that took another's place stays: a server that is killed might bring the other back

So two of them never count, and no target is ever taken away: a mover that stood still between two steps is either told
that it was too late, or its target is what the others went on with. A deletion takes the place of an intent that is
there, so nothing arrives behind it.

A server before 2.12 knows no such condition at step 2. There the mover looks behind its target whether the intent is
still its own. If not, its target may be the only copy or a second one: it is taken away only if a later mover's lies
there too, or the document was deleted; and the mover is told that it was too late. At worst two documents are left, and
two movers are told that they have it; never none.

Why the source is not written again with a mark: a server that is killed forgets that a message took the place of an
older one of its subject. Where the newer one was deleted, the older one is there again after the restart, and a message
would have a second holder. What was written once and deleted stays deleted.
"""

import os
import re
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from somabus.errors import KeyMissingError, StoreError, StoreRefusedError, StoreUnavailableError
from somabus.store.nats.stream import EXPECTED, NEW, Found
from somabus.store.nats.tree import Tree
from somabus.store.port import is_key

TAKES: Final = timedelta(seconds=30)
_TRIES: Final = 20
_REMEMBERED: Final = 1000
_AT_MOST: Final = 20
"""So many targets of moves before are looked at: whoever takes over again and again dies each time."""

_DELETED: Final = ""
_BY: Final = "Somabus-By"
_FROM: Final = "Somabus-From"
_NOTE: Final = re.compile(r"(?P<revision>[0-9]{1,19}) (?P<key>.+)")


class Mover:
    """Moves documents, and deletes them.

    Args:
        tree: where they lie.
        now: the server's time.
        takes: how long a move may take before others may finish it.
    """

    def __init__(self, tree: Tree, now: Callable[[], datetime], takes: timedelta = TAKES) -> None:
        self._tree = tree
        self._now = now
        self._takes = takes
        self._broken: deque[str] = deque(maxlen=_REMEMBERED)  # moves of ours that came to no end: nobody is at them

    def move(self, source: str, target: str) -> None:
        """See `Store.move`. What broke off here is gone on with at once when it is asked for again."""
        me = os.urandom(8).hex()
        try:
            moved = self._begin(source, target, me)
        except StoreError:
            self._broken.append(me)
            raise
        if not moved:
            raise KeyMissingError(source)

    def delete(self, key: str) -> None:
        """See `Store.delete`. Of a delete and a move that meet one was first: nothing arrives behind a deletion."""
        for _ in range(_TRIES):
            found = self._tree.find(key)
            if found is not None:
                self._clear(key, found)
                if not self._tree.remove(found.revision, key):
                    continue  # it was written anew in between
            if found is not None or self._tree.fences(key):  # a deletion that broke off stopped nobody
                self._stop(key)
            return
        raise StoreUnavailableError(key, "it is written again and again, or what is read of it is old: try again")

    def _begin(self, source: str, target: str, me: str) -> bool:
        """Become the one who moves the source, and move it; tell whether it was there to be moved."""
        intent = self._tree.intend(source, target, {_BY: me, **NEW})  # 1
        if intent is None:
            return self._take_over(source, target, me)
        moved = self._carry(source, target, intent)
        with suppress(StoreError):  # what is left of it does no harm
            self._tree.remove(intent, source)  # 4
        return moved

    def _take_over(self, source: str, target: str, me: str) -> bool:
        """Go on with a move that was cut off, or begin it anew; tell whether it is our own that was done."""
        other = self._tree.intent(source)
        if other is None:
            return False
        before, fenced = _targets(other)[:_AT_MOST], self._tree.fences(source)
        own = other.headers.get(_BY) in self._broken and before[0] == target
        free = own or self._now() - other.at >= self._takes
        mine = {_BY: me, EXPECTED: str(other.revision)}
        intent = self._tree.intend(source, "\n".join([target, *before]), mine) if free else None
        if intent is None:  # nobody else uses our target's name: an earlier try of ours may have brought it there
            return fenced and target in before and self._arrived(source, [target]) == target
        arrived = self._arrived(source, before)
        if arrived:
            return arrived == target and (own or fenced)
        return self._carry(source, target, intent)

    def _clear(self, key: str, found: Found) -> None:
        """Delete what the move of a document to here may have left: before it goes on, or is deleted.

        The note alone is its writer's word; whoever could write the intent as well could delete the source without us.
        """
        note = _Note.on(found)
        intent = None if note is None else self._tree.intent(note.key)
        if note is None or intent is None or key not in _targets(intent):
            return
        source = self._tree.find(note.key)
        if source is not None and source.revision == note.revision:
            self._tree.remove(source.revision, note.key)

    def _stop(self, key: str) -> None:
        """Let nobody go on with a move of a document that was deleted."""
        intent = self._tree.intent(key)
        if intent is not None and _targets(intent)[0] != _DELETED:
            with suppress(StoreRefusedError):  # whoever may not move it leaves that to its mover
                self._tree.intend(key, "\n".join([_DELETED, *_targets(intent)]), {EXPECTED: str(intent.revision)})

    def _arrived(self, source: str, targets: list[str]) -> str:
        """Return where a move before has brought the source, and do its third step; "" if nowhere.

        The targets are looked at first: one that was moved on is missing, but then the source was deleted before.
        """
        there = [(each, found) for each in targets if is_key(each) and (found := self._tree.find(each)) is not None]
        left = self._tree.find(source)
        for target, found in there:
            note = _Note.on(found)
            if note is not None and note.key == source and (left is None or left.revision == note.revision):
                if left is not None:
                    self._tree.remove(left.revision, source)
                return target
        return ""

    def _carry(self, source: str, target: str, intent: int) -> bool:
        """Do the second step and the third; tell whether the document was there to be moved, and by us."""
        found = self._tree.find(source)
        if found is None:
            return False
        self._clear(source, found)
        if not self._write(source, found, target, intent):  # 2
            return False
        self._tree.remove(found.revision, source)  # 3, if nobody did it for us
        return True

    def _write(self, source: str, found: Found, target: str, intent: int) -> bool:
        """Write the target if the intent is still ours; tell whether it was."""
        note = {_FROM: f"{found.revision} {source}"}
        if self._tree.fences(source):
            try:
                written = self._tree.write(target, found.data, note | self._tree.fence(source, intent))
            except StoreRefusedError:
                with suppress(StoreError):  # nothing was written: nobody need wait for us
                    self._tree.remove(intent, source)
                raise
            if written is not None:
                return True
            if self._is_last(source, intent):
                raise StoreUnavailableError(source, "another writing is on its way: try again")
            return False
        written = self._tree.write(target, found.data, note)
        if self._is_last(source, intent):
            return True
        if written is not None and self._is_surplus(source, found, target):
            self._tree.remove(written, target)
        return False

    def _is_last(self, source: str, intent: int) -> bool:
        there = self._tree.intent(source)
        return there is not None and there.revision == intent

    def _is_surplus(self, source: str, found: Found, target: str) -> bool:
        """Tell whether it was deleted, or lies at a later mover's target as well, which nobody takes away for ours."""
        intent = self._tree.intent(source)
        targets = [] if intent is None else _targets(intent)
        later = targets[: targets.index(target)] if target in targets else []
        return _DELETED in later or any(self._comes_from(source, found, each) for each in later if is_key(each))

    def _comes_from(self, source: str, found: Found, target: str) -> bool:
        there = self._tree.find(target)
        return there is not None and _Note.on(there) == _Note(source, found.revision)


class _Note(NamedTuple):
    """Where a document comes from, as it says itself: which key, and which revision lay there."""

    key: str
    revision: int

    @classmethod
    def on(cls, found: Found) -> "_Note | None":
        """Return the note on a document; what does not read as one is none."""
        read = _NOTE.fullmatch(found.headers.get(_FROM, ""))
        return cls(read["key"], int(read["revision"])) if read and is_key(read["key"]) else None


def _targets(intent: Found) -> list[str]:
    """Return what an intent names: its writer's target, or that it was deleted; then those in whose place it came."""
    return intent.data.decode(errors="replace").split("\n")
