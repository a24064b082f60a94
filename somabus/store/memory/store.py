"""`MemoryStore`: dictionaries under one lock. What another adapter does differently is a bug of that adapter."""

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from somabus.errors import DocumentTooLargeError, KeyExistsError, KeyMissingError
from somabus.store.port import MAX_BYTES, check_key, is_part


class MemoryStore:
    """A store for one process; threads may share it. `now` is its clock."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._documents: dict[str, bytes] = {}
        self._folders: dict[str, dict[str, None]] = {}  # of each folder that is not empty, what a listing shows
        self._locks: set[str] = set()
        self._versions: dict[str, int] = {}
        self._seen: dict[str, int] = {}
        self._numbers = itertools.count(1)
        self._stamps: dict[str, str] = {}
        self._changed = threading.Condition()

    def read(self, key: str, *, listed: bool = False) -> bytes | None:  # noqa: ARG002 - nothing is ever late here
        """See `Store.read`."""
        data = self._documents.get(check_key(key))
        if data is not None and len(data) > MAX_BYTES:
            raise DocumentTooLargeError(key, f"{len(data):,} bytes")
        return data

    def stamps(self, keys: Sequence[str]) -> list[str | None]:
        """See `Store.stamps`; every change here has a number."""
        with self._changed:
            return [self._stamps.get(check_key(key)) for key in keys]

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
            self._put(check_key(target), self._take(source))

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        with self._changed:
            if check_key(key) in self._documents:
                self._take(key)

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> list[str]:
        """See `Store.list`."""
        with self._changed:
            names = list(self._folders.get(_folder(prefix), ()))
        return sorted(name for name in names if name > after and is_part(name))[:limit]

    def weigh(self, prefix: str) -> int:
        """See `Store.weigh`."""
        with self._changed:
            return len(self._documents.get(prefix, b"")) + self._weigh(_folder(prefix))

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
        if key not in self._documents:
            self._show(key)
        self._documents[key] = data
        self._stamps[key] = str(next(self._numbers))
        self._touch(key)

    def _take(self, key: str) -> bytes:
        self._hide(key)
        self._touch(key)
        del self._stamps[key]
        return self._documents.pop(key)

    def _show(self, path: str) -> None:
        folder, _, name = path.rpartition("/")
        if folder and folder not in self._folders:
            self._show(folder)
        self._folders.setdefault(folder, {})[name] = None

    def _hide(self, path: str) -> None:
        folder, _, name = path.rpartition("/")
        del self._folders[folder][name]
        if not self._folders[folder]:
            del self._folders[folder]
            if folder:
                self._hide(folder)

    def _weigh(self, folder: str) -> int:
        below = f"{folder}/" if folder else ""
        paths = [f"{below}{name}" for name in self._folders.get(folder, ())]
        return sum(self._weigh(path) if path in self._folders else len(self._documents[path]) for path in paths)

    def _touch(self, key: str) -> None:
        folder = key.rpartition("/")[0]
        while folder:
            self._versions[folder] = self._versions.get(folder, 0) + 1
            folder = folder.rpartition("/")[0]
        self._changed.notify_all()


def _folder(prefix: str) -> str:
    return check_key(prefix.rstrip("/")) if prefix else ""
