"""The stamp of a file: what the system moves with every change of it, and no program can put back.

A file that is written to, cut, renamed or replaced gets a new change time (POSIX, stat(2)), and only a new setting of
the machine's clock could ever give it an old one. As with a folder (listing.py) that holds where this system alone
writes. Two things more must hold, or there is no stamp:

- It had stood still when it was looked at. The clock of files stands still for some milliseconds, on a virtual machine
  whose host is busy for longer; a second change within that moves nothing. Git calls such a file racily clean.
- The time is finer than a second: after a clock was put back a second can come twice, a billionth of one does not.
"""

import os
import stat
from typing import Final

_STOOD_NS: Final = 2_000_000_000
_SECOND_NS: Final = 1_000_000_000


def stamp(found: os.stat_result, device: int, now_ns: int) -> str | None:
    """Return the stamp of a file as it was found, or None if it is not to be told by its times.

    Args:
        found: by `lstat`.
        device: where the root of the tree lies; another drive may be mounted below it.
        now_ns: the machine's clock, read before the file was looked at.
    """
    changed = found.st_ctime_ns
    stood = now_ns - changed > _STOOD_NS and changed % _SECOND_NS != 0
    if not stood or found.st_dev != device or not stat.S_ISREG(found.st_mode):
        return None
    return f"{found.st_ino:x}.{found.st_size:x}.{found.st_mtime_ns:x}.{changed:x}"
