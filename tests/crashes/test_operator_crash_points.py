"""P7 and P12 at every crash point: a process dies at any step of what a human rules, and nothing is half ruled.

Each scene is played once for every operation that writes, and once for every single step on the disk. After each
crash others look, the act is done again, and they look again: they hold the old or the new, an act that holds stands
in the audit, and doing it again completes it.
"""

import os
from collections import Counter
from datetime import timedelta

import pytest

from somabus import RetryPolicy
from somabus.assembly import Assembly
from somabus.audit import Audit
from somabus.errors import ConfigurationError, NotApprovedError, StoppedError
from somabus.handlers import Handlers
from somabus.log import Log
from somabus.model import signing, tree
from somabus.model.approval import ApprovalState
from somabus.model.bus import BUS_FILE
from somabus.model.creed import Creed
from somabus.model.envelope import split
from somabus.model.schedule import Schedule
from somabus.model.signing import Signer
from somabus.model.stop import Range, Scope
from somabus.model.trust import Trust
from somabus.model.wire import parse_object
from somabus.operator import agents, direction, oversight, people
from somabus.operator.seat import take_seat
from somabus.store.directory import DirectoryStore
from somabus.store.memory import MemoryStore
from somabus.testing import Crash, Fuse, HandClock, StoppingFiles, World
from tests.crashes.harness import WritingStore

OLD, NEW = "old", "new"
WHOLE = Scope(Range.BUS)
DONE_BEFORE = ("look and repeat yours", "is there already", "was revoked before", "that is ended cannot end",
               "is an operator of this bus already", "is no operator")  # fmt: skip


class Observer:
    """Somebody who looks: what holds for it. Its memory outlives it."""

    def __init__(self, stage, home):
        self.stage = stage
        services = Assembly(
            "observer", stage.world.connection("observer", home=home), schedule=Schedule.parse("6h"),
            retry=RetryPolicy(), lease_for=timedelta(minutes=10), handlers=Handlers(), unread=lambda: None, version="0",
        )  # fmt: skip
        self.authority, self.identities, self.halt = services.authority, services.identities, services.halt
        self.goals, self.approvals = services.goals, services.approvals

    def look(self, scene):
        """Return what holds: the old or the new."""
        self.authority.refresh()
        return scene.look(self)


class Stage:
    """One bus for one run of a scene: anna rules; scout and planner are there."""

    def __init__(self, folder, fuse, scene):
        self.fuse, self.clock = fuse, HandClock()
        plain = mortal = None
        if folder:
            common = {"durability": "none", "now": self.clock.now, "patience_s": 0.001}
            plain = DirectoryStore(str(folder), writer="p", **common)
            mortal = DirectoryStore(str(folder), writer="m", files=StoppingFiles(fuse), **common)
        self.world = World(plain, self.clock)
        self.store = self.world.store
        self.mortal = mortal or WritingStore(self.store, fuse)
        self.signers = {"anna": Signer(b"a" * 32)}
        self.homes = {}
        self.alive = True
        self.facts = {}
        self.done = Counter()
        for name in ("scout", "planner"):
            self.world.agent(name)
        if scene.founded:
            people.found(self.seat())
        scene.prepare(self)
        self.running = Observer(self, self.home("running"))
        assert self.running.look(scene) == OLD

    def home(self, name):
        """Return a memory; in the process that dies it is mortal as well."""
        return self.homes.setdefault(name, MemoryStore(self.clock.now))

    def _home(self, home):
        return home if self.alive else WritingStore(home, self.fuse)

    def seat(self, name="anna"):
        """Take a seat, in the process that dies or in the one that comes after it."""
        return take_seat(
            store=self.store if self.alive else self.mortal, home=self._home(self.home(f"operator {name}")),
            bus=self.world.bus, name=name, signer=self.signers[name], entropy=os.urandom, now=self.clock.now,
            monotonic=self.clock.monotonic,
        )  # fmt: skip

    def agent(self, name):
        """Return an agent, in the process that dies or in the one that comes after it."""
        if self.alive:
            return self.world.agent(name)
        return self.world.agent(name, store=self.mortal, home=self._home(self.world.homes[name]))

    def others(self):
        """Return who looks: one that was running, the same in a new process, and one who never looked before."""
        return self.running, Observer(self, self.home("running")), Observer(self, MemoryStore(self.clock.now))

    def audited(self):
        """Return the acts in the audit, and make sure that its chain is whole."""
        audit = Audit(self.store, self.world.bus.bus, "observer", None, self.clock.now, self.home("auditor"))
        entries = list(audit.check())
        assert [each.fault for each in entries if each.fault] == []
        return [each.entry.act for each in entries]


class Scene:
    """One act. `audit` is how the audit calls it, if it stands there before it holds."""

    audit = ""
    founded = True
    repeats_quietly = False
    settles = True  # in the end all hold the new

    def prepare(self, stage):
        """Bring about what the act needs."""

    def act(self, stage):
        """Do it; done again after a crash it completes."""

    def look(self, observer):
        """Return OLD or NEW; anything else is half."""

    def after(self, stage):
        """Make sure of what holds in the end."""

    def __str__(self):
        return type(self).__name__


class Init(Scene):
    """Somabus operator init."""

    audit, founded = "operator init", False

    def act(self, stage):
        """Take the bus."""
        assert people.found(stage.seat())

    def look(self, observer):
        """Nobody's, or anna's alone."""
        names = [each.name for each in observer.authority.bus.operators]
        return {(): OLD, ("anna",): NEW}[tuple(names)]

    def after(self, stage):
        """The empty list of revoked keys is there."""
        assert stage.others()[2].look(self) == NEW
        observer = stage.others()[2]
        observer.look(self)
        assert observer.authority.revocations.number == 1


class Admit(Scene):
    """One more operator."""

    audit = "operator add"

    def act(self, stage):
        """Name bert."""
        stage.signers["bert"] = Signer(b"b" * 32)
        people.admit(stage.seat(), "bert", signing.to_text(stage.signers["bert"].public_key))

    def look(self, observer):
        """Anna, or both."""
        return {1: OLD, 2: NEW}[len(observer.authority.bus.operators)]


class Dismiss(Admit):
    """One operator less, whose goal is signed anew."""

    audit = "operator remove"

    def prepare(self, stage):
        """Bert rules too, and made a goal."""
        super().act(stage)
        stage.facts["goal"] = direction.new_goal(stage.seat("bert"), "Keep this", "").id

    def act(self, stage):
        """Name bert no more."""
        people.dismiss(stage.seat(), "bert", keep=True)

    def look(self, observer):
        """Both, or anna; the goal holds all the way."""
        assert [goal.title for goal in observer.goals.read()] == ["Keep this"]
        return {2: OLD, 1: NEW}[len(observer.authority.bus.operators)]


class RotateOperator(Scene):
    """Anna's new key: all that the old one signed holds all the way."""

    audit = "operator rotate"

    def prepare(self, stage):
        """There is something of each kind that she signed."""
        seat = stage.seat()
        agents.certify(seat, "scout")
        direction.new_goal(seat, "Keep this", "")
        direction.set_values(seat, "Be kind.")
        agents.revoke(seat, "planner", "gone")
        stage.facts["new"] = Signer(b"A" * 32)
        stage.clock.advance(minutes=1)

    def act(self, stage):
        """Rotate, with the same new key each time."""
        people.rotate(stage.seat(), stage.facts["new"], lambda: None)

    def look(self, observer):
        """The old key, both, or the new one; both count as the old as long as they stand there."""
        observer.stage.clock.advance(minutes=1)
        assert [goal.title for goal in observer.goals.read()] == ["Keep this"]
        assert observer.goals.values() == "Be kind."
        assert observer.identities.standing("scout").trust is Trust.CERTIFIED
        assert observer.identities.standing("planner").trust is Trust.REVOKED
        keys = [each.key for each in observer.authority.bus.operators]
        return NEW if keys == [observer.stage.facts["new"].public_key] else OLD


class Policy(Scene):
    """A rule is changed."""

    audit = "policy"

    def act(self, stage):
        """Change it."""
        people.set_policy(stage.seat(), hop_limit=5, trust="certified")

    def look(self, observer):
        """Both rules are old, or both are new."""
        policy = observer.authority.bus.policy
        return {(16, "pinned"): OLD, (5, "certified"): NEW}[policy.hop_limit, policy.trust]


class Certify(Scene):
    """An agent's key is vouched for."""

    audit = "certify"

    def act(self, stage):
        """Certify scout."""
        agents.certify(stage.seat(), "scout", roles=("eyes",))

    def look(self, observer):
        """Pinned, or certified with its role."""
        observer.stage.clock.advance(minutes=1)
        standing = observer.identities.standing("scout")
        assert not standing.fault
        roles = standing.certificate and standing.certificate.roles
        return {(Trust.PINNED, None): OLD, (Trust.CERTIFIED, ("eyes",)): NEW}[standing.trust, roles]


class CertifyRotation(Scene):
    """An agent's new key is vouched for, and the old one will be called back."""

    audit = "certify"

    def prepare(self, stage):
        """Scout is certified and asks for a new key; the certificate's entry in the audit is not the one asked for."""
        agents.certify(stage.seat(), "scout")
        stage.clock.advance(minutes=1)
        stage.facts["new"] = stage.world.agent("scout").rotate()
        stage.facts["before"] = stage.audited().count("certify")

    def act(self, stage):
        """Certify the new key."""
        agents.certify(stage.seat(), "scout", expect=stage.facts["new"], overlap=timedelta(days=3))

    def look(self, observer):
        """The old key alone, or both."""
        observer.stage.clock.advance(minutes=1)
        standing = observer.identities.standing("scout")
        assert standing.trust is Trust.CERTIFIED
        return {1: OLD, 2: NEW}[len(standing.keys)]

    def after(self, stage):
        """After the overlap the new key counts alone, for everybody."""
        old = stage.world.signers["scout"].public_key
        stage.clock.advance(days=4)
        for observer in stage.others():
            observer.authority.refresh()
            keys = observer.identities.standing("scout").keys
            assert len(keys) == 1
            assert keys[0] != old
            assert observer.authority.revoked(old, stage.clock.now()).why == "it was rotated"


class Revoke(Scene):
    """A key is called back."""

    audit = "revoke"

    def prepare(self, stage):
        """Scout is certified."""
        agents.certify(stage.seat(), "scout")
        stage.clock.advance(minutes=1)

    def act(self, stage):
        """Call it back."""
        agents.revoke(stage.seat(), "scout", "stolen")

    def look(self, observer):
        """Certified, or revoked."""
        return {Trust.CERTIFIED: OLD, Trust.REVOKED: NEW}[observer.identities.standing("scout").trust]


class Stop(Scene):
    """Everything is stopped: first done, then told."""

    def act(self, stage):
        """Stop."""
        oversight.stop(stage.seat(), WHOLE, "fire")

    def look(self, observer):
        """Running, or stopped by anna."""
        held = observer.halt.hold()
        if held is None:
            return OLD
        assert (held.signed, held.by, held.why) == (True, "anna", "fire")
        return NEW


class Resume(Scene):
    """A stop is lifted."""

    audit = "resume"

    def prepare(self, stage):
        """It is stopped."""
        oversight.stop(stage.seat(), WHOLE, "fire")

    def act(self, stage):
        """Lift it."""
        oversight.resume(stage.seat(), None, "it is out")

    def look(self, observer):
        """Stopped, or running."""
        return OLD if observer.halt.hold() else NEW

    def after(self, stage):
        """Agents act again."""
        stage.agent("scout").send("planner", "on we go")


class ResumeTakenAway(Resume):
    """A stop whose file somebody took away, unseen by the operator who lifts it."""

    def prepare(self, stage):
        """Whoever saw it is stopped; the file is gone."""
        super().prepare(stage)
        Observer(stage, stage.home("running")).halt.stops()
        stage.store.delete("STOP")
        stage.homes.pop("operator anna")

    def look(self, observer):
        """Whoever never saw it does not know of it, so only those that were running are asked."""
        return super().look(observer.stage.running)


class GoalNew(Scene):
    """A goal is made; done again only where it is not there."""

    audit = "goal activate"

    def act(self, stage):
        """Make it, unless it is there."""
        observer = Observer(stage, MemoryStore(stage.clock.now))
        if observer.look(self) == OLD:
            direction.new_goal(stage.seat(), "Index the archive", "all of it")

    def look(self, observer):
        """None, or exactly this one."""
        reading = observer.goals.read()
        assert reading.faults == ()
        return {(): OLD, (("Index the archive", "all of it"),): NEW}[tuple((each.title, each.body) for each in reading)]


class GoalAccept(GoalNew):
    """A proposal becomes a goal."""

    def prepare(self, stage):
        """Scout proposes it."""
        stage.facts["goal"] = stage.world.agent("scout").propose_goal("Index the archive", "all of it").id

    def act(self, stage):
        """Accept it."""
        direction.accept_goal(stage.seat(), stage.facts["goal"])


class GoalChange(Scene):
    """A goal is changed."""

    audit = "goal change"

    def prepare(self, stage):
        """There is one."""
        stage.facts["goal"] = direction.new_goal(stage.seat(), "Old", "old").id

    def act(self, stage):
        """Change title and body."""
        direction.change_goal(stage.seat(), stage.facts["goal"], title="New", body="new")

    def look(self, observer):
        """Both are old, or both are new."""
        (goal,) = observer.goals.read()
        return {("Old", "old"): OLD, ("New", "new"): NEW}[goal.title, goal.body]


class GoalEnd(GoalChange):
    """A goal is ended."""

    audit = "goal end"

    def act(self, stage):
        """End it."""
        direction.end_goal(stage.seat(), stage.facts["goal"])

    def look(self, observer):
        """Active, or ended."""
        reading = observer.goals.read()
        return {(1, 0): OLD, (0, 1): NEW}[len(reading.active), len(reading.ended)]


class Values(Scene):
    """The values are written anew."""

    audit = "values"

    def prepare(self, stage):
        """There are some."""
        direction.set_values(stage.seat(), "Be kind.")
        stage.facts["before"] = stage.audited().count("values")

    def act(self, stage):
        """Write others."""
        direction.set_values(stage.seat(), "Be kind, and be quick.")

    def look(self, observer):
        """The old text, or the new one."""
        return {"Be kind.": OLD, "Be kind, and be quick.": NEW}[observer.goals.values()]


class Answer(Scene):
    """A request is granted, and the agent told by mail."""

    audit = "approve"
    repeats_quietly = True

    def prepare(self, stage):
        """Scout asks."""
        stage.facts["approval"] = stage.world.agent("scout").ask_approval("deploy", detail="v3").id

    def act(self, stage):
        """Grant it; the agent reads its mail meanwhile."""
        oversight.answer(stage.seat(), stage.facts["approval"], "ok", granted=True)

    def look(self, observer):
        """Asked, or granted; and what scout was told is no more than what holds."""
        asked = observer.approvals.look(observer.stage.facts["approval"])
        assert asked.fault == ""
        for delivery in observer.stage.world.agent("scout").inbox.drain():
            with delivery as message:
                observer.stage.done[message.id] += 1
                assert (message.kind, message.priority, message.data["granted"]) == ("decision", "urgent", True)
                assert asked.state is ApprovalState.GRANTED
        return {ApprovalState.ASKED: OLD, ApprovalState.GRANTED: NEW}[asked.state]

    def after(self, stage):
        """The agent handled the answer once, however often it was sent."""
        assert list(stage.done.values()) == [1]


class Ask(Scene):
    """An agent asks; no operator acts."""

    def act(self, stage):
        """Ask, unless it is asked."""
        if Observer(stage, MemoryStore(stage.clock.now)).look(self) == OLD:
            stage.agent("scout").ask_approval("deploy", detail="v3")

    def look(self, observer):
        """Nothing, or one whole request."""
        found = [(each.request.detail, each.state) for each in observer.approvals.all()]
        return {(): OLD, (("v3", ApprovalState.ASKED),): NEW}[tuple(found)]


class Use(Scene):
    """A granted approval is used, right before the action."""

    settles = False  # cut off in between it is spent for its agent alone, and the others see it as granted

    def prepare(self, stage):
        """Scout asked, anna granted."""
        stage.facts["approval"] = stage.world.agent("scout").ask_approval("deploy", detail="v3").id
        oversight.answer(stage.seat(), stage.facts["approval"], "", granted=True)

    def act(self, stage):
        """Use it and act; refused, do not act: after a crash it may be spent."""
        try:
            stage.agent("scout")._services.approvals.use(stage.facts["approval"])
        except NotApprovedError:
            assert stage.alive  # the first time it was granted
        else:
            stage.done["action"] += 1

    def look(self, observer):
        """Granted or used; for the agent that crashed in between it may be used, and for the others not yet."""
        state = observer.approvals.look(observer.stage.facts["approval"]).state
        return {ApprovalState.GRANTED: OLD, ApprovalState.USED: NEW}[state]

    def after(self, stage):
        """It was acted once at the most, and the next to ask is refused."""
        assert stage.done["action"] <= 1
        with pytest.raises(NotApprovedError):
            stage.agent("scout")._services.approvals.use(stage.facts["approval"])


class Protected(Scene):
    """Mail of a protected kind is delivered under its approval; the handler's process dies."""

    settles = False  # as with a use

    def prepare(self, stage):
        """Scout asked for planner, anna granted, the mail is there; and a second one under the same approval."""
        scout = stage.world.agent("scout")
        approval = scout.ask_approval("shell", detail="ls", to="planner")
        oversight.answer(stage.seat(), approval.id, "", granted=True)
        stage.facts["first"] = scout.send("planner", "ls", kind="shell", approval=approval.id).id
        stage.facts["approval"] = approval.id

    def act(self, stage):
        """Drain; what was begun before the crash comes again after its lease."""
        if stage.alive:
            stage.clock.advance(hours=2)
            second = stage.world.agent("scout").send("planner", "ls", kind="shell", approval=stage.facts["approval"])
            stage.facts["second"] = second.id
        for delivery in stage.agent("planner").inbox.drain():
            with delivery as message:
                stage.done[message.id] += 1

    def look(self, observer):
        """Before the crash it is granted; afterwards it may be used."""
        state = observer.approvals.look(observer.stage.facts["approval"]).state
        return {ApprovalState.GRANTED: OLD, ApprovalState.USED: NEW}[state]

    def after(self, stage):
        """The one message was handled, again if the crash came first; another under the same approval never was."""
        if "second" not in stage.facts:
            self.act(stage)
        planner = stage.agent("planner")
        assert set(stage.done) == {stage.facts["first"]}
        assert [(each.id, each.reason) for each in planner.inbox.dead()] == [(stage.facts["second"], "not approved")]
        assert planner.counts().unread == planner.counts().claimed == 0


SCENES = [Init(), Admit(), Dismiss(), RotateOperator(), Policy(), Certify(), CertifyRotation(), Revoke(), Stop(),
          Resume(), ResumeTakenAway(), GoalNew(), GoalAccept(), GoalChange(), GoalEnd(), Values(), Ask(), Answer(),
          Use(), Protected()]  # fmt: skip


def play(scene, folder, at):
    """Play a scene and stop it at a step; look, do it again, look again. Return whether it was stopped, and the errors."""
    stage = Stage(folder, Fuse(), scene)
    stage.fuse.at = stage.fuse.steps + at
    stage.alive = False
    try:
        scene.act(stage)
        died = False
    except Crash:
        died = True
    stage.fuse.at, stage.alive = 0, True

    whole(stage)
    judge(stage, scene)
    errors = again(stage, scene) if died else []
    judge(stage, scene)
    if scene.settles:
        assert [each.look(scene) for each in stage.others()] == [NEW] * 3
    assert not scene.audit or stage.audited().count(scene.audit) > stage.facts.get("before", 0), (
        "done, and not in the audit"
    )
    scene.after(stage)
    whole(stage)
    numbered(stage)
    return died, errors


def again(stage, scene):
    """Do the act again some minutes later, as a person does: also once more where it says that something came first."""
    errors = []
    while not errors or ("look and repeat yours" in errors[-1] and len(errors) < 3):
        stage.clock.advance(minutes=5)
        try:
            scene.act(stage)
        except ConfigurationError as error:
            errors.append(str(error))
        else:
            break
    assert [each for each in errors if not any(known in each for known in DONE_BEFORE)] == []
    return errors


def judge(stage, scene):
    """Make sure that all hold the old or the new, and the new only if the audit tells of it."""
    held = {each.look(scene) for each in stage.others()}
    assert held <= {OLD, NEW}
    if scene.audit and NEW in held:
        assert stage.audited().count(scene.audit) > stage.facts.get("before", 0), "it holds, and is not in the audit"


def whole(stage):
    """Make sure that no document is half."""
    for key in _walk(stage.store, ""):
        raw = stage.store.read(key)
        if key == tree.VALUES or key.startswith(tree.history("values")):
            Creed.opened(raw)
        else:
            assert parse_object(split(raw).body)["format"] == 1


def numbered(stage):
    """Make sure that each history goes on without gap or fork, and that its end is what holds."""
    holds = {"bus": BUS_FILE, "revocations": tree.REVOCATIONS, "values": tree.VALUES}
    for document in stage.store.list("operator/history"):
        log = Log(stage.store, tree.history(document))
        numbers = log.after(0, 1000)
        assert numbers == list(range(1, len(numbers) + 1)), f"{document}: {numbers}"
        for number in numbers:
            raw = log.read(number)
            said = parse_object(split(raw).body) if document != "values" else Creed.opened(raw)[0].model_dump()
            assert number == said.get("version", said.get("number")), f"{document} forked at {number}"
        if not numbers:
            continue  # its folder was made, and no more
        there = stage.store.read(holds.get(document) or tree.goal(document.removeprefix("goal.")))
        # A goal of which nobody knows the number was begun and given up.
        assert there == log.read(len(numbers)) or (there is None and document.startswith("goal.")), document


def _walk(store, prefix):
    for name in store.list(prefix):
        key = f"{prefix}/{name}" if prefix else name
        if key in ("tmp", "audit/evidence"):
            continue
        if name.endswith(".json") or key in (tree.VALUES, WHOLE.file):
            yield key
        else:
            yield from _walk(store, key)


QUICK_ON_DISK = ("Init", "Use", "Resume", "Values")
EVERY = [  # the disk steps of what is much like another are for the slow run
    pytest.param(scene, disk, id=f"{scene}-{'disk steps' if disk else 'store operations'}",
                 marks=[pytest.mark.slow] if disk and str(scene) not in QUICK_ON_DISK else [])
    for scene in SCENES for disk in (False, True)
]  # fmt: skip


@pytest.mark.parametrize(("scene", "disk"), EVERY)
def test_nothing_is_half_ruled_wherever_it_stops(scene, disk, tmp_path_factory, points):
    """Wherever a process dies, others hold the old or the new, what holds is in the audit, and doing it again completes it."""
    at, died = 0, True
    while died:
        at += 1
        died, errors = play(scene, tmp_path_factory.mktemp("bus") if disk else None, at)
        if scene.repeats_quietly:
            assert errors == [], f"stopped at step {at}"

    points[str(scene), "disk steps" if disk else "store operations"] = at - 1
    assert at > 1


def test_a_stop_done_again_is_in_the_audit():
    """A stop is done first and told then; cut off in between and done again, the audit tells of it."""

    class Told(Stop):
        def after(self, stage):
            assert "stop" in stage.audited()

    at = 1
    while play(Told(), None, at)[0]:
        at += 1


@pytest.mark.parametrize("scene", [Init(), RotateOperator()], ids=str)
def test_what_was_cut_off_and_is_begun_again_just_completes(scene):
    """Whoever loses power in the middle of `operator init` or `operator rotate` does it again, and it is done."""
    at, died = 0, True
    while died:
        at += 1
        died, errors = play(scene, None, at)
        assert errors == []


@pytest.mark.parametrize("granted", [None, False], ids=["nobody answered", "denied"])
def test_without_a_grant_nothing_is_ever_used(granted):
    """Wherever a process dies that tries to use what nobody granted, it never acts."""

    class Ungranted(Use):
        def prepare(self, stage):
            stage.facts["approval"] = stage.world.agent("scout").ask_approval("deploy", detail="v3").id
            if granted is not None:
                oversight.answer(stage.seat(), stage.facts["approval"], "", granted=granted)

        def look(self, observer):
            return OLD

    for at in range(1, 6):
        stage = Stage(None, Fuse(), Ungranted())
        stage.fuse.at, stage.alive = stage.fuse.steps + at, False
        for alive in (False, True):
            try:
                stage.agent("scout")._services.approvals.use(stage.facts["approval"])
            except (NotApprovedError, StoppedError, Crash):
                stage.alive, stage.fuse.at = True, 0
            else:
                pytest.fail(f"used at step {at}, {alive}")


def test_the_harness_notices_an_act_without_an_entry():
    """An act that holds before it is told is caught: the harness can fail."""

    class Secretive(Policy):
        def act(self, stage):
            seat = stage.seat()
            seat.audit.append = lambda *_args, **_more: 0
            people.set_policy(seat, hop_limit=5, trust="certified")

    with pytest.raises(AssertionError, match="not in the audit"):
        play(Secretive(), None, 100)
