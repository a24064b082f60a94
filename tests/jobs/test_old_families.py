"""Jobs that wait for others for days: nothing fails for what one look missed, and what never came fails at last."""

from datetime import timedelta

from somabus.model import tree
from somabus.model.job import JobDraft
from somabus.model.ticket import JobState
from somabus.testing import Crash, Fuse, StoppingStore

COMPLETED, FAILED, BLOCKED, CANCELLED = JobState.COMPLETED, JobState.FAILED, JobState.BLOCKED, JobState.CANCELLED
DAY = timedelta(days=1)


def family(ctx):
    """Have three children, and return what they said."""
    for number in range(3):
        ctx.submit("note", {"n": number})
    return [None if each.result is None else each.result["n"] for each in ctx.gather()]


def on(yard, drive, handlers=None, name="planner"):
    """Return a worker on a drive that a test made."""
    agent = yard.world.agent(name, store=drive(yard.store, Fuse()), every="1h")
    for each, function in {"note": lambda ctx: ctx.data, **(handlers or {})}.items():
        agent.handler(each)(function)
    return agent.worker()


def test_families_that_waited_over_a_weekend_complete(yard):
    """Their children are as old as they are, and were never looked for before: that makes none of them fail."""
    parents = [yard.scout.submit("family") for _ in range(3)]
    yard.clock.advance(days=2)

    yard.worker(handlers={"family": family}).drain()

    assert [yard.state(each) for each in parents] == [COMPLETED] * 3


def test_a_process_without_a_worker_fails_nothing_by_what_it_saw_yesterday(yard):
    """Pausing and resuming draws no conclusion from what is not to be seen."""
    console = yard.world.agent("console", every="1h")
    first = yard.scout.submit("note", depends_on=yard.scout.submit("nobody-has-this"))
    yard.clock.advance(hours=2)
    console.jobs.pause(first)
    console.jobs.resume(first)
    later = yard.scout.submit("note", depends_on=yard.scout.submit("nobody-has-this"))
    yard.clock.advance(days=1, hours=1)
    console.jobs.pause(later)
    console.jobs.resume(later)

    assert yard.state(later) is BLOCKED


def test_a_job_that_is_taken_while_its_queue_is_listed_is_not_missed(yard):
    """Whoever claims it between two listings of one look fails nobody that waits for it, however old it is."""
    first = yard.scout.submit("note", {"n": 1}, delay=2 * DAY)
    then = yard.scout.submit("note", {"n": 2}, depends_on=first)
    yard.clock.advance(days=2, seconds=1)
    other, claimed = yard.worker("other"), []

    class Racing(StoppingStore):
        """A drive on which another claims it behind the first listing of each folder."""

        def list(self, prefix, after="", limit=None):
            found = super().list(prefix, after, limit)
            if prefix.endswith("/delayed") and not claimed:
                claimed.append(other._picker.next())
            return found

    looks = on(yard, Racing)
    for _ in range(3):
        looks.chores()
        yard.clock.advance(seconds=30)

    assert claimed[0] is not None
    assert yard.state(then) is BLOCKED
    assert yard.state(first) is JobState.ACTIVE


def test_what_never_came_fails_whoever_waits_for_it_after_an_hour(yard):
    """A submit of many that was cut off leaves jobs that wait for what is not there: they fail, and not at once."""

    class CutOff(StoppingStore):
        """A drive that takes the first document of many and dies."""

        def create_many(self, documents):
            kept = [each for each in documents if "/blocked/" in each[0] or "/then/" in each[0]]
            super().create_many(kept)
            raise Crash

    agent = yard.world.agent("dies", store=CutOff(yard.store, Fuse()), every="1h")
    try:
        agent.submit_many([JobDraft("note", label="first"), JobDraft("note", depends_on=("first",))])
    except Crash:
        pass
    (waits,) = yard.scout.jobs.all(state="blocked")
    for _ in range(3):
        yard.worker().drain()
        yard.clock.advance(minutes=10)
    assert yard.state(str(waits.address)) is BLOCKED

    yard.clock.advance(hours=1)
    yard.worker("other").drain()

    assert yard.state(str(waits.address)) is FAILED


def test_what_was_missed_and_is_seen_again_was_not_missed(yard):
    """A drive that hides a folder for a moment, twice, hours apart, makes nothing fail."""
    first = yard.scout.submit("nobody-has-this")
    then = yard.scout.submit("note", depends_on=first)

    class Hides(StoppingStore):
        """A drive that shows no waiting jobs now and then."""

        hidden = False

        def list(self, prefix, after="", limit=None):
            return [] if self.hidden and prefix.endswith("/waiting") else super().list(prefix, after, limit)

    worker = on(yard, Hides)
    drive = worker._services.store
    for hidden in (True, False, True):
        drive.hidden = hidden
        worker.chores()
        yard.clock.advance(hours=2)

    assert yard.state(then) is BLOCKED


def test_a_parent_gets_the_results_of_its_children_however_old_it_is(yard):
    """Where the end of a child cannot be seen yet, its parent waits for that: it is handed no empty result."""
    hidden = []

    def one(ctx):
        hidden.append(ctx.submit("note", {"n": 7}).id)
        return [each.result for each in ctx.gather()]

    class Lags(StoppingStore):
        """A drive that does not show yet how the child ended."""

        def list(self, prefix, after="", limit=None):
            lags = hidden and prefix == tree.run("default", hidden[0])
            return [] if lags else super().list(prefix, after, limit)

    parent = yard.scout.submit("one", delay=2 * DAY)
    yard.clock.advance(days=2, seconds=1)
    behind = on(yard, Lags, {"one": one})
    behind.drain(limit=1)
    yard.worker("other").drain(limit=1)
    behind.drain(limit=1)
    assert yard.state(parent) is JobState.DELAYED

    yard.clock.advance(minutes=1)
    yard.worker(handlers={"one": one}).drain()

    assert yard.scout.jobs.outcome(parent).result == [{"n": 7}]


def test_a_handler_that_gathers_twice_is_told_the_same_at_each_line(yard):
    """The first line tells of the first children at each attempt, also when those of the second are there."""

    def stages(ctx):
        for number in range(3):
            ctx.submit("note", {"n": number})
        total = sum(each.result["n"] for each in ctx.gather())
        ctx.submit("note", {"n": 10 + total})
        return [each.result["n"] for each in ctx.gather()]

    job = yard.scout.submit("stages")
    yard.worker(handlers={"stages": stages}).drain()

    assert yard.scout.jobs.outcome(job).result == [0, 1, 2, 13]


def test_nothing_of_a_cancelled_tree_begins_wherever_the_cancel_was_cut_off(yard):
    """The root is cancelled and the power goes: neither its child nor that one's child begins any more."""

    def top(ctx):
        ctx.submit("middle")
        ctx.gather()

    def middle(ctx):
        ctx.submit("note", {"n": 1})
        ctx.gather()

    class Dies(StoppingStore):
        """A drive whose machine loses power behind the first cancel."""

        def move(self, source, target, *, durable=True):
            super().move(source, target, durable=durable)
            if "/cancelled/" in target:
                raise Crash

    root = yard.scout.submit("top")
    worker = yard.worker(handlers={"top": top, "middle": middle})
    worker.drain(limit=2)
    console = yard.world.agent("console", store=Dies(yard.store, Fuse()), every="1h")
    try:
        console.jobs.cancel(root)
    except Crash:
        pass
    worker.drain()

    assert yard.began == []
    assert yard.scout.jobs.stats().counts[CANCELLED] == 3


def test_a_child_that_was_drafted_twice_is_there_once(yard):
    """Killed before the parent's record of it, a child with a delay is drafted anew with another due: one is dropped."""
    begun = []

    def parent(ctx):
        ctx.submit("slow", delay=timedelta(minutes=10))
        ctx.gather()

    class Dies(StoppingStore):
        """A drive whose machine loses power before the parent's record of its child."""

        dead = False

        def create(self, key, data):
            if "/children/" in key and not self.dead:
                self.dead = True
                raise Crash
            super().create(key, data)

    job = yard.scout.submit("parent")
    try:
        on(yard, Dies, {"parent": parent}).drain()
    except Crash:
        pass
    yard.clock.advance(minutes=2)
    handlers = {"parent": parent, "slow": lambda ctx: begun.append(ctx.generation)}
    for name in ("one", "two", "three"):
        yard.worker(name, handlers=handlers).drain()
        yard.clock.advance(minutes=15)

    assert (yard.state(job), begun) == (COMPLETED, [1])
