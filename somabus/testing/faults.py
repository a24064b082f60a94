"""Stores and disks that stop or fail at a step of one's choosing.

A crash is a `BaseException`: no handler of somabus swallows it. After it nothing happens any more, because the
process is dead: what its `finally` blocks would still like to do does not reach the disk.
"""

import errno
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from somabus.store.directory.files import Files
from somabus.store.port import Store

_WRITING: Final = ("write_new", "link", "rename", "replace", "unlink", "mkdir", "rmdir", "sync_folder", "sync_drive")


class Crash(BaseException):
    """The process died here."""


class Fuse:
    """Counts steps, and burns out before the one of the given number; 0 never burns. Several stores may share one."""

    def __init__(self, at: int = 0) -> None:
        self.at = at
        self.steps = 0

    def step(self) -> None:
        """Do one more step, or die."""
        self.steps += 1
        if self.at and self.steps >= self.at:
            raise Crash(f"step {self.at}")


class StoppingFiles(Files):
    """The real steps on the real disk, until the fuse burns; looking is no step, for it changes nothing."""

    def __init__(self, fuse: Fuse, *, private: bool = False) -> None:
        super().__init__(private=private)
        self._fuse = fuse
        for name in _WRITING:
            setattr(self, name, self._fused(getattr(super(), name)))

    def _fused(self, step: Callable[..., None]) -> Callable[..., None]:
        def fused(*args: Any, **kwargs: Any) -> None:
            self._fuse.step()
            step(*args, **kwargs)

        return fused


class FailingFiles(Files):
    """The real steps, except that `fails(step, path)` may name an error number that the step meets instead."""

    def __init__(self, fails: Callable[[str, str], int | None]) -> None:
        super().__init__()
        self._fails = fails
        for name in (*_WRITING, "read"):
            setattr(self, name, self._failing(name, getattr(super(), name)))

    def _failing(self, name: str, step: Callable[..., Any]) -> Callable[..., Any]:
        def failing(*args: Any, **kwargs: Any) -> Any:
            number = self._fails(name, args[-1] if name not in {"write_new", "read"} else args[0])
            if number is not None:
                raise OSError(number, errno.errorcode.get(number, "?"), args[0])
            return step(*args, **kwargs)

        return failing


class StoppingStore:
    """Another store, until the fuse burns: the operation it burns at is not done, nor any after it."""

    def __init__(self, store: Store, fuse: Fuse) -> None:
        self._store = store
        self._fuse = fuse

    def read(self, key: str, *, listed: bool = False) -> bytes | None:
        """See `Store.read`."""
        self._fuse.step()
        return self._store.read(key, listed=listed)

    def stamps(self, keys: Sequence[str]) -> list[str | None]:
        """See `Store.stamps`."""
        self._fuse.step()
        return self._store.stamps(keys)

    def create(self, key: str, data: bytes) -> None:
        """See `Store.create`."""
        self._fuse.step()
        self._store.create(key, data)

    def create_many(self, documents: Iterable[tuple[str, bytes]]) -> None:
        """See `Store.create_many`; each document is a step of its own, for the batch may be cut anywhere."""
        for document in documents:
            self._fuse.step()
            self._store.create_many([document])

    def replace(self, key: str, data: bytes) -> None:
        """See `Store.replace`."""
        self._fuse.step()
        self._store.replace(key, data)

    def move(self, source: str, target: str, *, durable: bool = True) -> None:
        """See `Store.move`."""
        self._fuse.step()
        self._store.move(source, target, durable=durable)

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        self._fuse.step()
        self._store.delete(key)

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> list[str]:
        """See `Store.list`."""
        self._fuse.step()
        return self._store.list(prefix, after, limit)

    def weigh(self, prefix: str) -> int:
        """See `Store.weigh`."""
        self._fuse.step()
        return self._store.weigh(prefix)

    def prune(self, prefix: str) -> None:
        """See `Store.prune`."""
        self._fuse.step()
        self._store.prune(prefix)

    def wait(self, prefix: str, timeout: float) -> bool:
        """See `Store.wait`."""
        self._fuse.step()
        return self._store.wait(prefix, timeout)

    @contextmanager
    def lock(self, name: str) -> Iterator[bool]:
        """See `Store.lock`."""
        self._fuse.step()
        with self._store.lock(name) as held:
            yield held

    def now(self) -> datetime:
        """See `Store.now`; looking at the clock changes nothing and is no step."""
        return self._store.now()
