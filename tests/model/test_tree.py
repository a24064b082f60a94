"""The tree is a public format: each key is where docs/format.md says, and legal on every drive."""

from datetime import date, timedelta

import pytest

from somabus.model import tree
from somabus.model.ids import microseconds, uuid7
from somabus.model.slot import Event, State
from somabus.store.port import check_key
from tests.model.examples import ID, NOW

KEYS = {
    "registry/scout/card.json": tree.card("scout"),
    "registry/scout/heartbeat.json": tree.heartbeat("scout"),
    "registry/scout/cursors.json": tree.cursors("scout"),
    "messages/scout/outbox": tree.outbox("scout"),
    "messages/scout/keys/ab12.json": tree.sent_key("scout", "ab12"),
    "messages/scout/keys/ab12.post.json": tree.posted_key("scout", "ab12"),
    "channels/general": tree.channel("general"),
    "channels/arc=wiki": tree.channel("arc:wiki"),
    "channels/arc=wiki/scratchpad": tree.scratchpad("arc:wiki"),
    "leases/deploy": tree.lease("deploy"),
    "leases/deploy/000000001.json": tree.lease("deploy", 1),
    f"messages/scout/done/2026-01-05/{ID}.json": tree.done("scout", date(2026, 1, 5), ID, Event.ACK),
    f"messages/scout/done/2026-01-05/{ID}.expired.json": tree.done("scout", date(2026, 1, 5), ID, Event.EXPIRE),
    **{
        f"messages/scout/{state}": tree.box("scout", State(state))
        for state in ("inbox", "later", "claimed", "done", "dead")
    },
}


@pytest.mark.parametrize("written", KEYS)
def test_each_thing_lies_where_the_format_says(written):
    """Another language finds every document under the documented key, and every drive can hold it."""
    assert KEYS[written] == written
    assert check_key(written) == written.lower()


def test_lease_records_sort_by_their_number():
    """The last name of a listing is the highest generation, the one that counts."""
    names = [tree.lease("deploy", generation) for generation in (1, 2, 9, 10, 99, 100, 999_999_999)]

    assert names == sorted(names)


def made(at):
    """Return the id of a message made then."""
    return uuid7(microseconds(at), bytes(8))


@pytest.mark.parametrize(
    ("days", "looked_at"), [(-30, False), (-3, False), (-2, True), (0, True), (1, True), (400, True)]
)
def test_a_done_message_is_looked_for_since_its_making(days, looked_at):
    """Every day since the making of a message may hold its end, two days of a clock put back included; none before."""
    day = (NOW + timedelta(days=days)).date().isoformat()

    assert (day >= tree.earliest_end(made(NOW), NOW + timedelta(days=500))) is looked_at


def test_a_clock_that_is_ahead_hides_no_end():
    """The end of a message whose sender's clock is weeks ahead is looked for on the drive's own days."""
    assert NOW.date().isoformat() >= tree.earliest_end(made(NOW + timedelta(days=30)), NOW)
