"""P11. No slot without a firing: in every season, for every zone of the cadence and of the machine."""

from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somabus.model.schedule import Schedule
from somabus.scheduler.times import hours_and_minutes, times_of_day, utc
from tests.model.examples import quick
from tests.scheduler.plans import NOW

ZONES = ["UTC", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata", "America/St_Johns", "America/Santiago"]
CADENCES = [
    "6h", "1h", "45m", "7m", "90s", "5h", "1.5h", "1d", "2d", "1w", "0 */6 * * *", "*/10 * * * *", "30 2 * * *", "0 9 * * 1-5",
    "0 9 1 * *", "*/15 8-18 * * mon-fri", "0 0 29 2 *",
    "30 2 * * * Europe/Berlin", "0 0 * * * America/Santiago", "0 9 * * 1-5 Europe/Berlin", "10 2 * * * Australia/Lord_Howe",
    "0 * * * 1-5 Asia/Kolkata", "15 1 * * 0 America/St_Johns",
]  # fmt: skip


def clock(zone):
    """The wall clock of a machine in a zone."""
    return lambda at: at.astimezone(ZoneInfo(zone))


@quick
@given(st.sampled_from(CADENCES), st.sampled_from(ZONES), st.integers(0, 364 * 1440))
def test_at_every_slot_the_clock_shows_a_time_to_fire(text, zone, minutes):
    """Whenever in the coming year a slot comes, the machine's clock shows one of the times at that very minute."""
    schedule, wall = Schedule.parse(text), clock(zone)

    slot = wall(schedule.next(NOW + timedelta(minutes=minutes)))

    if slot.astimezone(UTC) < NOW + timedelta(days=365):
        assert slot.hour * 60 + slot.minute in times_of_day(schedule, wall, NOW)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("text", [each for each in CADENCES if each[0] == "3" or "Santiago" in each or "Lord" in each])
def test_a_slot_of_a_skipped_hour_is_covered_too(text, zone):
    """Every slot of a year, the ones on the days of the changes above all, falls on a time to fire."""
    schedule, wall = Schedule.parse(text), clock(zone)
    times, slot = times_of_day(schedule, wall, NOW), NOW

    while (slot := schedule.next(slot)) < NOW + timedelta(days=365):
        assert wall(slot).hour * 60 + wall(slot).minute in times, slot


@pytest.mark.parametrize(
    ("text", "zone", "times"),
    [
        ("6h", "UTC", {0, 360, 720, 1080}),
        ("6h", "Europe/Berlin", {60, 420, 780, 1140, 120, 480, 840, 1200}),
        ("0 9 * * 1-5", "UTC", {540}),
        ("0 9 * * 1-5 Europe/Berlin", "Europe/Berlin", {540}),
        ("30 2 * * * Europe/Berlin", "Europe/Berlin", {150, 180}),
        ("5h", "UTC", set(range(0, 1440, 60))),
        ("2d", "Asia/Kolkata", {330}),
    ],
)
def test_no_more_than_what_is_needed(text, zone, times):
    """The times are few: those of each offset of the year, and those of the changes."""
    assert times_of_day(Schedule.parse(text), clock(zone), NOW) == times


def test_a_minute_is_the_finest():
    """What comes more often than a day can say in minutes is fired for at every one of them."""
    assert len(times_of_day(Schedule.parse("90s"), utc, NOW)) == 1440


def test_hours_and_minutes_cover_all_times():
    """Schedulers that combine hours with minutes fire at each time, and at some more."""
    hours, minutes = hours_and_minutes([150, 180])

    assert (hours, minutes) == ([2, 3], [0, 30])
