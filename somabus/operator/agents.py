"""Vouching for agents: certificates, renewals, new keys, and calling keys back."""

from contextlib import suppress
from datetime import timedelta
from typing import Final

from pydantic import ValidationError

from somabus.errors import (
    ConfigurationError,
    MessageError,
    NotJoinedError,
    StoreError,
    StoreUnavailableError,
    TrustError,
)
from somabus.model import signing, tree
from somabus.model.card import Card
from somabus.model.certificate import LONGEST, Certificate, Previous, Rotation
from somabus.model.envelope import Seal
from somabus.model.message import explain
from somabus.model.names import check_name, nearest
from somabus.model.revocation import Revocations, Revoked
from somabus.model.wire import MAX_DOCUMENT
from somabus.operator.seat import Seat

OVERLAP: Final = timedelta(days=7)


def certify(
    seat: Seat,
    agent: str,
    *,
    valid_for: timedelta = LONGEST,
    roles: tuple[str, ...] | None = None,
    skills: tuple[str, ...] | None = None,
    expect: str = "",
    overlap: timedelta = OVERLAP,
) -> Certificate:
    """Vouch for an agent's key; where the agent has asked for a new key, for that one, both valid for the overlap.

    Args:
        seat: the operator.
        agent: whose key.
        valid_for: at most 90 days.
        roles: what it may be; those of the certificate before it if not given.
        skills: what it can do; those of the certificate before it, or of its card, if not given.
        expect: the `#1a2b3c4d` that the agent's own machine shows; then the key need not be the one seen first. A
            new key that the agent asks for is granted only so.
        overlap: how long the old key counts beside a new one.

    Raises:
        NotJoinedError: nobody of that name has joined.
        TrustError: the key is not the one expected, or not the one seen first; nothing was signed.
        ConfigurationError: a limit is broken.
    """
    seat.must_own()
    if not timedelta(0) < valid_for <= LONGEST:
        message = f"a certificate holds at most {LONGEST.days} days, not {valid_for}; renew it before it ends"
        raise ConfigurationError(message)
    card, raw = _card(seat, agent), seat.store.read(tree.rotation(agent))
    rotation = None if raw is None or not expect else _rotation(seat, agent, raw, card, expect)
    key = card.key if rotation is None else signing.from_text(rotation.new_key)
    _check_key(seat, agent, key, card.key, expect)
    now, before = seat.now(), _certificate(seat, agent)
    previous = before.previous if before and before.key == key else None
    if rotation is not None and raw is not None:
        previous = Previous(rotation=raw.decode(), until=now + overlap)
    try:
        made = Certificate(
            bus=seat.bus.bus, agent=agent, public_key=signing.to_text(key), serial=seat.ids.make(now), issued_at=now,
            not_after=now + valid_for, operator=seat.name, previous=previous,
            roles=roles if roles is not None else before.roles if before else (),
            skills=skills if skills is not None else before.skills if before else card.skills,
        )  # fmt: skip
    except ValidationError as error:
        raise ConfigurationError(explain(error)) from None
    seat.audit.append("certify", f"{agent} #{signing.short(key)}", f"until {made.not_after:%Y-%m-%d}, {made.serial}")
    if rotation is not None and previous is not None:
        _call_back(seat, [Revoked(agent=agent, public_key=rotation.old_key, at=previous.until, why="it was rotated")])
    seat.store.replace(tree.certificate(agent), seat.sealed(made, Seal.CERTIFICATE))
    return made


def revoke(seat: Seat, agent: str, why: str, *, public_key: str = "") -> tuple[Revoked, ...]:
    """Call back an agent's keys: the one its card shows, the one certified and the one seen first; or a given one.

    Raises:
        NotJoinedError: nobody of that name has joined, and no key was given.
        ConfigurationError: it is no public key.
    """
    seat.must_own()
    check_name(agent)
    keys = {public_key} if public_key else _all_keys(seat, agent)
    there = seat.authority.revocations
    now = seat.now()
    try:
        fresh = [
            Revoked(agent=agent, public_key=each, at=now, why=why)
            for each in sorted(keys)
            if there is None or there.find(each, now) is None
        ]
    except ValidationError as error:
        raise ConfigurationError(explain(error)) from None
    if not fresh:
        return tuple(each for each in (there.revoked if there else ()) if each.public_key in keys)
    shorts = ", ".join(f"#{signing.short(signing.from_text(each.public_key))}" for each in fresh)
    seat.audit.append("revoke", f"{agent} {shorts}", why)
    _call_back(seat, fresh)
    return tuple(fresh)


def _call_back(seat: Seat, fresh: list[Revoked]) -> None:
    there = seat.authority.revocations
    if there is None:
        raise StoreUnavailableError(tree.REVOCATIONS, "the list of revoked keys is not there; bring it back")
    new = {each.public_key: each for each in fresh}
    kept = tuple(each for each in there.revoked if each.public_key not in new)
    made = Revocations(
        bus=seat.bus.bus,
        number=there.number + 1,
        issued_at=seat.now(),
        operator=seat.name,
        revoked=(*kept, *fresh),
    )
    raw = seat.sealed(made, Seal.REVOCATIONS)
    if len(raw) > MAX_DOCUMENT:
        message = f"the list of revoked keys is full ({len(kept):,} keys); begin a new bus and certify whom you trust"
        raise ConfigurationError(message)
    seat.publish("revocations", made.number, tree.REVOCATIONS, raw, Seal.REVOCATIONS)
    seat.authority.refresh()


def _card(seat: Seat, agent: str) -> Card:
    card = seat.identities.card(check_name(agent))
    if card is None:
        raise NotJoinedError(agent, nearest(agent, seat.identities.names()))
    return card


def _certificate(seat: Seat, agent: str) -> Certificate | None:
    """Return the certificate that lies there, expired or not, if an operator of this bus signed it."""
    raw = seat.store.read(tree.certificate(agent))
    with suppress(MessageError, TrustError):
        made = None if raw is None else seat.authority.opened(raw, Seal.CERTIFICATE, Certificate)
        return made if made is not None and made.agent == agent else None
    return None


def _rotation(seat: Seat, agent: str, raw: bytes, card: Card, expect: str) -> Rotation | None:
    """Return the agent's wish for the new key that is expected, if the key that counts now sealed it.

    One that was granted is past. One for another key than the human compared is not taken up: whoever has a copy of
    the old key could have written it.
    """
    rotation = Rotation.opened(raw)
    if rotation is None or (rotation.bus, rotation.agent) != (seat.bus.bus, agent):
        raise TrustError(f"{tree.rotation(agent)} was not made by {agent}; nothing was signed")
    new = signing.from_text(rotation.new_key)
    if new == card.key or signing.short(new) != expect.lstrip("#").lower():
        return None
    if rotation.old not in seat.identities.standing(agent).keys:
        raise TrustError(f"{agent} asks for a new key with one that does not count; nothing was signed")
    return rotation


def _check_key(seat: Seat, agent: str, key: bytes, shown: bytes, expect: str) -> None:
    """Make sure that it is the right key: the one the human compared, else the one seen first."""
    short = signing.short(key)
    if expect and expect.lstrip("#").lower() != short:
        raise TrustError(f"the key of {agent} is #{short}, not #{expect.lstrip('#')}; nothing was signed")
    if seat.authority.revoked(key, seat.now()) is not None:
        raise TrustError(f"the key #{short} of {agent} was revoked; {agent} must join with a new one")
    standing = seat.identities.standing(agent)
    first_seen = key in standing.keys or shown in standing.keys or (not standing.keys and not standing.fault)
    if not expect and not first_seen:
        said = standing.fault or "its key is not the one seen first"
        raise TrustError(
            f"{agent} #{short}: {said}; compare the key with the agent's own machine and give --expect {short}"
        )


def _all_keys(seat: Seat, agent: str) -> set[str]:
    found = {signing.to_text(key) for key in seat.identities.standing(agent).keys}
    pinned, certificate = seat.identities.pinned(agent), _certificate(seat, agent)
    found |= {signing.to_text(pinned)} if pinned else set()
    found |= {certificate.public_key} if certificate else set()
    with suppress(MessageError, TrustError, StoreError):  # whoever spoils the card must not save its key
        card = seat.identities.card(agent)
        found |= {card.public_key} if card else set()
    if not found:
        raise NotJoinedError(agent, nearest(agent, seat.identities.names()))
    return found
