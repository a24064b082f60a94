"""P14. What cannot be read or handled is set aside with its reason, its sender is told, and every status counts it."""

import pytest

from somabus import RetryPolicy
from somabus.testing import World


def test_a_message_that_always_fails_ends_in_the_dead_letters():
    """After its attempts a message is set aside with the last error, and its sender gets a receipt that says so."""
    world = World()
    scout, planner = world.agent("scout"), world.agent("planner", retry=RetryPolicy(max_attempts=2))
    receipt = scout.send("planner", "poison", subject="important")

    @planner.on("note")
    def fail(message):
        message = "cannot"
        raise ValueError(message)

    for _ in range(4):
        planner.beat()
        world.clock.advance(hours=2)

    (letter,) = planner.inbox.dead()
    assert (letter.id, letter.reason, letter.attempt) == (receipt.id, "attempts used up", 2)
    assert "ValueError: cannot" in letter.detail
    bounce = scout.inbox.claim().message
    assert (bounce.kind, bounce.data["message"], bounce.data["outcome"]) == ("receipt", receipt.id, "dead")


def test_a_message_that_kills_its_handlers_is_set_aside():
    """A message whose holders all die is not handed out for ever."""
    world = World()
    scout, planner = world.agent("scout"), world.agent("planner", retry=RetryPolicy(max_attempts=3))
    scout.send("planner", "deadly")
    claims = 0
    while planner.inbox.claim() is not None:
        claims += 1
        world.clock.advance(minutes=11)

    assert claims == 3
    assert "3 holders had it and none finished" in planner.inbox.dead()[0].detail


def test_neighbours_of_poison_are_served():
    """Poison in front of the queue delays nobody behind it."""
    world = World()
    scout = world.agent("scout")
    scout.send("scout", "poison", priority="urgent")
    for n in range(5):
        scout.send("scout", str(n))
    good = []
    for delivery in scout.inbox.drain():
        with delivery as message:
            if message.body == "poison":
                raise RuntimeError
            good.append(message.body)

    assert good == ["0", "1", "2", "3", "4"]


def test_dead_letters_are_counted_everywhere():
    """Counts, heartbeat and report all tell how many dead letters there are."""
    world = World()
    scout = world.agent("scout")
    scout.send("scout", "x")
    scout.inbox.claim().reject("no use")

    report = scout.beat()

    assert scout.counts().dead == 1
    assert report.dead == 1
    assert next(peer for peer in scout.peers() if peer.name == "scout").heartbeat.dead == 1
    assert "dead letters 1" in str(report)


def test_a_dead_letter_can_be_replayed():
    """A replayed message has all its attempts before it, and its generation goes on."""
    world = World()
    scout, planner = world.agent("scout"), world.agent("planner")
    receipt = scout.send("planner", "x")
    first = planner.inbox.claim()
    first.reject("not now")

    assert planner.inbox.replay(receipt.id)
    assert planner.inbox.dead() == ()
    again = planner.inbox.claim()

    assert (again.attempt, again.message.id) == (1, receipt.id)
    assert again.generation > first.generation
    assert not planner.inbox.replay("01a1f9de-1d99-72bc-bdf7-9a7b3e80730a")


@pytest.mark.parametrize("where", ["sender gone", "sender away"])
def test_a_bounce_that_cannot_be_sent_does_not_keep_poison_in_the_way(where):
    """Telling the sender is tried; the message is set aside either way."""
    world = World()
    scout, planner = world.agent("scout"), world.agent("planner")
    scout.send("planner", "x")
    delivery = planner.inbox.claim()
    if where == "sender gone":
        world.store.delete("registry/scout/card.json")
        fresh = world.agent("planner")
        delivery._box._on_dead = fresh.inbox._box._on_dead

    delivery.reject("no")

    assert len(planner.inbox.dead()) == 1


def test_an_error_that_cannot_be_written_down_sets_the_message_aside_all_the_same():
    """A handler's error with bytes of a file name in it (surrogates) is written down escaped."""
    world = World()
    scout, planner = world.agent("scout"), world.agent("planner", retry=RetryPolicy(max_attempts=1))
    scout.send("planner", "x")
    for delivery in planner.inbox.drain():
        with delivery:
            raise OSError("caf\udce9.txt")

    assert "caf\\udce9.txt" in planner.inbox.dead()[0].detail


def test_what_is_given_back_is_not_handed_out_again_by_the_same_drain():
    """A message that was released waits for the next drain; a loop that gives back does not use up its attempts."""
    world = World()
    scout = world.agent("scout")
    scout.send("scout", "x")

    given = [delivery.release() for delivery in scout.inbox.drain()]

    assert len(given) == 1
    assert scout.unread == 1
    assert scout.inbox.claim().attempt == 2
