"""Somebody deletes, plants or hides an entry of a log: what is written and posted later is still found, counted and read."""

import pytest

from somabus import Insight
from somabus.errors import StaleVersionError
from somabus.log import Log
from somabus.model import tree
from somabus.testing import World

ARC = "arc:wiki"


@pytest.fixture
def world():
    """A bus in memory."""
    return World()


@pytest.fixture
def scout(world):
    """One who reads and writes."""
    return world.agent("scout")


@pytest.fixture
def planner(world):
    """Another one."""
    return world.agent("planner")


def key(log, number):
    """Return where an entry lies."""
    return f"{log}/{number // 1000:07d}/{number:010d}.json"


def hide(world, log, number):
    """Take an entry away, as a deletion does, or a drive that lists late; return what puts it back."""
    raw = world.store.read(key(log, number))
    world.store.delete(key(log, number))
    return lambda: world.store.create(key(log, number), raw)


# -- channels ------------------------------------------------------------------------------------------------------


def test_an_own_post_behind_a_gap_hides_nobody_elses_before_it(world, scout, planner):
    """While a drive shows one post late, the posts of others before it are counted, whatever this agent has posted behind it."""
    scout.subscribe("general")
    planner.post("general", "one")
    planner.post("general", "two")
    scout.post("general", "mine")

    show = hide(world, "channels/general", 2)
    assert scout.unread == 1

    show()
    assert scout.unread == 2


def test_a_reading_is_no_longer_than_was_asked_for(scout, planner):
    """`limit` holds also for an agent that has posted much between what it has not read; nothing is left out, and nothing comes twice."""
    scout.subscribe("general")
    for n in range(6):
        planner.post("general", f"{n}")
        scout.post("general", "mine")
    planner.post("general", "6")

    read = []
    while reading := scout.read(limit=2):
        assert len(reading) <= 2
        read += [post.message.body for post in reading]

    assert read == [str(n) for n in range(7)]
    assert scout.unread == 0


def test_a_channel_goes_on_behind_a_deleted_post(world, scout, planner):
    """After a deletion a channel still shows its last post, and whoever has read on counts what comes."""
    scout.subscribe("general")
    for n in range(3):
        planner.post("general", f"{n}")
    scout.read()
    world.store.delete(key("channels/general", 2))

    number = planner.post("general", "behind").number
    (shown,) = world.agent("scout").channels()

    assert (number, shown.posts, shown.last.message.body, shown.unread) == (4, 4, "behind", 1)
    assert [post.message.body for post in world.agent("scout").read()] == ["behind"]


def test_following_from_now_on_begins_behind_everything(world, scout, planner):
    """Who follows a channel from now on has nothing of the past to read, a gap in it or not."""
    for n in range(4):
        planner.post("general", f"{n}")
    world.store.delete(key("channels/general", 2))

    scout.subscribe("general", history=False)
    planner.post("general", "new")

    assert scout.unread == 1
    assert [post.message.body for post in scout.read()] == ["new"]


# -- scratchpads ---------------------------------------------------------------------------------------------------


def test_a_scratchpad_goes_on_behind_a_deleted_version(world, scout):
    """After a version was deleted, what is written is what is read: it does not come into the gap, below an older text."""
    pad = scout.arc(ARC).scratchpad
    for text in ("one", "two", "three"):
        pad.write(text)
    world.store.delete(key(tree.scratchpad(ARC), 2))

    assert (pad.read().number, pad.read().text) == (3, "three")
    assert pad.write("four", based_on=3).number == 4
    assert (pad.read().number, pad.read().text) == (4, "four")
    assert [(each.number, each.text) for each in pad.history()] == [(1, "one"), (3, "three"), (4, "four")]


@pytest.mark.parametrize("planted", [b"", b"{}", b"no version"])
def test_a_planted_version_keeps_nobody_from_writing(world, scout, planted):
    """What lies there as the newest version and is none is passed over: whoever read the true one may write behind it."""
    pad = scout.arc(ARC).scratchpad
    pad.write("one")
    world.store.create(key(tree.scratchpad(ARC), 2), planted)

    assert pad.read().number == 1
    assert pad.write("two", based_on=1).text == "two"
    assert pad.read().text == "two"


@pytest.mark.parametrize("based_on", [0, 1, 9])
def test_who_read_another_version_is_told_which_is_the_newest(scout, planner, based_on):
    """A text that is based on another version than the newest is refused, with both numbers, and nothing is written."""
    pad = scout.arc(ARC).scratchpad
    pad.write("one")
    pad.write("two")
    pad.release()

    with pytest.raises(StaleVersionError) as refused:
        planner.arc(ARC).scratchpad.write("mine", based_on=based_on)

    assert (refused.value.based_on, refused.value.newest) == (based_on, 2)
    assert pad.read().text == "two"
    assert pad.owner() is None


# -- outboxes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gone", [1, 2])
def test_an_insight_is_heard_behind_one_that_was_deleted(world, scout, planner, gone):
    """Whatever was deleted of an agent's outbox, its peers hear what it shares later."""
    for n in range(3):
        scout.share(Insight(topic="t", statement=f"{n}", confidence=1))
    planner.beat()
    world.store.delete(key(tree.outbox("scout"), gone))

    number = scout.share(Insight(topic="t", statement="later", confidence=1))

    assert number == 4
    assert [each["statement"] for each in planner.beat().learned] == ["later"]


def test_what_was_planted_ahead_draws_no_outbox_after_it(world, scout, planner):
    """A number that the owner never wrote, far ahead in its outbox, leaves no gap before the next insight."""
    scout.share(Insight(topic="t", statement="0", confidence=1))
    Log(world.store, tree.outbox("scout")).append_at(50, b"{}")

    assert scout.share(Insight(topic="t", statement="1", confidence=1)) == 2
    assert [each["statement"] for each in planner.beat().learned] == ["0", "1"]
