"""Facts about this machine that go into a heartbeat. What is slow to import is imported at the first beat."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

_MAY_WAIT: Final = 0x00100000  # SYNCHRONIZE


def host() -> str:
    """Return this machine's name."""
    import platform

    return platform.node()[:120] or "unknown"


def vitals(home: Path, free_drive: int | None, version: str, clock_offset_s: float) -> dict[str, Any]:
    """Return how this machine does; what it does not tell is None."""
    return {
        "disk_free_here": free(home),
        "disk_free_drive": free_drive,
        "load": _load(),
        "clock_offset_s": round(clock_offset_s, 3),
        "host": host(),
        "version": version,
    }


def parent_gone() -> Callable[[], bool]:
    """Return what tells whether the process that started this one has ended."""
    if sys.platform == "win32":  # it goes on naming a parent that has ended
        import ctypes
        from ctypes import wintypes

        kernel = ctypes.WinDLL("kernel32")
        kernel.OpenProcess.restype = wintypes.HANDLE
        kernel.WaitForSingleObject.argtypes = (wintypes.HANDLE, wintypes.DWORD)
        handle = kernel.OpenProcess(_MAY_WAIT, False, os.getppid())  # noqa: FBT003 - the system's own parameter
        return lambda: handle is None or kernel.WaitForSingleObject(handle, 0) == 0
    parent = os.getppid()
    return lambda: os.getppid() != parent


def free(path: Path) -> int | None:
    """Return how many bytes are free where a path lies, or None if that cannot be told."""
    try:
        if sys.platform == "win32":
            import shutil

            return shutil.disk_usage(path).free
        found = os.statvfs(path)  # what shutil would ask; it loads three libraries of compression, too
        return found.f_bavail * found.f_frsize
    except OSError:
        return None


def _load() -> float | None:
    if sys.platform == "win32":
        return None  # it has no load average
    try:
        return round(os.getloadavg()[0], 2)
    except OSError:
        return None
