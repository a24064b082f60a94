"""The heartbeat: proof that a routine fired, ran and finished. Replaced whole at every beat, by its owner alone."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field

from somabus.model.message import Id, Name, Utc, Value
from somabus.model.schedule import MAX_EVERY_S, Schedule
from somabus.model.wire import parse_object


class Outcome(StrEnum):
    """How a beat ended. `running` in a heartbeat of the past means: it was killed on the way."""

    RUNNING = "running"
    OK = "ok"
    FAILED = "failed"
    BUSY = "busy"
    STOPPED = "stopped"


class Beat(Value):
    """One run of the routine: for which slot it fired, when it ran, whether it finished, how many were missed."""

    number: int = Field(ge=1)
    due_at: Utc
    started_at: Utc
    finished_at: Utc | None = None
    outcome: Outcome = Outcome.RUNNING
    missed: int = Field(default=0, ge=0)


class Heartbeat(Value):
    """What an agent says of itself at its last beat; all times by the drive's clock.

    `unread` and `dead` are None where the beat could not look, which is not zero.
    """

    format: Literal[1] = 1
    bus: Id
    agent: Name
    written_at: Utc
    beat: Beat
    every_s: float = Field(gt=0, le=MAX_EVERY_S)
    next_due_at: Utc
    unread: int | None = Field(default=None, ge=0)
    dead: int | None = Field(default=None, ge=0)
    spooled: int = Field(default=0, ge=0)
    disk_free_here: int | None = None
    disk_free_drive: int | None = None
    load: float | None = None
    clock_offset_s: float | None = None
    host: str = Field(default="", max_length=120)
    version: str = Field(default="", max_length=40)
    checks: dict[str, Annotated[str, Field(max_length=500)]] = Field(default_factory=dict, max_length=100)
    stopped: bool = False

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Read a heartbeat from the bytes that were verified.

        Raises:
            MessageError: no heartbeat of format 1; the reason names member and rule.
        """
        return cls.from_object(parse_object(body))

    def missed(self, schedule: Schedule, now: datetime) -> int:
        """Count the slots that went by between this beat and the slot that is due now.

        They are those of the cadence that this heartbeat was written under: a schedule that came later owes nothing
        for the time before it, and of the other only the spacing is known.
        """
        last = self.beat.due_at
        if now < self.next_due_at:
            return 0
        if self.every_s == schedule.every_s and self.next_due_at == schedule.next(last):
            return schedule.missed(last, now)
        return max(0, int((schedule.due(now) - last).total_seconds() // self.every_s) - 1)
