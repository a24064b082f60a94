"""Commands for an agent's routine: join, beat, due, run, share, learn, peers."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import click

from somabus.agent import Agent
from somabus.cli import collector, plugins
from somabus.cli.group import Context, command, finish, standing_note
from somabus.cli.output import Exit, code_of, to_json
from somabus.errors import SomabusError, StoppedError, StoreError
from somabus.model.heartbeat import Outcome
from somabus.model.report import BeatReport
from somabus.model.schedule import parse_duration
from somabus.model.text import ago, clean, line

_SCRIPT = click.option(
    "--script", type=click.Path(dir_okay=False, path_type=Path),
    help="A Python file with a function setup(agent) that registers handlers.",
)  # fmt: skip
_LEASE = click.option("--lease", metavar="SPAN", help="How long a message is this process's alone.  [default: 10m]")


@command("join", "somabus join scout --every 6h --skill search")
@click.argument("name", required=False)
@click.option(
    "--every",
    metavar="CADENCE",
    help="6h, 30m, or a cron expression such as '0 9 * * 1-5 Europe/Berlin'; in UTC without a zone.",
)
@click.option("--display-name", help="For people.")
@click.option("--skill", "skills", multiple=True, help="What you can do; may be given several times.")
def join(
    context: Context, name: str | None, every: str | None, display_name: str | None, skills: tuple[str, ...]
) -> None:
    """Join the bus under a name, or change your card.

    The key is made on this machine and stays here. What is not given stays as it was.
    """
    declared = {"every": every} if every is not None else {}
    agent = context.agent(name, display_name=display_name, skills=skills or None, join=True, **declared)
    text = f"{agent.name} #{agent.short} is on the bus {agent.bus.name or agent.bus.bus}"
    note = standing_note(agent)
    facts = {"agent": agent.name, "short": agent.short, "bus": agent.bus.bus, "warning": note}
    context.out.answer(facts, f"{text}\n{note}" if note else text, unread=agent.unread)


@command("beat", "somabus beat --script my_agent.py")
@_SCRIPT
@_LEASE
@click.option("--messages", default=100, show_default=True, type=click.IntRange(1), help="Handle at most so many.")
@click.option(
    "--seconds",
    default=300.0,
    show_default=True,
    type=click.FloatRange(0.1),
    help="Begin no message after this.",
)
@click.option("--scheduled", is_flag=True, help="A scheduler starts it: in this agent's turn, each slot once.")
@click.option("--job", default="", metavar="NAME", help="The entry of the scheduler that starts it; without: a hand.")
@click.option("--log", type=click.Path(dir_okay=False, path_type=Path), help="Print to this file; five are kept.")
@click.option("--home", help="Where the key of the agent lies (SOMABUS_HOME).")
@click.option("--durability", help="full, file or none (SOMABUS_DURABILITY).")
def beat(
    context: Context, script: Path | None, lease: str | None, messages: int, seconds: float,
    job: str, log: Path | None, home: str | None, durability: str | None, *, scheduled: bool,
) -> None:  # fmt: skip
    """Run the routine once.

    Check inbox, process, share learnings, review peers, heartbeat.

    Without a script, mail is acknowledged, `echo` is answered and insights are collected.
    """
    context.options.update({k: v for k, v in (("home", home), ("durability", durability)) if v})

    def once(agent: Agent) -> Exit:
        report = agent.beat(messages=messages, seconds=seconds)
        _report(context, report)
        return _code(report)

    with plugins.left_out() if script is None else nullcontext(), _logged(context, log):
        if scheduled:
            from somabus.cli.scheduled import serve_slot

            serve_slot(context, job, lambda: _prepared(context, script, lease), once)
        else:
            finish(once(_prepared(context, script, lease)))


@command("due", "somabus due && somabus beat")
def due(context: Context) -> None:
    """Tell by exit code whether a beat has anything to do.

    0 yes, 3 no, 4 could not look, 8 a human stopped it. No model need be woken for an empty inbox.
    """
    with plugins.left_out():
        agent = context.agent()
        held = next((each for each in agent.stops() if each.scope.covers(agent.name, None)), None)
        if held is not None:
            raise StoppedError("somabus due", str(held.scope), held.why, held.by)
        yes = agent.due()
        context.out.answer({"due": yes}, "due" if yes else "nothing to do", unread=agent.unread)
    finish(Exit.DONE if yes else Exit.NOTHING)


@command("run", "somabus run --every 6h --script my_agent.py")
@_SCRIPT
@_LEASE
@click.option(
    "--every",
    metavar="CADENCE",
    help="6h, 30m, or a cron expression, in UTC or with a zone behind it; declares it on the card, as join does.",
)
def run(context: Context, script: Path | None, lease: str | None, every: str | None) -> None:
    """Stay: beat on the grid and handle mail as it comes.

    Ctrl-C, SIGTERM, or on Windows Ctrl-Break or a closed console, stops after the current message.
    """
    from somabus.cli.signals import stopping

    agent = _prepared(context, script, lease, every)
    collector.work()
    with stopping() as stop:
        agent.run(stop, on_beat=lambda report: _report(context, report))


@command("share", 'somabus share smb "hard links hold on SMB 3.1.1" --confidence 0.8')
@click.argument("topic")
@click.argument("statement")
@click.option("--confidence", type=click.FloatRange(0, 1), default=0.5, show_default=True)
def share(context: Context, topic: str, statement: str, confidence: float) -> None:
    """Share an insight with everybody, now."""
    from somabus import Insight

    agent = context.agent()
    number = agent.share(Insight(topic=topic, statement=statement, confidence=confidence))
    context.out.answer({"number": number}, f"shared as number {number} of {agent.name}'s outbox", unread=agent.unread)


@command("learn", 'somabus learn smb "hard links hold on SMB 3.1.1"')
@click.argument("topic")
@click.argument("statement")
@click.option("--confidence", type=click.FloatRange(0, 1), default=0.5, show_default=True)
def learn(context: Context, topic: str, statement: str, confidence: float) -> None:
    """Note an insight on this machine; the next beat shares it."""
    agent = context.agent()
    agent.learn(topic, statement, confidence)
    unread: int | None = None
    with suppress(StoreError):  # noting works while the drive is away
        unread = agent.unread
    context.out.answer({"noted": True}, "noted; the next beat shares it", unread=unread)


@command("peers", "somabus peers")
def peers(context: Context) -> None:
    """List everybody on the bus, and how each of them does.

    on time, late, silent, stopped or skewed: by its own cadence and the drive's clock.
    """
    agent = context.agent()
    found, now = agent.peers(), agent.inbox.now()
    rows = [
        (
            f"{peer.name} #{peer.short}" if peer.short else peer.name,
            peer.presence or line(peer.fault or "no card yet", 80),
            peer.trust or "",
            ago(peer.last_seen, now),
            peer.card.cadence if peer.card else "",
            peer.heartbeat.unread if peer.heartbeat else "",
            peer.heartbeat.dead if peer.heartbeat else "",
            ", ".join(peer.card.skills) if peer.card else "",
        )
        for peer in found
    ]
    facts = {"peers": [{"short": peer.short, **_peer_facts(peer)} for peer in found]}
    columns = ("agent", "presence", "trust", "seen", "cadence", "unread", "dead", "skills")
    context.out.table(facts, columns, rows, empty="nobody has joined", unread=agent.unread)


def _peer_facts(peer: object) -> dict[str, object]:
    from somabus.cli.output import plain

    members = ("name", "presence", "last_seen", "card", "heartbeat", "trust", "fault", "fault_at")
    return {member: plain(getattr(peer, member)) for member in members}


def _prepared(context: Context, script: Path | None, lease: str | None, every: str | None = None) -> Agent:
    """Return the agent with its handlers: the script's, and the built-in ones for what a script leaves open."""
    declared: dict[str, Any] = {"every": every} if every else {}
    if lease:
        declared["lease_for"] = parse_duration(lease)
    agent = context.agent(**declared)
    if script is None:
        agent.use_builtin_handlers()
        return agent
    from somabus.cli.scripts import set_up

    set_up(agent, script, "--script", "agent.on('question')(answer)")
    return agent


@contextmanager
def _logged(context: Context, path: Path | None) -> Iterator[None]:
    """Let everything that is printed, and what goes wrong, go to a log if one is given."""
    if path is None:
        yield
        return
    from somabus.scheduler.logfile import printing_to

    with printing_to(path):
        try:
            yield
        except click.exceptions.Exit:
            raise
        except SomabusError as error:
            context.out.error(error)
            finish(code_of(error))
        except Exception:
            import traceback

            traceback.print_exc()
            raise


def _report(context: Context, report: BeatReport) -> None:
    click.echo(to_json(report) if context.as_json else clean(str(report)))


def _code(report: BeatReport) -> Exit:
    if report.outcome is Outcome.BUSY:
        return Exit.BUSY
    if report.outcome is Outcome.STOPPED:
        return Exit.HELD
    if report.could_not_look:
        return Exit.AWAY
    return Exit.DONE if report.outcome is Outcome.OK else Exit.UNWELL
