"""P1, P5 on a drive that hangs: every call ends, nothing is called empty, and the work goes on when the drive is back."""

import threading
from dataclasses import replace

import pytest

from somabus import Agent, create_bus
from somabus.connection import connect
from somabus.errors import KeyMissingError, StoreUnavailableError
from somabus.store.deadline import Deadline, DeadlineStore
from somabus.store.directory import DirectoryStore
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
    """Where each call takes ten seconds to fail, only the first one does: for ten seconds more the others are told at once, then one looks again."""
    now, made = [100.0], []

    def away():
        made.append(now[0])
        now[0] += 10.0
        raise StoreUnavailableError("a", "host is down")

    deadline = Deadline(60.0, monotonic=lambda: now[0])
    for _ in range(20):
        with pytest.raises(StoreUnavailableError):
            deadline.ask(away, "a")
        now[0] += 1.0

    assert made == [100.0, 120.0]
    now[0] += 60.0
    assert deadline.ask(lambda: "back", "a") == "back"


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
    scout = Agent("scout", replace(plain, store=store))
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
