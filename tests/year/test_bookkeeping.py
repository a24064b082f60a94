"""The books of the year find what they are kept for: each is shown one thing that must not be."""

import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from somabus.store.memory import MemoryStore
from somabus.testing import HandClock, World
from tests.year.traffic import Traffic
from tests.year.watch import Seen, Watch, slot
from tests.year.year import START, Plan, Year

WEEK = Plan(3, Traffic(mail=0.7, question=0.3, insight=0.2, post=0.3, chatty=1, follows=2), every="6h", days=3)


@pytest.fixture
def quiet(caplog):
    """Handlers fail on purpose here."""
    caplog.set_level(logging.CRITICAL, "somabus")


def year(plan=WEEK):
    """A short year on a bus in memory."""
    clock = HandClock(START)
    return Year(World(MemoryStore(clock.now), clock), plan)


def test_days_without_a_fault_show_none(quiet):
    """A few days with crashes leave nothing open, and every count agrees."""
    played = year(replace(WEEK, crash=0.2)).play()

    assert played.ledger.faults == played.watch.faults == played.ledger.unanswered() == []
    assert played.watch.alerts(played.raised()) == []
    assert played.figures.crashes > 0
    assert "open" not in played.ledger.fates()


def test_a_message_that_vanishes_is_found_lost(quiet):
    """Mail that somebody deletes from an inbox is nowhere, and the ledger says so."""
    played = year()
    store, look = played.world.store, played._measure

    def steal():
        for name in store.list("messages/a02/inbox"):
            store.delete(f"messages/a02/inbox/{name}")
        look()

    played._measure = steal
    played.play()

    assert any("is nowhere" in fault for fault in played.ledger.faults)


def test_a_beat_that_counts_wrong_is_found():
    """A report of two missed beats where three went by is a fault, and one of three is none."""

    class Report:
        number, missed = 2, 2

    watch, at = Watch({"a": Seen(1, slot(START), START)}), START + timedelta(hours=24)
    watch.beaten("a", Report, at)
    assert len(watch.faults) == 1

    Report.missed = 3
    watch = Watch({"a": Seen(1, slot(START), START)})
    watch.beaten("a", Report, at)
    assert watch.faults == []


def test_an_alert_too_many_or_too_few_is_found():
    """An episode is to be alerted once; none, two, and one for nothing are faults."""
    watch = Watch(accused={("a", 7)})

    assert watch.alerts([("a", "silent after beat 7")]) == []
    assert len(watch.alerts([])) == 1
    assert len(watch.alerts([("a", "silent after beat 7")] * 2)) == 1
    assert len(watch.alerts([("a", "silent after beat 7"), ("b", "silent after beat 1")])) == 1
