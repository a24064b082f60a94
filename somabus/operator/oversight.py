"""Keeping hold: stop and resume, approve and deny."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import TypeVar

from pydantic import ValidationError

from somabus.approvals import Approvals, Asked
from somabus.audit import Audit
from somabus.composer import Composer, Sealed
from somabus.errors import ConfigurationError, KeyExistsError, NotApprovedError, StoreDamagedError, StoreRefusedError
from somabus.halt import Halt, Stopped
from somabus.model import tree
from somabus.model.approval import Answer, ApprovalState
from somabus.model.audit import CHANGED
from somabus.model.draft import Draft
from somabus.model.envelope import Seal
from somabus.model.ids import IdMaker, derive_id, is_id
from somabus.model.message import Priority, Value, explain
from somabus.model.stop import Resume, Scope, Stop, scope_of
from somabus.operator.seat import Seat
from somabus.store.port import Store

V = TypeVar("V", bound=Value)


def stop(seat: Seat, scope: Scope, why: str) -> Stopped:
    """Stop the bus, an agent, or a kind of work; it holds on return, and for whoever saw it until a signed resume.

    A stop that holds already is left as it is.
    """
    seat.must_own()
    halt = _halt(seat)
    there = next((each for each in halt.stops() if each.scope == scope and each.signed and not each.removed), None)
    if there is not None:
        if there.stop is not None and there.stop.id not in {each for each, _ in _on_record(seat)}:
            seat.audit.append("stop", f"{scope.file} {there.stop.id}", there.why)  # power went before it was told
        return there
    made = _made(seat.bus.bus, seat.ids, seat.now(), scope, why, seat.name)
    _put(seat.store, scope, seat.sealed(made, Seal.STOP))
    seat.audit.append("stop", f"{scope.file} {made.id}", why)
    return next((each for each in halt.stops() if each.scope == scope), Stopped(scope, why, seat.name, signed=True))


def stop_by_hand(store: Store, audit: Audit, bus: str, scope: Scope, why: str, *, by: str, ids: IdMaker) -> None:
    """Stop without a key: anybody may stop. The file counts for as long as it lies there; one that is there stays."""
    made = _made(bus, ids, store.now(), scope, why, by)
    with suppress(KeyExistsError, StoreDamagedError):  # written over, it could come back when a server is killed
        store.create(scope.file, made.to_json())
    audit.append("stop by hand", scope.file, why)


def resume_by_hand(store: Store, scope: Scope | None) -> list[str]:
    """Take away the files that stop, on a bus without operators; return what was lifted."""
    names = [name for name in store.list("") if (found := scope_of(name)) and (scope is None or found == scope)]
    _refuse_kept([name for name in names if not _removed(store, name)])
    return [str(scope_of(name)) for name in names]


def resume(seat: Seat, scope: Scope | None, why: str) -> tuple[Stopped, ...]:
    """Lift the stops of a scope, or all of them, those included whose file was taken away; return what was lifted.

    Power cut after each step: 1 it is in the audit, 2 whoever saw the stop knows it is lifted, 3 the file is gone.

    Raises:
        StoreDamagedError: a folder of that name stands there; a person must remove it.
    """
    seat.must_own()
    lifted = tuple(each for each in _halt(seat).stops() if scope is None or each.scope == scope)
    recorded = {stop_id for stop_id, where in _on_record(seat) if scope is None or where == scope}
    known = {each.stop.id for each in lifted if each.stop is not None}
    for stop_id in sorted(known | recorded):
        seat.audit.append("resume", stop_id, why)  # 1
        made = _checked(Resume, bus=seat.bus.bus, stop=stop_id, why=why, at=seat.now(), by=seat.name)
        seat.store.replace(tree.resumed(stop_id), seat.sealed(made, Seal.RESUME))  # 2
    names = [name for name in seat.store.list("") if (found := scope_of(name)) and (scope is None or found == scope)]
    kept = [name for name in names if not _removed(seat.store, name)]  # 3
    if names and not known | recorded and kept != names:
        seat.audit.append("resume", ", ".join(name for name in names if name not in kept), why)
    _refuse_kept(kept)
    return lifted


def answer(seat: Seat, approval_id: str, why: str, *, granted: bool, expect: str = "") -> Asked:
    """Answer a request with a signature over exactly its bytes, and tell the agent by urgent mail.

    Done again after a power cut, it completes what was begun. `expect`: how the digest of the wording begins that the
    human has read; an agent could have changed its request since.

    Raises:
        NotApprovedError: there is no such request, or its agent did not sign it.
        ConfigurationError: it was answered otherwise before, or is past its expiry; nothing was changed.
    """
    seat.must_own()
    approvals = approvals_of(seat)
    asked = approvals.look(approval_id)
    if not asked.digest.startswith(expect):
        raise NotApprovedError(approval_id, "its wording is not the one you read; look again: somabus approvals")
    if asked.answer is not None and asked.answer.granted != granted:
        message = f"{approval_id} was {asked.state} before, and an answer stands"
        raise ConfigurationError(message)
    if asked.answer is None:
        if asked.state is not ApprovalState.ASKED:
            message = (
                f"{approval_id} is {asked.state}, and silence was the answer; {asked.request.agent} must ask again"
            )
            raise ConfigurationError(message)
        _write_answer(seat, asked, why, granted=granted)
    asked = approvals.look(approval_id)
    if asked.answer is None or asked.answer.granted != granted:
        raise NotApprovedError(approval_id, asked.fault or "another operator was faster")
    _tell(seat, asked)
    return asked


def tell_again(seat: Seat) -> int:
    """Seal anew the answers that still wait in an inbox, for after a rotation; return how many."""
    waiting = [asked for asked in approvals_of(seat).all() if asked.answer is not None and _waits(seat, asked)]
    for asked in waiting:
        _tell(seat, asked)
    return len(waiting)


def approvals_of(seat: Seat) -> Approvals:
    """Return the approvals as this operator sees them."""
    return Approvals(
        seat.store, seat.home, seat.name, authority=seat.authority, identities=seat.identities, halt=_halt(seat),
        sign=seat.signer.sign, ids=seat.ids, now=seat.now, monotonic=seat.monotonic, tell=_quiet,
    )  # fmt: skip


def stops_of(seat: Seat) -> tuple[Stopped, ...]:
    """Return every stop that holds."""
    return _halt(seat).stops()


def _write_answer(seat: Seat, asked: Asked, why: str, *, granted: bool) -> None:
    """Answer exactly the bytes that were looked at, whatever lies there by now."""
    approval_id = asked.request.id
    made = _checked(
        Answer, bus=seat.bus.bus, id=approval_id, request=asked.digest, granted=granted,
        why=why, at=seat.now(), operator=seat.name,
    )  # fmt: skip
    seat.audit.append("approve" if granted else "deny", approval_id, why)
    key, raw = tree.approval(approval_id, "answer"), seat.sealed(made, Seal.ANSWER)
    try:
        seat.store.create(key, raw)
    except KeyExistsError:
        if approvals_of(seat).look(approval_id).answer is None:  # what lies there is no operator's
            seat.store.replace(key, raw)


def _tell(seat: Seat, asked: Asked) -> None:
    """Send the answer; sent twice it has the same id, and is handled once."""
    sealed = _mail(seat, asked)
    seat.store.create_many([(sealed.key, sealed.data)])


def _waits(seat: Seat, asked: Asked) -> bool:
    folder, _, name = _mail(seat, asked).key.rpartition("/")
    return name in seat.store.list(folder)


def _mail(seat: Seat, asked: Asked) -> Sealed:
    """Return the mail that tells of an answer."""
    request, given = asked.request, asked.answer
    assert given is not None  # noqa: S101 - the caller looked
    word = "approved" if given.granted else "denied"
    composer = Composer(seat.name, seat.bus.bus, sign=seat.signer.sign, ids=seat.ids, cause=lambda: None, now=seat.now)
    data = {"approval": request.id, "granted": given.granted, "action": request.action}
    draft = Draft(request.agent, given.why, kind="decision", subject=f"{word}: {request.action}", data=data,
                  priority=Priority.URGENT)  # fmt: skip
    return composer.seal(draft, None, message_id=derive_id(request.id, "answer"))


def _on_record(seat: Seat) -> Iterator[tuple[str, Scope]]:
    """Yield the stops that the audit tells of and that nobody has lifted."""
    lifted = {name.removesuffix(".json") for name in seat.store.list("operator/resumed")}
    for each in seat.audit.check():
        entry = each.entry
        # Anybody may append: only what a key of an operator signed tells of an operator's stop.
        if entry is None or entry.act != "stop" or each.fault.startswith(CHANGED) or seat.authority.author_fault(entry):
            continue
        file, _, stop_id = entry.subject.partition(" ")
        found = scope_of(file)
        if found is not None and is_id(stop_id) and stop_id not in lifted:
            yield stop_id, found


def _made(bus: str, ids: IdMaker, now: datetime, scope: Scope, why: str, by: str) -> Stop:
    return _checked(Stop, bus=bus, id=ids.make(now), range=scope.range, name=scope.name, why=why, at=now, by=by)


def _checked(kind: type[V], **members: object) -> V:
    try:
        return kind.model_validate(members)
    except ValidationError as error:
        raise ConfigurationError(explain(error)) from None


def _halt(seat: Seat) -> Halt:
    return Halt(seat.store, seat.home, seat.name, seat.authority, _quiet)


def _quiet(component: str, episode: str, detail: str, evidence: bytes | None = None) -> None:
    """The one who would be told is the one who looks."""


def _put(store: Store, scope: Scope, raw: bytes) -> None:
    try:
        store.replace(scope.file, raw)
    except StoreDamagedError:
        return  # a folder of that name stands there, and stops as well


def _removed(store: Store, name: str) -> bool:
    with suppress(StoreDamagedError, StoreRefusedError):
        store.delete(name)
    return name not in store.list("")


def _refuse_kept(names: list[str]) -> None:
    if names:
        said = "it is a folder, or another user's, and stops on; remove it by hand. All else was lifted"
        raise StoreDamagedError(names[0], said)
