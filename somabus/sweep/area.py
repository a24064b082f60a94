"""What one step of a sweep may do, and what it says of it."""

from collections.abc import Callable
from typing import NamedTuple


class Allowance:
    """So many documents may still be changed, and nothing is begun after a moment.

    Args:
        documents: how many.
        seconds: how long from now.
        monotonic: a clock that never goes back.
    """

    def __init__(self, documents: int, seconds: float, monotonic: Callable[[], float]) -> None:
        self._left = documents
        self._until = monotonic() + seconds
        self._monotonic = monotonic

    @property
    def spent(self) -> bool:
        """Whether nothing more may be begun."""
        return self._left <= 0 or self._monotonic() > self._until

    def take(self, documents: int = 1) -> bool:
        """Take leave to change a document, or several that belong together; False if none is left."""
        if self.spent:
            return False
        self._left -= documents
        return True


class Swept(NamedTuple):
    """What became of one area in one step; `why` says what stays that is old, and `done` whether nothing is left."""

    area: str
    dropped: int = 0
    archived: int = 0
    why: str = ""
    done: bool = True

    @property
    def idle(self) -> bool:
        """Whether there is nothing to tell."""
        return not (self.dropped or self.archived or self.why)

    def __str__(self) -> str:
        facts = [f"{self.dropped} dropped" * bool(self.dropped), f"{self.archived} archived" * bool(self.archived)]
        said = ", ".join(filter(None, [*facts, self.why])) or "nothing to do"
        return f"{self.area}: {said}" + ("" if self.done else "; more is left")


def held_back(count: int) -> str:
    """Say that so many stay because something open refers to them; nothing if none do."""
    return f"{count} stay, for something open refers to them" if count else ""
