"""What was measured on: the machine, the drive, the versions."""

import os
import platform
import sqlite3
from pathlib import Path

from somabus import __version__
from somabus.store.directory.mount import mount_of
from tests.bench.queues import ALL, version_of


def facts(folder: Path) -> dict[str, object]:
    """Return what a reader must know to compare."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "file_system": mount_of(folder).kind,
        "somabus": __version__,
        "sqlite": sqlite3.sqlite_version,
        "packages": {name: version_of(name) for name in sorted(_packages()) if version_of(name)},
    }


def _packages() -> set[str]:
    return {"pydantic", "orjson", "pynacl", "watchdog", "click", *(each.needs for each in ALL if each.needs)}


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor())
