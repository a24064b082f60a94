"""Stamps: a file is told by its times only where nothing could have changed it unseen."""

import os
import shutil
import sys
import time

import pytest

from somabus.store.deadline import Deadline, DeadlineStore
from somabus.store.directory import DirectoryStore, stamp
from somabus.store.directory.mount import Mount

_LATER_NS = 5_000_000_000
KEY = "box/1.json"


@pytest.fixture
def dated(monkeypatch):
    """A drive whose change times count."""
    if sys.platform != "linux":
        pytest.skip("only Linux's file systems were measured")
    monkeypatch.setattr(stamp, "mount_of", lambda _: Mount("ext4", network=False))


@pytest.fixture
def settled(monkeypatch):
    """A clock by which every file has stood still for seconds."""
    real = time.time_ns
    monkeypatch.setattr(stamp.time, "time_ns", lambda: real() + _LATER_NS)


@pytest.fixture
def store(tmp_path):
    """A folder with one document, whose change time is no whole second."""
    made = DirectoryStore(str(tmp_path), writer="w", durability="none")
    made.create(KEY, b"one")
    return made


def stamp_of(store):
    """Ask for the stamp of the document, as a new process does."""
    return DirectoryStore(store.root, writer="x").stamps([KEY])[0]


def changed(path, change):
    """Change a file until the system's clock for files has moved on and shows it."""
    before, deadline = os.stat(path).st_ctime_ns, time.monotonic() + 10
    while os.stat(path).st_ctime_ns == before:
        assert time.monotonic() < deadline
        change(path)


def in_place(path):
    """Write other bytes of the same length into a file, and put its time of modification back."""
    before = os.stat(path)
    with open(path, "r+b") as file:
        file.write(b"two")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def another_put_there(path):
    """Put another file in its place that is as long and as old."""
    other = path.with_name("other")
    shutil.copy2(path, other)
    os.replace(other, path)


def put_away_and_back(path):
    """Rename it, and back."""
    os.rename(path, path.with_name("away"))
    os.rename(path.with_name("away"), path)


@pytest.mark.parametrize("change", [in_place, another_put_there, put_away_and_back, lambda path: os.truncate(path, 1)])
def test_every_change_makes_another_stamp(store, tmp_path, dated, settled, change):
    """However it is done, by hand or by a program that hides it: what was changed has another stamp than before."""
    before = stamp_of(store)
    assert before is not None
    assert stamp_of(store) == before

    changed(tmp_path / KEY, change)

    assert stamp_of(store) not in (before, None)


def test_what_has_not_stood_still_has_no_stamp(store, dated):
    """A second change could come within the same tick of the system's clock: what came just now is read."""
    assert stamp_of(store) is None


@pytest.mark.parametrize(("tick_ns", "told"), [(1, True), (10**9, False)])
def test_a_time_in_whole_seconds_makes_no_stamp(store, dated, settled, monkeypatch, tick_ns, told):
    """Where times are that coarse, a second that comes twice after a clock was put back could hide a change."""
    look = os.lstat

    def coarse(path):
        found = look(path)
        facts = {name: getattr(found, name) for name in dir(found) if name.startswith("st_")}
        return os.stat_result(tuple(found), {**facts, "st_ctime_ns": found.st_ctime_ns // tick_ns * tick_ns})

    monkeypatch.setattr(stamp.os, "lstat", coarse)
    assert (stamp_of(store) is not None) is told


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs", "overlay", "vfat", ""])
def test_a_drive_that_was_not_measured_tells_nothing(store, settled, monkeypatch, kind):
    """On network drives a client shows old times; there, and on every unknown kind, everything is read."""
    monkeypatch.setattr(stamp, "mount_of", lambda _: Mount(kind, network=False))
    assert stamp_of(store) is None


def test_what_is_no_file_of_the_tree_has_no_stamp(store, tmp_path, dated, settled, monkeypatch):
    """Neither a folder nor a link, nothing that is gone, and nothing on another drive that is mounted below the root."""
    (tmp_path / "box" / "folder").mkdir()
    os.symlink(tmp_path / KEY, tmp_path / "box" / "link")
    assert store.stamps(["box/folder", "box/link", "box/none", KEY])[:3] == [None] * 3

    look = os.stat
    store = DirectoryStore(str(tmp_path), writer="x")
    device = look(tmp_path).st_dev
    monkeypatch.setattr(stamp.os, "stat", lambda path: os.stat_result((0, 0, device + 1, *[0] * 7)))
    assert store.stamps([KEY]) == [None]


def test_many_stamps_are_one_call_on_a_drive_that_may_hang(store):
    """However many documents are asked about, a drive that hangs is waited for once."""
    calls = []
    deadline = Deadline()
    ask = deadline.ask
    deadline.ask = lambda call, what, **more: calls.append(what) or ask(call, what, **more)
    asked = DeadlineStore(store, deadline).stamps([f"box/{n}.json" for n in range(100)])

    assert (len(asked), len(calls)) == (100, 1)
