"""P14 at random: thousands of broken files, and every good message among them is handled exactly once.

The seeds are fixed, so a run can be repeated; SOMABUS_FUZZ_SEED=<number> throws other files. The seed stands in the
test's name and in what it says when it fails.
"""

import contextlib
import json
import os
import random
import shutil
import stat
from datetime import timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from somabus import Insight
from somabus.errors import InvalidKeyError, MessageError, TrustError
from somabus.model.approval import Answer, Request
from somabus.model.audit import AuditEntry
from somabus.model.bus import Bus
from somabus.model.card import Card
from somabus.model.certificate import Certificate, Rotation
from somabus.model.creed import Creed
from somabus.model.cursor import Cursors, Position, advance
from somabus.model.deadletter import DeadLetter
from somabus.model.envelope import Seal, split
from somabus.model.goal import Goal, Work
from somabus.model.heartbeat import Heartbeat
from somabus.model.leases import LeaseRecord
from somabus.model.message import Message
from somabus.model.names import is_name
from somabus.model.presence import judge_presence
from somabus.model.revocation import Revocations
from somabus.model.slot import Slot, State
from somabus.model.stop import Stop, scope_of
from somabus.model.wire import parse_object
from somabus.store.port import check_key, is_part
from somabus.testing import HandClock
from tests.hostile.scene import snapshot, within_the_tree

FIRST_SEED = int(os.environ.get("SOMABUS_FUZZ_SEED", "20260105"))
SEEDS = [FIRST_SEED + n for n in range(12)]
QUICK = 3  # of the seeds; all of them in the slow run
BATCHES, THROWS = 4, 60
ODD = [
    None, True, False, -1, 0, 1, 2**31, 2**63, 2**64, 1e308, -1e308, 5e-324, 1.5, "", "x", "\x00", "\u00e9" * 9, "1",
    "../x", [], {}, [[]], {"a": {"b": []}}, ["scout"], "scout", "0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-10:00", "2026-01-05T12:00:00", "2026-01-05T12:00:00Z", "01a1f9de-1d99-72bc-bdf7-9a7b3e80730a",
    "x" * 5000, {"at": 7, "hole": None}, {"number": 1},
]  # fmt: skip


class Thrower:
    """Puts broken files into a bus, by one seed."""

    def __init__(self, scene, seed):
        self.scene = scene
        self.dice = random.Random(seed)
        self.thrown = 0
        self.genuine = set()  # ids of what scout signed as it stands: the only strangers that may be handled
        self.templates = self._templates()

    def throw(self):
        """Throw one file, somewhere."""
        places = [self.mail] * 6 + [self.registry] * 3 + [self.log] * 3 + [self.lease, self.why, self.stray]
        # A name that this disk cannot hold, or that is taken already, is no throw.
        with contextlib.suppress(OSError, UnicodeEncodeError):
            self.dice.choice(places)()
            self.thrown += 1

    # -- places -----------------------------------------------------------------------------------------------

    def mail(self):
        """Into a folder of planner's mail."""
        state = self.dice.choice(["inbox", "inbox", "inbox", "later", "claimed", "dead", "done/2026-01-05"])
        folder = self.scene.folder("messages", "planner", *state.split("/"))
        message_id = self.scene.new_id()
        path = folder / (self.name() if self.dice.random() < 0.3 else self.slot(state, message_id))
        kind = self.dice.random()
        if kind < 0.08:
            path.mkdir()
        elif kind < 0.14:
            path.symlink_to(self.dice.choice([self.scene.path / "outside", self.scene.path / "nowhere"]))
        elif kind < 0.16:
            os.mkfifo(path)
        elif kind < 0.18:
            os.mknod(path, stat.S_IFSOCK | 0o600)
        elif kind < 0.25:
            self.genuine.add(message_id)
            put(path, self.scene.signed(message_id))
        else:
            put(path, self.content(message_id, "message"))

    def registry(self):
        """Onto a card, a heartbeat or cursors, of one who is there or of a newcomer."""
        agent = self.dice.choice(["scout", "mallory", "planner", "newcomer", f"a{self.dice.randrange(9)}"])
        name = self.dice.choice(["card", "heartbeat", "cursors"])
        path = self.scene.folder("registry", agent) / f"{name}.json"
        if self.dice.random() < 0.1:
            path.unlink(missing_ok=True)
            path.mkdir()
        elif path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
            put(path, self.content(agent, name))

    def log(self):
        """Into a log, under a number that may be the next one or any."""
        log = self.dice.choice(["messages/scout/outbox", "messages/mallory/outbox", "channels/alerts"])
        number = self.dice.choice([1, 2, 3, 4, 5, self.dice.randrange(1, 20_000)])
        segment = self.scene.folder(*log.split("/"), f"{number // 1000:07d}")
        path = segment / (f"{number:010d}.json" if self.dice.random() < 0.9 else self.name())
        if self.dice.random() < 0.1:
            path.mkdir()
        else:
            put(path, self.content(self.scene.new_id(), "insight"))

    def lease(self):
        """Where the routine takes its turn, or another lease lies."""
        folder = self.scene.folder("leases", self.dice.choice(["beat.planner", "deploy"]))
        number = self.dice.choice([1, 2, 3, self.dice.randrange(1, 10**6)])
        put(folder / f"{number:09d}.json", self.content("deploy", "lease"))

    def why(self):
        """Beside a dead letter."""
        dead = self.scene.folder("messages", "planner", "dead")
        name = self.dice.choice([*os.listdir(dead), "x"])
        path = dead / f"{name.removesuffix('.why.json')}.why.json"
        put(path, self.content(self.scene.new_id(), "why"))

    def stray(self):
        """A sound file of one folder, copied into another."""
        sound = self.dice.choice(sorted(self.templates))
        folder = self.dice.choice(
            ["registry/scout", "registry", "messages/planner/inbox", "messages/planner/later",
             "messages/planner/claimed", "messages/planner/dead", "messages/scout/outbox/0000000",
             "channels/alerts/0000000", "leases/deploy", "", "tmp"]
        )  # fmt: skip
        path = self.scene.folder(*folder.split("/")) / self.name()
        put(path, self.templates[sound])

    # -- what is thrown ---------------------------------------------------------------------------------------

    def content(self, who, kind):
        """Return bytes: at random, torn, flipped, or an object with the right members of wrong types."""
        good = self.templates[kind]
        match self.dice.randrange(5):
            case 0:
                return self.dice.randbytes(self.dice.randrange(400))
            case 1:
                return good[: self.dice.randrange(len(good))]
            case 2:
                return flipped(good, self.dice.randrange(len(good) * 8))
            case _:
                return self.object(who, kind, good)

    def object(self, who, kind, good):
        """Return an object with the right names and wrong values, under a sound seal where the kind has one."""
        value = parse_object(split(good).body)
        for member in self.dice.sample(sorted(value), self.dice.randint(1, 4)):
            value[member] = self.dice.choice(ODD)
        if self.dice.random() < 0.1:
            value.pop(self.dice.choice(sorted(value)))
        for member in ("id", "name", "agent"):
            if member in value and isinstance(value[member], str) and self.dice.random() < 0.8:
                value[member] = who
        seals = {"message": Seal.MESSAGE, "insight": Seal.MESSAGE, "card": Seal.CARD, "heartbeat": Seal.HEARTBEAT}
        body = json.dumps(value).encode()
        if kind in seals and self.dice.random() < 0.9:
            by = who if who in self.scene.world.signers else "scout"
            seal = self.dice.choice([seals[kind]] * 9 + list(Seal))
            if seal is seals[kind] and value.get("sender") == by:
                self.genuine.add(str(value.get("id")))
            return self.scene.seal(body, by=by, seal=seal)
        return body

    def slot(self, state, message_id):
        """Return a name as the folder has it, with odd numbers in it."""
        digit, generation = self.dice.randrange(10), self.dice.choice([0, 0, 0, 1, 7, 998, 999, 1000, 999_999_999])
        until = self.dice.choice([0, 1, 1_767_614_400_000, 999_999_999_999_999])
        match state:
            case "inbox":
                return f"{digit}-{message_id}.{generation}.json"
            case "later":
                return f"{digit}-{message_id}.{generation}.{until}.json"
            case "done/2026-01-05":
                return f"{message_id}{self.dice.choice(['', '.expired', '.duplicate', '.odd'])}.json"
        return f"{digit}-{message_id}.{generation}.{until}.0123456789ab.json"

    def name(self):
        """Return any name that a disk can hold, and some that it cannot."""
        length = self.dice.choice([1, 5, 20, 100, 200, 201, 255])
        match self.dice.randrange(5):
            case 0:
                return "".join(chr(self.dice.randrange(32, 127)) for _ in range(length)).replace("/", "_")
            case 1:
                return os.fsdecode(bytes(self.dice.randrange(1, 256) for _ in range(length)).replace(b"/", b"_"))
            case 2:
                return self.dice.choice(
                    ["con.json", "Thumbs.db", ".hidden", "x.", "a:b", "x\ny", "hello.txt", "1.json"]
                )
            case 3:
                return (
                    f"5-{self.scene.new_id()}.0{self.dice.choice([' (1).json', '.json.bak', ' - Copy.json', '.JSON'])}"
                )
        # Not higher: what a far number costs is asked in test_bad_records, where it cannot eat up the machine.
        return f"{self.dice.randrange(20_000):010d}.json"

    def _templates(self):
        scene = self.scene
        scene.scout.share(Insight(topic="t", statement="sound", confidence=1))
        scene.planner.beat()
        scene.scout.beat()
        with scene.scout.lease("template"):
            pass
        scene.plant("5-torn.json", b"")
        scene.drain()
        root = scene.root
        found = {
            "card": root / "registry/scout/card.json",
            "heartbeat": root / "registry/scout/heartbeat.json",
            "cursors": root / "registry/planner/cursors.json",
            "insight": root / "messages/scout/outbox/0000000/0000000001.json",
            "lease": root / "leases/template/000000001.json",
            "why": next((root / "messages/planner/dead").glob("*.why.json")),
        }
        return {"message": scene.signed(scene.new_id()), **{kind: path.read_bytes() for kind, path in found.items()}}


def put(path, raw):
    """Write a new file; what stands there already, a link above all, is left alone."""
    with path.open("xb") as file:
        file.write(raw)


def flipped(raw, bit):
    """Return bytes with one bit turned over."""
    copy = bytearray(raw)
    copy[bit // 8] ^= 1 << bit % 8
    return bytes(copy)


def look_and_drain(scene, where):
    """Do all that an agent does, and let nothing but errors of the tree out of it, and none at all out of a beat."""
    planner = scene.planner
    planner.beat()
    for look in (planner.inbox.peek, planner.inbox.dead, planner.peers, planner.counts, lambda: planner.unread):
        with within_the_tree(where=where):
            look()
    scene.handled += scene.drain()


def prepare(scene):
    """Let planner know scout's key, and write down what its beats handle."""
    scene.handled = []
    scene.planner.on("*")(lambda message: scene.handled.append(message.id))
    scene.good()
    scene.drain()
    (scene.path / "outside").write_bytes(b"not the bus's business")
    return scene.outside()


@pytest.mark.skipif(os.name == "nt", reason="throws things that Windows cannot hold")
@pytest.mark.parametrize(
    "seed", [*SEEDS[:QUICK], *(pytest.param(each, marks=pytest.mark.slow) for each in SEEDS[QUICK:])]
)
def test_thousands_of_broken_files_cost_no_good_message(seed, scene, thrown):
    """Whatever lies on the bus, beats and looks do not fail, and each good message is handled once."""
    outside = prepare(scene)
    thrower, neighbours = Thrower(scene, seed), []

    for batch in range(BATCHES):
        neighbours.append(scene.good())
        for _ in range(THROWS):
            thrower.throw()
        neighbours.append(scene.good())
        look_and_drain(scene, f"seed {seed}, batch {batch}")
    look_and_drain(scene.later(hours=2), f"seed {seed}, two hours later")

    thrown["random places"] = thrown.get("random places", 0) + thrower.thrown
    counted = [scene.handled.count(each) for each in neighbours]
    assert counted == [1] * len(neighbours), f"seed {seed}"
    assert set(scene.handled) <= set(neighbours) | thrower.genuine, f"seed {seed}: something broken was handled"
    assert [name for name in os.listdir(scene.box()) if is_part(name)] == [], f"seed {seed}"
    assert scene.outside() == outside, f"seed {seed}"


def throw_at_inbox(scene, thrown, files, place):
    """Throw mail, drain in one go, and check that exactly the good message behind it was handled."""
    outside = prepare(scene)
    for raw in files:
        scene.plant(f"5-{scene.new_id()}.0.json", raw)
    good = scene.good()

    while scene.planner.unread:
        look_and_drain(scene, place)

    thrown[place] = thrown.get(place, 0) + len(files)
    counts = scene.planner.counts()  # delayed is what names another sender, whose card may come yet
    assert (scene.handled, counts.dead + counts.delayed, scene.outside() == outside) == ([good], len(files), True)


def test_a_message_torn_at_every_length_is_set_aside(scene, thrown):
    """P2: however much of a message is there, short of all of it, it is a dead letter and nothing else."""
    whole = scene.signed(scene.new_id())

    throw_at_inbox(scene, thrown, [whole[:length] for length in range(len(whole))], "truncations of mail")


@pytest.mark.parametrize("count", [200, pytest.param(900, marks=pytest.mark.slow)])
def test_a_message_with_one_bit_flipped_is_never_handled(count, scene, thrown):
    """P7: one bit turned over, anywhere, and the message is not acted on."""
    whole = scene.signed(scene.new_id())
    bits = random.Random(FIRST_SEED).sample(range(len(whole) * 8), count)

    throw_at_inbox(scene, thrown, [flipped(whole, bit) for bit in bits], "bit flips of mail")


@pytest.mark.parametrize("stride", [8, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", ["card", "heartbeat", "cursors"])
def test_a_record_torn_at_every_length_breaks_nobody(kind, stride, scene, thrown):
    """However much of a record is there, peers look and beats run; a torn card or heartbeat is never believed."""
    scene.scout.share(Insight(topic="t", statement="s", confidence=1))
    scene.planner.beat()
    scene.scout.beat()
    path = scene.root / "registry" / ("planner" if kind == "cursors" else "scout") / f"{kind}.json"
    whole, believed = path.read_bytes(), 0

    lengths = range(0, len(whole), stride)
    for length in lengths:
        path.write_bytes(whole[:length])
        scene.planner.beat() if length % 16 == 0 else scene.planner.peers()
        peer = next(peer for peer in scene.planner.peers() if peer.name == "scout")
        believed += kind != "cursors" and not peer.fault

    thrown["truncations of records"] = thrown.get("truncations of records", 0) + len(lengths)
    assert believed == 0


@pytest.mark.parametrize("stride", [43, pytest.param(5, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", ["card", "heartbeat"])
def test_a_record_with_one_bit_flipped_is_never_believed(kind, stride, scene, thrown):
    """P7: one bit turned over in a card or a heartbeat, and it is shown as a fault."""
    scene.planner.peers()
    scene.scout.beat()
    path = scene.root / "registry" / "scout" / f"{kind}.json"
    whole, believed = path.read_bytes(), []

    bits = range(0, len(whole) * 8, stride)
    for bit in bits:
        path.write_bytes(flipped(whole, bit))
        peer = next(peer for peer in scene.planner.peers() if peer.name == "scout")
        believed += [bit] if not peer.fault else []

    thrown["bit flips of records"] = thrown.get("bit flips of records", 0) + len(bits)
    assert believed == []


# -- the readers by themselves ----------------------------------------------------------------------------------

quick = settings(deadline=None, max_examples=80, database=None)
NOW = HandClock().now()
AT = "2026-01-05T12:00:00Z"
BUS = "01a1f9de-1d99-72bc-bdf7-9a7b3e80730a"
SOUND = {
    Message: {
        "format": 1, "bus": BUS, "id": BUS, "kind": "note", "sender": "scout", "to": ["planner"], "channel": None,
        "created_at": "2026-01-05T12:00:00Z", "expires_at": None, "priority": "normal", "subject": "", "body": "",
        "data": {}, "topic": None, "refs": {}, "thread": BUS, "hops": 0, "origin": BUS, "key": None,
    },
    Card: {
        "format": 1, "bus": BUS, "name": "scout", "public_key": "A" * 43, "display_name": "",
        "joined_at": "2026-01-05T12:00:00Z", "cadence": "6h", "every_s": 21600, "skills": [],
    },
    Heartbeat: {
        "format": 1, "bus": BUS, "agent": "scout", "written_at": "2026-01-05T12:00:00Z", "every_s": 21600,
        "beat": {"number": 1, "due_at": "2026-01-05T12:00:00Z", "started_at": "2026-01-05T12:00:00Z"},
        "next_due_at": "2026-01-05T18:00:00Z", "unread": 0, "dead": 0, "load": 0.5, "checks": {}, "stopped": False,
    },
    LeaseRecord: {
        "format": 1, "name": "deploy", "generation": 1, "agent": "scout", "holder": "x",
        "taken_at": "2026-01-05T12:00:00Z", "ends_at": "2026-01-05T12:10:00Z", "released": False,
    },
    Cursors: {"format": 1, "agent": "scout", "logs": {"channels/alerts": {"at": 3, "hole": None}}, "alerted": {}},
    Bus: {"format": 1, "bus": BUS, "name": "", "created_at": "2026-01-05T12:00:00Z", "policy": {}, "operators": []},
    DeadLetter: {
        "format": 1, "file": "x", "reason": "forged", "detail": "", "at": "2026-01-05T12:00:00Z", "by": "scout",
        "attempt": 1, "id": BUS, "sender": "scout", "subject": "", "found_as": "",
    },
    Certificate: {
        "format": 1, "bus": BUS, "agent": "scout", "public_key": "A" * 43, "serial": BUS, "issued_at": AT,
        "not_after": AT, "operator": "anna", "roles": [], "skills": [], "previous": {"rotation": "{}", "until": AT},
    },
    Rotation: {
        "format": 1, "bus": BUS, "agent": "scout", "old_key": "A" * 43, "new_key": "B" * 42 + "A", "asked_at": AT,
    },
    Revocations: {
        "format": 1, "bus": BUS, "number": 1, "issued_at": AT, "operator": "anna",
        "revoked": [{"agent": "scout", "public_key": "A" * 43, "at": AT, "why": ""}],
    },
    Stop: {"format": 1, "bus": BUS, "id": BUS, "range": "agent", "name": "scout", "why": "", "at": AT, "by": "anna"},
    Goal: {
        "format": 1, "bus": BUS, "id": BUS, "version": 1, "state": "active", "title": "x", "body": "",
        "created_at": AT, "changed_at": AT, "operator": "anna", "proposed_by": None,
    },
    Work: {
        "format": 1, "bus": BUS, "goal": BUS, "agent": "scout", "doing": "x", "progress": 0.5, "done": False,
        "since": AT, "updated_at": AT,
    },
    Request: {
        "format": 1, "bus": BUS, "id": BUS, "agent": "scout", "action": "deploy", "category": "general",
        "detail": "x", "data": {}, "to": "scout", "asked_at": AT, "expires_at": AT,
    },
    Answer: {
        "format": 1, "bus": BUS, "id": BUS, "request": "0" * 64, "granted": True, "why": "", "at": AT,
        "operator": "anna",
    },
    AuditEntry: {
        "format": 1, "bus": BUS, "number": 1, "previous": "0" * 64, "at": AT, "by": "anna", "key": "A" * 43,
        "act": "stop", "subject": "", "detail": "", "evidence": "",
    },
}  # fmt: skip
edges = st.sampled_from(["0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59-10:00", "9999-12-31T23:59:59.999999Z"])
times = edges | st.builds(
    "{:04d}-{:02d}-{:02d}T{:02d}:{:02d}:{:02d}{}".format,
    st.sampled_from([0, 1, 1969, 2026, 9999]), st.sampled_from([0, 1, 12, 13]),
    st.sampled_from([1, 29, 31]),
    st.integers(0, 24), st.integers(0, 60), st.integers(0, 60),
    st.sampled_from(["Z", "+23:59", "-23:59", "", "+24:00"]),
)  # fmt: skip
values = st.recursive(
    st.sampled_from(ODD) | times | st.text(max_size=20) | st.integers() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def objects(draw, kind):
    """Generate an object of the format with one to three members replaced or taken away."""
    value = dict(SOUND[kind])
    for member in draw(st.lists(st.sampled_from(sorted(value)), min_size=1, max_size=3)):
        if draw(st.integers(0, 9)):
            value[member] = draw(times if member.endswith("at") and draw(st.booleans()) else values)
        else:
            value.pop(member, None)
    return value


def test_the_sound_objects_are_sound():
    """The fuzz begins with objects that every reader takes; otherwise it would test the first refusal only."""
    read = [kind.from_object(value) for kind, value in SOUND.items()]

    assert [type(each) for each in read] == list(SOUND)


def read_or_refused(kind, data):
    """Let a reader have an object; what it takes can be written again."""
    value = data.draw(objects(kind))

    with within_the_tree(MessageError):
        kind.from_object(parse_object(json.dumps(value).encode())).to_json()


@pytest.mark.parametrize("kind", list(SOUND), ids=lambda kind: kind.__name__)
@settings(quick, max_examples=20)
@given(data=st.data())
def test_an_object_is_read_or_refused_by_an_error_of_the_message(kind, data):
    """P14: any object with the right names is a value or a MessageError; a value can be written again."""
    read_or_refused(kind, data)


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(SOUND), ids=lambda kind: kind.__name__)
@settings(quick, max_examples=400)
@given(data=st.data())
def test_many_an_object_is_read_or_refused(kind, data):
    """P14: the same with many more objects."""
    read_or_refused(kind, data)


@quick
@given(st.binary(max_size=300) | st.text(max_size=100).map(str.encode) | values.map(lambda v: repr(v).encode()))
def test_any_bytes_are_read_or_refused(raw):
    """P14: any bytes go through opening, parsing and decoding with nothing but MessageErrors."""
    envelope = split(raw)

    for read in (parse_object, Message.decode):
        with contextlib.suppress(MessageError):
            read(envelope.body)


@quick
@given(
    st.binary(max_size=200)
    | st.binary(max_size=80).map(lambda raw: raw + b'\n<!-- somabus {"format":1,"version":1} -->\n')
    | values.map(lambda value: b"x\n<!-- somabus " + json.dumps({"format": 1, "at": value}).encode() + b" -->")
)
def test_any_values_are_read_or_refused(raw):
    """P14: any bytes under values.md are the values or an error of the tree."""
    with contextlib.suppress(MessageError, TrustError):
        Creed.opened(raw)


@quick
@given(st.text(max_size=40) | st.from_regex(r"(?i)stop[ ._-]?[a-z0-9. ]{0,12}", fullmatch=True))
def test_any_name_is_a_stop_or_none(name):
    """P12: a name at the root is a stop with a scope that can be shown and asked, or none."""
    scope = scope_of(name)

    assert scope is None or (str(scope), scope.covers("scout", "note")) != ("", None)
    assert (scope is None) != name.lower().startswith(("stop", "stop.")) or name[4:5].isalnum()


@quick
@given(objects(Message), st.integers(0, 10**6), st.binary(min_size=1, max_size=3))
def test_a_spoiled_message_is_read_or_refused(value, at, noise):
    """P14: a message with a few bytes overwritten anywhere is a message or a MessageError."""
    raw = json.dumps(value).encode()
    at %= len(raw)

    with contextlib.suppress(MessageError):
        Message.decode(split(raw[:at] + noise + raw[at + len(noise) :]).body)


@quick
@given(
    st.text(max_size=60)
    | st.from_regex(r"[0-9]-[0-9a-f-]{36}(\.[0-9]{1,16}){1,3}(\.[0-9a-f]{12})?\.json", fullmatch=True)
)
def test_any_name_is_a_slot_or_none(name):
    """A file's name is a slot that spells the same name again, or None."""
    slot = Slot.parse(name)

    assert slot is None or slot.name == name


@quick
@example(5, 999_997_999, 0, "claimed")
@example(5, 999_997_999, 0, "reborn")
@given(
    st.integers(0, 9),
    st.integers(0, 999_997_999),  # more stands in no inbox
    st.integers(0, 999_999_999_999_999),
    st.sampled_from(["claimed", "reborn"]),
)
def test_what_a_slot_becomes_can_be_read_again(digit, generation, until, step):
    """P3: the name that a message gets by a claim or a replay is a name that every reader knows."""
    slot = Slot(digit, BUS, generation)

    after = slot.claimed("0123456789ab", until) if step == "claimed" else slot.reborn()

    found = Slot.parse(after.name)
    assert found is not None
    assert found.fits(State.CLAIMED if step == "claimed" else State.INBOX)


@pytest.mark.parametrize("generation", [998, 999, 1000, 999_999_998, 999_999_999])
def test_every_claim_is_an_attempt_above_zero(generation):
    """P4: attempts are counted from 1, whatever generation stands in a name."""
    assert Slot(5, BUS, generation).claimed("0123456789ab", 1).attempt >= 1


parts = st.text(alphabet=st.characters(codec="utf-8"), max_size=30) | st.text("./\\:con1aA \n\x00~", max_size=12)


@quick
@given(parts)
def test_a_key_never_leaves_the_tree(key):
    """No text that passes as a key can name a path outside its folder, and none is refused by another error."""
    try:
        check_key(key)
    except InvalidKeyError:
        return
    root = "/somewhere/bus"

    assert os.path.normpath(f"{root}/{key}") == f"{root}/{key}"
    assert all(char.isprintable() and ord(char) < 128 for char in key)


@quick
@example("desktop.ini")
@example("com1.json")
@given(parts | st.from_regex(r"[0-9][0-9a-z.-]{0,8}\.json", fullmatch=True))
def test_what_may_be_listed_may_be_asked_for(name):
    """A name that a listing shows is a part that a key may have, and an agent's name is one that a listing shows."""
    if is_part(name):
        assert check_key(f"a/{name}") == f"a/{name}"
    if is_name(name):
        assert is_part(name)


@quick
@given(st.floats(min_value=0, exclude_min=True, allow_nan=False, allow_infinity=False), st.datetimes(), st.booleans())
def test_every_declared_cadence_gets_a_verdict(every_s, seen, stopped):
    """P10: any cadence that a card may declare, and any time of a beat, gets one of the five verdicts."""
    last_seen = seen.replace(tzinfo=NOW.tzinfo)

    judge_presence(last_seen=last_seen, every_s=every_s, stopped=stopped, now=NOW, staleness=timedelta(seconds=10))


@quick
@given(st.integers(0, 50), st.lists(st.integers(1, 90), unique=True, max_size=30))
def test_a_reader_meets_each_number_once_in_order(at, numbers):
    """A reader is given or told of every number past its position, each once, however the listing grows."""
    present, position, met = sorted(n for n in numbers if n > at), Position(at=at), []

    for hour in range(70):
        now = NOW + timedelta(hours=hour)
        step = advance(position, [n for n in present if n > position.at], now)
        met += [*step.lost, *step.numbers]
        position = step.position

    assert sorted(met) == list(range(at + 1, max(present, default=at) + 1))
    assert [n for n in met if n in present] == present


def test_the_thrower_can_fail(scene):
    """A message that is handled twice, or broken and handled, would be seen: the fuzz tells the difference."""
    before = snapshot(scene.path)

    scene.plant("5-x.json", b"")

    assert snapshot(scene.path) != before
