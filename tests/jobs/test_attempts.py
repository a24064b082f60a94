"""Attempts: retries and backoff, stalls, times, steps, checks, and who may settle what."""

import re
import threading
from datetime import timedelta

import pytest

from somabus.errors import JobNotFoundError, JobStateError, LeaseLostError, NoSuchStepError
from somabus.model.ticket import JobState
from somabus.testing import Crash
from tests.jobs.yard import LEASE

COMPLETED, FAILED, DEAD, PAUSED = JobState.COMPLETED, JobState.FAILED, JobState.DEAD, JobState.PAUSED
WAITING, DELAYED, ACTIVE, CANCELLED = JobState.WAITING, JobState.DELAYED, JobState.ACTIVE, JobState.CANCELLED
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)


def raises(ctx):
    """Fail."""
    raise RuntimeError("no luck")


def crashes(ctx):
    """Die."""
    raise Crash


def test_a_job_is_tried_as_often_as_it_may(yard):
    """It fails for good at its last attempt, each later than the one before, and each is on record."""
    job = yard.scout.submit("raises", max_attempts=3, backoff=MINUTE)
    worker, waits = yard.worker(handlers={"raises": raises}), []
    while yard.state(job) is not FAILED:
        worker.drain()
        until = yard.scout.jobs.find(job).until
        if until is not None:
            waits.append(until - yard.clock.now())
            yard.clock.advance(seconds=waits[-1].total_seconds() - 1)
            assert worker.drain() == 0, "it is not due"
            yard.clock.advance(seconds=1)

    assert [each.event for each in yard.scout.jobs.file(job).tries] == ["retry", "retry", "fail"]
    assert re.fullmatch(r"attempt 3 of 3: RuntimeError: no luck \(test_attempts.py:\d+\)", yard.why(job))
    assert all(timedelta(0) < wait <= 4 * MINUTE for wait in waits)


def test_a_stalled_job_is_taken_over_and_counted_apart_from_failures(yard):
    """A worker that dies over it costs no attempt of `max_attempts`; who dies too often over it kills it."""
    job = yard.scout.submit("crashes", max_attempts=1, max_stalled=2)
    for _ in range(3):
        with pytest.raises(Crash):
            yard.worker(handlers={"crashes": crashes}).drain()
        assert yard.worker(handlers={"crashes": crashes}).drain() == 0, "its lease holds"
        yard.clock.advance(minutes=2)
    yard.worker(handlers={"crashes": crashes}).drain()

    assert yard.state(job) is DEAD
    assert "3 workers had it and vanished" in yard.why(job)


@pytest.mark.parametrize("act", ["complete", "fail", "retry", "snooze", "release", "park", "await_children", "renew"])
def test_a_late_result_is_refused_and_changes_nothing(yard, act):
    """A worker whose lease was taken over is told so, and the job stays with whoever has it now."""
    job = yard.scout.submit("note")
    late = yard.worker()
    holding = late._picker.next()
    yard.clock.advance(minutes=2)
    taken = yard.worker("other")._picker.next()
    assert taken.job.id == holding.job.id
    before = yard.store.list("queues/default/active")
    rest = {"complete": (None,), "fail": ("x",), "retry": ("x",), "snooze": (HOUR,), "park": ("x",)}.get(act, ())

    with pytest.raises(LeaseLostError):
        getattr(late._settling, act)(holding, *rest)

    assert yard.store.list("queues/default/active") == before
    assert yard.scout.jobs.outcome(job) is None


def test_a_worker_that_lost_its_job_takes_no_step(yard):
    """Its lease ended while it thought about it: the next step is not begun, and the other worker's counts."""

    def slow(ctx):
        yard.clock.advance(minutes=2)
        other.drain()
        ctx.step("late", yard.effect, ctx, "late")

    def quick(ctx):
        return ctx.step("late", yard.effect, ctx, "late")

    job = yard.scout.submit("steps")
    other = yard.worker("other", handlers={"steps": quick})
    yard.worker(handlers={"steps": slow}).drain()

    assert yard.effects[job.id, "late"] == 1
    assert yard.scout.jobs.outcome(job).by == "other"


@pytest.mark.parametrize(("act", "expected"), [("cancel", CANCELLED), ("pause", PAUSED)])
@pytest.mark.parametrize("at", ["step", "check", "submit", "spend", "progress"])
def test_whoever_works_on_a_job_that_was_set_aside_stops_at_once(yard, act, expected, at):
    """Cancelled or paused: the handler stops where it next asks, and does nothing more."""

    def works(ctx):
        getattr(yard.scout.jobs, act)(job)
        {
            "step": lambda: ctx.step("late", yard.effect, ctx, "late"), "check": ctx.check,
            "submit": lambda: ctx.submit("note"), "spend": lambda: ctx.spend(money=1), "progress": lambda: ctx.progress(1),
        }[at]()  # fmt: skip
        yard.began.append("went on")

    job = yard.scout.submit("works")
    yard.worker(handlers={"works": works}).drain()

    assert not yard.began
    assert not yard.effects
    assert yard.state(job) is expected


@pytest.mark.parametrize(
    ("fields", "wait", "expected", "why"),
    [
        ({"begin_within": HOUR}, 61, FAILED, "to begin by"),
        ({"begin_within": HOUR}, 59, COMPLETED, ""),
        ({"end_within": HOUR}, 61, FAILED, "to end by"),
    ],
)
def test_a_job_that_waited_too_long_fails(yard, fields, wait, expected, why):
    """What was to begin or end earlier is not begun."""
    job = yard.scout.submit("note", **fields)
    yard.clock.advance(minutes=wait)

    yard.worker().drain()

    assert yard.state(job) is expected
    assert why in yard.why(job)
    assert bool(yard.began) == (expected is COMPLETED)


@pytest.mark.parametrize(
    ("fields", "expected", "why"),
    [({"timeout": MINUTE}, DELAYED, "longer than 60 s"), ({"end_within": MINUTE}, FAILED, "to end by")],
)
def test_an_attempt_that_takes_too_long_loses_its_job(yard, fields, expected, why):
    """It is stopped where it next asks; a timeout of one attempt is tried again, the end of its time is the end."""

    def slow(ctx):
        yard.clock.advance(minutes=2)
        ctx.check()
        yard.began.append("went on")

    job = yard.scout.submit("slow", **fields)
    yard.worker(handlers={"slow": slow}).drain()

    assert not yard.began
    assert yard.state(job) is expected
    assert why in yard.why(job)


def test_what_is_required_holds_before_it_is_completed(yard):
    """A check that returns False or raises fails the attempt; one that holds lets it complete."""
    checks = iter([lambda: False, lambda: 1 / 0, lambda: None])
    job = yard.scout.submit("careful", backoff=SECOND)
    worker = yard.worker(handlers={"careful": lambda ctx: ctx.require(next(checks), "it must be there")})
    for _ in range(3):
        worker.drain()
        yard.clock.advance(hours=1)

    tries = yard.scout.jobs.file(job).tries
    assert [each.event for each in tries] == ["retry", "retry", "complete"]
    assert "it must be there" in tries[0].error
    assert "ZeroDivisionError" in tries[1].error


def test_a_snoozed_job_comes_again_and_has_not_failed(yard):
    """It comes back when it said, and none of its attempts is used up."""

    def patient(ctx):
        if ctx.generation < 4:
            ctx.snooze(HOUR)
        return ctx.attempt

    job = yard.scout.submit("patient", max_attempts=1)
    worker = yard.worker(handlers={"patient": patient})
    for _ in range(4):
        worker.drain()
        assert worker.drain() == 0
        yard.clock.advance(hours=1)

    assert yard.scout.jobs.outcome(job).result == 1


def test_who_gives_up_is_not_tried_again(yard):
    """The job has failed at once, with what its handler said."""
    job = yard.scout.submit("quits", max_attempts=9)
    yard.worker(handlers={"quits": lambda ctx: ctx.give_up("hopeless")}).drain()

    assert yard.state(job) is FAILED
    assert yard.why(job) == "hopeless"


@pytest.mark.parametrize("idempotent", [False, True])
@pytest.mark.parametrize("taken", [False, True], ids=["before the effect", "after the effect"])
def test_a_step_in_doubt_waits_for_a_human_unless_it_may_be_repeated(yard, idempotent, taken):
    """A worker died in a step: declared idempotent it is taken again, else a human says whether it took effect."""
    died = []

    def effect(ctx):
        if taken or died:
            yard.effect(ctx, "pay")
        if not died:
            died.append(True)
            raise Crash
        return "paid"

    def pays(ctx):
        ctx.step("fetch", yard.effect, ctx, "fetch")
        return ctx.step("pay", effect, ctx, idempotent=idempotent)

    job = yard.scout.submit("pays")
    with pytest.raises(Crash):
        yard.worker(handlers={"pays": pays}).drain()
    yard.clock.advance(minutes=2)
    worker = yard.worker(handlers={"pays": pays})
    worker.drain()
    if not idempotent:
        assert yard.state(job) is PAUSED
        assert "nobody knows whether it took effect" in yard.why(job)
        yard.scout.jobs.decide(job, 2, again=not taken, result="paid")
        yard.scout.jobs.resume(job)
        worker.drain()

    assert yard.scout.jobs.outcome(job).result == "paid"
    assert yard.effects[job.id, "fetch"] == 1
    assert yard.effects[job.id, "pay"] == (2 if idempotent and taken else 1)


def test_a_step_that_raised_was_not_taken(yard):
    """The next attempt takes it again, and a human is asked nothing."""

    def step(ctx):
        if ctx.attempt == 1:
            raise OSError("away")
        return "there"

    job = yard.scout.submit("steps", backoff=SECOND)
    worker = yard.worker(handlers={"steps": lambda ctx: ctx.step("look", step, ctx)})
    worker.drain()
    yard.clock.advance(hours=1)
    worker.drain()

    assert yard.scout.jobs.outcome(job).result == "there"


def test_a_handler_that_was_changed_waits_for_a_human(yard):
    """A step under another name than before is not mistaken for it."""
    job = yard.scout.submit("steps", backoff=SECOND)
    names = iter(["one", "two"])

    def steps(ctx):
        ctx.step(next(names), yard.effect, ctx, "any")
        raise RuntimeError

    worker = yard.worker(handlers={"steps": steps})
    worker.drain()
    yard.clock.advance(hours=1)
    worker.drain()

    assert yard.state(job) is PAUSED
    assert "the handler has changed" in yard.why(job)
    assert yard.effects[job.id, "any"] == 1


@pytest.mark.parametrize(
    "result", [object(), float("nan"), "x" * 600_000, {1: 2}], ids=["object", "nan", "large", "key"]
)
def test_a_result_that_cannot_be_written_fails_the_attempt(yard, result):
    """It is said so, and the worker goes on."""
    job = yard.scout.submit("odd", max_attempts=1)
    worker = yard.worker(handlers={"odd": lambda ctx: result})
    yard.scout.submit("note", {"n": 1})
    worker.drain()

    assert yard.began == [1]
    assert yard.state(job) in {FAILED, COMPLETED}
    assert yard.state(job) is COMPLETED or yard.why(job)


@pytest.mark.parametrize(
    ("act", "states"),
    [
        ("cancel", {COMPLETED, FAILED, CANCELLED}), ("pause", {COMPLETED, FAILED, CANCELLED, PAUSED}),
        ("resume", {COMPLETED, FAILED, CANCELLED, WAITING}), ("replay", {COMPLETED, CANCELLED, WAITING, PAUSED}),
    ],
)  # fmt: skip
def test_what_the_table_does_not_have_is_refused(yard, act, states):
    """Acting on a job in the wrong state names the state and the right ones, and changes nothing."""
    jobs = {state: yard.scout.submit("note" if state is COMPLETED else "raises", max_attempts=1,
                                     **({} if state in {COMPLETED, FAILED} else {"tags": ("nobody",)}))
            for state in states}  # fmt: skip
    yard.worker(handlers={"raises": raises}).drain()
    if PAUSED in states:
        yard.scout.jobs.pause(jobs[PAUSED])
    if CANCELLED in states:
        yard.scout.jobs.cancel(jobs[CANCELLED])

    for state, job in jobs.items():
        with pytest.raises(JobStateError, match=f"is {state}"):
            getattr(yard.scout.jobs, act)(job)
        assert yard.state(job) is state


@pytest.mark.parametrize("act", ["cancel", "pause", "resume", "replay"])
def test_a_job_that_is_not_there_is_named(yard, act):
    """Nobody acts on a job that was never submitted."""
    with pytest.raises(JobNotFoundError, match="there is no job"):
        getattr(yard.scout.jobs, act)("default/01a1f9de-1d99-72bc-bdf7-9a7b3e80730a")


def test_nobody_decides_a_step_that_is_in_no_doubt(yard):
    """A human's word counts for a step that waits for one."""
    job = yard.scout.submit("note")
    with pytest.raises((NoSuchStepError, JobStateError)):
        yard.scout.jobs.decide(job, 1, again=True)


def test_a_cancel_takes_the_whole_tree(yard):
    """Children and theirs are cancelled, what has ended stays as it is."""

    def family(ctx):
        ctx.submit("family" if ctx.job.depth < 2 else "note")
        ctx.submit("noop")
        ctx.gather()

    top = yard.scout.submit("family")
    worker = yard.worker(handlers={"family": family})
    worker.drain(limit=4)

    cancelled = yard.scout.jobs.cancel(top, "enough")
    worker.drain()

    assert yard.why(top) == "enough"
    assert not yard.began
    counts = yard.scout.jobs.stats().counts
    assert counts[CANCELLED] == len(cancelled)
    assert sum(counts[state] for state in (WAITING, JobState.WAITING_CHILDREN, JobState.BLOCKED)) == 0


def test_a_dead_job_is_replayed_from_where_it_was(yard):
    """Its generation goes on, what went wrong is forgotten, and no step that was done is done again."""

    def steps(ctx):
        ctx.step("one", yard.effect, ctx, "one")
        if ctx.generation == 1:
            ctx.give_up("for now")
        return ctx.generation

    job = yard.scout.submit("steps")
    worker = yard.worker(handlers={"steps": steps})
    worker.drain()
    assert yard.scout.jobs.replay(job) is None
    worker.drain()

    assert yard.scout.jobs.outcome(job).result == 2
    assert yard.effects[job.id, "one"] == 1


def test_a_replay_with_other_data_is_a_job_of_its_own(yard):
    """It says whose replay it is; the first stays where it ended."""
    job = yard.scout.submit("quits", {"a": 1}, priority="high", max_attempts=7)
    worker = yard.worker(handlers={"quits": lambda ctx: (ctx.data["a"] == 1 and ctx.give_up("no")) or ctx.data})
    worker.drain()
    receipt = yard.scout.jobs.replay(job, {"a": 2})
    worker.drain()

    again = yard.scout.jobs.find(receipt).opened.job
    assert yard.state(job) is FAILED
    assert yard.scout.jobs.outcome(receipt).result == {"a": 2}
    assert (again.replay_of, again.max_attempts, again.priority) == (job.address, 7, "high")


def test_a_worker_that_is_told_to_stop_ends_what_it_began(yard):
    """Drain on stop: the job in hand is completed, the next is not begun, and the worker's record is gone."""
    stop = threading.Event()
    yard.scout.submit("last", {"n": 1})
    waiting = yard.scout.submit("note", {"n": 2})

    made = yard.worker(handlers={"last": lambda ctx: stop.set()}).until(stop)

    assert made == 1
    assert yard.state(waiting) is WAITING
    assert yard.store.list("queues/default/workers") == []


def test_a_worker_that_is_interrupted_gives_its_job_back(yard):
    """Told to end at once, it puts the job back where it waits, and that is no failure."""

    def interrupted(ctx):
        raise KeyboardInterrupt

    job = yard.scout.submit("long")
    with pytest.raises(KeyboardInterrupt):
        yard.worker(handlers={"long": interrupted}).drain()

    view = yard.scout.jobs.find(job)
    assert (view.state, view.failed, view.stalled) == (WAITING, 0, 0)


def test_the_lease_is_renewed_in_long_work(yard):
    """A handler that asks now and then keeps its job however long it takes."""

    def long(ctx):
        for _ in range(10):
            yard.clock.advance(seconds=LEASE.total_seconds() / 2)
            ctx.check()
            assert other.drain() == 0
        return "done"

    job = yard.scout.submit("long")
    other = yard.worker("other", handlers={"long": long})
    yard.worker(handlers={"long": long}).drain()

    assert yard.scout.jobs.outcome(job).result == "done"


def test_a_worker_that_lost_its_job_to_a_human_repeats_no_step(yard):
    """A step that raised may be taken again, by whoever has the job now alone: not by whom it was taken from as well."""

    def pays(ctx):
        if ctx.generation == 2:
            yard.scout.jobs.pause(job)
            yard.scout.jobs.resume(job)
            other.drain()
        ctx.step("pay", pay, ctx)

    def pay(ctx):
        if ctx.generation == 1:
            raise OSError("away")
        yard.effect(ctx, "pay")

    job = yard.scout.submit("pays", backoff=SECOND)
    worker, other = (yard.worker(name, handlers={"pays": pays}) for name in ("planner", "other"))
    worker.drain()
    yard.clock.advance(hours=1)
    worker.drain()

    assert yard.state(job) is COMPLETED
    assert yard.effects[job.id, "pay"] == 1
