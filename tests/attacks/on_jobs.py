"""Attacks on jobs of a protected name: `shell` in every disguise. None may run: each command leaves a line when it does."""

import hashlib
import shutil

from somabus import JobDraft
from somabus.model import tree
from somabus.model.approval import Answer, Request
from somabus.model.envelope import Seal, split
from somabus.model.job import Job
from somabus.model.ticket import Ticket
from somabus.model.wire import parse_object
from tests.attacks.attack import AGENT, WRITER, Attack

QUEUES = ("default", "other")
NOTE = "look around"
_QUEUE = r"queue (default|other)"
_REFUSED = "It is set aside as dead and not run."


def command(scene, word="ran"):
    """Return what a job is to run: it leaves a line."""
    return {"command": f"echo {word} >> {scene.path / 'lines'}"}


def ran(scene):
    """Count how often a command ran."""
    path = scene.path / "lines"
    return len(path.read_text().splitlines()) if path.exists() else 0


def works(scene, agent, allowed=0):
    """Work on all queues, and see what becomes of the jobs; the dead are brought back for the next meeting."""
    for queue in QUEUES:
        agent.worker(queue).drain()
    said = []
    for queue in QUEUES:
        dead = agent.jobs.all(queue, "dead")
        said += [agent.jobs.outcome(view.address).error for view in dead]
        scene.dead += [path.read_bytes() for path in scene.folder("queues", queue, "dead").glob("*/*.json")]
        for view in dead:
            agent.jobs.replay(view.address)
    scene.must(ran(scene) <= allowed, f"ran the command {ran(scene)} times")
    return " | ".join(said)


def _works_once(scene, agent):
    return works(scene, agent, allowed=1)


def _submitted(scene, agent=None, data=None, **fields):
    """Have an agent of the attacker's submit a job as everybody does."""
    receipt = (agent or scene.mallory).submit("shell", data or command(scene), **{"note": NOTE, **fields})
    scene.planted += [path.read_bytes() for path in _waiting(scene)]
    return receipt


def _waiting(scene, queue="default"):
    return sorted(scene.folder("queues", queue, "waiting").iterdir())


def granted(scene, agent=None, **fields):
    """Have an agent ask for the command, and the operator grant it."""
    asked = {"detail": NOTE, "to": "planner", "data": command(scene), **fields}
    return scene.approved(agent or scene.mallory, "shell", asked.pop("detail"), **asked).id


def _made(scene, key=None, **members):
    """Put a job of the attacker's making into the queue; `at` is the id that its name has, `lies` the queue."""
    job_id = scene.new_id()
    lies, at = members.pop("lies", "default"), members.pop("at", job_id)
    facts = {
        "bus": scene.id, "id": job_id, "queue": "default", "name": "shell", "sender": "mallory", "origin": job_id,
        "created_at": scene.clock.now(), "data": command(scene), "note": NOTE,
    }  # fmt: skip
    raw = scene.sealed(Job(**{**facts, **members}), Seal.JOB, key)
    scene.put(f"queues/{lies}/waiting/{Ticket(5, at).name}", raw)
    return works


# -- no approval that covers it --------------------------------------------------------------------------------


def _without(scene):
    _submitted(scene)
    return works


def _note_claims(scene):
    _submitted(scene, note="Approved by the operator anna.", data={**command(scene), "approved": True})
    return works


def _made_up(scene):
    _submitted(scene, approval=scene.new_id())
    return works


def _unanswered(scene):
    """It waits for the answer as long as that may come, and is dead when it came not."""
    asked = scene.mallory.ask_approval("shell", detail=NOTE, data=command(scene), to="planner")
    scene.clear("planner")
    _submitted(scene, approval=asked.id)
    works(scene, scene.planner)
    scene.must(len(_waiting(scene)) == 1, "did not leave it where it waits")
    scene.clock.advance(days=2)
    return works


def _answered_by_an_agent(scene):
    asked = scene.mallory.ask_approval("shell", detail=NOTE, data=command(scene), to="planner")
    digest = hashlib.sha256(scene.get(tree.approval(asked.id, "request"))).hexdigest()
    made = Answer(bus=scene.id, id=asked.id, request=digest, granted=True, at=scene.clock.now(), operator="anna")
    (scene.root / tree.approval(asked.id, "answer")).write_bytes(scene.sealed(made, Seal.ANSWER))
    _submitted(scene, approval=asked.id)
    return works


def _other_data(scene):
    _submitted(scene, approval=granted(scene, data={"command": "true"}))
    return works


def _other_note(scene):
    _submitted(scene, note="tidy up", approval=granted(scene))
    return works


def _other_action(scene):
    approved = scene.approved(scene.mallory, "deploy", NOTE, to="planner", data=command(scene)).id
    _submitted(scene, approval=approved)
    return works


def _other_submitter(scene):
    _submitted(scene, approval=granted(scene, scene.scout))
    return works


def _too_late(scene):
    approval = granted(scene)
    scene.clock.advance(days=2)
    _submitted(scene, approval=approval)
    return works


def _reworded(scene):
    approval = granted(scene, data={"command": "true"})
    key = tree.approval(approval, "request")
    request = Request.from_object(parse_object(split(scene.get(key)).body))
    worse = request.model_copy(update={"data": command(scene)})
    (scene.root / key).write_bytes(scene.sealed(worse, Seal.REQUEST))
    _submitted(scene, approval=approval)
    return works


# -- by other ways in ------------------------------------------------------------------------------------------


def _as_child(scene):
    parent = scene.mallory.submit("aggregate", children=1)
    _submitted(scene, parent=parent.address, on_failure="ignore", approval=granted(scene, data={"command": "true"}))
    return works


def _in_a_batch(scene):
    scene.mallory.submit_many([
        JobDraft("noop", label="first"), JobDraft("shell", command(scene), depends_on=("first",)),
    ])  # fmt: skip
    (path,) = scene.folder("queues", "default", "blocked").iterdir()
    scene.planted.append(path.read_bytes())
    return works


def _replayed_with_other_data(scene):
    """The approved one fails by itself; its submitter replays it with another command."""
    harmless = {"command": "exit 1"}
    approval = granted(scene, data=harmless)
    receipt = scene.mallory.submit("shell", harmless, note=NOTE, approval=approval)
    scene.planner.worker().drain()
    scene.mallory.jobs.replay(receipt, command(scene))
    scene.planted += [path.read_bytes() for path in _waiting(scene)]
    return works


def _policy_asks_for_none(scene):
    scene.policy(protected=())
    _submitted(scene)
    return works


def _of_a_listed_name(scene):
    scene.policy(protected=("deploy",))

    def deploy(ctx):
        scene.handled.append(ctx.job.id)

    for agent in scene.running.values():
        agent.handler("deploy")(deploy)
    scene.mallory.submit("deploy", {})
    scene.planted += [path.read_bytes() for path in _waiting(scene)]

    def meet(scene, agent):
        agent.handler("deploy")(deploy)
        return works(scene, agent)

    return meet


# -- by the hand of whoever writes to the drive ----------------------------------------------------------------


def _edited(scene):
    harmless = {"command": "echo well >> /dev/null"}
    scene.mallory.submit("shell", harmless, note=NOTE, approval=granted(scene, data=harmless))
    (path,) = _waiting(scene)
    key = str(path.relative_to(scene.root))
    scene.edit(key, b"echo well >> /dev/null", command(scene)["command"].encode())
    return works


def _in_anothers_name(scene):
    return _made(scene, sender="scout", approval=granted(scene, scene.scout))


def _under_another_id(scene):
    return _made(scene, at=scene.new_id(), approval=granted(scene))


def _in_another_queue(scene):
    return _made(scene, lies="other", approval=granted(scene))


def _of_another_bus(scene):
    return _made(scene, bus=scene.new_id(), approval=granted(scene))


def _sealed_as_mail(scene):
    job_id = scene.new_id()
    job = Job(bus=scene.id, id=job_id, queue="default", name="shell", sender="mallory", origin=job_id,
              created_at=scene.clock.now(), data=command(scene), note=NOTE, approval=granted(scene))  # fmt: skip
    scene.put(f"queues/default/waiting/{Ticket(5, job_id).name}", scene.sealed(job, Seal.MESSAGE))
    return works


# -- a second time ---------------------------------------------------------------------------------------------


def _ran_once(scene):
    """Have an approved job run; return its receipt, its approval and its file."""
    approval = granted(scene)
    receipt = scene.mallory.submit("shell", command(scene), note=NOTE, approval=approval)
    scene.planner.worker().drain()
    assert ran(scene) == 1, "the approved job runs"
    (path,) = scene.folder("queues", "default", "completed").glob("*/*.json")
    return receipt, approval, path


def _submitted_twice(scene):
    _, approval, _ = _ran_once(scene)
    _submitted(scene, approval=approval)
    return _works_once


def _put_back(scene):
    receipt, _, path = _ran_once(scene)
    scene.put(f"queues/default/waiting/{Ticket(5, receipt.id, 7).name}", path.read_bytes())
    return _works_once


def _put_back_without_its_past(scene):
    receipt, approval, path = _ran_once(scene)
    raw = path.read_bytes()
    path.unlink()
    scene.take(tree.approval(approval, "use"))
    shutil.rmtree(scene.root / tree.run("default", receipt.id))
    scene.put(f"queues/default/waiting/{Ticket(5, receipt.id).name}", raw)
    return _works_once


_NONE = r"needs an approval, and it names none"
_TWICE = r"it was used before"

ROWS = (
    Attack("A job of a protected name (`shell`) without an approval", AGENT, _without, _NONE, _REFUSED, _QUEUE),
    Attack("A protected job whose note and data say it is approved", AGENT, _note_claims, _NONE, _REFUSED, _QUEUE),
    Attack(
        "A protected job under an approval that nobody asked for", AGENT, _made_up, r"nobody asked for it", _REFUSED, _QUEUE,
    ),
    Attack(
        "A protected job under an approval that nobody has answered", AGENT, _unanswered,
        r"it expired at \d", f"It waits until that expires. {_REFUSED.replace('It', 'Then it')}", _QUEUE,
    ),
    Attack(
        "A protected job under an approval that an agent answered in an operator's name", AGENT, _answered_by_an_agent,
        r"no operator has answered yet|not signed by an operator", _REFUSED, _QUEUE,
    ),
    Attack(
        "A protected job with other data than was approved", AGENT, _other_data, r"its data is not the approved one",
        _REFUSED, _QUEUE,
    ),
    Attack(
        "A protected job with another note than was approved", AGENT, _other_note, r"its note is not the approved one",
        _REFUSED, _QUEUE,
    ),
    Attack(
        "A protected job under the approval of another action", AGENT, _other_action, r"its kind is not the approved one",
        _REFUSED, _QUEUE,
    ),
    Attack(
        "A protected job under another agent's approval", AGENT, _other_submitter, r"its sender is not the approved one",
        _REFUSED, _QUEUE,
    ),
    Attack("A protected job under an expired approval", AGENT, _too_late, r"it expired at \d", _REFUSED, _QUEUE),
    Attack(
        "A protected job under a request that its agent worded anew after it was approved", AGENT, _reworded,
        r"the answer was given to another wording of the request", _REFUSED, _QUEUE,
    ),
    Attack(
        "A protected job as the child of another", AGENT, _as_child, r"its data is not the approved one", _REFUSED, _QUEUE,
    ),
    Attack("A protected job among many that wait for each other", AGENT, _in_a_batch, _NONE, _REFUSED, _QUEUE),
    Attack(
        "An approved job, replayed with another command", AGENT, _replayed_with_other_data, _NONE, _REFUSED, _QUEUE,
    ),
    Attack(
        "A job `shell` on a bus whose policy protects no name", AGENT, _policy_asks_for_none, _NONE,
        f"`shell` is protected everywhere. {_REFUSED}", _QUEUE,
    ),
    Attack("A job of a name that the policy protects, without an approval", AGENT, _of_a_listed_name, _NONE, _REFUSED, _QUEUE),
    Attack(
        "An approved job, its command edited on the drive", WRITER, _edited, r"forged|signature", _REFUSED, _QUEUE,
    ),
    Attack(
        "A protected job in the name of the agent that has the approval", WRITER, _in_anothers_name, r"forged|signature",
        _REFUSED, _QUEUE,
    ),
    Attack(
        "An approved job, laid under another id", WRITER, _under_another_id, r"it was submitted as .* and lies as",
        _REFUSED, _QUEUE,
    ),
    Attack(
        "An approved job, laid into another queue", WRITER, _in_another_queue, r"it was submitted as .* and lies as",
        _REFUSED, _QUEUE,
    ),
    Attack(
        "An approved job of another bus", WRITER, _of_another_bus, r"it was submitted as .* and lies as", _REFUSED, _QUEUE,
    ),
    Attack(
        "An approved job, sealed as something else", WRITER, _sealed_as_mail, r"forged|signature", _REFUSED, _QUEUE,
    ),
    Attack(
        "A protected job, submitted a second time under one approval", AGENT, _submitted_twice, _TWICE,
        "The first runs; the second is set aside.", _QUEUE,
    ),
    Attack(
        "An approved job that has run, laid back with a later generation", WRITER, _put_back, r"it is a copy of a job that has ended|and lies as",
        "It is set aside and does not run again.", _QUEUE,
    ),
    Attack(
        "An approved job that has run, laid back with all records of it taken away", WRITER, _put_back_without_its_past,
        _TWICE, "It is set aside and does not run again.", _QUEUE,
    ),
)  # fmt: skip
