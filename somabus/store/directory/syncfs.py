"""syncfs(2): one wait for everything written to a drive. Python's `os` does not have it."""

import errno
import os
import platform
import re
import sys
from collections.abc import Callable
from functools import cache
from typing import Final

_TELLS_FAULTS: Final = (5, 8)  # before, it did not say that a disk had failed (syncfs(2), VERSIONS)
_NO_FILE: Final = -1


@cache
def available() -> bool:
    """Tell whether this system has it, and whether it says so when a disk fails."""
    release = re.match(r"(\d+)\.(\d+)", platform.release())
    if sys.platform != "linux" or release is None or (int(release[1]), int(release[2])) < _TELLS_FAULTS:
        return False
    try:
        syncfs(_NO_FILE)
    except (OSError, AttributeError) as error:
        return getattr(error, "errno", None) == errno.EBADF  # it looked for the file: no sandbox keeps it from us
    return False


def syncfs(fd: int) -> None:
    """Bring everything that was written to the drive of an open file to the disk, whoever wrote it."""
    number = _call()(fd)
    if number:
        raise OSError(number, os.strerror(number))


@cache
def _call() -> Callable[[int], int]:
    import ctypes  # costs more than the rest of this module

    library = ctypes.CDLL(None, use_errno=True)
    return lambda fd: ctypes.get_errno() if library.syncfs(fd) else 0
