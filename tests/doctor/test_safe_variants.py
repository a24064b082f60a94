"""P16: what was learned about a drive is remembered on this machine, and chooses how the store works there."""

import shutil
import threading
from pathlib import Path

import pytest

from somabus import Agent, create_bus
from somabus.connection import connect
from somabus.doctor.visit import Visit
from somabus.home import Drives
from somabus.model.drive import Drive
from somabus.store.directory import DirectoryStore
from somabus.store.directory import store as adapter
from somabus.store.directory.mount import Mount
from somabus.testing import FailingFiles
from tests.model.examples import NOW


def steps_of(tmp_path, drive):
    """Create a document on a drive of which that is known, and return the store and the steps that it took."""
    steps = []
    files = FailingFiles(lambda step, path: steps.append((step, Path(path).name)))
    store = DirectoryStore(str(tmp_path), writer="w", files=files, durability="none", drive=drive)
    store.create("leases/x/1.json", b"me")
    return store, [step for step, name in steps if name == "1.json"]


@pytest.mark.parametrize(
    ("drive", "steps"),
    [(Drive(), ["link"]), (Drive(hard_links=True), ["link"]), (Drive(hard_links=False), ["rename"])],
)
def test_a_drive_known_to_have_no_hard_links_is_not_asked_for_one(tmp_path, drive, steps):
    """Where hard links are missing, or decide nothing, a document is published as a folder at once; it reads the same."""
    store, taken = steps_of(tmp_path, drive)

    assert taken == steps
    assert store.read("leases/x/1.json") == b"me"


@pytest.mark.parametrize(
    ("drive", "mount", "listens"),
    [
        (Drive(), Mount("ext4", network=False), True),
        (Drive(), Mount("nfs4", network=True), False),
        (Drive(native_events=False), Mount("ext4", network=False), False),
        (Drive(native_events=True), Mount("nfs4", network=True), True),
    ],
)
def test_native_events_are_relied_on_only_where_they_come(tmp_path, monkeypatch, drive, mount, listens):
    """On a network drive nobody listens, unless the doctor saw the events come; a new message is noticed all the same."""
    monkeypatch.setattr(adapter, "mount_of", lambda _: mount)
    store = DirectoryStore(str(tmp_path), writer="w", durability="none", poll_s=0.02, drive=drive)
    try:
        store.wait("box", 0)
        assert (store._watches["box"]._listener is not None) is listens

        threading.Timer(0.05, store.create, ("box/1.json", b"1")).start()

        assert store.wait("box", 10)
    finally:
        store.close()


@pytest.fixture
def bus(tmp_path):
    """A bus that scout has joined."""
    create_bus(tmp_path / "bus")
    Agent("scout", bus=tmp_path / "bus", home=tmp_path / "home")
    return tmp_path / "bus"


def test_what_the_doctor_learned_is_handed_to_every_store_of_the_bus(bus, tmp_path):
    """After a visit, an agent on this machine works by what was found; on another machine nothing is known."""
    Visit(str(bus), str(tmp_path / "home")).drive()
    Drives(tmp_path / "home", "w").remember(
        str(bus), Drives(tmp_path / "home", "w").recall(str(bus)).model_copy(update={"hard_links": False})
    )

    here, there = (connect(bus, "scout", home=tmp_path / home).store for home in ("home", "elsewhere"))

    here.create("leases/here/1.json", b"me")
    there.create("leases/there/1.json", b"me")
    assert ((bus / "leases/here/1.json").is_dir(), (bus / "leases/there/1.json").is_file()) == (True, True)


def test_what_was_learned_between_machines_outlives_a_visit_alone(bus, tmp_path):
    """A visit to this machine's half does not forget the other half; another kind of drive at that path does."""
    drives, visit = Drives(tmp_path / "home", "w"), Visit(str(bus), str(tmp_path / "home"))
    visit.drive()
    known = drives.recall(str(bus))
    drives.remember(str(bus), known.model_copy(update={"locks_across": False, "against": "planner"}))

    visit.drive()
    after = drives.recall(str(bus))
    drives.remember(str(bus), after.model_copy(update={"kind": "nfs4"}))
    visit.drive()

    assert (after.locks_across, after.against, after.hard_links) == (False, "planner", True)
    assert drives.recall(str(bus)).locks_across is None


def test_a_damaged_memory_of_a_drive_is_no_memory(bus, tmp_path):
    """What cannot be read is not believed and stops nobody: everything is tried again."""
    Visit(str(bus), str(tmp_path / "home")).drive()
    (file,) = (tmp_path / "home" / "drives").iterdir()
    file.write_bytes(b"{ half")

    assert Drives(tmp_path / "home", "w").recall(str(bus)) == Drive()
    assert Agent("scout", bus=bus, home=tmp_path / "home").unread == 0


def test_each_path_has_its_own_memory(bus, tmp_path):
    """Of two buses on two drives each keeps what was learned there."""
    shutil.copytree(bus, tmp_path / "copy")
    Visit(str(bus), str(tmp_path / "home")).drive()

    assert Drives(tmp_path / "home", "w").recall(str(tmp_path / "copy")) == Drive()


@pytest.mark.parametrize(
    ("known", "facts", "against", "after"),
    [
        (Drive(), {"link_exclusive": True, "hard_links": True}, "", (True, True)),
        (
            Drive(link_exclusive=False, hard_links=False),
            {"link_exclusive": True, "hard_links": True},
            "",
            (False, False),
        ),
        (
            Drive(link_exclusive=False, hard_links=False),
            {"link_exclusive": True, "hard_links": True},
            "x",
            (True, True),
        ),
        (Drive(hard_links=False), {"link_exclusive": True, "hard_links": True}, "", (True, True)),
        (Drive(link_exclusive=True, hard_links=True), {"hard_links": False}, "", (True, False)),
    ],
)
def test_what_two_machines_saw_broken_one_alone_does_not_mend(known, facts, against, after):
    """One machine alone sees no race with another: its good verdict does not take back a bad one of two machines."""
    now = known.joined(facts, against=against, at=NOW)

    assert (now.link_exclusive, now.hard_links, now.measured_at) == (*after, NOW)
