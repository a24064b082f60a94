"""The stamp of a file: what the system moves with every change of it, and no program can put back.

A file that is written to, cut, renamed or replaced gets a new change time (POSIX, stat(2)), and only another setting of
the machine's clock could ever give it an old one; a write through a memory map that was open before is told late. As
with a folder (listing.py) that holds where this system alone writes. Two things more must hold, or there is no stamp:

- It had stood still when it was looked at. The clock of files stands still for some milliseconds, and for longer on a
  virtual machine whose host is busy; a second change within that moves nothing. Git calls such a file racily clean.
- The time is finer than a second: after a clock was put back a second can come twice, a billionth of one does not.

A link on the way needs no look of its own: it leads to the very file that had this stamp before, or to another stamp.
"""

import os
import stat
import time
from collections.abc import Iterable
from typing import Final

from somabus.store.directory.mount import mount_of

_STOOD_NS: Final = 2_000_000_000
_SECOND_NS: Final = 1_000_000_000
_NOWHERE: Final = -1


class FileStamps:
    """Tells the stamps of the files of one tree."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._device: int | None = None

    def of(self, paths: Iterable[str]) -> list[str | None]:
        """Return the stamp of each file, or None for one that is not to be told by its times."""
        now_ns = time.time_ns()
        return [self._stamp(path, now_ns) for path in paths]

    def _stamp(self, path: str, now_ns: int) -> str | None:
        try:
            if self._device is None:
                self._device = os.stat(self._root).st_dev if mount_of(self._root).dated else _NOWHERE
            found = None if self._device == _NOWHERE else os.lstat(path)
        except OSError:
            return None  # whoever reads it is told
        if found is None or found.st_dev != self._device or not stat.S_ISREG(found.st_mode):
            return None
        changed = found.st_ctime_ns
        if now_ns - changed <= _STOOD_NS or changed % _SECOND_NS == 0:
            return None
        return f"{found.st_ino:x}.{found.st_size:x}.{found.st_mtime_ns:x}.{changed:x}"
