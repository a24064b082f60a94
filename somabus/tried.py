"""What a drain need not try again: each name and each message once.

A stale listing shows for seconds what is gone: the last thousands of names will do. What was given back, or is in
somebody's hands, is for the next drain, however long this one takes.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from somabus.delivery import Delivery
from somabus.model.slot import State

_REMEMBERED: Final = 2_000


class Tried:
    """The names that one drain has met, and the messages that it gave and that were not acknowledged."""

    def __init__(self) -> None:
        self._new = set[str]()
        self._old = set[str]()
        self._held = set[str]()

    def fresh(self, names: Iterable[tuple[State, str]]) -> Iterator[tuple[State, str]]:
        """Yield what was not tried yet."""
        for state, name in names:
            if name not in self._new and name not in self._old and name[2:38] not in self._held:
                self._new.add(name)
                if len(self._new) >= _REMEMBERED:
                    self._old, self._new = self._new, set()
                yield state, name

    @contextmanager
    def holding(self, delivery: Delivery) -> Iterator[None]:
        """Remember a message until it is acknowledged: it comes no more then."""
        self._held.add(delivery.message.id)
        yield
        if delivery.acknowledged:
            self._held.discard(delivery.message.id)
