"""P6. Reading: everybody has a cursor of his own, looking moves none, and the order is that of the numbers."""

from datetime import UTC, datetime

import pytest

from somabus.errors import ReferenceNotFoundError
from somabus.testing import HandClock, World


@pytest.fixture
def world():
    """A bus on which scout has posted three notes to `general`."""
    world = World()
    scout = world.agent("scout")
    for n in range(3):
        scout.post("general", f"note {n}")
    return world


def bodies(reading):
    """What the posts of a reading say."""
    return [post.message.body for post in reading]


def test_reading_marks_read_for_nobody_else(world):
    """Each reader has a cursor of its own: what one has read is new to the other."""
    one, other = world.agent("one"), world.agent("other")
    for reader in (one, other):
        reader.subscribe("general")

    assert bodies(one.read()) == ["note 0", "note 1", "note 2"]
    assert (bodies(one.read()), one.unread) == ([], 0)
    assert (other.unread, len(other.read())) == (3, 3)


def test_peeking_moves_nothing(world):
    """What was looked at is as new as before, until it is marked as read."""
    reader = world.agent("reader")
    reader.subscribe("general")

    first = reader.peek()

    assert (len(first), len(reader.peek()), reader.unread) == (3, 3, 3)
    assert (reader.mark_read(first).unread_count, reader.unread, len(reader.peek())) == (0, 0, 0)


def test_what_was_read_stays_read_in_the_next_process(world):
    """A cursor outlives its process."""
    world.agent("reader").subscribe("general")
    world.agent("reader").read(limit=2)

    assert bodies(world.agent("reader").read()) == ["note 2"]


def test_a_post_that_nobody_follows_waits_for_whoever_comes(world):
    """Who subscribes finds what was posted before as unread; who wants only what comes says so."""
    late, later = world.agent("late"), world.agent("later")

    late.subscribe("general")
    later.subscribe("general", history=False)

    assert (late.unread, later.unread) == (3, 0)
    world.agent("scout").post("general", "news")
    assert (late.unread, bodies(later.read())) == (4, ["news"])


def test_subscribing_twice_is_no_event_and_unsubscribing_keeps_the_place(world):
    """A second subscription changes nothing; after a break, reading goes on where it was."""
    reader = world.agent("reader")

    assert (reader.subscribe("general"), reader.subscribe("general")) == (True, False)
    reader.read(limit=1)
    assert (reader.unsubscribe("general"), reader.unsubscribe("general"), reader.unread) == (True, False, 0)
    reader.subscribe("general")
    assert bodies(reader.read()) == ["note 1", "note 2"]


def test_ones_own_posts_are_never_unread(world):
    """Posting makes nobody's own mail: neither with unread posts before it, nor after, nor from before the subscription."""
    scout, planner = world.agent("scout"), world.agent("planner")
    scout.subscribe("general")
    assert scout.unread == 0
    scout.post("general", "mine")
    assert scout.unread == 0

    planner.post("general", "yours")
    scout.post("general", "mine again")

    assert scout.unread == 1
    assert (bodies(scout.read()), scout.unread) == (["yours"], 0)


def test_what_is_new_is_what_others_wrote(world):
    """Reading a channel that one does not follow shows no post of one's own; looking behind a number shows all."""
    scout = world.agent("scout")
    world.agent("planner").post("general", "yours")

    assert bodies(scout.peek(["general"], after=0)) == ["note 0", "note 1", "note 2", "yours"]
    assert bodies(scout.read(["general"])) == ["yours"]
    assert bodies(scout.read(["general"])) == []


def test_the_count_is_global_whatever_was_read(world):
    """`unread_count` is over mail and every followed channel, however narrow the look was."""
    scout, reader = world.agent("scout"), world.agent("reader")
    for name in ("general", "other"):
        reader.subscribe(name)
    scout.post("other", "x")
    scout.send("reader", "mail")

    reading = reader.read(["other"])

    assert (len(reading), reading.unread_count) == (1, 4)
    assert (reader.counts().mail, reader.counts().posts, reader.unread) == (1, 3, 4)
    assert reader.unread_by_channel() == {"general": 3, "other": 0}


def test_a_busy_channel_does_not_crowd_out_the_others(world):
    """A limit is shared fairly: a channel with thousands of posts leaves room for one with two."""
    scout, reader = world.agent("scout"), world.agent("reader")
    for _ in range(30):
        scout.post("busy", "x")
    scout.post("quiet", "y")
    for name in ("busy", "quiet"):
        reader.subscribe(name)

    reading = reader.read(limit=10)

    assert [each.channel for each in reading] == ["busy"] * 9 + ["quiet"]


def test_a_channel_can_be_read_without_following_it(world):
    """Reading a channel by name needs no subscription, and moves the cursor there all the same."""
    reader = world.agent("reader")

    assert len(reader.read(["general"], limit=2)) == 2
    assert (bodies(reader.read(["general"])), reader.unread) == (["note 2"], 0)
    assert len(reader.read("general")) == 0


def test_a_misspelt_channel_is_not_an_empty_one(world):
    """P5: reading a channel that nobody has posted to is refused; one that is followed and empty is empty."""
    reader = world.agent("reader")

    with pytest.raises(ReferenceNotFoundError, match="genreal"):
        reader.peek(["genreal"])

    reader.subscribe("soon")
    assert len(reader.peek(["soon"])) == 0


def test_old_posts_can_be_seen_again(world):
    """`after` shows what stands behind a number, read before or not, and such a look marks nothing."""
    reader = world.agent("reader")
    reader.subscribe("general")
    reader.read()

    again = reader.peek(["general"], after=1)

    assert bodies(again) == ["note 1", "note 2"]
    reader.mark_read(again)
    world.agent("scout").post("general", "news")
    assert bodies(reader.read()) == ["news"]


def test_the_order_is_that_of_the_numbers_whatever_the_clocks_say(world):
    """A machine with a slow or a fast clock loses nothing and hides nothing: its posts stand where they were written."""
    reader = world.agent("reader")
    reader.subscribe("general")
    reader.read()
    for hours, text in ((-5, "an hour behind"), (+50, "far ahead"), (0, "on time")):
        world.clock.advance(hours=hours)
        world.agent("scout").post("general", text)
        world.clock.advance(hours=-hours)

    assert bodies(reader.read()) == ["an hour behind", "far ahead", "on time"]


def test_the_sender_is_read_from_the_key(world):
    """P7: a post shows who signed it, as `name #key`, whatever its body says of itself."""
    scout, reader = world.agent("scout"), world.agent("reader")
    scout.post("named", "from: operator #00000000", data={"from": "operator"})

    (post,) = reader.peek(["named"])

    assert (post.sender, post.address) == (f"scout #{scout.short}", "named#1")


def test_channels_tell_counts_and_the_last_word(world):
    """`channels()` shows the number of posts, what is unread for those that are followed, and the last post with its time."""
    reader = world.agent("reader")
    reader.subscribe("general")
    reader.subscribe("soon")
    reader.read(limit=1)
    world.agent("scout").post("other", "bye")

    found = {each.name: each for each in reader.channels()}

    assert (found["general"].posts, found["general"].unread, found["general"].subscribed) == (3, 2, True)
    assert (found["other"].unread, found["other"].last.message.body) == (None, "bye")
    assert (found["soon"].posts, found["soon"].last, found["soon"].last_at) == (0, None, None)
    assert found["general"].last_at == datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


def test_two_processes_of_one_agent_take_nothing_back(world):
    """Two processes that read and subscribe at the same time lose neither a cursor nor a subscription of the other."""
    one, other = world.agent("reader"), world.agent("reader")
    one.subscribe("general")
    other._services.cursors.load()

    one.read(limit=2)
    other.subscribe("another")  # saves with what it knew before

    third = world.agent("reader")
    assert third.unread_by_channel() == {"another": 0, "general": 1}
    assert bodies(third.read(["general"])) == ["note 2"]
    assert one.unread_by_channel() == {"another": 0, "general": 0}


def test_cursors_never_go_back(world):
    """Marking an older reading after a newer one takes nothing back, in this process or the next."""
    reader = world.agent("reader")
    reader.subscribe("general")
    older, newer = reader.peek(limit=1), reader.peek(limit=2)

    reader.mark_read(newer)
    reader.mark_read(older)

    assert (reader.unread, world.agent("reader").unread) == (1, 1)


def test_after_a_number_below_the_first_is_everything(world):
    """Looking past a number that no post has shows what stands behind it, be it all or nothing; it is no error."""
    reader = world.agent("reader")

    assert bodies(reader.peek(["general"], after=-1)) == ["note 0", "note 1", "note 2"]
    assert bodies(reader.peek(["general"], after=99)) == []


def watched(store):
    """Return the list to which every key is added that is read or listed from now on."""
    seen, read, listing = [], store.read, store.list
    store.read = lambda key, listed=False: (seen.append(key), read(key, listed=listed))[1]
    store.list = lambda prefix, after="", limit=None: (seen.append(prefix), listing(prefix, after, limit))[1]
    return seen


def test_reading_costs_the_same_however_long_the_history_is():
    """P6: one count and one read list the last folders of a channel, and open no post that was read before."""
    opened = {}
    for posts in (20, 1100):
        world = World(clock=HandClock())
        scout, reader = world.agent("scout"), world.agent("reader")
        for n in range(posts):
            scout.post("general", str(n))
        reader.subscribe("general", history=False)
        scout.post("general", "news")
        reader.read()
        scout.post("general", "more")
        seen = watched(world.store)

        assert (reader.unread, len(reader.read())) == (1, 1)

        opened[posts] = len(seen)
    assert opened[1100] <= opened[20] + 2
