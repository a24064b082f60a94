"""What was refused is told once an episode, and telling fails nobody."""

import logging

import pytest

from somabus.errors import StoreUnavailableError
from somabus.incidents import Incidents
from somabus.store.memory import MemoryStore
from somabus.testing import HandClock


class Desk:
    """Where what was refused is told: an audit and the alerts, either of which may be out of order."""

    def __init__(self):
        self.home = MemoryStore(HandClock().now)
        self.audited, self.alerted = [], []
        self.down = set()
        self.busy = False
        self.meets = None
        self.restart()

    def restart(self):
        """Begin a new process on the same home."""
        self.incidents = Incidents(self.home, self.audit, self.alert, busy=lambda: self.busy)

    def tell(self, episode="e", detail="fact", evidence=None):
        """Meet something that is to be told."""
        self.incidents.tell("inbox of scout", episode, detail, evidence)

    def audit(self, incident):
        """Write it down."""
        if "audit" in self.down:
            raise StoreUnavailableError("audit", "away")
        self.audited.append(incident.episode)
        self.last = incident

    def alert(self, incident):
        """Tell all; reading the alerts may meet the next incident."""
        if "alert" in self.down:
            raise StoreUnavailableError("channels/alerts", "away")
        self.alerted.append(incident.episode)
        if self.meets:
            meets, self.meets = self.meets, None
            self.tell(meets)


@pytest.fixture
def desk():
    """A desk in order."""
    return Desk()


def test_it_is_told_to_the_audit_and_to_all_with_its_evidence(desk):
    """What was refused, where, and the bytes themselves come to the audit; all are alerted."""
    desk.tell("e", "no operator signed it", b"bytes")

    assert desk.last[:] == ("inbox of scout", "e", "no operator signed it", b"bytes")
    assert (desk.audited, desk.alerted) == (["e"], ["e"])


def test_the_same_thing_is_told_once(desk):
    """Met a hundred times, and in another process, it is one entry and one alert; another thing is another."""
    for n in range(100):
        desk.tell("e", f"wording {n}")
    desk.restart()
    desk.tell("e")
    desk.tell("f")

    assert (desk.audited, desk.alerted) == (["e", "f"], ["e", "f"])


def test_the_place_is_part_of_what_it_is(desk):
    """The same words about another place are another episode."""
    desk.tell("e")
    desk.incidents.tell("inbox of planner", "e", "fact")

    assert len(desk.audited) == 2


@pytest.mark.parametrize("part", ["audit", "alert"])
@pytest.mark.parametrize("restart", [False, True], ids=["the same process", "a new process"])
def test_telling_that_fails_fails_nobody_and_is_done_the_next_time(desk, part, restart, caplog):
    """While the drive refuses, the agent goes on and a log line remains; met again, it is told."""
    desk.down.add(part)
    with caplog.at_level(logging.WARNING, "somabus"):
        desk.tell()
    assert desk.alerted == []
    assert [each.message for each in caplog.records] == ["could not tell of what was refused"]

    desk.down.clear()
    if restart:
        desk.restart()
    desk.tell()
    desk.tell()

    assert desk.alerted == ["e"]
    assert set(desk.audited) == {"e"}


def test_what_is_met_while_telling_is_told_as_well(desk):
    """Reading the alerts on the way meets the next incident: it waits its turn, and both are told."""
    desk.meets = "second"

    desk.tell("first")

    assert (desk.audited, desk.alerted) == (["first", "second"], ["first", "second"])


def test_one_that_cannot_be_told_does_not_hold_up_the_next(desk):
    """A failure is its own affair."""
    desk.down.add("audit")
    desk.tell("first")
    desk.down.clear()

    desk.tell("second")

    assert desk.alerted == ["second"]


def test_what_is_met_while_it_must_wait_is_told_afterwards(desk):
    """Nothing is told in the middle of reading the alerts; nothing of it is forgotten."""
    desk.busy = True
    desk.tell("first")
    desk.tell("second")
    assert desk.audited == []

    desk.busy = False
    desk.incidents.flush()

    assert desk.alerted == ["first", "second"]
