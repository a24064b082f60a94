"""Protected jobs on an owned bus: what is approved runs exactly once, and what no attack table can say in a row."""

import shutil

import pytest

from somabus.errors import NotApprovedError, SomabusError, StoppedError
from somabus.model import tree
from somabus.model.envelope import Seal, seal_body
from somabus.model.job import JobAddress
from somabus.model.stop import Range, Scope
from somabus.model.ticket import JobState, Ticket
from somabus.model.wire import dump, parse_object
from somabus.operator import agents, oversight
from somabus.testing import Crash
from tests.attacks.on_jobs import NOTE, command, granted, ran, works
from tests.attacks.scene import Scene, found_bus


@pytest.fixture(scope="module")
def founded(tmp_path_factory):
    """A bus with an operator and certified agents, to be copied."""
    return found_bus(tmp_path_factory.mktemp("jobs"))


@pytest.fixture
def scene(founded, tmp_path):
    """Anna rules; scout and planner are honest; mallory has a key of its own."""
    return Scene(founded, tmp_path)


def approved(scene, data=None):
    """Have mallory submit what the operator has approved; return the receipt."""
    data = data or command(scene)
    return scene.mallory.submit("shell", data, note=NOTE, approval=granted(scene, data=data))


def test_an_approved_job_runs_exactly_once(scene):
    """It runs, completes with what the command said, and whatever workers come later, it does not run again."""
    receipt = approved(scene)

    for _ in range(3):
        scene.planner.worker().drain()
        scene.started("planner").worker().drain()
        scene.clock.advance(hours=1)

    assert ran(scene) == 1
    outcome = scene.planner.jobs.outcome(receipt)
    assert (outcome.state, outcome.result["exit"], outcome.proven) == (JobState.COMPLETED, 0, True)
    assert scene.mallory.approval(receipt_approval(scene, receipt)).state == "used"
    assert [each.entry.act for each in scene.audit() if each.entry and each.entry.act == "refused"] == []


def test_a_job_waits_for_its_approval_and_runs_when_the_operator_has_said_yes(scene):
    """Asked, submitted, approved, in this order: it is no offence to be early, and nobody has to submit it again."""
    data = command(scene)
    asked = scene.mallory.ask_approval("shell", detail=NOTE, data=data, to="planner")
    receipt = scene.mallory.submit("shell", data, note=NOTE, approval=asked.id)
    scene.planner.worker().drain()
    assert scene.planner.jobs.find(receipt).state is JobState.WAITING

    oversight.answer(scene.anna, asked.id, "fine", granted=True)
    scene.clock.advance(seconds=10)
    scene.planner.worker().drain()

    assert (scene.planner.jobs.find(receipt).state, ran(scene)) == (JobState.COMPLETED, 1)
    assert [each.entry.act for each in scene.audit() if each.entry and each.entry.act == "refused"] == []


def test_what_was_approved_is_not_taken_once_more_by_an_agent_s_word(scene, monkeypatch):
    """An agent pauses it in the middle and says that its step is to be taken again: neither asked nor written is it."""
    from somabus.jobs import builtin

    receipt = approved(scene)
    monkeypatch.setattr(builtin, "_run", lambda ctx, what: (scene.mallory.jobs.pause(receipt), ctx.check()))
    scene.planner.worker().drain()
    monkeypatch.undo()

    with pytest.raises(NotApprovedError, match="ask for another approval"):
        scene.mallory.jobs.decide(receipt, 1, again=True)
    ledger = scene.mallory._services.job_services.ledger
    pending = ledger.pages(JobAddress.parse(receipt.address))[1].pending
    ledger.allow(ledger.word(JobAddress.parse(receipt.address), 1, "run", turn=1, generation=pending.generation))
    scene.mallory.jobs.resume(receipt)
    scene.planner.worker().drain()

    assert ran(scene) == 0
    assert scene.planner.jobs.find(receipt).state is JobState.PAUSED


def test_what_was_cancelled_while_it_ran_is_covered_no_more(scene, monkeypatch):
    """Laid back by whoever can write to the drive, with all records of it taken away, it does not run once more."""
    from somabus.jobs import builtin

    receipt, run = approved(scene), builtin._run
    monkeypatch.setattr(
        builtin, "_run", lambda *given: (run(*given), scene.scout.jobs.cancel(receipt), given[0].check())
    )
    scene.planner.worker().drain()
    monkeypatch.undo()
    (path,) = scene.folder("queues", "default", "cancelled").glob("*/*.json")
    raw = path.read_bytes()
    path.unlink()
    shutil.rmtree(scene.root / tree.run("default", receipt.id))
    scene.put(f"queues/default/waiting/{Ticket(5, receipt.id).name}", raw)
    scene.clock.advance(hours=1)

    scene.planner.worker().drain()

    assert ran(scene) == 1
    assert scene.planner.jobs.find(receipt).state is JobState.DEAD


def test_a_forged_job_that_waits_ends_nobody_else_s(scene):
    """A file that says it is another's job, and out of time, fails neither that nor what waits for that."""
    first = scene.mallory.submit("nobody-has-this")
    then = scene.mallory.submit("echo", depends_on=first)
    (path,) = scene.folder("queues", "default", "waiting").iterdir()
    body = parse_object(path.read_bytes()) | {"end_by": "2020-01-01T00:00:00.000Z"}
    scene.put(f"queues/default/blocked/{Ticket(5, scene.new_id()).name}", dump(body))

    for _ in range(3):
        scene.planner.worker().drain()

    states = [scene.planner.jobs.find(each).state for each in (first, then)]
    assert states == [JobState.WAITING, JobState.BLOCKED]


def test_a_forged_job_that_is_out_of_time_is_told_as_forged(scene):
    """A signature that is not its submitter's is what is said of it, to the operators as well, and not its time."""
    receipt = scene.mallory.submit("echo")
    (path,) = scene.folder("queues", "default", "waiting").iterdir()
    path.write_bytes(dump(parse_object(path.read_bytes()) | {"end_by": "2020-01-01T00:00:00.000Z"}))

    scene.planner.worker().drain()

    outcome = scene.planner.jobs.outcome(receipt)
    assert (outcome.state, "forged" in outcome.error) == (JobState.DEAD, True)


def receipt_approval(scene, receipt):
    """Return the approval that a job names."""
    return scene.planner.jobs.find(receipt).opened.job.approval


def test_an_approved_job_whose_worker_died_before_it_ran_is_run_by_the_next(scene):
    """The approval was used up by the claim; the same job, come again to the same agent, is covered by it."""
    receipt = approved(scene)
    assert scene.planner.worker()._picker.next() is not None
    scene.clock.advance(hours=1)

    scene.started("planner").worker().drain()

    assert ran(scene) == 1
    assert scene.planner.jobs.outcome(receipt).state is JobState.COMPLETED


def test_an_approved_job_whose_worker_died_while_it_ran_waits_for_a_human(scene, monkeypatch):
    """Nobody knows whether the command took effect: it is not run a second time."""
    receipt = approved(scene)
    from somabus.jobs import builtin

    run = builtin._run
    monkeypatch.setattr(builtin, "_run", lambda *given: (run(*given), _die()))
    with pytest.raises(Crash):
        scene.planner.worker().drain()
    monkeypatch.undo()
    scene.clock.advance(hours=1)

    scene.started("planner").worker().drain()

    assert ran(scene) == 1
    assert scene.planner.jobs.find(receipt).state is JobState.PAUSED


def _die():
    raise Crash


def test_a_command_that_fails_has_failed_for_good(scene):
    """Another exit code than 0 is a failed job, with what the command said, and it is not run again."""
    data = {"command": f"{command(scene)['command']}; echo sorry >&2; exit 3"}
    receipt = approved(scene, data)

    for _ in range(3):
        scene.started("planner").worker().drain()
        scene.clock.advance(hours=2)

    outcome = scene.planner.jobs.outcome(receipt)
    assert outcome is not None
    assert outcome.state is JobState.FAILED
    assert "3" in outcome.error
    assert "sorry" in outcome.error
    assert ran(scene) == 1


@pytest.mark.parametrize("name", ["echo", "noop", "sleep", "aggregate", "bash", "run", "shell-2"])
def test_an_approval_for_shell_makes_no_other_name_run_a_command(scene, name):
    """Only the handler `shell` runs commands; the same data under another name is data."""
    scene.mallory.submit(name, {**command(scene), "seconds": 0}, note=NOTE, approval=granted(scene))

    works(scene, scene.planner)

    assert ran(scene) == 0


@pytest.mark.parametrize(
    "name", ["Shell", "SHELL", "shell ", " shell", "shell\n", "sh\u0435ll", "shell\u0000", "../shell", ""]
)
def test_a_name_that_looks_like_shell_is_none(scene, name):
    """It is refused at the submit; written past that, it is set aside as no job and not run."""
    with pytest.raises(SomabusError):
        scene.mallory.submit(name, command(scene))
    job_id = scene.new_id()
    receipt = scene.mallory.submit("noop", command(scene), tags=("nobody",))
    job = scene.planner.jobs.find(receipt).opened.job.model_copy(update={"name": name, "id": job_id, "tags": ()})
    raw = seal_body(job.to_json(), Seal.JOB, scene.key.sign)
    scene.put(f"queues/default/waiting/{Ticket(5, job_id).name}", raw)

    scene.planner.worker().drain()

    assert ran(scene) == 0
    assert "malformed" in scene.planner.jobs.outcome(f"default/{job_id}").error


def test_a_job_of_an_agent_that_nobody_certified_is_refused_where_that_is_asked_for(scene):
    """On a bus that acts on certified agents alone, a stranger's job is dead and told, a certified one's runs."""
    scene.policy(trust="certified")
    stranger = scene.joined("eve").submit("echo", max_attempts=1)
    known = scene.mallory.submit("echo")

    scene.planner.worker().drain()

    assert scene.planner.jobs.find(known).state is JobState.COMPLETED
    assert scene.planner.jobs.find(stranger).state is JobState.DEAD
    assert "certified" in scene.planner.jobs.outcome(stranger).error
    assert any("eve" in str(each) or stranger.id in str(each) for each in scene.alerts())


def test_the_job_of_an_agent_that_was_revoked_is_refused(scene):
    """What it submitted before counts as little as what it submits now."""
    receipt = scene.mallory.submit("echo")
    agents.revoke(scene.anna, "mallory", "stolen")

    scene.started("planner").worker().drain()

    assert scene.planner.jobs.find(receipt).state is JobState.DEAD


@pytest.mark.parametrize("scope", [Scope(Range.BUS), Scope(Range.AGENT, "planner")])
def test_a_stopped_worker_takes_nothing(scene, scope):
    """A human's STOP: no job is claimed, none submitted on a stopped bus, and after the resume they run."""
    receipt = scene.mallory.submit("echo")
    oversight.stop(scene.anna, scope, "wait")
    worker = scene.planner.worker()
    with pytest.raises(StoppedError):
        worker.drain()
    with pytest.raises(StoppedError):
        scene.planner.submit("echo")
    with pytest.raises(StoppedError):
        scene.planner.jobs.cancel(receipt)
    assert scene.scout.jobs.find(receipt).state is JobState.WAITING

    oversight.resume(scene.anna, scope, "go")
    scene.clock.advance(minutes=1)
    scene.planner.worker().drain()

    assert scene.planner.jobs.find(receipt).state is JobState.COMPLETED


def test_a_stopped_kind_of_work_lies_and_others_pass(scene):
    """A human stops one name: its jobs wait, those of other names run."""
    oversight.stop(scene.anna, Scope(Range.KIND, "echo"), "wait")
    held, other = scene.mallory.jobs, scene.mallory.submit("noop")
    with pytest.raises(StoppedError):
        scene.mallory.submit("echo")
    assert held is not None

    scene.planner.worker().drain()

    assert scene.planner.jobs.find(other).state is JobState.COMPLETED


def test_a_handler_that_runs_into_a_stop_has_not_failed(scene):
    """Its job goes back and waits; after the resume it is run, and no attempt is used up."""
    scope = Scope(Range.BUS)

    def works_on(ctx):
        if ctx.generation == 1:
            oversight.stop(scene.anna, scope, "wait")
        scene.planner.send("scout", "done")

    scene.planner.handler("mails")(works_on)
    receipt = scene.mallory.submit("mails", max_attempts=1)
    with pytest.raises(StoppedError):
        scene.planner.worker().drain()
    view = scene.scout.jobs.find(receipt)
    assert (view.state, view.failed, view.stalled) == (JobState.WAITING, 0, 0)

    oversight.resume(scene.anna, scope, "go")
    scene.clock.advance(minutes=1)
    scene.planner.worker().drain()

    assert scene.scout.jobs.find(receipt).state is JobState.COMPLETED


def test_a_copy_under_another_id_that_is_replayed_stays_under_it(scene):
    """Whoever brings the copy of a job back, brings back the copy: the job itself is not run again."""
    scene.planner.handler("counts")(lambda ctx: scene.handled.append(ctx.job.id))
    receipt = scene.mallory.submit("counts")
    scene.planner.worker().drain()
    (path,) = scene.folder("queues", "default", "completed").glob("*/*.json")
    other = scene.new_id()
    scene.put(f"queues/default/waiting/{Ticket(5, other).name}", path.read_bytes())
    scene.planner.worker().drain()

    scene.planner.jobs.replay(JobAddress("default", other))
    scene.planner.worker().drain()

    assert scene.handled == [receipt.id]
    assert scene.planner.jobs.find(JobAddress("default", other)).state is JobState.DEAD


def test_an_approved_job_is_left_for_the_worker_that_it_was_approved_for(scene):
    """A worker that the approval is not for leaves the job alone: it runs where it may, whoever looks first."""
    receipt = approved(scene)

    scene.scout.worker().drain()
    scene.planner.worker().drain()

    assert scene.planner.jobs.find(receipt).state is JobState.COMPLETED


def test_a_job_that_has_completed_and_is_put_back_does_not_run_again(scene):
    """Whoever lays the file of a completed job back into the queue has nothing run twice."""
    scene.planner.handler("counts")(lambda ctx: scene.handled.append(ctx.job.id))
    receipt = scene.mallory.submit("counts")
    scene.planner.worker().drain()
    (path,) = scene.folder("queues", "default", "completed").glob("*/*.json")

    scene.put(f"queues/default/waiting/{Ticket(5, receipt.id).name}", path.read_bytes())
    scene.planner.worker().drain()

    assert scene.handled == [receipt.id]


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("waiting", "5-ffffffff-ffff-7fff-bfff-ffffffffffff.0.0.0.json"), ("waiting", "readme.txt"),
        ("waiting", "5-01a1f9de-1d99-72bc-bdf7-9a7b3e80730a.999999999.0.0.json"),
        ("delayed", "5-01a1f9de-1d99-72bc-bdf7-9a7b3e80730a.0.0.0.999999999999999.json"),
        ("active", "5-01a1f9de-1d99-72bc-bdf7-9a7b3e80730a.0.0.0.999999999999999.0123456789ab.json"),
        ("active", "5-01a1f9de-1d99-72bc-bdf7-9a7b3e80730a.0.0.0.json"), ("blocked", "x.json"),
        ("waiting-children", "5-01a1f9de-1d99-72bc-bdf7-9a7b3e80730a.0.0.0.1.json"), ("submitting", "x"),
        ("paused", "x"), ("runs/x", "x"), ("keys/x", "000000001.json"), ("workers", "x.json"), ("rates/x", "1-1"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("raw", [b"x", b""], ids=["junk", "empty"])
def test_a_strange_file_stops_no_worker(scene, folder, name, raw):
    """Whatever lies in a queue's folders, the jobs beside it run, and looking at the queue works."""
    receipt = scene.mallory.submit("echo", priority="low")
    scene.put(f"queues/default/{folder}/{name}", raw)

    scene.planner.worker().drain()
    scene.planner.worker()._picker.next_due()

    assert scene.planner.jobs.find(receipt).state is JobState.COMPLETED
    assert scene.planner.jobs.stats().counts[JobState.COMPLETED] == 1
    for state in JobState:
        scene.planner.jobs.all(state=state)


def test_what_lies_beside_a_job_and_is_broken_stops_no_worker(scene):
    """Torn records of steps, children, ends and what was said: that job waits or fails, the others run."""
    broken = scene.mallory.submit("echo", priority="urgent", max_attempts=1)
    for part in ("steps/0001.done.json", "steps/0001.pending.json", "children/x.json", "met/x.json", "then/x.json",
                 "1.complete.json", "said/0000000/0000000001.json", "spent/0000000/0000000001.json"):  # fmt: skip
        scene.put(f"{tree.run('default', broken.id)}/{part}", b"{")
    receipt = scene.mallory.submit("echo", priority="low")

    scene.planner.worker().drain()

    assert scene.planner.jobs.find(receipt).state is JobState.COMPLETED
    assert scene.planner.jobs.find(broken).state is not JobState.COMPLETED
