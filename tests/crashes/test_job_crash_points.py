"""Jobs at every crash point: a process dies at any operation, and what was submitted is done, once.

Each scene is played once for every operation of the store, and once for every single step on the disk. Then leases
end, workers of new processes drain, and a human answers what waits for one.
"""

from datetime import timedelta

import pytest

from somabus import JobDraft
from tests.crashes.harness import every_point, in_memory, on_disk, written_in_memory
from tests.crashes.jobs import JobStage, WritingJobStage, check_jobs, recover_jobs


def submit(stage):
    """Three jobs, one of them later."""
    stage.submit("steps")
    stage.submit("noop", delay=timedelta(hours=1))
    stage.submit("noop", priority="urgent")


def submit_with_key(stage):
    """A submitter that does not know whether it submitted: it submits again under the same key."""
    stage.submit("steps", key="invoice 7")
    stage.submit("steps", key="invoice 7", delay=timedelta(0))


def submit_with_key_at_once(stage):
    """The same with a delay of nothing: where the job belongs follows from its name, whenever it is brought in."""
    stage.submit("steps", key="invoice 7", delay=timedelta(0))


def replace(stage):
    """A job takes the place of one that has not begun."""
    stage.submit("steps", key="invoice 7", mortal=False)
    stage.submit("steps", key="invoice 7", on_duplicate="replace")


def submit_a_graph(stage):
    """A diamond of dependencies, and a parent with two children, as one group commit."""
    quick = {"backoff": timedelta(seconds=1)}
    receipts = stage.agent("scout").submit_many([
        JobDraft("steps", label="top", **quick),
        JobDraft("steps", label="left", depends_on=("top",), **quick),
        JobDraft("noop", label="right", depends_on=("top",), **quick),
        JobDraft("aggregate", label="end", depends_on=("left", "right"), **quick),
        JobDraft("aggregate", label="parent", depends_on=("top",), **quick),
        JobDraft("noop", parent="parent", **quick),
        JobDraft("noop", parent="parent", **quick),
    ])  # fmt: skip
    stage.accepted |= {receipt.address for receipt in receipts}


def work(stage):
    """Two jobs with three steps are claimed and completed."""
    stage.submit("steps", mortal=False)
    stage.submit("steps", mortal=False)
    stage.worker().drain()


def retry(stage):
    """A job fails twice and completes at its third attempt."""
    stage.submit("flaky", mortal=False)
    for _ in range(3):
        stage.worker().drain()
        stage.clock.advance(minutes=1)


def fail(stage):
    """One job gives up, another fails as often as it may; who depends on them fails, or goes on, as it was said."""
    first = stage.submit("gives-up", mortal=False)
    second = stage.submit("doomed", mortal=False, max_attempts=2, on_failure="ignore")
    stage.submit("noop", mortal=False, depends_on=(first.address,))
    stage.submit("noop", mortal=False, depends_on=(second.address,))
    for _ in range(2):
        stage.worker().drain()
        stage.clock.advance(minutes=1)


def fan_in(stage):
    """A parent submits two children, waits for them, and gathers what they return."""
    stage.submit("family", mortal=False)
    stage.worker().drain()


def dependency(stage):
    """A job that depends on another is submitted while that runs, and let go when it ends."""
    first = stage.submit("noop", mortal=False)
    stage.submit("noop", depends_on=(first.address,))
    stage.worker().drain()
    stage.submit("noop", depends_on=(first.address,))


def cancel(stage):
    """A parent that waits for its children is cancelled, and they with it; said again, it completes."""
    parent = stage.submit("aggregate", mortal=False, children=2)
    children = [stage.submit("noop", mortal=False, parent=parent.address, delay=timedelta(days=9)) for _ in range(2)]
    stage.cancelled |= {each.address for each in (parent, *children)}
    stage.to_cancel.append(parent)
    stage.agent("scout").jobs.cancel(parent)


def pause_and_resume(stage):
    """A job is set aside and let go on; so is one that somebody works on."""
    waiting = stage.submit("noop", mortal=False)
    held = stage.submit("steps", mortal=False, priority="urgent")
    stage.world.agent("planner").worker()._picker.next()
    jobs = stage.agent("scout").jobs
    for each in (waiting, held):
        jobs.pause(each)
        jobs.resume(each)


def replay(stage):
    """A job that failed is brought back, and another with other data."""
    failed = [stage.submit("gives-up", mortal=False) for _ in range(2)]
    stage.worker(mortal=False).drain()
    jobs = stage.agent("scout").jobs
    jobs.replay(failed[0])
    stage.accepted.add(jobs.replay(failed[1], {"other": True}).address)


def submit_a_child(stage):
    """Somebody else than its handler submits the child of a job that has not begun."""
    parent = stage.submit("aggregate", mortal=False, delay=timedelta(hours=1))
    stage.submit("steps", parent=parent.address)


def decide(stage):
    """A worker vanished in a step; a human says what became of it, and lets the job go on."""
    job = stage.submit("steps", mortal=False)
    worker = stage.worker(mortal=False)
    holding = worker._picker.next()
    ledger = worker._desk.ledger
    ledger.begin(ledger.word(holding.job.address, 1, "first", turn=1, generation=1))
    stage.clock.advance(minutes=2)
    stage.worker().drain()
    jobs = stage.agent("scout").jobs
    jobs.decide(job, 1, again=True)
    jobs.resume(job)


def put_off(stage):
    """A job is put off, put back where it waits, and set aside, by whoever has it."""
    for _ in range(3):
        stage.submit("steps", mortal=False)
    worker = stage.worker()
    settling = worker._settling
    held = [worker._picker.next() for _ in range(3)]
    ways = (
        lambda one: settling.snooze(one, timedelta(minutes=1)),
        settling.release,
        lambda one: settling.park(one, "look"),
    )
    for way, holding in zip(ways, held, strict=True):
        if holding is not None:  # another may have been quicker
            way(holding)


def take_over(stage):
    """A worker takes a job from one that vanished, and another is set aside: too many vanished over it."""
    stage.submit("steps", mortal=False)
    stage.submit("noop", mortal=False, max_stalled=0)
    gone = stage.worker(mortal=False)
    assert gone._picker.next()
    assert gone._picker.next()
    stage.clock.advance(minutes=2)
    stage.worker().drain()


SCENES = (submit, replace, submit_with_key, submit_with_key_at_once, submit_a_graph, work, retry, fail, fan_in, dependency,
          cancel, pause_and_resume, replay, submit_a_child, decide, put_off, take_over)  # fmt: skip
QUICK_ON_DISK, LONG = (submit_with_key,), (fan_in,)
WRITES, ALL, DISK = "store operations that write", "store operations", "disk steps"
BEGIN = {WRITES: WritingJobStage, ALL: JobStage, DISK: JobStage}

EVERY = [  # the looks, the long scene, and the disk steps of what is much like another, are for the slow run
    pytest.param(scene, kind, id=f"{scene.__name__}-{kind}",
                 marks=[] if (kind, scene in LONG) == (WRITES, False) or (kind == DISK and scene in QUICK_ON_DISK)
                 else [pytest.mark.slow])
    for scene in SCENES for kind in BEGIN
]  # fmt: skip


def play(tmp_path_factory, scene, kind):
    """Play a scene to its end, once for each step of this kind; return how many there were."""
    ground = {WRITES: written_in_memory, ALL: in_memory, DISK: on_disk(tmp_path_factory)}[kind]
    return every_point(ground, scene, begin=BEGIN[kind], recovery=recover_jobs, verdict=check_jobs)


@pytest.mark.parametrize(("scene", "kind"), EVERY)
def test_every_job_is_done_once_wherever_it_stops(scene, kind, tmp_path_factory, points):
    """P1-P4 for jobs: wherever a process dies, what was submitted has ended, in one place, each step once, for a reason."""
    count = play(tmp_path_factory, scene, kind)

    label = scene.__name__ if kind != WRITES else f"{scene.__name__}, writing"
    points[f"jobs: {label}", DISK if kind == DISK else ALL] = count
    assert count > 2


def test_the_harness_notices_a_loss(tmp_path_factory):
    """A scene that promises what it did not do is caught: the harness can fail."""

    def liar(stage):
        stage.accepted.add("default/01a1f9de-1d99-72bc-bdf7-9a7b3e80730a")

    with pytest.raises(AssertionError, match="nowhere"):
        play(tmp_path_factory, liar, ALL)
