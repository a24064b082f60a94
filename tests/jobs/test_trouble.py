"""Jobs on a drive that is full, away for a moment, or lags behind; and workers that meet what they cannot take."""

import threading
from datetime import timedelta

import pytest

from somabus.errors import StoreFullError, StoreUnavailableError
from somabus.model import tree
from somabus.model.ticket import JobState
from somabus.model.wire import dump, parse_object
from somabus.testing import Fuse, StoppingStore

COMPLETED, DELAYED, WAITING, ACTIVE = JobState.COMPLETED, JobState.DELAYED, JobState.WAITING, JobState.ACTIVE
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class Troubled(StoppingStore):
    """A drive that refuses the next writes to some keys, and shows an old list of some folders."""

    def __init__(self, store):
        super().__init__(store, Fuse())
        self.refused = []
        self.old = {}

    def refuse(self, part, error, times=1):
        """Refuse so many writes to keys with this part."""
        self.refused += [(part, error)] * times

    def lag(self, folder):
        """Show this folder from now on as it is now."""
        self.old[folder] = self.list(folder)

    def _look(self, key):
        for each in self.refused:
            if each[0] in key:
                self.refused.remove(each)
                raise each[1](key, "of all times now")

    def create(self, key, data):
        """Create, unless it is refused."""
        self._look(key)
        super().create(key, data)

    def replace(self, key, data):
        """Replace, unless it is refused."""
        self._look(key)
        super().replace(key, data)

    def list(self, prefix, after="", limit=None):
        """List, or show what was there before."""
        if prefix in self.old:
            return [name for name in self.old[prefix] if name > after][:limit]
        return super().list(prefix, after, limit)


def troubled(yard, handlers):
    """Return a worker and its drive, on which trouble can be made."""
    drive = Troubled(yard.store)
    agent = yard.world.agent("planner", store=drive, every="1h")
    for name, function in handlers.items():
        agent.handler(name)(function)
    worker = agent.worker()
    return worker, drive


@pytest.fixture
def hurry(monkeypatch):
    """Have whoever waits for the drive wait no time."""
    from somabus.jobs import holding

    monkeypatch.setattr(holding, "_GLANCE_S", 0.0)


@pytest.mark.parametrize("error", [StoreFullError, StoreUnavailableError])
@pytest.mark.parametrize("part", ["/steps/0001.done", ".complete.json"])
def test_a_job_whose_work_is_done_outlasts_a_drive_that_refuses_it_for_a_moment(yard, hurry, part, error):
    """Neither the result of a step nor the end is lost, no attempt is counted, and nothing takes effect twice."""
    worker, drive = troubled(yard, {"pays": lambda ctx: ctx.step("pay", yard.effect, ctx, "pay")})
    job = yard.scout.submit("pays", max_attempts=1, max_stalled=0)
    drive.refuse(part, error, times=20)

    worker.drain()

    assert yard.state(job) is COMPLETED
    assert set(yard.effects.values()) == {1}
    assert yard.scout.jobs.outcome(job).result == "pay"


def test_a_job_whose_end_cannot_be_written_is_given_back_and_has_not_stalled(yard, hurry):
    """A drive that stays full makes no good job dead: its rename is all that is needed, and it completes later."""
    worker, drive = troubled(yard, {"notes": lambda ctx: None})
    job = yard.scout.submit("notes", max_attempts=1, max_stalled=0)
    drive.refuse(".complete.json", StoreFullError, times=60)

    worker.drain(limit=1)

    view = yard.scout.jobs.find(job)
    assert (view.state, view.failed, view.stalled) == (WAITING, 0, 0)
    worker.drain()
    assert yard.state(job) is COMPLETED


@pytest.mark.parametrize("error", [StoreFullError, StoreUnavailableError])
def test_a_handler_that_meets_a_drive_in_trouble_has_not_failed(yard, error):
    """What it raises of that is the bus's affair: the job is put off, and no attempt is counted."""
    worker, drive = troubled(yard, {"pays": lambda ctx: ctx.step("pay", yard.effect, ctx, "pay")})
    job = yard.scout.submit("pays", max_attempts=1)
    drive.refuse("/steps/0001.pending", error)

    worker.drain()
    assert (yard.state(job), yard.scout.jobs.find(job).failed) == (DELAYED, 0)
    yard.clock.advance(minutes=1)
    worker.drain()

    assert yard.state(job) is COMPLETED


def test_a_dependency_that_an_old_listing_does_not_show_has_not_failed(yard):
    """A worker that does not see a running job, hours after its submit, fails nothing that waits for it."""
    first = yard.scout.submit("runs")
    then = yard.scout.submit("note", depends_on=(first.address,))
    yard.clock.advance(hours=2)
    other, drive = troubled(yard, {})
    drive.lag(tree.shelf("default", ACTIVE))
    drive.lag(tree.run("default", first.id))

    def runs(ctx):
        for _ in range(2):
            other.drain()
            yard.clock.advance(seconds=10)

    yard.worker(handlers={"runs": runs}).drain()

    assert (yard.state(first), yard.state(then)) == (COMPLETED, COMPLETED)


def test_a_parent_whose_children_are_not_all_shown_waits_for_them(yard):
    """From an old listing of its children a parent draws no conclusion: it is put off, and gathers all of them later."""
    rounds = []

    def family(ctx):
        rounds.append(ctx.generation)
        for number in range(3):
            ctx.submit("note", {"n": number})
        return [each.result["n"] for each in ctx.gather()]

    parent = yard.scout.submit("family")
    yard.worker(handlers={"family": family}).drain(limit=1)
    behind, drive = troubled(yard, {"family": family})
    children = tree.run("default", parent.id, "children")
    drive.lag(children)
    drive.old[children] = drive.old[children][:1]
    yard.worker("other").drain(limit=3)

    behind.drain()
    assert yard.state(parent) is DELAYED
    assert len(rounds) == 2, "it does not try again at once"
    drive.old.clear()
    yard.clock.advance(seconds=5)
    behind.drain()

    assert yard.scout.jobs.outcome(parent).result == [0, 1, 2]


def test_a_worker_says_that_it_is_there_while_it_works_for_long(yard):
    """Receipts and numbers count a worker that has been in one job for hours, and say at which."""
    seen = []

    def long(ctx):
        worker = yard.scout.jobs.stats().workers
        yard.clock.advance(hours=1)
        deadline = threading.Event()
        for _ in range(100):
            deadline.wait(0.05)  # until the thread that keeps the job has come by
            worker = yard.scout.jobs.stats().workers
            if worker:
                break
        seen.append([each.doing for each in worker])
        seen.append(yard.scout.submit("note").workers)

    job = yard.scout.submit("long")
    yard.worker(handlers={"long": long}).drain(limit=1)

    assert seen == [[job.address], 1]


@pytest.mark.parametrize("state", [WAITING, JobState.BLOCKED])
def test_a_job_of_a_later_format_is_left_for_a_newer_worker(yard, state):
    """An older worker neither takes it, nor sets it aside, nor lets it go on; what lies beside it runs."""
    waits_for = (yard.scout.submit("nobody-has-this"),) if state is not WAITING else ()
    job = yard.scout.submit("note", {"n": "new"}, priority="urgent", depends_on=waits_for)
    (name,) = yard.store.list(tree.shelf("default", state))
    place = f"{tree.shelf('default', state)}/{name}"
    later = parse_object(yard.store.read(place)) | {"format": 2}
    yard.store.replace(place, dump(later))
    yard.scout.submit("note", {"n": "old"})

    yard.worker().drain()

    assert yard.began == ["old"]
    assert yard.state(job) is state


def test_what_a_job_may_still_wait_for_by_a_replay_is_not_tidied_away(yard):
    """A parent that failed keeps what its children said for as long as it can be replayed, and is replayed once."""
    rounds = []

    def family(ctx):
        rounds.append(ctx.generation)
        ctx.submit("note", {"n": 1})
        there = ctx.gather()
        if len(rounds) == 2:
            ctx.give_up("for now")
        return [each.result for each in there]

    worker = yard.worker(handlers={"family": family})
    parent = yard.scout.submit("family")
    worker.drain()
    yard.clock.advance(seconds=40 * DAY.total_seconds())
    for _ in range(3):
        worker.chores()
        yard.clock.advance(hours=2)

    yard.scout.jobs.replay(parent)
    worker.drain()

    assert yard.scout.jobs.outcome(parent).result == [{"n": 1}]
    assert len(rounds) == 3


def test_a_key_or_slot_that_nobody_uses_leaves_nothing(yard):
    """What slots and rates kept for their keys is gone a while after their last use."""
    worker = yard.worker()
    for number in range(3):
        yard.scout.submit("note", {"n": number}, slots=(f"gpu{number}", 1), rate=(f"api{number}", 5, MINUTE))
    worker.drain()
    assert yard.store.list(tree.LEASES)

    yard.clock.advance(days=8)
    worker.chores()

    assert [name for name in yard.store.list(tree.LEASES) if name.startswith("slot-")] == []
    assert yard.store.list("queues/default/rates") == []


def test_a_place_in_a_window_that_was_not_used_is_given_back(yard):
    """Who loses the race for a job has not begun: as many begin within the window as the rate says."""
    for number in range(6):
        yard.scout.submit("note", {"n": number}, rate=("api", 4, HOUR))
    other = yard.worker("other")

    class Racing(StoppingStore):
        """A drive on which another has claimed the job in this moment."""

        races = 2

        def move(self, source, target, durable=True):
            if self.races and f"/{WAITING}/" in source and f"/{ACTIVE}/" in target:
                self.races -= 1
                other.drain(limit=1)
            super().move(source, target, durable=durable)

    agent = yard.world.agent("planner", store=Racing(yard.store, Fuse()), every="1h")
    agent.handler("note")(lambda ctx: yard.began.append(ctx.data["n"]))
    agent.worker().drain()

    assert sorted(yard.began) == [0, 1, 2, 3]


def test_a_drive_that_is_away_while_others_are_told_costs_nothing_but_time(yard):
    """The job has completed and the worker says so; who waits for it is told by whoever looks."""
    first, second = yard.scout.submit("note"), yard.scout.submit("note")
    then = yard.scout.submit("note", depends_on=(first, second))
    worker, drive = troubled(yard, {"note": lambda ctx: None})
    drive.refuse("/met/", StoreUnavailableError)
    said = []

    worker.drain(on_job=lambda job, word: said.append(word))

    assert said == ["completed"] * 3
    assert yard.state(then) is COMPLETED


def test_a_step_that_raised_while_the_drive_was_away_is_taken_again(yard, hurry):
    """That it was not done is written down when the drive is back: no human has to look."""
    worker, drive = troubled(yard, {})
    calls = []

    def mails():
        calls.append(1)
        if len(calls) == 1:
            drive.refuse("/steps/0001.again", StoreUnavailableError, times=5)
            raise OSError("away")

    worker._handlers["mails"] = lambda ctx: ctx.step("mail", mails)
    job = yard.scout.submit("mails", backoff=MINUTE)
    worker.drain()
    yard.clock.advance(hours=1)
    worker.drain()

    assert (yard.state(job), len(calls)) == (COMPLETED, 2)


def test_a_time_out_on_a_full_drive_is_no_stall(yard, hurry):
    """That its time is up is written down when there is room: no worker counts as vanished."""

    def slow(ctx):
        if ctx.generation == 1:
            drive.refuse(".retry.json", StoreFullError, times=3)
            yard.clock.advance(minutes=2)
            ctx.check()

    worker, drive = troubled(yard, {"slow": slow})
    job = yard.scout.submit("slow", timeout=MINUTE, max_stalled=0, backoff=MINUTE)
    worker.drain()
    yard.clock.advance(hours=1)
    worker.drain()

    assert yard.state(job) is COMPLETED
    assert [each.event for each in yard.scout.jobs.file(job).tries] == ["retry", "complete"]
