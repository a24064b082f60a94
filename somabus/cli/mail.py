"""Commands for mail: send, inbox, read, reply, dead, trace, withdraw."""

import json
from contextlib import suppress
from typing import Any

import click

from somabus.agent import Agent
from somabus.cli.group import Context, command, finish
from somabus.cli.output import Exit
from somabus.cli.streams import text_of
from somabus.clock import SystemClock
from somabus.errors import (
    ConfigurationError,
    KeyMissingError,
    MalformedMessageError,
    StoppedError,
    StoreError,
    TrustError,
)
from somabus.letter import Letter
from somabus.model.ids import is_id
from somabus.model.message import Message, Priority
from somabus.model.names import is_name
from somabus.model.receipt import Receipt, Whereabouts
from somabus.model.schedule import parse_duration
from somabus.model.text import ago, line, many
from somabus.model.wire import parse_object

_SHORT = 12
_ALL = 10_000


@command("send", 'somabus send planner "3 leads found" --kind status --expires 2d')
@click.argument("to")
@click.argument("body", default="")
@click.option("--kind", default="note", show_default=True, help="note question status decision … or your own word.")
@click.option("--subject", default="", help="One line.")
@click.option("--data", metavar="JSON", help="A JSON object for programs.")
@click.option("--priority", type=click.Choice([each.value for each in Priority]), default="normal", show_default=True)
@click.option("--expires", metavar="SPAN", help="Not to be acted on after this: 90s, 10m, 6h, 2d.")
@click.option("--not-before", metavar="SPAN", help="Wait so long first.")
@click.option("--reply-to", metavar="ID", help="The id of the message that this one answers.")
@click.option("--topic", help="What it is about.")
@click.option("--key", help="Sending the same key twice delivers once.")
@click.option("--supersedes", metavar="ID", help="An earlier message of yours that this one replaces.")
@click.option("--approval", metavar="ID", help="The approval that covers it, for a protected kind.")
@click.option("--spool", is_flag=True, help="If the drive is away, keep it here; the next beat delivers it.")
def send(
    context: Context,
    to: str,
    body: str,
    data: str | None,
    expires: str | None,
    not_before: str | None,
    *,
    spool: bool,
    **fields: Any,
) -> None:
    """Send a message to one agent. BODY is Markdown; `-` reads it from standard input."""
    text = text_of(body)
    if not (text or fields["subject"] or data):
        message = "there is nothing to say: give BODY, --subject or --data"
        raise ConfigurationError(message)
    agent = context.agent()
    receipt = agent.send(
        to,
        text,
        spool=spool,
        data=json_object(data),
        expires_in=None if expires is None else parse_duration(expires),
        not_before=None if not_before is None else parse_duration(not_before),
        **fields,
    )
    context.out.answer({"receipt": receipt}, str(receipt), unread=receipt.unread)


@command("inbox", "somabus inbox --limit 50")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1))
def inbox(context: Context, limit: int) -> None:
    """List what waits, in the order of service. Takes nothing."""
    agent = context.agent()
    letters, counts = agent.inbox.peek(limit), agent.counts()
    now = agent.inbox.now()
    rows = [_row(letter, now) for letter in letters]
    bad = sum(letter.opened is None for letter in letters)
    facts = {"messages": [_facts(letter) for letter in letters], "unreadable": bad, "counts": counts}
    empty = "nothing waits" + (f"; {counts.dead} dead letters: somabus dead" if counts.dead else "")
    context.out.table(facts, ("id", "from", "kind", "age", "subject"), rows, empty=empty, unread=counts.unread)
    finish(Exit.DONE if letters else Exit.NOTHING)


@command("read", "somabus read 7c1e99ab02d4")
@click.argument("id", required=False)
@click.option("--keep", is_flag=True, help="Leave it waiting, or unread.")
@click.option("--channel", "channels", multiple=True, metavar="CHANNEL", help="Read this channel; may be repeated.")
@click.option("--channels", "followed", is_flag=True, help="Read every channel that you follow.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1), help="Of posts, at most so many.")
def read(
    context: Context,
    id: str | None,  # noqa: A002
    channels: tuple[str, ...],
    limit: int,
    *,
    keep: bool,
    followed: bool,
) -> None:
    """Print a message, or what is new in channels.

    It is taken as read unless --keep.
    Without ID: the next one. With the ID of a message that was handled or set aside, it is shown again.
    """
    if channels or followed:
        from somabus.cli.channels import read_channels

        if id is not None:
            message = "give the ID of a message, or channels; not both"
            raise ConfigurationError(message)
        read_channels(context, channels or None, limit, keep=keep)
        return
    agent = context.agent()
    if keep:
        letters = agent.inbox.peek(_ALL)
        letter = next((each for each in letters if each.opened and (id is None or _matches(each, id))), None)
        if letter is None or letter.opened is None:
            _nothing(context, agent, id, unreadable=len(letters) if id is None else 0)
            return
        _print(context, agent, letter.opened.message, letter.opened.sender)
        return
    full = None if id is None else _full_id(agent, id, missing=id)
    delivery = agent.inbox.claim() if full is None else agent.inbox.take(full)
    if delivery is not None:
        _print(context, agent, delivery.message, delivery.sender)
        delivery.ack()
        return
    handled = None if full is None else agent.find(full)
    if handled is None or handled.opened is None:
        _nothing(context, agent, id)
        return
    note = f" [not acted on: {line(handled.fault)}]" if handled.fault else ""
    _print(context, agent, handled.opened.message, f"{handled.opened.sender} ({handled.state}){note}")


@command("reply", 'somabus reply 7c1e99ab02d4 "yes, by noon"')
@click.argument("id")
@click.argument("body", default="")
@click.option("--kind", default="answer", show_default=True)
@click.option("--data", metavar="JSON", help="A JSON object for programs.")
def reply(context: Context, id: str, body: str, kind: str, data: str | None) -> None:  # noqa: A002
    """Answer a message, waiting or read before.

    A waiting one is taken as handled. `-` reads BODY from standard input.
    """
    agent = context.agent()
    text = text_of(body)
    full = _full_id(agent, id)
    delivery = agent.inbox.take(full)
    if delivery is not None:
        receipt = delivery.reply(text, kind=kind, data=json_object(data))
        delivery.ack()
    else:
        letter = agent.find(full)
        if letter is None or letter.opened is None:
            raise KeyMissingError(id, "no message of yours has this id; see: somabus inbox")
        if letter.fault:
            raise TrustError(f"{full} is not answered: {letter.fault}")
        receipt = agent.reply(letter.opened.message, text, kind=kind, data=json_object(data))
    context.out.answer({"receipt": receipt}, str(receipt), unread=agent.unread)


@command("dead", "somabus dead --replay 7c1e99ab02d4")
@click.option("--replay", metavar="ID", help="Bring one back into the inbox, with all its attempts before it.")
def dead(context: Context, replay: str | None) -> None:
    """List the dead letters with reasons, or replay one."""
    agent = context.agent()
    letters = agent.inbox.dead()
    if replay:
        same = [each for each in letters if replay and (each.id or each.file).endswith(replay)]
        if len(same) > 1:
            message = f"{replay!r} is the end of {len(same)} ids; give more of it"
            raise ConfigurationError(message)
        found = same[0] if same else None
        if found is None or not agent.inbox.replay(found.file):
            raise KeyMissingError(replay, "no dead letter has this id; see: somabus dead")
        context.out.answer({"replayed": found.id}, f"{found.id} waits again", unread=agent.unread)
        return
    with suppress(StoppedError, StoreError):  # looking works under a stop and on a drive that cannot be written
        agent.inbox.mark_shown(letters)
    now = agent.inbox.now()
    rows = [
        (
            (each.id or each.file)[-_SHORT:],
            each.sender or "?",
            each.reason,
            ago(each.at, now),
            line(each.detail, 90),
        )
        for each in letters
    ]
    context.out.table(
        {"dead": letters},
        ("id", "from", "reason", "since", "detail"),
        rows,
        empty="no dead letters",
        unread=agent.unread,
    )
    finish(Exit.DONE if letters else Exit.NOTHING)


@command("trace", "somabus trace planner 01a1f9db-091b-7293-85c2-12009ab5fbb7")
@click.argument("to")
@click.argument("id")
def trace(context: Context, to: str, id: str) -> None:  # noqa: A002
    """Say where a message is now, with when and who."""
    agent = context.agent()
    found = agent.trace(Receipt(_their_id(agent, to, id), to, SystemClock().now()))
    unread = None if found.state is Whereabouts.SPOOLED else agent.unread
    context.out.answer({"trace": found}, str(found), unread=unread)
    finish(Exit.NOTHING if found.state is Whereabouts.UNKNOWN else Exit.DONE)


@command("withdraw", "somabus withdraw planner 01a1f9db-091b-7293-85c2-12009ab5fbb7")
@click.argument("to")
@click.argument("id")
def withdraw(context: Context, to: str, id: str) -> None:  # noqa: A002
    """Take back a message that nobody took yet."""
    agent = context.agent()
    found = agent.withdraw(Receipt(_their_id(agent, to, id), to, SystemClock().now()))
    context.out.answer({"trace": found}, str(found), unread=agent.unread)
    finish(Exit.DONE if found.state is Whereabouts.WITHDRAWN else Exit.REFUSED)


def _row(letter: Letter, now: Any) -> tuple[object, ...]:
    if letter.opened is None:
        return (letter.name[-_SHORT:], "?", "?", "", f"cannot be read: {line(letter.fault, 80)}")
    message = letter.opened.message
    said = line(message.subject or message.body)
    note = f"[not acted on: {line(letter.fault, 60)}] " if letter.fault else ""
    urgent = "" if message.priority is Priority.NORMAL else f"({message.priority}) "
    return (
        message.id[-_SHORT:],
        letter.opened.sender,
        message.kind,
        ago(message.created_at, now),
        f"{note}{urgent}{said}",
    )


def _facts(letter: Letter) -> dict[str, Any]:
    if letter.opened is None:
        return {"file": letter.name, "state": letter.state, "fault": letter.fault}
    return {
        **letter.opened.message.model_dump(),
        "from": letter.opened.sender,
        "trust": letter.opened.trust,
        "state": letter.state,
        "fault": letter.fault,
    }


def _matches(letter: Letter, text: str) -> bool:
    return letter.opened is not None and letter.opened.message.id.endswith(text)


def _full_id(agent: Agent, text: str, *, missing: str | None = None) -> str:
    """Return the one id of this agent's messages that ends with the text.

    Raises:
        KeyMissingError: none does, and the caller does not say what stands for it. ConfigurationError: several do.
    """
    found = agent.endings(text.strip()) if text.strip() else []
    if not found and missing is not None:
        return missing
    if not found:
        raise KeyMissingError(text, "no message of yours has this id; see: somabus inbox")
    if len(found) > 1:
        message = f"{text!r} is the end of {len(found)} ids; give more of it: {', '.join(found[:3])}"
        raise ConfigurationError(message)
    return found[0]


def _their_id(agent: Agent, to: str, text: str) -> str:
    """Return the one id of another's messages that ends with the text, or the text as it is."""
    if is_id(text):
        return text
    found = agent.endings(text, of=to) if is_name(to) and text.strip() else []
    return found[0] if len(found) == 1 else text


def _nothing(context: Context, agent: Agent, wanted: str | None, *, unreadable: int = 0) -> None:
    counts = agent.counts()
    none = f"no mail waits; {many(counts.posts, 'post')}: somabus read --channels" if counts.posts else "nothing waits"
    said = none if wanted is None else f"{line(wanted)} does not wait, or may not be acted on: somabus dead"
    held = 0 if unreadable or wanted is not None else counts.mail
    if unreadable:
        said = f"{unreadable} wait, and none can be read; see: somabus inbox"
    elif held:
        said = f"{held} wait and cannot be taken now: another is taking them, or their kind is stopped; try again"
    context.out.answer({"message": None, "unreadable": unreadable, "held": held}, said, unread=agent.unread)
    finish(Exit.UNWELL if unreadable else Exit.BUSY if held else Exit.NOTHING)


def _print(context: Context, agent: Agent, message: Message, sender: str) -> None:
    head = [
        f"from     {sender}",
        f"kind     {message.kind}",
        f"sent     {message.created_at:%Y-%m-%d %H:%M:%S} UTC ({ago(message.created_at, agent.inbox.now())})",
        f"id       {message.id}",
    ]
    head += [f"subject  {line(message.subject, 200)}"] if message.subject else []
    head += [f"expires  {message.expires_at:%Y-%m-%d %H:%M:%S} UTC"] if message.expires_at else []
    head += [f"answers  {message.reply_to}"] if message.reply_to else []
    tail = [json.dumps(message.data, indent=2)] if message.data else []
    text = "\n".join([*head, "", message.body, *tail])
    context.out.answer({"message": message, "from": sender}, text, unread=agent.unread)


def json_object(text: str | None) -> dict[str, Any]:
    """Read the value of --data; an empty object if it was not given."""
    if text is None:
        return {}
    try:
        return parse_object(text.encode())
    except MalformedMessageError as error:
        said = f"--data {line(text)!r}: {error.reason}"
        message = said + '; write a JSON object such as {"n": 3}'
        raise ConfigurationError(message) from None
