"""Tidying a queue while a human brings a job back: what was done is not done again."""

import pytest

from somabus.errors import JobError
from somabus.testing import Fuse, StoppingStore


@pytest.mark.parametrize("at", range(1, 7))
def test_a_job_that_is_replayed_while_it_is_dropped_repeats_no_step(yard, at):
    """At whatever document of it is dropped, the replay is refused, or finds the whole ledger."""

    def steps(ctx):
        ctx.step("pay", yard.effect, ctx, "pay")
        if ctx.generation == 1:
            ctx.give_up("no")

    job = yard.scout.submit("steps")
    yard.worker(handlers={"steps": steps}).drain()
    yard.clock.advance(days=1000)
    met = []

    class Meeting(StoppingStore):
        """Lets a human replay the job right before something of it is deleted."""

        def delete(self, key):
            """See `Store.delete`."""
            if job.id in key:
                met.append(key)
                if len(met) == at:
                    try:
                        yard.scout.jobs.replay(job)
                    except JobError:
                        met.append("refused")
            super().delete(key)

    yard.world.agent("other", store=Meeting(yard.store, Fuse()), every="1h").worker().chores()
    yard.worker("another", handlers={"steps": steps}).drain()

    assert met, "it was dropped"
    assert yard.effects[job.id, "pay"] == 1
