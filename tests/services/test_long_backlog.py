"""A backlog of any length is drained in order and within the same memory, a page of names at a time."""

import pytest

from somabus import Draft, box, tried
from somabus.testing import World


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch):
    """Three names a page, and four names remembered: what else takes a hundred thousand messages."""
    monkeypatch.setattr(box, "_FIRST_PAGE", 2)
    monkeypatch.setattr(box, "_PAGE", 3)
    monkeypatch.setattr(tried, "_REMEMBERED", 2)


@pytest.fixture
def team():
    """Who sends, and who has a long backlog."""
    world = World()
    scout, planner = world.agent("scout"), world.agent("planner")
    scout.send_many([Draft("planner", str(n), kind="note" if n % 4 else "question") for n in range(20)])
    return scout, planner


def test_a_backlog_is_drained_in_order(team):
    """Whatever the number of pages, each message is delivered once, the oldest first."""
    bodies = []
    for delivery in team[1].inbox.drain():
        with delivery as message:
            bodies.append(int(message.body))

    assert bodies == list(range(20))


@pytest.mark.parametrize("settle", ["nack", "release", "hold"])
def test_what_is_not_done_with_comes_no_second_time(team, settle):
    """What was given back, or is still held, is for the next drain, however many names this one has seen since."""
    held, bodies = [], []
    for delivery in team[1].inbox.drain():
        bodies.append(int(delivery.message.body))
        held.append(delivery)
        if settle != "hold":
            getattr(delivery, settle)()

    assert bodies == list(range(20))


def test_wanted_mail_is_reached_behind_any_number_that_is_declined(team):
    """Mail that nobody wants, pages of it, hides none that somebody wants."""
    found = [
        delivery.message.body for delivery in team[1].inbox.drain(wanted=lambda message: message.kind == "question")
    ]

    assert found == ["0", "4", "8", "12", "16"]


def test_as_many_as_were_asked_for(team):
    """A limit ends a drain within a page as between two."""
    assert [len(list(team[1].inbox.drain(limit=limit))) for limit in (1, 0, 3, -1, 7)] == [1, 0, 3, 0, 7]


def test_a_drain_can_be_closed(team):
    """Whoever breaks off a drain may close it; what was not given waits on."""
    drain = team[1].inbox.drain(limit=5)
    next(drain).ack()
    drain.close()

    assert team[1].inbox.unread() == 19
