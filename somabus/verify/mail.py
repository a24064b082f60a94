"""Judging messages, in the folders of their states and in logs."""

import re
from collections.abc import Iterator
from typing import Final

from somabus.errors import MessageError
from somabus.model.deadletter import DeadLetter
from somabus.model.envelope import Seal, split
from somabus.model.message import Message
from somabus.model.names import channel_of
from somabus.model.slot import WHY, Slot, State
from somabus.model.trust import Policy, may_act
from somabus.model.wire import parse_object
from somabus.verify.alone import SET_ASIDE, judge_document
from somabus.verify.fault import Fault, Paper
from somabus.verify.grounds import PAST, Grounds, Held

SYNC_TOOL: Final = re.compile(r"\(\d+\)|conflicted copy|sync-conflict", re.IGNORECASE)
SYNC: Final = "a copy made by a sync tool; a bus must lie on a drive, not in a synchronised folder"
_FORGED: Final = "do not act on it; find out who wrote it"


def boxed(grounds: Grounds, paper: Paper) -> Iterator[Fault]:
    """Judge what lies in an inbox, in later/, claimed/ or dead/."""
    name, state = paper.part["name"], State(paper.part["state"])
    if name.endswith(WHY):
        DeadLetter.from_object(parse_object(paper.raw))
        return
    if state is State.DEAD:
        return  # set aside for a reason that stands beside it
    slot = Slot.parse(name)
    if slot is None or not slot.fits(state):
        none = "the name is none of <priority digit>-<id>.<generation>.json"
        yield paper.fault(SYNC if SYNC_TOOL.search(name) else none, SET_ASIDE)
        return
    yield from _message(grounds, paper, slot)


def done(grounds: Grounds, paper: Paper) -> Iterator[Fault]:
    """Judge a message that was handled, or ended otherwise."""
    yield from _message(grounds, paper, None)


def entry(grounds: Grounds, paper: Paper) -> Iterator[Fault]:
    """Judge an entry of an outbox or a channel."""
    message, folder = Message.decode(split(paper.raw).body), paper.part.groupdict().get("channel")
    channel = None if folder is None else channel_of(folder)
    if folder is not None and channel is None:
        yield paper.fault(f"{folder} is the folder of no channel", "no reader finds it; look who writes there")
    elif message.bus != grounds.bus.bus or message.to or message.channel != channel:
        meant = message.channel or ", ".join(message.to) or "an outbox"
        yield paper.fault(f"it was made for {meant} on the bus {message.bus}", "readers step over it; it is a copy")
    yield from signature(grounds, paper, message.sender, Seal.MESSAGE, waits=False)


def text(_: Grounds, paper: Paper) -> Iterator[Fault]:
    """Judge the text of a scratchpad that lies there for people: anything may stand in it, nobody reads it back."""
    if not paper.key.startswith("channels/arc="):
        yield paper.warning("only an arc has a scratchpad", "remove it")


def _message(grounds: Grounds, paper: Paper, slot: Slot | None) -> Iterator[Fault]:
    yield from judge_document(paper.key, paper.raw)
    try:
        message = Message.decode(split(paper.raw).body)
    except MessageError:
        return  # said already
    if message.bus != grounds.bus.bus or paper.part["agent"] not in message.to:
        yield paper.fault(f"it was sent to {', '.join(message.to)} on the bus {message.bus}", SET_ASIDE)
    if slot is not None and slot.id != message.id:
        yield paper.fault(f"the name says {slot.id}, the message {message.id}", SET_ASIDE)
    if slot is not None and slot.digit != message.priority.digit:
        said = f"the name's digit is {slot.digit}, that of {message.priority} is {message.priority.digit}"
        yield paper.warning(said, "it is served at the name's place")
    yield from signature(grounds, paper, message.sender, Seal.MESSAGE, waits=slot is not None)


def signature(grounds: Grounds, paper: Paper, sender: str, seal: Seal, *, waits: bool) -> Iterator[Fault]:
    """Judge whether a document was signed by its sender, and would be acted on if it still `waits`."""
    policy = grounds.bus.policy.trust
    proof = grounds.proof(sender, split(paper.raw), seal)
    if proof.held is Held.COUNTS:
        certified = may_act(grounds.standing(sender).trust, Policy.CERTIFIED)
        if waits and policy is Policy.CERTIFIED and not certified:
            yield paper.fault(f"nobody has certified {sender}", f"this bus acts on {policy} mail alone")
    elif proof.held is Held.UNSIGNED:
        tell = paper.warning if policy is Policy.OPEN else paper.fault
        yield tell(proof.said, f"this bus acts on {policy} mail and better")
    elif proof.held in PAST and waits:
        yield paper.fault(proof.said, "readers refuse it; if it still matters, its sender sends it again")
    elif proof.held is Held.REVOKED:
        yield paper.warning(proof.said, "readers refuse it now; look what it has led to")
    elif proof.held is not Held.GIVEN_UP:  # that was handled while the key counted
        yield paper.fault(proof.said, f"{sender} must join" if proof.held is Held.UNKNOWN else _FORGED)
