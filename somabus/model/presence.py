"""The verdict on a peer: by its own cadence, on the drive's clock, on beats it wrote itself."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

LATE_AFTER: Final = 1.5
SILENT_AFTER: Final = 4.0
SKEW_TOLERANCE: Final = timedelta(minutes=2)


class Presence(StrEnum):
    """Five verdicts that call for five different acts."""

    ON_TIME = "on time"
    LATE = "late"
    SILENT = "silent"
    STOPPED = "stopped"
    SKEWED = "skewed"


def judge_presence(
    *, last_seen: datetime, every_s: float, stopped: bool, now: datetime, staleness: timedelta
) -> Presence:
    """Judge a peer.

    Args:
        last_seen: the peer's last beat, or its joining if it never beat; on the drive's clock.
        every_s: the cadence that the peer itself declared.
        stopped: the peer said goodbye, or is under a STOP.
        now: the drive's clock.
        staleness: how old a replaced file may look on this drive; nobody is late by less than that.
    """
    if stopped:
        return Presence.STOPPED
    age = now - last_seen
    if age < -SKEW_TOLERANCE:
        return Presence.SKEWED
    waited_s = (age - staleness).total_seconds()
    if waited_s > every_s * SILENT_AFTER:
        return Presence.SILENT
    if waited_s > every_s * LATE_AFTER:
        return Presence.LATE
    return Presence.ON_TIME
