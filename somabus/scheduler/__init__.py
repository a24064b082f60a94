"""Schedules: cron, systemd, launchd and the Windows Task Scheduler start an agent's beat on its grid.

`plan` says what, `times` when; each scheduler has a module that renders an entry and calls its tool. `serve` is what
they start, `record` what the machine remembers of it, `standing` tells how it does.
"""

from somabus.agent import Agent
from somabus.errors import SchedulerError, StoreError
from somabus.model.firing import Installation
from somabus.model.routine import Evidence, Standing, judge_routine
from somabus.scheduler.pick import scheduler
from somabus.scheduler.record import Record

__all__ = ["Standing", "standing"]


def standing(agent: Agent) -> Standing:
    """Tell whether the agent's routine is installed, fired, ran and finished, and name what is missing first.

    Never raises for want of a scheduler or of the drive: what could not be asked is not held against it.
    """
    connection = agent.connection
    record = Record(connection.home)
    entry = record.installation
    there, look = (None, "") if entry is None else _ask(entry)
    try:
        heartbeat = agent.heartbeat()
    except StoreError as error:
        return Standing(f"could not look at the heartbeat: {error}")
    evidence = Evidence(
        agent=agent.name, installation=entry, there=there, look=look, fired=record.fired, started=record.firing,
        beat=heartbeat.beat if heartbeat else None, busy=record.busy,
    )  # fmt: skip
    return judge_routine(evidence, agent.schedule, connection.clock.now())


def _ask(entry: Installation) -> tuple[bool | None, str]:
    """Ask the scheduler whether it has the entry; None if it cannot be asked. The second is how a human looks."""
    tool = scheduler(entry.scheduler)
    try:
        return bool(tool.find(entry.job)), tool.look(entry.job)
    except SchedulerError:
        return None, tool.look(entry.job)
