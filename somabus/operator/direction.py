"""What for: the goals and the values, which operators alone write."""

from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from somabus.errors import ConfigurationError, MessageError, MessageTooLargeError, ReferenceNotFoundError, TrustError
from somabus.goals import goal_reader, values_reader
from somabus.model import tree
from somabus.model.creed import MAX_VALUES, Creed, digest
from somabus.model.envelope import Seal, split
from somabus.model.goal import Goal, GoalEvent, GoalState, Proposal, moved
from somabus.model.ids import is_id
from somabus.model.message import explain
from somabus.model.wire import MAX_DOCUMENT, parse_object
from somabus.operator.reseal import publish_values
from somabus.operator.seat import Seat


def new_goal(seat: Seat, title: str, body: str) -> Goal:
    """Make a goal; it is active on return."""
    seat.must_own()
    return _activate(seat, seat.ids.make(seat.now()), title, body, None)


def accept_goal(seat: Seat, goal_id: str) -> Goal:
    """Make an agent's proposal a goal.

    Raises:
        ReferenceNotFoundError: there is no such proposal. TrustError: its agent did not sign it.
    """
    seat.must_own()
    raw = seat.store.read(tree.proposal(goal_id)) if is_id(goal_id) else None
    if raw is None:
        raise ReferenceNotFoundError("goal", goal_id)
    made = Proposal.from_object(parse_object(split(raw).body))
    signed = seat.identities.signed_by(made.agent, split(raw), Seal.PROPOSAL)
    if not signed or (made.id, made.bus) != (goal_id, seat.bus.bus):
        raise TrustError(f"the proposal {goal_id} was not signed by {made.agent}; nothing was activated")
    return _activate(seat, made.id, made.title, made.body, made.agent)


def change_goal(seat: Seat, goal_id: str, **changes: str) -> Goal:
    """Change title or body of an active goal."""
    return _move(seat, goal_id, GoalEvent.CHANGE, changes)


def end_goal(seat: Seat, goal_id: str) -> Goal:
    """End a goal; it is kept, and agents see it as ended."""
    return _move(seat, goal_id, GoalEvent.END, {})


def set_values(seat: Seat, text: str) -> Creed:
    """Write the values; agents read the highest version they have seen.

    Raises:
        MessageTooLargeError: more than 200,000 bytes.
    """
    seat.must_own()
    data = text.strip().encode()
    if len(data) > MAX_VALUES:
        raise MessageTooLargeError(len(data), MAX_VALUES)
    reader = values_reader(seat.authority)
    reading = reader.read(tree.VALUES)
    if seat.complete("values", reading.number, tree.VALUES, Seal.VALUES):
        reading = reader.read(tree.VALUES)
    before = max(reading.number, _published(seat))
    seat.audit.append("values", tree.VALUES, f"version {before + 1}")
    creed = Creed.model_construct(
        format=1, bus=seat.bus.bus, version=before, at=seat.now(), operator=seat.name, sha256=digest(data), text=""
    )
    publish_values(seat, data, creed)
    return creed.model_copy(update={"version": before + 1, "text": text.strip()})


def _published(seat: Seat) -> int:
    """Return the version of the values that lies there, if anybody who was an operator once signed it."""
    with suppress(MessageError, TrustError):
        creed, envelope = Creed.opened(seat.store.read(tree.VALUES) or b"")
        return creed.version if seat.authority.ever_signed(envelope, Seal.VALUES) else 0
    return 0


def _activate(seat: Seat, goal_id: str, title: str, body: str, proposed_by: str | None) -> Goal:
    now = seat.now()
    seat.complete(f"goal.{goal_id}", 0, tree.goal(goal_id), Seal.GOAL)
    reading = goal_reader(seat.authority).read(tree.goal(goal_id))
    if reading.value is not None:
        return reading.value  # it was made before
    state = moved(GoalState.PROPOSED, GoalEvent.ACTIVATE)
    goal = _checked(
        bus=seat.bus.bus, id=goal_id, version=reading.number + 1, state=state, title=title, body=body,
        created_at=now, changed_at=now, operator=seat.name, proposed_by=proposed_by,
    )  # fmt: skip
    return _write(seat, goal, GoalEvent.ACTIVATE)


def _move(seat: Seat, goal_id: str, event: GoalEvent, changes: dict[str, str]) -> Goal:
    seat.must_own()
    if not is_id(goal_id):
        raise ReferenceNotFoundError("goal", goal_id)
    reader = goal_reader(seat.authority)
    reading = reader.read(tree.goal(goal_id))
    if seat.complete(f"goal.{goal_id}", reading.number, tree.goal(goal_id), Seal.GOAL):
        reading = reader.read(tree.goal(goal_id))
    if reading.value is None:
        if reading.fault:
            raise TrustError(reading.fault)
        raise ReferenceNotFoundError("goal", goal_id)
    there = reading.value
    if event is GoalEvent.END and there.state is GoalState.ENDED:
        return there  # it was ended before
    facts = {**there.model_dump(), **changes, "state": moved(there.state, event), "version": there.version + 1}
    return _write(seat, _checked(**{**facts, "changed_at": seat.now(), "operator": seat.name}), event)


def _checked(**facts: Any) -> Goal:
    try:
        return Goal.model_validate(facts)
    except ValidationError as error:
        raise ConfigurationError(explain(error)) from None


def _write(seat: Seat, goal: Goal, event: GoalEvent) -> Goal:
    raw = seat.sealed(goal, Seal.GOAL)
    if len(raw) > MAX_DOCUMENT:
        raise MessageTooLargeError(len(raw), MAX_DOCUMENT)
    seat.audit.append(f"goal {event}", goal.id, goal.title)
    seat.publish(f"goal.{goal.id}", goal.version, tree.goal(goal.id), raw, Seal.GOAL)
    return goal
