"""Commands for channels: post, channels, subscribe, unsubscribe, arcs, pad, pair, echo, wait; and reading them."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from somabus.agent import Agent
from somabus.arcs import Arc
from somabus.cli.group import Context, command, finish
from somabus.cli.mail import json_object
from somabus.cli.output import Exit
from somabus.cli.streams import text_of
from somabus.errors import ConfigurationError
from somabus.model.message import Priority
from somabus.model.schedule import parse_duration
from somabus.model.text import ago, line, quoted
from somabus.post import Channel, Post, Reading


@command("post", 'somabus post arc:wiki "@worker please take the archive" --kind brief')
@click.argument("channel")
@click.argument("body", default="")
@click.option("--kind", default="note", show_default=True, help="note question answer claim decision status brief …")
@click.option("--subject", default="", help="One line.")
@click.option("--data", metavar="JSON", help="A JSON object for programs.")
@click.option("--priority", type=click.Choice([each.value for each in Priority]), default="normal", show_default=True)
@click.option("--expires", metavar="SPAN", help="Not to be acted on after this: 90s, 10m, 6h, 2d.")
@click.option("--reply-to", metavar="POST", help="The post that this one answers: arc:wiki#17, or #17 in this channel.")
@click.option("--ref", "refs", multiple=True, metavar="NAME=WHAT", help="Another reference: goal=ID, claim=arc:wiki#3.")
@click.option("--key", help="Posting the same key twice posts once.")
def post(
    context: Context,
    channel: str,
    body: str,
    data: str | None,
    expires: str | None,
    refs: tuple[str, ...],
    **fields: Any,
) -> None:
    """Post to a channel; @name mails that agent as well.

    The first post makes the channel. BODY is Markdown; `-` reads it from standard input.
    """
    text = text_of(body)
    if not (text or fields["subject"] or data):
        message = "there is nothing to say: give BODY, --subject or --data"
        raise ConfigurationError(message)
    agent = context.agent()
    receipt = agent.post(
        channel, text, data=json_object(data), refs=_refs(refs),
        expires_in=None if expires is None else parse_duration(expires), **fields,
    )  # fmt: skip
    context.out.answer({"receipt": receipt}, str(receipt), unread=receipt.unread)


@command("channels", "somabus channels")
def channels(context: Context) -> None:
    """List the channels: posts, unread, and the last word."""
    agent = context.agent()
    found, now = agent.channels(), agent.inbox.now()
    rows = [
        (each.name, each.posts, "" if each.unread is None else each.unread, ago(each.last_at, now), _last(each))
        for each in found
    ]
    facts = {"channels": [_channel_facts(each) for each in found]}
    columns = ("channel", "posts", "unread", "last", "last word")
    context.out.table(facts, columns, rows, empty="nobody has posted yet", unread=agent.unread)


@command("subscribe", "somabus subscribe arc:wiki")
@click.argument("channel")
@click.option("--from-now", is_flag=True, help="What was posted before is not unread.")
def subscribe(context: Context, channel: str, *, from_now: bool) -> None:
    """Follow a channel: its posts count as unread."""
    agent = context.agent()
    new = agent.subscribe(channel, history=not from_now)
    text = f"{agent.name} follows {channel}" + ("" if new else ", as before")
    context.out.answer({"channel": channel, "changed": new}, text, unread=agent.unread)


@command("unsubscribe", "somabus unsubscribe arc:wiki")
@click.argument("channel")
def unsubscribe(context: Context, channel: str) -> None:
    """Follow a channel no more."""
    agent = context.agent()
    changed = agent.unsubscribe(channel)
    text = f"{agent.name} {'follows' if changed else 'did not follow'} {channel}{' no more' if changed else ''}"
    context.out.answer({"channel": channel, "changed": changed}, text, unread=agent.unread)


@command("arcs", "somabus arcs arc:wiki")
@click.argument("arc", required=False)
def arcs(context: Context, arc: str | None) -> None:
    """List the open pieces of work, or show one.

    With owner, age, pairs, who is late, and the traffic of each pair.
    """
    agent = context.agent()
    if arc is None:
        found, now = agent.arcs(), agent.inbox.now()
        rows = [
            (each.name, _owner(each), ago(each.brief.at if each.brief else None, now), _word(each)) for each in found
        ]
        facts: dict[str, Any] = {"arcs": [_arc_facts(each) for each in found]}
        notes = "\n".join(f"{each.name}: {note}" for each in found for note in each.notes)
        columns = ("arc", "owner", "opened", "last word")
        context.out.table(facts, columns, rows, empty="no open arc", note=notes, unread=agent.unread)
        return
    shown = agent.arc(arc)
    facts = {**_arc_facts(shown), "traffic": _traffic(agent, shown)}
    context.out.answer(facts, "\n".join(_view(agent, shown)), unread=agent.unread)


@command("pad", "somabus pad arc:wiki --write notes.md --based-on 7")
@click.argument("arc")
@click.option(
    "--write", "source", metavar="FILE", help="Write the whole text anew, from a file, or - for standard input."
)
@click.option("--based-on", type=click.IntRange(0), help="Refuse if there is a newer version than this one.")
@click.option("--release", is_flag=True, help="Let others write, before ten minutes are over.")
@click.option("--history", is_flag=True, help="List the versions.")
def pad(context: Context, arc: str, source: str | None, based_on: int | None, *, release: bool, history: bool) -> None:
    """Show, write or release the scratchpad of an arc.

    It has one owner at a time; every version is kept.
    """
    agent = context.agent()
    scratchpad, now = agent.arc(arc).scratchpad, agent.inbox.now()
    if source is not None:
        scratchpad.write(_text(source), based_on=based_on)
    if release:
        scratchpad.release()
    if history:
        versions = scratchpad.history()
        rows = [(each.number, each.by, ago(each.at, now), len(each.text)) for each in versions]
        columns = ("version", "by", "written", "characters")
        context.out.table({"versions": versions}, columns, rows, empty="nobody has written yet", unread=agent.unread)
        return
    version, owner = scratchpad.read(), scratchpad.owner()
    head = f"version {version.number}" + (f" by {version.by}, {ago(version.at, now)}" if version.number else "")
    held = f"; owned by {owner}" if owner else ""
    text = head + held + (f"\n\n{version.text}" if version.text and source is None else "")
    context.out.answer({"version": version, "owner": owner}, text, unread=agent.unread)


@command("pair", "somabus pair worker --on arc:wiki")
@click.argument("partner", required=False)
@click.option("--on", "channel", required=True, metavar="CHANNEL", help="Where you work together.")
@click.option("--end", is_flag=True, help="End it.")
def pair(context: Context, partner: str | None, channel: str, *, end: bool) -> None:
    """Declare that you work with PARTNER in a channel.

    It counts when both have.
    """
    if end == (partner is not None):
        message = "give PARTNER, or --end"
        raise ConfigurationError(message)
    agent = context.agent()
    receipt = agent.pair(partner, channel)
    context.out.answer({"receipt": receipt}, str(receipt), unread=receipt.unread)


@command("echo", "somabus echo worker 7914462a --data '{\"n\": 1}'")
@click.argument("to")
@click.argument("short")
@click.option("--data", metavar="JSON", help="What it shall send back.")
def echo(context: Context, to: str, short: str, data: str | None) -> None:
    """Send an echo to the agent of this name and key.

    It answers with what it got; SHORT is the eight hex digits behind its name.
    """
    agent = context.agent()
    receipt = agent.echo(to, short.removeprefix("#"), json_object(data))
    context.out.answer({"receipt": receipt}, str(receipt), unread=receipt.unread)


@command("wait", "somabus wait --for 10m && somabus inbox")
@click.option("--for", "span", default="1h", show_default=True, metavar="SPAN", help="How long at most.")
@click.option(
    "--above", type=click.IntRange(0), default=0, show_default=True, help="Wait until more than this is unread."
)
def wait(context: Context, span: str, above: int) -> None:
    """Return as soon as something is unread.

    Exit 0; 3 if nothing came in time, 4 if the drive or the server went away meanwhile.
    """
    agent = context.agent()
    found = agent.wait(parse_duration(span).total_seconds(), above=above)
    text = "nothing came" if found is None else "there is something to read"
    context.out.answer({"grown": found is not None}, text, unread=agent.unread)
    finish(Exit.NOTHING if found is None else Exit.DONE)


def read_channels(context: Context, names: tuple[str, ...] | None, limit: int, *, keep: bool) -> None:
    """Print what is new in channels, and mark it as read unless `keep`."""
    agent = context.agent()
    reading = agent.peek(names, limit=limit) if keep else agent.read(names, limit=limit)
    _print(context, agent, reading)
    finish(Exit.DONE if reading.posts or reading.faults else Exit.NOTHING)


def _print(context: Context, agent: Agent, reading: Reading) -> None:
    now = agent.inbox.now()
    facts = {
        "posts": [_post_facts(each) for each in reading.posts],
        "faults": [{"post": each.address, "fault": each.fault} for each in reading.faults],
        "notes": reading.notes,
    }
    parts = ["\n".join(_post_lines(each, now)) for each in reading.posts]
    parts += [f"{each.address}  [not acted on: {line(each.fault, 200)}]" for each in reading.faults]
    parts += [f"NOTE  {note}" for note in reading.notes]
    context.out.answer(facts, "\n\n".join(parts) or "nothing new", unread=reading.unread_count)


def _post_lines(post: Post, now: datetime) -> Iterable[str]:
    message = post.message
    refs = ", ".join(f"{name} {value}" for name, value in message.refs.items() if value)
    yield f"{post.address}  {message.kind}  {post.sender}  {ago(message.created_at, now)}" + (
        f"  ({refs})" if refs else ""
    )
    if message.subject:
        yield line(message.subject, 200)
    if message.body:
        yield quoted(message.body)


def _post_facts(post: Post) -> dict[str, Any]:
    opened = post.opened
    assert opened is not None  # noqa: S101 - a post without a fault has one
    return {"post": post.address, "number": post.number, **opened.message.model_dump(), "from": opened.sender,
            "trust": opened.trust}  # fmt: skip


def _channel_facts(channel: Channel) -> dict[str, Any]:
    last = None if channel.last is None or channel.last.fault else _post_facts(channel.last)
    return {
        "name": channel.name, "posts": channel.posts, "subscribed": channel.subscribed, "unread": channel.unread,
        "last_at": channel.last_at, "last": last,
    }  # fmt: skip


def _last(channel: Channel) -> str:
    if channel.last is None or channel.last.opened is None or channel.last.fault:
        return "" if channel.last is None else f"[{line(channel.last.fault)}]"
    message = channel.last.opened.message
    return f"{channel.last.sender} {message.kind}: {line(message.subject or message.body)}"


def _arc_facts(arc: Arc) -> dict[str, Any]:
    return {
        "arc": arc.name, "open": arc.open, "owner": arc.owner, "claimed": arc.claimed, "age": arc.age,
        "brief": arc.brief, "last": arc.last, "pairs": arc.pairs, "notes": arc.notes,
    }  # fmt: skip


def _owner(arc: Arc) -> str:
    return (arc.owner or "") if arc.claimed else f"{arc.owner} (nobody has claimed it)"


def _word(arc: Arc) -> str:
    return f"{arc.last.sender} {arc.last.kind}: {line(arc.last.line)}" if arc.last else ""


def _traffic(agent: Agent, arc: Arc) -> dict[str, list[str]]:
    """Group the posts since the brief by the pairs that wrote them; what no pair wrote stands under `others`."""
    first = (arc.brief.number if arc.brief else 1) - 1
    whose = {name: f"{one} and {other}" for one, other in arc.pairs for name in (one, other)}
    groups: dict[str, list[str]] = {}
    for each in agent.peek([arc.name], limit=1000, after=first):
        message = each.message
        said = f"{each.address} {each.sender} {message.kind}: {line(message.subject or message.body)}"
        groups.setdefault(whose.get(message.sender, "others"), []).append(said)
    return groups


def _view(agent: Agent, arc: Arc) -> Iterable[str]:
    now = agent.inbox.now()
    yield f"{arc.name} is {'open' if arc.open else 'closed'}"
    if arc.brief is not None:
        yield f"brief  #{arc.brief.number} by {arc.brief.sender}, {ago(arc.brief.at, now)}: {line(arc.brief.line)}"
        yield f"owner  {_owner(arc)}"
    yield from (f"NOTE   {note}" for note in arc.notes)
    for group, posts in _traffic(agent, arc).items():
        yield f"\n{group}"
        yield from (f"  {each}" for each in posts)


def _refs(given: tuple[str, ...]) -> dict[str, str]:
    pairs = [each.partition("=") for each in given]
    bad = next((name for name, equals, value in pairs if not (name and equals and value)), None)
    if bad is not None:
        message = f"--ref {bad!r}: write NAME=WHAT, such as goal=ID or claim=arc:wiki#3"
        raise ConfigurationError(message)
    return {name: value for name, _, value in pairs}


def _text(source: str) -> str:
    if source == "-":
        return text_of(source)
    try:
        return Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"--write {source!r}: {error}; give a text file, or - for standard input"
        raise ConfigurationError(message) from error
