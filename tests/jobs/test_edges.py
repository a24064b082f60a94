"""What a caller gets wrong is told where it is made, with the value, the rule and the next step; what is meant works."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from somabus import JobDraft
from somabus.errors import ConfigurationError, InvalidNameError, JobRefusedError
from somabus.jobs.handlers import LEAST_LEASE
from somabus.model.job import JobAddress
from somabus.model.ticket import JobState

HOUR = timedelta(hours=1)


def run(_ctx):
    """Do nothing."""


# -- jobs that are referred to --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        lambda first: first,
        lambda first: [first],
        lambda first: (first.address,),
        lambda first: {first.address},
        lambda first: JobAddress.parse(first.address),
        lambda first: (JobAddress.parse(first.address),),
    ],
    ids=["receipt", "receipts", "texts", "set", "address", "addresses"],
)
def test_what_a_submit_returns_can_be_depended_on(yard, said):
    """A receipt, an address, or several of them say what comes first, and it waits for that."""
    first = yard.scout.submit("note", {"n": 1}, delay=HOUR)
    second = yard.scout.submit("note", {"n": 2}, depends_on=said(first), priority="urgent")
    assert yard.state(second) == JobState.BLOCKED
    yard.clock.advance(seconds=HOUR.total_seconds())
    yard.worker().drain()
    assert yard.began == [1, 2]


@pytest.mark.parametrize("said", [lambda it: it, lambda it: it.address, lambda it: JobAddress.parse(it.address)])
def test_what_a_submit_returns_can_be_a_parent(yard, said):
    """A receipt or an address says whose child it is."""
    parent = yard.scout.submit("note", {"n": "parent"}, children=1)
    yard.scout.submit("note", {"n": "child"}, parent=said(parent))
    yard.worker().drain()
    assert yard.began == ["child", "parent"]


def test_what_a_look_returns_can_be_depended_on(yard):
    """A job that `agent.jobs` shows says what comes first as well."""
    first = yard.scout.submit("note", {"n": 1})
    second = yard.scout.submit("note", {"n": 2}, depends_on=[yard.scout.jobs.find(first)])
    assert yard.scout.jobs.find(second).opened.job.depends_on == (first.address,)


def test_a_child_can_depend_on_another_by_its_address(yard):
    """What `ctx.submit` returns goes into `depends_on` of the next."""

    def family(ctx):
        first = ctx.submit("note", {"n": 1}, delay=timedelta(seconds=1))
        ctx.submit("note", {"n": 2}, depends_on=first)
        return len(ctx.gather())

    job = yard.scout.submit("family")
    worker = yard.worker(handlers={"family": family})
    worker.drain()
    yard.clock.advance(seconds=2)
    worker.drain()
    assert (yard.began, yard.scout.jobs.outcome(job).result) == ([1, 2], 2)


# -- what is refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"depends_on": "default/x"}, "depends_on is 'default/x', and must be a receipt, or several jobs"),
        ({"depends_on": 5}, "depends_on is 5, and must be a receipt"),
        ({"depends_on": ["x"]}, "'x' is no job"),
        ({"parent": ["x"]}, "parent is ['x'], and must be a job: its receipt, or its address queue/id"),
        ({"tags": "gpu"}, """tags is 'gpu', and must be several texts, of which one alone is written ("gpu",)"""),
        ({"tags": ["GPU"]}, "tags is 'GPU', and this is the rule: 1 to 64 of a-z"),
        ({"skills": "search"}, "skills is 'search', and must be several texts"),
        ({"worker": "Planner"}, "worker is 'Planner', and must be a name: 1 to 64 of a-z"),
        ({"queue": "a b"}, "queue is 'a b', and must be a name"),
        ({"rate": ("api", 10)}, """as ("api", 10, timedelta(minutes=1))"""),
        ({"rate": ("api", 0, HOUR)}, "count of rate is 0, and must be at least 1"),
        ({"slots": ("gpu", 0)}, "count of slots is 0, and must be at least 1"),
        ({"slots": "gpu"}, """slots is 'gpu', and must be a key and how many at one time, as ("gpu", 2)"""),
        ({"quiet": ("22:00", "25:00")}, "ends of quiet is '25:00', and must be a time of the day, as 22:00"),
        ({"quiet": "22:00"}, """as ("22:00", "07:00", "Europe/Zurich")"""),
        ({"backoff": 5}, "backoff is 5, and must be a span of time that is not below zero, as timedelta(minutes=5)"),
        ({"delay": -HOUR}, "must be a span of time that is not below zero"),
        ({"timeout": timedelta()}, "timeout_s is 0.0, and must be above 0"),
        ({"not_before": datetime(2027, 1, 1)}, "must be a moment with its zone"),  # noqa: DTZ001 - that is the fault
        ({"on_duplicate": "ignore"}, "on_duplicate is 'ignore', and must be one of reject, coalesce, replace"),
        ({"on_failure": "stop"}, "must be one of fail, remove, ignore, continue"),
        ({"priority": "soon"}, "priority is 'soon', and must be one of urgent, high, normal, low"),
        ({"max_attempts": "5"}, "max_attempts is '5', and must be a whole number"),
        ({"max_attempts": 0}, "max_attempts is 0, and must be at least 1"),
        ({"max_waiting": 1.5}, "max_waiting is 1.5, and must be a whole number"),
        ({"children": 5000}, "children is 5000, and must be at most 1,000"),
        ({"key": ""}, "key is '', and must be at least 1 character long"),
        ({"note": "x" * 3000}, "and must be at most 2000 characters long"),
        ({"budget": {"tokens": "many"}}, """must be numbers by their units, as {"tokens": 50000}"""),
        ({"approval": 7}, "approval is 7, and must be an approval, or its id"),
        ({"data": {"page": object}}, "data cannot be written as JSON"),
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused_by_name(yard, fields, told):
    """A field in no form of its own is a JobRefusedError that names it, what was found and how it is written."""
    with pytest.raises(JobRefusedError) as caught:
        yard.scout.submit("note", **{"data": {}, **fields})
    assert told in str(caught.value)
    assert "malformed:" not in str(caught.value)
    assert yard.scout.jobs.queues() == []


@pytest.mark.parametrize("field", ["begin_within", "end_within"])
@pytest.mark.parametrize(
    "wait", [{"delay": HOUR}, {"stagger": HOUR}, {"not_before": datetime(2100, 1, 1, tzinfo=UTC)}], ids=str
)
def test_what_could_only_be_too_late_is_refused(yard, field, wait):
    """A job that may have to wait for as long as it has time is refused; with more time it is taken."""
    with pytest.raises(JobRefusedError, match=f"make {field} longer"):
        yard.scout.submit("note", **{field: HOUR}, **wait)
    assert yard.scout.submit("note", **{field: timedelta(days=40_000)}, **wait).state == JobState.DELAYED


# -- handlers and workers -------------------------------------------------------------------------------------


async def later(_ctx):
    """Be no plain function."""


def one_by_one(_ctx):
    """Be a generator."""
    yield


class Later:
    """An object that is called and waited for."""

    async def __call__(self, _ctx):
        """Be no plain function."""


@pytest.mark.parametrize(
    ("function", "told"),
    [
        ("text", "which is no function"),
        (later, "later, the handler for 'x', is an async function"),
        (partial(later), "is an async function"),
        (Later(), "Later, the handler for 'x', is an async function"),
        (one_by_one, "one_by_one, the handler for 'x', is a generator"),
        (lambda: 1, "must take one argument"),
        (lambda _ctx, _more: 1, "must take one argument"),
    ],
    ids=["text", "async", "partial", "object", "generator", "none", "two"],
)
def test_what_cannot_run_a_job_is_refused_at_registration(yard, function, told):
    """What is no plain function of one argument is told when it is registered, and not by the first job."""
    with pytest.raises(ConfigurationError, match=told):
        yard.scout.handler("x")(function)


def test_a_handler_without_a_name_is_refused(yard):
    """`@agent.handler` without its brackets is told, with what to write."""
    with pytest.raises(ConfigurationError, match=r'write: @agent.handler\("run"\)'):
        yard.scout.handler(run)
    with pytest.raises(InvalidNameError):
        yard.scout.handler("No Name")


def test_two_handlers_of_one_name_are_refused(yard):
    """The second of two functions for a name is refused; the same one again is no event."""
    yard.scout.handler("x")(run)
    yard.scout.handler("x")(run)
    with pytest.raises(ConfigurationError, match="have a handler, run; one_more needs another name"):

        @yard.scout.handler("x")
        def one_more(_ctx):
            return None


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"queue": "web"}, "give every= as well"),
        ({"every": "1h", "key": "k"}, "key of the handler for 'x' holds for one job alone"),
        ({"every": "sometimes"}, "is no duration"),
    ],
    ids=str,
)
def test_what_a_schedule_cannot_do_is_refused_at_registration(yard, fields, told):
    """What would be refused in each slot, or says nothing without a schedule, is told when it is registered."""
    with pytest.raises(ConfigurationError, match=told):
        yard.scout.handler("x", **fields)
    with pytest.raises(JobRefusedError):
        yard.scout.handler("x", every="1h", tags="gpu")


@pytest.mark.parametrize("tags", ["gpu", ["GPU"], [1], 5], ids=str)
def test_tags_that_no_worker_can_have_are_refused(yard, tags):
    """A worker whose tags are a text, or no names, is a ConfigurationError that says how they are written."""
    with pytest.raises(ConfigurationError, match="write several"):
        yard.scout.worker(tags=tags)


@pytest.mark.parametrize("beyond", [timedelta(milliseconds=-1), timedelta(days=1)], ids=str)
def test_a_lease_that_is_too_short_or_too_long_is_refused(yard, beyond):
    """Two would run one job at once, or nobody would ever take it over."""
    yard.scout.worker(lease_for=LEAST_LEASE)
    with pytest.raises(ConfigurationError, match="a lease lasts from 1s"):
        yard.scout.worker(lease_for=LEAST_LEASE + beyond)


def test_a_lease_that_no_clock_explains_holds_nobody_up(yard):
    """A worker that died while its clock was weeks ahead leaves a job that another takes over, not in weeks."""
    job = yard.scout.submit("note", {"n": 1})
    (name,) = yard.store.list("queues/default/waiting")
    until = int(yard.clock.now().timestamp() * 1000) + 20 * 86_400_000
    claimed = f"{name.removesuffix('.0.0.0.json')}.1.0.0.{until}.0123456789ab.json"
    yard.store.move(f"queues/default/waiting/{name}", f"queues/default/active/{claimed}")

    yard.worker().drain()

    assert yard.began == [1]
    assert yard.scout.jobs.find(job).state == "completed"


# -- not all at once ------------------------------------------------------------------------------------------


def test_staggered_jobs_do_not_begin_all_at_once(yard):
    """Without a key each has a moment of its own within the span; with one, the key says it."""
    drafts = [JobDraft("note", stagger=HOUR) for _ in range(20)]
    begin = [yard.scout.jobs.find(each).opened.job.not_before for each in yard.scout.submit_many(drafts)]
    assert len(set(begin)) == len(drafts)
    assert timedelta() <= max(begin) - yard.store.now() < HOUR
    keyed = (
        yard.scout.submit("note", stagger=HOUR, key="k"),
        yard.scout.submit("note", stagger=HOUR, key="k", queue="b"),
    )
    first, again = (yard.scout.jobs.find(each).opened.job.not_before for each in keyed)
    assert first == again
