"""P11. A firing serves its slot once, in the agent's turn, and leaves a trace whatever becomes of the beat."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from somabus.errors import StoreUnavailableError
from somabus.model.firing import Installation
from somabus.model.heartbeat import Outcome
from somabus.scheduler.plan import stagger
from somabus.scheduler.record import Record
from somabus.scheduler.serve import Start, Turn
from somabus.testing import Crash, HandClock, World

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
CODES = {Outcome.OK: 0, Outcome.BUSY: 7}


class Machine:
    """A machine on which scout is scheduled; its clock may differ from the drive's."""

    def __init__(self, cadence="6h", ahead_s=0.0, begin=NOON):
        self.world = World(clock=HandClock(begin - timedelta(seconds=ahead_s)))
        self.ahead = timedelta(seconds=ahead_s)
        self.reports, self.told, self.waited = [], [], 0.0
        self.scout = self.world.agent("scout", every=cadence)
        self.record = Record(self.world.homes["scout"])
        self.record.install(
            Installation(scheduler="cron", job="job", cadence=cadence, log="/log", installed_at=self.now())
        )
        self.turn = stagger("scout", self.world.bus.bus, self.scout.schedule.span or timedelta(hours=6))

    def now(self):
        return self.world.clock.now() + self.ahead

    def pause(self, seconds):
        self.waited += seconds
        self.world.clock.advance(seconds=seconds)

    def beat(self, agent):
        self.reports.append(agent.beat())
        return CODES.get(self.reports[-1].outcome, 6)

    def fire(self, **changed):
        """Let the scheduler fire."""
        self.waited = 0.0
        parts = {
            "agent": lambda: self.scout,
            "beat": self.beat,
            "pause": self.pause,
            "job": "job",
            "served": self.told.append,
            "code_of": lambda error: 4,
        }
        facts = {**parts, **changed, "record": self.record, "who": ("scout", self.world.bus.bus), "clock": self}
        return Start(**facts).serve()


def test_a_firing_at_the_slot_waits_for_its_turn_and_beats():
    """At the slot the firing is on record, waits the agent's own seconds, beats for that slot, and says how it ended."""
    machine = Machine()

    assert machine.fire() is Turn.RAN

    firing = machine.record.firing
    assert machine.waited == machine.turn.total_seconds()
    assert machine.reports[0].due_at == NOON
    assert (firing.due_at, firing.fired_at, firing.exit_code) == (NOON, NOON, 0)
    assert firing.ended_at == NOON + machine.turn


def test_firing_again_is_harmless():
    """However often a scheduler fires for a slot, it is served once; the others end quietly with exit code 0."""
    machine = Machine()
    machine.fire()
    machine.world.clock.advance(hours=1)

    assert [machine.fire() for _ in range(3)] == [Turn.SERVED] * 3
    assert len(machine.reports) == 1
    assert machine.told == [machine.scout] * 3
    assert machine.record.firing.exit_code == 0


@pytest.mark.parametrize(
    ("changed", "open_still"),
    [
        ({}, False),
        ({"outcome": Outcome.FAILED}, False),
        ({"outcome": Outcome.RUNNING}, False),
        ({"outcome": Outcome.STOPPED}, True),
        ({"outcome": Outcome.FAILED, "unread": None}, True),
    ],
)
def test_a_beat_that_did_nothing_leaves_its_slot_open(changed, open_still):
    """A slot is served by a beat that did its work, well or badly; one that was stopped, or saw nothing, served none."""
    machine = Machine()
    machine.fire()
    written = machine.scout.heartbeat()
    beat = written.beat.model_copy(update={k: v for k, v in changed.items() if k == "outcome"})
    found = written.model_copy(update={"beat": beat, **{k: v for k, v in changed.items() if k == "unread"}})
    machine.scout.heartbeat = lambda: found

    assert machine.fire() is (Turn.RAN if open_still else Turn.SERVED)


def test_a_late_firing_does_not_wait():
    """Whoever comes hours after the slot, as after a night switched off, begins at once."""
    machine = Machine()
    machine.world.clock.advance(hours=3)

    assert machine.fire() is Turn.RAN
    assert machine.waited == 0


def test_missed_slots_are_counted_and_caught_up_once():
    """After two days switched off one beat serves the slot due, and says how many went by; the next counts anew."""
    machine = Machine()
    machine.fire()
    machine.world.clock.advance(hours=54)

    assert [machine.fire(), machine.fire()] == [Turn.RAN, Turn.SERVED]
    assert machine.reports[-1].missed == 8
    machine.world.clock.advance(hours=6)
    machine.fire()
    assert machine.reports[-1].missed == 0


def test_missed_slots_are_counted_over_a_change_of_clocks():
    """A daily beat in Berlin that slept over the spring change missed the days, and not one more or fewer."""
    machine = Machine("30 2 * * * Europe/Berlin", begin=datetime(2026, 3, 27, 1, 30, tzinfo=UTC))
    machine.fire()
    machine.world.clock.advance(days=3)

    machine.fire()

    assert machine.reports[-1].missed == 2  # the 28th, and the 29th at 03:00, for 02:30 does not exist
    assert machine.reports[-1].due_at == datetime(2026, 3, 30, 0, 30, tzinfo=UTC)


def test_a_change_of_cadence_is_no_missed_slot():
    """Who goes over from six hours to minutes hours after a beat has missed nothing of either."""
    machine = Machine()
    machine.fire()
    machine.world.clock.advance(hours=3)
    machine.scout = machine.world.agent("scout", every="1m")

    assert machine.fire() is Turn.RAN
    assert machine.reports[-1].missed == 0


def test_a_week_of_hourly_firings_is_a_beat_for_each_slot():
    """A scheduler that can only fire by the hour serves a cadence of five hours on its grid."""
    machine = Machine("5h", begin=datetime(2026, 1, 5, 11, 59, tzinfo=UTC))
    machine.world.clock.advance(minutes=1)
    for _ in range(7 * 24):
        machine.fire()
        now = machine.world.clock.now()
        machine.world.clock.advance(minutes=60 - now.minute, seconds=-now.second)

    dues = [report.due_at for report in machine.reports]
    assert {later - before for before, later in pairwise(dues)} == {timedelta(hours=5)}
    assert len(dues) >= 33
    assert {report.missed for report in machine.reports} == {0}


@pytest.mark.parametrize("ahead_s", [1, 60, 500])
def test_a_machine_whose_clock_is_ahead_waits_for_the_drives(ahead_s):
    """A machine that is ahead of the drive fires too early for it: it waits, and the slot is not missed by hours."""
    machine = Machine(ahead_s=ahead_s)

    assert machine.fire() is Turn.RAN
    assert machine.reports[0].due_at == NOON
    assert machine.world.clock.now() >= NOON


def test_a_firing_counts_for_the_slot_that_it_serves():
    """A machine that is ahead of the drive by more than the wait for a slot serves the drive's slot, and its record says that one."""
    machine = Machine("10m", ahead_s=90)
    machine.world.clock.advance(seconds=570)

    assert machine.fire() is Turn.RAN
    assert machine.record.fired.due_at == machine.reports[0].due_at


def test_the_firing_is_on_record_before_the_drive_is_touched():
    """If the drive does not answer, the firing is on record all the same, with the code that it ended with."""
    machine = Machine()

    def away():
        assert machine.record.firing.ended_at is None
        raise StoreUnavailableError("somabus.json")

    with pytest.raises(StoreUnavailableError):
        machine.fire(agent=away)

    assert (machine.record.firing.due_at, machine.record.firing.exit_code) == (NOON, 4)


def test_a_start_by_hand_does_not_hide_the_schedulers():
    """What a hand started is a fact of its own: it is the last start, and the scheduler's last stays on record."""
    machine = Machine()
    machine.fire()
    theirs = machine.record.fired
    machine.world.clock.advance(hours=6)

    machine.fire(job="")

    assert machine.record.fired == theirs
    assert (machine.record.firing.job, machine.record.firing.exit_code) == ("", 0)


def test_a_firing_that_was_interrupted_does_not_hold_up_the_next():
    """Whatever ended a firing in its middle, the next one has its turn, and serves the slot."""
    machine = Machine()

    def die(agent):
        raise Crash

    with pytest.raises(Crash):
        machine.fire(beat=die)

    assert machine.record.firing.exit_code == 1
    assert machine.fire() is Turn.RAN


def test_no_two_at_once():
    """While a firing is at work another one ends at once, and leaves the record of the first alone."""
    machine = Machine()
    seen = []

    def meanwhile(agent):
        before = machine.record.firing
        seen.append((machine.fire(), machine.record.firing == before, machine.record.busy))
        return 0

    machine.fire(beat=meanwhile)

    assert seen == [(Turn.BUSY, True, True)]
    assert not machine.record.busy


def test_a_firing_beside_a_hand_is_on_record():
    """While a start by hand is at work the scheduler's firing ends as busy, and that it fired is known all the same."""
    machine = Machine()
    seen = []

    def meanwhile(agent):
        seen.append((machine.fire(), machine.record.fired.exit_code))
        return 0

    machine.fire(job="", beat=meanwhile)

    assert seen == [(Turn.BUSY, 7)]
    assert machine.record.fired.due_at == NOON


def test_asking_does_not_cost_a_slot():
    """Whoever asks in the very moment of a firing whether one is at work does not keep it from its turn."""
    machine = Machine()
    asking = machine.record.turn()
    asking.__enter__()

    def pause(seconds):
        machine.pause(seconds)
        if machine.waited == seconds:  # the first time
            asking.__exit__(None, None, None)

    assert machine.fire(pause=pause) is Turn.RAN


def test_a_damaged_record_counts_as_none():
    """Bytes that are no record stop no beat."""
    machine = Machine()
    for key in ("schedule.json", "firing.json", "firing-by-hand.json"):
        machine.world.homes["scout"].replace(key, b"{")

    assert (machine.record.installation, machine.record.firing) == (None, None)
    assert machine.fire() is Turn.RAN
