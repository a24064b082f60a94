"""Listing: what a folder holds now, whether it was read just now or stood still since it was read."""

import os
import sys
import threading
import time

import pytest

from somabus import Agent, create_bus
from somabus.errors import StoppedError
from somabus.store.directory import DirectoryStore, listing
from somabus.store.directory.listing import Listings
from somabus.store.directory.mount import Mount, mount_of

_LATER_NS = 5_000_000_000


@pytest.fixture
def reads(monkeypatch):
    """The folders that were read, in order."""
    read, seen = os.listdir, []
    monkeypatch.setattr(listing.os, "listdir", lambda path: seen.append(str(path)) or read(path))
    return seen


@pytest.fixture
def settled(monkeypatch):
    """A clock by which every folder has stood still for seconds."""
    real = listing.time.time_ns
    monkeypatch.setattr(listing.time, "time_ns", lambda: real() + _LATER_NS)


@pytest.fixture
def dated(monkeypatch):
    """A drive whose change times count."""
    if sys.platform != "linux":
        pytest.skip("only Linux's file systems were measured")
    monkeypatch.setattr(listing, "mount_of", lambda _: Mount("ext4", network=False))


@pytest.mark.parametrize("after", ["", "3"])
def test_a_name_is_seen_at_once(tmp_path, after):
    """Whatever comes, goes or is renamed is seen by the very next listing, however quickly they follow each other."""
    store = DirectoryStore(str(tmp_path), writer="w", durability="none")
    expected = set()
    for n in range(300):
        if n % 3 == 2:
            gone = expected.pop()
            os.unlink(tmp_path / "box" / gone)
        store.create(f"box/{n}.json", b"")
        expected.add(f"{n}.json")
        assert store.list("box", after) == sorted(name for name in expected if name > after)


def stand_still(*folders):
    """Wait until the folders' last change lies a tick of the system's clock for files behind, and a listing counts."""
    deadline, pause = time.monotonic() + 10, threading.Event()
    while time.time_ns() - max(os.stat(each).st_ctime_ns for each in folders) < 150_000_000:
        assert time.monotonic() < deadline
        pause.wait(0.01)


@pytest.mark.parametrize("step", ["comes", "goes", "is renamed"])
def test_a_name_is_seen_at_once_in_a_folder_that_stood_still(tmp_path, reads, dated, step):
    """A folder that was remembered is read again as soon as one name comes, goes or becomes another."""
    path = tmp_path / "box" / "1.json"
    path.parent.mkdir()
    path.touch()
    listings = Listings(str(tmp_path))
    stand_still(path.parent)
    before = [listings.names(str(path.parent), "") for _ in range(3)]
    assert (before, len(reads)) == ([["1.json"]] * 3, 1)

    match step:
        case "comes":
            path.with_name("2.json").touch()
        case "goes":
            path.unlink()
        case _:
            path.rename(path.with_name("3.json"))

    assert listings.names(str(path.parent), "") == sorted(each.name for each in path.parent.iterdir())


def test_a_folder_that_stands_still_is_read_once(tmp_path, reads, settled, dated):
    """Listing again what has not changed reads nothing, and what was returned is the caller's own."""
    (tmp_path / "1.json").touch()
    listings = Listings(str(tmp_path))
    listings.names(str(tmp_path), "").clear()

    assert [listings.names(str(tmp_path), "") for _ in range(5)] == [["1.json"]] * 5
    assert reads == [str(tmp_path)]


def test_a_folder_that_changed_a_moment_ago_is_read_again(tmp_path, reads, dated, monkeypatch):
    """Within a tick of the drive's clock a second change would not show, so nothing is remembered until it is over."""
    now = os.stat(tmp_path).st_ctime_ns
    listings = Listings(str(tmp_path))
    for late_ns in (0, 50_000_000, 3_000_000_000, 3_000_000_000):
        monkeypatch.setattr(listing.time, "time_ns", lambda late_ns=late_ns: now + late_ns)
        listings.names(str(tmp_path), "")

    assert len(reads) == 3


def test_another_folder_of_the_same_name_is_read(tmp_path, settled, dated):
    """A folder that was put in the place of a remembered one is listed as it is."""
    for name in ("box", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "other" / "1.json").touch()
    listings = Listings(str(tmp_path))
    before = listings.names(str(tmp_path / "box"), "")
    (tmp_path / "box").rename(tmp_path / "was")
    (tmp_path / "other").rename(tmp_path / "box")

    assert (before, listings.names(str(tmp_path / "box"), "")) == ([], ["1.json"])


@pytest.mark.parametrize(
    "mount",
    [
        Mount("nfs4", network=True),
        Mount("cifs", network=True),
        Mount("fuse.sshfs", network=True),
        Mount("", network=False),
    ],
)
def test_where_others_write_every_listing_reads(tmp_path, reads, settled, monkeypatch, mount):
    """On a network drive, and on a kind of drive that nobody measured, times prove nothing."""
    monkeypatch.setattr(listing, "mount_of", lambda _: mount)
    listings = Listings(str(tmp_path))

    for _ in range(3):
        listings.names(str(tmp_path), "")

    assert len(reads) == 3


def test_a_folder_of_many_names_is_not_kept_in_memory(tmp_path, reads, settled, dated):
    """A backlog of thousands costs no memory once it was listed."""
    for n in range(2001):
        (tmp_path / f"{n}.json").touch()
    listings = Listings(str(tmp_path))

    assert [len(listings.names(str(tmp_path), "")) for _ in range(2)] == [2001, 2001]
    assert len(reads) == 2


@pytest.mark.parametrize("large", [-1, 1 << 40])
@pytest.mark.parametrize(("after", "limit"), [("", 3), ("5", 4), ("5", 100), ("9", 1), ("", 0)])
def test_a_page_of_a_folder_is_the_same_however_large_it_is(tmp_path, monkeypatch, large, after, limit):
    """The first names behind another one are the same whether all are sorted or the rest is thrown away at once."""
    monkeypatch.setattr(listing, "_LARGE_BYTES", large)
    monkeypatch.setattr(listing, "_AT_ONCE", 2)
    names = [f"{n}.json" for n in "739182546"]
    for name in (*names, "thumbs.db", ".hidden", *(f"._{name}" for name in names)):
        (tmp_path / name).touch()

    assert Listings(str(tmp_path)).names(str(tmp_path), after, limit) == [n for n in sorted(names) if n > after][:limit]


def test_a_stop_is_seen_on_a_bus_that_stood_still(tmp_path, dated):
    """P12: a file STOP, made by hand at the root of a bus that nothing had changed for long, stops the very next act."""
    create_bus(tmp_path / "bus", home=tmp_path / "home")
    scout, _ = (
        Agent(name, tmp_path / "bus", home=tmp_path / "home", durability="none") for name in ("scout", "planner")
    )
    for _ in range(3):
        scout.send("planner", "x")
        stand_still(tmp_path / "bus")
    (tmp_path / "bus" / "STOP").touch()

    with pytest.raises(StoppedError):
        scout.send("planner", "x")
    (tmp_path / "bus" / "STOP").unlink()

    assert scout.send("planner", "x").id


def test_the_kinds_of_drives_that_are_trusted_are_local():
    """No kind on which other machines write counts as one whose times prove anything."""
    network = ("nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph", "virtiofs", "autofs")

    assert [kind for kind in network if Mount(kind, network=True).dated] == []
    assert isinstance(mount_of("/").dated, bool)
