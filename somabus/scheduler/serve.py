"""What a scheduler starts: one beat for the slot that it fired for, in this agent's turn, and each slot once.

    write down "fired" ─► wait for the turn ─► was the slot served? ─► beat ─► write down how it ended

Firing more often than the grid is harmless, and so is firing twice at once.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from somabus.agent import Agent
from somabus.clock import Clock
from somabus.errors import StoreError
from somabus.model.heartbeat import Outcome
from somabus.model.schedule import DEFAULT, Schedule
from somabus.scheduler.plan import slot_at, stagger
from somabus.scheduler.record import Record

_TRIES: Final = 3
_A_MOMENT_S: Final = 1.0
BUSY: Final = 7
"""The exit code of a firing that found another start of the agent at work."""
BUG: Final = 1
"""The exit code of a firing that ended in a way that nobody foresaw."""


class Turn(StrEnum):
    """What a firing came to."""

    BUSY = "busy"
    SERVED = "served"
    RAN = "ran"


@dataclass(frozen=True, slots=True)
class Start:
    """One start of the routine for a slot.

    Args:
        record: of the agent, on this machine.
        who: the agent and the id of the bus, which decide about the turn.
        job: the entry of the scheduler that started it; empty if a hand did.
        clock: this machine's.
        pause: waits so many seconds.
        agent: makes the agent; the first thing that touches the drive.
        beat: runs the routine and returns the exit code.
        served: is told if the slot was served before.
        code_of: the exit code for what was raised.
    """

    record: Record
    who: tuple[str, str]
    job: str
    clock: Clock
    pause: Callable[[float], object]
    agent: Callable[[], Agent]
    beat: Callable[[Agent], int]
    served: Callable[[Agent], None]
    code_of: Callable[[Exception], int]

    def serve(self) -> Turn:
        """Serve the slot that was fired for, unless another start of this agent is at work, or it was served."""
        for tries_left in reversed(range(_TRIES)):
            with self.record.turn() as mine:
                if mine:
                    return self._serve()
            # Race: whoever asks whether a firing is at work holds the turn for a moment.
            self.pause(_A_MOMENT_S if tries_left else 0.0)
        self._note_busy()
        return Turn.BUSY

    def _note_busy(self) -> None:
        """Write down that the scheduler fired while a hand's start is at work, which has a record of its own."""
        at_work, now = self.record.firing, self.clock.now()
        if self.job and at_work is not None and not at_work.job:
            self.record.end(self.record.fire(now, os.getpid(), self.job), now, BUSY)

    def _serve(self) -> Turn:
        firing = self.record.fire(self.clock.now(), os.getpid(), self.job)
        code = BUG
        try:
            self.pause(_until_turn(self.record, self.who, self.clock))
            mate = self.agent()
            self.pause(_until_slot(mate))
            # By the drive's clock, which this machine's may be ahead of: a firing counts for the slot that it serves.
            served_at = min(firing.due_at, mate.schedule.due(mate.inbox.now()))
            firing = firing.model_copy(update={"due_at": served_at})
            served = _served(mate)
            code = 0 if served else self.beat(mate)
            if served:
                self.served(mate)
        except Exception as error:
            code = self.code_of(error)
            raise
        finally:
            self.record.end(firing, self.clock.now(), code)
        return Turn.SERVED if served else Turn.RAN


def _until_turn(record: Record, who: tuple[str, str], clock: Clock) -> float:
    """Return how long it is to this agent's turn after the slot."""
    installed, now = record.installation, clock.now()
    slot, gap = slot_at(Schedule.parse(installed.cadence if installed else DEFAULT), now)
    return max(0.0, (slot + stagger(*who, gap) - now).total_seconds())


def _until_slot(mate: Agent) -> float:
    """Return how long it is to the slot by the drive's clock, which this machine's may be ahead of."""
    now = mate.inbox.now()
    slot, _gap = slot_at(mate.schedule, now)
    return max(0.0, (slot - now).total_seconds())


def _served(mate: Agent) -> bool:
    """Tell whether the slot due now was served; if nobody can look, the beat says so better.

    A beat that a human stopped, or that could not look, did nothing for its slot.
    """
    with suppress(StoreError):
        last = mate.heartbeat()
        if last is not None and last.beat.outcome is not Outcome.STOPPED and last.unread is not None:
            return last.beat.due_at >= mate.schedule.due(mate.inbox.now())
    return False
