"""A bus on a NATS server at the terminal: every command works there as it does on a folder, or says what to do instead."""

import os
import shlex
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from somabus import Agent, Draft, create_bus
from somabus.copying import digest, documents
from somabus.model.bus import BUS_FILE
from somabus.site import new_ground, open_site, scratch
from somabus.store.directory import DirectoryStore
from somabus.verify import judge_store
from tests.natsserver import NatsServer, programs
from tests.surfaces.conftest import machine, on_a_bus
from tests.surfaces.shell import Shell, at_once, environment, fresh, process
from tests.surfaces.test_every_command import ALL, begun  # noqa: F401 - the fixture

pytestmark = pytest.mark.skipif(not programs(), reason="no nats-server here")
SECRET = "s3cr3t"  # noqa: S105 - the tests look for it
SOON = ("send", "inbox", "status", "beat", "init", "copy", "verify", "stop")
"""The others are in the slow run."""
ELSEWHERE = {
    "init": "init {server}/made --name n",
    "verify": "verify {bus}",
    "bench": "bench {bus} --messages 20 --rounds 1",
    "copy": "copy {bus} elsewhere",
    "mirror": "mirror {bus} elsewhere --once",
}
"""The orders that name a place, for a bus on a server."""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One server for the tests of this file; each has a bus of its own."""
    running = NatsServer(tmp_path_factory.mktemp("nats"))
    yield running
    running.stop()


@pytest.fixture
def address(server):
    """The address of a stream that nothing is in yet."""
    with scratch(f"{server.url}/any", "test") as (bus, _store):
        yield bus


@pytest.fixture
def team(address, home, monkeypatch):
    """A shell for `scout` on a bus on the server that `planner` has joined, too."""
    shell = Shell()
    assert shell("init", address, "--name", "research").code == 0
    monkeypatch.setenv("SOMABUS_BUS", address)
    monkeypatch.setenv("SOMABUS_AGENT", "scout")
    shell("join", "planner")
    shell("join", "scout")
    return shell


def store_of(address, folder):
    """The store at an address."""
    return open_site(address, folder, "test").store


@pytest.mark.parametrize("name", [each if each in SOON else pytest.param(each, marks=pytest.mark.slow) for each in ALL])
def test_every_command_works_as_on_a_folder(begun, address, tmp_path, monkeypatch, name):  # noqa: F811 - the fixture
    """On a server each command of the table answers with the facts, the unread count and the exit code that it has on a folder."""
    folder, ids = begun
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    here, there = DirectoryStore(str(tmp_path / "work" / "bus"), writer="t"), store_of(address, tmp_path / "no")
    there.create_many([*documents(here), (BUS_FILE, here.read(BUS_FILE))])
    shutil.rmtree(tmp_path / "work" / "bus")
    for key, value in {"HOME": tmp_path / "home", "BUS": address, "AGENT": "scout"}.items():
        monkeypatch.setenv(f"SOMABUS_{key}", str(value))
    monkeypatch.chdir(tmp_path / "work")
    use, shell = ALL[name], Shell()
    order = ELSEWHERE.get(name, use.order).format(**ids, bus=address, server=address.rpartition("/")[0])

    if use.first:
        shell(*shlex.split(use.first.format(**ids)))
    answer = shell(*shlex.split(order), "--json")

    assert answer.code == use.code, answer
    assert set(use.facts) <= set(answer.json)
    assert answer.json.get("unread") == use.unread
    assert not (tmp_path / "work" / "nats:").exists()


@pytest.mark.slow
def test_a_place_without_a_bus_is_told(team, server):
    """A stream that is not there, a server that is away and an address that is none are three answers, each with the next step."""
    for order in ("status", "doctor", "verify"):
        none, wrong = team(order, "--bus", f"{server.url}/nope"), team(order, "--bus", server.url)

        assert (none.code, "make one with: somabus init" in none.err) == (2, True), none
        assert (wrong.code, "HOST:4222/NAME" in wrong.err) == (2, True), wrong
    away = team("verify", "--bus", "nats://127.0.0.1:1/soma")
    assert (away.code, "could not look" in away.err) == (4, True), away


def test_the_doctor_says_what_the_server_is(team):
    """On a server the doctor tells version, speed, storage and clock instead of trying a drive, says what it cannot know, and reads the bus as ever."""
    team.send("x")
    team("stop", "--why", "fire")
    answer = team("doctor", "--json")

    found = {each["name"]: each for each in answer.json["findings"]}
    assert answer.code == 6, answer  # the stop
    assert {"server", "stream", "durability", "clock", "stop"} <= set(found)
    assert "nats-server 2." in found["server"]["cause"]
    assert "file storage, 1 replica" in found["stream"]["cause"]
    assert found["durability"]["step"].startswith("sync_interval: always")
    assert not {"mount", "replace", "lock"} & set(found)


def test_the_doctor_leaves_nothing_behind_and_examines_no_drive(team, address, tmp_path):
    """What the doctor writes to measure is gone; `--with` and `--answer`, which are for drives, are refused as wrong usage."""
    before = digest(store_of(address, tmp_path))
    assert team("doctor").code == 0

    assert digest(store_of(address, tmp_path)) == before
    assert store_of(address, tmp_path).list("tmp") == []
    for order in ("doctor --with planner", "doctor --answer"):
        answer = team(*order.split())
        assert (answer.code, "two machines see one server alike" in answer.err) == (2, True), answer


def test_verify_finds_what_is_wrong_on_a_server(team, address, tmp_path):
    """A document that somebody spoilt on the server is told by verify and by the doctor with its key."""
    team.send("x")
    store = store_of(address, tmp_path)
    (name,) = store.list("messages/planner/inbox")
    store.replace(f"messages/planner/inbox/{name}", b"{}")

    told = team("verify", "--json")

    assert told.code == 6
    assert [fault["path"] for fault in told.json["faults"]] == [f"messages/planner/inbox/{name}"]
    assert team("doctor").code == 6


def test_a_slip_in_an_address_is_told_as_it_is(team):
    """`bench`, `demo` and `init` say what is wrong with what was typed, with no name that nobody typed, and make no folder of an address."""
    for order in (("bench", "nats://h:abc/x"), ("demo", "--bus", "nats://h:abc/x"), ("init", "nats://h:abc/x")):
        told = team(*order)
        assert (told.code, "a port is no number from 1 to 65535" in told.err) == (2, True), told
    told = team("init", " nats://127.0.0.1:1/soma")
    assert (told.code, "there is a blank in it" in told.err) == (2, True), told


@pytest.mark.slow
def test_the_bench_leaves_nothing_on_the_server(team, address, tmp_path):
    """`bench` measures in a stream of its own, which is gone afterwards, whether one is named or not; the bus is untouched."""
    store = store_of(address, tmp_path)
    streams, before = _names(store), digest(store)

    for bus in (address, address.rpartition("/")[0]):
        assert team("bench", bus, "--messages", "20", "--rounds", "1").code == 0

    assert (_names(store), digest(store)) == (streams, before)


def _names(store):
    return store.stream.ask("STREAM.NAMES", {}, "")["streams"]


@pytest.mark.slow
def test_no_secret_is_shown_or_written_down(tmp_path_factory, home, monkeypatch):
    """A password in the address is in no answer, no error and no document, and a schedule or a hook that would hold it is refused with the way out."""
    guarded = NatsServer(tmp_path_factory.mktemp("guarded"), f"authorization {{ user: u, password: {SECRET} }}")
    try:
        shell, bus = Shell(), f"nats://u:{SECRET}@127.0.0.1:{guarded.port}/soma"
        monkeypatch.setenv("SOMABUS_BUS", bus)
        monkeypatch.setenv("SOMABUS_AGENT", "scout")
        orders = [
            "init", "init", "join scout", "join planner", "send planner hi", "inbox", "status", "doctor", "verify", "beat",
            "copy {bus} copied", "mirror {bus} mirrored --once", "bench --messages 20 --rounds 1", "schedule show",
            "stop", "copy {bus} copied", "schedule install --every 6h --print --with cron", "hooks show claude-code",
        ]  # fmt: skip
        answers = {order: shell(*shlex.split(order.format(bus=bus)), "--json") for order in orders}
        wrong = bus.replace(SECRET, f"{SECRET}x")
        answers |= {each: shell("status", "--bus", each) for each in (wrong, f"{bus}/", bus.replace("u:", "u:x,"))}

        assert [order for order, each in answers.items() if SECRET in str(each)] == []
        for order in orders[-2:]:
            assert (answers[order].code, "SOMABUS_NATS_CREDS" in answers[order].err) == (2, True), answers[order]
        monkeypatch.setenv("SOMABUS_NATS_USER", "u")
        monkeypatch.setenv("SOMABUS_NATS_PASSWORD", SECRET)
        monkeypatch.setenv("SOMABUS_BUS", bus.replace(f"u:{SECRET}@", ""))
        assert "--bus nats://127.0.0.1" in shell(*shlex.split(orders[-2])).out
        assert [
            path for path in home.parent.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()
        ] == []
    finally:
        guarded.stop()


@pytest.mark.slow
def test_the_doctor_of_one_user_leaves_the_agents_of_another_alone(tmp_path_factory, home, monkeypatch):
    """Where the server lets this user write for one agent alone, the doctor finds no fault in the other one whose key lies here, too."""
    deny = 'publish: { deny: "guarded.k.registry.planner.>" }'
    guarded = NatsServer(
        tmp_path_factory.mktemp("guarded"),
        f"authorization {{ users = [ {{ user: all, password: x }}, {{ user: u, password: x, permissions: {{ {deny} }} }} ] }}",
    )
    try:
        shell = Shell()
        monkeypatch.setenv("SOMABUS_BUS", f"nats://all:x@{guarded.address}/guarded")
        monkeypatch.setenv("SOMABUS_AGENT", "scout")
        for order in ("init", "join scout", "join planner --skill search --every 1h"):
            assert shell(*order.split()).code == 0
        monkeypatch.setenv("SOMABUS_BUS", f"nats://u:x@{guarded.address}/guarded")

        refused, told = shell("beat", "--agent", "planner"), shell("doctor", "--json")

        assert "refuses" in str(refused)
        assert (told.code, "refuses" in told.out) == (0, False), told
    finally:
        guarded.stop()


def test_who_may_not_come_in_is_told_how(tmp_path_factory, home, monkeypatch):
    """A wrong password is told as that, with whom we came as and where that was said."""
    guarded = NatsServer(tmp_path_factory.mktemp("door"), "authorization { user: u, password: x }")
    try:
        told = Shell()("init", f"nats://u:y@{guarded.address}/soma")
        assert told.code != 0
        for said in ("does not let us in", "we came as user u, from the address"):
            assert said in told.err
    finally:
        guarded.stop()


@pytest.mark.slow
def test_a_server_that_is_ended_is_away_and_nothing_hangs(tmp_path_factory, home, monkeypatch):
    """While the server is away each command ends with 4, and a send that may wait is kept on this machine; when it is back the mail goes on its way."""
    running = NatsServer(tmp_path_factory.mktemp("away"))
    try:
        shell = Shell()
        monkeypatch.setenv("SOMABUS_BUS", f"{running.url}/soma")
        monkeypatch.setenv("SOMABUS_AGENT", "scout")
        for order in ("init", "join planner", "join scout"):
            assert shell(*order.split()).code == 0
        running.kill()

        lookers = ["inbox", "read", "peers", "status", "doctor", "beat", "send planner no"]
        answers = at_once([*lookers, "send planner later --spool"])

        assert [each.code for each in answers.values()] == [*[4 for _ in lookers], 0], answers
        told = [str(answers[each]) for each in lookers]
        assert all(f"{running.url}/soma" in each and "no server answers there" in each for each in told), told
        assert "Traceback" not in "".join(map(str, answers.values()))
        running.start()
        assert shell("beat").code == 0
        assert shell("inbox", "--agent", "planner", "--json").json["unread"] == 1
    finally:
        running.stop()


@pytest.mark.slow
def test_a_mirror_goes_along_until_it_is_told_to_end(team, address, tmp_path):
    """`somabus mirror` that stays brings what is sent meanwhile, and ends with 0 when it is told to."""
    order = process("mirror", address, str(tmp_path / "look"), "--every", "1", "--json")
    mirror = subprocess.Popen(order, stdout=subprocess.PIPE, env=environment(), text=True)
    try:
        assert '"written"' in mirror.stdout.readline()
        team.send("for all to see")
        assert '"written"' in mirror.stdout.readline()
        assert len(list((tmp_path / "look" / "messages" / "planner" / "inbox").iterdir())) == 1
    finally:
        mirror.send_signal(signal.SIGTERM)
        mirror.stdout.close()
        assert mirror.wait(20) == 0


@pytest.mark.slow
def test_a_whole_bus_goes_to_a_server_and_back(tmp_path_factory, address, monkeypatch):
    """A folder of 10,000 messages in every state, with logs, cursors and leases, copied to a server and back is equal by digest and by verify, and the agents go on there with their keys."""
    with pytest.MonkeyPatch.context() as patch:
        machine(tmp_path_factory.mktemp("big"), patch)
        shell = on_a_bus(patch)
        home, bus = Path(os.environ["SOMABUS_HOME"]), shell.bus
        _fill(bus, home)
        here = DirectoryStore(str(bus), writer="t")
        assert shell("copy", str(bus), address).code == 6  # ahead, while it is at work
        shell("stop")

        there = shell("copy", str(bus), address, "--json")
        back = shell("copy", address, "back", "--json")

        assert (there.code, back.code) == (0, 0), (there, back)
        assert there.json["documents"] > 10_000
        assert there.json["digest"] == back.json["digest"] == digest(here)
        assert digest(store_of(address, home)) == digest(DirectoryStore("back", writer="t")) == digest(here)
        faults = [judge_store(each) for each in (here, store_of(address, home), DirectoryStore("back", writer="t"))]
        assert faults[0] == faults[1] == faults[2]
        assert [fault for fault in faults[0][0] if fault.weight == "error"] == []
        patch.setenv("SOMABUS_BUS", address)
        assert shell("resume").code == 0
        assert shell("beat", "--agent", "planner", "--json").json["outcome"] == "ok"
        assert shell("copy", str(bus), address).code == 2  # what happened there would be undone


def _fill(bus, home):
    scout, planner = (Agent(name, bus, home=home, durability="none") for name in ("scout", "planner"))
    for _ in range(20):
        scout.send_many([Draft("planner", "x" * 300)] * 500)
    for n in range(1200):
        scout.post("general", f"post {n}")
    planner.subscribe("general")
    planner.read()
    planner.lease("deploy")
    for count, delivery in enumerate(planner.inbox.drain()):
        if count == 1000:
            break
        (delivery.ack, delivery.nack, lambda delivery=delivery: delivery.reject("bad"), lambda: None)[count % 4]()


@pytest.mark.slow
def test_the_demo_plays_on_a_server(address, home):
    """`somabus demo --bus nats://…` plays its six scenes with five processes on a stream of its own, and takes it away."""
    answer = fresh("demo", "--bus", address, "--json")

    assert answer.code == 0, answer
    assert len(answer.json["scenes"]) == 6
    assert all(scene["ok"] for scene in answer.json["scenes"])
    assert list(documents(new_ground(address, "test"))) == []


def test_a_bus_is_made_only_where_nothing_foreign_lies(server, home):
    """`init` on a server refuses a bus that is there, and tells how to join it."""
    create_bus(f"{server.url}/twice", home=home)

    again = Shell()("init", f"{server.url}/twice")

    assert (again.code, "join it with" in again.err) == (2, True), again
