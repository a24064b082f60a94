"""A cadence on the wall clock of a zone: the oracle walks through UTC minute by minute and looks at that clock."""

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somabus.errors import ConfigurationError
from somabus.model.schedule import Schedule
from somabus.model.wallclock import moment
from tests.model.examples import quick

CHANGES = {
    "Europe/Berlin": ((2026, 3, 28), (2026, 10, 24)),
    "America/New_York": ((2026, 3, 7), (2026, 10, 31)),
    "America/St_Johns": ((2026, 3, 7), (2026, 10, 31)),
    "America/Santiago": ((2026, 4, 4), (2026, 9, 5)),  # southern, and the hour that is skipped begins at midnight
    "Australia/Lord_Howe": ((2026, 4, 4), (2026, 10, 3)),  # southern, and by half an hour
    "Pacific/Auckland": ((2026, 4, 4), (2026, 9, 26)),
    "Africa/Cairo": ((2026, 4, 23), (2026, 10, 29)),
    "Africa/Casablanca": ((2026, 2, 14), (2026, 3, 21)),
}
HOURS = {
    "30 2 * * *": ({2}, {30}), "0 2 * * *": ({2}, {0}), "0 3 * * *": ({3}, {0}), "0 0 * * *": ({0}, {0}),
    "15,45 1-2 * * *": ({1, 2}, {15, 45}), "0 */6 * * *": ({0, 6, 12, 18}, {0}), "59 23 * * *": ({23}, {59}),
    "*/20 0-3 * * *": ({0, 1, 2, 3}, {0, 20, 40}),
}  # fmt: skip
DAYS, MINUTE = timedelta(days=3), timedelta(minutes=1)
PLACES = st.sampled_from([(zone, day) for zone, days in CHANGES.items() for day in days])
SECONDS = st.integers(0, int(DAYS.total_seconds()) - 1)


@cache
def walk(zone, day):
    """Walk along the clock for the days around a change: each minute with the times that the clock shows then.

    A time that comes twice counts at the first, one that is skipped at the first minute after it.
    """
    clock, begin = ZoneInfo(zone), datetime(*day, tzinfo=UTC) - DAYS
    found, shown = [], begin.astimezone(clock).replace(tzinfo=None)
    for n in range(1, int(3 * DAYS / MINUTE)):
        here = (begin + n * MINUTE).astimezone(clock)
        wall = here.replace(tzinfo=None, fold=0)
        if here.fold or wall == shown:
            continue
        passed = [shown + m * MINUTE for m in range(1, int((wall - shown) / MINUTE) + 1)]
        found.append((begin + n * MINUTE, {(each.hour, each.minute) for each in passed}))
        shown = wall
    return found


@cache
def slots(cron, zone, day):
    """Return the slots that the walk meets."""
    hours, minutes = HOURS[cron]
    times = {(hour, minute) for hour in hours for minute in minutes}
    return [at for at, shown in walk(zone, day) if shown & times]


@quick
@given(st.sampled_from(list(HOURS)), PLACES, SECONDS)
def test_a_slot_on_a_wall_clock_is_where_the_clock_shows_it(cron, place, second):
    """Around every change of clocks the slot due and the next one are those that a walk along the clock finds."""
    zone, day = place
    now = datetime(*day, tzinfo=UTC) + timedelta(seconds=second)
    schedule, grid = Schedule.parse(f"{cron} {zone}"), slots(cron, zone, day)

    assert schedule.due(now) == max(at for at in grid if at <= now)
    assert schedule.next(now) == min(at for at in grid if at > now)


@quick
@given(st.sampled_from(list(HOURS)), PLACES, SECONDS, SECONDS)
def test_missed_slots_are_counted_over_a_change_of_clocks(cron, place, one, other):
    """No slot is missed twice because an hour came twice, and one of a skipped hour is counted."""
    zone, day = place
    last, now = (datetime(*day, tzinfo=UTC) + timedelta(seconds=second) for second in sorted((one, other)))
    schedule, grid = Schedule.parse(f"{cron} {zone}"), slots(cron, zone, day)
    last_due, due = schedule.due(last), schedule.due(now)

    assert schedule.missed(last_due, now) == len([at for at in grid if last_due < at < due])


@quick
@given(st.sampled_from(list(HOURS)), PLACES)
def test_slots_go_on_and_each_is_due_at_its_moment(cron, place):
    """Slots follow one another without a repetition, and at its own moment each is the one due."""
    zone, day = place
    schedule, at = Schedule.parse(f"{cron} {zone}"), datetime(*day, tzinfo=UTC)
    for _ in range(12):
        coming = schedule.next(at)
        assert coming > at
        assert schedule.due(coming) == coming
        at = coming


@pytest.mark.parametrize(
    ("text", "before", "slot"),
    [
        # 2026-03-29 in Berlin: 02:00 to 03:00 does not exist, and 03:00 is 01:00 UTC.
        ("30 2 * * * Europe/Berlin", (2026, 3, 28, 12), (2026, 3, 29, 1, 0)),
        # 2026-10-25 in Berlin: 02:30 is 00:30 UTC, and 01:30 UTC once more.
        ("30 2 * * * Europe/Berlin", (2026, 10, 24, 12), (2026, 10, 25, 0, 30)),
        ("30 2 * * * Europe/Berlin", (2026, 10, 25, 0, 30), (2026, 10, 26, 1, 30)),
        # 2026-09-06 in Santiago: midnight does not exist.
        ("0 0 * * * America/Santiago", (2026, 9, 5, 12), (2026, 9, 6, 4, 0)),
        # 2026-10-04 on Lord Howe: 02:00 to 02:30 does not exist.
        ("10 2 * * * Australia/Lord_Howe", (2026, 10, 3, 12), (2026, 10, 3, 15, 30)),
    ],
)
def test_the_changes_that_calendars_tell(text, before, slot):
    """A slot of a skipped hour comes at the first moment after it; one of an hour that comes twice comes once."""
    assert Schedule.parse(text).next(datetime(*before, tzinfo=UTC)) == datetime(*slot, tzinfo=UTC)


@quick
@given(PLACES, st.integers(0, 3 * 1440), st.integers(0, 3 * 1440))
def test_later_on_the_wall_is_never_earlier_in_time(place, one, other):
    """Moments keep the order of what the clock shows; that is what counting along it rests on."""
    zone, day = place
    first, second = (datetime(*day) + timedelta(minutes=n) for n in sorted((one, other)))  # noqa: DTZ001 - a wall clock

    assert moment(first, ZoneInfo(zone)) <= moment(second, ZoneInfo(zone))


@pytest.mark.parametrize(
    "name", ["Europe/Nowhere", "../etc/passwd", "/etc/localtime", "Europe", "MON", "Xyz\x1b", "Abc" * 90]
)
def test_a_zone_that_nobody_knows_is_refused(name):
    """A misspelt zone is refused in one line, whatever stands there; no file is read by its path."""
    with pytest.raises(ConfigurationError, match=r"no time zone|no cron expression") as caught:
        Schedule.parse(f"0 9 * * 1-5 {name}")

    assert caught.value.args[0].isprintable()


@pytest.mark.parametrize("cron", ["*/5 * * * *", "0 0-23 * * *"])
def test_a_zone_that_could_only_silence_is_refused(cron):
    """What comes in every hour of every day would pause while clocks are put back, and be taken for silent."""
    with pytest.raises(ConfigurationError, match="needs no zone"):
        Schedule.parse(f"{cron} Europe/Berlin")


def test_a_zone_stays_in_the_text():
    """What the card says of the cadence is the expression with its zone, and reading it again is the same schedule."""
    schedule = Schedule.parse(" 0  9 * * 1-5   Europe/Berlin ")

    assert schedule.text == "0 9 * * 1-5 Europe/Berlin"
    assert Schedule.parse(schedule.text) == schedule
    assert schedule.every_s == Schedule.parse("0 9 * * 1-5").every_s
