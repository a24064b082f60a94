"""The record of a lease: free when it was released, or when it ended longer ago than the drive may hide."""

from datetime import timedelta

import pytest

from somabus.errors import MalformedMessageError
from somabus.model import wire
from somabus.model.leases import LeaseRecord
from tests.model.examples import NOW

RECORD = LeaseRecord(name="deploy", generation=3, agent="scout", holder="scout@here", taken_at=NOW, ends_at=NOW)


@pytest.mark.parametrize(("seconds", "free"), [(-1, False), (0, False), (9, False), (10, True), (11, True)])
def test_a_lease_is_free_once_its_end_is_sure(seconds, free):
    """A renewal that this machine cannot see yet is waited for, exactly as long as the drive may hide it."""
    assert RECORD.free(NOW + timedelta(seconds=seconds), timedelta(seconds=10)) is free


def test_a_released_lease_is_free_at_once():
    """Who gives a lease back spares the next one the wait."""
    assert RECORD.model_copy(update={"released": True}).free(NOW - timedelta(days=1), timedelta(seconds=10))


def test_what_is_written_is_read_back():
    """A record comes back from the drive as it was written."""
    assert LeaseRecord.from_object(wire.parse_object(RECORD.to_json())) == RECORD


@pytest.mark.parametrize(
    ("member", "wrong"), [("generation", 0), ("name", "../x"), ("holder", "x" * 201), ("ends_at", None)]
)
def test_a_member_that_breaks_its_rule_is_named(member, wrong):
    """A damaged record is noticed, and says where."""
    with pytest.raises(MalformedMessageError, match=f"^malformed: {member}"):
        LeaseRecord.from_object({**RECORD.model_dump(), member: wrong})
