"""The bare system calls: what the works of the bus would cost if it were nothing but files."""

import ctypes
import itertools
import os
import select
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from time import perf_counter, sleep
from typing import Final

BOXES: Final = ("inbox", "later", "claimed")
ROOT: Final = ("root",)
BEAT_LOOKS: Final = (*BOXES, "dead", "registry", "outbox", "alerts")
PEEK: Final = 20
_SYNCED: Final = ("inbox", "done", "registry")
_ARRIVES_AFTER_S: Final = 0.002
_PATIENCE_S: Final = 10.0
_IN_MOVED_TO: Final = 0x80  # inotify(7)


class Bare:
    """The system calls alone, in folders of their own, forced to the disk as far as the bus does it."""

    def __init__(self, root: str, data: bytes, durability: str) -> None:
        self.data = data
        self._root = root
        self._numbers = itertools.count()
        for folder in (*BEAT_LOOKS, *ROOT, "done", "tmp", "watched"):
            os.makedirs(self.path(folder))
        synced = _SYNCED if durability == "full" and os.name != "nt" else ()
        self._folders = {folder: os.open(self.path(folder), os.O_RDONLY) for folder in synced}
        self._sync_files = durability != "none"
        self._events = _inotify(self.path("watched"))
        self.write = f"open, write,{' fsync,' if self._sync_files else ''} close, rename"
        self.sync = ", fsync folder" if synced else ""
        self.reads, self.drains, self.arrives = "open, read, close", "rename, open, read, close, rename", "rename"
        self.waits = "a listing every ms" if self._events is None else "inotify select, read; a listing"

    def close(self) -> None:
        """Close what was opened for the whole run."""
        for fd in (*self._folders.values(), self._events):
            if fd is not None:
                os.close(fd)

    def path(self, folder: str, name: str = "") -> str:
        """Return the path of a folder, or of a file in it."""
        return f"{self._root}{os.sep}{folder}{os.sep}{name}"

    def send(self, count: int = 1) -> None:
        """Write files aside, rename them into the inbox, and sync the inbox once."""
        for name in [self._aside() for _ in range(count)]:
            os.rename(self.path("tmp", name), self.path("inbox", name))
        self._sync("inbox")

    def drain(self) -> Iterator[None]:
        """Claim, read and settle one file a step, from one listing."""
        for name in sorted(os.listdir(self.path("inbox"))):
            os.rename(self.path("inbox", name), self.path("claimed", name))
            self._read(self.path("claimed", name))
            os.rename(self.path("claimed", name), self.path("done", name))
            self._sync("done")
            yield

    def peek(self) -> None:
        """List the inbox and read its first files."""
        for name in sorted(os.listdir(self.path("inbox")))[:PEEK]:
            self._read(self.path("inbox", name))

    def look(self, folders: tuple[str, ...]) -> None:
        """List folders, and nothing else."""
        for folder in folders:
            os.listdir(self.path(folder))

    def beat(self) -> None:
        """List what a beat cannot do without, and replace one file."""
        self.look(BEAT_LOOKS)
        os.replace(self.path("tmp", self._aside()), self.path("registry", "heartbeat.json"))
        self._sync("registry")

    def wait(self) -> None:
        """Return when a file has come to `watched`, or after some patience."""
        until = perf_counter() + _PATIENCE_S
        if self._events is not None and select.select([self._events], [], [], _PATIENCE_S)[0]:
            os.read(self._events, 1 << 12)
        while not os.listdir(self.path("watched")) and perf_counter() < until:
            sleep(0.001)

    def wake(self, folder: str, wait: Callable[[], object]) -> float:
        """Let a file arrive in a folder where somebody waits; return the seconds until the waiter is back."""
        os.makedirs(folder, exist_ok=True)
        name = self._aside()
        arrived_at: list[float] = []

        def arrive() -> None:
            arrived_at.append(perf_counter())
            os.rename(self.path("tmp", name), f"{folder}{os.sep}{name}")

        sender = threading.Timer(_ARRIVES_AFTER_S, arrive)
        sender.start()
        while not arrived_at:  # a waiter may wake for nothing, and does at its first call
            wait()
        passed = perf_counter() - arrived_at[0]
        sender.join()
        os.unlink(f"{folder}{os.sep}{name}")
        return passed

    def _aside(self) -> str:
        """Write a file under tmp/ and return its name, as long as a message's."""
        name = f"5-{next(self._numbers):036d}.0.json"
        fd = os.open(self.path("tmp", name), os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        os.write(fd, self.data)
        if self._sync_files:
            os.fsync(fd)
        os.close(fd)
        return name

    def _read(self, path: str) -> None:
        fd = os.open(path, os.O_RDONLY)
        os.read(fd, 1 << 16)
        os.close(fd)

    def _sync(self, folder: str) -> None:
        if folder in self._folders:
            with suppress(OSError):  # some network clients cannot, and the bus lives with it
                os.fsync(self._folders[folder])


def timed(step: Callable[[], object]) -> Callable[[], float]:
    """Return the step as one that says how many seconds it took."""

    def run() -> float:
        begun = perf_counter()
        step()
        return perf_counter() - begun

    return run


def _inotify(folder: str) -> int | None:
    """Return what can be read once a file was moved into the folder, or None where there is no inotify."""
    if sys.platform == "win32":
        return None
    try:
        libc = ctypes.CDLL(None)
        fd: int = libc.inotify_init1(os.O_CLOEXEC)
        libc.inotify_add_watch(fd, os.fsencode(folder), _IN_MOVED_TO)
    except AttributeError:
        return None
    return None if fd < 0 else fd
