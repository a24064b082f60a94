"""The documents of the registry and the root: they survive the drive, and what breaks their rules is named."""

from datetime import timedelta

import pytest

from somabus.errors import MalformedMessageError, UnsupportedFormatError
from somabus.model import signing, wire
from somabus.model.bus import Bus, BusPolicy
from somabus.model.card import Card
from somabus.model.heartbeat import Beat, Heartbeat, Outcome
from somabus.model.trust import Policy
from tests.model.examples import ID, NOW

KEY = bytes(range(32))
CARD = Card(
    bus=ID, name="scout", public_key=signing.to_text(KEY), joined_at=NOW, cadence="6h", every_s=21600.0, skills=("smb",)
)
BEAT = Beat(number=3, due_at=NOW, started_at=NOW, finished_at=NOW, outcome=Outcome.OK, missed=2)
HEARTBEAT = Heartbeat(
    bus=ID, agent="scout", written_at=NOW, beat=BEAT, every_s=1.5, next_due_at=NOW, checks={"disk": "ok"}
)
BUS = Bus(
    bus=ID,
    name="soma",
    created_at=NOW,
    policy=BusPolicy(trust=Policy.OPEN),
    operators=({"name": "anna", "public_key": "A" * 43, "since": NOW},),
)
DOCUMENTS = [CARD, HEARTBEAT, BUS]


@pytest.mark.parametrize("value", DOCUMENTS, ids=lambda value: type(value).__name__)
def test_what_is_written_is_read_back(value):
    """Card, heartbeat and bus come back from the drive as they were written."""
    assert type(value).from_object(wire.parse_object(value.to_json())) == value


@pytest.mark.parametrize("value", DOCUMENTS, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("found", [2, None, True])
def test_another_format_is_not_guessed_at(value, found):
    """A document of a newer format asks for an update."""
    with pytest.raises(UnsupportedFormatError):
        type(value).from_object({**wire.parse_object(value.to_json()), "format": found})


@pytest.mark.parametrize("value", DOCUMENTS, ids=lambda value: type(value).__name__)
def test_an_unknown_member_does_no_harm(value):
    """A later minor version may add members."""
    assert type(value).from_object({**wire.parse_object(value.to_json()), "mood": "good"}) == value


@pytest.mark.parametrize(
    ("value", "member", "wrong"),
    [
        (CARD, "name", "Scout"), (CARD, "name", "../up"), (CARD, "bus", "x"), (CARD, "public_key", ""),
        (CARD, "public_key", signing.to_text(KEY[:31])), (CARD, "public_key", signing.to_text(KEY) + "="),
        (CARD, "public_key", "é" * 43), (CARD, "every_s", 0), (CARD, "every_s", -1), (CARD, "every_s", float("inf")),
        (CARD, "every_s", float("nan")), (CARD, "joined_at", "2026-01-05T12:00:00"), (CARD, "display_name", "x" * 81),
        (CARD, "skills", ["x"] * 65), (CARD, "skills", ["x" * 81]), (CARD, "cadence", "x" * 101),
        (HEARTBEAT, "agent", "Scout"), (HEARTBEAT, "every_s", 0), (HEARTBEAT, "unread", -1), (HEARTBEAT, "dead", -1),
        (HEARTBEAT, "spooled", -1), (HEARTBEAT, "next_due_at", None), (HEARTBEAT, "host", "x" * 121),
        (HEARTBEAT, "version", "x" * 41), (HEARTBEAT, "checks", {"a": "x" * 501}),
        (HEARTBEAT, "checks", {str(n): "" for n in range(101)}), (HEARTBEAT, "load", float("nan")),
        (HEARTBEAT, "beat", {**BEAT.model_dump(), "number": 0}),
        (HEARTBEAT, "beat", {**BEAT.model_dump(), "missed": -1}),
        (HEARTBEAT, "beat", {**BEAT.model_dump(), "outcome": "well"}),
        (BUS, "bus", ID.upper()), (BUS, "name", "x" * 81), (BUS, "created_at", None),
        (BUS, "policy", {"trust": "none"}),
        (BUS, "policy", {"hop_limit": 0}), (BUS, "policy", {"hop_limit": 10_001}), (BUS, "policy", {"staleness_s": -1}),
        (BUS, "policy", {"staleness_s": 3601}), (BUS, "operators", ["x"]),
    ],
)  # fmt: skip
def test_a_member_that_breaks_its_rule_is_named(value, member, wrong):
    """The refusal says which member is wrong."""
    with pytest.raises(MalformedMessageError, match=f"^malformed: {member}"):
        type(value).from_object({**value.model_dump(), member: wrong})


def test_a_card_shows_its_key_and_the_short_form_people_compare():
    """`name #1a2b3c4d` is computed from the key in the card, and stored nowhere."""
    assert CARD.key == KEY
    assert CARD.short == signing.short(KEY)
    assert CARD.short not in CARD.to_json().decode()


def test_a_beat_that_did_not_end_says_so():
    """A beat is running until its end is written: a kill on the way leaves the truth behind."""
    beat = Beat(number=1, due_at=NOW, started_at=NOW)

    assert (beat.outcome, beat.finished_at, beat.missed) == (Outcome.RUNNING, None, 0)


def test_a_new_bus_trusts_signed_mail_only():
    """Unless its operator says more, a bus acts on mail of remembered keys alone, and gives the drive ten seconds."""
    policy = Bus(bus=ID, created_at=NOW).policy

    assert (policy.trust, policy.staleness) == (Policy.PINNED, timedelta(seconds=10))


def test_what_is_unknown_is_not_nought():
    """Free space and load that could not be measured are null, which is not zero."""
    found = wire.parse_object(HEARTBEAT.to_json())

    assert [found[name] for name in ("disk_free_here", "disk_free_drive", "load", "clock_offset_s")] == [None] * 4
