"""P5, P14. A damaged log is told with its numbers and the rest is read; a damaged cursor loses and repeats nothing."""

import threading
from datetime import timedelta

import pytest

from somabus import create_bus
from somabus.agent import Agent
from somabus.model import tree
from somabus.store.directory import DirectoryStore
from somabus.testing import HandClock, World

LOG = "channels/general/0000000"


def key(number):
    """Where a post of `general` lies."""
    return f"{LOG}/{number:010d}.json"


@pytest.fixture(params=["memory", "directory"])
def world(request, tmp_path):
    """A bus, in memory and on a real folder, on which scout has posted six notes to `general`, which reader follows."""
    clock = HandClock()
    real = request.param == "directory"
    world = World(DirectoryStore(str(tmp_path), writer="w", durability="none", now=clock.now) if real else None, clock)
    scout = world.agent("scout")
    for n in range(1, 7):
        scout.post("general", f"note {n}")
    world.agent("reader").subscribe("general")
    return world


def numbers(posts):
    """The numbers of posts."""
    return [each.number for each in posts]


def test_a_hole_is_told_waited_for_and_the_rest_is_readable(world):
    """A missing number is reported at once and waited for an hour; what stands behind it can be looked at meanwhile, and is read on afterwards."""
    world.store.delete(key(3))
    reader = world.agent("reader")

    reading = reader.read()
    assert (numbers(reading.posts), numbers(reading.faults)) == ([1, 2], [3])
    assert "after=3" in reading.faults[0].fault
    assert numbers(reader.peek(["general"], after=3).posts) == [4, 5, 6]
    assert numbers(reader.read().faults) == [3]

    world.clock.advance(hours=1)
    reading = world.agent("reader").read()
    assert (numbers(reading.posts), numbers(reading.faults)) == ([4, 5, 6], [3])
    assert "deleted" in reading.faults[0].fault
    assert world.agent("reader").unread == 0


def test_what_stands_behind_a_hole_is_unread(world):
    """P6: a post that is deleted right in front of a reader hides none behind it: they count, and a session is told."""
    reader = world.agent("reader")
    assert numbers(reader.read(limit=2).posts) == [1, 2]
    world.store.delete(key(3))

    assert world.agent("reader").unread == 3
    assert world.agent("reader").announce("chat").posts == 3
    world.clock.advance(hours=1)
    world.agent("reader").read()
    world.clock.advance(hours=1)
    world.agent("reader").read()
    assert world.agent("reader").unread == 0


def test_what_is_planted_behind_the_end_is_not_unread(world):
    """A number far ahead that no writer wrote neither counts nor wakes anybody."""
    world.agent("reader").read()
    world.store.create(key(90), b"junk")

    assert world.agent("reader").unread == 0
    assert not world.agent("reader").announce("chat")


def test_junk_behind_a_hole_stops_no_reader(world):
    """Many worthless entries behind a deleted one are stepped over with it, also by who reads little at a time."""
    good = [world.store.read(key(n)) for n in (5, 6)]
    for n in range(5, 7):
        world.store.delete(key(n))
    for n in range(5, 60):
        world.store.create(key(n), b"junk")
    for n, raw in enumerate(good, 60):
        world.store.create(key(n), raw)
    world.store.delete(key(3))
    reader = world.agent("reader")
    read = []
    for _ in range(80):
        read += numbers(reader.read(limit=1).posts)
        world.clock.advance(minutes=30)

    assert read == [1, 2, 4, 60, 61]


def test_an_entry_that_comes_late_is_read_in_its_place(world):
    """On a drive that lists a post late nothing is skipped: the reader stands in front of it until it is there."""
    late = world.store.read(key(3))
    world.store.delete(key(3))
    reader = world.agent("reader")
    assert numbers(reader.read().posts) == [1, 2]

    world.store.create(key(3), late)

    assert numbers(reader.read().posts) == [3, 4, 5, 6]


@pytest.mark.parametrize("raw", [b"", b"{", b'{"format":1}', b"\xff" * 100, b"[]"])
def test_a_torn_entry_is_told_with_its_number_and_the_rest_is_read(world, raw):
    """What is no post is a fault with its number; it stops nobody."""
    world.store.replace(key(3), raw)
    reader = world.agent("reader")

    reading = reader.read()

    assert (numbers(reading.posts), numbers(reading.faults)) == ([1, 2, 4, 5, 6], [3])
    assert (reading.faults[0].address, reading.unread_count) == ("general#3", 0)


def test_a_forged_post_is_told_and_alerted(world):
    """P7: a post that somebody altered is shown as forged, acted upon by nobody, and everybody hears of it once."""
    world.store.replace(key(3), world.store.read(key(3)).replace(b"note 3", b"NOTE 3"))
    reader = world.agent("reader")

    reading = reader.read()

    assert numbers(reading.posts) == [1, 2, 4, 5, 6]
    assert "forged" in reading.faults[0].fault
    alerts = world.agent("planner").beat().alerts
    assert [alert["component"] for alert in alerts] == ["channels/general"]


def test_a_post_of_another_channel_is_no_post_here(world):
    """A copy of a post put into another channel counts as nothing there."""
    scout = world.agent("scout")
    scout.post("other", "first")
    world.store.create("channels/other/0000000/0000000002.json", world.store.read(key(3)))

    reading = world.agent("reader").peek(["other"])

    assert (numbers(reading.posts), numbers(reading.faults)) == ([1], [2])
    assert "not made for this log" in reading.faults[0].fault


def test_an_entry_planted_far_behind_leads_nobody_astray(world):
    """A file far behind the last number makes neither posts nor counts go wrong."""
    world.store.create("channels/general/0000009/0000009000.json", b"{}")
    world.store.create(key(900), b"{}")
    scout, reader = world.agent("scout"), world.agent("reader")

    assert scout.post("general", "next").number == 7
    assert reader.unread == 7


def test_what_nobody_wrote_is_told_once_in_a_reading(world):
    """A file that was planted behind a gap is one fault, before and after the wait, and the next post comes before it."""
    world.store.create(key(900), b"{}")
    reader = world.agent("reader")
    assert (numbers(reader.read().posts), numbers(reader.read().faults)) == ([1, 2, 3, 4, 5, 6], [7])

    world.clock.advance(hours=2)
    assert numbers(reader.read().faults) == [7]

    world.agent("scout").post("general", "next")
    assert numbers(reader.read().posts) == [7]


def test_a_number_that_a_listing_shows_late_is_not_told(world):
    """A listing made while others post may show a number and not the one before it; the reader looks again before it tells of a gap."""
    reader = world.agent("reader")
    log = reader._services.channels.log("general")
    real, hidden = log.after, [[3], [5]]  # what the first two listings do not show

    def racing(position, limit):
        late = hidden.pop(0) if hidden else []
        return [number for number in real(position, limit) if number not in late]

    log.after = racing
    reading, rest = reader.read(), reader.read()

    assert (reading.faults, rest.faults) == ((), ())
    assert (numbers(reading.posts), numbers(rest.posts)) == ([1, 2, 3, 4], [5, 6])


def test_what_is_posted_after_a_deletion_is_read_by_everybody(tmp_path):
    """A deleted post's number is not given away: who has read past it would never see the new one."""
    create_bus(tmp_path / "bus")
    agents = {
        name: Agent(name, tmp_path / "bus", home=tmp_path / "home", durability="none", clock=HandClock())
        for name in ("scout", "reader")
    }
    agents["reader"].subscribe("general")
    for n in range(5):
        agents["scout"].post("general", str(n))
    agents["reader"].read()
    (tmp_path / "bus" / key(3)).unlink()

    receipt = agents["scout"].post("general", "news")

    assert receipt.number == 6
    assert [post.message.body for post in agents["reader"].read()] == ["news"]


@pytest.mark.parametrize("harm", ["damaged", "deleted", "put back", "another's"])
def test_a_damaged_cursor_file_repeats_and_skips_nothing(world, harm):
    """The copy on the agent's machine makes it good: what was read is not announced again, what was not is not skipped, and subscriptions stay."""
    reader = world.agent("reader")
    old = world.store.read(tree.cursors("reader"))
    reader.read(limit=4)
    raw = {"damaged": b"\x00garbage", "put back": old, "another's": world.store.read(tree.cursors("scout")) or b"{}"}
    if harm == "deleted":
        world.store.delete(tree.cursors("reader"))
    else:
        world.store.replace(tree.cursors("reader"), raw[harm])

    fresh = world.agent("reader")

    assert fresh.unread == 2
    assert numbers(fresh.read().posts) == [5, 6]


def test_without_any_memory_everything_is_read_again(world):
    """If the file and the copy are both lost, posts come twice rather than never."""
    world.agent("reader").read(limit=4)
    world.store.replace(tree.cursors("reader"), b"garbage")
    world.homes["reader"].replace("cursors.json", b"garbage")

    fresh = world.agent("reader")
    fresh.subscribe("general")

    assert numbers(fresh.read().posts) == [1, 2, 3, 4, 5, 6]


def test_a_folder_in_the_place_of_an_entry_is_told(tmp_path):
    """A strange thing where a post should be is a fault with its number, on a real folder, too."""
    create_bus(tmp_path / "bus")
    scout = Agent("scout", tmp_path / "bus", home=tmp_path / "home", durability="none")
    for n in range(3):
        scout.post("general", str(n))
    (tmp_path / "bus" / key(2)).unlink()
    (tmp_path / "bus" / key(2)).mkdir()

    reading = Agent("reader", tmp_path / "bus", home=tmp_path / "home", durability="none").peek(["general"])

    assert (numbers(reading.posts), numbers(reading.faults)) == ([1, 3], [2])


def test_holes_of_hours_are_each_waited_for(world):
    """Two holes are two waits: nothing is given up because something else was."""
    world.store.delete(key(2))
    world.store.delete(key(5))
    reader = world.agent("reader")
    reader.read()
    world.clock.advance(hours=1)
    assert numbers(reader.read().posts) == [3, 4]

    world.clock.advance(minutes=30)
    assert numbers(reader.read().posts) == []
    world.clock.advance(minutes=31)
    assert numbers(reader.read().posts) == [6]
    assert reader.unread == 0
    assert world.clock.now() - world.bus.created_at == timedelta(hours=2, minutes=1)


def test_two_processes_that_read_and_subscribe_at_once_lose_nothing(tmp_path):
    """Two processes of one agent move cursors and subscribe at the same time: every cursor and every subscription of both is there afterwards."""
    create_bus(tmp_path / "bus")
    scout, *both = (
        Agent(name, tmp_path / "bus", home=tmp_path / "home", durability="none")
        for name in ("scout", "reader", "reader")
    )
    for n in range(40):
        scout.post(f"c{n}", "x")
    begin = threading.Barrier(2)

    def work(agent, first):
        begin.wait()
        for n in range(first, 40, 2):
            agent.subscribe(f"c{n}")
            agent.read([f"c{n}"])

    threads = [threading.Thread(target=work, args=(agent, first)) for first, agent in enumerate(both)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    fresh = Agent("reader", tmp_path / "bus", home=tmp_path / "home", durability="none")
    assert fresh.unread_by_channel() == {f"c{n}": 0 for n in range(40)}
