"""The only code that changes the disk of a bus. Each method is one step; the order of steps is the caller's.

A step either happens or raises `OSError`; nothing is translated or retried here. `somabus.testing.faults` puts itself
in the place of this class to stop at every step.
"""

import contextlib
import errno
import os
import stat
import sys
from typing import Final

from somabus.store.directory.syncfs import syncfs
from somabus.store.directory.windows import is_link

_READ: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_BINARY: Final = getattr(os, "O_BINARY", 0)
_CHUNK: Final = 64 * 1024
_PRIVATE: Final = 0o700
_CANNOT_SYNC: Final = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES, errno.EPERM, errno.EBADF)
WINDOWS: Final = os.name == "nt"

if sys.platform == "win32":
    from somabus.store.directory.windows import open_shared as _open
else:

    def _open(path: str) -> int:
        return os.open(path, _READ)


class Files:
    """The steps. `private` makes everything readable by this user alone."""

    def __init__(self, *, private: bool = False) -> None:
        self._file_mode = 0o600 if private else 0o666
        self._folder_mode = _PRIVATE if private else 0o777

    def read(self, path: str, limit: int) -> bytes | None:
        """Return up to `limit` bytes of a regular file, or None where a folder stands; links are not followed."""
        if WINDOWS:  # no flag keeps it from following a link, and it does not open a folder
            found = os.lstat(path)
            if is_link(found):
                raise OSError(errno.ELOOP, "a link", path)
            if stat.S_ISDIR(found.st_mode):
                return None
        fd = _open(path)
        try:
            mode = os.fstat(fd).st_mode
            if stat.S_ISDIR(mode):
                return None
            if not stat.S_ISREG(mode):
                raise OSError(errno.ELOOP, "not a regular file", path)
            data = os.read(fd, _CHUNK)
            if len(data) < _CHUNK:
                # One more look: a short read is not the end of a file on every drive.
                rest = os.read(fd, _CHUNK)
                return data + rest if not rest else self._all(fd, data + rest, limit)
            return self._all(fd, data, limit)
        finally:
            os.close(fd)

    def write_new(self, path: str, data: bytes, sync: bool) -> None:
        """Write a file that is not there yet, and bring its bytes to the disk if `sync`."""
        fd = os.open(path, _NEW | _BINARY, self._file_mode)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(fd, view) :]
            if sync:
                os.fsync(fd)
        finally:
            os.close(fd)

    def link(self, source: str, target: str) -> None:
        """Give a file a second name; refused where the name is taken."""
        os.link(source, target)

    def rename(self, source: str, target: str) -> None:
        """Rename; what stood at the target is replaced on POSIX and refuses on Windows."""
        os.rename(source, target)

    def replace(self, source: str, target: str) -> None:
        """Rename over whatever file stands at the target."""
        os.replace(source, target)

    def unlink(self, path: str) -> None:
        """Remove a file."""
        os.unlink(path)

    def mkdir(self, path: str) -> None:
        """Make one folder; in one where each may add and none may remove another's (mode 1777), it is one as well.

        So whoever gives the root such a mode (docs/security.md) has a tree in which nobody can take away or change
        what is another's, however many users' agents write there.
        """
        os.mkdir(path, self._folder_mode)
        if WINDOWS or self._folder_mode == _PRIVATE:
            return
        above = os.stat(os.path.dirname(path)).st_mode
        if above & stat.S_ISVTX:
            with contextlib.suppress(OSError):  # some network clients cannot, and show the server's modes
                os.chmod(path, stat.S_IMODE(above))

    def make_root(self, path: str) -> None:
        """Make the root of a new tree, and the folders above it."""
        os.makedirs(path, self._folder_mode, exist_ok=True)

    def rmdir(self, path: str) -> None:
        """Remove an empty folder."""
        os.rmdir(path)

    def sync_folder(self, path: str) -> None:
        """Bring a folder's names to the disk, where the system can: Windows and some network clients cannot."""
        if WINDOWS:
            return
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        try:
            os.fsync(fd)
        except OSError as error:
            if error.errno not in _CANNOT_SYNC:
                raise
        finally:
            os.close(fd)

    def sync_drive(self, fd: int) -> None:
        """Bring everything on the drive of an open file to the disk, whoever wrote it: one wait for many files."""
        syncfs(fd)

    def _all(self, fd: int, data: bytes, limit: int) -> bytes:
        parts, size = [data], len(data)
        while size < limit:
            part = os.read(fd, min(_CHUNK, limit - size))
            if not part:
                break
            parts.append(part)
            size += len(part)
        return b"".join(parts)
