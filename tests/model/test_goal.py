"""A goal moves by an operator's acts alone, and along one table."""

from itertools import product

import pytest

from somabus.errors import ConfigurationError, MalformedMessageError
from somabus.model import wire
from somabus.model.goal import MOVES, Goal, GoalEvent, GoalState, Proposal, Work, moved
from tests.model.examples import ID, NOW

GOAL = Goal(bus=ID, id=ID, version=2, state=GoalState.ACTIVE, title="Index the archive", body="all of it",
            created_at=NOW, changed_at=NOW, operator="anna", proposed_by="scout")  # fmt: skip
PROPOSAL = Proposal(bus=ID, id=ID, agent="scout", title="More tea", at=NOW)
WORK = Work(bus=ID, goal=ID, agent="scout", doing="the SMB part", progress=0.4, since=NOW, updated_at=NOW)
ALLOWED = {
    ("proposed", "activate"): "active",
    ("active", "change"): "active",
    ("active", "end"): "ended",
}


@pytest.mark.parametrize(("state", "event"), list(product(GoalState, GoalEvent)))
def test_each_act_does_what_the_table_says_and_nothing_else(state, event):
    """A proposal can be activated, an active goal changed and ended; an ended goal stays ended."""
    if (state, event) in ALLOWED:
        assert moved(state, event) == ALLOWED[state, event]
    else:
        with pytest.raises(ConfigurationError, match=f"a goal that is {state} cannot {event}"):
            moved(state, event)


def test_no_act_leads_back_to_a_proposal_and_none_out_of_the_end():
    """What was ended is not revived, and what was activated is not taken for a wish again."""
    assert GoalState.PROPOSED not in MOVES.values()
    assert not [state for state, _ in MOVES if state is GoalState.ENDED]


@pytest.mark.parametrize("value", [GOAL, PROPOSAL, WORK, WORK.model_copy(update={"progress": None, "done": True})])
def test_what_is_written_is_read_back(value):
    """Goals, proposals and words on work come back from the drive as they were written."""
    assert type(value).from_object(wire.parse_object(value.to_json())) == value


def test_the_version_is_what_may_not_go_back():
    """Readers keep the highest version they have seen."""
    assert GOAL.number == GOAL.version == 2


@pytest.mark.parametrize(
    ("value", "member", "wrong"),
    [
        (GOAL, "id", "x"), (GOAL, "version", 0), (GOAL, "state", "proposed"), (GOAL, "state", "won"),
        (GOAL, "title", ""), (GOAL, "title", "x" * 201), (GOAL, "body", "x" * 100_001), (GOAL, "operator", "Anna"),
        (GOAL, "proposed_by", ""), (GOAL, "changed_at", 7),
        (PROPOSAL, "agent", "../up"), (PROPOSAL, "title", ""), (PROPOSAL, "title", "x" * 201),
        (PROPOSAL, "body", "x" * 100_001), (PROPOSAL, "at", None),
        (WORK, "goal", "x"), (WORK, "agent", "Scout"), (WORK, "doing", ""), (WORK, "doing", "x" * 2001),
        (WORK, "progress", -0.1), (WORK, "progress", 1.1), (WORK, "progress", float("nan")), (WORK, "done", "maybe"),
    ],
)  # fmt: skip
def test_a_member_that_breaks_its_rule_is_named(value, member, wrong):
    """The refusal says which member is wrong."""
    with pytest.raises(MalformedMessageError, match=f"^malformed: {member}"):
        type(value).from_object({**value.model_dump(), member: wrong})
