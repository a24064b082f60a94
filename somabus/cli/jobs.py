"""Commands for queues: jobs list, jobs stats."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import click

from somabus.agent import Agent
from somabus.cli.group import Acts, Context, command, finish
from somabus.cli.jobview import facts_of
from somabus.cli.output import Exit
from somabus.errors import NoQueueError
from somabus.jobs.look import JobView, QueueStats
from somabus.model.text import ago, line
from somabus.model.ticket import OPEN, JobState

_HELP: Final = ("-h", "--help")


class Shows(Acts):
    """A group whose first command is meant where none is named: `jobs mail` is `jobs list mail`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Name the first command where none is."""
        named = any(each in self.commands for each in args) or args[:1] in ([each] for each in _HELP)
        return super().parse_args(ctx, args if named else [self._first, *args])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the first command where the name of another stands in a later place alone."""
        return super().resolve_command(ctx, args if args[0] in self.commands else [self._first, *args])

    @property
    def _first(self) -> str:
        return next(iter(self.commands))


def act(group: click.Group, name: str, example: str) -> Callable[[Callable[..., None]], click.Command]:
    """Add a command to a group; its help ends with an example."""

    def decorate(function: Callable[..., None]) -> click.Command:
        made = command(name, f"somabus {group.name} {example}")(function)
        group.add_command(made)
        return made

    return decorate


# -- queues ---------------------------------------------------------------------------------------------------


@click.group("jobs", cls=Shows, epilog="Example: somabus jobs list web --state paused")
def jobs() -> None:
    """List queues and their jobs: somabus jobs [QUEUE]."""


@act(jobs, "list", "list web --state paused")
@click.argument("queue", required=False)
@click.option("--state", type=click.Choice([each.value for each in JobState]), help="Those in this state alone.")
@click.option(
    "--limit", default=100, show_default=True, type=click.IntRange(1), help="Of each state and queue, so many."
)
def list_(context: Context, queue: str | None, state: str | None, limit: int) -> None:
    """List the jobs of a queue, or all queues.

    Without a queue, how many jobs each has in which state; with --state, those of all queues. Without --state, those
    of the queue that have not ended.
    """
    agent = context.agent()
    if queue is None and state is None:
        _queues(context, agent)
        return
    _check_there(agent, queue)
    queues = agent.jobs.queues() if queue is None else [queue]
    states = OPEN if state is None else (JobState(state),)
    found = [view for name in queues for each in states for view in agent.jobs.all(name, each, limit)]
    now = agent.inbox.now()
    rows = [_row(view, now) for view in found]
    columns = ("job", "name", "state", "since", "failed", "stalled", "until", "submitted by", "note")
    facts = {"queue": queue, "jobs": [facts_of(view) for view in found]}
    empty = "" if found else _instead(agent, queues, states)
    context.out.table(facts, columns, rows, empty=empty, unread=agent.unread)
    finish(Exit.DONE if found else Exit.NOTHING)


@act(jobs, "stats", "stats web")
@click.argument("queue", required=False)
def stats(context: Context, queue: str | None) -> None:
    """Show queues in numbers, and why they stand still.

    How much waits and since when, how much is completed in an hour, what stalled and what is dead.
    """
    agent = context.agent()
    _check_there(agent, queue)
    asked = [agent.jobs.stats(name) for name in (agent.jobs.queues() if queue is None else [queue])]
    found = [each for each in asked if queue is not None or _is_used(each)]
    now = agent.inbox.now()
    rows = [
        (each.queue, each.counts[JobState.WAITING], ago(each.oldest, now) if each.oldest else "",
         each.counts[JobState.ACTIVE], _rate(each), each.stalled, each.counts[JobState.FAILED],
         each.counts[JobState.DEAD], len(each.workers), _seen(each, now))
        for each in found
    ]  # fmt: skip
    columns = ("queue", "waiting", "the oldest", "active", "an hour", "stalled", "failed", "dead", "workers", "seen")
    facts = {"queues": [_numbers(each) for each in found]}
    context.out.table(facts, columns, rows, empty="no queues", note=_causes(found), unread=agent.unread)
    finish(Exit.DONE if found else Exit.NOTHING)


def _check_there(agent: Agent, queue: str | None) -> None:
    """Refuse a queue to which nobody has submitted: it is a typo."""
    if queue is not None and queue not in agent.jobs.queues():
        raise NoQueueError(queue, tuple(used(agent)))


def used(agent: Agent) -> list[str]:
    """Return the queues in which a job lies; a worker makes one by its name alone, though nobody submits to it."""
    return [each for each in agent.jobs.queues() if any(agent.jobs.counts(each).values())]


def _instead(agent: Agent, queues: list[str], states: tuple[JobState, ...]) -> str:
    """Say what there is where nothing of what was asked for is."""
    there = sum((Counter(agent.jobs.counts(name)) for name in queues), Counter[JobState]())
    others = [f"{count:,} {state}" for state, count in there.items() if count]
    asked = "open" if states == OPEN else str(states[0])
    if not others:
        return f"no job is {asked}, nor in any other state"
    see = f"somabus jobs list {queues[0] if len(queues) == 1 else ''}".rstrip()
    return f"no job is {asked}, but {', '.join(others)}: {see} --state STATE"


def _is_used(each: QueueStats) -> bool:
    """Tell whether anything is in a queue, or anybody works on it."""
    return any(each.counts.values()) or bool(each.workers)


def _queues(context: Context, agent: Agent) -> None:
    found = [each for each in map(agent.jobs.stats, agent.jobs.queues()) if _is_used(each)]
    states = [state for state in JobState if any(each.counts[state] for each in found)]
    rows = [(each.queue, *(each.counts[state] for state in states), len(each.workers)) for each in found]
    facts = {"queues": [_numbers(each) for each in found]}
    context.out.table(
        facts, ("queue", *states, "workers"), rows, empty="no queues", note=_causes(found), unread=agent.unread
    )
    finish(Exit.DONE if found else Exit.NOTHING)


def _causes(found: list[QueueStats]) -> str:
    return "\n".join(
        f"{each.queue}: {line(str(cause), 500)}" for each in found for cause in [*each.causes, *each.failures]
    )


def _seen(each: QueueStats, now: datetime) -> str:
    """Say when a worker said last that it is there: one that was killed counts for two minutes more."""
    return ago(max(worker.seen_at for worker in each.workers), now) if each.workers else ""


def _rate(each: QueueStats) -> str:
    return str(each.per_hour) if each.per_hour_exact else f"at least {each.per_hour}"


def _numbers(each: QueueStats) -> dict[str, Any]:
    return {
        "queue": each.queue, "counts": each.counts, "oldest": each.oldest, "stalled": each.stalled,
        "per_hour": each.per_hour, "per_hour_exact": each.per_hour_exact,
        "workers": each.workers, "causes": each.causes, "failures": each.failures,
    }  # fmt: skip


def _row(view: JobView, now: datetime) -> tuple[object, ...]:
    job = view.opened and view.opened.job
    return (
        view.address, job.name if job else "", view.state, ago(view.submitted_at, now), view.failed or "",
        view.stalled or "", ago(view.until, now) if view.until else "", view.opened.sender if view.opened else "",
        line(view.why or (job.note if job else view.fault), 100),
    )  # fmt: skip
