"""Commands for the bus itself: init, status, verify, sweep, demo, bench."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from somabus.agent import Agent
from somabus.cli.group import Context, command, finish, standing_note
from somabus.cli.output import Exit, typed
from somabus.connection import create_bus, known_bus, open_bus
from somabus.errors import NotABusError, StoreUnavailableError
from somabus.model import tree
from somabus.model.retention import parse_rules
from somabus.model.text import ago, line, many
from somabus.scheduler import Standing, standing
from somabus.site import address_of, is_remote

_CAUSES: Final = 3
"""Of each queue, as many as a status has room for."""

if TYPE_CHECKING:
    from somabus.jobs.standstill import Cause
    from somabus.verify import Fault


class _Place(click.Path):
    """A path as click checks it, or the address of a bus on a server."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return an address as it is."""
        return value if is_remote(value) else super().convert(value, param, ctx)


@command("init", "somabus init X:/soma_network --name research")
@click.argument("path", required=False)
@click.option("--name", default="", help="For people.")
@click.option(
    "--policy",
    type=click.Choice(["pinned", "open"]),
    default="pinned",
    show_default=True,
    help="open: unsigned mail is acted on, too.",
)
@click.option(
    "--hop-limit",
    default=16,
    show_default=True,
    type=click.IntRange(1, 10_000),
    help="Park a chain of messages after so many hops.",
)
@click.option(
    "--staleness",
    "staleness_s",
    default=10.0,
    show_default=True,
    type=click.FloatRange(0, 3600),
    help="Seconds a replaced file may look old on this drive.",
)
@click.option(
    "--rate-limit",
    "rate_per_hour",
    default=20_000,
    show_default=True,
    type=click.IntRange(0),
    help="So much may an agent send to one inbox or channel an hour; 0: no limit.",
)
@click.option(
    "--keep",
    "retention",
    multiple=True,
    metavar="RULE",
    callback=lambda _context, _option, texts: parse_rules(texts),
    help="How long what is over stays: done_days=14, budget_bytes=20GiB …; may be given several times.",
)
@click.option("--anew", is_flag=True, help="Also where this machine knows a bus that is gone.")
def init(context: Context, path: str | None, name: str, policy: str, *, anew: bool, **rules: Any) -> None:
    """Make a new bus in a folder, or on a server. An existing bus is left as it is."""
    where = path or context.bus()
    made = create_bus(where, name, policy, anew=anew, home=context.settings.home or None, **rules)
    shown = address_of(where) if is_remote(where) else where
    bus = typed(shown)
    lines = [
        f"a bus is at {shown}; join it with: somabus --bus {bus} join NAME",
        f"no human owns it yet; the one who does types: somabus --bus {bus} operator init",
        *([f"what is over stays: {made.policy.retention}"] if rules["retention"] else []),
    ]
    context.out.answer({"bus": made.bus, "path": shown}, "\n".join(lines))


@command("status", "somabus status")
def status(context: Context) -> None:
    """Say in a few lines how the bus and this agent do.

    While the drive is away it tells what this machine knows of the schedule, and ends with 4.
    """
    from somabus.cli.scheduled import standing_here

    try:
        _status(context, context.agent())
    except StoreUnavailableError as error:
        routine = standing_here(context, error)
        context.out.answer({"agent": context.settings.agent, "schedule": routine}, _schedule_line(routine))
        raise


def _schedule_line(routine: Standing) -> str:
    return f"schedule {line(routine.fact, 300)}" + (f"; next: {routine.next_step}" if routine.next_step else "")


def _status(context: Context, agent: Agent) -> None:
    counts, peers, now = agent.counts(), agent.peers(), agent.inbox.now()
    mine = next((peer for peer in peers if peer.name == agent.name), None)
    beat = mine.heartbeat.beat if mine and mine.heartbeat else None
    tally = Counter(str(peer.presence or "cannot be read") for peer in peers)
    fired = (
        f"beat {beat.number} fired for {beat.due_at:%Y-%m-%d %H:%M} UTC, ran {ago(beat.started_at, now)}, "
        if beat
        else "no beat yet"
    )
    ended = (
        (f"finished: {beat.outcome}, missed {beat.missed}" if beat.finished_at else "did not finish") if beat else ""
    )
    stops, routine = agent.stops(), standing(agent)
    jobs = {queue: agent.jobs.standing(queue) for queue in agent.connection.store.list(tree.QUEUES)}
    lines = [
        *(f"STOPPED  {line(str(each), 200)}" for each in stops),
        f"bus      {agent.bus.name or agent.bus.bus} ({agent.bus.policy.trust})",
        f"agent    {agent.name} #{agent.short}",
        *(f"WARNING  {note}" for note in [standing_note(agent)] if note),
        f"mail     {counts.mail} wait, {counts.delayed} delayed, {counts.claimed} being handled, {counts.dead} dead",
        *([f"channels {counts.posts} posts unread"] if counts.posts else []),
        *(f"jobs     {queue}: {said}" for queue, each in jobs.items() for said in _wedged(queue, *each)),
        f"beat     {fired}{ended}",
        _schedule_line(routine),
        f"peers    {_tally(dict(sorted(tally.items())))}",
    ]
    facts = {
        "bus": agent.bus,
        "agent": agent.name,
        "short": agent.short,
        "counts": counts,
        "beat": beat,
        "schedule": routine,
        "peers": dict(tally),
        "jobs": {
            queue: {"failures": failures, "causes": causes}
            for queue, (failures, causes) in jobs.items()
            if failures or causes
        },
        "stops": [{"scope": str(each.scope), "by": each.by, "why": each.why, "signed": each.signed} for each in stops],
    }
    context.out.answer(facts, "\n".join(lines), unread=counts.unread)


def _tally(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {what}" for what, count in counts.items())


def _wedged(queue: str, failures: "list[Cause]", causes: "list[Cause]") -> list[str]:
    """Say of a queue what waits for a human, or for what does not come by itself, and what came to no good end."""
    more = [f"and {many(len(causes) - _CAUSES, 'cause')} more: somabus jobs stats {queue}"] * (len(causes) > _CAUSES)
    return [*(line(str(each), 500) for each in causes[:_CAUSES]), *more, *map(str, failures)]


@command("verify", "somabus verify X:/soma_network")
@click.argument("path", required=False, type=_Place(exists=True))
def verify(context: Context, path: str | None) -> None:
    """Judge a tree, or one file, against the format.

    For writers in other languages, and for drives one doubts. A file outside a bus is judged by its form alone.
    """
    faults, looked_at = _judged(context, path or context.bus())
    rows = [(fault.path, fault.weight, line(fault.rule, 110), line(fault.step, 80)) for fault in faults]
    facts = {"faults": faults, "documents": looked_at}
    context.out.table(
        facts,
        ("path", "weight", "what is wrong", "next step"),
        rows,
        empty=f"{many(looked_at, 'document')}, all of format 1",
    )
    finish(Exit.UNWELL if any(fault.weight == "error" for fault in faults) else Exit.DONE)


def _judged(context: Context, where: str) -> "tuple[list[Fault], int]":
    from somabus.verify import judge_path, judge_store

    home = context.settings.home or None
    if is_remote(where):
        return judge_store(open_bus(where, home=home))
    try:
        return judge_path(Path(where))
    except NotABusError:
        if known_bus(where, home) is None:
            raise
        raise StoreUnavailableError(where, "a bus was here when this machine last looked") from None


@command("sweep", "somabus sweep --rehearse")
@click.option("--rehearse", is_flag=True, help="Say what would become of it, and change nothing.")
def sweep(context: Context, *, rehearse: bool) -> None:
    """Pack and drop what is over, now and all of it.

    A beat does the same in small steps. Nothing unread, nothing unexpired and nothing that an open thing refers to
    goes; how long the rest stays, the policy of the bus says.
    """
    agent = context.agent()
    with context.out.busy("sweeping") as say:
        swept = agent.sweep(rehearse=rehearse, each=lambda area: say(area.area))
    rows = [(each.area, each.dropped or "", each.archived or "", each.why) for each in swept if not each.idle]
    note = "nothing was changed: this was a rehearsal" if rehearse else ""
    columns, facts = ("area", "dropped", "archived", "what stays"), {"swept": swept, "rehearsed": rehearse}
    context.out.table(facts, columns, rows, empty="nothing to sweep", note=note, unread=agent.unread)


@command("demo", "somabus demo --keep")
@click.option("--keep", is_flag=True, help="Leave the bus where it is, to look at.")
def demo(context: Context, *, keep: bool) -> None:
    """Prove the main job with five real processes.

    In a temporary folder, or, where --bus names a server, in a stream of its own there; takes about half a minute.
    """
    from somabus.demo import show

    bus = context.settings.bus
    played = show(keep=keep, as_json=context.as_json, server=bus if is_remote(bus) else "")
    finish(Exit.DONE if played else Exit.UNWELL)


@command("bench", "somabus bench --messages 500")
@click.argument("path", required=False, type=_Place(exists=True, file_okay=False))
@click.option("--messages", default=300, show_default=True, type=click.IntRange(20, 100_000))
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1, 100))
@click.option("--durability", type=click.Choice(["full", "file", "none"]), default="full", show_default=True)
def bench(context: Context, path: str | None, messages: int, rounds: int, durability: str) -> None:
    """Measure this drive, or this server.

    Each work of the bus beside the bare system calls, or requests, that it needs, as a ratio.
    """
    from somabus.bench import measure

    rows = measure(path or context.bus(), messages=messages, rounds=rounds, durability=durability)
    columns = ("work", "µs", "bare µs", "ratio", "what the bare calls are")
    cells = [(row.work, f"{row.us:,.0f}", f"{row.bare_us:,.0f}", f"{row.ratio:.2f}", row.bare) for row in rows]
    facts = {"durability": durability, "messages": messages, "rounds": rounds, "rows": rows}
    context.out.table(facts, columns, cells, empty="")
