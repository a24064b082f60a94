"""Jobs at every meeting: at any operation of one process another does something to the same jobs, and nothing breaks.

Each scene is played once for every operation that writes: right before it, somebody else works, takes over, cancels,
sets aside, or tidies up. The first process goes on as if it knew nothing.
"""

from contextlib import suppress

import pytest

from somabus.errors import JobError, LeaseLostError
from somabus.model.ticket import ENDED, JobState
from somabus.testing import Fuse
from tests.crashes.harness import written_in_memory
from tests.crashes.jobs import WritingJobStage, check_jobs, recover_jobs
from tests.crashes.test_job_crash_points import (
    cancel,
    dependency,
    fail,
    fan_in,
    pause_and_resume,
    put_off,
    replay,
    retry,
    submit_a_graph,
    submit_with_key,
    take_over,
    work,
)  # fmt: skip

SCENES = (submit_with_key, submit_a_graph, work, retry, fail, fan_in, dependency, cancel, pause_and_resume, replay,
          put_off, take_over)  # fmt: skip


class Meeting(Fuse):
    """Lets somebody else act before the step of the given number; nobody dies."""

    def __init__(self):
        super().__init__()
        self.other = self.met = None

    def step(self):
        """Do one more step, and let the other act before it if it is that one."""
        self.steps += 1
        if self.at and self.steps == self.at:
            self.at = 0
            self.met = True
            self.other()


def works(stage):
    """Another worker takes what is there."""
    stage.worker(mortal=False).drain()


def takes_over(stage):
    """Another worker finds that the lease has ended: the first was away for two minutes."""
    stage.clock.advance(minutes=2)
    stage.worker(mortal=False).drain()


def cancels(stage):
    """A human cancels everything."""
    _to_all(stage, lambda jobs, each: jobs.cancel(each))


def sets_aside_and_lets_go(stage):
    """A human sets everything aside and lets it go on; another worker takes it."""
    _to_all(stage, lambda jobs, each: (jobs.pause(each), jobs.resume(each)))
    stage.worker(mortal=False).drain()


def _to_all(stage, act):
    jobs = stage.agent("scout", mortal=False).jobs
    for state in JobState:
        if state not in ENDED:
            for view in jobs.all(state=state):
                with suppress(JobError):
                    act(jobs, view.address)


OTHERS = (works, takes_over, cancels, sets_aside_and_lets_go)
QUICK = (submit_a_graph, work, retry, fail, replay)
EVERY = [  # who takes over meets the most; the others, and what is much like another, are for the slow run
    pytest.param(scene, other, id=f"{scene.__name__}-{other.__name__}",
                 marks=[] if other is takes_over and scene in QUICK else [pytest.mark.slow])
    for scene in SCENES for other in OTHERS
]  # fmt: skip


@pytest.mark.parametrize(("scene", "other"), EVERY)
def test_whoever_comes_in_between_breaks_nothing(scene, other):
    """Wherever another comes in between, each job ends in one place, each step takes effect once, nothing is held up."""
    at = 0
    while True:
        at += 1
        stage = WritingJobStage(written_in_memory, Meeting())
        stage.fuse.other = lambda stage=stage: other(stage)
        stage.fuse.at = stage.fuse.steps + at
        with suppress(JobError, LeaseLostError):  # it is told that it came too late
            scene(stage)
        stage.cancelled.clear()  # the other may have been quicker
        if other is cancels:
            stage.must_run.clear()
        recover_jobs(stage)
        check_jobs(stage, f"{scene.__name__}, met at step {at}")
        if not stage.fuse.met:
            break
    assert at > 2
