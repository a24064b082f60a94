"""A worker among many jobs that it may not take, among files that are none, and with nothing to do."""

import threading
from datetime import timedelta

import pytest

from somabus.errors import StoppedError, StoreFullError, StoreUnavailableError
from somabus.model import tree
from somabus.model.ticket import JobState
from somabus.testing import Fuse, StoppingStore
from tests.jobs.yard import Yard

COMPLETED, FAILED, CANCELLED = JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
ID = "01a1f9de-1d99-72bc-bdf7-9a7b3e80730a"


class Slow(StoppingStore):
    """A drive that takes 20 ms for each waiting job that is read."""

    def __init__(self, yard):
        super().__init__(yard.store, Fuse())
        self.clock = yard.clock
        self.reads = 0

    def read(self, key, *, listed=False):
        """Read, and let the time pass."""
        if "/waiting/" in key:
            self.reads += 1
            self.clock.advance(milliseconds=20)
        return super().read(key, listed=listed)


def on(yard, drive):
    """Return a worker on a drive that a test made."""
    agent = yard.world.agent("planner", store=drive, every="1h")
    agent.handler("note")(lambda ctx: yard.began.append(ctx.data.get("n")))
    return agent.worker()


@pytest.mark.parametrize(
    "fields",
    [
        {"rate": ("api", 1, DAY)}, {"quiet": ("00:00", "23:59")}, {"slots": ("gpu", 1)}, {"tags": ("gpu",)},
        {"worker": "nobody", "end_within": 9 * DAY},
    ],
    ids=["rate", "quiet", "slots", "tags", "with a time"],
)  # fmt: skip
def test_what_may_not_begin_now_holds_up_nothing_behind_it(yard, fields):
    """Hundreds of such jobs, on a drive on which to read them takes longer than one look, are each read once."""
    if "slots" in fields:
        from somabus.model.leases import slot_name

        yard.world.agent("other", every="1h").lease(slot_name("gpu", 0), DAY)
    for _ in range(250):
        yard.scout.submit("note", {"n": "gated"}, **fields)
    free = yard.scout.submit("note", {"n": "free"})
    drive = Slow(yard)
    worker = on(yard, drive)
    for _ in range(12):
        worker.one()
        yard.clock.advance(milliseconds=200)

    assert yard.state(free) is COMPLETED
    assert drive.reads <= 300


def test_who_works_until_nothing_is_left_looks_at_all(yard):
    """On a slow drive, with hundreds of jobs of others before it, the one that this worker takes is done."""
    for _ in range(250):
        yard.scout.submit("nobody-has-this")
    mine = yard.scout.submit("note", {"n": "mine"})

    assert on(yard, Slow(yard)).drain() == 1
    assert yard.state(mine) is COMPLETED


def test_a_skill_that_comes_later_counts(yard):
    """A job that a worker left for want of a skill is its to take when it has that."""
    skills = []
    job = yard.scout.submit("note", {"n": 1}, skills=("search",))
    worker = yard.worker()
    worker._services = worker._services._replace(skills=lambda: tuple(skills))
    worker.drain()
    skills.append("search")
    yard.clock.advance(minutes=1)
    worker.drain()

    assert yard.state(job) is COMPLETED


@pytest.mark.parametrize(
    "place",
    [
        "rates/api", "rates/api/5-5", "rates/api/5-5/sub/x.json", "dropping/thing/x.json",
        f"submitting/5-{ID}.0.0.0.json/x.json", "keys/abc", "keys/abc/000000001.json/x", "completed/2020-01-01",
        f"completed/2020-01-01/{ID}.1.json/x", f"blocked/5-{ID}.0.0.0.json/x.json", "waiting/thing/x.json",
        "workers/x/x.json", "rates", "keys", "dropping", "workers", "failed", "submitting",
        "../../leases/slot-0123456789abcdef-0",
    ],
)  # fmt: skip
def test_a_foreign_file_stops_neither_work_nor_tidying(tmp_path, world_on_disk, place):
    """Whatever somebody lays into a queue's folders on a real drive, jobs run, and what is over goes."""
    yard = Yard(world_on_disk)
    file = tmp_path / "bus" / "queues" / "default" / place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"x")
    old = yard.scout.submit("note", {"n": "old"})
    yard.worker().drain()
    yard.clock.advance(days=40)

    job = yard.scout.submit("note", {"n": "new"})
    worker = yard.worker()
    for _ in range(3):
        worker.drain()
        yard.clock.advance(hours=2)

    assert yard.scout.jobs.find(job).state is COMPLETED
    assert place in ("dropping", "failed") or yard.scout.jobs.find(old) is None


class Full(StoppingStore):
    """A drive on which nothing more has room."""

    full = False

    def create(self, key, data):
        """Create, if there is room."""
        self._room(key)
        super().create(key, data)

    def replace(self, key, data):
        """Replace, if there is room."""
        self._room(key)
        super().replace(key, data)

    def _room(self, key):
        if self.full:
            raise StoreFullError(key, "no space")


def test_a_full_drive_gets_room_by_tidying(yard):
    """What is over goes also where a late job cannot be failed for want of room."""
    for number in range(5):
        yard.scout.submit("note", {"n": number})
    yard.worker().drain()
    yard.clock.advance(days=60)
    yard.scout.submit("note", depends_on=yard.scout.submit("nobody-has-this"), end_within=MINUTE)
    drive = Full(yard.store, Fuse())
    worker = on(yard, drive)
    drive.full = True
    yard.clock.advance(hours=2)
    worker.drain()

    assert yard.scout.jobs.stats().counts[COMPLETED] == 0


def test_an_idle_worker_rests_however_many_jobs_are_held_up(yard):
    """What it does for a thousand jobs that wait for others is bounded, and done at a slow pace."""
    looked = []

    class Counting(StoppingStore):
        """A drive that counts what is read."""

        def read(self, key, *, listed=False):
            looked.append(key)
            return super().read(key, listed=listed)

    first = yard.scout.submit("nobody-has-this")
    for _ in range(550):
        yard.scout.submit("note", depends_on=first)
    worker = on(yard, Counting(yard.store, Fuse()))
    worker.drain()
    looked.clear()
    for _ in range(300):
        yard.clock.advance(seconds=1)
        if worker._chores.due(idle=True):
            worker.chores()

    assert len(looked) < 20 * 500 * 2, "a page of 500 each half minute, each job read about once"


def test_a_handler_that_is_busy_can_be_cancelled(yard):
    """One that says its progress again and again does not keep a human from taking its job away."""
    seen = []

    def busy(ctx):
        for number in range(1000):
            if number == 500:
                yard.scout.jobs.cancel(job)
            ctx.progress(number / 1000)
            seen.append(number)

    job = yard.scout.submit("busy")
    yard.worker(handlers={"busy": busy}).drain()

    assert (yard.state(job), seen[-1]) == (CANCELLED, 499)


def test_asking_whether_a_job_is_still_there_moves_nothing(yard):
    """`ctx.check` takes no file away from whoever acts on the job in this moment."""
    moved = []

    class Watched(StoppingStore):
        """A drive that notes what is moved."""

        def move(self, source, target, *, durable=True):
            moved.append(target)
            super().move(source, target, durable=durable)

    job = yard.scout.submit("checks")
    agent = yard.world.agent("planner", store=Watched(yard.store, Fuse()), every="1h")
    agent.handler("checks")(lambda ctx: [ctx.check() for _ in range(50)] and None)
    agent.worker().drain()

    assert yard.state(job) is COMPLETED
    assert len(moved) == 2, "its claim and its end"


def test_a_job_that_is_put_off_leaves_nothing_each_time(yard):
    """A poller that snoozes for ever has no more beside it than at its beginning."""
    job = yard.scout.submit("polls")
    worker = yard.worker(handlers={"polls": lambda ctx: ctx.snooze(SECOND)})
    for _ in range(50):
        worker.drain(limit=1)
        yard.clock.advance(seconds=2)

    assert yard.store.list(tree.run("default", job.id)) == []


def test_who_always_blames_the_drive_fails_in_the_end(yard):
    """A handler whose own drive is gone for good is not run for ever without being counted."""

    def blames(ctx):
        raise StoreUnavailableError("another/bus", "gone for good")

    job = yard.scout.submit("blames", max_attempts=2)
    worker = yard.worker(handlers={"blames": blames})
    for _ in range(100):
        worker.drain(limit=1)
        yard.clock.advance(minutes=2)

    assert yard.state(job) is FAILED


def test_a_lease_of_its_own_that_a_handler_lost_fails_its_attempt(yard):
    """It is not taken for the job's: that has failed once, and comes again."""

    def loses(ctx):
        other = yard.world.agent("other", every="1h")
        with other.lease("deploy", SECOND) as mine:
            yard.clock.advance(seconds=40)
            other.lease("deploy", SECOND)
            mine.check()

    job = yard.scout.submit("loses", max_attempts=1)
    yard.worker(handlers={"loses": loses}).drain()

    assert yard.state(job) is FAILED
    assert "LeaseLostError" in yard.why(job)


def test_one_look_for_a_job_is_short(yard):
    """Among hundreds of jobs that are slow to read and not its own, a worker looks for what else is to be done in time."""
    for _ in range(400):
        yard.scout.submit("nobody-has-this")
    worker, began = on(yard, Slow(yard)), yard.clock.now()

    assert not worker.one()
    assert yard.clock.now() - began < 3 * SECOND


def test_what_lies_behind_many_that_wait_is_looked_at_in_its_turn(yard, monkeypatch):
    """A worker that looks at some held-up jobs at a time comes by all of them, and tells each what it was not told."""
    from somabus.jobs import follower

    monkeypatch.setattr(follower, "_AT_MOST", 3)
    never = yard.scout.submit("nobody-has-this")
    first = yard.scout.submit("note", {"n": "first"})
    for _ in range(5):
        yard.scout.submit("note", {"n": "waits"}, depends_on=never)
    behind = [yard.scout.submit("note", {"n": "behind"}, depends_on=first) for _ in range(4)]
    silent = yard.worker("silent")
    silent._services.follower.told = lambda *_: None
    silent.drain(limit=1)

    yard.worker().drain()

    assert {yard.state(each) for each in behind} == {COMPLETED}


def test_a_renewal_that_goes_wrong_in_any_way_is_tried_again(yard):
    """Whatever is raised when a lease is to be renewed, it is renewed the next time, and the job stays."""
    tried, renewed = [], threading.Event()

    def long(ctx):
        yard.clock.advance(seconds=30)
        assert renewed.wait(10)

    job = yard.scout.submit("long")
    worker = yard.worker(handlers={"long": long})
    renew = worker._settling.renew

    def troubled(holding):
        tried.append(1)
        if len(tried) == 1:
            raise RuntimeError("no such luck")
        renew(holding)
        renewed.set()

    worker._settling.renew = troubled
    worker.drain()

    assert len(tried) >= 2
    assert yard.state(job) is COMPLETED


def test_a_handler_that_is_not_let_to_do_something_is_put_off(yard):
    """What a human has stopped is not the job itself: it comes again in a minute, and not at once, again and again."""
    runs = []

    def sends(ctx):
        runs.append(1)
        raise StoppedError("Agent.send", "mail of the kind report", "", "anna")

    job = yard.scout.submit("sends", max_attempts=1)
    yard.worker(handlers={"sends": sends}).drain(limit=50)

    assert len(runs) == 1
    assert (yard.state(job), yard.scout.jobs.find(job).failed) == (JobState.DELAYED, 0)
