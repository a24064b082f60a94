"""The command doctor: what this drive gives, and how the bus on it does."""

import click

from somabus.cli.group import Context, command, finish
from somabus.cli.output import Exit
from somabus.cli.progress import progress
from somabus.cli.signals import interrupted
from somabus.doctor.finding import Finding, Weight, summary, unwell, worst_first
from somabus.doctor.visit import Visit
from somabus.errors import ConfigurationError, NoAnswerError
from somabus.model.drive import Drive
from somabus.model.schedule import parse_duration


@command("doctor", "somabus doctor --with planner")
@click.option("--with", "other", metavar="AGENT", help="Also examine the drive together with that agent's machine.")
@click.option("--answer", is_flag=True, help="Be the other machine: wait for somebody's --with.")
@click.option("--for", "span", metavar="SPAN", help="Wait so long for the other one.  [default: 10m]")
@click.option("--fix", is_flag=True, help="Put right what is provably safe: old debris in tmp/, open keys.")
def doctor(context: Context, other: str | None, span: str | None, *, answer: bool, fix: bool) -> None:
    """Prove what this drive gives, then read how the bus does.

    Each finding has its cause and the next command. What was learned about the drive is kept on this machine, and
    chooses the safe variant of each protocol.
    """
    if answer and (other or fix):
        message = "--answer goes alone; --with and --fix are for the one who asks"
        raise ConfigurationError(message)
    if span and not (answer or other):
        message = "--for says how long to wait for the other one; it goes with --with or --answer"
        raise ConfigurationError(message)
    wait_s = parse_duration(span or "10m").total_seconds()
    me = context.agent().name if other or answer else ""
    with interrupted(), progress(shown=not context.as_json) as tell:
        visit = Visit(context.bus(), context.settings.home or None, tell=tell)
        if answer:
            _answered(context, *visit.answer(me, wait_s=wait_s))
            return
        tell("the drive", 0, 0)
        found = visit.drive()
        answered = _between(visit, found, me, other, wait_s) if other else True
        tell("the bus", 0, 0)
        found += visit.bus(fix=fix)
    _report(context, worst_first(found))
    finish(Exit.AWAY if not answered else Exit.UNWELL if unwell(found) else Exit.DONE)


def _between(visit: Visit, found: list[Finding], me: str, other: str, wait_s: float) -> bool:
    """Add what the two machines find; what one has found is told although the other one does not answer."""
    try:
        for finding in visit.between(me, other, wait_s=wait_s):
            found.append(finding)  # noqa: PERF402 - what came before an error stays
    except NoAnswerError as error:
        step = f"there: somabus doctor --answer --agent {other}"
        found.append(Finding("answer", Weight.ERROR, other, f"no answer: {error.detail}", step))
        return False
    return True


def _report(context: Context, found: list[Finding]) -> None:
    rows = [(each.weight, each.name, each.about, each.cause, each.step) for each in found]
    columns = ("weight", "finding", "about", "cause", "next step")
    context.out.table({"findings": found}, columns, rows, empty="", note=summary(found), unread=context.unread())


def _answered(context: Context, asker: str, drive: Drive | None) -> None:
    text = (
        f"the drive was examined together with {asker}, who has the findings; this machine remembers what was learned"
        if drive
        else f"{asker} asks on this machine, through the same mount: nothing was learned; answer on another one"
    )
    context.out.answer({"asker": asker, "drive": drive}, text, unread=context.unread())
    finish(Exit.DONE if drive else Exit.UNWELL)
