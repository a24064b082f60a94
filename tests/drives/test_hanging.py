"""P1, P5 on a drive that hangs: every call ends, nothing is called empty, and the work goes on when the drive is back."""

import gc
import threading
from functools import partial
from pathlib import Path

import pytest

import somabus.site
from somabus import Agent, create_bus
from somabus.connection import connect
from somabus.errors import ConfigurationError, KeyMissingError, StoreUnavailableError
from somabus.store.deadline import Deadline, DeadlineStore
from somabus.store.directory import DirectoryStore
from somabus.store.directory.mount import Mount
from somabus.testing import FailingFiles
from tests.drives.conftest import make_store

SOON_S = 0.05


class Drive:
    """A disk that hangs while `gate` is closed: whoever touches it waits, as in a call into a dead mount."""

    def __init__(self, root):
        self.root = root
        self.gate = threading.Event()
        self.gate.set()
        self.touched = 0

    def files(self):
        def step(_name, _path):
            self.touched += not self.gate.is_set()
            assert self.gate.wait(60)

        return FailingFiles(step)

    def store(self, deadline=None, **options):
        disk = make_store(self.root, files=self.files(), durability="none", **options)
        return DeadlineStore(disk, deadline or Deadline(SOON_S))


@pytest.fixture
def drive(tmp_path):
    """A drive that works again at the end, so that no thread of a test hangs for ever."""
    found = Drive(tmp_path / "bus")
    yield found
    found.gate.set()


WRITING = {
    "create": lambda store: store.create("a/2.json", b"2"),
    "create_many": lambda store: store.create_many([("a/3.json", b"3")]),
    "replace": lambda store: store.replace("a/1.json", b"new"),
    "move": lambda store: store.move("a/1.json", "b/1.json"),
    "delete": lambda store: store.delete("a/1.json"),
    "read": lambda store: store.read("a/1.json"),
}


@pytest.mark.parametrize("verb", WRITING)
def test_no_call_hangs(drive, verb):
    """Each verb on a drive that hangs ends with "could not look", which says since when the drive does not answer."""
    store = drive.store()
    store.create("a/1.json", b"1")
    drive.gate.clear()

    with pytest.raises(StoreUnavailableError, match="the drive has not answered for"):
        WRITING[verb](store)


def test_only_one_thread_hangs(drive):
    """While one call hangs, the others are told at once and begin nothing: no outage costs a thread for each of them."""
    store = drive.store(Deadline(SOON_S, monotonic=lambda: 0.0))
    store.create("a/1.json", b"1")
    drive.gate.clear()
    before = threading.active_count()

    for _ in range(50):
        with pytest.raises(StoreUnavailableError):
            store.read("a/1.json")

    assert drive.touched == 1
    assert threading.active_count() <= before + 1


def test_it_goes_on_when_the_drive_is_back(drive):
    """When the call that hung comes back, the store works as before; what it was asked for may have been done."""
    store = drive.store()
    store.create("a/1.json", b"1")
    drive.gate.clear()
    with pytest.raises(StoreUnavailableError):
        store.replace("a/1.json", b"late")

    drive.gate.set()

    assert until(lambda: store.read("a/1.json")) in (b"1", b"late")
    assert until(lambda: store.read("a/1.json") == b"late")
    store.create("a/2.json", b"2")


def test_another_try_is_made_now_and_then(drive):
    """A call that never comes back does not blind the process for ever: after a pause, which grows, one call is let through."""
    now = [0.0]
    store = drive.store(Deadline(SOON_S, monotonic=lambda: now[0]))
    store.create("a/1.json", b"1")
    tries = []
    drive.gate.clear()
    for minute in range(600):
        now[0] = minute * 60.0
        with pytest.raises(StoreUnavailableError):
            store.read("a/1.json")
        tries.append(drive.touched)

    assert 5 <= tries[-1] <= 30


def test_a_drive_that_is_slow_to_fail_is_left_alone_for_as_long(tmp_path):
    """Where each call takes ten seconds to fail, only two do: for ten seconds more the others are told at once, then one looks again."""
    now, made = [100.0], []

    def away():
        made.append(now[0])
        now[0] += 10.0
        raise StoreUnavailableError("a", "host is down")

    deadline = Deadline(60.0, monotonic=lambda: now[0])
    for _ in range(22):
        with pytest.raises(StoreUnavailableError):
            deadline.ask(away, "a")
        now[0] += 1.0

    assert made == [100.0, 111.0, 131.0, 151.0]
    now[0] += 60.0
    assert deadline.ask(lambda: "back", "a") == "back"


def test_a_drive_that_is_back_under_another_mount_is_used_at_once(drive):
    """A call that hangs for ever hinders nobody once another call is answered."""
    now = [0.0]
    deadline = Deadline(SOON_S, monotonic=lambda: now[0])
    with pytest.raises(StoreUnavailableError):
        deadline.ask(lambda: drive.gate.wait(60) if drive.gate.clear() is None else None, "a")
    now[0] = 1000.0

    assert [deadline.ask(lambda: "answered", "a") for _ in range(5)] == ["answered"] * 5


def test_its_threads_end_with_it():
    """Who makes many stores leaves no thread behind for each of them."""
    before = threading.active_count()
    for _ in range(30):
        Deadline().ask(lambda: 1, "a")
    gc.collect()
    assert until(lambda: threading.active_count() <= before + 2)


def test_a_new_process_on_a_drive_that_hangs_spools_what_it_sends(drive, tmp_path, monkeypatch):
    """An agent that is made while its drive hangs, on a machine that knows the bus, is made, tells that it could not look, and keeps its mail."""
    create_bus(drive.root, home=tmp_path / "home")
    for name in ("planner", "scout"):
        Agent(name, drive.root, home=tmp_path / "home")
    mounted(drive, monkeypatch)
    drive.gate.clear()

    scout = Agent("scout", drive.root, home=tmp_path / "home")

    assert scout.send("planner", "kept", spool=True).spooled
    assert scout.beat().could_not_look


def test_keys_are_not_made_on_a_drive_that_was_too_slow_to_be_looked_at(drive, monkeypatch):
    """On a bus that this machine never saw, a home that could not be told from the drive's is not used, though the drive answers a moment later."""
    home = drive.root / "home"
    create_bus(drive.root, home=home)

    class Slow(Deadline):
        def ask(self, call, what, **options):
            try:
                return super().ask(call, what, **options)
            except StoreUnavailableError:
                drive.gate.set()
                until(lambda: super(Slow, self).ask(lambda: True, what))
                raise

    mounted(drive, monkeypatch, Slow(0.2))
    drive.gate.clear()
    with pytest.raises(StoreUnavailableError):
        Agent("scout", drive.root, home=home)

    assert drive.gate.is_set()
    assert list(home.rglob("key")) == []
    with pytest.raises(ConfigurationError, match="lies inside the bus"):
        Agent("scout", drive.root, home=home)


def test_errors_and_answers_pass_unchanged(drive):
    """What a call returns or raises comes to its caller, whichever thread made it."""
    store = drive.store()
    with pytest.raises(KeyMissingError):
        store.move("a/none.json", "b/1.json")
    with store.lock("x") as mine, store.lock("x") as other:
        assert (mine, other) == (True, False)
    with store.lock("x") as again:
        assert again


def test_a_lock_is_free_after_it_was_given_back_by_another_thread(drive):
    """A lock that one thread took and another gave back is free, for other processes as well."""
    store = drive.store()
    with store.lock("x"):
        pass
    with DirectoryStore(str(drive.root), writer="other").lock("x") as mine:
        assert mine


def test_a_beat_on_a_drive_that_hangs_ends_and_keeps_the_mail(drive, tmp_path):
    """A beat ends, says that it could not look, mail is spooled, and the next beat after the outage delivers it."""
    create_bus(drive.root, home=tmp_path / "home")
    Agent("planner", drive.root, home=tmp_path / "home")
    plain = connect(drive.root, "scout", home=tmp_path / "home", durability="none")
    store = drive.store(Deadline(0.3), marker="somabus.json")
    scout = Agent("scout", plain._replace(store=store))
    drive.gate.clear()

    report = scout.beat()
    receipt = scout.send("planner", "kept", spool=True)

    assert report.could_not_look
    assert "the drive has not answered for" in str(report)
    assert receipt.spooled
    drive.gate.set()
    assert until(lambda: scout.beat().outcome == "ok")
    planner = Agent("planner", drive.root, home=tmp_path / "home")
    assert [letter.opened.message.body for letter in planner.inbox.peek()] == ["kept"]


def mounted(drive, monkeypatch, deadline=None):
    """Make the drive a network mount for whoever opens a bus there."""
    resolved = Path.resolve

    def resolve(self, strict=False):
        if self.is_relative_to(drive.root):
            assert drive.gate.wait(60)
        return resolved(self, strict)

    monkeypatch.setattr(somabus.site, "mount_of", lambda _: Mount("nfs", network=True))
    monkeypatch.setattr(somabus.site, "_deadline", lambda: deadline or Deadline(0.2))
    monkeypatch.setattr(somabus.site, "DirectoryStore", partial(DirectoryStore, files=drive.files()))
    monkeypatch.setattr(Path, "resolve", resolve)


def until(look):
    """Wait, with a deadline, until the thread that hung has come back."""
    pause = threading.Event()
    for _ in range(400):
        try:
            if found := look():
                return found
        except StoreUnavailableError:
            pass
        pause.wait(0.02)
    raise AssertionError("not within 8 s")
