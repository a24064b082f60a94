"""The tools: what each takes, what it does with the agent, and how it says so. No word of the protocol stands here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from somabus.agent import Agent
from somabus.delivery import Delivery
from somabus.errors import MalformedMessageError, SomabusError
from somabus.letter import Letter
from somabus.lines import letter_line, post_line
from somabus.mcp.say import message_text, post_text, receipt_text
from somabus.model.address import parse_address
from somabus.model.entry import WhenStopped
from somabus.model.message import explain
from somabus.model.schedule import parse_duration
from somabus.model.text import ago, clean, line

_WHOLE: Final = 10_000


class Arguments(BaseModel):
    """What a tool takes; anything else is refused, so that a misspelt argument is not overlooked."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Send(Arguments):
    """Arguments of coordination_send."""

    to: str
    body: str = ""
    kind: str = "note"
    subject: str = ""
    reply_to: str | None = Field(None, description="id of mail, or channel#number")
    expires: str | None = Field(None, description="30m, 6h, 2d")
    data: dict[str, Any] = Field(default_factory=dict)


class Inbox(Arguments):
    """Arguments of coordination_inbox."""

    action: Literal["list", "read", "reject"] = "list"
    id: str | None = Field(None, description="end of a mail's id; read without it: the next one")
    keep: bool = Field(default=False, description="read: leave it unread")
    why: str = Field("", description="reject: reason for the sender")
    limit: int = Field(10, ge=1, le=100)

    @model_validator(mode="after")
    def _rejects_what_it_names(self) -> Self:
        if self.action == "reject" and not (self.id and self.why):
            message = "reject needs id and why"
            raise ValueError(message)
        return self


class Read(Arguments):
    """Arguments of coordination_read."""

    channels: list[str] | None = Field(None, description="default: all you follow")
    post: str | None = Field(None, description="one post in full: channel#number")
    keep: bool = Field(default=False, description="leave them unread")
    limit: int = Field(10, ge=1, le=100)


class PostTo(Arguments):
    """Arguments of coordination_post."""

    channel: str = Field(description="general, arc:<slug>, branch:<name>")
    body: str = Field("", description="Markdown; @name also mails that agent")
    kind: str = Field("note", description="question answer claim decision status brief closeout …")
    subject: str = ""
    reply_to: str | None = Field(None, description="channel#number, or #number")
    refs: dict[str, str] = Field(default_factory=dict, description="goal, claim, brief, post, message")
    data: dict[str, Any] = Field(default_factory=dict)


class Channels(Arguments):
    """Arguments of coordination_channels."""

    action: Literal["list", "subscribe", "unsubscribe", "arcs", "pair", "unpair"] = "list"
    channel: str | None = None
    partner: str | None = None


class Scratchpad(Arguments):
    """Arguments of coordination_scratchpad."""

    arc: str
    action: Literal["read", "write", "release"] = "read"
    text: str | None = None
    based_on: int | None = Field(None, description="write: version you read")

    @model_validator(mode="after")
    def _writes_what_it_says(self) -> Self:
        if (self.action == "write") != (self.text is not None):
            message = 'action "write" and text go together; "" empties the scratchpad'
            raise ValueError(message)
        return self


class Nothing(Arguments):
    """Arguments of a tool that takes none."""


class Echo(Arguments):
    """Arguments of cross_agent_echo."""

    to: str
    short: str = Field(description="8 hex digits behind its name")
    payload: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool. `stopped` says what it does under a stop, action by action where that differs."""

    description: str
    takes: type[Arguments]
    run: Callable[[Agent, Any], str]
    stopped: dict[str, WhenStopped]

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of the arguments, without what a model does not need."""
        schema: dict[str, Any] = _lean(self.takes.model_json_schema())
        return schema


def call(agent: Agent, name: str, given: dict[str, Any]) -> tuple[str, bool]:
    """Run a tool; return what to tell the model, and whether it is an error. Nothing of somabus's tree gets out.

    Foreign text comes from many places; this is the one where its control characters are taken out.
    """
    tool = TOOLS.get(name)
    if tool is None:
        return f"there is no tool {name!r}; there are {', '.join(TOOLS)}", True
    try:
        return clean(tool.run(agent, tool.takes.model_validate(given))), False
    except ValidationError as error:
        return f"wrong argument, nothing was done: {explain(error)}; {name} takes {_takes(tool)}", True
    except SomabusError as error:
        return clean(str(error)), True


def _send(agent: Agent, given: Send) -> str:
    expires = None if given.expires is None else parse_duration(given.expires)
    fields = given.model_dump(exclude={"to", "body", "expires"})
    return receipt_text(agent.send(given.to, given.body, expires_in=expires, **fields))


def _inbox(agent: Agent, given: Inbox) -> str:
    if given.action == "list":
        letters, now = agent.inbox.peek(given.limit), agent.inbox.now()
        return "\n".join(letter_line(each, now) for each in letters) or "no mail waits"
    if given.action == "reject":
        delivery = _taken(agent, given.id)
        if delivery is None:
            return "no such mail waits"
        delivery.reject(given.why)
        return f"{delivery.message.id[-12:]} is set aside, and its sender told why"
    return _read_mail(agent, given)


def _read_mail(agent: Agent, given: Inbox) -> str:
    if not given.keep:
        delivery = _taken(agent, given.id)
        if delivery is not None:
            text = message_text(delivery.message, delivery.sender, agent.inbox.now())
            delivery.ack()
            return text
    letter = _letter(agent, given.id)
    if letter is None or letter.opened is None:
        return "no mail waits" if given.id is None else "no mail of yours that can be read has this id"
    fault = f"[not to be acted on: {letter.fault}]\n" if letter.fault else ""
    return fault + message_text(letter.opened.message, letter.opened.sender, agent.inbox.now())


def _read(agent: Agent, given: Read) -> str:
    now = agent.inbox.now()
    if given.post is not None:
        address = parse_address(given.post)
        if address is None:
            raise MalformedMessageError(f"{given.post!r} names no post; write channel#number, such as arc:wiki#17")
        found = agent.peek([address.channel], after=address.number - 1, limit=1)
        shown = [each for each in (*found.posts, *found.faults) if each.number == address.number]
        return post_text(shown[0], now) if shown else f"no post stands at {address}"
    look = agent.peek if given.keep else agent.read
    reading = look(given.channels, limit=given.limit)
    lines = [post_line(each, now) for each in (*reading.posts, *reading.faults)]
    return "\n".join([*lines, *(f"note: {each}" for each in reading.notes)]) or "nothing new"


def _post(agent: Agent, given: PostTo) -> str:
    fields = given.model_dump(exclude={"channel", "body"})
    return receipt_text(agent.post(given.channel, given.body, **fields))


def _channels(agent: Agent, given: Channels) -> str:
    if given.action == "list":
        now = agent.inbox.now()
        rows = (
            f"{each.name}: {each.posts} posts, "
            f"{'not followed' if each.unread is None else f'{each.unread} unread'}, last {ago(each.last_at, now)}"
            for each in agent.channels()
        )
        return "\n".join(rows) or "nobody has posted yet"
    if given.action == "arcs":
        return "\n".join(_arc_lines(agent)) or "no open arc"
    if given.channel is None or (given.action == "pair" and given.partner is None):
        raise MalformedMessageError(
            f"{given.action} needs channel" + (" and partner" if given.action == "pair" else "")
        )
    if given.action in ("pair", "unpair"):
        return receipt_text(agent.pair(given.partner if given.action == "pair" else None, given.channel))
    if given.action == "subscribe":
        return f"you follow {given.channel}" + ("" if agent.subscribe(given.channel) else ", as before")
    return f"you do not follow {given.channel}" + (" any more" if agent.unsubscribe(given.channel) else "")


def _arc_lines(agent: Agent) -> list[str]:
    now, lines = agent.inbox.now(), []
    for arc in agent.arcs():
        opened = ago(arc.brief.at if arc.brief else None, now)
        owner = arc.owner if arc.claimed else f"{arc.owner}, unclaimed"
        last = f"; last #{arc.last.number} {arc.last.sender} {arc.last.kind}: {line(arc.last.line)}" if arc.last else ""
        lines += [f"{arc.name}: owner {owner}, opened {opened}{last}", *(f"  note: {each}" for each in arc.notes)]
    return lines


def _scratchpad(agent: Agent, given: Scratchpad) -> str:
    pad = agent.arc(given.arc).scratchpad
    if given.action == "write":
        written = pad.write(given.text or "", based_on=given.based_on)
        return f"version {written.number}; you own it for ten minutes, or release it"
    if given.action == "release":
        pad.release()
        owner = pad.owner()
        return "released" if owner is None else f"nothing was released: {owner} owns it"
    version, owner = pad.read(), pad.owner()
    by = f" by {version.by}, {ago(version.at, agent.inbox.now())}" if version.number else ""
    return f"version {version.number}{by}" + (f"; owned by {owner}" if owner else "") + f"\n{version.text}"


def _peers(agent: Agent, _: Nothing) -> str:
    now = agent.inbox.now()
    rows = (
        f"{each.name} #{each.short} {each.presence or each.fault or 'no card yet'}, seen {ago(each.last_seen, now)}"
        + (f", {line(', '.join(each.card.skills), 200)}" if each.card and each.card.skills else "")
        + (" (you)" if each.name == agent.name else "")
        for each in agent.peers()
    )
    return "\n".join(rows)


def _heartbeat(agent: Agent, _: Nothing) -> str:
    report = agent.beat()
    alerts = [f"alert: {line(each['component'])}: {line(each['detail'], 200)}" for each in report.alerts]
    return "\n".join(
        [f"beat {report.number}: {report.outcome}" + (f" ({report.detail})" if report.detail else ""), *alerts]
    )


def _echo(agent: Agent, given: Echo) -> str:
    return receipt_text(agent.echo(given.to, given.short.removeprefix("#"), given.payload))


def _taken(agent: Agent, ending: str | None) -> Delivery | None:
    if ending is None:
        return agent.inbox.claim()
    return agent.inbox.take(_full(agent, ending))


def _letter(agent: Agent, ending: str | None) -> Letter | None:
    if ending is None:
        return next((each for each in agent.inbox.peek(_WHOLE) if each.opened), None)
    return agent.find(_full(agent, ending))


def _full(agent: Agent, ending: str) -> str:
    """Return the one id that ends like this.

    Raises:
        MalformedMessageError: several do.
    """
    found = agent.endings(ending) if ending else []
    if len(found) > 1:
        raise MalformedMessageError(f"{ending!r} is the end of {len(found)} ids; give more of it")
    return found[0] if found else ending


def _takes(tool: Tool) -> str:
    return ", ".join(tool.takes.model_fields) or "nothing"


def _lean(schema: Any) -> Any:
    """Leave out titles and defaults of nothing: every byte of a schema is read by a model at every session."""
    if isinstance(schema, list):
        return [_lean(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "anyOf" in schema:  # `str | None`: that it may be left out is said by `required` already
        kinds = [each for each in schema["anyOf"] if each != {"type": "null"}]
        if len(kinds) == 1:
            schema = {**{name: value for name, value in schema.items() if name != "anyOf"}, **kinds[0]}
    empty = schema.get("default") in (None, "", {}, False)
    left_out = {"title", "additionalProperties", *(["default"] if empty else [])}
    kept = {name: value for name, value in schema.items() if name not in left_out and not _doc(name, schema)}
    return {name: _fields(value) if name == "properties" else _lean(value) for name, value in kept.items()}


def _fields(properties: dict[str, Any]) -> dict[str, Any]:
    return {name: _lean(value) for name, value in properties.items()}


def _doc(name: str, schema: dict[str, Any]) -> bool:
    return name == "description" and "properties" in schema


_R, _L, _F, _I = WhenStopped.REFUSED, WhenStopped.LOOKS, WhenStopped.FINISHES, WhenStopped.IDLE

TOOLS: Final[dict[str, Tool]] = {
    "coordination_inbox": Tool(
        "Your mail. list: one line each; read: whole text, then it counts as handled; reject: set aside with a reason.",
        Inbox, _inbox, {"list": _L, "read": _R, "reject": _R},
    ),
    "coordination_send": Tool(
        "Mail one agent. Give reply_to to answer a mail.", Send, _send, {"": _R},
    ),
    "coordination_read": Tool(
        "New posts in channels, one line each; post= shows one in full. Only your own cursor moves.",
        Read, _read, {"": _R, "keep": _L},
    ),
    "coordination_post": Tool(
        "Post to a channel. kind brief opens work on an arc, claim takes it, closeout ends it.",
        PostTo, _post, {"": _R},
    ),
    "coordination_channels": Tool(
        "Channels: list, subscribe, unsubscribe; arcs: open work with owner and age; pair with a partner.",
        Channels, _channels,
        {"list": _L, "arcs": _L, "subscribe": _R, "unsubscribe": _R, "pair": _R, "unpair": _R},
    ),
    "coordination_scratchpad": Tool(
        "The shared text of an arc: one owner at a time.", Scratchpad, _scratchpad,
        {"read": _L, "write": _R, "release": _F},
    ),
    "coordination_peers": Tool("Who is on the bus, with key and presence.", Nothing, _peers, {"": _L}),
    "coordination_heartbeat": Tool(
        "Show that you are alive, and hear alerts. Call it every hour while you work.", Nothing, _heartbeat, {"": _I},
    ),
    "cross_agent_echo": Tool(
        "Echo to the agent with this name and key; its next heartbeat answers by mail.", Echo, _echo, {"": _R},
    ),
}  # fmt: skip
"""Nine, and no more: each one's description is read by every model at every session."""
