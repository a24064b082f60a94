"""The ledger of steps when somebody comes back late, writes into it, or puts into a step what does not belong there."""

import json
from datetime import timedelta

import pytest

from somabus.errors import JobRefusedError, JobStateError
from somabus.model import tree
from somabus.model.ticket import JobState
from somabus.testing import Crash, Fuse, StoppingStore

COMPLETED, PAUSED, DELAYED = JobState.COMPLETED, JobState.PAUSED, JobState.DELAYED
SECOND = timedelta(seconds=1)


def test_whoever_comes_back_behind_its_lease_takes_no_step(yard):
    """A worker held up right before a step that had raised before finds that another has taken it."""
    taken = []

    def pays(ctx):
        ctx.step("pay", pay, ctx)

    def pay(ctx):
        if ctx.generation == 1:
            raise OSError("away")
        taken.append(ctx.generation)

    other = yard.worker("other", handlers={"pays": pays})

    class HeldUp(StoppingStore):
        """A drive that does not answer for minutes, once, before the second taking of the step."""

        def create(self, key, data):
            if key.endswith("0001.pending.2.json") and not taken:
                yard.clock.advance(minutes=5)
                other.drain()
            super().create(key, data)

    job = yard.scout.submit("pays", backoff=SECOND)
    agent = yard.world.agent("planner", store=HeldUp(yard.store, Fuse()), every="1h")
    agent.handler("pays")(pays)
    worker = agent.worker()
    worker.drain()
    yard.clock.advance(hours=1)
    worker.drain()

    assert len(taken) == 1
    assert yard.state(job) is COMPLETED


@pytest.mark.parametrize("mark", ["done", "pending.1", "again.1"])
def test_nobody_else_s_word_is_in_the_ledger(yard, mark):
    """A page that its agent did not sign is no step taken, and none to be taken again: a human looks at the job."""
    job = yard.scout.submit("pays")
    page = {
        "format": 1, "bus": yard.scout.jobs.find(job).opened.job.bus, "queue": "default", "id": job.id,
        "turn": 1, "number": 1, "name": "pay", "generation": 1, "at": "2026-01-05T12:00:00Z", "by": "scout",
        "result": "forged",
    }  # fmt: skip
    yard.store.create(f"{tree.run('default', job.id)}/steps/0001.{mark}.json", json.dumps(page).encode())

    yard.worker(handlers={"pays": lambda ctx: ctx.step("pay", yard.effect, ctx, "pay")}).drain()

    assert yard.state(job) is PAUSED
    assert not yard.effects


@pytest.mark.parametrize(
    "inside",
    [
        lambda ctx: ctx.step("another", int), lambda ctx: ctx.snooze(SECOND), lambda ctx: ctx.gather(),
        lambda ctx: ctx.give_up("no"), lambda ctx: ctx.park("look"),
    ],
    ids=["step", "snooze", "gather", "give_up", "park"],
)  # fmt: skip
def test_what_belongs_behind_a_step_is_refused_in_it(yard, inside):
    """It says so and fails the attempt; the step was not taken, and is no cause to ask a human."""
    job = yard.scout.submit("nests")

    yard.worker(handlers={"nests": lambda ctx: ctx.step("outer", inside, ctx)}).drain()

    assert yard.state(job) is DELAYED
    assert "belongs behind the step 'outer'" in yard.why(job)


def test_who_finds_out_in_the_middle_of_a_step_leaves_it_in_doubt(yard):
    """A step that asks whether its job is still there, and ends by that, may be done in part: nobody repeats it."""
    halves = []

    def half(ctx):
        halves.append(ctx.generation)
        yard.scout.jobs.pause(job)
        ctx.check()

    job = yard.scout.submit("pays")
    worker = yard.worker(handlers={"pays": lambda ctx: ctx.step("pay", half, ctx)})
    worker.drain()
    yard.scout.jobs.resume(job)
    worker.drain()

    assert halves == [1]
    assert yard.state(job) is PAUSED


def test_a_handler_that_submits_another_child_waits_for_a_human(yard):
    """At its next attempt its first child is known by its work: another one is not taken for it."""

    def family(ctx):
        ctx.submit("note", {"n": ctx.attempt})
        if ctx.attempt == 1:
            raise RuntimeError("again")
        return [each.result for each in ctx.gather()]

    job = yard.scout.submit("family", backoff=SECOND)
    worker = yard.worker(handlers={"family": family})
    worker.drain()
    yard.clock.advance(minutes=1)
    worker.drain()

    assert yard.state(job) is PAUSED
    assert "the handler has changed" in yard.why(job)
    assert yard.began == [1]


def test_a_child_that_comes_in_behind_the_cancel_of_its_parent_is_cancelled(yard):
    """Whoever takes it cancels it: nothing of a cancelled tree begins."""

    class Between(StoppingStore):
        """A drive on which a human cancels the parent right before its child is there."""

        def create(self, key, data):
            if "/children/" in key:
                yard.scout.jobs.cancel(parent)
            super().create(key, data)

    agent = yard.world.agent("planner", store=Between(yard.store, Fuse()), every="1h")
    agent.handler("family")(lambda ctx: [ctx.submit("note", {"n": 1}), ctx.gather()])
    parent = yard.scout.submit("family")
    agent.worker().drain()
    yard.worker("other").drain()

    assert yard.state(parent) is JobState.CANCELLED
    (child,) = (each.address for each in yard.scout.jobs.file(parent).children)
    assert (yard.began, yard.state(str(child))) == ([], JobState.CANCELLED)
    assert yard.why(str(child)) == f"its parent {parent.address} was cancelled"


def test_nothing_is_said_behind_the_cancel_of_a_job(yard):
    """Neither mail nor log: a handler that goes on regardless is told instead."""
    heard = []

    def talks(ctx):
        yard.scout.jobs.cancel(job)
        for say in (ctx.message, ctx.log):
            try:
                say("still here")
            except Exception as error:  # noqa: BLE001 - a handler that goes on regardless
                heard.append(type(error).__name__)

    job = yard.scout.submit("talks")
    yard.worker(handlers={"talks": talks}).drain()

    assert heard == ["LeaseLostError", "LeaseLostError"]
    assert list(yard.scout.peek()) == []
    assert yard.scout.jobs.log(job) == []


def test_what_was_cancelled_along_with_its_parent_is_not_brought_back_alone(yard):
    """A failed child of a cancelled parent is submitted anew, and not replayed only to be cancelled."""

    def family(ctx):
        ctx.submit("fails", on_failure="ignore")
        ctx.submit("nobody-has-this")
        ctx.gather()

    parent = yard.scout.submit("family")
    yard.worker(handlers={"family": family, "fails": lambda ctx: ctx.give_up("no")}).drain()
    yard.scout.jobs.cancel(parent)
    (failed,) = yard.scout.jobs.all(state="failed")

    with pytest.raises(JobRefusedError, match="was cancelled, and it along with that"):
        yard.scout.jobs.replay(failed.address)


def test_a_human_says_what_became_of_a_step_wherever_nobody_is_at_it(yard):
    """Also behind a resume that came too early: the word counts, and the next worker goes on with it."""
    job = yard.scout.submit("pays")

    def dies():
        raise Crash

    with pytest.raises(Crash):
        yard.worker(handlers={"pays": lambda ctx: ctx.step("pay", dies)}).drain()
    yard.clock.advance(hours=1)
    worker = yard.worker(handlers={"pays": lambda ctx: ctx.step("pay", yard.effect, ctx, "pay")})
    worker.drain()
    yard.scout.jobs.resume(job)
    yard.scout.jobs.decide(job, 1, again=False, result="paid by hand")
    worker.drain()

    assert yard.scout.jobs.outcome(job).result == "paid by hand"
    assert not yard.effects


def test_nobody_decides_a_step_while_somebody_takes_it(yard):
    """A word about a step in the middle of it is refused: it is in no doubt yet."""
    refused = []

    def pay(ctx):
        for again in (True, False):
            with pytest.raises(JobStateError) as told:
                yard.scout.jobs.decide(ctx.job.address, 1, again=again)
            refused.append(told.value.state)
        return "paid"

    job = yard.scout.submit("pays")
    yard.worker(handlers={"pays": lambda ctx: ctx.step("pay", pay, ctx)}).drain()

    assert refused == ["active", "active"]
    assert yard.scout.jobs.outcome(job).result == "paid"
