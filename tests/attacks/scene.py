"""A real bus on a real folder with its operator, honest agents and an attacker, and the means of the attacker.

`anna` owns the bus. `scout` and `planner` are honest; `mallory` has joined and is certified as they are, and means no
good. Each has a home of its own, as on four machines. The attacker writes files past every store, and signs with the
keys on mallory's machine.
"""

import contextlib
import hashlib
import os
import re
import shutil
from datetime import timedelta

from somabus import Agent
from somabus.approvals import Approval
from somabus.connection import connect, create_bus
from somabus.desk import Desk
from somabus.errors import NotApprovedError
from somabus.model import signing, tree
from somabus.model.bus import BusPolicy
from somabus.model.card import Card
from somabus.model.envelope import Seal, seal_body, split
from somabus.model.ids import IdMaker
from somabus.model.message import Message
from somabus.model.signing import Signer
from somabus.model.slot import WHY, Slot
from somabus.model.wire import parse_object
from somabus.operator import agents, oversight, people
from somabus.testing import HandClock

HONEST = ("scout", "planner")
DAY = timedelta(days=1)
_FOLDERS = ("bus", "homes")


def found_bus(root):
    """Make the bus that every attack is played on a copy of: owned, all three agents certified and known to each other."""
    clock = HandClock()
    create_bus(root / "bus", home=root / "homes" / "anna")
    desk = Desk(root / "bus", home=root / "homes" / "anna", clock=clock)
    desk.new_key("anna", None)
    seat = desk.sit(lambda: "")
    people.found(seat)
    all_three = [_agent(root, name, clock) for name in (*HONEST, "mallory")]
    for each in all_three:
        agents.certify(seat, each.name)
    for each in all_three:
        each.beat()
    return root


class Scene:
    """One copy of that bus, on which one attack is played."""

    def __init__(self, founded, path):
        for folder in _FOLDERS:
            shutil.copytree(founded / folder, path / folder)
        self.path, self.root = path, path / "bus"
        self.clock = HandClock()
        self.desk = Desk(self.root, home=path / "homes" / "anna", clock=self.clock)
        self.desk.store._patience_s = 0.01
        self.anna = self.desk.sit(lambda: "")
        self.id = self.anna.bus.bus
        self.handled = []
        self.done = []
        self.planted = []
        self.dead = []
        self.running = {name: self.started(name) for name in HONEST}
        self.mallory = _agent(path, "mallory", self.clock)
        self.key = self.key_of("mallory")
        self._ids = IdMaker(os.urandom)

    @classmethod
    def founded_again(cls, path):
        """Return another bus altogether, with agents of the same names."""
        found_bus(path / "founded")
        return cls(path / "founded", path)

    # -- the honest side --------------------------------------------------------------------------------------

    def started(self, name):
        """Return an honest agent in a new process; it handles whatever it is given, and writes down what that was."""
        agent = _agent(self.path, name, self.clock)

        @agent.on("*")
        def handle(message):
            self.handled.append((agent.name, message.kind, message.sender, message.body))

        return agent

    @property
    def scout(self):
        """An honest agent that has been running since before the attack."""
        return self.running["scout"]

    @property
    def planner(self):
        """Another one."""
        return self.running["planner"]

    def approved(self, agent, action, detail, **fields):
        """Have an agent ask for an approval and the operator grant it; return the approval."""
        asked = agent.ask_approval(action, detail=detail, **fields)
        oversight.answer(self.anna, asked.id, "fine", granted=True)
        self.clear(fields.get("to") or agent.name)
        self.clear(agent.name)
        return asked

    def policy(self, **rules):
        """Have the operator change the policy, and the honest agents see it."""
        people.set_policy(self.anna, **rules)
        for agent in self.running.values():
            agent.beat()

    def clear(self, name):
        """Take out of an inbox what the operator wrote: it is no part of the attack."""
        for path in self.folder("messages", name, "inbox").iterdir():
            path.unlink()

    def must(self, holds, harm):
        """Write down what an honest agent did and should not have done."""
        if not holds:
            self.done.append(harm)

    def uses(self, agent, approval_id):
        """Let an agent use an approval, as it does right before it acts; return why it may not."""
        try:
            Approval(agent._services.approvals, agent.approval(approval_id).request).use()
        except NotApprovedError as error:
            return str(error)
        self.done.append(f"{agent.name} used the approval and acted")
        return ""

    # -- the attacker: files ----------------------------------------------------------------------------------

    def folder(self, *parts):
        """Return a folder of the bus; it is made if it is missing."""
        path = self.root.joinpath(*parts)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def get(self, key):
        """Return the bytes of a file of the bus."""
        return (self.root / key).read_bytes()

    def put(self, key, raw):
        """Write a file of the bus, whatever was there; these are the bytes that must be kept as evidence."""
        self.folder(*key.split("/")[:-1])
        (self.root / key).write_bytes(raw)
        self.planted.append(raw)

    def take(self, key):
        """Take a file of the bus away."""
        (self.root / key).unlink()

    def edit(self, key, old, new):
        """Change text in a file of the bus, as with an editor."""
        raw = self.get(key)
        assert old in raw, "the attack changes nothing"
        self.put(key, raw.replace(old, new))

    def entries(self, log):
        """Return the files of a log, in order."""
        return sorted(self.folder(*log.split("/")).glob("[0-9]*/*.json"))

    def waiting(self, name):
        """Return the files that wait in an inbox."""
        return sorted(self.folder("messages", name, "inbox").iterdir())

    # -- the attacker: keys -----------------------------------------------------------------------------------

    def new_id(self):
        """Return an id."""
        return self._ids.make(self.clock.now())

    def key_of(self, name):
        """Return the key that lies on the machine of an agent."""
        text = (self.path / "homes" / name / "buses" / self.id / name / "key").read_text()
        return Signer(signing.from_text(text.strip()))

    def sealed(self, value, seal, key=None):
        """Sign a document of the attacker's making, with mallory's key if no other is given."""
        return seal_body(value.to_json(), seal, (key or self.key).sign)

    def joined(self, name):
        """Join one more agent of the attacker's, which nobody certified; return it."""
        return _agent(self.path, name, self.clock)

    def message(self, to, *, sender="mallory", key=None, signed=True, **members):
        """Put a message of the attacker's making into an inbox; return its id."""
        message_id = members.pop("id", None) or self.new_id()
        facts = {
            "bus": self.id, "id": message_id, "kind": "note", "sender": sender, "to": (to,), "body": "pay mallory",
            "created_at": self.clock.now(), "thread": message_id, "origin": message_id,
        }  # fmt: skip
        body = Message(**{**facts, **members}).encode()
        raw = seal_body(body, Seal.MESSAGE, (key or self.key).sign) if signed else body
        self.put(f"messages/{to}/inbox/{Slot(5, message_id).name}", raw)
        return message_id

    def send(self, agent, to, body="pay mallory", **fields):
        """Have an agent of the attacker's send a message as everybody does."""
        agent.send(to, body, **fields)
        self.planted += [path.read_bytes() for path in self.waiting(to)]

    def card(self, name, *, key, joined_at=None):
        """Return a card of the attacker's making."""
        made = Card(bus=self.id, name=name, public_key=signing.to_text(key.public_key),
                    joined_at=joined_at or self.clock.now(), cadence="6h", every_s=21600)  # fmt: skip
        return self.sealed(made, Seal.CARD, key)

    # -- what there is afterwards -----------------------------------------------------------------------------

    def mail(self, agent):
        """Let an agent beat; return the details of its dead letters, which are brought back for the next meeting."""
        report = agent.beat()
        letters = agent.inbox.dead()
        self.dead += [path.read_bytes() for path in self._dead_files(agent.name)]
        with contextlib.suppress(Exception):
            for letter in letters:
                agent.inbox.replay(letter.id)
        return " | ".join([*(f"{letter.reason}: {letter.detail}" for letter in letters), report.detail])

    def audit(self):
        """Return the audit as the operator sees it."""
        return list(self.desk.look("anna").audit.check())

    def alerts(self):
        """Return what every alert says."""
        found = [parse_object(split(path.read_bytes()).body) for path in self.entries(tree.ALERTS)]
        return [(each["data"]["component"], each["data"]["episode"], each["data"]["detail"]) for each in found]

    def kept(self):
        """Return what is kept as evidence beside the audit, and check that each lies under its digest."""
        found = {}
        for path in self.folder("audit", "evidence").iterdir():
            found[path.name] = path.read_bytes()
            assert hashlib.sha256(found[path.name]).hexdigest() == path.name
        return found

    def _dead_files(self, name):
        return [path for path in self.folder("messages", name, "dead").iterdir() if not path.name.endswith(WHY)]


def matches(pattern, text):
    """Tell whether a fact is named."""
    return re.search(pattern, text) is not None


def weakened(policy):
    """Return the policy as the attacker would like it."""
    return policy.model_copy(update={"trust": BusPolicy(trust="open").trust, "protected": ()})


def _agent(root, name, clock):
    connection = connect(root / "bus", name, home=root / "homes" / name, clock=clock, durability="none")
    # Short patience: what is looked for again for two seconds on a drive would only make these tests slow.
    connection.store._patience_s = 0.01
    return Agent(name, connection)
