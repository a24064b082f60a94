"""P1, P2 on a real disk that really fills up, and that is really mounted read-only. Needs root, as the other labs."""

import subprocess

import pytest

from somabus import Agent, create_bus
from somabus.errors import StoreFullError, StoreRefusedError
from somabus.verify import judge_path

pytestmark = pytest.mark.lab


@pytest.fixture
def disk(tmp_path):
    """A file system of two megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", place], check=True)
    yield place
    subprocess.run(["umount", place], check=True)


def team(disk, tmp_path):
    """Two agents on a bus on that disk, their homes elsewhere."""
    create_bus(disk / "bus")
    return [Agent(name, bus=disk / "bus", home=tmp_path / "home", every="1h") for name in ("scout", "planner")]


def test_a_disk_that_fills_up_loses_nothing(disk, tmp_path):
    """Send says when the disk is full; every message acknowledged before is handled, none is there in half, and it goes on when there is room."""
    scout, planner = team(disk, tmp_path)
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(1_000_000))
    told = []
    with pytest.raises(StoreFullError, match="nothing was half written"):
        for n in range(1000):
            told.append(scout.send("planner", "x" * 8000, subject=str(n)).id)

    report = scout.beat()
    ballast.unlink()
    told.append(scout.send("planner", "room again").id)

    assert report.outcome in ("ok", "failed")  # it may not be able to write its heartbeat; it never raises
    handled = []
    for delivery in planner.inbox.drain():
        with delivery as message:
            handled.append(message.id)
    assert handled == told
    assert [fault for fault in judge_path(disk / "bus")[0] if fault.weight == "error"] == []


def test_a_read_only_drive_can_be_read_and_says_so(disk, tmp_path):
    """On a drive mounted read-only mail can be seen, sending and claiming say that the drive refuses, and nothing is lost."""
    scout, planner = team(disk, tmp_path)
    scout.send("planner", "seen")
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)

    assert [letter.opened.message.body for letter in planner.inbox.peek()] == ["seen"]
    with pytest.raises(StoreRefusedError, match="read-only"):
        scout.send("planner", "refused")
    with pytest.raises(StoreRefusedError, match="read-only"):
        planner.inbox.claim()
    assert planner.beat().outcome == "failed"

    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    assert planner.inbox.claim().message.body == "seen"
