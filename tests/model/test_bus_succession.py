"""From version to version of somabus.json a signature leads, or the version before goes on holding."""

from datetime import timedelta

import pytest

from somabus.errors import MalformedMessageError
from somabus.model import signing, wire
from somabus.model.bus import MOST_OPERATORS, Bus, BusPolicy, succession_fault
from somabus.model.envelope import Seal, split
from tests.model.examples import ID, NOW, an_id
from tests.model.signed import ANNA, BERT, STRANGER, bus, operator, sealed, text

BOTH = (("anna", ANNA), ("bert", BERT))
UNOWNED = bus(0, ())


def fault(old, new, signer, seal=Seal.BUS):
    """Say what is wrong with a version that a signer sealed."""
    return succession_fault(old, new, split(sealed(new, seal, signer)))


@pytest.mark.parametrize(
    ("old", "new", "signer"),
    [
        (UNOWNED, bus(1), ANNA),
        (bus(1), bus(2), ANNA),
        (bus(1), bus(2, BOTH), ANNA),
        (bus(1, BOTH), bus(2, BOTH), BERT),
        (bus(1, BOTH), bus(2), BERT),
        (bus(1), bus(2, (("bert", BERT),)), ANNA),
        (bus(7), bus(8, policy={"trust": "certified"}), ANNA),
    ],
    ids=["the first operator", "the same again", "one more", "another signs", "one leaves", "all is handed over",
         "another policy"],
)  # fmt: skip
def test_an_operator_of_the_version_before_leads_on(old, new, signer):
    """Whoever the last version names may write the next one; the very first operator signs for itself."""
    assert fault(old, new, signer) == ""


@pytest.mark.parametrize(
    ("old", "new", "signer", "said"),
    [
        (bus(1), bus(2, BOTH), BERT, "no operator of the version before it signed it"),
        (bus(1), bus(2), STRANGER, "no operator of the version before it signed it"),
        (bus(1), bus(2), None, "no operator of the version before it signed it"),
        (UNOWNED, bus(1), STRANGER, "no operator of the version before it signed it"),
        (UNOWNED, bus(1), None, "no operator of the version before it signed it"),
        (bus(1), bus(2, ()), ANNA, "it names no operator"),
        (UNOWNED, bus(1, ()), ANNA, "it names no operator"),
        (bus(1), bus(1), ANNA, "version 1 does not follow version 1"),
        (bus(1), bus(3), ANNA, "version 3 does not follow version 1"),
        (bus(2), bus(1), ANNA, "version 1 does not follow version 2"),
        (UNOWNED, bus(2), ANNA, "version 2 does not follow version 0"),
        (bus(1), bus(2, bus=an_id(1)), ANNA, "it is another bus"),
        (bus(1), bus(2, created_at=NOW + timedelta(seconds=1)), ANNA, "it is another bus"),
    ],
)
def test_whatever_else_is_written_there_does_not_follow(old, new, signer, said):
    """A newcomer's own signature, a stranger's, none, a version left out or repeated, another bus: each is named."""
    assert fault(old, new, signer) == said


@pytest.mark.parametrize("seal", [each for each in Seal if each is not Seal.BUS])
def test_a_signature_over_something_else_does_not_pass(seal):
    """What an operator signed as another kind of document never becomes a version of the bus."""
    assert fault(bus(1), bus(2), ANNA, seal) == "no operator of the version before it signed it"


def test_a_version_changed_after_it_was_signed_does_not_follow():
    """The signature is over the bytes: one member changed, and it is nobody's."""
    raw = sealed(bus(2), Seal.BUS, ANNA).replace(b'"hop_limit":16', b'"hop_limit":17')
    changed = Bus.from_object(wire.parse_object(split(raw).body))

    assert changed.policy.hop_limit == 17
    assert succession_fault(bus(1), changed, split(raw)) == "no operator of the version before it signed it"


def test_the_signer_is_named():
    """Readers learn which operator sealed a document, and that none did."""
    both = bus(1, BOTH)

    assert both.signer_of(split(sealed(both, Seal.BUS, BERT)), Seal.BUS) == operator("bert", BERT)
    assert both.signer_of(split(sealed(both, Seal.BUS, STRANGER)), Seal.BUS) is None


def test_an_operator_shows_the_short_form_people_compare():
    """`anna #1a2b3c4d` is computed from the key that the bus names."""
    anna = operator("anna", ANNA)

    assert (anna.key, anna.short) == (ANNA.public_key, signing.short(ANNA.public_key))


def test_a_bus_is_owned_from_its_first_operator_on():
    """Without operators there are no certificates and no revocations to ask for."""
    assert (UNOWNED.owned, bus(1).owned) == (False, True)


def test_a_new_bus_protects_the_shell():
    """Nobody need think of it: mail of kind `shell` is protected from the first day, and one category is there."""
    assert (BusPolicy().protected, BusPolicy().categories) == (("shell",), ("general",))


@pytest.mark.parametrize(
    ("member", "wrong"),
    [
        ("version", -1), ("version", "x"), ("operators", [{"name": "Anna", "public_key": text(ANNA), "since": NOW}]),
        ("operators", [{"name": "anna", "public_key": text(ANNA)[:-1], "since": NOW}]),
        ("operators", [{"name": "anna", "public_key": text(ANNA)}]),
        ("operators", [operator("anna", ANNA)] * (MOST_OPERATORS + 1)),
        ("policy", {"categories": []}), ("policy", {"categories": ["Deploy"]}), ("policy", {"categories": ["a"] * 65}),
        ("policy", {"protected": ["../up"]}), ("policy", {"protected": ["a"] * 257}),
    ],
)  # fmt: skip
def test_a_member_that_breaks_its_rule_is_named(member, wrong):
    """The refusal says which member is wrong."""
    with pytest.raises(MalformedMessageError, match=f"^malformed: {member}"):
        Bus.from_object({**bus(1).model_dump(), member: wrong})


def test_an_old_bus_has_version_nought():
    """A bus of the time before operators is read as it is: version 0, nobody's."""
    found = Bus.from_object({"format": 1, "bus": ID, "created_at": "2026-01-05T12:00:00Z"})

    assert (found.version, found.owned) == (0, False)
