"""What is to be scheduled: one agent's beat, said without any scheduler in mind."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from somabus.errors import ConfigurationError
from somabus.model.schedule import Schedule

_MOST: Final = timedelta(minutes=10)
_LEAST_EVERY: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Plan:
    """A beat of one agent, to be started on its grid. All paths are absolute: a scheduler knows no working folder.

    `python` starts it. `always`: also while the user is not logged on, where the scheduler makes that difference.

    Raises:
        ConfigurationError: no scheduler can start it that often, or a path would break out of its line.
    """

    agent: str
    bus: str
    bus_id: str
    home: str
    schedule: Schedule
    python: str
    log: str
    script: str = ""
    durability: str = ""
    always: bool = False

    def __post_init__(self) -> None:
        if self.schedule.span is not None and self.schedule.span < _LEAST_EVERY:
            message = f"{self.schedule.text}: a scheduler starts at most once a minute; stay instead: somabus run"
            raise ConfigurationError(message)
        bad = next((each for each in self.command if not each.isprintable()), None)
        if bad is not None:
            message = f"{ascii(bad)[:80]} has a control character in it, which no scheduler can be told"
            raise ConfigurationError(message)

    @property
    def job(self) -> str:
        """The name of the entry: one for each agent and bus."""
        return job_name(self.agent, self.bus_id)

    @property
    def command(self) -> tuple[str, ...]:
        """The command line. What matters of the environment stands in it, for a scheduler has another one."""
        return (
            self.python, "-m", "somabus", "--bus", self.bus, "--agent", self.agent, "beat", "--scheduled",
            "--job", self.job, "--home", self.home,
            *(("--durability", self.durability) if self.durability else ()),
            *(("--script", self.script) if self.script else ()),
            "--log", self.log,
        )  # fmt: skip


def job_name(agent: str, bus_id: str) -> str:
    """Name the entry of an agent of a bus; the end of a bus's id is random, its begin is a time."""
    return f"somabus-{agent}-{bus_id[-8:]}"


def stagger(agent: str, bus_id: str, gap: timedelta) -> timedelta:
    """Return how long after a slot this agent begins, so that a fleet does not begin in one second.

    Always the same for an agent, and less than a tenth of the gap to the next slot, and than ten minutes.
    """
    most = tolerance(gap) // timedelta(seconds=1)
    digest = hashlib.sha256(f"{bus_id}/{agent}".encode()).digest()
    return timedelta(seconds=int.from_bytes(digest[:8]) % most) if most else timedelta(0)


def tolerance(gap: timedelta) -> timedelta:
    """Return how far from its slot a beat may begin, where slots have this gap."""
    return min(_MOST, gap / 10)


def slot_at(schedule: Schedule, now: datetime) -> tuple[datetime, timedelta]:
    """Return the slot that a firing of now is for, and the gap behind it.

    A machine's clock may be ahead of the drive's, so that it fires before the slot by the drive's: then the slot is
    the one that is about to come, and is waited for.
    """
    due, coming = schedule.due(now), schedule.next(now)
    if coming - now <= tolerance(coming - due):
        return coming, schedule.next(coming) - coming
    return due, coming - due
