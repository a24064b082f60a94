"""Commands for keeping hold: stop, resume, stops, ask, approvals, approve, deny, audit."""

import json
import os
import sys
from contextlib import suppress
from typing import Any, Final

import click

from somabus.approvals import Asked
from somabus.audit import Audit
from somabus.cli.group import Context, command, finish, full_id, passphrase
from somabus.cli.mail import json_object
from somabus.cli.output import Exit
from somabus.desk import Desk
from somabus.errors import ConfigurationError, StoreError
from somabus.model import signing, tree
from somabus.model.approval import ApprovalState
from somabus.model.ids import IdMaker, is_id
from somabus.model.names import check_name, is_name, nearest
from somabus.model.schedule import parse_duration
from somabus.model.stop import Range, Scope
from somabus.model.text import ago, clean, line
from somabus.operator import oversight

_LONGEST_WHY: Final = 1000
_CELL: Final = 200  # as much as a table shows of one
_ENDING: Final = 4


def _sayable(_context: click.Context, _parameter: click.Parameter, why: str) -> str:
    """Make sure that a reason can be written down, before anything is done for it."""
    text = why.encode(errors="backslashreplace").decode()
    if len(text) > _LONGEST_WHY:
        message = f"{len(text):,} characters; at most {_LONGEST_WHY:,}, say the rest by mail"
        raise click.BadParameter(message)
    return text


_AS = click.option("--as", "as_", metavar="NAME", help="Which operator, if several have keys on this machine.")
_WHY = click.option("--why", default="", callback=_sayable, help="For everybody who meets it, and for the audit.")
_ONE = click.option("--only", "one", metavar="AGENT", help="This agent alone.")
_KIND = click.option("--kind", metavar="KIND", help="This kind of work alone.")


@command("stop", 'somabus stop --why "the index is being rebuilt"')
@_WHY
@_ONE
@_KIND
@click.option("--unsigned", is_flag=True, help="Without a key; so does a file named STOP, made by hand.")
@_AS
def stop(context: Context, why: str, one: str | None, kind: str | None, as_: str | None, *, unsigned: bool) -> None:
    """Stop the bus, one agent, or one kind of work. Reading goes on.

    With your key, it holds for everybody who has seen it until you resume. Without one it holds while its file is
    there: anybody may stop, in an emergency.
    """
    scope, desk = _scope(one, kind), context.desk()
    if not unsigned and not desk.names() and not desk.bus.owned:
        unsigned = True  # nobody has a key; whoever wants to stop must not be kept from it
    if unsigned:
        _by_hand(context, desk, scope, why)
        warning = _nobody(desk, scope)
        facts = {"stopped": str(scope), "file": scope.file, "signed": False, "warning": warning}
        context.out.answer(facts, f"{scope} is stopped, without a signature\n{warning}".rstrip())
        return
    try:
        seat = desk.sit(passphrase, as_)
        done = oversight.stop(seat, scope, why)
    except ConfigurationError as error:
        message = f"{error}; to stop at once without a key: somabus stop --unsigned"
        raise ConfigurationError(message) from None
    warning = _nobody(desk, scope)
    facts = {
        "stopped": str(scope), "file": scope.file, "signed": done.signed, "by": done.by, "why": done.why,
        "id": done.stop and done.stop.id, "warning": warning,
    }  # fmt: skip
    context.out.answer(facts, f"{line(str(done), 1200)}\n{warning}".rstrip())


@command("resume", 'somabus resume --why "the index is back"')
@_WHY
@_ONE
@_KIND
@click.option("--all", "everything", is_flag=True, help="Every stop there is.")
@_AS
def resume(context: Context, why: str, one: str | None, kind: str | None, as_: str | None, *, everything: bool) -> None:
    """Lift a stop: the bus's, that of --only or --kind, or --all."""
    if everything and (one or kind):
        message = f"--all lifts every stop, and {one or kind!r} names one; give one of --all, --only and --kind"
        raise ConfigurationError(message)
    desk, scope = context.desk(), None if everything else _scope(one, kind)
    whys = [each.why for each in oversight.stops_of(desk.look()) if each.why and scope in (None, each.scope)]
    if not desk.bus.owned and not desk.names():  # without operators, the files are all there is
        lifted = oversight.resume_by_hand(desk.store, scope)
    else:
        lifted = [str(each.scope) for each in oversight.resume(desk.sit(passphrase, as_), scope, why)]
    text = f"resumed: {line(', '.join(lifted), 1000)}" if lifted else "nothing was stopped there; see: somabus stops"
    text += "".join(f"\nit had been said: {line(why, 200)}" for why in whys if lifted)
    context.out.answer({"resumed": lifted}, text)
    finish(Exit.DONE if lifted else Exit.NOTHING)


@command("stops", "somabus stops")
def stops(context: Context) -> None:
    """List what is stopped, by whom and why."""
    found = oversight.stops_of(context.reader())
    rows = [(each.scope, each.by, "signed" if each.signed else "by hand", _state(each), line(each.why, 90))
            for each in found]  # fmt: skip
    facts = {"stops": [
        {"scope": str(each.scope), "file": each.file or each.scope.file, "by": each.by, "why": each.why,
         "signed": each.signed,
         "removed": each.removed, "id": each.stop and each.stop.id, "at": each.stop and each.stop.at}
        for each in found
    ]}  # fmt: skip
    columns = ("stopped", "by", "how", "file", "why")
    context.out.table(facts, columns, rows, empty="nothing is stopped", unread=context.unread())
    finish(Exit.DONE if found else Exit.NOTHING)


@command("ask", 'somabus ask deploy --detail "version 3 to the test machine" --expires 2h --wait 10m')
@click.argument("action")
@click.option("--detail", required=True, help="Exactly what; for protected mail, its body.")
@click.option("--data", metavar="JSON", help="A JSON object; for protected mail, its data.")
@click.option("--category", default="general", show_default=True, help="One that the bus's policy names.")
@click.option("--to", metavar="AGENT", help="Who will do it, if not you.")
@click.option("--expires", default="1d", show_default=True, metavar="SPAN", help="After that it is no.")
@click.option("--wait", metavar="SPAN", help="Wait for the answer: exit code 0 is yes, 8 is no.")
def ask(
    context: Context,
    action: str,
    detail: str,
    data: str | None,
    category: str,
    to: str | None,
    expires: str,
    wait: str | None,
) -> None:
    """Ask the operators before a protected action."""
    agent, patience = context.agent(), None if wait is None else parse_duration(wait).total_seconds()
    asked = agent.ask_approval(
        action, detail=detail, data=json_object(data), category=category, to=to, expires_in=parse_duration(expires)
    )
    yes = None if patience is None else asked.wait(patience)
    state = asked.state
    text = f"{asked.id} {state}; an operator answers with: somabus approve {asked.id}"
    text = f"{asked.id} {state}" if yes is not None else text
    context.out.answer({"approval": asked.id, "state": state, "granted": yes}, text, unread=agent.unread)
    finish(Exit.HELD if yes is False else Exit.DONE)


@command("approvals", "somabus approvals")
@click.argument("id", required=False)
@click.option("--all", "everything", is_flag=True, help="Also those that are answered, expired or used.")
def approvals(context: Context, id: str | None, *, everything: bool) -> None:  # noqa: A002
    """List what waits for an operator's answer.

    With ID, or the end of it: that request in full, whatever its state.
    """
    seat = context.reader()
    now = seat.now()
    if id is not None:
        ids = filter(is_id, seat.store.list(tree.APPROVALS))
        asked = oversight.approvals_of(seat).look(full_id(id, ids, "request", "somabus approvals --all"))
        context.out.answer({"approvals": [_facts(asked)]}, _in_full(asked), unread=context.unread())
        return
    found = [each for each in oversight.approvals_of(seat).all() if everything or each.state is ApprovalState.ASKED]
    rows = [
        (each.request.id[-12:], each.request.agent, each.request.action, each.request.to, each.request.category,
         each.state, ago(each.request.expires_at, now), _shown(each.request.detail, each.request.data))
        for each in found
    ]  # fmt: skip
    facts = {"approvals": [_facts(each) for each in found]}
    columns = ("id", "asked by", "action", "done by", "category", "state", "expires", "exactly")
    cut = any(len(_shown(each.request.detail, each.request.data)) > _CELL for each in found)
    note = "what ends with … goes on; read it in full with: somabus approvals ID" if cut else ""
    context.out.table(facts, columns, rows, empty="nothing waits for an answer", note=note, unread=context.unread())
    finish(Exit.DONE if found else Exit.NOTHING)


@command("approve", "somabus approve 7c1e99ab02d4")
@click.argument("id")
@_WHY
@click.option(
    "--digest", default="", help="As `somabus approvals` shows it: refuse if the wording is another one by now."
)
@_AS
def approve(context: Context, id: str, why: str, digest: str, as_: str | None) -> None:  # noqa: A002
    """Say yes to exactly this request, for one use.

    The end of its id is enough. At a terminal the request is shown in full, and you are asked; in a script give
    --digest, for an agent can change its request until you answer.
    """
    _answer(context, id, why, as_, granted=True, digest=digest)


@command("deny", 'somabus deny 7c1e99ab02d4 --why "not on a Friday"')
@click.argument("id")
@_WHY
@_AS
def deny(context: Context, id: str, why: str, as_: str | None) -> None:  # noqa: A002
    """Say no to a request. The end of its id is enough."""
    _answer(context, id, why, as_, granted=False)


@command("audit", "somabus audit --last 50")
@click.option("--last", default=100, show_default=True, type=click.IntRange(1), help="Show so many; all are checked.")
def audit(context: Context, last: int) -> None:
    """Print the audit and check its chain.

    A removed or altered entry is reported with its number.
    """
    checked = list(context.reader().audit.check())
    rows = [
        (each.number, f"{each.entry.at:%Y-%m-%d %H:%M:%S}", _by(each.entry), each.entry.act, each.entry.subject,
         f"FAULT: {each.fault}" if each.fault else line(each.entry.detail, 120))
        if each.entry else (each.number, "", "", "", "", f"FAULT: {each.fault}")
        for each in checked[-last:]
    ]  # fmt: skip
    faults = [each for each in checked if each.fault]
    facts = {
        "count": len(checked),
        "entries": [{"number": each.number, "entry": each.entry, "fault": each.fault} for each in checked[-last:]],
        "faults": [{"number": each.number, "fault": each.fault} for each in faults],
    }
    told = f"; faults at {', '.join(str(each.number) for each in faults)}" if faults else ", the chain is whole"
    context.out.table(
        facts, ("no", "at (UTC)", "by", "act", "what", "detail"), rows, empty="the audit is empty",
        note=f"{len(checked)} entries{told}" if checked else "", unread=context.unread(),
    )  # fmt: skip
    finish(Exit.UNWELL if faults else Exit.DONE)


def _scope(one: str | None, kind: str | None) -> Scope:
    if one and kind:
        message = f"--only {one!r} and --kind {kind!r}: give one of the two; nothing was done"
        raise ConfigurationError(message)
    if one:
        return Scope(Range.AGENT, check_name(one))
    return Scope(Range.KIND, check_name(kind)) if kind else Scope(Range.BUS)


def _nobody(desk: Desk, scope: Scope) -> str:
    """Warn of a stop that holds back nobody for want of the right name; it stands all the same, in an emergency."""
    names: list[str] = []
    with suppress(StoreError):
        names = [name for name in desk.store.list(tree.REGISTRY) if is_name(name)]
    if scope.range is not Range.AGENT or scope.name in names:
        return ""
    near = " or ".join(nearest(scope.name, names))
    hint = f"did you mean {near}?" if near else "see who is there: somabus operator list"
    return f"careful: no agent named {scope.name} has joined this bus; {hint}"


def _by_hand(context: Context, desk: Desk, scope: Scope, why: str) -> None:
    agent = context.settings.agent
    by = agent if is_name(agent) else "somebody"
    audit = Audit(desk.store, desk.bus.bus, by, None, desk.store.now, None)
    oversight.stop_by_hand(desk.store, audit, desk.bus.bus, scope, why, by=by, ids=IdMaker(os.urandom))


def _answer(context: Context, ending: str, why: str, as_: str | None, *, granted: bool, digest: str = "") -> None:
    if 0 < len(ending.strip()) < _ENDING:
        message = f"{ending!r} is too little of an id to answer by: give at least its last {_ENDING} characters"
        raise ConfigurationError(message)
    seat = context.seat(as_)
    approval = full_id(ending, filter(is_id, seat.store.list(tree.APPROVALS)), "request", "somabus approvals")
    read = oversight.approvals_of(seat).look(approval)
    if granted and not digest and sys.stdin.isatty():
        click.echo(_in_full(read), err=True)
        click.confirm("approve exactly this?", abort=True, err=True)
    done = oversight.answer(seat, approval, why, granted=granted, expect=digest.lower() or read.digest)
    request = done.request
    facts = {"approval": approval, "state": done.state, "request": request, "answer": done.answer}
    text = f"{done.state}: {request.action} by {request.to}, asked by {request.agent}"
    context.out.answer(facts, f"{text}: {line(_shown(request.detail, request.data), _CELL)}")


def _state(each: Any) -> str:
    return "taken away, and holds" if each.removed else each.file or each.scope.file


def _by(entry: Any) -> str:
    return f"{entry.by} #{signing.short(signing.from_text(entry.key))}" if entry.key else f"{entry.by} (unsigned)"


def _facts(asked: Asked) -> dict[str, Any]:
    return {
        "state": asked.state, "request": asked.request, "answer": asked.answer, "fault": asked.fault,
        "digest": asked.digest,
    }  # fmt: skip


def _in_full(asked: Asked) -> str:
    """Write a request for the one who must answer; what its agent wrote stands indented, so that it forges no line."""
    request = asked.request
    head = {
        "id": request.id, "asked by": request.agent, "action": request.action, "done by": request.to,
        "category": request.category, "digest": asked.digest[:16],
        "state": asked.state, "expires": f"{request.expires_at:%Y-%m-%d %H:%M:%S} UTC",
    }  # fmt: skip
    said = request.detail + (f"\n{json.dumps(request.data, indent=2)}" if request.data else "")
    return "\n".join(
        [*(f"{name:<9}{what}" for name, what in head.items()), "", *(f"  {each}" for each in clean(said).splitlines())]
    )


def _shown(detail: str, data: dict[str, Any]) -> str:
    return detail + (f" {json.dumps(data, ensure_ascii=False)}" if data else "")
