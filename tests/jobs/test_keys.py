"""Once for a key; and submits that were cut off."""

from datetime import timedelta

import pytest

from somabus.model import tree
from somabus.model.ticket import JobState
from somabus.testing import Crash, Fuse, HandClock, StoppingStore, World
from tests.jobs.yard import Yard, places

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.mark.parametrize("begun", [False, True], ids=["waiting", "done"])
@pytest.mark.parametrize(
    ("mode", "before", "after"),
    [("reject", "first", "first"), ("coalesce", "first", "both"), ("replace", "second", "both")],
)
def test_the_second_of_a_key(yard, mode, before, after, begun):
    """Reject, coalesce and replace, before the first has begun and after it has ended."""
    first = yard.scout.submit("note", {"n": "first"}, key="k")
    if begun:
        yard.worker().drain()
    second = yard.scout.submit("note", {"n": "second"}, key="k", on_duplicate=mode)

    yard.worker().drain()

    ran = after if begun else before
    assert yard.began == {"first": ["first"], "second": ["second"], "both": ["first", "second"]}[ran]
    assert second.duplicate == (ran == "first")
    assert (second.id == first.id) == second.duplicate
    assert second.replaced == (first.id if ran == "second" else None)
    if second.replaced:
        assert yard.state(first) is JobState.CANCELLED
        assert "took its place" in yard.why(first)


def test_a_key_belongs_to_a_name_and_a_queue(yard):
    """The same key of another name or in another queue is another key."""
    receipts = [
        yard.scout.submit("note", key="k"), yard.scout.submit("noop", key="k"), yard.scout.submit("note", key="k", queue="q"),
    ]  # fmt: skip

    assert [each.duplicate for each in receipts] == [False] * 3


@pytest.mark.parametrize("at", range(1, 6))
def test_two_submitters_race_for_a_key(yard, at):
    """At whatever operation another submits the same key in between, one job is there, and both are told its id."""
    other, told = yard.agent("other"), []

    class Racing(StoppingStore):
        """Lets the other submit right before an operation of this one."""

        def __init__(self):
            fuse = Fuse()
            fuse.step = self.count
            self.steps = 0
            super().__init__(yard.store, fuse)

        def count(self):
            self.steps += 1
            if self.steps == start + at:
                told.append(other.submit("note", {"n": 1}, key="k"))

    start = 10_000
    store = Racing()
    racer = yard.world.agent("racer", store=store, every="1h")
    racer.submit("noop")
    start = store.steps

    receipt = racer.submit("note", {"n": 1}, key="k")
    yard.worker().drain()

    assert told, "the other came in between"
    assert receipt.id == told[0].id
    assert receipt.duplicate != told[0].duplicate
    assert yard.began == [1]


def mortal(yard, at):
    """Return the scout in a process that dies at its `at`-th operation from now on."""
    fuse = Fuse()
    agent = yard.world.agent("scout", store=StoppingStore(yard.store, fuse), every="1h")
    fuse.at = fuse.steps + at
    return agent


def cut_off(yard, **fields):
    """Submit, and die right before the job is moved to its folder."""
    for at in range(1, 60):
        try:
            mortal(yard, at).submit("note", {"n": 1}, **fields)
        except Crash:
            if yard.store.list(tree.submitting("default")) and yard.store.list("queues/default/keys"):
                return
    raise AssertionError("it was never cut off there")


class RunningClock(HandClock):
    """A clock that does not stand still: each look takes a millisecond."""

    def now(self):
        """See `HandClock.now`."""
        self.advance(milliseconds=1)
        return super().now()


def test_a_submit_that_was_cut_off_is_brought_in_where_it_belongs():
    """A job that may begin at once, whose submit took a moment and was cut off, is brought in to wait, and runs."""
    yard = Yard(World(clock=RunningClock()))
    cut_off(yard, key="k", delay=timedelta(0))

    yard.clock.advance(hours=1)
    yard.worker().drain()

    assert yard.began == [1]


def test_a_child_that_was_cut_off_is_brought_in_where_it_belongs(yard):
    """The id of a child is as old as its parent: where the child belongs does not follow from that."""
    parent = yard.scout.submit("family", delay=2 * DAY, max_stalled=1000)
    yard.clock.advance(days=2)
    began = yard.clock.now()
    fuse = Fuse()
    dying = yard.world.agent("planner", store=StoppingStore(yard.store, fuse), every="1h")

    def family(ctx):
        yard.clock.advance(seconds=1)
        address = ctx.submit("note", {"n": "child"}, not_before=began)
        return ctx.gather() and str(address)

    dying.handler("family")(family)
    worker = dying.worker()
    for at in range(1, 200):
        if yard.store.list(tree.submitting("default")) and yard.scout.jobs.file(parent).children:
            break
        fuse.at = fuse.steps + at
        with pytest.raises(Crash):
            worker.drain()
        fuse.at = 0
        worker = dying.worker()
        yard.clock.advance(minutes=2)
    assert yard.store.list(tree.submitting("default"))

    yard.clock.advance(minutes=2)
    yard.worker("other").drain()  # it has no handler for the parent
    yard.worker(handlers={"family": family}).drain()

    assert yard.began == ["child"]
    assert yard.state(parent) is JobState.COMPLETED


def test_a_child_is_not_dropped_while_it_is_submitted(yard):
    """Another worker that tidies up leaves the child of a parent of the day before alone."""
    parent = yard.scout.submit("family", delay=2 * DAY)
    yard.clock.advance(days=2)
    tidy = yard.worker("other")

    class Tidying(StoppingStore):
        """Lets another worker do its chores after the child was written and before its parent knows of it."""

        def create(self, key, data):
            """See `Store.create`."""
            if "/children/" in key:
                tidy.chores()
            super().create(key, data)

    planner = yard.world.agent("planner", store=Tidying(yard.store, Fuse()), every="1h")
    planner.handler("family")(lambda ctx: len([ctx.submit("note", {"n": "child"}), *ctx.gather()]))
    planner.worker().drain()
    yard.clock.advance(hours=2)
    yard.worker("other", handlers={"family": lambda ctx: len(ctx.gather())}).drain()

    assert yard.began == ["child"]
    assert yard.state(parent) is JobState.COMPLETED


def test_what_nobody_was_promised_is_dropped(yard):
    """A submit that was cut off before its key's record leaves nothing after a day, and the key is free."""
    for at in range(1, 40):
        try:
            mortal(yard, at).submit("note", {"n": 0}, key="k")
        except Crash:
            if yard.store.list(tree.submitting("default")):
                break
    assert yard.store.list(tree.submitting("default"))
    yard.clock.advance(days=2)

    yard.worker().chores()

    assert not yard.store.list(tree.submitting("default"))
    assert not places(yard.store)
    assert not yard.scout.submit("note", {"n": 1}, key="k").duplicate


def test_a_replacement_that_was_cut_off_leaves_one_of_the_two(yard):
    """Wherever the submit of a replacement dies, what was submitted before is not lost by it: one of the two is done."""
    for at in range(1, 40):
        n = len(yard.began)
        yard.scout.submit("note", {"n": "first"}, key=f"k{at}")
        try:
            mortal(yard, at).submit("note", {"n": "second"}, key=f"k{at}", on_duplicate="replace")
        except Crash:
            yard.clock.advance(hours=30)
            yard.worker().drain()
            assert len(yard.began) == n + 1, f"stopped at {at}"
