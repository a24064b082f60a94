"""P5. "Nothing waits", "I could not look" and "n wait, m could not be read" are three answers, everywhere."""

import shutil

import pytest

from somabus import Agent, create_bus
from somabus.connection import connect
from somabus.errors import NotABusError, StoreUnavailableError


@pytest.fixture
def place(tmp_path):
    """A bus on the disk, and an agent that has joined."""
    create_bus(tmp_path / "bus")
    connection = connect(tmp_path / "bus", "scout", home=tmp_path / "home", durability="none")
    connection.store._patience_s = 0.1  # a person waits two seconds for a drive that is away
    return tmp_path / "bus", Agent("scout", connection)


LOOKS = {
    "unread": lambda scout: scout.unread,
    "counts": lambda scout: scout.counts(),
    "peek": lambda scout: scout.inbox.peek(),
    "claim": lambda scout: scout.inbox.claim(),
    "drain": lambda scout: list(scout.inbox.drain()),
    "dead": lambda scout: scout.inbox.dead(),
    "peers": lambda scout: scout.peers(),
    "due": lambda scout: scout.due(),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_a_drive_that_went_away_is_not_an_empty_one(place, look):
    """When the drive is gone, and only an empty mount point is left, every look raises; none says "nothing"."""
    bus, scout = place
    look(scout)
    shutil.rmtree(bus)
    bus.mkdir()

    with pytest.raises(StoreUnavailableError):
        look(scout)

    assert list(bus.iterdir()) == []


def test_a_beat_without_a_drive_says_so(place):
    """The report of a beat that could not look says that, and its unread count is unknown, not zero."""
    bus, scout = place
    bus.rename(bus.with_name("away"))

    report = scout.beat()

    assert report.could_not_look
    assert (report.outcome, report.unread, report.dead) == ("failed", None, None)
    assert "could not look" in str(report)


def test_what_cannot_be_read_is_counted_apart(place):
    """A listing tells how many can be read and how many cannot, and why."""
    bus, scout = place
    scout.send("scout", "good")
    (bus / "messages/scout/inbox/5-01a1f9de-1d99-72bc-bdf7-9a7b3e80730a.0.json").write_bytes(b"")

    letters = scout.inbox.peek()

    assert scout.unread == 2
    assert sorted(letter.fault for letter in letters) == ["", "malformed: the file is empty"]


def test_empty_is_empty(place):
    """When it could look and nothing is there, the answers are plain nothing."""
    _, scout = place

    assert (scout.unread, scout.inbox.claim(), scout.inbox.peek(), scout.inbox.dead()) == (0, None, (), ())


def test_a_path_that_never_was_a_bus_is_refused(tmp_path):
    """An agent on a folder that is no bus is refused, and nothing is made there."""
    (tmp_path / "plain").mkdir()

    for path in (tmp_path / "plain", tmp_path / "missing"):
        with pytest.raises(NotABusError, match="somabus init"):
            Agent("scout", bus=path, home=tmp_path / "home")

    assert list((tmp_path / "plain").iterdir()) == []
    assert not (tmp_path / "missing").exists()
