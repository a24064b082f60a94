"""Where the doctor tries a drive: a folder of its own under the bus's tmp/, gone when it is done.

It makes the bare system calls there, past the store: the drive is the patient. Nothing outside that folder is
written, and what a killed doctor leaves there is debris like any other.
"""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from somabus.clock import Clock
from somabus.errors import StoreDamagedError
from somabus.model.bus import BUS_FILE
from somabus.model.wire import MAX_DOCUMENT
from somabus.store.directory.mount import Mount, mount_of
from somabus.store.directory.trouble import patiently, translate

_BARE: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _BARE
_READ: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _BARE

Tell = Callable[[str, float, float], None]
"""Called while something takes its time: what, how far, of how much."""


def silent(what: str, passed: float, whole: float) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Place:
    """`folder` is the probe's own; `usage` looks how full the drive is."""

    root: Path
    folder: Path
    clock: Clock
    mount: Mount
    usage: Callable[[str], Any] = shutil.disk_usage

    def inner(self, name: str) -> "Place":
        """Return a place in a fresh folder below."""
        folder = self.folder / name
        folder.mkdir()
        return replace(self, folder=folder)


@contextmanager
def place_on(root: Path, clock: Clock, name: str, usage: Callable[[str], Any] = shutil.disk_usage) -> Iterator[Place]:
    """Make the folder, and remove it.

    Raises:
        StoreError: the drive is not there, or lets nobody write.
    """
    folder = root / "tmp" / name
    try:
        (root / BUS_FILE).stat()  # an empty mount point is no bus
        folder.parent.mkdir(exist_ok=True)
        if folder.parent.is_symlink():
            raise StoreDamagedError("tmp", "a symbolic link; look who made it, and remove it")
        folder.mkdir()
        shutil.copymode(folder.parent, folder)  # another user's agent writes there too, where it may
    except OSError as error:
        raise translate(error, f"tmp/{name}") from error
    try:
        yield Place(root, folder, clock, mount_of(root), usage)
    finally:
        remove(folder)


def remove(folder: Path) -> None:
    """Remove a folder and what is in it, as far as it lets itself be removed; links are not followed."""
    shutil.rmtree(folder, ignore_errors=True)


def put(path: Path, data: bytes) -> None:
    """Let a complete file appear under a name, or replace the one that is there; patiently, as the store does."""
    aside = path.with_name(f".{path.name}.new")
    with open(os.open(aside, _NEW, 0o666), "wb") as file:
        file.write(data)
    patiently(lambda: aside.replace(path), also=frozenset([errno.EEXIST]))


def get(path: Path) -> bytes:
    """Read a file, at most so much as a word has; a link or a pipe that somebody put there is not followed."""
    with open(os.open(path, _READ), "rb") as file:
        return file.read(MAX_DOCUMENT)


def drive_time(folder: Path, name: str) -> float:
    """Return the drive's time: the mtime of a folder just made."""
    made = folder / name
    made.mkdir()
    try:
        return made.lstat().st_mtime
    finally:
        os.rmdir(made)


def spoken(seconds: float) -> str:
    """Say a short time."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
