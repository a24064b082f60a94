"""The floor: the bare system calls for the same work, relative to folders that stay open.

    send      open tmp/, write, (fsync), close, rename into inbox/, (fsync inbox/)
    receive   one sorted listing, used up; rename into claimed/, open, read, close, rename into done/, (fsync done/)

`full, best here` is the fastest order that kept every message through the power cuts of a journalled ext4 and of xfs:
rename first, then one fsync of the file, whose journal commit carries the name. That is the behaviour of two local file
systems and no rule, so nothing that must hold on a network drive may rest on it.
"""

import ctypes
import itertools
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tests.bench.queues.contender import Contender
from tests.bench.row import Guarantees

_SYNCFS = ctypes.CDLL(None, use_errno=True).syncfs if sys.platform == "linux" else None


class Floor:
    """System calls as a queue. `durability` is `none`, `file`, `full` or `best`."""

    def __init__(self, folder: Path, role: str, durability: str) -> None:
        self._durability, self._role, self._numbers = durability, role, itertools.count()
        self._files = durability in ("file", "full")
        self._folders = durability == "full"
        self._best = durability == "best"
        places = (f"tmp-{role}", "inbox", "claimed", "done")
        for place in places:
            (folder / place).mkdir(parents=True, exist_ok=True)
        self._tmp, self._inbox, self._claimed, self._done = (os.open(folder / each, os.O_RDONLY) for each in places)
        self._listing: list[str] = []

    def send(self, body: bytes) -> None:
        """Write aside and rename."""
        name, fd = self._aside(body)
        if self._files:
            os.fsync(fd)
        if self._best:
            os.rename(name, name, src_dir_fd=self._tmp, dst_dir_fd=self._inbox)
            os.fsync(fd)
            os.close(fd)
            return
        os.close(fd)
        os.rename(name, name, src_dir_fd=self._tmp, dst_dir_fd=self._inbox)
        if self._folders:
            os.fsync(self._inbox)

    def send_many(self, bodies: Sequence[bytes]) -> None:
        """Write all aside, bring the file system to the disk once, rename all, and sync the inbox once."""
        names = []
        for body in bodies:
            name, fd = self._aside(body)
            os.close(fd)
            names.append(name)
        if self._durability != "none":
            sync_file_system(self._tmp)
        for name in names:
            os.rename(name, name, src_dir_fd=self._tmp, dst_dir_fd=self._inbox)
        if self._folders or self._best:
            os.fsync(self._inbox)

    def receive(self) -> bytes | None:
        """Claim, read and settle the next of the listing; list again once it is used up."""
        if not self._listing and not self.list():
            return None
        while self._listing:
            name = self._listing.pop()
            try:
                os.rename(name, name, src_dir_fd=self._inbox, dst_dir_fd=self._claimed)
            except FileNotFoundError:
                continue  # Race: another consumer has it.
            fd = os.open(name, os.O_RDONLY, dir_fd=self._claimed)
            data = os.read(fd, 1 << 16)
            os.close(fd)
            os.rename(name, name, src_dir_fd=self._claimed, dst_dir_fd=self._done)
            if self._folders or self._best:
                os.fsync(self._done)
            return data
        return self.receive()

    def list(self) -> int:
        """List the inbox anew; return how many wait."""
        self._listing = sorted(os.listdir(self._inbox), reverse=True)
        return len(self._listing)

    def close(self) -> None:
        """Close the folders."""
        for fd in (self._tmp, self._inbox, self._claimed, self._done):
            os.close(fd)

    def _aside(self, body: bytes) -> tuple[str, int]:
        name = self._name()
        fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=self._tmp)
        os.write(fd, body)
        return name, fd

    def _name(self) -> str:
        """Return a new name, as long as a message's."""
        return f"5-{next(self._numbers):024d}-{self._role:->11.11}.0.json"


def sync_file_system(fd: int) -> None:
    """Bring a whole file system to the disk, by syncfs(2) where there is one."""
    if _SYNCFS is not None and _SYNCFS(fd) == 0:
        return
    os.sync()


def _floor(name: str, durability: str, by: str, power_cut: str) -> Contender:
    return Contender(
        name, durability, partial(Floor, durability=by), Guarantees("yes", power_cut, "-", "-"),
        file_each=True, batches=True,
    )  # fmt: skip


CONTENDERS = (
    _floor("floor, none", "none", "none", "no"),
    _floor("floor, file", "file", "file", "no"),
    _floor("floor, full", "full", "full", "yes"),
    _floor("floor, full, best here", "full", "best", "on some drives"),
)
