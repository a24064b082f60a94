"""Which job begins when: priority and age, delays, quiet hours, stagger, slots, rates, and who may take it."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from somabus.errors import JobRefusedError, QueueFullError
from somabus.jobs.gates import is_quiet
from somabus.model.job import Quiet
from somabus.model.ticket import JobState
from tests.jobs.yard import LEASE, Yard

HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)


def test_urgent_comes_first_then_the_oldest(yard):
    """Of all that waits, the most urgent begins first, and of those the oldest."""
    for n, priority in enumerate(["low", "normal", "urgent", "high", "normal", "urgent"]):
        yard.scout.submit("note", {"n": n}, priority=priority)

    yard.worker().drain()

    assert yard.began == [2, 5, 3, 1, 4, 0]


def test_an_urgent_job_overtakes_what_was_listed_before_it_came(yard):
    """A worker with a long list at hand sees an urgent job within seconds."""
    for n in range(3):
        yard.scout.submit("note", {"n": n})
    worker = yard.worker()
    worker.one()
    yard.scout.submit("note", {"n": "urgent"}, priority="urgent")
    yard.clock.advance(seconds=3)

    worker.drain()

    assert yard.began == [0, "urgent", 1, 2]


@pytest.mark.parametrize("field", ["delay", "not_before"])
def test_a_delayed_job_begins_when_it_is_due_and_not_before(yard, field):
    """A delay holds to the second, and then counts for nothing in the order."""
    due = HOUR if field == "delay" else yard.clock.now() + HOUR
    late = yard.scout.submit("note", {"n": "late"}, priority="high", **{field: due})
    worker = yard.worker()
    yard.clock.advance(seconds=3599)
    assert worker.drain() == 0
    yard.scout.submit("note", {"n": "now"})

    yard.clock.advance(seconds=1)
    worker.drain()

    assert yard.began == ["late", "now"]
    assert yard.state(late) is JobState.COMPLETED


def test_a_delay_holds_after_what_it_waited_for(yard):
    """A job whose dependencies end before it is due is let go into the delay, not into work."""
    first = yard.scout.submit("note", {"n": 1})
    second = yard.scout.submit("note", {"n": 2}, depends_on=(first.address,), delay=HOUR)
    yard.worker().drain()

    assert yard.state(second) is JobState.DELAYED
    yard.clock.advance(hours=1)
    yard.worker().drain()
    assert yard.state(second) is JobState.COMPLETED


@pytest.mark.parametrize(
    ("quiet", "hour", "minute", "expected"),
    [
        (("22:00", "07:00"), 21, 59, False), (("22:00", "07:00"), 22, 0, True), (("22:00", "07:00"), 6, 59, True),
        (("22:00", "07:00"), 7, 0, False), (("12:00", "13:00"), 12, 30, True), (("12:00", "13:00"), 13, 0, False),
    ],
)  # fmt: skip
def test_quiet_hours_begin_and_end_on_the_minute(quiet, hour, minute, expected):
    """Hours over midnight and within a day, with the first minute in and the last one out."""
    at = datetime(2026, 1, 5, hour, minute, tzinfo=ZoneInfo("Europe/Zurich"))

    assert is_quiet(Quiet(begins=quiet[0], ends=quiet[1], zone="Europe/Zurich"), at) is expected


def test_nothing_begins_in_its_quiet_hours(yard):
    """A job in its quiet hours waits, and lets others pass."""
    quiet = yard.scout.submit("note", {"n": "quiet"}, priority="urgent", quiet=("11:00", "13:00"))
    yard.scout.submit("note", {"n": "loud"})
    yard.worker().drain()
    assert yard.began == ["loud"]
    assert yard.state(quiet) is JobState.WAITING

    yard.clock.advance(hours=1)
    yard.worker().drain()

    assert yard.began == ["loud", "quiet"]


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "/etc/localtime", ""])
def test_a_zone_that_is_none_is_refused(yard, zone):
    """Quiet hours in no zone are refused at the submit, and can stop no worker."""
    with pytest.raises(JobRefusedError, match="zone"):
        yard.scout.submit("note", quiet=("22:00", "07:00", zone))


def test_a_stagger_follows_from_the_key(yard):
    """The same key begins at the same moment within the span, another at another."""
    moments = {
        key: {yard.scout.jobs.find(yard.scout.submit("note", {}, key=key, queue=queue, stagger=HOUR)).until
              for queue in ("one", "two")}
        for key in ("a", "b")
    }  # fmt: skip

    assert all(len(each) == 1 for each in moments.values())
    assert moments["a"] != moments["b"]
    assert all(yard.clock.now() <= min(each) < yard.clock.now() + HOUR for each in moments.values())


def test_a_slot_has_one_at_work_in_all_queues(yard):
    """Two workers and one slot: the second is not worked on until the first has ended."""
    seen = []

    def works(ctx):
        seen.append(other.one())
        yard.began.append(ctx.data["n"])

    handlers = {"works": works}
    one, other = yard.worker(handlers=handlers), yard.worker(queue="other", handlers=handlers)
    yard.scout.submit("works", {"n": 1}, slots=("gpu", 1))
    yard.scout.submit("works", {"n": 2}, slots=("gpu", 1), queue="other")

    assert one.one()
    yard.clock.advance(seconds=2)
    assert other.one()

    assert seen == [False, False]
    assert yard.began == [1, 2]


def test_a_slot_of_a_worker_that_vanished_is_free_again(yard):
    """Whoever dies in a slot holds it up until its lease ends, and no longer."""
    yard.scout.submit("note", {"n": 1}, slots=("gpu", 1))
    assert yard.worker()._picker.next() is not None
    yard.scout.submit("note", {"n": 2}, slots=("gpu", 1))
    assert yard.worker().drain() == 0

    yard.clock.advance(minutes=2)
    yard.worker().drain()

    assert sorted(yard.began) == [1, 2]


def test_no_more_begin_than_the_rate_allows(yard):
    """However many workers ask, only so many begin within a window; the others wait for the next."""
    for n in range(5):
        yard.scout.submit("note", {"n": n}, rate=("api", 2, MINUTE))

    counts = []
    for _ in range(3):
        for name in ("planner", "other"):
            yard.worker(name).drain()
        counts.append(len(yard.began))
        yard.clock.advance(minutes=1)

    assert counts == [2, 4, 5]


def test_a_full_queue_says_so(yard):
    """Backpressure: at most so many wait, and whoever submits more is told how many do."""
    for _ in range(2):
        yard.scout.submit("note", max_waiting=2)

    with pytest.raises(QueueFullError, match="2 jobs wait"):
        yard.scout.submit("note", max_waiting=2)


@pytest.mark.parametrize(
    "fields", [{"tags": ("gpu",)}, {"worker": "other"}, {"skills": ("welding",)}], ids=lambda each: next(iter(each))
)
def test_a_job_goes_to_a_worker_that_fits(yard, fields):
    """Tags, skills and a worker of choice: others leave it alone, and the receipt says how many there are."""
    yard.worker().drain()
    receipt = yard.scout.submit("note", {"n": 1}, **fields)
    assert receipt.workers == 0
    assert "no live worker takes it" in str(receipt)

    yard.worker().drain()
    assert yard.state(receipt) is JobState.WAITING
    other = yard.worker("other", tags=("gpu", "big"))
    other.drain()

    assert yard.state(receipt) is (JobState.WAITING if "skills" in fields else JobState.COMPLETED)


def test_a_job_without_a_handler_waits_for_one(yard):
    """A worker leaves what it has no handler for, and takes what comes after it."""
    unknown = yard.scout.submit("weld", priority="urgent")
    yard.scout.submit("note", {"n": 1})

    yard.worker().drain()

    assert yard.state(unknown) is JobState.WAITING
    assert yard.began == [1]


def test_a_job_that_was_gone_at_a_glance_is_judged_when_it_is_back():
    """A job that was another's while it was looked at, and is back, is not taken by a worker that has no handler for it."""
    yard = Yard()
    job = yard.scout.submit("weld")
    worker = yard.worker()
    (name,) = yard.store.list("queues/default/waiting")
    welder = yard.worker("welder", handlers={"weld": lambda ctx: ctx.snooze(SECOND)})
    holding = welder._picker.next()
    assert worker._picker._try(JobState.WAITING, name, frozenset(), yard.clock.now()) is None  # its list is old

    welder._settling.release(holding)
    yard.clock.advance(seconds=3)

    assert worker.drain() == 0
    assert yard.state(job) is JobState.WAITING


def test_the_lease_is_that_of_the_worker(yard):
    """A claim says until when it holds."""
    yard.scout.submit("note")
    holding = yard.worker()._picker.next()

    assert holding.ticket.until == int((yard.clock.now() + LEASE).timestamp() * 1000)
