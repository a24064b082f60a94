"""A certificate proves one key, for one agent, on one bus, for at most 90 days; a rotation proves who handed over."""

from datetime import timedelta

import pytest

from somabus.errors import MalformedMessageError
from somabus.model import wire
from somabus.model.certificate import LONGEST, Certificate, Previous, Rotation
from somabus.model.envelope import Seal
from somabus.model.trust import Policy, Trust, may_act
from tests.model.examples import ID, NOW, an_id
from tests.model.signed import ANNA, SCOUT, SCOUT_NEW, STRANGER, sealed, text

SECOND = timedelta(seconds=1)


def certificate(**changed):
    """Return scout's certificate."""
    facts = {
        "bus": ID, "agent": "scout", "public_key": text(SCOUT_NEW), "serial": ID, "issued_at": NOW,
        "not_after": NOW + LONGEST, "operator": "anna",
    }  # fmt: skip
    return Certificate.model_validate({**facts, **changed})


def rotation(**changed):
    """Return scout's wish for a new key."""
    facts = {"bus": ID, "agent": "scout", "old_key": text(SCOUT), "new_key": text(SCOUT_NEW), "asked_at": NOW}
    return Rotation.model_validate({**facts, **changed})


def handed_over(wish, signer=SCOUT, seal=Seal.ROTATION):
    """Return what a certificate says of the key before it."""
    return Previous(rotation=sealed(wish, seal, signer).decode(), until=NOW + timedelta(days=7))


@pytest.mark.parametrize("value", [certificate(), certificate(previous=handed_over(rotation())), rotation()])
def test_what_is_written_is_read_back(value):
    """Certificates and rotations come back from the drive as they were written."""
    assert type(value).from_object(wire.parse_object(value.to_json())) == value


def test_a_certificate_vouches_for_its_key():
    """The key that counts is the one inside."""
    assert certificate().key == SCOUT_NEW.public_key


@pytest.mark.parametrize(
    ("changed", "after", "said"),
    [
        ({}, SECOND * 0, ""),
        ({}, LONGEST - SECOND, ""),
        ({}, LONGEST, "the certificate of scout expired at 2026-04-05 12:00 UTC"),
        ({"not_after": NOW + SECOND}, SECOND, "the certificate of scout expired at 2026-01-05 12:00 UTC"),
        ({"bus": an_id(1)}, SECOND, f"the certificate of scout was made for another bus, {an_id(1)}"),
        ({"agent": "planner"}, SECOND, "the certificate under scout was made for planner"),
        ({"not_after": NOW + LONGEST + SECOND}, SECOND, "the certificate of scout claims more than 90 days"),
        ({"not_after": NOW + timedelta(days=9999)}, LONGEST, "the certificate of scout claims more than 90 days"),
    ],
)
def test_it_counts_here_now_and_for_its_agent_alone(changed, after, said):
    """Another bus, another agent, more than 90 days, or the last moment past: it proves nothing, and the fact is named."""
    assert certificate(**changed).fault(ID, "scout", NOW + after) == said


@pytest.mark.parametrize(
    ("member", "wrong"),
    [
        ("bus", "x"), ("agent", "Scout"), ("public_key", text(SCOUT)[1:]), ("serial", "7"), ("issued_at", 0),
        ("not_after", None), ("operator", ""), ("roles", [""]), ("roles", ["x" * 81]), ("skills", ["x"] * 65),
        ("previous", {"rotation": "x" * 4001, "until": NOW}), ("previous", {"rotation": "x"}),
    ],
)  # fmt: skip
def test_a_member_that_breaks_its_rule_is_named(member, wrong):
    """The refusal says which member is wrong."""
    with pytest.raises(MalformedMessageError, match=f"^malformed: {member}"):
        Certificate.from_object({**certificate().model_dump(), member: wrong})


def test_the_old_key_hands_over():
    """Whoever sealed a rotation held both keys, and it says which."""
    opened = Rotation.opened(sealed(rotation(), Seal.ROTATION, SCOUT))

    assert opened == rotation()
    assert opened.old == SCOUT.public_key


@pytest.mark.parametrize(
    "raw",
    [
        sealed(rotation(), Seal.ROTATION, SCOUT_NEW),
        sealed(rotation(), Seal.ROTATION, ANNA),
        sealed(rotation(), Seal.ROTATION, None),
        sealed(rotation(), Seal.MESSAGE, SCOUT),
        sealed(rotation(), Seal.ROTATION, SCOUT).replace(text(SCOUT_NEW).encode(), text(STRANGER).encode()),
        sealed(rotation(), Seal.ROTATION, SCOUT)[:-9],
        b"", b"{}", b"no JSON",
    ],
    ids=["by the new key", "by an operator", "by nobody", "as a message", "changed", "cut", "empty", "{}", "no JSON"],
)  # fmt: skip
def test_nobody_else_can_hand_a_key_over(raw):
    """A rotation that the old key did not seal is none, whatever is wrong with it."""
    assert Rotation.opened(raw) is None


def test_a_certificate_shows_that_its_key_was_handed_over():
    """The new key follows the old one, for whoever remembers the old one and for nobody else."""
    made = certificate(previous=handed_over(rotation()))

    assert made.predecessor() == SCOUT.public_key
    assert made.predecessor() != SCOUT_NEW.public_key
    assert made.predecessor() != STRANGER.public_key


@pytest.mark.parametrize(
    "previous",
    [
        None,
        handed_over(rotation(bus=an_id(1))),
        handed_over(rotation(agent="planner")),
        handed_over(rotation(new_key=text(STRANGER))),
        handed_over(rotation(old_key=text(STRANGER)), STRANGER),
        handed_over(rotation(), STRANGER),
        Previous(rotation="", until=NOW),
    ],
    ids=["none", "another bus", "another agent", "another new key", "another old key", "by a stranger", "empty"],
)
def test_a_rotation_for_something_else_hands_nothing_over(previous):
    """A rotation of another bus, agent or key, copied into a certificate, proves nothing there."""
    assert certificate(previous=previous).predecessor() != SCOUT.public_key


@pytest.mark.parametrize("trust", Trust)
def test_certified_is_proven_and_revoked_is_not(trust):
    """A sender is proven as far as its mail may be acted on where signatures are asked for."""
    assert trust.proven is may_act(trust, Policy.PINNED)
