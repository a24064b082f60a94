"""Facts about this machine that go into a heartbeat. What is slow to import is imported at the first beat."""

import os
import sys
from pathlib import Path
from typing import Any


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


def free(path: Path) -> int | None:
    """Return how many bytes are free where a path lies, or None if that cannot be told."""
    import shutil

    try:
        return shutil.disk_usage(path).free
    except OSError:
        return None


def _load() -> float | None:
    if sys.platform == "win32":
        return None  # it has no load average
    try:
        return round(os.getloadavg()[0], 2)
    except OSError:
        return None
