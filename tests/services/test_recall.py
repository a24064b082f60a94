"""P7 and P10 at little cost: what was proven once is not proven again, and what was remembered speaks for no key."""

import os
import sys
import time
from datetime import timedelta

import pytest

from somabus import Agent, create_bus, recall
from somabus.errors import StoreFullError
from somabus.model import tree
from somabus.model.envelope import Seal
from somabus.model.presence import Presence
from somabus.model.trust import Trust
from somabus.operator import agents
from somabus.store.directory import stamp
from somabus.store.directory.files import Files
from somabus.store.directory.mount import Mount
from somabus.testing import World
from tests.services.court import Court

MANY = 9
MEMORY = "recall/0"
OWN = 1  # its own card it reads before it looks at everybody, and so without the memory
NAMES = [f"agent-{number}" for number in range(MANY)]


@pytest.fixture
def court():
    """A bus with the operator anna and many agents, each of which has beaten."""
    found = Court(*NAMES)
    for name in NAMES:
        found.world.agent(name).beat()
    return found


def review(court, name="agent-1", *, home=None):
    """Look at everybody, as a new process of that agent does; return what it found, by name."""
    court.clock.advance(minutes=1)
    return {peer.name: peer for peer in court.world.agent(name, home=home).peers()}


def test_the_next_process_proves_what_has_changed_and_nothing_else(court, checks):
    """Each beat of cron is a new process: it computes one signature for the one peer that has beaten since."""
    review(court)
    court.world.agent("agent-2").beat()
    checks.clear()
    found = review(court)

    assert (checks[Seal.CARD], checks[Seal.HEARTBEAT]) == (OWN, 1)
    assert all(peer.presence is Presence.ON_TIME for peer in found.values())


def test_who_meets_everybody_lists_everybody_once(court, monkeypatch):
    """What a newcomer pays grows with the number of agents, not with its square: nobody is compared with each other one."""
    listed, there = [], court.store.list

    def counted(prefix, *args, **kwargs):
        listed.append(prefix)
        return there(prefix, *args, **kwargs)

    newcomer = court.world.agent("newcomer")
    monkeypatch.setattr(court.store, "list", counted)
    assert len(newcomer.peers()) == MANY + 1

    assert 1 <= listed.count(tree.REGISTRY) <= 2


def test_a_review_that_finds_nothing_new_writes_nothing(court):
    """A beat with nothing to do costs the disk of this machine nothing for the sake of the peers."""
    review(court)
    before = court.world.homes["agent-1"].read(MEMORY)
    assert before

    court.world.homes["agent-1"].replace = court.world.homes["agent-1"].create_many = None  # whoever writes now fails
    review(court)


def test_a_heartbeat_that_was_changed_is_noticed_whatever_is_remembered(court):
    """One letter of a heartbeat that was found good before makes it nobody's."""
    review(court)
    raw = court.store.read(tree.heartbeat("agent-2"))
    court.store.replace(tree.heartbeat("agent-2"), raw.replace(b'"number":1', b'"number":2'))

    found = review(court)

    assert "was not written by agent-2" in found["agent-2"].fault
    assert found["agent-3"].presence is Presence.ON_TIME


def test_what_one_has_sealed_is_not_anothers(court):
    """A heartbeat that was found good of one agent is not good in the place of another's."""
    review(court)
    court.store.replace(tree.heartbeat("agent-2"), court.store.read(tree.heartbeat("agent-3")))

    assert "was not written by agent-2" in review(court)["agent-2"].fault


def test_a_revoked_key_counts_no_more_at_once_whatever_is_remembered(court):
    """What a key has sealed was remembered as proven; once an operator has called the key back, it counts no more."""
    agents.certify(court.seat(), "agent-2")
    review(court)
    assert review(court)["agent-2"].trust is Trust.CERTIFIED

    agents.revoke(court.seat(), "agent-2", "stolen")

    found = review(court)["agent-2"]
    assert (found.presence, found.trust) == (None, Trust.REVOKED)
    assert "stolen" in found.fault


def test_a_certificate_that_has_run_out_counts_no_more_whatever_is_remembered(court):
    """That an operator signed it stays true; that it counts does not."""
    agents.certify(court.seat(), "agent-2", valid_for=timedelta(days=2))
    assert review(court)["agent-2"].trust is Trust.CERTIFIED

    court.clock.advance(days=3)

    assert review(court)["agent-2"].trust is Trust.PINNED


@pytest.mark.parametrize("damage", [b"", b"x", b"\0" * 4096, b"\xff" * 31], ids=len)
def test_a_damaged_memory_is_made_good(court, damage, checks):
    """What cannot be used is proven again; nothing is believed for it, and the next process has it back."""
    review(court)
    court.world.homes["agent-1"].replace(MEMORY, damage)

    assert all(peer.presence is Presence.ON_TIME for peer in review(court).values())
    checks.clear()
    review(court)
    assert (checks[Seal.CARD], checks[Seal.HEARTBEAT]) == (OWN, 0)


def test_a_full_disk_costs_time_and_nothing_else(court, monkeypatch):
    """Where nothing can be remembered, everybody is judged all the same."""
    review(court)
    home = court.world.homes["agent-1"]
    home.delete(MEMORY)

    def full(*_documents):
        raise StoreFullError(MEMORY, "no space")

    monkeypatch.setattr(home, "replace", full)
    assert all(peer.presence is Presence.ON_TIME for peer in review(court).values())


# -- what stands still is not read ----------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A bus in a real folder, in which everything has stood still for seconds."""
    if sys.platform != "linux":
        pytest.skip("only Linux's file systems were measured")
    real = time.time_ns
    monkeypatch.setattr(stamp, "mount_of", lambda _: Mount("ext4", network=False))
    monkeypatch.setattr(stamp.time, "time_ns", lambda: real() + 5_000_000_000)
    monkeypatch.setattr(recall, "_WORTH_A_WRITE", 8)
    bus, home = tmp_path / "bus", tmp_path / "home"
    create_bus(bus, home=home)
    for name in NAMES:
        Agent(name, bus, home=home, durability="none").beat()
    return bus


@pytest.fixture
def read(monkeypatch):
    """What was read of others in the registry and of their pins, each as the last two parts of its path."""
    found, there = [], Files.read

    def counted(self, path, limit):
        if ("/registry/" in path or "/pins/" in path) and "registry/newcomer/" not in path:
            found.append("/".join(path.split("/")[-2:]))
        return there(self, path, limit)

    monkeypatch.setattr(Files, "read", counted)
    return found


def newcomer(bus):
    """An agent of that bus in a new process."""
    return Agent("newcomer", bus, home=bus.parent / "home", durability="none")


def verdicts(peers):
    """Who is how, but for the one who looks."""
    return {peer.name: str(peer.presence or peer.fault) for peer in peers if peer.name != "newcomer"}


def test_a_review_reads_what_changed_and_nothing_else(folder, read):
    """What a review costs depends on how many have beaten since, not on how many there are; in each process."""
    newcomer(folder).peers()  # pins whom it meets
    agent = newcomer(folder)
    agent.peers()
    read.clear()
    assert verdicts(agent.peers()) == dict.fromkeys(NAMES, "on time")
    assert read == []

    later = newcomer(folder)
    read.clear()
    assert verdicts(later.peers()) == dict.fromkeys(NAMES, "on time")
    assert read == []

    Agent("agent-2", folder, home=folder.parent / "home", durability="none").beat()
    later = newcomer(folder)
    read.clear()
    found = {peer.name: peer for peer in later.peers()}
    assert read == ["agent-2/heartbeat.json"]
    assert found["agent-2"].heartbeat.beat.number == 2
    assert found["agent-3"].heartbeat.beat.number == 1


@pytest.mark.parametrize(
    ("document", "said", "again"),
    [
        pytest.param("card.json", "not sealed", False, id="a card, a later process"),
        pytest.param("heartbeat.json", "was not written by", True, id="a heartbeat, the same process"),
        pytest.param("card.json", "not sealed", True, id="a card, the same process", marks=pytest.mark.slow),
        pytest.param(
            "heartbeat.json", "was not written by", False, id="a heartbeat, a later process", marks=pytest.mark.slow
        ),
    ],
)
def test_what_was_written_into_by_hand_is_noticed_by_the_next_review(folder, document, said, again):
    """A file that is changed in its place, is as long as before and says that it is as old, is read and refused."""
    agent = newcomer(folder)
    agent.peers()
    path = folder / "registry" / "agent-2" / document
    before = os.stat(path)
    deadline = time.monotonic() + 10
    while os.stat(path).st_ctime_ns == before.st_ctime_ns:  # until the system's clock for files has moved on
        assert time.monotonic() < deadline
        with path.open("r+b") as file:
            file.write(path.read_bytes().replace(b'"every_s":21600.0', b'"every_s":31600.0'))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert os.stat(path).st_size == before.st_size

    found = verdicts((agent if again else newcomer(folder)).peers())

    assert said in found.pop("agent-2")
    assert set(found.values()) == {"on time"}


def test_another_pin_counts_in_the_next_process(folder):
    """What a human does to the memory for keys holds at once: another key there, and the agent is not believed."""
    newcomer(folder).peers()
    (pins,) = (folder.parent / "home").glob("buses/*/newcomer/pins")
    pins.joinpath("agent-2.json").write_bytes(
        pins.joinpath("agent-3.json").read_bytes().replace(b"agent-3", b"agent-2")
    )

    found = verdicts(newcomer(folder).peers())

    assert "its key is not the one seen first" in found["agent-2"]
    pins.joinpath("agent-2.json").unlink()
    assert verdicts(newcomer(folder).peers())["agent-2"] == "on time"


def test_who_is_gone_is_gone(folder):
    """A card or a heartbeat that was taken away is not remembered as being there."""
    newcomer(folder).peers()
    (folder / "registry" / "agent-2" / "heartbeat.json").unlink()
    (folder / "registry" / "agent-3" / "card.json").unlink()

    found = {peer.name: peer for peer in newcomer(folder).peers()}

    assert found["agent-2"].heartbeat is None
    assert (found["agent-3"].card, found["agent-3"].presence) == (None, None)


def test_nobody_is_accused_of_what_was_not_read_just_now(monkeypatch):
    """A silent agent's documents, unchanged since the last review, are read for the alert, and only for that."""
    world = World()
    world.agent("worker", every="6h").beat()
    scout = world.agent("scout", every="1h")
    read, there = [], world.store.read
    monkeypatch.setattr(world.store, "read", lambda key, **more: read.append(key) or there(key, **more))
    for _ in range(26):
        read.clear()
        alerts = scout.beat().alerts
        if alerts:
            break
        unaccused = set(read)
        world.clock.advance(hours=1)

    assert [alert["component"] for alert in alerts] == ["worker"]
    documents = {tree.card("worker"), tree.heartbeat("worker")}
    assert documents <= set(read)
    assert not documents & unaccused


@pytest.mark.parametrize("turn", [lambda part: part[:-1], lambda part: part.replace(b"21600.0", b"11600.0"),
                                  lambda part: part.replace(b"recall 1", b"recall 2"), lambda part: part + b"\n"])  # fmt: skip
def test_a_memory_that_is_not_as_it_was_written_counts_as_empty(court, turn, checks):
    """One byte of it changed, or written by another version: everything is read and proven as if for the first time."""
    review(court)
    home = court.world.homes["agent-1"]
    before = home.read(MEMORY)
    assert turn(before) != before
    home.replace(MEMORY, turn(before))
    checks.clear()

    assert all(peer.presence is Presence.ON_TIME for peer in review(court).values())
    assert checks[Seal.CARD] >= MANY
    checks.clear()
    review(court)
    assert (checks[Seal.CARD], checks[Seal.HEARTBEAT]) == (OWN, 0)


def test_a_memory_that_does_not_fit_into_one_document_is_kept_in_several(court, monkeypatch, checks):
    """However many there are, what was met is kept in documents of the size that every store takes, up to a bound."""
    monkeypatch.setattr(recall, "MAX_BYTES", 4096)
    review(court)
    parts = court.world.homes["agent-1"].list("recall")
    assert len(parts) > 3
    assert all(len(court.world.homes["agent-1"].read(f"recall/{part}")) <= 4096 for part in parts)
    checks.clear()
    review(court)
    assert (checks[Seal.CARD], checks[Seal.HEARTBEAT]) == (OWN, 0)

    monkeypatch.setattr(recall, "_MOST_PARTS", 2)
    monkeypatch.setattr(recall, "_WORTH_A_WRITE", 1)
    for name in NAMES:
        court.world.agent(name).beat()
    assert all(peer.presence is Presence.ON_TIME for peer in review(court).values())
    assert court.world.homes["agent-1"].list("recall") == ["0", "1"]


def test_whoever_looks_at_nobody_reads_no_memory(court, monkeypatch):
    """To send or to claim costs the same however many agents were met before."""
    review(court)
    home, reads = court.world.homes["agent-1"], []
    real = home.read
    monkeypatch.setattr(home, "read", lambda key, **more: (reads.append(key), real(key, **more))[1])

    court.world.agent("agent-1").send("agent-2", "x")

    assert reads
    assert MEMORY not in reads


def test_what_has_no_room_is_not_written_again_and_again(court, monkeypatch):
    """Where more agents are there than are remembered, a review that finds nothing new still writes nothing."""
    monkeypatch.setattr(recall, "MAX_BYTES", 4_000)
    monkeypatch.setattr(recall, "_MOST_PARTS", 2)
    monkeypatch.setattr(recall, "_WORTH_A_WRITE", 1)
    for _ in range(2):
        review(court)
    home, written = court.world.homes["agent-1"], []
    monkeypatch.setattr(home, "replace", lambda key, _data: written.append(key))

    review(court)

    assert not [key for key in written if key.startswith("recall/")]


def test_what_one_version_found_good_the_next_looks_at_itself(court, monkeypatch):
    """Rules may have changed: nothing of an earlier version's memory is believed."""
    review(court)
    monkeypatch.setattr("somabus.__version__", "0.0.0")
    court.clock.advance(minutes=1)

    assert {peer.presence for peer in court.world.agent("agent-1").peers()} == {Presence.ON_TIME}


def test_nobody_is_accused_by_a_certificate_that_was_remembered(court):
    """Who was certified for a new key a moment ago, and shows it, is no impostor to those who looked before."""
    seat, scout = court.seat(), court.world.agent("agent-1")
    agents.certify(seat, "agent-2")
    assert {peer.name: peer for peer in scout.peers()}["agent-2"].trust is Trust.CERTIFIED
    short = court.world.agent("agent-2").rotate()
    agents.certify(seat, "agent-2", expect=short)
    court.world.agent("agent-2").beat()
    court.clock.advance(seconds=10)

    found = {peer.name: peer for peer in scout.peers()}["agent-2"]
    assert (found.fault, found.short) == ("", short)
