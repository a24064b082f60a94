"""Why jobs stand still is said by name, with the next step: of a queue, and of one job."""

import os
from datetime import timedelta

import pytest

from somabus.model import tree
from somabus.model.ids import IdMaker
from somabus.model.message import Priority
from somabus.model.stop import Stop

MINUTE = timedelta(minutes=1)


def causes(yard, queue="default"):
    """Why a queue stands still, as it is printed."""
    return [str(each) for each in yard.scout.jobs.stats(queue).causes]


def cause(yard, job):
    """Why a job stands still, as it is printed."""
    return str(yard.scout.jobs.file(job).cause)


def alive(yard, name="planner", **fields):
    """A worker that has said that it is there, and has nothing to do now."""
    worker = yard.worker(name, **fields)
    worker.one()
    return worker


def stop(yard, file, **fields):
    """Stop something, as a person does who has no key."""
    made = Stop(
        bus=yard.world.bus.bus, id=IdMaker(os.urandom).make(yard.clock.now()), at=yard.clock.now(), by="anna",
        why="lunch", **fields,
    )  # fmt: skip
    yard.store.create(file, made.to_json())


# -- ready, and nobody takes it -----------------------------------------------------------------------------------


def test_nobody_works_there(yard):
    """Without a live worker, the command is named that starts one for exactly these jobs."""
    job = yard.scout.submit("gamma", tags=("gpu",), worker="planner", queue="web")

    command = "somabus --agent planner work --queue web --tag gpu --handlers FILE.py"
    assert causes(yard, "web") == [f"1 job waits: no worker lives; next: {command}"]
    assert cause(yard, job) == f"no worker lives; next: {command}"


@pytest.mark.parametrize(
    ("fields", "asked"),
    [
        ({"name": "gamma"}, "gamma"),
        ({"name": "echo", "tags": ("gpu", "big")}, "echo with tag gpu and tag big"),
        ({"name": "echo", "skills": ("magic",)}, "echo with skill magic"),
        ({"name": "echo", "worker": "nobody"}, "echo by nobody"),
    ],
    ids=["handler", "tags", "skill", "worker"],
)
def test_no_live_worker_takes_it(yard, fields, asked):
    """Handler, tag, skill or worker that no live worker has is named, of each kind of job with how many wait."""
    alive(yard)
    jobs = [yard.scout.submit(**fields) for _ in range(2)]

    (said,) = causes(yard)
    assert said.startswith(f"2 jobs wait: no live worker takes {asked}; next: somabus")
    assert cause(yard, jobs[0]).startswith(f"no live worker takes {asked}")


def test_a_skill_is_named_beside_the_command(yard):
    """A command gives no worker a skill: who is to type it is said as well, in the receipt too."""
    job = yard.scout.submit("echo", skills=("magic",))

    command = "somabus work --queue default, as an agent with the skill magic (somabus peers)"
    assert cause(yard, job) == f"no worker lives; next: {command}"
    assert str(job).endswith(f"start one with {command}")


def test_each_cause_stands_apart(yard):
    """Jobs that wait for different things are not lumped together."""
    alive(yard)
    for fields in ({"name": "gamma"}, {"name": "delta"}, {"name": "echo", "tags": ("gpu",)}):
        yard.scout.submit(**fields)

    assert [each.split("; next")[0] for each in causes(yard)] == [
        f"1 job waits: no live worker takes {asked}" for asked in ("gamma", "delta", "echo with tag gpu")
    ]


def test_a_due_job_that_nobody_takes_counts_as_one_that_waits(yard):
    """A delayed job is no cause before it is due; once it is, it is told of as the others."""
    yard.scout.submit("gamma", delay=MINUTE)
    assert causes(yard) == []

    yard.clock.advance(minutes=2)
    alive(yard)

    assert causes(yard)[0].startswith("1 job waits: no live worker takes gamma")


def test_a_job_that_is_next_is_no_cause(yard):
    """What a live worker will take is no standstill; a job says how many go before it."""
    alive(yard)
    job = [yard.scout.submit("echo") for _ in range(3)][-1]

    assert causes(yard) == []
    assert cause(yard, job) == "its turn comes after 2 jobs; a worker that takes it was seen 0 s ago"


@pytest.mark.parametrize(
    ("file", "fields", "said"),
    [
        ("STOP", {"range": "bus"}, "anna stopped the whole bus: lunch; next: somabus resume"),
        ("STOP.kind.echo", {"range": "kind", "name": "echo"}, "anna stopped work of kind echo: lunch; next: somabus resume --kind echo"),
        ("STOP.agent.planner", {"range": "agent", "name": "planner"}, "anna stopped the agent planner: lunch; next: somabus resume --only planner"),
    ],
    ids=["bus", "kind", "agent"],
)  # fmt: skip
def test_a_human_stopped_it(yard, file, fields, said):
    """A stop is named with who and why, and how it is lifted, not the worker that does not take the job."""
    alive(yard)
    job = yard.scout.submit("echo")
    stop(yard, file, **fields)

    assert causes(yard) == [f"1 job waits: {said}"]
    assert cause(yard, job) == said


# -- gates --------------------------------------------------------------------------------------------------------


def test_quiet_hours(yard):
    """A job in its quiet hours says until when."""
    alive(yard)
    now = yard.clock.now()
    begins, ends = (f"{now + timedelta(hours=hours):%H:%M}" for hours in (-1, 1))
    job = yard.scout.submit("echo", quiet=(begins, ends, "UTC"))

    assert causes(yard) == [f"1 job waits: its quiet hours last until {ends} UTC"]
    assert cause(yard, job) == f"its quiet hours last until {ends} UTC"


def test_full_slots(yard):
    """A job whose slots are all taken says who has them."""
    alive(yard)
    found = []

    def holds(ctx):
        found.extend(causes(yard))

    yard.scout.submit("holds", slots=("gpu", 1), priority="high")
    yard.scout.submit("echo", slots=("gpu", 1))
    yard.worker("other", handlers={"holds": holds}).one()

    assert found == ["1 job waits: no slot of gpu is free: other has 1"]
    assert causes(yard) == []


def test_a_full_rate(yard):
    """A job whose rate is used up says when the next may begin."""
    worker = alive(yard)
    for _ in range(3):
        yard.scout.submit("echo", rate=("api", 2, MINUTE))
    worker.one()
    worker.one()

    (said,) = causes(yard)
    assert said.startswith("1 job waits: 2 of the rate api have begun; the next may in ")


# -- a human, vanished workers, others ----------------------------------------------------------------------------


def test_what_waits_for_a_human_says_why(yard):
    """A parked job has its reason in the cause, in the list, and in the job itself."""
    alive(yard)
    job = yard.scout.submit("asks")
    yard.worker("other", handlers={"asks": lambda ctx: ctx.park("which colour?")}).drain()

    assert causes(yard) == [
        "1 job waits for a human: which colour?; next: somabus jobs list default --state paused",
    ]
    assert cause(yard, job) == f"which colour?; next: somabus job resume {job.address}"
    assert yard.scout.jobs.all(state="paused")[0].why == "which colour?"


def test_vanished_workers(yard):
    """Jobs whose worker vanished are counted, and whoever lives takes them over."""
    job = yard.scout.submit("echo")
    yard.worker("other")._picker.next()
    yard.clock.advance(minutes=5)
    alive(yard, queue="else")
    assert causes(yard)[0].startswith("1 job waits: no worker lives")

    yard.scout.submit("echo", priority=Priority.URGENT)
    alive(yard)

    left, step = "left behind by workers that vanished", "the first free one takes over; next: somabus work"
    assert f"1 job {left}: {step} --queue default" in causes(yard)
    assert cause(yard, job) == f"its worker vanished: {step} --queue default"


def test_held_up_by_what_does_not_run(yard):
    """A job that waits for others names the one that does not move, through any chain, and what helps that."""
    alive(yard)
    first = yard.scout.submit("gamma", queue="else")
    second = yard.scout.submit("echo", depends_on=(first.address,))
    third = yard.scout.submit("echo", depends_on=(second.address,))
    alive(yard, queue="else")

    said = f"{first.address} is waiting, and no live worker takes gamma; next: somabus work --queue else"
    assert causes(yard) == [f"2 jobs wait for others: {said} --handlers FILE.py"]
    assert cause(yard, third).startswith(said)


def test_held_up_by_what_is_paused(yard):
    """What a paused job holds up says so."""
    alive(yard)
    first = yard.scout.submit("echo")
    second = yard.scout.submit("echo", depends_on=(first.address,))
    yard.scout.jobs.pause(first, "not today")

    assert cause(yard, second) == f"{first.address} is paused: not today; next: somabus job {first.address}"


def test_a_parent_whose_children_were_not_submitted(yard):
    """A job that waits for two children and has one says that one is missing, and how to submit it."""
    alive(yard)
    parent = yard.scout.submit("echo", children=2)
    yard.scout.submit("echo", parent=parent.address)

    said = f"waits for 2 children, and 1 is there; next: somabus submit NAME --parent {parent.address}"
    assert cause(yard, parent) == f"it {said}"
    assert causes(yard) == [f"1 job waits for others: {parent.address} {said}"]


def test_children_that_cannot_end(yard):
    """A parent that waits for its children says which of them nobody takes."""
    parent = yard.scout.submit("gathers")
    worker = alive(yard, handlers={"gathers": lambda ctx: ctx.submit("gamma") and ctx.gather()})
    worker.one()

    (said,) = [each for each in causes(yard) if "for others" in each]
    assert said.startswith("1 job waits for others: default/")
    assert "no live worker takes gamma" in said
    assert yard.state(parent) == "waiting-children"


def test_a_job_whose_others_run_names_them(yard):
    """Nothing is wrong with a job that waits for one that is in its turn; it says for which."""
    alive(yard)
    first = yard.scout.submit("echo")
    second = yard.scout.submit("echo", depends_on=(first.address,))

    assert causes(yard) == []
    assert cause(yard, second) == f"it waits for {first.address} (waiting)"


def test_the_cost_of_a_look_is_bounded(yard):
    """Of a long queue the first are looked at, and it is said that the others were not."""
    for number in range(70):
        yard.scout.submit("echo", {"n": number})
    for _ in range(15):
        yard.scout.submit("echo", children=1)

    said = causes(yard)
    assert said[0].startswith("50 jobs wait: no worker lives")
    assert said[1] == "these are the first 50 of 70"
    assert said[-1] == "these are the first 10 of 15"


def test_what_cannot_be_read_hides_no_cause(yard):
    """A broken file among those that wait leaves the causes of the others to be seen."""
    yard.store.create(f"{tree.QUEUES}/default/waiting/1-{IdMaker(os.urandom).make(yard.clock.now())}.0.0.0.json", b"{")
    yard.scout.submit("gamma")

    assert causes(yard)[0].startswith("1 job waits: no worker lives")


def test_who_has_a_job(yard):
    """A job in work says with which agent, by what its worker says of itself."""
    job = yard.scout.submit("echo")
    worker = yard.worker("planner")
    worker._picker.next()
    assert yard.scout.jobs.file(job).worker == ""

    yard.scout._services.job_services.workers.say("default", worker._record(job.address))

    assert yard.scout.jobs.file(job).worker == "planner"


# -- what a worker leaves lying -----------------------------------------------------------------------------------


def test_what_a_worker_leaves_lying(yard):
    """A worker that ends says how many wait that it does not take, and which gate holds the rest."""
    now = yard.clock.now()
    begins, ends = (f"{now + timedelta(hours=hours):%H:%M}" for hours in (-1, 1))
    for fields in ({"name": "ehco"}, {"name": "echo", "tags": ("gpu",)}, {"name": "echo", "quiet": (begins, ends)}):
        yard.scout.submit(**fields)

    assert [each.why for each in yard.scout.jobs.left_by("default", ["echo"])] == [
        "2 jobs wait that this worker does not take: ehco, echo with tag gpu",
        f"1 job waits: its quiet hours last until {ends} UTC",
    ]


# -- numbers ------------------------------------------------------------------------------------------------------


def test_an_hours_work_is_counted(yard):
    """`per_hour` counts what was completed within the last hour, not two hundred of it."""
    for number in range(250):
        yard.scout.submit("noop", {"n": number})
    yard.worker().drain()

    stats = yard.scout.jobs.stats()
    assert (stats.per_hour, stats.per_hour_exact) == (250, True)
    yard.clock.advance(hours=2)
    stats = yard.scout.jobs.stats()
    assert (stats.per_hour, stats.per_hour_exact) == (0, False)


def test_an_ended_job_says_how_often_it_failed_and_why(yard):
    """The list of failed jobs has the number of tries that failed, and the last error."""
    yard.scout.submit("bad", max_attempts=3, backoff=timedelta(0))
    worker = yard.worker(handlers={"bad": lambda ctx: 1 / 0})
    for _ in range(3):
        worker.drain()
        yard.clock.advance(hours=1)

    (view,) = yard.scout.jobs.all(state="failed")
    assert (view.failed, "ZeroDivisionError" in view.why) == (3, True)


def test_a_job_is_found_by_the_end_of_its_id(yard):
    """Whichever queue it lies in, and whether or not it has ended."""
    jobs = [yard.scout.submit("noop", queue="web"), yard.scout.submit("gamma", queue="mail")]
    yard.worker(queue="web").drain()

    for job in jobs:
        assert [str(each) for each in yard.scout.jobs.named(job.id[-12:])] == [job.address]
