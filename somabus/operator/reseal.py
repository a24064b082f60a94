"""Signing anew what a key signed that will count no more."""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from somabus.errors import MessageError, StoreError
from somabus.model import tree
from somabus.model.approval import Answer
from somabus.model.certificate import Certificate
from somabus.model.creed import Creed, written
from somabus.model.envelope import Envelope, Seal, seal_body, split
from somabus.model.goal import Goal
from somabus.model.message import Value
from somabus.model.revocation import Revocations
from somabus.model.stop import Resume, Stop, scope_of
from somabus.model.wire import parse_object
from somabus.operator.seat import Seat
from somabus.store.port import Store


class _Kind(NamedTuple):
    """One kind of document: its value, where it lies, and under which name its versions are numbered."""

    value: type[Value]
    keys: Callable[[Store], Iterator[str]]
    history: Callable[[Value], str] | None = None


def _below(prefix: str, name: str = "") -> Callable[[Store], Iterator[str]]:
    def keys(store: Store) -> Iterator[str]:
        for each in store.list(prefix):
            if name or each.endswith(".json"):
                yield f"{prefix}/{each}/{name}" if name else f"{prefix}/{each}"

    return keys


def _stops(store: Store) -> Iterator[str]:
    yield from (each for each in store.list("") if scope_of(each) is not None)


_KINDS: Final = {
    Seal.REVOCATIONS: _Kind(Revocations, lambda _: iter([tree.REVOCATIONS]), lambda _: "revocations"),
    Seal.CERTIFICATE: _Kind(Certificate, _below(tree.REGISTRY, "certificate.json")),
    Seal.GOAL: _Kind(Goal, _below(tree.GOALS), lambda value: f"goal.{getattr(value, 'id', '')}"),
    Seal.STOP: _Kind(Stop, _stops),
    Seal.RESUME: _Kind(Resume, _below("operator/resumed")),
    Seal.ANSWER: _Kind(Answer, _below(tree.APPROVALS, "answer.json")),
}


def reseal(seat: Seat, keys: tuple[bytes, ...], seals: tuple[Seal, ...] | None) -> int:
    """Sign anew with the seat's key whatever those keys signed, and return how much that was.

    Args:
        seat: who signs now.
        keys: who signed before.
        seals: which kinds of document; all if None.
    """
    count = 0
    for seal, kind in _KINDS.items():
        if seals is None or seal in seals:
            count += sum(_renew(seat, keys, seal, kind, key) for key in kind.keys(seat.store))
    if seals is None:
        count += _renew_values(seat, keys)
    return count


def _renew(seat: Seat, keys: tuple[bytes, ...], seal: Seal, kind: _Kind, key: str) -> bool:
    try:
        envelope = split(seat.store.read(key) or b"")
        value = kind.value.from_object(parse_object(envelope.body))
    except (MessageError, StoreError):
        return False
    if not _by(envelope, keys, seal):
        return False
    if kind.history is not None and seat.complete(kind.history(value), _number(value), key, seal):
        return _renew(seat, keys, seal, kind, key)  # power went when it was signed anew before
    value = value.model_copy(update={"operator": seat.name} if "operator" in kind.value.model_fields else {})
    if kind.history is None:
        seat.store.replace(key, seat.sealed(value, seal))
        return True
    number = _number(value) + 1
    value = value.model_copy(update={"number" if "number" in kind.value.model_fields else "version": number})
    seat.publish(kind.history(value), number, key, seat.sealed(value, seal), seal)
    return True


def _renew_values(seat: Seat, keys: tuple[bytes, ...]) -> bool:
    raw = seat.store.read(tree.VALUES)
    if raw is None:
        return False
    try:
        creed, envelope = Creed.opened(raw)
    except Exception:  # noqa: BLE001 - whatever it is, no operator signed it
        return False
    if not _by(envelope, keys, Seal.VALUES):
        return False
    if seat.complete("values", creed.version, tree.VALUES, Seal.VALUES):
        return _renew_values(seat, keys)
    publish_values(seat, creed.text.encode(), creed)
    return True


def publish_values(seat: Seat, text: bytes, creed: Creed) -> None:
    """Publish the values as the version after the given one."""
    made = creed.model_copy(update={"version": creed.version + 1, "operator": seat.name, "at": seat.now()})
    raw = written(text, seal_body(made.to_json(), Seal.VALUES, seat.signer.sign))
    seat.publish("values", made.version, tree.VALUES, raw, Seal.VALUES)


def _number(value: Value) -> int:
    return int(getattr(value, "number", 0))


def _by(envelope: Envelope, keys: tuple[bytes, ...], seal: Seal) -> bool:
    return any(envelope.verified_by(key, seal) for key in keys)
