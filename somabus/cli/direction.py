"""Commands for goals: goals, propose, work-on."""

from datetime import datetime

import click

from somabus.agent import Agent
from somabus.cli.group import Context, command, finish, full_id
from somabus.cli.output import Exit
from somabus.goals import Goals
from somabus.model.text import ago, line


@command("goals", "somabus goals --values")
@click.option("--values", "with_values", is_flag=True, help="Print the values, too.")
def goals(context: Context, *, with_values: bool) -> None:
    """List the goals that the operators signed.

    Who works on them, and what was proposed.
    """
    reader, now, unread = _reader(context)
    reading = reader.read()
    rows: list[tuple[object, ...]] = []
    for each in (*reading.active, *reading.ended):
        workers = [work for work in reader.workers(each.id) if work.agent]
        who = ", ".join(f"{work.agent}{_progress(work.progress, done=work.done)}" for work in workers)
        rows.append((each.id[-12:], each.state, line(each.title, 80), who, ago(each.changed_at, now)))
    rows += [(each.id[-12:], "proposed", line(each.title, 80), f"by {each.agent}", ago(each.at, now))
             for each in reading.proposed]  # fmt: skip
    text = reader.values() if with_values else ""
    facts = {
        "active": reading.active, "ended": reading.ended, "proposed": reading.proposed, "faults": reading.faults,
        "workers": {each.id: reader.workers(each.id) for each in reading.active}, "values": text,
    }  # fmt: skip
    note = "\n".join(
        [*(f"not a goal: {line(fault, 200)}" for fault in reading.faults), *([f"\n{text}"] if text else [])]
    )
    context.out.table(facts, ("id", "state", "goal", "who", "since"), rows, empty="no goals", note=note, unread=unread)
    finish(Exit.UNWELL if reading.faults else Exit.DONE if rows else Exit.NOTHING)


@command("propose", 'somabus propose "Index the archive" --body "because …"')
@click.argument("title")
@click.option("--body", default="", help="Markdown.")
def propose(context: Context, title: str, body: str) -> None:
    """Ask the humans for a goal.

    It counts for nothing until an operator accepts it.
    """
    agent = context.agent()
    made = agent.propose_goal(title, body)
    text = f"{made.id} proposed; an operator accepts it with: somabus operator goal accept {made.id}"
    context.out.answer({"proposal": made}, text, unread=agent.unread)


@command("work-on", 'somabus work-on 7c1e99ab02d4 "the SMB part" --progress 40')
@click.argument("goal")
@click.argument("doing")
@click.option("--progress", type=click.FloatRange(0, 100), help="Per cent.")
@click.option("--done", is_flag=True, help="Your part is finished.")
def work_on(context: Context, goal: str, doing: str, progress: float | None, *, done: bool) -> None:
    """Say what you do for a goal, and learn who else does.

    And how far it is, with --progress and --done.
    """
    agent = context.agent()
    found = full_id(goal, [each.id for each in agent.goals().active], "active goal", "somabus goals")
    others = agent.work_on(found, doing, progress=None if progress is None else progress / 100, done=done)
    lines = [f"{each.agent}{_progress(each.progress, done=each.done)}: {line(each.doing, 120)}" for each in others]
    text = "\n".join(["also at work:", *lines]) if lines else "nobody else works on it"
    context.out.answer({"goal": found, "others": others}, text, unread=agent.unread)


class _AgentsView:
    """The goals as an agent reads them."""

    def __init__(self, agent: Agent) -> None:
        self.read, self.values, self.workers = agent.goals, agent.values, agent.workers


def _reader(context: Context) -> tuple[Goals | _AgentsView, datetime, int | None]:
    """Return the goals as the agent reads them that is set; else as the operator of this machine does."""
    if context.settings.agent:
        agent = context.agent()
        return _AgentsView(agent), agent.inbox.now(), agent.unread
    seat = context.reader()
    return Goals(
        seat.store, seat.name, authority=seat.authority, identities=seat.identities,
        sign=seat.signer.sign, ids=seat.ids, now=seat.now, tell=lambda *_args, **_kwargs: None,
    ), seat.now(), None  # fmt: skip


def _progress(share: float | None, *, done: bool) -> str:
    return " (done)" if done else "" if share is None else f" {share:.0%}"
