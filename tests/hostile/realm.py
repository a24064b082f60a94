"""The scene with an operator: certificates, goals, values, approvals, stops and an audit, and the means to spoil them."""

import json
import os
import shutil
import time
from contextlib import contextmanager

from somabus.model.envelope import split
from somabus.model.signing import Signer
from somabus.model.stop import Range, Scope
from somabus.model.wire import dump
from somabus.operator import agents, direction, oversight, people
from somabus.operator.seat import take_seat
from somabus.store.memory import MemoryStore
from somabus.testing import HandClock
from tests.hostile.scene import Scene, within_the_tree

CREED = "# Be kind"
GOAL = "Index the archive"
BOUND_S = 5.0


class Realm(Scene):
    """A scene whose bus has the operator anna, who has done everything once; `planner` knows it all, too."""

    def __init__(self, tmp_path):
        super().__init__(tmp_path)
        self.anna = Signer(os.urandom(32))
        self.seat = self.sit()
        people.found(self.seat)
        for name in ("scout", "planner"):
            agents.certify(self.seat, name)
        self.new = self.scout.rotate()
        self.goal = direction.new_goal(self.seat, GOAL, "")
        self.proposal = self.scout.propose_goal("More tea")
        self.scout.work_on(self.goal.id, "the SMB part")
        direction.set_values(self.seat, CREED)
        self.granted, self.asked, self.used = (self.scout.ask_approval("deploy", detail=d) for d in ("a", "b", "c"))
        for each in (self.granted, self.used):
            oversight.answer(self.seat, each.id, "", granted=True)
        self.used.use()
        self.lifted = oversight.stop(self.seat, Scope(Range.BUS), "a try").stop
        oversight.resume(self.seat, None, "it was one")
        oversight.stop(self.seat, Scope(Range.KIND, "deploy"), "not today")
        self.seat.audit.append("refused", "inbox", "a letter", evidence=b"dear scout")
        self.planner.use_builtin_handlers()
        self.look()
        self.believed = self.facts(self.planner)

    def sit(self, home=None):
        """Take the operator's seat as a new process does."""
        return take_seat(
            store=self.store, home=home or MemoryStore(self.clock.now), bus=self.world.bus, name="anna",
            signer=self.anna, entropy=os.urandom, now=self.clock.now, monotonic=HandClock().monotonic, tells=False,
        )  # fmt: skip

    def newcomer(self):
        """Return an agent who sees this bus for the first time."""
        return self.world.agent("newcomer", home=MemoryStore(self.clock.now))

    # -- looking ----------------------------------------------------------------------------------------------

    def look(self, where=""):
        """Do all that agents and the operator do, and let nothing but errors of the tree out, in bounded time."""
        begun = time.monotonic()
        self.clock.advance(seconds=31)  # what was looked at is looked at again
        self.planner.beat()
        self.agent_looks(self.planner, where)
        with within_the_tree(where=f"{where}: newcomer"):
            newcomer = self.newcomer()
            newcomer.beat()
            self.agent_looks(newcomer, where)
        self.operator_looks(where)
        took = time.monotonic() - begun
        assert took < BOUND_S, f"{where}: {took:.1f} s"

    def agent_looks(self, agent, where):
        """Everything by which an agent reads what the humans rule."""
        for act in (agent.goals, agent.values, agent.stops, agent.peers, lambda: agent.send("scout", "hello"),
                    lambda: agent.workers(self.goal.id), *(lambda a=a: agent.approval(a.id) for a in self.approvals),
                    lambda: list(agent._services.approvals.all()), lambda: list(agent._services.audit.check()),
                    lambda: agent.ask_approval("deploy", detail="x")):  # fmt: skip
            with within_the_tree(where=where):
                act()

    def operator_looks(self, where):
        """Everything that an operator's looking commands read."""
        with within_the_tree(where=f"{where}: operator"):
            seat = self.sit()
            for act in (lambda: oversight.stops_of(seat), lambda: list(oversight.approvals_of(seat).all()),
                        lambda: list(seat.audit.check()), seat.must_own):  # fmt: skip
                with within_the_tree(where=where):
                    act()

    @property
    def approvals(self):
        """The three approvals: granted, not answered, used."""
        return (self.granted, self.asked, self.used)

    def facts(self, agent):
        """Return what an agent believes: nothing that a spoiled file may add to."""
        found = {}
        with within_the_tree():
            reading = agent.goals()
            found["goals"] = [(goal.title, str(goal.state)) for goal in (*reading.active, *reading.ended)]
            found["proposals"] = [each.title for each in reading.proposed]
        with within_the_tree():
            found["values"] = [agent.values()]
        with within_the_tree():
            found["workers"] = [(work.agent, work.doing) for work in agent.workers(self.goal.id)]
        for approval, asks in ((self.granted, agent), (self.asked, agent), (self.used, self.scout)):
            with within_the_tree():  # that a use was taken away, its user alone can know
                state = str(asks.approval(approval.id).state)
                found[approval.id] = [state] if state == "granted" else []
        found["policy"] = [agent.bus.policy.model_dump_json()]
        found["operators"] = [each.short for each in agent.bus.operators]
        found["certified"] = [peer.name for peer in agent.peers() if str(peer.trust) == "certified"]
        return found

    def added(self, agent):
        """Return what an agent believes beyond what it believed of the sound bus."""
        return {
            what: extra
            for what, now in self.facts(agent).items()
            if (extra := [each for each in now if each not in self.believed.get(what, []) and each != ""])
        }

    # -- spoiling ---------------------------------------------------------------------------------------------

    @contextmanager
    def spoiled(self, path, how):
        """Spoil one file, and bring it back afterwards."""
        raw = path.read_bytes()
        path.unlink()
        how(path, raw)
        try:
            yield
        finally:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
            path.write_bytes(raw)


def bytewise(change):
    """Spoil the bytes."""
    return lambda path, raw: path.write_bytes(change(raw))


def folder(path, _raw):
    """Put a folder with a file in it in the place of a file."""
    path.mkdir()
    (path / "inside.json").write_bytes(b"{}")


def entry_folder(path, raw):
    """Put what an entry looks like on a drive without hard links, torn."""
    path.mkdir()
    (path / "entry.json").write_bytes(raw[: len(raw) // 2])


def link(path, _raw):
    """Put a link that leads out of the tree."""
    path.symlink_to("/etc/hostname")


def loop(path, _raw):
    """Put a link that leads to itself."""
    path.symlink_to(path.name)


def gone(_path, _raw):
    """Leave nothing."""


def renamed(path, raw):
    """Put it beside its place, under a name that is none."""
    path.with_name(f"{path.name} (1)").write_bytes(raw)


def member(name, value):
    """Change one member to another type, the signature left as it is."""

    def change(raw):
        try:
            return dump({**json.loads(split(raw).body), name: value})
        except ValueError:
            return b"{}"

    return bytewise(change)


SPOILS = {
    "empty": bytewise(lambda _: b""),
    "half": bytewise(lambda raw: raw[: len(raw) // 2]),
    "last byte gone": bytewise(lambda raw: raw.rstrip()[:-1]),
    "bit at the start": bytewise(lambda raw: bytes([raw[0] ^ 1]) + raw[1:]),
    "bit in the middle": bytewise(lambda raw: raw[: len(raw) // 2] + bytes([raw[len(raw) // 2] ^ 4]) + raw[len(raw) // 2 + 1 :]),
    "bit in the signature": bytewise(lambda raw: raw[:-9] + bytes([raw[-9] ^ 2]) + raw[-8:]),
    "noise": bytewise(lambda raw: bytes(n * 37 % 256 for n in range(len(raw)))),
    "twice a member": bytewise(lambda raw: raw.replace(b'{"format":1', b'{"format":1,"format":1', 1)),
    "NaN": bytewise(lambda raw: raw.replace(b'"format":1', b'"format":NaN', 1)),
    "deep": bytewise(lambda raw: raw.replace(b'{"format":1', b'{"x":' + b"[" * 9000 + b"]" * 9000 + b',"format":1', 1)),
    "deeper": bytewise(lambda _: b'{"x":' * 100_000),
    "huge": bytewise(lambda raw: raw + b" " * 1_100_000),
    "large": bytewise(lambda raw: raw[:-1] + b" " * 900_000 + raw[-1:]),
    "not UTF-8": bytewise(lambda raw: raw.replace(b'"format"', b'"f\xff\xfermat"', 1)),
    "surrogates": bytewise(lambda raw: raw.replace(b'"bus":"', b'"bus":"\\ud800', 1)),
    "a list": bytewise(lambda _: b"[1,2]"),
    "format 2": bytewise(lambda raw: raw.replace(b'"format":1', b'"format":2', 1)),
    "a number for the bus": member("bus", 1e308),
    "a huge number": member("version", 10**18),
    "a huge count": member("number", 10**18),
    "null for a time": member("at", None),
    "a time at the edge": member("not_after", "9999-12-31T23:59:59-10:00"),
    "folder": folder, "torn entry": entry_folder, "link": link, "loop": loop, "gone": gone, "renamed": renamed,
}  # fmt: skip

PLACES = (
    "somabus.json", "values.md", "STOP.kind.deploy", "operator/revocations.json", "operator/history/bus/*/*1.json",
    "operator/history/revocations/*/*1.json", "operator/resumed/*.json", "registry/scout/certificate.json",
    "registry/planner/certificate.json", "registry/scout/rotation.json", "goals/*.json", "goals/*-*/scout.json",
    "goals/proposed/*.json", "request", "granted", "use", "audit/*/*2.json", "audit/evidence/*",
)  # fmt: skip
