"""The tree is a public format: each key is where docs/format.md says, and legal on every drive."""

from datetime import UTC, date, datetime, timedelta

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


@pytest.mark.parametrize("age", [0, 1, 2, 39, 40])
def test_a_done_message_is_looked_for_since_its_making(age):
    """Every day from today back to the making of the message is looked at, latest first, and none twice."""
    days = tree.done_days(made(NOW - timedelta(days=age)), NOW)

    assert days == [NOW.date() - timedelta(days=n) for n in range(age + 1)]


def test_nobody_looks_back_further_than_done_is_kept():
    """A very old id costs a bounded number of looks."""
    assert len(tree.done_days(made(datetime(1999, 1, 1, tzinfo=UTC)), NOW)) == 41


def test_an_id_of_the_future_is_looked_for_today():
    """A sender whose clock is ahead does not make its message impossible to find."""
    assert tree.done_days(made(NOW + timedelta(days=9)), NOW) == [NOW.date()]
