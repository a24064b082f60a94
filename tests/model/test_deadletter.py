"""The record beside each dead letter says what a person needs to know."""

import pytest

from somabus.errors import MalformedMessageError
from somabus.model import wire
from somabus.model.deadletter import DeadLetter, Reason
from tests.model.examples import ID, NOW

LETTER = DeadLetter(
    file="x.json", reason=Reason.FORGED, detail="ü", at=NOW, by="scout", attempt=2, id=ID, sender="planner"
)


@pytest.mark.parametrize("reason", Reason)
def test_each_reason_survives_the_drive(reason):
    """Why a message was set aside is read back as it was written."""
    letter = LETTER.model_copy(update={"reason": reason})

    assert DeadLetter.from_object(wire.parse_object(letter.to_json())) == letter


@pytest.mark.parametrize(
    ("member", "wrong"),
    [("reason", "bad luck"), ("file", "x" * 301), ("detail", "x" * 2001), ("sender", "Planner"), ("by", None)],
)
def test_a_member_that_breaks_its_rule_is_named(member, wrong):
    """A damaged record is noticed, and says where."""
    with pytest.raises(MalformedMessageError, match=f"^malformed: {member}"):
        DeadLetter.from_object({**LETTER.model_dump(), member: wrong})
