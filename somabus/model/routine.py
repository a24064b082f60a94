"""Installed, fired, ran, finished: four facts about a routine, and which of them is missing.

Each has its own witness: the scheduler has the entry, the agent's home has the firing, the bus has the heartbeat.
"""

import shlex
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from somabus.model.firing import Firing, Installation
from somabus.model.heartbeat import Beat
from somabus.model.schedule import Schedule

PATIENCE: Final = timedelta(minutes=10)
"""So much later than its slot may a scheduler fire before it is missed: it may be busy, or the machine just woken."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a routine stands under the scheduler of a machine.

    `missing`: empty, or the first of `installed`, `fired`, `ran`, `finished` that is not so. `next_step`: what to do.
    `planned`: it was installed here once; an agent that never was may be run by hand, or elsewhere.
    """

    fact: str
    missing: str = ""
    next_step: str = ""
    planned: bool = True

    @property
    def unwell(self) -> bool:
        """Whether something that was installed is not as it was meant."""
        return self.planned and bool(self.missing)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of an agent's routine. `look` is the command that shows the scheduler's own view.

    `there`: the scheduler has the entry; None if it could not be asked. `fired`: the last start by the entry.
    `started`: the last start, whoever started it. `busy`: it is at work right now.
    """

    agent: str
    installation: Installation | None
    there: bool | None
    look: str
    fired: Firing | None
    started: Firing | None
    beat: Beat | None
    busy: bool

    @property
    def again(self) -> str:
        """The command that makes the entry, or brings it up to date; what was installed it keeps."""
        return f"somabus schedule install --agent {self.agent}"


def judge_routine(found: Evidence, schedule: Schedule, now: datetime) -> Standing:
    """Judge a routine: the first missing fact decides, for those after it cannot be.

    Only what was started since the installation counts: the entry before it may have been another.
    """
    entry = found.installation
    if entry is None:
        return _never(found)
    found = _since_installed(found, entry)
    return (
        _installed(found, entry, schedule)
        or _fired(found, entry, schedule, now)
        or _ran(found, entry)
        or _finished(found, entry, schedule, now)
        or Standing(_all(found, entry, schedule, now))
    )


def judge_away(found: Evidence, now: datetime, why: str) -> Standing:
    """Judge a routine by what its machine alone knows, while neither the heartbeat nor the card can be looked at."""
    entry = found.installation
    if entry is None:
        return _never(found)
    found, schedule = _since_installed(found, entry), Schedule.parse(entry.cadence)
    says = _installed(found, entry, schedule) or _fired(found, entry, schedule, now) or Standing(_here(found, entry))
    return replace(says, fact=f"{says.fact}; could not look at the heartbeat: {why}")


def _never(found: Evidence) -> Standing:
    return Standing("not scheduled on this machine", "installed", found.again, planned=False)


def _since_installed(found: Evidence, entry: Installation) -> Evidence:
    return replace(found, fired=_since(entry, found.fired), started=_since(entry, found.started))


def _since(entry: Installation, firing: Firing | None) -> Firing | None:
    return None if firing is None or firing.fired_at < entry.installed_at else firing


def _installed(found: Evidence, entry: Installation, schedule: Schedule) -> Standing | None:
    if found.there is False:
        fact = f"it was installed in {entry.scheduler} at {_at(entry.installed_at)}, and is not there any more"
        return Standing(fact, "installed", found.again)
    if entry.cadence != schedule.text:
        fact = f"it was installed for the cadence {entry.cadence}, and the agent's is {schedule.text} now"
        return Standing(fact, "installed", found.again)
    return None


def _fired(found: Evidence, entry: Installation, schedule: Schedule, now: datetime) -> Standing | None:
    wanted, fired = schedule.due(now - PATIENCE), found.fired
    at_work = found.busy and found.started == fired
    if at_work or wanted <= entry.installed_at or (fired is not None and fired.due_at >= wanted):
        return None
    since = _at(fired.fired_at) if fired else f"it was installed at {_at(entry.installed_at)}"
    fact = f"{entry.scheduler} has not fired since {since}, and a slot was due at {_at(wanted)}"
    if found.started is not None and found.started != fired:
        fact += f"; a hand started it at {_at(found.started.fired_at)}"
    return Standing(fact, "fired", f"look at the scheduler: {found.look}")


def _ran(found: Evidence, entry: Installation) -> Standing | None:
    started, beat = found.started, found.beat
    if started is None or found.busy or (beat is not None and beat.due_at >= started.due_at):
        return None
    return Standing(f"{_start(entry, started)}, but no beat began: {_end(started)}", "ran", f"see the log: {entry.log}")


def _finished(found: Evidence, entry: Installation, schedule: Schedule, now: datetime) -> Standing | None:
    started, beat = found.started, found.beat
    if found.busy:
        if started is None or started.due_at >= schedule.due(now - PATIENCE):
            return None
        fact = f"{_start(entry, started)}, and is at work since, while other slots went by"
        return Standing(fact, "finished", f"see the log: {entry.log}; if process {started.pid} hangs, end it")
    if beat is None or beat.finished_at is not None:
        return None
    fact = f"beat {beat.number} began at {_at(beat.started_at)} and did not finish: killed?"
    return Standing(fact, "finished", f"see the log: {entry.log}; then: {_by_hand(found.agent, entry)}")


def _here(found: Evidence, entry: Installation) -> str:
    if found.started is None:
        return f"installed in {entry.scheduler}, and no slot has come since"
    return f"{_start(entry, found.started)}, and {'is at work' if found.busy else _end(found.started)}"


def _all(found: Evidence, entry: Installation, schedule: Schedule, now: datetime) -> str:
    started, beat, coming = found.started, found.beat, f"next slot {_at(schedule.next(now))}"
    if started is None:
        return f"installed in {entry.scheduler}, and no slot has come since; {coming}"
    said = _start(entry, started)
    if found.busy:
        return f"{said}, and is at work; {coming}"
    if beat is None or beat.finished_at is None:
        return f"{said}; {coming}"
    ran = f"beat {beat.number} ran at {_at(beat.started_at)} and finished at {_at(beat.finished_at)}"
    return f"{said}, {ran}: {beat.outcome}; {coming}"


def _start(entry: Installation, started: Firing) -> str:
    who = f"{entry.scheduler} fired" if started.job == entry.job else "a hand started it"
    return f"{who} at {_at(started.fired_at)}"


def _end(started: Firing) -> str:
    return "it did not end" if started.exit_code is None else f"it ended with exit code {started.exit_code}"


def _by_hand(agent: str, entry: Installation) -> str:
    script = f" --script {shlex.quote(entry.script)}" if entry.script else ""
    return f"somabus beat --agent {agent}{script}"


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
