"""The revocation list: a key called back counts no more from its moment on, and the list is numbered."""

from datetime import timedelta

import pytest

from somabus.errors import MalformedMessageError
from somabus.model import wire
from somabus.model.revocation import Revocations, Revoked
from tests.model.examples import ID, NOW
from tests.model.signed import SCOUT, SCOUT_NEW, STRANGER, text

SECOND = timedelta(seconds=1)
OLD = Revoked(agent="scout", public_key=text(SCOUT), at=NOW, why="stolen")
SOON = Revoked(agent="scout", public_key=text(SCOUT_NEW), at=NOW + timedelta(days=7), why="it was rotated")
OTHER = Revoked(agent="planner", public_key=text(STRANGER), at=NOW)
LIST = Revocations(bus=ID, number=3, issued_at=NOW, operator="anna", revoked=(OLD, SOON, OTHER))


def test_what_is_written_is_read_back():
    """The list comes back from the drive as it was written."""
    assert Revocations.from_object(wire.parse_object(LIST.to_json())) == LIST


@pytest.mark.parametrize(
    ("signer", "at", "found"),
    [
        (SCOUT, NOW, OLD), (SCOUT, NOW - SECOND, None), (SCOUT, NOW + timedelta(days=900), OLD),
        (SCOUT_NEW, NOW, None), (SCOUT_NEW, SOON.at - SECOND, None), (SCOUT_NEW, SOON.at, SOON),
        (STRANGER, NOW, OTHER),
    ],
)  # fmt: skip
def test_a_key_counts_until_its_moment_and_never_after(signer, at, found):
    """Calling back may be dated ahead, for an overlap; once the moment is there, it is for good."""
    assert LIST.find(text(signer), at) == found


def test_a_key_that_nobody_called_back_counts():
    """The list says nothing of others."""
    assert Revocations(bus=ID, number=1, issued_at=NOW, operator="anna").find(text(SCOUT), NOW) is None


def test_the_keys_of_one_agent_are_told_apart():
    """Readers ask which keys of a name count no more now, and get no other's."""
    assert LIST.of("scout", NOW) == (OLD,)
    assert LIST.of("scout", SOON.at) == (OLD, SOON)
    assert LIST.of("nobody", SOON.at) == ()


@pytest.mark.parametrize(
    ("member", "wrong"),
    [
        ("bus", "x"), ("number", 0), ("number", -1), ("issued_at", None), ("operator", "Anna"),
        ("revoked", [{**OLD.model_dump(), "agent": "../up"}]), ("revoked", [{**OLD.model_dump(), "public_key": "A"}]),
        ("revoked", [{**OLD.model_dump(), "at": 7}]), ("revoked", [{**OLD.model_dump(), "why": "x" * 201}]),
    ],
)  # fmt: skip
def test_a_member_that_breaks_its_rule_is_named(member, wrong):
    """The refusal says which member is wrong."""
    with pytest.raises(MalformedMessageError, match=f"^malformed: {member}"):
        Revocations.from_object({**LIST.model_dump(), member: wrong})
