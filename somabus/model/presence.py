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


def absence(name: str, *, last_seen: datetime, every_s: float, now: datetime, staleness: timedelta) -> str:
    """Say that somebody has not beaten for too long, or nothing while it is on time.

    The one place where the sentence is made, from a heartbeat on the bus or from one that was posted.
    """
    verdict = judge_presence(last_seen=last_seen, every_s=every_s, stopped=False, now=now, staleness=staleness)
    if verdict not in (Presence.LATE, Presence.SILENT):
        return ""
    return f"{name} has not beaten in {span(now - last_seen)}"


def span(time: timedelta) -> str:
    """Return a length of time for people, in the unit that suits it: `12 minutes`."""
    seconds = max(0.0, time.total_seconds())
    for size, unit in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"
