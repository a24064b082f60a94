"""The times of a job bind it wherever it lies, whoever takes it or not."""

from datetime import timedelta

import pytest

from somabus.model.ticket import JobState

FAILED, WAITING, COMPLETED = JobState.FAILED, JobState.WAITING, JobState.COMPLETED
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def held(yard, **fields):
    """Return one job in each place in which no worker takes it."""
    scout = yard.scout
    running = scout.submit("nobody-has-this")
    paused = scout.submit("note", **fields)
    scout.jobs.pause(paused)
    return {
        "no handler": scout.submit("nobody-has-this", **fields),
        "a tag that nobody has": scout.submit("note", tags=("gpu",), **fields),
        "another's": scout.submit("note", worker="nobody", **fields),
        "blocked": scout.submit("note", depends_on=(running.address,), **fields),
        "a child is missing": scout.submit("note", children=1, **fields),
        "paused": paused,
        "no slot": scout.submit("note", slots=("gpu", 1), **fields),
        "quiet": scout.submit("note", quiet=("00:00", "23:59"), **fields),
    }


@pytest.mark.parametrize("field", ["begin_within", "end_within"])
def test_what_nobody_takes_fails_when_its_time_has_passed(yard, field):
    """Blocked, paused, without a worker that fits, before a gate: each has failed by then, and not before."""
    worker = yard.worker()
    with yard.world.agent("other", every="1h").lease(_slot_of("gpu"), timedelta(days=2)):
        jobs = held(yard, **{field: HOUR})
        yard.clock.advance(minutes=59)
        worker.drain()
        assert {what: yard.state(job) for what, job in jobs.items() if yard.state(job).ended} == {}

        yard.clock.advance(minutes=2)
        worker.drain()

    assert {what: yard.state(job) for what, job in jobs.items()} == dict.fromkeys(jobs, FAILED)
    assert all("it was to" in yard.why(job) for job in jobs.values())
    assert yard.began == []


def _slot_of(key):
    import hashlib

    return f"slot-{hashlib.sha256(key.encode()).hexdigest()[:16]}-0"


def test_what_depends_on_a_job_that_ran_out_of_time_is_told(yard):
    """It fails as well, although no worker ever had the first."""
    first = yard.scout.submit("nobody-has-this", begin_within=HOUR)
    then = yard.scout.submit("note", depends_on=(first.address,))
    yard.clock.advance(hours=2)

    yard.worker().drain()

    assert (yard.state(first), yard.state(then)) == (FAILED, FAILED)
    assert first.address in yard.why(then), "it names the job with its queue"


def test_a_job_that_has_begun_in_time_does_not_fail_for_its_beginning(yard):
    """What waits for its children, is put off, or comes again has begun: only its end counts."""

    def slow(ctx):
        yard.clock.advance(minutes=10)

    def family(ctx):
        ctx.submit("slow")
        ctx.gather()

    job = yard.scout.submit("family", begin_within=MINUTE)
    yard.worker(handlers={"family": family, "slow": slow}).drain()

    assert yard.state(job) is COMPLETED


def test_a_job_comes_again_no_later_than_its_end(yard):
    """One in a long backoff, or put off for long, has failed when its time is over, and not when it would be due."""
    jobs = [yard.scout.submit(name, end_within=HOUR, backoff=timedelta(days=1)) for name in ("raises", "snoozes")]

    def raises(ctx):
        raise RuntimeError

    worker = yard.worker(handlers={"raises": raises, "snoozes": lambda ctx: ctx.snooze(timedelta(days=9))})
    worker.drain()
    yard.clock.advance(hours=1)
    worker.drain()

    assert [yard.state(job) for job in jobs] == [FAILED, FAILED]
