"""`MemoryStore`: one dictionary under one lock. What another adapter does differently is a bug of that adapter."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

from somabus.errors import DocumentTooLargeError, KeyExistsError, KeyMissingError
from somabus.store.port import MAX_BYTES, check_key, is_part


class MemoryStore:
    """A store for one process; threads may share it. `now` is its clock."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._documents: dict[str, bytes] = {}
        self._locks: set[str] = set()
        self._versions: dict[str, int] = {}
        self._seen: dict[str, int] = {}
        self._changed = threading.Condition()

    def read(self, key: str, *, listed: bool = False) -> bytes | None:  # noqa: ARG002 - nothing is ever late here
        """See `Store.read`."""
        data = self._documents.get(check_key(key))
        if data is not None and len(data) > MAX_BYTES:
            raise DocumentTooLargeError(key, f"{len(data):,} bytes")
        return data

    def create(self, key: str, data: bytes) -> None:
        """See `Store.create`."""
        with self._changed:
            if check_key(key) in self._documents:
                raise KeyExistsError(key)
            self._put(key, data)

    def create_many(self, documents: Iterable[tuple[str, bytes]]) -> None:
        """See `Store.create_many`."""
        with self._changed:
            for key, data in [(check_key(key), data) for key, data in documents]:
                self._put(key, data)

    def replace(self, key: str, data: bytes) -> None:
        """See `Store.replace`."""
        with self._changed:
            self._put(check_key(key), data)

    def move(self, source: str, target: str, *, durable: bool = True) -> None:  # noqa: ARG002 - no power, no cut
        """See `Store.move`."""
        with self._changed:
            if check_key(source) not in self._documents:
                raise KeyMissingError(source)
            self._put(check_key(target), self._documents.pop(source))
            self._touch(source)

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        with self._changed:
            self._documents.pop(check_key(key), None)
            self._touch(key)

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> list[str]:
        """See `Store.list`."""
        start = f"{check_key(prefix.rstrip('/'))}/" if prefix else ""
        with self._changed:
            names = {key[len(start) :].split("/", 1)[0] for key in self._documents if key.startswith(start)}
        return sorted(name for name in names if name > after and is_part(name))[:limit]

    def weigh(self, prefix: str) -> int:
        """See `Store.weigh`."""
        start = f"{check_key(prefix.rstrip('/'))}/" if prefix else ""
        with self._changed:
            return sum(len(data) for key, data in self._documents.items() if key.startswith(start))

    def prune(self, prefix: str) -> None:
        """See `Store.prune`; there are no folders here."""

    def wait(self, prefix: str, timeout: float) -> bool:
        """See `Store.wait`."""
        with self._changed:
            changed = self._changed.wait_for(lambda: self._seen.get(prefix) != self._versions.get(prefix, 0), timeout)
            self._seen[prefix] = self._versions.get(prefix, 0)
            return changed

    @contextmanager
    def lock(self, name: str) -> Iterator[bool]:
        """See `Store.lock`."""
        with self._changed:
            held = check_key(name) not in self._locks
            self._locks.add(name)
        try:
            yield held
        finally:
            if held:
                self._locks.discard(name)

    def now(self) -> datetime:
        """See `Store.now`."""
        return self._now()

    def _put(self, key: str, data: bytes) -> None:
        self._documents[key] = data
        self._touch(key)

    def _touch(self, key: str) -> None:
        folder = key.rpartition("/")[0]
        while folder:
            self._versions[folder] = self._versions.get(folder, 0) + 1
            folder = folder.rpartition("/")[0]
        self._changed.notify_all()
