"""A cadence is a grid on the wall clock; the oracle is a plain enumeration of its slots."""

from bisect import bisect_left, bisect_right
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somabus.errors import ConfigurationError
from somabus.model.schedule import DEFAULT, Schedule, parse_duration
from tests.model.examples import NOW, moments, quick

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST, LAST = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 10, tzinfo=UTC)
SIX_HOURLY = "0 */6 * * *"
CRONS = {
    SIX_HOURLY: lambda at: at.minute == 0 and at.hour % 6 == 0,
    "*/15 * * * *": lambda at: at.minute % 15 == 0,
    "30 9 * * 1-5": lambda at: (at.hour, at.minute) == (9, 30) and at.weekday() < 5,
    "0 0 1,15 * *": lambda at: at.day in (1, 15) and (at.hour, at.minute) == (0, 0),
    "5 8-18/2 * * *": lambda at: at.minute == 5 and at.hour in range(8, 19, 2),
}
SECONDS = st.integers(0, int((LAST - FIRST).total_seconds()) - 1).map(lambda s: FIRST + timedelta(seconds=s))
DURATIONS = st.sampled_from(["1s", "90s", "7m", "45m", "1h", "6h", "1.5h", "5h", "1d", "2d", "1w"])


@cache
def slots(cron):
    """Enumerate the slots of the weeks under test, and some around them, minute by minute."""
    minutes = int((LAST - FIRST) / timedelta(minutes=1))
    every = (FIRST + timedelta(minutes=n) for n in range(-20 * 1440, minutes + 20 * 1440))
    return [at for at in every if CRONS[cron](at)]


@quick
@given(st.sampled_from(list(CRONS)), SECONDS)
def test_a_cron_is_due_at_its_latest_slot(cron, now):
    """The slot that is due is the latest one at or before now."""
    assert Schedule.parse(cron).due(now) == slots(cron)[bisect_right(slots(cron), now) - 1]


@quick
@given(st.sampled_from(list(CRONS)), SECONDS, st.integers(0, 999_999))
def test_a_cron_comes_next_at_the_first_slot_after_now(cron, now, us):
    """The next slot is the first one after now, to the microsecond."""
    now += timedelta(microseconds=us)

    assert Schedule.parse(cron).next(now) == slots(cron)[bisect_right(slots(cron), now)]


@quick
@given(st.sampled_from(list(CRONS)), SECONDS, SECONDS)
def test_missed_cron_slots_are_counted_one_by_one(cron, last, now):
    """The missed ones are those after the one last served and before the one due now; on time is none missed."""
    schedule = Schedule.parse(cron)
    grid, last_due, due = slots(cron), schedule.due(last), schedule.due(now)

    assert schedule.missed(last_due, now) == max(0, bisect_left(grid, due) - bisect_right(grid, last_due))


@quick
@given(SECONDS)
def test_who_declares_nothing_beats_every_six_hours(now):
    """The cadence of an agent that declared none has the slots of the six-hourly cron expression."""
    mine, cron = Schedule.parse(DEFAULT), Schedule.parse(SIX_HOURLY)

    assert (mine.due(now), mine.next(now), mine.every_s) == (cron.due(now), cron.next(now), cron.every_s)


@pytest.mark.parametrize("us", [1, 500_000, 999_999])
def test_a_cron_slot_is_not_due_a_moment_too_early(us):
    """In the last second before a slot the one before is due: no beat runs, and counts, before its time."""
    assert Schedule.parse(SIX_HOURLY).due(NOW - timedelta(microseconds=us)) == NOW - timedelta(hours=6)


@pytest.mark.parametrize("us", [0, 1, 999_999])
def test_a_cron_slot_is_due_from_its_moment_on(us):
    """At the moment of a slot, and just after it, that slot is due."""
    assert Schedule.parse(SIX_HOURLY).due(NOW + timedelta(microseconds=us)) == NOW


@quick
@given(DURATIONS, moments(1971, 2200))
def test_a_duration_lies_on_the_grid_since_1970(text, now):
    """Its slots are the multiples since 1970, at or before now and the first after, whenever the process began."""
    schedule, every = Schedule.parse(text), parse_duration(text)

    assert (schedule.due(now) - EPOCH) % every == timedelta(0)
    assert schedule.due(now) <= now < schedule.next(now)
    assert schedule.next(now) - schedule.due(now) == every


@quick
@given(DURATIONS, st.integers(0, 10**5), st.integers(0, 50), st.floats(0, 0.999))
def test_missed_slots_of_a_duration_are_counted(text, number, gone, part):
    """A beat that comes n slots after the last one missed n - 1, wherever within its slot it comes."""
    every = parse_duration(text)
    last = EPOCH + number * every

    assert Schedule.parse(text).missed(last, last + gone * every + part * every) == max(0, gone - 1)


@pytest.mark.parametrize("text", ["6h", SIX_HOURLY])
def test_a_clock_that_was_put_back_missed_nothing(text):
    """A last slot in the future makes no negative count."""
    assert Schedule.parse(text).missed(NOW + timedelta(days=3), NOW) == 0


@pytest.mark.parametrize("text", [SIX_HOURLY, pytest.param("6h")])
def test_a_changed_cadence_counts_on_its_new_grid(text):
    """If the slot last served lies beside the grid, after a change of cadence, the missed count is still exact."""
    eleven, six = NOW - timedelta(hours=1), NOW + timedelta(hours=6)

    assert Schedule.parse(text).missed(eleven, six) == 1


@pytest.mark.parametrize("text", ["* * * * *", pytest.param("1m")])
def test_the_count_ends_at_ten_thousand(text):
    """A routine that slept for a year is told so without counting for minutes: at most ten thousand."""
    assert Schedule.parse(text).missed(NOW - timedelta(days=30), NOW) == 10_000


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("6h", 21600),
        ("90s", 90),
        (SIX_HOURLY, 21600),
        ("*/15 * * * *", 900),
        ("0 9 * * 1-5", 259200),
        ("0 9-17 * * *", 57600),
        ("30 9 * * *", 86400),
        ("1,2 3 * * *", 86340),
        ("* * * * *", 60),
    ],
)
def test_peers_may_expect_the_longest_gap(text, seconds):
    """The declared interval is its longest silence, so nobody is called late over a night or week-end."""
    assert Schedule.parse(text).every_s == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("*/10 8-18 * * 1-5", (13 * 60 + 10 + 48 * 60) * 60), ("* * * * 1", 6 * 86400 + 60), ("*/5 9-17 * * *", 54300)],
)
def test_a_dense_schedule_has_nights_and_week_ends_too(text, seconds):
    """An agent that works every ten minutes in office hours is not silent at night."""
    assert Schedule.parse(text).every_s == seconds


@pytest.mark.parametrize("cron", ["0 0 30 2 *", "0 0 31 4,6 *", "0 0 1 1 * 0 2020"])
def test_a_cron_that_never_comes_is_refused(cron):
    """The thirtieth of February is refused when it is set, not when the beat should come."""
    with pytest.raises(ConfigurationError):
        Schedule.parse(cron)


def test_a_grid_is_the_same_at_every_look():
    """A schedule that would be drawn by lot is refused: two looks at the grid must agree."""
    with pytest.raises(ConfigurationError):
        Schedule.parse("R R * * *")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "x",
        "6",
        "h",
        "6x",
        "-6h",
        "0s",
        "0.0001ms",
        "6h6h",
        "6 h",
        "3651d",
        "1e3s",
        "9" * 30 + "s",
        "\n",
        "6h;",
        "@daily",
    ],
)
def test_what_is_no_cadence_is_refused(text):
    """A cadence that is nothing, nought, negative or beyond ten years is refused in one short line."""
    with pytest.raises(ConfigurationError) as caught:
        Schedule.parse(text)

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["* * * *", "61 * * * *", "0 25 * * *", "a b c d e", "0 0 0 0 0", "H H * * *", "* " * 40]
)
def test_what_is_no_cron_is_refused(text):
    """Fields that are missing, out of range or no numbers are refused, with an example of a sound one."""
    with pytest.raises(ConfigurationError, match="five fields are needed"):
        Schedule.parse(text)


def test_a_number_out_of_this_world_is_refused():
    """However large the number, the answer is the one error."""
    with pytest.raises(ConfigurationError):
        parse_duration("9" * 14 + "s")


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("250ms", timedelta(milliseconds=250)), ("90s", timedelta(seconds=90)), ("10m", timedelta(minutes=10)),
        ("6h", timedelta(hours=6)), ("2d", timedelta(days=2)), ("1w", timedelta(weeks=1)),
        ("1.5h", timedelta(minutes=90)),
        (" 6H ", timedelta(hours=6)), ("6 h", timedelta(hours=6)), ("3650d", timedelta(days=3650)),
    ],
)  # fmt: skip
def test_a_duration_is_a_number_and_a_unit(text, span):
    """The units are ms, s, m, h, d and w, in either case, with or without blanks."""
    assert parse_duration(text) == span


def test_blanks_in_a_cadence_do_not_matter():
    """The same expression with other blanks is the same schedule, and compares equal."""
    assert Schedule.parse("  0   */6 * *\t* \n") == Schedule.parse(SIX_HOURLY)


@pytest.mark.parametrize("hours", [1, -5])
def test_slots_are_told_in_utc(hours):
    """Slots are aware times in UTC, so that two machines speak of one moment."""
    schedule = Schedule.parse(SIX_HOURLY)

    assert {schedule.due(NOW).utcoffset(), schedule.next(NOW + timedelta(hours=hours)).utcoffset()} == {timedelta(0)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0 25 * * *", ": '25' is no hour; five fields"),
        ("61 * * * *", ": '61' is no minute; "),
        ("0 0 32 * *", ": '32' is no day of the month; "),
        ("0 0 * 13 *", ": '13' is no month; "),
        ("0 0 * * mox", ": 'mox' is no day of the week; "),
        ("0 25 * * * Europe/Berlin", ": '25' is no hour; "),
        ("0 9 * *", ": 4 were given; five fields"),
        ("0 0 31 2 *", "that ever comes; five fields"),
        ("bad", "or a cron expression such as '0 9 * * 1-5'"),
    ],
)
def test_the_field_that_is_wrong_is_named(text, said):
    """Whoever mistypes a cadence is told which field of it is wrong, and what a cadence may be."""
    with pytest.raises(ConfigurationError) as refused:
        Schedule.parse(text)

    assert said in str(refused.value)


@pytest.mark.parametrize("text", ["0s", "0.0001ms", "4000d"])
def test_a_duration_out_of_bounds_is_told_as_that(text):
    """What is written as a duration and is too short or too long is told with the bounds, and not how one is written."""
    with pytest.raises(ConfigurationError, match="more than nothing and at most ten years"):
        parse_duration(text)
