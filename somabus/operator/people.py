"""Who rules the bus, and by which policy: each change is a version of somabus.json, signed by whom the last names."""

from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from somabus.authority import BUS
from somabus.errors import ConfigurationError, LookalikeNameError, NameTakenError
from somabus.model import signing, tree
from somabus.model.bus import BUS_FILE, Bus, BusPolicy, OperatorKey
from somabus.model.envelope import Seal
from somabus.model.lookalike import twin_of
from somabus.model.message import explain
from somabus.model.names import check_name
from somabus.model.revocation import Revocations
from somabus.model.signing import Signer
from somabus.operator.oversight import tell_again
from somabus.operator.reseal import reseal
from somabus.operator.seat import Seat


def found(seat: Seat) -> bool:
    """Make this seat's operator the first one of the bus; False if the bus has operators, who must admit this one.

    Done again after a power cut, it completes what was begun.
    """
    seat.look()
    first = not seat.bus.owned
    if first:
        _check_free(seat, seat.name)
        seat.audit.append("operator init", f"{seat.name} #{signing.short(seat.signer.public_key)}")
        _publish(seat, operators=(_key(seat, seat.name, seat.signer.public_key),))
    elif seat.signer.public_key not in seat.authority.operator_keys(seat.name):
        return False
    if first or seat.authority.revocations is None:
        _first_list(seat)
    seat.authority.refresh()
    return True


def admit(seat: Seat, name: str, public_key: str) -> Bus:
    """Name one more operator.

    Raises:
        ConfigurationError: it is no public key, or the name is an operator's already.
        NameTakenError, LookalikeNameError: the name is an agent's, or looks like one.
    """
    seat.must_own()
    check_name(name)
    try:
        key = _key(seat, name, signing.from_text(public_key))
    except ValueError:
        message = f"{public_key!r} is no public key; on the other machine it is printed by: somabus operator init"
        raise ConfigurationError(message) from None
    owner = next((each.name for each in seat.bus.operators if each.public_key == key.public_key), name)
    if owner != name:
        message = f"that key is {owner}'s, who is an operator of this bus already; one key, one name"
        raise ConfigurationError(message)
    if seat.authority.operator_keys(name):
        message = f"{name} is an operator of this bus already"
        raise ConfigurationError(message)
    _check_free(seat, name)
    seat.audit.append("operator add", f"{name} #{key.short}")
    return _change(seat, operators=(*seat.bus.operators, key))


def dismiss(seat: Seat, name: str, *, keep: bool) -> Bus:
    """Name an operator no more. What that one signed counts no more either, unless `keep` signs it anew.

    Raises:
        ConfigurationError: no such operator, or it is the last one.
    """
    seat.must_own()
    gone = seat.authority.operator_keys(name)
    rest = tuple(each for each in seat.bus.operators if each.name != name and each.key not in gone)
    if not gone or not rest or name == seat.name:
        message = f"{name} is {'the last operator' if gone and not rest else 'you' if gone else 'no operator'}"
        raise ConfigurationError(f"{message}; nothing was changed")
    seat.audit.append("operator remove", name, "what it signed was signed anew" if keep else "")
    # The list of revoked keys and the stops restrict, so they stay in force, whoever signed them.
    reseal(seat, gone, None if keep else (Seal.REVOCATIONS, Seal.STOP, Seal.RESUME))
    return _change(seat, operators=rest)


def set_policy(seat: Seat, **rules: Any) -> Bus:
    """Change rules of the bus; what is not given stays.

    Raises:
        ConfigurationError: a rule is none, or its value breaks it; nothing was changed.
    """
    seat.must_own()
    unknown = sorted(set(rules) - set(BusPolicy.model_fields))
    if unknown:
        message = f"{', '.join(unknown)}: no rule of a bus; there are {', '.join(BusPolicy.model_fields)}"
        raise ConfigurationError(message)
    try:
        policy = BusPolicy.model_validate({**seat.bus.policy.model_dump(), **rules})
    except ValidationError as error:
        raise ConfigurationError(explain(error)) from None
    changed = ", ".join(f"{name} {_words(value)}" for name, value in rules.items())
    seat.audit.append("policy", changed)
    return _change(seat, policy=policy)


def rotate(seat: Seat, new: Signer, promote: Callable[[], None]) -> Bus:
    """Give this operator a new key, and sign anew what the old one signed.

    Power cut after each step: 1 both keys count; 2 more and more is signed by the new one; 3 only the new one counts.
    Begun again with the same new key, it goes on where it was cut off.

    Args:
        seat: with the old key.
        new: the new key, which is on this machine's disk already.
        promote: makes the new key the one that this machine uses.
    """
    seat.look()
    keys = seat.authority.operator_keys(seat.name)
    if new.public_key not in keys:
        seat.must_own()
        seat.audit.append("operator rotate", f"{seat.name} #{signing.short(new.public_key)}")
        _change(seat, operators=(*seat.bus.operators, _key(seat, seat.name, new.public_key)))  # 1
    old = seat.signer.public_key
    seat.signer = new
    reseal(seat, (old,), None)  # 2
    tell_again(seat)
    if old in seat.authority.operator_keys(seat.name):
        _change(seat, operators=tuple(each for each in seat.bus.operators if each.key != old))  # 3
    promote()
    return seat.bus


def _change(seat: Seat, **changes: Any) -> Bus:
    _publish(seat, **changes)
    seat.authority.refresh()
    return seat.bus


def _publish(seat: Seat, **changes: Any) -> None:
    try:
        new = Bus.model_validate(
            {**seat.bus.model_dump(), **_plain(changes), "version": seat.bus.version + 1}
        )  # checked whole
    except ValidationError as error:
        raise ConfigurationError(explain(error)) from None
    raw = seat.sealed(new, Seal.BUS)
    seat.publish(BUS, new.version, BUS_FILE, raw, Seal.BUS)


def _words(value: Any) -> str:
    return " ".join(value) or "nothing" if isinstance(value, tuple | list) else str(value)


def _plain(changes: dict[str, Any]) -> dict[str, Any]:
    return {
        name: [each.model_dump() for each in value] if isinstance(value, tuple) else value.model_dump()
        for name, value in changes.items()
    }


def _first_list(seat: Seat) -> None:
    """Write the empty list of revoked keys, so that its absence is a sign."""
    first = Revocations(bus=seat.bus.bus, number=1, issued_at=seat.now(), operator=seat.name)
    seat.publish("revocations", 1, tree.REVOCATIONS, seat.sealed(first, Seal.REVOCATIONS), Seal.REVOCATIONS)


def _check_free(seat: Seat, name: str) -> None:
    agents = seat.identities.names()
    if name in agents:
        card = seat.identities.card(name)
        raise NameTakenError(name, card.short if card else "?")
    twin = twin_of(name, agents | {each.name for each in seat.bus.operators})
    if twin is not None:
        raise LookalikeNameError(name, twin)


def _key(seat: Seat, name: str, key: bytes) -> OperatorKey:
    return OperatorKey(name=name, public_key=signing.to_text(key), since=seat.now())
