"""Judging what agents write of themselves: cards, signs of life, wishes, work; and the certificates beside them."""

from collections.abc import Iterator
from typing import Final, TypeVar

from somabus.errors import DocumentTooLargeError, MessageError, StoreDamagedError, TrustError
from somabus.model import tree
from somabus.model.approval import Answer, Request, Use
from somabus.model.card import Card
from somabus.model.certificate import Certificate, Rotation
from somabus.model.cursor import Cursors
from somabus.model.envelope import Seal, split
from somabus.model.goal import Proposal, Work
from somabus.model.heartbeat import Heartbeat
from somabus.model.message import Value
from somabus.model.names import RULE, is_name
from somabus.model.signing import short
from somabus.model.trust import Trust
from somabus.model.wire import parse_object
from somabus.verify.fault import Fault, Paper
from somabus.verify.grounds import PAST, Grounds, Held

V = TypeVar("V", bound=Value)
COPY: Final = "remove it; it is a copy"
_REFUSED: Final = "readers refuse it; find out who wrote it"


def card(grounds: Grounds, paper: Paper) -> Iterator[Fault]:
    """Judge a card against its own seal, and its key against what the operators say of it."""
    name = paper.part["agent"]
    if not is_name(name):
        yield paper.fault(f"{name!r} is no valid name: {RULE}", "the agent must join under another name")
        return
    card = value_of(paper, Card)
    if (card.name, card.bus) != (name, grounds.bus.bus):
        yield paper.fault(f"it was made for {card.name} on the bus {card.bus}", COPY)
    elif not split(paper.raw).verified_by(card.key, Seal.CARD):
        yield paper.fault("it is not sealed with the key it carries", "somebody changed it; the agent must join again")
    else:
        yield from _owner(grounds, paper, card)


def _owner(grounds: Grounds, paper: Paper, card: Card) -> Iterator[Fault]:
    standing = grounds.standing(card.name)
    if standing.trust is Trust.REVOKED:
        yield paper.warning(standing.fault, "the agent must join with a new key")
    elif standing.trust is Trust.OPERATOR:
        yield paper.fault("its name is an operator's", "the agent must join under another name")
    elif card.key not in standing.keys:
        said = f"its key is #{card.short}, and the certificate beside it names #{short(standing.keys[0])}"
        yield paper.fault(said, "nobody believes this agent; it must ask for the new key, or be certified again")
    elif standing.trust is Trust.UNSIGNED:
        yield paper.fault(standing.fault, "readers refuse it until it is certified: somabus operator certify NAME")


def certificate(grounds: Grounds, paper: Paper) -> Iterator[Fault]:
    """Judge an operator's word on an agent's key."""
    name, now = paper.part["agent"], grounds.store.now()
    found = grounds.opened(paper.raw, Seal.CERTIFICATE, Certificate)
    renew = f"it counts no more; renew it with: somabus operator certify {name}"
    fault, revoked = found.fault(grounds.bus.bus, name, now), grounds.authority.revoked(found.key, now)
    if fault and found.fault(grounds.bus.bus, name, found.issued_at):  # wrong from the first
        yield paper.fault(fault, "remove it; no reader counts it")
    elif fault:
        yield paper.warning(fault, renew)
    if revoked is not None:
        said = f"its key was revoked at {revoked.at:%Y-%m-%d %H:%M} UTC" + (f": {revoked.why}" if revoked.why else "")
        yield paper.warning(said, "the agent must join with a new key")


def rotation(grounds: Grounds, paper: Paper) -> Iterator[Fault]:
    """Judge an agent's wish for a new key."""
    name = paper.part["agent"]
    found = value_of(paper, Rotation)
    if (found.bus, found.agent) != (grounds.bus.bus, name):
        yield paper.fault(f"it was made for {found.agent} on the bus {found.bus}", COPY)
    if Rotation.opened(paper.raw) is None:
        yield paper.fault("it is not sealed with the key that hands over", _REFUSED)
    elif not grounds.known_key(name, found.old):
        yield paper.fault(f"the key #{short(found.old)} that hands over is none of {name}", _REFUSED)


def heartbeat(grounds: Grounds, paper: Paper) -> Iterator[Fault]:
    """Judge a sign of life."""
    name, step = paper.part["agent"], "readers ignore it; the agent's next beat replaces it"
    found = value_of(paper, Heartbeat)
    proof = grounds.proof(name, split(paper.raw), Seal.HEARTBEAT)
    if proof.held is Held.REVOKED:
        yield paper.warning(proof.said, step)
    elif proof.held is not Held.COUNTS:
        yield paper.fault(f"it was not written by {name}", step)
    elif (found.agent, found.bus) != (name, grounds.bus.bus):
        yield paper.fault(f"it was made for {found.agent} on the bus {found.bus}", step)


def cursors(grounds: Grounds, paper: Paper) -> Iterator[Fault]:
    """Judge how far an agent has read."""
    found = value_of(paper, Cursors)
    step = "its owner begins anew: entries come twice, none is skipped"
    if found.agent != paper.part["agent"]:
        yield paper.fault(f"it was made for {found.agent}", step)
    yield from _sealed(grounds, paper, paper.part["agent"], Seal.CURSORS, step)


def proposal(grounds: Grounds, paper: Paper) -> Iterator[Fault]:
    """Judge a goal that an agent would like."""
    found = value_of(paper, Proposal)
    if (found.bus, found.id) != (grounds.bus.bus, paper.part["id"]):
        yield paper.fault(f"it was made as {found.id} on the bus {found.bus}", COPY)
    yield from _sealed(grounds, paper, found.agent, Seal.PROPOSAL, _REFUSED)


def work(grounds: Grounds, paper: Paper) -> Iterator[Fault]:
    """Judge an agent's word on what it does for a goal."""
    found = value_of(paper, Work)
    if (found.bus, found.goal, found.agent) != (grounds.bus.bus, paper.part["id"], paper.part["agent"]):
        yield paper.fault(f"it was made by {found.agent} for the goal {found.goal} on the bus {found.bus}", COPY)
    yield from _sealed(grounds, paper, found.agent, Seal.WORK, _REFUSED)


def request(grounds: Grounds, paper: Paper) -> Iterator[Fault]:
    """Judge what an agent asks to be allowed."""
    found = value_of(paper, Request)
    if (found.bus, found.id) != (grounds.bus.bus, paper.part["id"]):
        yield paper.fault(f"it was made as {found.id} on the bus {found.bus}", COPY)
    yield from _sealed(grounds, paper, found.agent, Seal.REQUEST, "nobody can approve it; its agent asks again")


def use(grounds: Grounds, paper: Paper) -> Iterator[Fault]:
    """Judge the one use of an approval."""
    found, approval = value_of(paper, Use), paper.part["id"]
    step = "the approval is spent all the same; its agent asks again"
    if (found.bus, found.id) != (grounds.bus.bus, approval):
        yield paper.fault(f"it was made for {found.id} on the bus {found.bus}", step)
    yield from _sealed(grounds, paper, found.by, Seal.USE, step)
    asked = _beside(grounds, tree.approval(approval, "request"), Request)
    answer = _beside(grounds, tree.approval(approval, "answer"), Answer)
    if answer is None or not answer.granted:
        yield paper.fault("it was used without an operator's yes", f"ask what {found.by} did, and why")
    elif asked is not None and asked.to != found.by:
        yield paper.fault(f"it was used by {found.by} and granted to {asked.to}", f"ask what {found.by} did, and why")


def value_of(paper: Paper, kind: type[V]) -> V:
    """Return what a document says.

    Raises:
        MessageError: it is no such document.
    """
    return kind.from_object(parse_object(split(paper.raw).body))


def _sealed(grounds: Grounds, paper: Paper, name: str, seal: Seal, step: str) -> Iterator[Fault]:
    proof = grounds.proof(name, split(paper.raw), seal)
    if proof.held is not Held.COUNTS:
        yield (paper.warning if proof.held in PAST else paper.fault)(proof.said, step)


def _beside(grounds: Grounds, key: str, kind: type[V]) -> V | None:
    """Return the other part of an approval, if it can be read; whether it counts is judged where it lies."""
    try:
        raw = grounds.store.read(key)
        return None if raw is None else kind.from_object(parse_object(split(raw).body))
    except (MessageError, TrustError, StoreDamagedError, DocumentTooLargeError):
        return None
