"""Judging what operators sign: the bus itself, its history, goals, values, stops and answers."""

from collections.abc import Iterator
from typing import Final

from somabus.approvals import request_digest
from somabus.authority import BUS
from somabus.errors import DocumentTooLargeError, MessageError, StoreDamagedError, TrustError
from somabus.goals import opened_values
from somabus.model import tree
from somabus.model.approval import Answer
from somabus.model.bus import BUS_FILE
from somabus.model.creed import Creed
from somabus.model.envelope import Envelope, Seal, split
from somabus.model.goal import Goal
from somabus.model.revocation import Revocations
from somabus.model.stop import Resume, Stop, scope_of
from somabus.model.wire import parse_object
from somabus.verify.fault import Fault, Paper
from somabus.verify.grounds import Grounds

_FAITHFUL: Final = "readers who saw more keep to that; an operator brings back the last of operator/history"
_HAND: Final = "it stops all the same; lift it with: somabus resume"


def bus(grounds: Grounds, paper: Paper) -> Iterator[Fault]:
    """Judge somabus.json: its signature, and its place at the end of its history."""
    if BUS_FILE in grounds.told:
        yield paper.fault(grounds.told[BUS_FILE], _FAITHFUL)
        return
    yield from _published(grounds, paper, BUS, grounds.bus.version)


def revocations(grounds: Grounds, paper: Paper) -> Iterator[Fault]:
    """Judge the list of keys that count no more."""
    found = grounds.opened(paper.raw, Seal.REVOCATIONS, Revocations)
    yield from _published(grounds, paper, "revocations", found.number)


def goal(grounds: Grounds, paper: Paper) -> Iterator[Fault]:
    """Judge a goal."""
    found = grounds.opened(paper.raw, Seal.GOAL, Goal)
    if found.id != paper.part["id"]:
        yield paper.fault(f"it was made as the goal {found.id}", "remove it; no reader counts it")
    else:
        yield from _published(grounds, paper, f"goal.{found.id}", found.number)


def values(grounds: Grounds, paper: Paper) -> Iterator[Fault]:
    """Judge the values, text and last line."""
    try:
        found = opened_values(grounds.authority, paper.raw)
    except TrustError:
        grounds.refuse_past(_last_line(paper.raw), Seal.VALUES)
        raise
    yield from _published(grounds, paper, "values", found.number)


def resume(grounds: Grounds, paper: Paper) -> Iterator[Fault]:
    """Judge the lifting of a stop."""
    found = grounds.opened(paper.raw, Seal.RESUME, Resume)
    if found.stop != paper.part["id"]:
        yield paper.fault(f"it lifts the stop {found.stop}", "it lifts nothing where it lies; remove it")


def answer(grounds: Grounds, paper: Paper) -> Iterator[Fault]:
    """Judge an operator's answer to a request."""
    found, again = grounds.opened(paper.raw, Seal.ANSWER, Answer), "it approves nothing; an operator answers again"
    asked = grounds.store.read(tree.approval(paper.part["id"], "request"))
    if found.id != paper.part["id"]:
        yield paper.fault(f"it was given to {found.id}", again)
    elif asked is None:
        yield paper.fault("the request that it answers is not here", again)
    elif found.request != request_digest(asked):
        yield paper.fault("it was given to another wording of the request", again)


def stop(grounds: Grounds, paper: Paper) -> Iterator[Fault]:
    """Judge a stop: whatever it says, its name alone stops."""
    scope = scope_of(paper.key)
    try:
        found = grounds.opened(paper.raw, Seal.STOP, Stop)
    except (MessageError, TrustError):
        yield paper.warning(f"it stops {scope}, and no operator signed it: somebody made it by hand", _HAND)
        return
    if found.scope != scope:
        yield paper.warning(f"it was signed to stop {found.scope}, and its name stops {scope}", _HAND)
    elif _lifted(grounds, found):
        yield paper.warning("an operator has lifted it, and its file is still here", _HAND)


def version(grounds: Grounds, paper: Paper) -> Iterator[Fault]:
    """Judge one version of a document that operators sign."""
    document, number = paper.part["document"], int(paper.part["number"])
    step = "readers cannot follow; bring back a copy of it"
    if document == BUS:
        if grounds.links.get(number):
            yield paper.fault(grounds.links[number], step)
        return
    found, envelope, seal = _numbered(document, paper.raw)
    if found.number != number:
        yield paper.fault(f"it was made as number {found.number}", step)
    if found.bus != grounds.bus.bus:
        yield paper.fault(f"it was made for another bus, {found.bus}", step)
    if grounds.operator_ever(envelope, seal) is None:
        yield paper.fault("nobody who was an operator signed it", step)


def absent(grounds: Grounds) -> Iterator[Fault]:
    """Find what was published and is not there any more."""
    places = {BUS: BUS_FILE, "revocations": tree.REVOCATIONS, "values": tree.VALUES}
    known = [name for name in grounds.store.list("operator/history") if grounds.published(name)]
    for document in sorted({*known, *(["revocations"] if grounds.bus.owned else [])}):
        key = places.get(document) or tree.goal(document.removeprefix("goal."))
        if not _there(grounds, key):
            yield Fault(key, f"it is missing: number {max(grounds.published(document), default=1)} was published",
                        _FAITHFUL)  # fmt: skip


def _published(grounds: Grounds, paper: Paper, document: str, number: int) -> Iterator[Fault]:
    """A numbered document is the last of its history: else it was put back, or not published as operators do."""
    numbers = grounds.published(document)
    if numbers and numbers[-1] > number:
        yield paper.fault(f"number {number} stands here, and number {numbers[-1]} was published", _FAITHFUL)
    elif number and grounds.version(document, number) is None:
        step = "who knows an earlier one cannot follow; an operator repeats the last change"
        yield paper.fault(f"number {number} is missing in {tree.history(document)}", step)
    elif number and grounds.version(document, number) != paper.raw:
        yield paper.fault(f"it is not what was published as number {number}", _FAITHFUL)


def _numbered(document: str, raw: bytes) -> tuple[Revocations | Goal | Creed, Envelope, Seal]:
    if document == "values":
        return *Creed.opened(raw), Seal.VALUES
    value = parse_object(split(raw).body)
    if document == "revocations":
        return Revocations.from_object(value), split(raw), Seal.REVOCATIONS
    return Goal.from_object(value), split(raw), Seal.GOAL


def _last_line(raw: bytes) -> Envelope:
    try:
        return Creed.opened(raw)[1]
    except TrustError:
        return Envelope(b"", None)


def _lifted(grounds: Grounds, stop: Stop) -> bool:
    try:
        raw = grounds.store.read(tree.resumed(stop.id)) or b""
        return grounds.opened(raw, Seal.RESUME, Resume).stop == stop.id
    except (MessageError, TrustError, StoreDamagedError, DocumentTooLargeError):
        return False


def _there(grounds: Grounds, key: str) -> bool:
    try:
        return grounds.store.read(key) is not None
    except (StoreDamagedError, DocumentTooLargeError):
        return True  # told where it lies
