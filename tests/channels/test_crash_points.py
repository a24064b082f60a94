"""P1, P6 at every crash point of reading, subscribing, pairing and writing a scratchpad: nothing is skipped, nothing is half done."""

import pytest

from somabus.store.directory import DirectoryStore
from somabus.testing import Crash, Fuse, HandClock, StoppingFiles, StoppingStore, World


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


def call(agent, told):
    """Post and call somebody, without a key."""
    told.append(agent.post("arc:wiki", "@scout look").number)


def called(world, who):
    """The posts of which an agent has been told by mail, as it handles them."""
    letters = list(world.agent(who).inbox.drain())
    for letter in letters:
        letter.ack()
    return [letter.message.refs["post"] for letter in letters]


def nobody_is_called_to_what_is_not_there(world, told, where):
    """A post that returned stands and its call is delivered, once each; one that was cut off calls nobody to nothing."""
    posts = [post.address for post in world.agent("planner").peek(["arc:wiki"], after=5)]
    calls = called(world, "scout")
    assert len(posts) <= 1, where
    assert calls in ([], posts), where
    if told:
        assert (posts, calls) == (["arc:wiki#6"], ["arc:wiki#6"]), where


@pytest.mark.parametrize(
    ("scene", "check"),
    [
        (call, nobody_is_called_to_what_is_not_there),
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


def test_a_key_posts_once_whichever_step_on_the_disk_is_the_last(tmp_path_factory):
    """Killed at any single step on a real folder, a poster that posts again under its key, with others posting in between, has posted once and called once; followers skip nothing."""
    at, died = 0, True
    while died:
        at += 1
        clock, fuse, path = HandClock(), Fuse(), str(tmp_path_factory.mktemp("bus"))
        world = World(DirectoryStore(path, writer="p", durability="none", now=clock.now), clock)
        mortal = DirectoryStore(path, writer="m", durability="none", now=clock.now, files=StoppingFiles(fuse))
        planner = world.agent("planner")
        planner.subscribe("arc:wiki")
        scout = world.agent("scout", store=mortal)
        fuse.at = fuse.steps + at
        try:
            scout.post("arc:wiki", "@planner look", key="k")
        except Crash:
            pass
        else:
            died = False
        world.agent("worker").post("arc:wiki", "between")

        receipt = world.agent("scout").post("arc:wiki", "@planner look", key="k")

        where = f"dead at step {at}"
        bodies = [post.message.body for post in world.agent("planner").read()]
        assert sorted(bodies) == ["@planner look", "between"], where
        assert called(world, "planner") == [receipt.address], where
        assert (world.agent("planner").unread, world.agent("scout").post("arc:wiki", "next").number) == (0, 3), where
    assert at > 5
