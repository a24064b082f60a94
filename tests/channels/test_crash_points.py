"""P1, P6 at every crash point of reading, subscribing, pairing and writing a scratchpad: nothing is skipped, nothing is half done."""

import pytest

from somabus.testing import Crash, Fuse, StoppingStore, World


def every_point(scene, check):
    """Play a scene once for each step it has, dying there; check what a new process finds. Return the number of points."""
    at = 0
    while True:
        at += 1
        world, fuse = World(), Fuse()
        scout = world.agent("scout")
        for n in range(1, 6):
            scout.post("arc:wiki", f"note {n}", kind="brief" if n == 1 else "note")
        world.agent("reader")
        mortal = world.agent(
            "reader", store=StoppingStore(world.store, fuse), home=StoppingStore(world.homes["reader"], fuse)
        )
        fuse.at = fuse.steps + at
        told = []
        try:
            scene(mortal, told)
        except Crash:
            died = True
        else:
            died = False
        world.clock.advance(hours=1)
        check(world, told, f"dead at step {at}")
        if not died:
            return at - 1


def read_in_halves(agent, told):
    """Follow, and read twice; what was marked as read is written down once that returned."""
    agent.subscribe("arc:wiki")
    told.append("subscribed")
    for _ in range(2):
        reading = agent.peek(limit=3)
        agent.mark_read(reading)
        told.extend(post.number for post in reading)


def nothing_is_skipped(world, told, where):
    """What was not marked as read is still unread, and what was is not met again; a subscription that returned holds."""
    fresh = world.agent("reader")
    if "subscribed" in told:
        assert fresh.unread_by_channel().keys() == {"arc:wiki"}, where
    fresh.subscribe("arc:wiki")
    marked = [each for each in told if each != "subscribed"]
    left = [post.number for post in fresh.read(limit=10)]
    in_hand = range(len(marked) + 1, min(len(marked) + 3, 5) + 1)  # marked, and dead before that was known
    assert left in (
        [n for n in range(1, 6) if n not in marked],
        [n for n in range(1, 6) if n not in marked and n not in in_hand],
    ), where
    assert fresh.unread == 0, where


def post_while_following(agent, told):
    """Follow from now on, and post: one's own post is not unread."""
    agent.subscribe("arc:wiki", history=False)
    told.append(agent.post("arc:wiki", "mine").number)


def own_posts_are_not_unread(world, told, where):
    """A post that returned stands, and the count is at most what others have posted, and one's own if its note was cut off."""
    fresh = world.agent("reader")
    posts = [post.message.body for post in world.agent("planner").peek(["arc:wiki"], limit=20)]
    assert posts.count("mine") <= 1, where
    if told:
        assert (posts.count("mine"), fresh.unread) == (1, 0), where


def write_twice(agent, told):
    """Write a scratchpad twice, and let others write."""
    pad = agent.arc("arc:wiki").scratchpad
    told.append(pad.write("one").text)
    told.append(pad.write("two", based_on=1).text)
    pad.release()


def versions_are_whole(world, told, where):
    """What returned is a version; the last version is one that was written; another agent can write on."""
    pad = world.agent("scout").arc("arc:wiki").scratchpad
    texts = [version.text for version in pad.history()]
    assert texts in ([], ["one"], ["one", "two"]), where
    assert texts[: len(told)] == told, where
    assert pad.write("three").number == len(texts) + 1, where


def declare(agent, told):
    """Declare a pair."""
    agent.pair("scout", on="arc:wiki")
    told.append("declared")


def a_pair_is_declared_or_not(world, told, where):
    """A declaration that returned counts; one that was cut off stands whole or not at all."""
    world.agent("scout").pair("reader", on="arc:wiki")
    pairs = world.agent("planner").arc("arc:wiki").pairs
    assert pairs in ((), (("reader", "scout"),)), where
    if told:
        assert pairs, where


@pytest.mark.parametrize(
    ("scene", "check"),
    [
        (read_in_halves, nothing_is_skipped),
        (post_while_following, own_posts_are_not_unread),
        (write_twice, versions_are_whole),
        (declare, a_pair_is_declared_or_not),
    ],
    ids=lambda each: each.__name__,
)
def test_every_step_may_be_the_last(scene, check):
    """Wherever a process dies, a new one finds what was promised, and goes on."""
    assert every_point(scene, check) > 5
