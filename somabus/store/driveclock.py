"""The drive's clock: the modification time of a folder just made.

A new file carries the client's clock on SMB and a rename keeps a file's time; a new folder carries the server's on
every drive that was measured. One folder a minute is made; in between, this machine's monotonic clock counts on.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

_TRUSTED_FOR_S: Final = 60.0
_JUMP_S: Final = 0.5


class DriveClock:
    """Asks `measure` (seconds since 1970 by the drive) rarely, and again when this machine slept or was reset."""

    def __init__(self, measure: Callable[[], float | None]) -> None:
        self._measure = measure
        self._asked: tuple[float, float, float] | None = None  # drive, monotonic, wall: one value, for threads

    def now(self) -> datetime:
        """Return the drive's time; by this machine's clock where the drive lets nobody make a folder."""
        mono, wall = time.monotonic(), time.time()  # noqa: TID251 - an adapter measures its drive
        drive, asked_mono, asked_wall = self._asked or (0.0, 0.0, 0.0)
        passed = mono - asked_mono
        # The monotonic clock stands still in a sleeping machine, the wall clock jumps when it is set: if the two
        # disagree, neither says how much time went by for the drive.
        if self._asked is None or passed > _TRUSTED_FOR_S or abs(wall - asked_wall - passed) > _JUMP_S:
            found = self._measure()
            drive, passed = wall if found is None else found, 0.0
            self._asked = (drive, mono, wall)
        return datetime.fromtimestamp(drive + passed, UTC)
