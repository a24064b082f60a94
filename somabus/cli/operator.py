"""Commands of operators: who rules the bus, whom it trusts, what it is for. And `rotate`, an agent's new key."""

import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import click

from somabus.cli.group import Acts, Command, Context, command, full_id, passphrase
from somabus.errors import ConfigurationError, LookalikeNameError, NameTakenError
from somabus.model import signing, tree
from somabus.model.certificate import LONGEST
from somabus.model.ids import is_id
from somabus.model.lookalike import twin_of
from somabus.model.names import check_name
from somabus.model.retention import parse_rules
from somabus.model.text import ago, line
from somabus.model.trust import Policy, Trust
from somabus.operator import agents, direction, people
from somabus.operator.seat import Seat

_DASHED_KEY: Final = re.compile(r"-[A-Za-z0-9_-]{42}")
_AS = click.option("--as", "as_", metavar="NAME", help="Which operator, if several have keys on this machine.")


class _TakesKey(Command):
    """A command with a public key as its last argument: one key of 64 begins with a dash, and none is an option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the key behind the end of the options."""
        keys = [each for each in args if _DASHED_KEY.fullmatch(each)] if "--" not in args else []
        rest = [each for each in args if each not in keys]
        return super().parse_args(ctx, [*rest, "--", *keys] if keys else args)


def _act(
    group: click.Group, name: str, example: str, cls: type[Command] = Command
) -> Callable[[Callable[..., None]], click.Command]:
    """Add a command to a group; its help ends with an example."""

    def decorate(function: Callable[..., None]) -> click.Command:
        made = command(name, f"somabus operator {example}", cls)(function)
        group.add_command(made)
        return made

    return decorate


@click.group("operator", cls=Acts, epilog="Example: somabus operator init anna")
def operator() -> None:
    """Rule the bus: you, the human who owns it.

    Your key stays on this machine. Every act is signed, and stands in the audit.
    """


@_act(operator, "init", "init anna")
@click.argument("name", required=False)
@click.option("--no-passphrase", is_flag=True, help="Keep the key unlocked: whoever can read your files can be you.")
def init(context: Context, name: str | None, *, no_passphrase: bool) -> None:
    """Make your key here, and become the bus's operator.

    Without NAME you are called operator. On a bus that has operators, it prints what one of them must type to admit
    you.
    """
    desk, said = context.desk(), _Once()
    name = name or next(iter(desk.names()), "operator")
    if name not in desk.names():
        _check_free(desk.look(), name)
        desk.new_key(name, None if no_passphrase else said(confirm=True))
    seat, key = desk.sit(said, name), desk.key(name)
    facts = {"operator": name, "short": key.short, "public_key": key.public_key}
    admitted = people.found(seat)
    which = "the" if len(seat.bus.operators) == 1 else "an"
    text = (
        f"{name} #{key.short} is {which} operator of {line(seat.bus.name) or seat.bus.bus}"
        if admitted
        else f"this bus has operators; one of them admits you with:\n  somabus operator add {name} {key.public_key}"
    )
    context.out.answer({**facts, "admitted": admitted}, text)


@_act(operator, "add", "add bert 6SEKgXMpxVYD98JPqjVfYXHPsC2aTXRHHvcjHR8OWsU", _TakesKey)
@click.argument("name")
@click.argument("key")
@_AS
def add(context: Context, name: str, key: str, as_: str | None) -> None:
    """Name one more operator.

    KEY is what `somabus operator init` printed on that one's machine.
    """
    bus = people.admit(context.seat(as_), name, key)
    _tell_bus(context, bus, f"{name} is an operator now")


@_act(operator, "remove", "remove bert")
@click.argument("name")
@click.option("--keep", is_flag=True, help="Sign anew what they signed: certificates, goals, values, approvals.")
@_AS
def remove(context: Context, name: str, as_: str | None, *, keep: bool) -> None:
    """Name an operator no more.

    What they stopped or revoked stays so; what else they signed counts no more.
    """
    bus = people.dismiss(context.seat(as_), name, keep=keep)
    _tell_bus(context, bus, f"{name} is no operator any more")


@_act(operator, "rotate", "rotate")
@_AS
def rotate_operator(context: Context, as_: str | None) -> None:
    """Give yourself a new key.

    What the old one signed is signed anew; that one counts no more.
    """
    said = _Once()
    key = context.desk().rotate(said, as_)
    facts = {"operator": key.operator, "short": key.short, "public_key": key.public_key}
    context.out.answer(facts, f"{key.operator} is #{key.short} now")


@_act(operator, "list", "list")
def list_(context: Context) -> None:
    """Show operators, policy, and every agent with its certificate."""
    seat = context.reader()
    now = seat.now()
    rows: list[tuple[object, ...]] = [
        (each.name, f"#{each.short}", "operator", f"since {ago(each.since, now)}", "") for each in seat.bus.operators
    ]
    found = []
    for name in sorted(seat.identities.names()):
        standing = seat.identities.standing(name)
        made = standing.certificate
        until = f"until {made.not_after:%Y-%m-%d}" if made else ""
        words = ", ".join((*made.roles, *made.skills)) if made else line(standing.fault, 90)
        rows.append((name, _shorts(standing.keys[:1]), str(standing.trust), until, words))
        found.append({
            "agent": name, "trust": standing.trust, "certificate": made, "fault": standing.fault,
            "short": signing.short(standing.keys[0]) if standing.keys else "",
            "public_keys": [signing.to_text(key) for key in standing.keys],
        })  # fmt: skip
    facts = {"bus": seat.bus, "agents": found}
    policy = seat.bus.policy
    note = (
        f"policy {policy.trust} · categories {', '.join(policy.categories)}"
        f" · protected {', '.join(policy.protected) or 'nothing'} · version {seat.bus.version}"
        f"\nretention {policy.retention}"
    )
    context.out.table(
        facts, ("name", "key", "trust", "holds", "roles, skills"), rows, empty="nobody is here", note=note
    )


@_act(operator, "certify", "certify scout --role searcher --expect 1a2b3c4d")
@click.argument("who", metavar="AGENT")
@click.option("--days", default=LONGEST.days, show_default=True, type=click.IntRange(1, LONGEST.days))
@click.option("--role", "roles", multiple=True, help="What it may be; may be given several times.")
@click.option("--skill", "skills", multiple=True, help="What it can do; those of its card if not given.")
@click.option("--expect", default="", metavar="SHORT", help="The #1a2b3c4d that its own machine shows.")
@click.option("--overlap", default=7.0, show_default=True, type=click.FloatRange(0, 90), help="Days an old key counts.")
@_AS
def certify(
    context: Context,
    who: str,
    days: int,
    roles: tuple[str, ...],
    skills: tuple[str, ...],
    expect: str,
    overlap: float,
    as_: str | None,
) -> None:
    """Vouch for an agent's key.

    For at most 90 days; once more before that renews it. Where the agent has asked for a new key (`somabus rotate`),
    it is that one, and the old one counts for the overlap. Compare the key with the agent's own machine first:
    `somabus join` shows it there.
    """
    made = agents.certify(
        context.seat(as_),
        who,
        valid_for=timedelta(days=days),
        roles=roles or None,
        skills=skills or None,
        expect=expect,
        overlap=timedelta(days=overlap),
    )
    text = f"{who} {_shorts((made.key,))} is certified until {made.not_after:%Y-%m-%d %H:%M} UTC"
    if not expect:
        text += "; compare the key with what `somabus join` shows on its machine"
    context.out.answer({"certificate": made}, text)


@_act(operator, "revoke", 'revoke scout --why "laptop stolen"')
@click.argument("who", metavar="AGENT")
@click.option("--why", default="", help="For the audit, and for whoever meets the key.")
@click.option("--key", default="", help="This public key alone, in base64url.")
@_AS
def revoke(context: Context, who: str, why: str, key: str, as_: str | None) -> None:
    """Call an agent's keys back.

    Nothing that they sign is acted on any more.
    """
    done = agents.revoke(context.seat(as_), who, why, public_key=key)
    shorts = _shorts(signing.from_text(each.public_key) for each in done)
    context.out.answer({"revoked": done}, f"{who} {shorts} counts no more")


@_act(operator, "policy", "policy --trust certified --category deploy --protect shell")
@click.option("--trust", type=click.Choice([each.value for each in Policy]), help="Whose mail is acted on.")
@click.option("--hop-limit", type=click.IntRange(1, 10_000), help="Park a chain of messages after so many hops.")
@click.option("--staleness", "staleness_s", type=click.FloatRange(0, 3600), help="Seconds a file may look old.")
@click.option(
    "--rate-limit", "rate_per_hour", type=click.IntRange(0), help="So much an hour to one place; 0: no limit."
)
@click.option(
    "--keep", multiple=True, metavar="RULE", help="done_days=14, budget_bytes=20GiB …; may be given several times."
)
@click.option("--category", "categories", multiple=True, help="What approvals may be asked for; give all of them.")
@click.option("--protect", "protected", multiple=True, help="Kinds of mail that take an approval; give all of them.")
@click.option("--protect-nothing", is_flag=True, help="No kind of mail takes an approval.")
@_AS
def policy(context: Context, as_: str | None, *, protect_nothing: bool, keep: tuple[str, ...], **rules: Any) -> None:
    """Change what holds for everybody on the bus.

    What is not given stays.
    """
    given = {name: value for name, value in rules.items() if value not in (None, ())}
    if protect_nothing:
        given["protected"] = ()
    kept = parse_rules(keep)
    if not given and not kept:
        message = "nothing to change: give --trust, --category, --protect or another rule"
        raise ConfigurationError(message)
    seat = context.seat(as_)
    if kept:
        given["retention"] = {**seat.bus.policy.retention.model_dump(), **kept}
    bus = people.set_policy(seat, **given)
    left = _uncertified(seat) if bus.policy.trust is Policy.CERTIFIED else []
    warning = f"; not certified, and so not acted upon: {', '.join(left)}" if left else ""
    text = f"version {bus.version} of the bus holds now{warning}"
    kept_now = f"\nwhat is over stays: {bus.policy.retention}" if kept else ""
    context.out.answer({"bus": bus, "uncertified": left}, text + kept_now)


@operator.group("goal", cls=Acts, epilog='Example: somabus operator goal new "Answer every question within a day"')
def goal() -> None:
    """What the agents are for: new, accept, change, end."""


@_act(goal, "new", 'goal new "Answer every question within a day" --body "…"')
@click.argument("title")
@click.option("--body", default="", help="Markdown.")
@_AS
def goal_new(context: Context, title: str, body: str, as_: str | None) -> None:
    """Make a goal."""
    _tell_goal(context, direction.new_goal(context.seat(as_), title, body))


@_act(goal, "accept", "goal accept 7c1e99ab02d4")
@click.argument("id")
@_AS
def goal_accept(context: Context, id: str, as_: str | None) -> None:  # noqa: A002
    """Make an agent's proposal a goal. The end of its id is enough."""
    seat = context.seat(as_)
    _tell_goal(context, direction.accept_goal(seat, _full(seat, id, tree.PROPOSALS)))


@_act(goal, "change", 'goal change 7c1e99ab02d4 --title "…"')
@click.argument("id")
@click.option("--title", default="")
@click.option("--body", default="")
@_AS
def goal_change(context: Context, id: str, title: str, body: str, as_: str | None) -> None:  # noqa: A002
    """Change title or body of a goal."""
    given = {name: value for name, value in (("title", title), ("body", body)) if value}
    if not given:
        message = "nothing to change: give --title or --body"
        raise ConfigurationError(message)
    seat = context.seat(as_)
    _tell_goal(context, direction.change_goal(seat, _full(seat, id, tree.GOALS), **given))


@_act(goal, "end", "goal end 7c1e99ab02d4")
@click.argument("id")
@_AS
def goal_end(context: Context, id: str, as_: str | None) -> None:  # noqa: A002
    """End a goal; it is kept as ended."""
    seat = context.seat(as_)
    _tell_goal(context, direction.end_goal(seat, _full(seat, id, tree.GOALS)))


@_act(operator, "values", "values our-values.md")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_AS
def values(context: Context, file: Path, as_: str | None) -> None:
    """Write the values.

    The text of FILE becomes values.md on the bus, with your signature.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        message = f"{file} is no text in UTF-8: {error}"
        raise ConfigurationError(message) from None
    creed = direction.set_values(context.seat(as_), text)
    context.out.answer({"values": creed}, f"values.md is version {creed.version}, signed by {creed.operator}")


@command("rotate", "somabus rotate")
def rotate(context: Context) -> None:
    """Ask for a new key for this agent.

    It is made on this machine, and used once an operator has certified it; until then the old one counts.
    """
    agent = context.agent()
    short = agent.rotate()
    text = f"{agent.name} asks for the key #{short}; an operator grants it with: "
    text += f"somabus operator certify {agent.name} --expect {short}"
    context.out.answer({"agent": agent.name, "short": short}, text, unread=agent.unread)


class _Once:
    """Asks for the passphrase once, however often it is needed."""

    def __init__(self) -> None:
        self._said: str | None = None

    def __call__(self, *, confirm: bool = False) -> str:
        if self._said is None:
            self._said = passphrase(confirm=confirm)
        return self._said


def _uncertified(seat: Seat) -> list[str]:
    names = sorted(seat.identities.names())
    return [name for name in names if seat.identities.standing(name).trust is not Trust.CERTIFIED]


def _tell_bus(context: Context, bus: Any, text: str) -> None:
    context.out.answer({"bus": bus}, text)


def _tell_goal(context: Context, made: Any) -> None:
    context.out.answer({"goal": made}, f"{made.id} version {made.version}, {made.state}: {line(made.title)}")


def _full(seat: Seat, ending: str, folder: str) -> str:
    """Return the one id in a folder that ends like this."""
    ids = [name.removesuffix(".json") for name in seat.store.list(folder)]
    return full_id(ending, filter(is_id, ids), "proposal" if folder == tree.PROPOSALS else "goal", "somabus goals")


def _shorts(keys: Iterable[bytes]) -> str:
    return ", ".join(f"#{signing.short(key)}" for key in keys)


def _check_free(seat: Seat, name: str) -> None:
    """Refuse a name that is taken before a key is made for it: two keys on a machine ask for --as ever after."""
    agents, operators = seat.identities.names(), {each.name: each.short for each in seat.bus.operators}
    if check_name(name) in operators:
        raise NameTakenError(name, operators[name])
    if name in agents:
        card = seat.identities.card(name)
        raise NameTakenError(name, card.short if card else "?")
    twin = twin_of(name, agents | operators.keys())
    if twin is not None:
        raise LookalikeNameError(name, twin)
