"""Commands for schedules: schedule install, show, remove, run-now."""

import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Final

import click

from somabus.agent import Agent
from somabus.cli.group import Acts, Command, Context, finish
from somabus.cli.output import Exit
from somabus.cli.scheduled import remembered, standing_here
from somabus.clock import SystemClock
from somabus.connection import base_of
from somabus.errors import ConfigurationError, SchedulerError, StoreUnavailableError
from somabus.model.firing import Installation
from somabus.model.schedule import Schedule
from somabus.model.text import line
from somabus.scheduler import Standing, standing
from somabus.scheduler.pick import NAMES, here, scheduler
from somabus.scheduler.plan import Plan, job_name, stagger
from somabus.scheduler.record import Record, log_of
from somabus.site import is_remote

_FIRES_WITHIN_S: Final = 30.0
_LOOK_EVERY_S: Final = 0.2


@click.group("schedule", cls=Acts, epilog="Example: somabus schedule install --every 6h --script my_agent.py")
def schedule() -> None:
    """Let the scheduler of this machine start the beat.

    cron, systemd, launchd or the Windows Task Scheduler.
    """


@schedule.command("install", cls=Command, epilog="Example: somabus schedule install --every 6h --script my_agent.py")
@click.option("--every", metavar="SPAN", help="6h, 30m, 1d: a grid in UTC.")
@click.option("--cron", metavar="EXPR", help="Five fields, such as '0 9 * * 1-5'; in UTC without --zone.")
@click.option("--zone", metavar="IANA", help="Whose wall clock the expression means, such as Europe/Berlin.")
@click.option(
    "--script", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A Python file with a function setup(agent) that registers handlers.  [default: as installed]",
)  # fmt: skip
@click.option("--no-script", is_flag=True, help="No script any more: mail is acknowledged unread.")
@click.option(
    "--with", "tool", type=click.Choice(NAMES), help="Which scheduler.  [default: as installed, or what is here]"
)
@click.option(
    "--always/--no-always", default=None, help="Also while you are not logged on (systemd, Windows).  [as installed]"
)
@click.option("--print", "prints", is_flag=True, help="Print the entry alone, and touch nothing.")
@click.pass_obj
def install(
    context: Context, every: str | None, cron: str | None, zone: str | None, script: Path | None, tool: str | None,
    *, no_script: bool, always: bool | None, prints: bool,
) -> None:  # fmt: skip
    """Make the entry, or bring it up to date.

    What is not given stays as it was installed. Without --every and --cron the cadence stays what the agent's card
    says; with one the card says it from then on.
    """
    cadence, now = _cadence(every, cron, zone), SystemClock().now()
    agent = context.agent(every=None)
    record = Record(agent.connection.home)
    before = record.installation
    name = tool or (before.scheduler if before else here())
    plan = _plan(
        context, agent, Schedule.parse(cadence) if cadence else agent.schedule,
        script=_script(script, before, none=no_script),
        always=always if always is not None else before is not None and before.always,
    )  # fmt: skip
    entry = scheduler(name).render(plan, now)  # what cannot be scheduled is refused before anything is changed
    if prints:
        _print(context, agent, name, plan, entry)
        return
    if cadence:
        context.agent(every=cadence)  # the card says it
    scheduler(name).install(plan, now)
    _leave(record, name)
    record.install(_installation(plan, name, now))
    facts = {
        "scheduler": name, "job": plan.job, "cadence": plan.schedule.text, "script": plan.script, "log": plan.log,
    }  # fmt: skip
    lines = [
        *_installed(plan, name, now),
        *_way_in(plan),
        *(f"STOPPED   {line(str(each), 200)}" for each in agent.stops()),
    ]
    context.out.answer(facts, "\n".join(lines), unread=agent.unread)


@schedule.command("show", cls=Command, epilog="Example: somabus schedule show")
@click.pass_obj
def show(context: Context) -> None:
    """Show the entry, and how it does.

    The fact that is missing first is named: installed, fired, ran, finished. 3: nothing was installed here; 6: one of
    the four is missing. While the drive is away it tells what this machine knows, and ends with 4.
    """
    try:
        agent = context.agent()
        says, unread = standing(agent), agent.unread
    except StoreUnavailableError as error:
        _show(context, standing_here(context, error), None)
        raise
    _show(context, says, unread)
    finish(_standing_code(says))


@schedule.command("remove", cls=Command, epilog="Example: somabus schedule remove")
@click.option("--with", "tool", type=click.Choice(NAMES), help="Which scheduler.  [default: where it was installed]")
@click.pass_obj
def remove(context: Context, tool: str | None) -> None:
    """Take the entry away, and nothing else.

    Works while the drive is away.
    """
    agent, bus_id, record = remembered(context)
    job, entry = job_name(agent, bus_id), record.installation
    name = tool or (entry.scheduler if entry else here())
    gone = scheduler(name).remove(job)
    if entry is None or entry.scheduler == name:
        record.install(None)
    said = f"{job} is taken out of {name}" if gone else f"{name} has no {job}; nothing was changed"
    context.out.answer({"scheduler": name, "job": job, "removed": gone}, said)


@schedule.command("run-now", cls=Command, epilog="Example: somabus schedule run-now")
@click.pass_obj
def run_now(context: Context) -> None:
    """Let the scheduler start the entry now.

    Tells whether it fired. A slot that was served is not served again.
    """
    agent, _bus_id, record = remembered(context)
    entry = record.installation
    if entry is None:
        message = f"{agent} is not scheduled on this machine; first: somabus schedule install --agent {agent}"
        raise ConfigurationError(message)
    clock = SystemClock()
    before = clock.now()
    scheduler(entry.scheduler).start(entry.job)
    deadline = clock.monotonic() + _FIRES_WITHIN_S
    while (firing := record.firing) is None or firing.fired_at < before:
        if clock.monotonic() > deadline:
            message = (
                f"was told to start {entry.job}, and nothing fired within {_FIRES_WITHIN_S:.0f} s; see {entry.log}"
            )
            raise SchedulerError(entry.scheduler, message)
        threading.Event().wait(_LOOK_EVERY_S)
    who = f"{entry.scheduler} fired" if firing.job else "somabus started"
    said = f"{who} {entry.job}; what becomes of it: somabus schedule show, or {entry.log}"
    context.out.answer({"scheduler": entry.scheduler, "job": entry.job, "firing": firing}, said)


# -- steps ----------------------------------------------------------------------------------------------------


def _cadence(every: str | None, cron: str | None, zone: str | None) -> str | None:
    if every and cron:
        message = "--every and --cron are two ways to say one thing; give one of them"
        raise ConfigurationError(message)
    if zone == "":
        message = "--zone is empty; name one such as Europe/Berlin, or leave it out for UTC"
        raise ConfigurationError(message)
    if zone and not cron:
        message = "--zone says whose wall clock --cron means; without --cron the grid is in UTC"
        raise ConfigurationError(message)
    if cron is not None and " " not in cron.strip():
        message = f"{cron!r} is no cron expression; five fields are needed, as in: --cron '0 9 * * 1-5'"
        raise ConfigurationError(message)
    text = f"{cron} {zone or ''}" if cron else every
    return Schedule.parse(text).text if text else None


def _script(given: Path | None, before: Installation | None, *, none: bool) -> str:
    """Return the script that is to run: the one given, or the one that was installed, which may lie on a drive away."""
    if given and none:
        message = "--script and --no-script contradict each other; give one of them"
        raise ConfigurationError(message)
    if given:
        return str(given.resolve())
    return "" if none or before is None else before.script


def _plan(context: Context, agent: Agent, schedule: Schedule, *, script: str, always: bool) -> Plan:
    home = base_of(context.settings.home or None)
    bus_id = agent.bus.bus
    return Plan(
        agent=agent.name, bus=context.address(), bus_id=bus_id, home=str(home), schedule=schedule,
        python=_python(), log=str(log_of(home, job_name(agent.name, bus_id))),
        script=script, durability=context.settings.durability, always=always,
    )  # fmt: skip


def _print(context: Context, agent: Agent, name: str, plan: Plan, entry: str) -> None:
    """Print the entry, and nothing else where it may be redirected to; what to do with it goes beside."""
    how = scheduler(name).by_hand(plan)
    if context.as_json:
        facts = {"scheduler": name, "job": plan.job, "entry": entry, "by_hand": how}
        context.out.answer(facts, "", unread=agent.unread)
        return
    click.echo(entry, nl=False)  # the plan has no control character in it
    click.echo(f"nothing was changed; to install it by hand: {how}", err=True)


def _python() -> str:
    """Return this interpreter; on Windows the one that opens no window, where there is one."""
    quiet = Path(sys.executable).with_name("pythonw.exe")
    return str(quiet) if quiet.exists() else sys.executable


def _installation(plan: Plan, name: str, now: datetime) -> Installation:
    facts = {
        "scheduler": name, "job": plan.job, "cadence": plan.schedule.text, "log": plan.log, "script": plan.script,
        "always": plan.always, "installed_at": now,
    }  # fmt: skip
    return Installation.model_validate(facts)


def _installed(plan: Plan, name: str, now: datetime) -> list[str]:
    """Say what was installed, when it comes next, and what a human should know beside."""
    due, coming = plan.schedule.due(now), plan.schedule.next(now)
    after, note = stagger(plan.agent, plan.bus_id, coming - due), scheduler(name).note(plan)
    return [
        f"{name} starts the beat of {plan.agent} as {plan.job}: {plan.schedule.text}",
        f"next slot {coming:%Y-%m-%d %H:%M} UTC; it begins {after.seconds} s after each, so that not all begin at once",
        f"runs {plan.script}" if plan.script else "no script: mail is acknowledged unread",
        f"log       {plan.log}",
        *([f"note      {note}"] if note else []),
    ]


def _way_in(plan: Plan) -> Iterator[str]:
    """Tell that a scheduler has another environment, where that says how to get into a server."""
    told = sorted(each for each in os.environ if each.startswith("SOMABUS_NATS_"))
    if is_remote(plan.bus) and told:
        yield f"note      a scheduler has another environment: set {', '.join(told)} there too, see docs/scale.md"


def _leave(record: Record, name: str) -> None:
    """Take the entry out of another scheduler, so that the routine has one."""
    entry = record.installation
    if entry is not None and entry.scheduler != name:
        scheduler(entry.scheduler).remove(entry.job)


def _show(context: Context, says: Standing, unread: int | None) -> None:
    _agent, _bus_id, record = remembered(context)
    entry, text = record.installation, ""
    if entry is not None:
        try:
            text = scheduler(entry.scheduler).find(entry.job)
        except SchedulerError as error:
            text = f"# {error}"
    facts = {"installation": entry, "firing": record.firing, "entry": text, "standing": asdict(says)}
    lines = [*([text.rstrip("\n")] if text else []), *_said(says.fact, says.next_step)]
    context.out.answer(facts, "\n".join(lines), unread=unread)


def _standing_code(says: Standing) -> Exit:
    if not says.planned:
        return Exit.NOTHING
    return Exit.UNWELL if says.unwell else Exit.DONE


def _said(fact: str, step: str) -> list[str]:
    return [fact, *([f"next: {step}"] if step else [])]
