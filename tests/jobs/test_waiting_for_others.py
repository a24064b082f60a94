"""Jobs that wait for others: dependencies, children, the four policies, caps, circles, and what replays do to them."""

import pytest

from somabus import JobDraft
from somabus.errors import JobRefusedError
from somabus.model.ticket import JobState

COMPLETED, FAILED, WAITING, BLOCKED = JobState.COMPLETED, JobState.FAILED, JobState.WAITING, JobState.BLOCKED


def gives_up(ctx):
    """Fail for good, or do it right at the second life."""
    if not ctx.data.get("mended") and ctx.generation == 1:
        ctx.give_up("it cannot be")


def spreads(ctx):
    """Have two children, one of which fails, and tell how both ended."""
    ctx.submit("gives-up", on_failure=ctx.data["policy"])
    ctx.submit("note", {"n": "child"})
    return [[each.name, str(each.state)] for each in ctx.gather()]


HANDLERS = {"gives-up": gives_up, "spreads": spreads}


def test_a_job_waits_for_all_that_it_depends_on(yard):
    """It begins after the last of them; and the receipt says that it is blocked."""
    needs = [yard.scout.submit("note", {"n": n}, priority="low").address for n in range(3)]
    last = yard.scout.submit("note", {"n": "last"}, depends_on=tuple(needs), priority="urgent")
    assert last.state is BLOCKED

    yard.worker().drain()

    assert yard.began == [0, 1, 2, "last"]


def test_a_job_in_another_queue_is_waited_for_as_well(yard):
    """Dependencies go across queues."""
    first = yard.scout.submit("note", {"n": 1}, queue="other")
    second = yard.scout.submit("note", {"n": 2}, depends_on=(first.address,))
    assert yard.worker().drain() == 0

    yard.worker(queue="other").drain()
    yard.worker().drain()

    assert yard.state(second) is COMPLETED


@pytest.mark.parametrize(
    ("policy", "expected"), [("fail", FAILED), ("remove", COMPLETED), ("ignore", COMPLETED), ("continue", COMPLETED)]
)
def test_what_the_failure_of_a_dependency_means(yard, policy, expected):
    """Fail, remove, ignore, continue: what becomes of whoever depends on a job that fails, and what it is told."""
    first = yard.scout.submit("gives-up", on_failure=policy)
    other = yard.scout.submit("note", {"n": "other"}, delay=None, tags=("nobody",))
    second = yard.scout.submit("aggregate", depends_on=(first.address, other.address))
    third = yard.scout.submit("note", {"n": "third"}, depends_on=(second.address,))
    yard.worker(handlers=HANDLERS).drain()

    assert (yard.state(second) is not BLOCKED) == (policy in {"fail", "continue"})
    yard.worker(handlers=HANDLERS, tags=("nobody",)).drain()

    assert yard.state(second) is yard.state(third) is expected
    if expected is FAILED:
        assert first.id in yard.why(second)
        assert second.id in yard.why(third)
        return
    told = [each["job"] for each in yard.scout.jobs.outcome(second).result]
    assert (first.address in told) == (policy != "remove")
    assert (other.address in told) == (policy != "continue")


@pytest.mark.parametrize(
    ("policy", "expected", "told"),
    [
        ("fail", FAILED, None),
        ("remove", COMPLETED, [["note", "completed"]]),
        ("ignore", COMPLETED, [["gives-up", "failed"], ["note", "completed"]]),
        ("continue", COMPLETED, [["gives-up", "failed"]]),
    ],
)
def test_what_the_failure_of_a_child_means(yard, policy, expected, told):
    """The same four for a parent that gathers its children."""
    parent = yard.scout.submit("spreads", {"policy": policy})

    yard.worker(handlers=HANDLERS).drain()

    assert yard.state(parent) is expected
    if policy == "continue":  # it went on at once: the other may have ended by then, and need not
        assert yard.scout.jobs.outcome(parent).result[0] == told[0]
    elif told is not None:
        assert yard.scout.jobs.outcome(parent).result == told


def test_an_aggregate_runs_once_when_all_have_ended(yard):
    """It is handed how each child ended, with its result, in the order of their submit."""
    receipts = yard.scout.submit_many([
        JobDraft("aggregate", label="all"), *(JobDraft("note", {"n": n}, parent="all") for n in range(5)),
    ])  # fmt: skip

    yard.worker().drain()

    outcome = yard.scout.jobs.outcome(receipts[0])
    assert sorted(each["result"]["n"] for each in outcome.result) == [0, 1, 2, 3, 4]
    assert outcome.proven
    assert [each.event for each in yard.scout.jobs.file(receipts[0]).tries] == ["complete"]


def test_a_child_is_submitted_once_however_often_its_parent_runs(yard):
    """A parent that fails after its submits submits nothing twice."""

    def family(ctx):
        ctx.submit("note", {"n": "child"})
        if ctx.attempt == 1:
            raise RuntimeError("once")
        ctx.gather()

    parent = yard.scout.submit("family")
    for _ in range(3):
        yard.worker(handlers={"family": family}).drain()
        yard.clock.advance(hours=1)

    assert yard.began == ["child"]
    assert yard.state(parent) is COMPLETED


def test_children_are_five_deep_and_no_deeper(yard):
    """A job whose handler always submits another ends by the rule, not by the disk."""
    depths = []

    def deeper(ctx):
        depths.append(ctx.job.depth)
        ctx.submit("deeper", max_attempts=1)

    yard.scout.submit("deeper", max_attempts=1)
    yard.worker(handlers={"deeper": deeper}).drain()

    assert depths == [0, 1, 2, 3, 4, 5]
    (failed,) = yard.scout.jobs.all(state=FAILED)
    assert "6 children deep, and 5 is the most" in yard.why(str(failed.address))


def test_a_parent_has_a_thousand_children_and_no_more(yard):
    """Alone and in a batch, the one too many is refused, and nothing of the batch is submitted."""
    parent = yard.scout.submit("aggregate", children=1)
    yard.scout.submit_many([JobDraft("noop", parent=parent.address) for _ in range(1000)])
    with pytest.raises(JobRefusedError, match="1,000 children and no more"):
        yard.scout.submit("noop", parent=parent.address)

    with pytest.raises(JobRefusedError):
        yard.scout.submit_many([JobDraft("noop", label="p"), *(JobDraft("noop", parent="p") for _ in range(1001))])
    assert yard.scout.jobs.stats().counts[WAITING] == 1000


@pytest.mark.parametrize(
    ("drafts", "said"),
    [
        ([JobDraft("noop", label="a", depends_on=("b",)), JobDraft("noop", label="b", depends_on=("a",))], "circle: "),
        ([JobDraft("noop", label="a", depends_on=("a",))], "circle: a -> a"),
        ([JobDraft("noop", label="a", parent="b"), JobDraft("noop", label="b", depends_on=("c",)),
          JobDraft("noop", label="c", parent="a", depends_on=("b",))], "circle: "),
        ([JobDraft("noop", label="a"), JobDraft("noop", label="a")], "stands twice"),
        ([JobDraft("noop", key="k")], "submitted alone"),
        ([JobDraft("noop", depends_on=("nobody",))], "no job"),
        ([JobDraft("noop", depends_on=("default/01a1f9de-1d99-72bc-bdf7-9a7b3e80730a",))], "no such job"),
        ([JobDraft("noop", parent="default/01a1f9de-1d99-72bc-bdf7-9a7b3e80730a")], "no such job"),
    ],
)  # fmt: skip
def test_a_graph_that_cannot_be_is_refused(yard, drafts, said):
    """Circles are named, labels and references must hold; and nothing was submitted."""
    with pytest.raises(JobRefusedError, match=said):
        yard.scout.submit_many(drafts)

    assert sum(yard.scout.jobs.stats().counts.values()) == 0


def test_the_child_of_a_parent_that_has_ended_is_refused(yard):
    """Nobody waits for it any more."""
    parent = yard.scout.submit("noop")
    yard.worker().drain()

    with pytest.raises(JobRefusedError, match="it is completed"):
        yard.scout.submit("noop", parent=parent.address)


def test_a_parent_in_the_same_batch_with_a_bad_child_submits_nothing(yard):
    """One that breaks a rule takes all of its batch with it."""
    with pytest.raises(JobRefusedError):
        yard.scout.submit_many([JobDraft("noop"), JobDraft("noop", max_attempts=0)])

    assert sum(yard.scout.jobs.stats().counts.values()) == 0


def test_who_failed_by_another_goes_on_after_both_were_replayed(yard):
    """A failed, so B failed; A is replayed and completes, B is replayed and completes."""
    first = yard.scout.submit("gives-up")
    second = yard.scout.submit("note", {"n": 2}, depends_on=(first.address,))
    worker = yard.worker(handlers=HANDLERS)
    worker.drain()
    assert yard.state(second) is FAILED

    yard.scout.jobs.replay(first)
    worker.drain()
    yard.scout.jobs.replay(second)
    worker.drain()

    assert yard.state(first) is yard.state(second) is COMPLETED


def test_who_failed_by_another_waits_for_it_after_both_were_replayed(yard):
    """B is replayed while A, replayed as well, has not ended yet: it waits for A again."""
    first = yard.scout.submit("gives-up")
    second = yard.scout.submit("note", {"n": 2}, depends_on=(first.address,))
    worker = yard.worker(handlers=HANDLERS)
    worker.drain()

    yard.scout.jobs.replay(first)
    yard.scout.jobs.replay(second)
    assert yard.state(second) is BLOCKED
    worker.drain()

    assert yard.state(first) is yard.state(second) is COMPLETED


def test_who_failed_by_another_fails_again_if_that_is_still_so(yard):
    """A replay alone makes no dependency complete."""
    first = yard.scout.submit("gives-up")
    second = yard.scout.submit("note", {"n": 2}, depends_on=(first.address,))
    yard.worker(handlers=HANDLERS).drain()

    yard.scout.jobs.replay(second)

    assert yard.state(second) is FAILED
    assert first.id in yard.why(second)


def test_a_job_whose_only_need_has_ended_goes_on_after_a_pause_at_once(yard):
    """Paused after what it waited for had ended, and resumed: it waits for nothing, and nobody has to look first."""
    first = yard.scout.submit("note", {"n": 1}, priority="urgent")
    second = yard.scout.submit("note", {"n": 2}, depends_on=(first.address,))
    yard.worker().drain(limit=1)
    assert yard.state(second) is WAITING

    yard.scout.jobs.pause(second)
    yard.scout.jobs.resume(second)

    assert yard.state(second) is WAITING


def test_a_job_that_was_aside_when_its_only_need_ended_is_told_as_it_comes_back(yard):
    """What ended while it was paused counts when it is resumed."""
    first = yard.scout.submit("note", {"n": 1})
    second = yard.scout.submit("note", {"n": 2}, depends_on=(first.address,))
    yard.scout.jobs.pause(second)
    yard.worker().drain(limit=1)

    yard.scout.jobs.resume(second)

    assert yard.state(second) is WAITING
