"""Which client of the drive we are: a running system, through one of its mounts.

Whoever shares both sees every write in the memory of that system: they are one client, whatever their homes and names
are, and prove nothing about two machines.
"""

import hashlib
from pathlib import Path
from typing import Final

from somabus.machine import host
from somabus.store.directory.trouble import translate

_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")


def client_of(root: Path) -> str:
    """Return a word for this system and for the mount in which a path lies.

    Raises:
        StoreError: the drive is not there.
    """
    try:
        mount = root.stat().st_dev
    except OSError as error:
        raise translate(error, "tmp") from error
    return hashlib.sha256(f"{_system()} {mount}".encode()).hexdigest()[:16]


def _system() -> str:
    """Linux names each of its starts, and tells that to every container; elsewhere the hardware has to do."""
    try:
        return _BOOT.read_text()
    except OSError:
        import uuid

        return f"{host()} {uuid.getnode():012x}"
