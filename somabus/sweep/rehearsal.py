"""A store that looks and changes nothing: what a sweep would do, without doing it."""

from collections.abc import Iterable
from typing import Any

from somabus.store.port import Store


class Rehearsal:
    """Another store, for reading; what would be written or deleted is let go."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, verb: str) -> Any:
        """Pass every verb that only looks on to the store."""
        return getattr(self._store, verb)

    def create(self, key: str, data: bytes) -> None:
        """See `Store.create`."""

    def create_many(self, documents: Iterable[tuple[str, bytes]]) -> None:
        """See `Store.create_many`."""

    def replace(self, key: str, data: bytes) -> None:
        """See `Store.replace`."""

    def move(self, source: str, target: str, *, durable: bool = True) -> None:
        """See `Store.move`."""

    def delete(self, key: str) -> None:
        """See `Store.delete`."""

    def prune(self, prefix: str) -> None:
        """See `Store.prune`."""
