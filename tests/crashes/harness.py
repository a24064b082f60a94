"""The crash harness: play a scene, kill the process at step 1, 2, 3 … until it runs through, recover, compare.

A scene works on a `Stage`: agents on a bus whose every operation (or every step on the disk) may be the last. What
the scene was promised before the crash it writes into the stage's `Ledger`; after recovery the ledger is checked.
"""

from collections import defaultdict
from dataclasses import dataclass, field

from somabus import Agent, RetryPolicy
from somabus.model import tree
from somabus.model.cursor import Cursors
from somabus.model.deadletter import DeadLetter
from somabus.model.envelope import split
from somabus.model.leases import LeaseRecord
from somabus.model.message import Message
from somabus.model.slot import Event, State
from somabus.model.wire import parse_object
from somabus.store.directory import DirectoryStore
from somabus.store.memory import MemoryStore
from somabus.testing import Crash, Fuse, HandClock, StoppingFiles, StoppingStore, World

RETRY = RetryPolicy(max_attempts=4)


@dataclass
class Ledger:
    """What was promised and what was done."""

    accepted: set[str] = field(default_factory=set)  # ids whose send returned
    withdrawn: set[str] = field(default_factory=set)
    rejected: set[str] = field(default_factory=set)
    acked: set[str] = field(default_factory=set)
    claims: list[tuple[str, int]] = field(default_factory=list)  # (id, generation), in the order of claiming
    attempts: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    keyed: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    shared: set[str] = field(default_factory=set)  # statements

    def claimed(self, delivery):
        """Write down that a holder was given a message."""
        self.claims.append((delivery.message.id, delivery.generation))
        self.attempts[delivery.message.id].append(delivery.attempt)
        if delivery.message.key:
            self.keyed[delivery.message.key].add(delivery.message.id)


class WritingStore(StoppingStore):
    """Another store, until the fuse burns; looking is no step, for it changes nothing."""

    def read(self, key, *, listed=False):
        """See `Store.read`."""
        return self._store.read(key, listed=listed)

    def list(self, prefix, after="", limit=None):
        """See `Store.list`."""
        return self._store.list(prefix, after, limit)


class Stage:
    """One bus for one run of a scene: `scout` and `planner` in a process that dies, and again after it."""

    stopping = StoppingStore  # what its homes are

    def __init__(self, ground, fuse):
        self.fuse = fuse
        self.clock = HandClock()
        plain, self.mortal = ground(fuse, self.clock)
        self.world = World(plain, self.clock)
        self.ledger = Ledger()
        self.world.agent("scout")
        self.world.agent("planner")  # both have joined; the scene begins afterwards

    def agent(self, name, *, mortal=True) -> Agent:
        """Return the agent: in the process that may die, or in the one that comes after it."""
        if not mortal:
            return self.world.agent(name, retry=RETRY, machine="next", every="2h")
        home = self.stopping(self.world.homes[name], self.fuse)
        return self.world.agent(name, store=self.mortal, home=home, retry=RETRY, every="2h")


class WritingStage(Stage):
    """The same, in a process that dies at nothing but what writes."""

    stopping = WritingStore


def in_memory(fuse, clock):
    """Return a bus in memory, and the same for a process that dies at an operation."""
    plain = MemoryStore(clock.now)
    return plain, StoppingStore(plain, fuse)


def written_in_memory(fuse, clock):
    """Return the same for a process that dies at an operation that writes."""
    plain = MemoryStore(clock.now)
    return plain, WritingStore(plain, fuse)


def on_disk(tmp_path_factory):
    """Return a ground on which a process dies at a single step on the disk."""

    def ground(fuse, clock):
        root = str(tmp_path_factory.mktemp("bus"))
        common = {"durability": "none", "now": clock.now}
        mortal = DirectoryStore(root, writer="m", files=StoppingFiles(fuse), **common)
        return DirectoryStore(root, writer="p", **common), mortal

    return ground


def every_point(ground, scene, *, begin=None, recovery=None, verdict=None):
    """Play the scene once for each step it has, killing it there; check each aftermath; return the number of points.

    `begin`, `recovery` and `verdict` are others than `Stage`, `recover` and `check`, for what is no mail.
    """
    at = 0
    while True:
        at += 1
        stage = (begin or Stage)(ground, Fuse())
        stage.fuse.at = stage.fuse.steps + at
        try:
            scene(stage)
        except Crash:
            died = True
        else:
            died = False
        (recovery or recover)(stage)
        (verdict or check)(stage, f"{scene.__name__} stopped at step {at}")
        if not died:
            return at - 1


def recover(stage):
    """What happens anyway after a crash: leases end, the next beats run, the mail is drained by new processes."""
    stage.fuse.at = 0
    for _ in range(8):
        stage.clock.advance(hours=2)
        for name in ("scout", "planner"):
            agent = stage.agent(name, mortal=False)
            for delivery in agent.inbox.drain():
                stage.ledger.claimed(delivery)
                with delivery:
                    stage.ledger.acked.add(delivery.message.id)
            agent.beat()


def check(stage, where):
    """P1 to P4, by what lies on the bus."""
    ledger, store = stage.ledger, stage.world.store
    ends = {name: _ends(store, name) for name in ("scout", "planner")}
    done = set().union(*(found["done"] for found in ends.values()))
    dead = set().union(*(found["dead"] for found in ends.values()))
    withdrawn = set().union(*(found["withdrawn"] for found in ends.values()))

    lost = ledger.accepted - done - dead - withdrawn
    assert not lost, f"P1, {where}: {len(lost)} acknowledged messages are nowhere"
    assert ledger.rejected <= dead, f"P1, {where}: a rejected message is not in the dead letters"
    assert ledger.withdrawn <= withdrawn, f"P1, {where}: a withdrawn message left no evidence"
    assert not (ledger.withdrawn & ledger.acked), f"P9, {where}: a withdrawn message was handled"
    assert all(found["reasons"] == found["dead"] for found in ends.values()), f"P1, {where}: dead without a reason"

    torn = [key for key in walk(store, "") if not whole(key, store.read(key))]
    assert not torn, f"P2, {where}: not whole: {torn}"

    assert len(set(ledger.claims)) == len(ledger.claims), f"P3, {where}: two holders of one generation"

    for message_id, attempts in ledger.attempts.items():
        assert attempts == sorted(attempts), f"P4, {where}: attempts of {message_id} went back: {attempts}"
        assert len(attempts) == len(set(attempts)), f"P4, {where}: an attempt was not counted: {attempts}"
    for key, ids in ledger.keyed.items():
        assert len(ids) == 1, f"P4, {where}: the key {key} was delivered as {ids}"

    heard = {entry["statement"] for entry in _insights(store)}
    assert ledger.shared <= heard, f"P1, {where}: an insight that was noted is nowhere"
    assert len(list(_insights(store))) == len(heard), f"P4, {where}: an insight was posted twice"


def _ends(store, name):
    found = {"done": set(), "dead": set(), "withdrawn": set(), "reasons": set()}
    for day in store.list(tree.box(name, State.DONE)):
        for file in store.list(f"{tree.box(name, State.DONE)}/{day}"):
            kind = "withdrawn" if file.endswith(".withdrawn.json") else "done"
            found[kind].add(file[:36])
    for file in store.list(tree.box(name, State.DEAD)):
        raw = store.read(f"{tree.box(name, State.DEAD)}/{file}")
        if file.endswith(".why.json"):
            letter = DeadLetter.from_object(parse_object(raw))
            if store.read(f"{tree.box(name, State.DEAD)}/{letter.file}") is not None:
                found["reasons"].add(letter.id)
        else:
            found["dead"].add(file[2:38])
    for state in (State.INBOX, State.LATER, State.CLAIMED):
        left = store.list(tree.box(name, state))
        assert not left, f"{name} still has {left} in {state} after recovery"
    assert store.read(tree.done(name, store.now().date(), "01a1f9de-1d99-72bc-bdf7-9a7b3e80730a", Event.ACK)) is None
    return found


def _insights(store):
    for name in ("scout", "planner"):
        for segment in store.list(tree.outbox(name)):
            for file in store.list(f"{tree.outbox(name)}/{segment}"):
                message = Message.decode(split(store.read(f"{tree.outbox(name)}/{segment}/{file}")).body)
                if message.kind == "insight":
                    yield message.data


def walk(store, prefix):
    """Yield the keys of all documents below a folder, `tmp` apart."""
    for name in store.list(prefix):
        key = f"{prefix}/{name}" if prefix else name
        if key == "tmp":
            continue
        if name.endswith(".json"):
            yield key
        else:
            yield from walk(store, key)


def whole(key, raw):
    """Tell whether a document can be read as what its key says."""
    try:
        value = parse_object(split(raw).body)
        if key.startswith("leases/"):
            LeaseRecord.from_object(value)
        elif key.endswith("cursors.json"):
            Cursors.from_object(value)
        return value.get("format") == 1
    except Exception:  # noqa: BLE001 - whatever is wrong with it, it is not whole
        return False
