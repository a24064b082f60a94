"""P12. A human can stop everything with one file that every entry point honours.

The table `somabus.model.entry` is walked: every public method, and every command, on a real folder. Whoever adds a way
in without a row, or a row without a call here, makes this module fail.
"""

import inspect
import json
import shlex
import signal
import subprocess
import threading
from contextlib import suppress
from datetime import timedelta
from types import SimpleNamespace

import click
import pytest

from somabus import Agent, Draft, Insight, JobDraft, create_bus
from somabus.approvals import Approval
from somabus.arcs import Arc
from somabus.audit import Audit
from somabus.box import Box
from somabus.cli.group import cli
from somabus.delivery import Delivery
from somabus.desk import Desk
from somabus.errors import StoppedError, StoreUnavailableError
from somabus.inbox import Inbox
from somabus.jobs.queues import Jobs
from somabus.jobs.worker import Worker
from somabus.lease import Lease
from somabus.model import tree
from somabus.model.entry import COMMANDS, ENTRY_POINTS, WhenStopped
from somabus.model.stop import Range, Scope
from somabus.operator import agents, direction, oversight, people
from somabus.scratchpad import Scratchpad
from somabus.testing import HandClock
from tests.lying import lying
from tests.surfaces.shell import Shell, environment, process

DEADLINE_S = 30
BUS, SCOUT, DEPLOY = Scope(Range.BUS), Scope(Range.AGENT, "scout"), Scope(Range.KIND, "deploy")
OPERATORS = {"operator", "stop", "resume", "approve", "deny"}  # the commands of humans
SETTLING = ("ack", "nack", "release", "extend", "reject")


def ways_in():
    """Every public method and property of what a user gets into the hand, as the table names them."""
    classes = (Agent, Inbox, Delivery, Arc, Scratchpad, Lease, Approval, Jobs, Worker)
    found = {f"{each.__name__}.{name}" for each in classes for name, _ in inspect.getmembers(each) if name[0] != "_"}
    return found | {"Agent.join"}  # an agent joins by being made


def commands():
    """Every command that the help lists, but those of the humans."""
    return set(cli.list_commands(click.Context(cli))) - OPERATORS


def rows(table, *kinds):
    """The rows of a table that do this under a stop."""
    return sorted(name for name, kind in table.items() if kind in kinds)


def tree_of(bus):
    """Every folder and every byte of a bus, but for what is being written aside."""
    return {str(each.relative_to(bus)): each.read_bytes() if each.is_file() else None for each in lying(bus)}


class Scene:
    """A real folder with an operator and two agents; scout holds something of everything when the stop comes."""

    def __init__(self, folder, *, every="1h", **clock):
        create_bus(folder / "bus")
        self.bus, self.home, self.every = folder / "bus", folder / "home", every
        self.clock = clock.get("clock", HandClock())  # None is this machine's own, which real processes have, too
        desk = Desk(self.bus, home=self.home, clock=self.clock)
        desk.new_key("anna", None)
        self.anna = desk.sit(lambda: "")
        people.found(self.anna)
        self.planner, self.scout = self.agent("planner"), self.agent("scout")

    def agent(self, name):
        """An agent; asking again is the same one in a new process."""
        return Agent(name, self.bus, home=self.home, clock=self.clock, durability="none", every=self.every)

    def stop(self, *scopes):
        """Stop, as the operator does."""
        for scope in scopes:
            oversight.stop(self.anna, scope, "the index is on fire")

    def furnish(self):
        """Give scout mail in every state, a lease, a goal, an approval, and an arc with a partner and a scratchpad."""
        self.goal = direction.new_goal(self.anna, "Index the archive", "").id
        self.approval = self.scout.ask_approval("deploy", detail="version 3")
        oversight.answer(self.anna, self.approval.id, "", granted=True)
        self.planner.send("scout", "hear me", kind="question")
        for delivery in self.scout.inbox.drain():
            with delivery as self.handled:
                pass
        self.planner.send("scout", "bad")
        self.scout.inbox.claim().reject("bad")
        self.planner.send_many([Draft("scout", str(n)) for n in range(len(SETTLING) + 1)])
        self.held = self.scout.inbox.claim()
        self.to_settle = {f"Delivery.{name}": self.scout.inbox.claim() for name in SETTLING}
        self.waiting = self.planner.send("scout", "wait").id
        self.sent = self.scout.send("planner", "out")
        self.furnish_jobs()
        self.lease = self.scout.lease("archive")
        self.scout.beat(messages=1, seconds=0)
        return self.open_arc()

    def furnish_jobs(self):
        """Submit jobs that wait, that are paused, that have failed, and one that waits for a word about its step."""
        self.scout.handler("fail")(lambda ctx: ctx.give_up("no"))
        self.scout.handler("doubt")(lambda ctx: ctx.attach("plan", "pay") and ctx.step("pay", self.die))
        self.failed, self.doubtful = self.scout.submit("fail"), self.scout.submit("doubt")
        for _ in range(2):  # the second look at the step finds that it was begun
            with suppress(KeyboardInterrupt):
                self.scout.worker().drain()
        self.job, self.paused = self.scout.submit("echo", {"n": 1}), self.scout.submit("echo")
        self.scout.jobs.pause(self.paused)

    @staticmethod
    def die():
        """Be told to end in the middle of a step."""
        raise KeyboardInterrupt

    def open_arc(self):
        """Open an arc that scout has claimed, follows, has not read, and whose scratchpad it owns."""
        self.planner.post("arc:wiki", "Index the archive", kind="brief")
        self.scout.post("arc:wiki", "mine", kind="claim")
        self.scout.pair("planner", on="arc:wiki")
        self.planner.pair("scout", on="arc:wiki")
        self.scout.subscribe("arc:wiki")
        self.planner.post("arc:wiki", "How far are you?", kind="question")
        self.arc, self.reading = self.scout.arc("arc:wiki"), self.scout.peek()
        self.arc.scratchpad.write("# Findings\n")
        return self


CALLS = {
    "Agent.send": lambda s: s.scout.send("planner", "x"),
    "Agent.send_many": lambda s: s.scout.send_many([Draft("planner", "x")]),
    "Agent.reply": lambda s: s.scout.reply(s.handled, "x"),
    "Agent.withdraw": lambda s: s.scout.withdraw(s.sent),
    "Agent.trace": lambda s: s.scout.trace(s.sent),
    "Agent.find": lambda s: s.scout.find(s.waiting),
    "Agent.endings": lambda s: s.scout.endings(s.waiting[-6:]),
    "Agent.unread": lambda s: s.scout.unread,
    "Agent.counts": lambda s: s.scout.counts(),
    "Agent.unread_by_channel": lambda s: s.scout.unread_by_channel(),
    "Agent.post": lambda s: s.scout.post("arc:wiki", "half of it"),
    "Agent.read": lambda s: s.scout.read(),
    "Agent.peek": lambda s: s.scout.peek(),
    "Agent.mark_read": lambda s: s.scout.mark_read(s.reading),
    "Agent.subscribe": lambda s: s.scout.subscribe("general"),
    "Agent.unsubscribe": lambda s: s.scout.unsubscribe("arc:wiki"),
    "Agent.channels": lambda s: s.scout.channels(),
    "Agent.arcs": lambda s: s.scout.arcs(),
    "Agent.arc": lambda s: s.scout.arc("arc:wiki"),
    "Agent.pair": lambda s: s.scout.pair(None, on="arc:wiki"),
    "Agent.echo": lambda s: s.scout.echo("planner", s.planner.short),
    "Agent.wait": lambda s: s.scout.wait(0),
    "Agent.tool": lambda s: s.scout.tool(dict)(),
    "Agent.announce": lambda s: s.scout.announce("a chat"),
    "Agent.wait_news": lambda s: s.scout.wait_news("another chat", 0),
    "Agent.folders": lambda s: s.scout.folders(),
    "Agent.forget_session": lambda s: s.scout.forget_session("a chat"),
    **{
        f"Arc.{name}": lambda s, name=name: getattr(s.arc, name)
        for name in ("name", "open", "brief", "owner", "claimed", "age", "last", "pairs", "notes", "scratchpad")
    },
    "Scratchpad.read": lambda s: s.arc.scratchpad.read(),
    "Scratchpad.history": lambda s: s.arc.scratchpad.history(),
    "Scratchpad.owner": lambda s: s.arc.scratchpad.owner(),
    "Scratchpad.write": lambda s: s.arc.scratchpad.write("# More\n"),
    "Scratchpad.release": lambda s: s.arc.scratchpad.release(),
    "Agent.share": lambda s: s.scout.share(Insight(topic="t", statement="s", confidence=0.5)),
    "Agent.learn": lambda s: s.scout.learn("t", "s"),
    "Agent.due": lambda s: s.scout.due(),
    "Agent.sweep": lambda s: s.scout.sweep(),
    "Agent.on": lambda s: s.scout.on("question")(lambda message: None),
    "Agent.check": lambda s: s.scout.check(lambda: None),
    "Agent.use_builtin_handlers": lambda s: s.scout.use_builtin_handlers(),
    "Agent.join": lambda s: s.agent("newcomer"),
    "Agent.peers": lambda s: s.scout.peers(),
    "Agent.short": lambda s: s.scout.short,
    "Agent.bus": lambda s: s.scout.bus,
    "Agent.connection": lambda s: s.scout.connection,
    "Agent.schedule": lambda s: s.scout.schedule,
    "Agent.heartbeat": lambda s: s.scout.heartbeat(),
    "Agent.lease": lambda s: s.scout.lease("other"),
    "Agent.goals": lambda s: s.scout.goals(),
    "Agent.values": lambda s: s.scout.values(),
    "Agent.workers": lambda s: s.scout.workers(s.goal),
    "Agent.propose_goal": lambda s: s.scout.propose_goal("More tea"),
    "Agent.work_on": lambda s: s.scout.work_on(s.goal, "the SMB part"),
    "Agent.ask_approval": lambda s: s.scout.ask_approval("deploy", detail="version 4"),
    "Agent.approval": lambda s: s.scout.approval(s.approval.id),
    "Agent.stops": lambda s: s.scout.stops(),
    "Agent.rotate": lambda s: s.scout.rotate(),
    "Agent.submit": lambda s: s.scout.submit("echo"),
    "Agent.submit_many": lambda s: s.scout.submit_many([JobDraft("echo")]),
    "Agent.handler": lambda s: s.scout.handler("fetch")(lambda ctx: None),
    "Agent.worker": lambda s: s.scout.worker(),
    "Agent.jobs": lambda s: s.scout.jobs,
    "Jobs.queues": lambda s: s.scout.jobs.queues(),
    "Jobs.all": lambda s: s.scout.jobs.all(),
    "Jobs.find": lambda s: s.scout.jobs.find(s.job),
    "Jobs.file": lambda s: s.scout.jobs.file(s.doubtful),
    "Jobs.outcome": lambda s: s.scout.jobs.outcome(s.failed),
    "Jobs.counts": lambda s: s.scout.jobs.counts(),
    "Jobs.stats": lambda s: s.scout.jobs.stats(),
    "Jobs.log": lambda s: s.scout.jobs.log(s.job),
    "Jobs.named": lambda s: s.scout.jobs.named(s.job.id[-12:]),
    "Jobs.attachments": lambda s: s.scout.jobs.attachments(s.doubtful),
    "Jobs.attachment": lambda s: s.scout.jobs.attachment(s.doubtful, "plan"),
    "Jobs.standing": lambda s: s.scout.jobs.standing(),
    "Jobs.left_by": lambda s: s.scout.jobs.left_by("default", ["echo"]),
    "Jobs.cancel": lambda s: s.scout.jobs.cancel(s.job),
    "Jobs.pause": lambda s: s.scout.jobs.pause(s.job),
    "Jobs.resume": lambda s: s.scout.jobs.resume(s.paused),
    "Jobs.replay": lambda s: s.scout.jobs.replay(s.failed),
    "Jobs.decide": lambda s: s.scout.jobs.decide(s.doubtful, 1, again=True),
    "Jobs.tell": lambda s: s.scout.jobs.tell(s.job, "leave the pictures out"),
    "Worker.one": lambda s: s.scout.worker().one(),
    "Worker.drain": lambda s: s.scout.worker().drain(),
    "Worker.chores": lambda s: s.scout.worker().chores(),
    "Inbox.drain": lambda s: next(s.scout.inbox.drain()),
    "Inbox.claim": lambda s: s.scout.inbox.claim(),
    "Inbox.take": lambda s: s.scout.inbox.take(s.waiting),
    "Inbox.replay": lambda s: s.scout.inbox.replay(s.scout.inbox.dead()[0].id),
    "Inbox.mark_shown": lambda s: s.scout.inbox.mark_shown(s.scout.inbox.dead()),
    "Inbox.peek": lambda s: s.scout.inbox.peek(),
    "Inbox.waiting": lambda s: s.scout.inbox.waiting(),
    "Inbox.unread": lambda s: s.scout.inbox.unread(),
    "Inbox.counts": lambda s: s.scout.inbox.counts(),
    "Inbox.dead": lambda s: s.scout.inbox.dead(),
    "Inbox.find": lambda s: s.scout.inbox.find(s.waiting),
    **{
        f"Delivery.{name}": lambda s, name=name: getattr(s.to_settle[f"Delivery.{name}"], name)(
            *(["no"] if name == "reject" else [])
        )
        for name in SETTLING
    },
    **{
        f"Delivery.{name}": lambda s, name=name: getattr(s.held, name)
        for name in ("message", "sender", "trust", "attempt", "generation", "lease_ends_at")
    },
    "Delivery.age": lambda s: s.held.age(),
    "Delivery.reply": lambda s: s.held.reply("x"),
    "Lease.extend": lambda s: s.lease.extend(timedelta(minutes=20)),
    "Lease.release": lambda s: s.lease.release(),
    "Lease.check": lambda s: s.lease.check(),
    "Lease.name": lambda s: s.lease.name,
    "Lease.generation": lambda s: s.lease.generation,
    "Approval.state": lambda s: s.approval.state,
    "Approval.wait": lambda s: s.approval.wait(0),
    "Approval.use": lambda s: s.approval.use(),
    "Approval.why": lambda s: s.approval.why,
    "Approval.fault": lambda s: s.approval.fault,
    "Approval.id": lambda s: s.approval.id,
}
IDLE = {"Agent.beat", "Agent.run", "Agent.work", "Worker.until"}  # played below


@pytest.fixture(scope="module", params=[(BUS,), (SCOUT, Scope(Range.AGENT, "newcomer"))], ids=["bus", "agent"])
def stopped(request, tmp_path_factory):
    """A furnished scene, stopped as a whole, or for scout alone. What the tests leave as it was, they share."""
    scene = Scene(tmp_path_factory.mktemp("stopped")).furnish()
    scene.stop(*request.param)
    scene.scout.stops()
    return scene


# -- the table -----------------------------------------------------------------------------------------------------


def test_every_way_in_has_a_row():
    """Each public method that a user can call stands in the table of entry points, and each row is such a method: nobody can add a way in that forgets the stop."""
    assert ways_in() - set(ENTRY_POINTS) == set(), "ways in without a row"
    assert set(ENTRY_POINTS) - ways_in() == set(), "rows of what is not there any more"


def test_every_command_has_a_row():
    """Each command of agents stands in the table of commands, and each row is such a command."""
    assert commands() - set(COMMANDS) == set(), "commands without a row"
    assert set(COMMANDS) - commands() == set(), "rows of what is not there any more"


def test_every_row_is_walked():
    """No row of the two tables is left out of the walk."""
    assert set(CALLS) | IDLE == set(ENTRY_POINTS)
    assert set(ORDERS) | LASTING == set(COMMANDS)


@pytest.mark.parametrize("name", rows(ENTRY_POINTS, WhenStopped.REFUSED))
def test_what_acts_is_refused_and_changes_nothing(stopped, name):
    """Under a stop each entry point that acts raises StoppedError, which says who stopped what and why, and not one byte of the bus is changed."""
    before = tree_of(stopped.bus)

    with pytest.raises(StoppedError) as refused:
        CALLS[name](stopped)

    assert (refused.value.by, refused.value.why) == ("anna", "the index is on fire")
    assert tree_of(stopped.bus) == before


@pytest.mark.parametrize("name", rows(ENTRY_POINTS, WhenStopped.LOOKS, WhenStopped.HERE))
def test_what_looks_works_and_changes_nothing(stopped, name):
    """Under a stop reading works as ever, and so does what changes this machine alone; not one byte of the bus is changed."""
    before = tree_of(stopped.bus)

    CALLS[name](stopped)

    assert tree_of(stopped.bus) == before


@pytest.mark.parametrize("name", rows(ENTRY_POINTS, WhenStopped.FINISHES))
def test_what_was_begun_can_be_finished(stopped, name):
    """Under a stop what was in hand before it can be ended, so that nothing is left half done."""
    before = tree_of(stopped.bus)

    CALLS[name](stopped)

    assert tree_of(stopped.bus) != before


def test_only_the_stopped_agent_is_stopped(tmp_path):
    """A stop of one agent leaves the others at work."""
    scene = Scene(tmp_path)
    scene.stop(SCOUT)

    scene.planner.send("scout", "it waits until you are back")
    scene.planner.use_builtin_handlers()

    assert scene.planner.beat().outcome == "ok"
    assert scene.scout.unread == 1


@pytest.mark.parametrize("scope", [BUS, SCOUT], ids=["bus", "agent"])
def test_a_beat_under_a_stop_says_so_and_does_nothing_else(tmp_path, scope):
    """Under a stop a beat counts the mail, handles none, shares nothing, and its heartbeat tells the peers that it was stopped on purpose."""
    scene, handled = Scene(tmp_path), []
    scene.planner.send("scout", "work")
    scene.scout.on("*")(handled.append)
    scene.scout.learn("t", "s")
    scene.stop(scope)
    before = tree_of(scene.bus)

    report = scene.scout.beat()

    changed = {name for name, data in tree_of(scene.bus).items() if data is not None and before.get(name) != data}
    assert (report.outcome, report.handled, report.unread, handled) == ("stopped", 0, 1, [])
    assert changed == {"registry/scout/heartbeat.json"}
    assert str(next(peer for peer in scene.planner.peers() if peer.name == "scout").presence) == "stopped"


@pytest.mark.parametrize("scope", [BUS, SCOUT], ids=["bus", "agent"])
def test_a_run_under_a_stop_stays_and_handles_nothing(tmp_path, scope):
    """`run` does not end under a stop: it beats, says that it is stopped, and leaves the mail where it waits."""
    scene, handled, told = Scene(tmp_path), [], []

    class Soon(threading.Event):
        """Lets the time pass at once where others would wait."""

        def wait(self, timeout=None):
            scene.clock.advance(seconds=timeout)
            return self.is_set()

    end = Soon()
    scene.planner.send("scout", "work")
    scene.scout.on("*")(handled.append)
    scene.stop(scope)

    def tell(report):
        told.append(report.outcome)
        scene.clock.advance(hours=1)
        if len(told) == 3:
            end.set()

    scene.scout.run(end, on_beat=tell)

    assert told == ["stopped"] * 3
    assert (handled, scene.scout.unread) == ([], 1)


@pytest.mark.parametrize("scope", [BUS, SCOUT], ids=["bus", "agent"])
@pytest.mark.parametrize("way", ["Agent.work", "Worker.until"])
def test_a_worker_under_a_stop_stays_and_takes_nothing(tmp_path, scope, way):
    """`work` does not end under a stop: the jobs stay where they wait, not one byte of the bus is changed, and after the resume they are run."""
    scene = Scene(tmp_path)
    job = scene.scout.submit("echo", {"n": 1})
    scene.stop(scope)
    before, looks = tree_of(scene.bus), []

    class Soon(threading.Event):
        """Lets the time pass at once where others would wait; resumes at the third look, ends when the job has."""

        def wait(self, timeout=None):
            scene.clock.advance(seconds=timeout)
            looks.append(tree_of(scene.bus) == before)
            if len(looks) == 3:
                oversight.resume(scene.anna, scope, "")
            return self.is_set()

    end = Soon()
    scene.scout._services.store.wait = lambda *_: end.set()  # nothing to do any more
    if way == "Agent.work":
        scene.scout.work(stop=end)
    else:
        scene.scout.worker().until(end)

    assert looks == [True] * 3
    assert scene.scout.jobs.outcome(job).result == {"n": 1}


# -- the commands --------------------------------------------------------------------------------------------------

ORDERS = {
    "send": "send planner hi",
    "read": "read",
    "reply": "reply {waiting} yes",
    "withdraw": "withdraw planner {sent}",
    "join": "join newcomer",
    "share": "share smb 'links hold'",
    "beat": "beat",
    "propose": "propose 'More tea'",
    "work-on": "work-on {goal} 'the SMB part'",
    "submit": "submit echo",
    "work": "work --until-empty",
    "jobs": "jobs",
    "job": "job cancel {job}",
    "ask": "ask deploy --detail 'version 4'",
    "rotate": "rotate",
    "inbox": "inbox",
    "dead": "dead",
    "trace": "trace planner {sent}",
    "status": "status",
    "peers": "peers",
    "due": "due",
    "verify": "verify",
    "sweep": "sweep",
    "doctor": "doctor --fix",
    "goals": "goals --values",
    "approvals": "approvals --all",
    "audit": "audit",
    "stops": "stops",
    "learn": "learn smb 'links hold'",
    "post": "post arc:wiki 'half of it'",
    "subscribe": "subscribe general",
    "unsubscribe": "unsubscribe arc:wiki",
    "pair": "pair --end --on arc:wiki",
    "echo": "echo planner {short}",
    "channels": "channels",
    "arcs": "arcs arc:wiki",
    "pad": "pad arc:wiki",
    "wait": "wait --for 1s",
    "hook": "hook claude-code",
    "hooks": "hooks show claude-code",
    "schedule": "schedule show",
    "init": "init {folder}/another",
    "bench": "bench --messages 20 --rounds 1 --durability none",
    "copy": "copy {bus} copied",
    "mirror": "mirror {bus} mirrored --once",
}
LASTING = {"run", "demo", "mcp"}
"""Played with real processes: `run` below, `demo` on a bus of its own in tests/surfaces, `mcp` with a client."""


@pytest.fixture
def type_in(stopped, tmp_path, monkeypatch):
    """Return a function that types a command as scout, on the machine of the stopped scene."""
    for name, value in {"HOME": stopped.home, "BUS": stopped.bus, "AGENT": "scout"}.items():
        monkeypatch.setenv(f"SOMABUS_{name}", str(value))
    monkeypatch.chdir(tmp_path)
    facts = {
        "waiting": stopped.waiting, "sent": stopped.sent.id, "goal": stopped.goal, "folder": tmp_path,
        "short": stopped.planner.short, "bus": stopped.bus, "job": stopped.job.address, "paused": stopped.paused.address,
        "failed": stopped.failed.address, "doubtful": stopped.doubtful.address,
    }  # fmt: skip
    return lambda order: Shell()(*shlex.split(order.format(**facts)))


@pytest.mark.parametrize(
    "order",
    [
        *(ORDERS[name] for name in rows(COMMANDS, WhenStopped.REFUSED)),
        "work --until-empty",
        "job pause {job}",
        "job resume {paused}",
        "job replay {failed}",
        "job tell {job} more",
        "job step {doubtful} 1 --again",
        "dead --replay {dead}",
        "read --channels",
        "read --channel arc:wiki",
        "pad arc:wiki --write -",
    ],
)
def test_a_command_that_acts_ends_with_exit_8(stopped, type_in, order):
    """Under a stop each command that acts ends with exit 8, says who stopped it and why, and changes not one byte of the bus."""
    before = tree_of(stopped.bus)

    answer = type_in(order.replace("{dead}", stopped.scout.inbox.dead()[0].id))

    assert answer.code == 8, answer
    assert "the index is on fire" in answer.err
    assert tree_of(stopped.bus) == before


@pytest.mark.parametrize("name", sorted({*rows(COMMANDS, WhenStopped.LOOKS, WhenStopped.HERE)} - LASTING))
def test_a_command_that_looks_answers_as_ever(stopped, type_in, name):
    """Under a stop each command that looks, or changes this machine alone, answers, and changes not one byte of the bus."""
    before = tree_of(stopped.bus)

    answer = type_in(ORDERS[name])

    assert answer.code in (0, 3, 6), answer  # it is there, there is nothing, or it is not well: each an answer
    assert tree_of(stopped.bus) == before


def test_a_card_is_not_changed_under_a_stop_in_silence(stopped, type_in):
    """`somabus join` of an agent that is there is refused under a stop if it would change the card."""
    assert type_in("join scout --skill search").code == 8


def test_a_bus_that_a_human_owns_is_of_format_1(stopped, type_in):
    """`somabus verify` finds no fault with what operators and agents wrote on an owned bus, a stop included."""
    assert type_in("verify").code == 0


def test_a_sweep_is_rehearsed_under_a_stop(stopped, type_in):
    """What a sweep would do may be looked at under a stop, for that changes not one byte of the bus."""
    before = tree_of(stopped.bus)

    answer = type_in("sweep --rehearse --json")

    assert (answer.code, answer.json["rehearsed"]) == (0, True), answer
    assert tree_of(stopped.bus) == before


def test_nothing_is_due_under_a_stop(tmp_path):
    """While it is stopped nothing is due, whatever waits, so that nobody wakes a model for it; after the resume it is."""
    scene = Scene(tmp_path)
    scene.planner.send("scout", "x")
    assert scene.scout.due()

    scene.stop(SCOUT)
    assert (scene.scout.due(), scene.planner.due()) == (False, True)

    oversight.resume(scene.anna, SCOUT, "")
    assert scene.scout.due()


def test_the_beat_command_ends_with_exit_8(stopped, type_in):
    """`somabus beat` under a stop tells cron by its exit code that a human stopped it."""
    answer = type_in("beat --json")

    assert (answer.code, answer.json["outcome"]) == (8, "stopped")


def test_the_humans_commands_work_under_a_stop(tmp_path, monkeypatch):
    """Whoever stopped the bus can still rule it: certify, set goals, values and policy, answer, stop more, and resume."""
    scene = Scene(tmp_path, clock=None).furnish()
    asked = scene.scout.ask_approval("deploy", detail="version 4")
    scene.stop(BUS)
    monkeypatch.setenv("SOMABUS_HOME", str(scene.home))
    monkeypatch.setenv("SOMABUS_BUS", str(scene.bus))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "values.md").write_text("# Be kind\n")
    orders = [
        "operator certify scout", "operator goal new 'Put the fire out'", f"operator goal end {scene.goal}",
        "operator values values.md", "operator policy --hop-limit 8", f"approve {asked.id}", "stop --kind deploy",
        "operator list", "operator revoke planner", "operator rotate", "resume --all",
    ]  # fmt: skip

    answers = {order: Shell()(*shlex.split(order)) for order in orders}

    assert {order: str(each) for order, each in answers.items() if each.code} == {}
    assert scene.scout.stops() == ()


# -- one kind of work ----------------------------------------------------------------------------------------------

OF_THE_KIND = {
    "send": lambda s: s.scout.send("planner", "x", kind="deploy"),
    "send_many": lambda s: s.scout.send_many([Draft("planner", "x"), Draft("planner", "x", kind="deploy")]),
    "reply": lambda s: s.scout.reply(s.handled, "x", kind="deploy"),
    "reply from a handler": lambda s: s.held.reply("x", kind="deploy"),
    "post": lambda s: s.scout.post("arc:wiki", "x", kind="deploy"),
    "ask": lambda s: s.scout.ask_approval("deploy", detail="version 4"),
    "use": lambda s: s.approval.use(),
    "submit": lambda s: s.scout.submit("deploy"),
    "submit_many": lambda s: s.scout.submit_many([JobDraft("echo"), JobDraft("deploy")]),
}


@pytest.fixture(scope="module")
def without_deploy(tmp_path_factory):
    """A furnished scene on which work of the kind `deploy` is stopped."""
    scene = Scene(tmp_path_factory.mktemp("kind")).furnish()
    scene.stop(DEPLOY)
    return scene


@pytest.mark.parametrize("name", OF_THE_KIND)
def test_work_of_a_stopped_kind_is_refused(without_deploy, name):
    """A stop of one kind of work refuses whatever asks for it, and changes not one byte of the bus."""
    before = tree_of(without_deploy.bus)

    with pytest.raises(StoppedError, match="work of kind deploy"):
        OF_THE_KIND[name](without_deploy)

    assert tree_of(without_deploy.bus) == before


@pytest.mark.parametrize(
    ("kind", "way"),
    [
        ("insight", "Agent.share"),
        ("echo", "Agent.echo"),
        ("pair", "Agent.pair"),
        ("scratchpad", "Scratchpad.write"),
    ],
)
def test_what_is_of_one_kind_can_be_stopped_as_that_kind(tmp_path, kind, way):
    """A stop of the kind `insight` keeps agents from sharing; in the same way echoes, pairs and scratchpads can be stopped alone."""
    scene = Scene(tmp_path).open_arc()
    scene.stop(Scope(Range.KIND, kind))
    before = tree_of(scene.bus)

    with pytest.raises(StoppedError, match=f"work of kind {kind}"):
        CALLS[way](scene)

    assert tree_of(scene.bus) == before


def test_mail_of_a_stopped_kind_waits_and_other_mail_is_served(tmp_path):
    """A stop of one kind of work leaves such mail waiting, counted and in its order; all else is handled, and after the resume it is served as well."""
    scene, handled = Scene(tmp_path), []
    ids = {kind: scene.planner.send("scout", kind, kind=kind).id for kind in ("deploy", "note", "question")}
    scene.stop(DEPLOY)
    scene.scout.on("*")(lambda message: handled.append(message.kind))

    assert scene.scout.inbox.take(ids["deploy"]) is None
    assert scene.scout.inbox.take(ids["note"]).message.kind == "note"
    assert scene.scout.beat().outcome == "ok"
    assert scene.scout.inbox.claim() is None
    assert (handled, scene.scout.unread) == (["question"], 1)

    oversight.resume(scene.anna, DEPLOY, "")
    assert scene.scout.beat().handled == 1
    assert handled == ["question", "deploy"]


def test_mail_of_a_stopped_kind_that_is_put_in_the_place_of_other_mail_waits(tmp_path, monkeypatch):
    """Whoever swaps two files between the look at a message and its claim gets no work of a stopped kind done: what was claimed is judged as well."""
    scene = Scene(tmp_path)
    ids = {kind: scene.planner.send("scout", kind, kind=kind).id for kind in ("deploy", "note")}
    box = scene.bus / "messages" / "scout" / "inbox"
    deploy, note = (next(box.glob(f"*{ids[kind]}*")) for kind in ("deploy", "note"))
    genuine = deploy.read_bytes()
    deploy.write_bytes(note.read_bytes().replace(ids["note"].encode(), ids["deploy"].encode()))
    scene.stop(DEPLOY)
    claim = Box.claim

    def swapped(self, state, name, slot, lease_for):
        if slot.id == ids["deploy"]:
            deploy.write_bytes(genuine)
        return claim(self, state, name, slot, lease_for)

    monkeypatch.setattr(Box, "claim", swapped)

    assert [delivery.message.kind for delivery in scene.scout.inbox.drain()] == ["note"]
    assert [letter.opened.message.kind for letter in scene.scout.inbox.peek() if letter.opened] == ["deploy"]


def test_a_stop_that_comes_while_the_inbox_is_listed_is_seen(plain, monkeypatch):
    """A stop set after a drain began, and before its first message, stops that message, for however long the listing took."""
    plain.planner.send("scout", "x")
    listed = Box.list
    monkeypatch.setattr(Box, "list", lambda box, state: ((plain.bus / "STOP").touch(), listed(box, state))[1])

    with pytest.raises(StoppedError):
        plain.scout.inbox.claim()


@pytest.mark.parametrize("limit", [0, -1, None])
def test_a_drain_of_nothing_says_that_it_is_stopped(plain, limit):
    """Whether or not anything waits or is asked for, a drain under a stop says so."""
    (plain.bus / "STOP").touch()

    with pytest.raises(StoppedError):
        next(plain.scout.inbox.drain(limit=limit), None)


def test_a_stop_after_the_last_message_ends_a_drain_as_ever(plain):
    """Once everything was handled there is nothing left to stop: the loop ends, and the next act is refused."""
    plain.planner.send("scout", "x")
    for delivery in plain.scout.inbox.drain():
        delivery.ack()
        (plain.bus / "STOP").touch()

    with pytest.raises(StoppedError):
        plain.scout.inbox.claim()


# -- what stops, and what does not ---------------------------------------------------------------------------------


def can(agent, **fields):
    """Whether an agent may act."""
    try:
        agent.send("planner", "x", **fields)
    except StoppedError:
        return False
    return True


@pytest.fixture
def plain(tmp_path):
    """Two agents on a folder that no human owns."""
    create_bus(tmp_path / "bus")
    planner, scout = (
        Agent(name, tmp_path / "bus", home=tmp_path / "home", durability="none") for name in ("planner", "scout")
    )
    return SimpleNamespace(bus=tmp_path / "bus", planner=planner, scout=scout)


@pytest.mark.parametrize("name", ["STOP", "STOP.txt", "stop", "Stop.TXT", "STOP (1)"])
@pytest.mark.parametrize("written", ["empty", "words", "folder"])
def test_a_file_named_stop_made_by_hand_stops(plain, name, written):
    """In an emergency anybody stops the bus by a file or folder named STOP, whatever it holds and however the system spells it; taking it away lifts it."""
    if written == "folder":
        (plain.bus / name).mkdir()
    else:
        (plain.bus / name).write_text("" if written == "empty" else "fire in the archive!\n")

    assert not can(plain.scout)

    (plain.bus / name).rmdir() if written == "folder" else (plain.bus / name).unlink()
    assert can(plain.scout)


@pytest.mark.parametrize("name", ["STOP.agent.scout", "STOP.agent.scout.txt", "stop.Agent.SCOUT"])
def test_a_file_made_by_hand_stops_one_agent(plain, name):
    """STOP.agent.scout stops scout and nobody else, also with the ending that Windows hides."""
    (plain.bus / name).touch()

    assert not can(plain.scout)
    assert can(plain.planner)


@pytest.mark.parametrize("name", ["STOP.kind.deploy", "STOP.kind.deploy.txt"])
def test_a_file_made_by_hand_stops_one_kind_of_work(plain, name):
    """STOP.kind.deploy stops that work for all: it is not sent and not served, and all else goes on."""
    plain.planner.send("scout", "x", kind="deploy")
    (plain.bus / name).touch()

    assert not can(plain.scout, kind="deploy")
    assert can(plain.scout)
    assert plain.scout.inbox.claim() is None
    assert plain.scout.unread == 1


@pytest.mark.parametrize("name", ["STOPWATCH.md", "stopped", "NONSTOP", "STOP.agent.scouts", "xSTOP"])
def test_a_file_of_another_name_does_not_stop(plain, name):
    """A file whose name merely begins or ends like STOP stops nobody."""
    (plain.bus / name).touch()

    assert can(plain.scout)


def test_a_stop_in_the_middle_of_a_handler_puts_the_message_back(plain):
    """A handler that is stopped as it answers loses nothing and fails nothing: the message waits, and is handled in full after the resume."""
    plain.planner.send("scout", "?", kind="question")

    @plain.scout.on("question")
    def answer(message):
        if len(seen) == 0:
            (plain.bus / "STOP").touch()
        seen.append(message.id)
        return "yes"

    seen = []
    stopped = plain.scout.beat()
    waiting = (plain.scout.unread, plain.planner.unread)
    (plain.bus / "STOP").unlink()
    resumed = plain.scout.beat()

    assert (stopped.outcome, waiting) == ("stopped", (1, 0))
    assert (resumed.handled, len(seen), plain.planner.unread) == (1, 2, 1)


# -- a signed stop -------------------------------------------------------------------------------------------------


def refusals(scene, subject):
    """What the audit tells of refused attempts on a subject: who met it."""
    audit = Audit(scene.anna.store, scene.anna.bus.bus, "reader", None, scene.clock.now, None)
    entries = [each.entry for each in audit.check() if each.entry]
    return [each.by for each in entries if (each.act, each.subject) == ("refused", subject)]


def alerts(scene, component):
    """The alerts on a component that lie on the bus."""
    paths = sorted((scene.bus / "channels" / "alerts").rglob("*.json"))
    data = [json.loads(each.read_bytes())["data"] for each in paths]
    return [each["detail"] for each in data if each["component"] == component]


def test_a_signed_stop_outlives_its_file(tmp_path):
    """Taking the file of a signed stop away lifts nothing for whoever saw it, not even over a restart; each who met it tells the audit once, and one alert tells all. A signed resume lifts it."""
    scene = Scene(tmp_path)
    scene.stop(BUS)
    assert not can(scene.scout)
    (scene.bus / "STOP").unlink()

    for _ in range(2):
        assert not can(scene.scout)
        scene.scout = scene.agent("scout")
    (told,) = scene.scout.stops()
    assert told.signed
    assert told.removed
    assert refusals(scene, "STOP") == ["scout"]
    assert len(alerts(scene, "STOP")) == 1

    oversight.resume(scene.anna, None, "out")
    assert can(scene.scout)
    assert scene.scout.stops() == ()
    assert can(scene.agent("scout"))


def test_a_resume_reaches_an_agent_that_slept(tmp_path):
    """An agent that saw the stop and was off during the resume goes on when it is back, though the stop's file has long gone."""
    scene = Scene(tmp_path)
    scene.stop(BUS)
    assert not can(scene.scout)
    oversight.resume(scene.anna, BUS, "")

    assert can(scene.agent("scout"))
    assert refusals(scene, "STOP") == []


def test_an_old_resume_does_not_lift_a_new_stop(tmp_path):
    """A resume is for one stop: neither it nor a copy of it under the next stop's id lifts the next one."""
    scene = Scene(tmp_path)
    scene.stop(BUS)
    old = scene.scout.stops()[0].stop.id
    oversight.resume(scene.anna, BUS, "")
    assert can(scene.scout)
    scene.stop(BUS)
    new = scene.scout.stops()[0].stop.id

    (scene.bus / tree.resumed(new)).write_bytes((scene.bus / tree.resumed(old)).read_bytes())
    (scene.bus / "STOP").unlink()

    assert not can(scene.scout)


def test_a_resume_copied_to_another_stop_is_told(tmp_path):
    """Whoever copies a resume to lift another stop is told of in the audit, beside the stop that was taken away."""
    scene = Scene(tmp_path)
    scene.stop(BUS)
    old = scene.scout.stops()[0].stop.id
    oversight.resume(scene.anna, BUS, "")
    scene.stop(BUS)
    new = scene.scout.stops()[0].stop.id

    (scene.bus / tree.resumed(new)).write_bytes((scene.bus / tree.resumed(old)).read_bytes())
    (scene.bus / "STOP").unlink()
    scene.scout.stops()

    assert len(refusals(scene, "STOP")) == 2


def test_an_old_stop_put_back_holds_while_it_lies_there(tmp_path):
    """A lifted stop that somebody copies back stops, as any file of that name does, and no longer than it lies there."""
    scene = Scene(tmp_path)
    scene.stop(BUS)
    old = (scene.bus / "STOP").read_bytes()
    oversight.resume(scene.anna, BUS, "")

    (scene.bus / "STOP").write_bytes(old)
    assert not can(scene.scout)

    (scene.bus / "STOP").unlink()
    assert can(scene.scout)


def test_a_resume_of_one_scope_leaves_the_others(tmp_path):
    """Resuming the bus lifts the bus's stop alone; `--all` lifts what is left."""
    scene = Scene(tmp_path)
    scene.stop(BUS, SCOUT, DEPLOY)

    oversight.resume(scene.anna, BUS, "")
    assert (can(scene.scout), can(scene.planner), can(scene.planner, kind="deploy")) == (False, True, False)

    oversight.resume(scene.anna, None, "")
    assert (can(scene.scout), can(scene.planner, kind="deploy")) == (True, True)


def test_a_stop_by_hand_on_an_owned_bus_is_no_operators(tmp_path):
    """A file made by hand stops an owned bus, too, is shown as unsigned, and is lifted by taking it away or by the operator's resume."""
    scene = Scene(tmp_path)
    (scene.bus / "STOP").write_text("fire")

    assert not can(scene.scout)
    assert [(each.signed, each.by) for each in scene.scout.stops()] == [(False, "somebody")]

    oversight.resume(scene.anna, BUS, "")
    assert not (scene.bus / "STOP").exists()
    assert can(scene.scout)


def test_a_remembered_stop_holds_while_the_drive_is_away(tmp_path):
    """Without the drive nothing is spooled past a signed stop that was seen, and without a stop it is spooled."""
    scene = Scene(tmp_path)
    scene.stop(SCOUT)
    assert not can(scene.scout)
    scene.bus.rename(tmp_path / "away")

    assert not can(scene.scout, spool=True)
    assert scene.planner.send("scout", "x", spool=True).spooled
    with pytest.raises(StoreUnavailableError):
        scene.planner.stops()


@pytest.mark.slow  # looking for a bus that is gone takes its patience
def test_a_remembered_stop_outlives_a_restart_without_the_drive(tmp_path):
    """An agent that is started anew while the drive is away remembers the signed stop that it saw."""
    scene = Scene(tmp_path)
    scene.stop(SCOUT)
    assert not can(scene.scout)
    scene.bus.rename(tmp_path / "away")

    assert not can(scene.agent("scout"), spool=True)


def test_what_was_spooled_waits_for_the_resume(tmp_path):
    """What this machine kept while the drive was away is not delivered under a stop, and is delivered after it."""
    scene = Scene(tmp_path)
    scene.bus.rename(tmp_path / "away")
    assert scene.scout.send("planner", "x", spool=True).spooled
    (tmp_path / "away").rename(scene.bus)
    scene.stop(BUS)

    assert scene.scout.beat().spooled == 1
    assert scene.planner.unread == 0

    oversight.resume(scene.anna, BUS, "")
    assert scene.scout.beat().spooled == 0
    assert scene.planner.unread == 1


def test_a_stop_holds_under_every_policy_and_for_certified_agents(tmp_path):
    """An operator's certificate is no way around a stop."""
    scene = Scene(tmp_path)
    agents.certify(scene.anna, "scout")
    people.set_policy(scene.anna, trust="certified")
    scene.stop(BUS)

    assert not can(scene.scout)


def test_whoever_is_no_operator_can_sign_no_stop_that_outlives_its_file(tmp_path):
    """A stop sealed with an agent's key, or by an operator of another bus, stops while it lies there and is not remembered."""
    scene = Scene(tmp_path)
    other = Scene(tmp_path / "other")
    other.stop(BUS)
    (scene.bus / "STOP").write_bytes((other.bus / "STOP").read_bytes())
    assert not can(scene.scout)

    (scene.bus / "STOP").unlink()

    assert can(scene.scout)


# -- a real process ------------------------------------------------------------------------------------------------

HANDLER = """
import sys

def setup(agent):
    @agent.on("note")
    def work(message):
        print("working", message.body, flush=True)
        sys.stdin.readline()
"""


@pytest.fixture
def running(tmp_path):
    """A function that starts `somabus run` for scout, whose handler tells of each message and waits for a word."""
    started = []

    def start(scene, *order):
        (tmp_path / "handler.py").write_text(HANDLER)
        where = {"SOMABUS_HOME": str(scene.home), "SOMABUS_BUS": str(scene.bus), "SOMABUS_AGENT": "scout"}
        child = subprocess.Popen(
            process("run", "--json", "--script", str(tmp_path / "handler.py"), *order), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**environment(), **where},
        )  # fmt: skip
        started.append((child, watchdog := threading.Timer(DEADLINE_S, child.kill)))
        watchdog.start()
        return child

    yield start
    for child, watchdog in started:
        watchdog.cancel()
        child.kill()
        child.wait()
        child.stdin.close()
        child.stdout.close()


@pytest.mark.parametrize("how", ["signed", pytest.param("by hand", marks=pytest.mark.slow)])
def test_a_running_agent_stops_within_its_next_message(tmp_path, running, how):
    """`somabus run` with a hundred messages to handle stops at the message in hand, tells that it is stopped, and after the resume handles the rest, each once."""
    scene = Scene(tmp_path, every="1s", clock=None)
    scene.planner.send_many([Draft("scout", f"{n:03}") for n in range(100)])
    child = running(scene)
    for n in range(3):
        assert child.stdout.readline() == f"working {n:03}\n"
        if n < 2:
            print(file=child.stdin, flush=True)

    if how == "signed":
        oversight.stop(scene.anna, BUS, "")
    else:
        (scene.bus / "STOP").touch()
    child.stdin.close()  # from now on the handler waits for nobody
    after = child.stdout.readline()
    extra = after.startswith("working")
    report = json.loads(child.stdout.readline() if extra else after)
    left = scene.scout.unread
    if how == "signed":
        oversight.resume(scene.anna, BUS, "")
    else:
        (scene.bus / "STOP").unlink()
    rest = heard(child, 97 - extra)

    assert (report["outcome"], report["handled"], left) == ("stopped", 3 + extra, 97 - extra)
    assert rest == [f"working {n:03}\n" for n in range(3 + extra, 100)]


def heard(child, count):
    """The next lines of a process that tell of its work."""
    lines = []
    while len(lines) < count and (line := child.stdout.readline()):
        lines += [line] if line.startswith("working") else []
    return lines


def test_a_run_that_begins_under_a_stop_stays(tmp_path, running):
    """`somabus run` started under a stop, as a service manager does after a reboot, stays and says so, goes on after the resume, and ends with exit 0 when told."""
    scene = Scene(tmp_path, every="1s", clock=None)
    scene.planner.send("scout", "work")
    oversight.stop(scene.anna, BUS, "")
    child = running(scene)

    first = json.loads(child.stdout.readline())
    oversight.resume(scene.anna, BUS, "")
    child.stdin.close()
    said = heard(child, 1)
    child.send_signal(signal.SIGTERM)

    assert (first["outcome"], first["handled"], first["unread"]) == ("stopped", 0, 1)
    assert said == ["working work\n"]
    assert child.wait(DEADLINE_S) == 0
