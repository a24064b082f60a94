"""P1. Nothing is lost while the drive comes and goes. Crash points: tests/crashes; kills: tests/crashes/test_kill.py."""

from contextlib import contextmanager
from datetime import timedelta

import pytest

from somabus.errors import StoreFullError, StoreUnavailableError
from somabus.model.receipt import Whereabouts
from somabus.testing import World


class Flaky:
    """A drive that goes away, before an operation or just after it took effect."""

    def __init__(self, store):
        self._store = store
        self.fails = {}

    def __getattr__(self, name):
        act = getattr(self._store, name)
        moment = self.fails.get(name)
        if moment is None:
            return act

        def failing(*args, **kwargs):
            if moment == "after":
                act(*args, **kwargs)
            raise StoreUnavailableError("drive")

        return failing

    @contextmanager
    def away(self, moment="before", *names):
        """Be away for a while."""
        every = ("read", "create", "create_many", "replace", "move", "delete", "list", "now")
        self.fails = dict.fromkeys(names or every, moment)
        yield
        self.fails = {}


@pytest.fixture
def team():
    """Two agents, and the drive that scout sees."""
    world = World()
    drive = Flaky(world.store)
    return world, drive, world.agent("scout", store=drive), world.agent("planner")


@pytest.mark.parametrize("key", [None, "invoice 7"])
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", [None, "create_many"])
def test_a_spooled_message_is_delivered_once(team, key, moment, step):
    """A message kept while the drive was away is delivered by the next beat, once, wherever in the sending it went away."""
    _, drive, scout, planner = team
    with drive.away(moment, *([step] if step else [])):
        receipt = scout.send("planner", "keep me", key=key, spool=True)
    assert receipt.spooled
    assert scout.trace(receipt).state is Whereabouts.SPOOLED

    assert scout.beat().outcome == "ok"

    bodies = [delivery.message.body for delivery in planner.inbox.drain() if delivery.ack() is None]
    assert bodies == ["keep me"]
    assert scout.trace(receipt).state is Whereabouts.DONE
    if key:
        assert scout.send("planner", "keep me", key=key).duplicate


def test_a_spooled_message_keeps_its_references(team):
    """What a spooled message answers and supersedes is not forgotten: the older order is withdrawn at delivery."""
    _, drive, scout, planner = team
    old = scout.send("planner", "old")
    with drive.away():
        scout.send("planner", "new", supersedes=old.id, reply_to=old.id, kind="answer", spool=True)

    scout.beat()

    messages = [delivery.message for delivery in planner.inbox.drain() if delivery.ack() is None]
    assert [(message.body, message.reply_to) for message in messages] == [("new", old.id)]
    assert scout.trace(old).state is Whereabouts.WITHDRAWN


def test_a_receipt_is_given_for_what_is_on_the_drive(team):
    """If the drive goes away just after the message was written, send still returns: the caller does not send it twice."""
    world, drive, scout, planner = team
    scout.send("planner", "first")
    world.clock.advance(minutes=5)

    def gone(*args, **kwargs):
        raise StoreUnavailableError("drive")

    write = world.store.create_many
    drive.create_many = lambda documents: (write(documents), setattr(drive, "read", gone), setattr(drive, "list", gone))
    receipt = scout.send("planner", "second")

    assert receipt.unread is None
    assert planner.unread == 2


def test_a_damaged_spool_entry_holds_up_nobody(team):
    """One unreadable file in the spool is set aside; the other messages are delivered, and mail is handled."""
    world, drive, scout, planner = team
    with drive.away():
        scout.send("planner", "good", spool=True)
    world.homes["scout"].replace("spool/00000000-0000-7000-8000-000000000000.json", b"{torn")

    report = scout.beat()

    assert report.outcome == "ok"
    assert planner.unread == 1
    assert world.homes["scout"].list("refused") == ["00000000-0000-7000-8000-000000000000.json"]


def test_a_full_drive_refuses_and_loses_nothing(team):
    """When the drive is full, send says so, and what was sent before is handled as ever."""
    _, drive, scout, planner = team
    scout.send("planner", "before")

    def full(*args, **kwargs):
        raise StoreFullError("drive")

    drive.create_many = full
    with pytest.raises(StoreFullError, match="nothing was half written"):
        scout.send("planner", "after", expires_in=timedelta(days=1))

    assert [delivery.message.body for delivery in planner.inbox.drain()] == ["before"]
