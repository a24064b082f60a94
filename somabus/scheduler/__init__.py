"""Schedules: cron, systemd, launchd and the Windows Task Scheduler start an agent's beat on its grid.

`plan` says what, `times` when; each scheduler has a module that renders an entry and calls its tool. `serve` is what
they start, `record` what the machine remembers of it, `standing` tells how it does.
"""

from datetime import datetime

from somabus.agent import Agent
from somabus.errors import SchedulerError, StoreError
from somabus.model.firing import Installation
from somabus.model.heartbeat import Beat
from somabus.model.routine import Evidence, Standing, judge_away, judge_routine
from somabus.scheduler.pick import scheduler
from somabus.scheduler.record import Record

__all__ = ["Standing", "standing", "standing_away"]


def standing(agent: Agent) -> Standing:
    """Tell whether the agent's routine is installed, fired, ran and finished, and name what is missing first.

    Never raises for want of a scheduler or of the drive: what could not be asked is not held against it.
    """
    record, now = Record(agent.connection.home), agent.connection.clock.now()
    try:
        heartbeat = agent.heartbeat()
    except StoreError as error:
        return standing_away(agent.name, record, now, str(error))
    found = _evidence(agent.name, record, heartbeat.beat if heartbeat else None)
    return judge_routine(found, agent.schedule, now)


def standing_away(agent: str, record: Record, now: datetime, why: str) -> Standing:
    """Tell what this machine alone knows, while the drive is away: whether it is installed, fired, and how it ended."""
    return judge_away(_evidence(agent, record, None), now, why)


def _evidence(agent: str, record: Record, beat: Beat | None) -> Evidence:
    entry = record.installation
    there, look = (None, "") if entry is None else _ask(entry)
    return Evidence(
        agent=agent, installation=entry, there=there, look=look, fired=record.fired, started=record.firing,
        beat=beat, busy=record.busy,
    )  # fmt: skip


def _ask(entry: Installation) -> tuple[bool | None, str]:
    """Ask the scheduler whether it has the entry; None if it cannot be asked. The second is how a human looks."""
    tool = scheduler(entry.scheduler)
    try:
        return bool(tool.find(entry.job)), tool.look(entry.job)
    except SchedulerError:
        return None, tool.look(entry.job)
