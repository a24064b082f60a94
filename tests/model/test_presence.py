"""The verdict on a peer is a table of ages, by the peer's own cadence."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somabus.model.presence import LATE_AFTER, SILENT_AFTER, Presence, absence, judge_presence, span
from tests.model.examples import NOW, quick

HOUR = 3600.0
SPANS = st.timedeltas(timedelta(days=-10), timedelta(days=1000))
EVERY = st.floats(1, 10**7)


def judge(age, *, every_s=HOUR, stopped=False, staleness=timedelta(0)):
    """Judge a peer whose last beat is of that age."""
    return judge_presence(last_seen=NOW - age, every_s=every_s, stopped=stopped, now=NOW, staleness=staleness)


@pytest.mark.parametrize(
    ("minutes", "verdict"),
    [
        (-3, Presence.SKEWED), (-2.001, Presence.SKEWED), (-2, Presence.ON_TIME), (0, Presence.ON_TIME),
        (60, Presence.ON_TIME),
        (90, Presence.ON_TIME), (90.001, Presence.LATE), (240, Presence.LATE), (240.001, Presence.SILENT),
        (10**6, Presence.SILENT),
    ],
)  # fmt: skip
def test_an_hourly_peer_is_judged_by_its_hour(minutes, verdict):
    """Late after one and a half, silent after four of its own intervals, skewed more than two minutes ahead."""
    assert judge(timedelta(minutes=minutes)) is verdict


@pytest.mark.parametrize(
    ("seconds", "verdict"), [(5400, "on time"), (5410, "on time"), (5411, "late"), (14410, "late"), (14411, "silent")]
)
def test_nobody_is_late_by_less_than_the_drive_may_hide(seconds, verdict):
    """What a drive may show late is added to every limit."""
    assert judge(timedelta(seconds=seconds), staleness=timedelta(seconds=10)) == verdict


def test_the_drives_delay_excuses_no_clock_of_the_future():
    """A beat from the future is skewed, however slow the drive is."""
    assert judge(timedelta(minutes=-3), staleness=timedelta(hours=1)) is Presence.SKEWED


@quick
@given(SPANS, EVERY)
def test_who_said_goodbye_is_stopped_and_nothing_else(age, every_s):
    """A stopped peer is neither late nor silent nor skewed, whatever its last beat says."""
    assert judge(age, every_s=every_s, stopped=True) is Presence.STOPPED


@quick
@given(st.timedeltas(timedelta(0), timedelta(days=1000)), EVERY)
def test_the_verdict_depends_on_age_over_cadence_alone(age, every_s):
    """A peer that beats once a week is judged as gently as its week asks."""
    ratio = age / timedelta(seconds=every_s)
    expected = Presence.ON_TIME if ratio <= LATE_AFTER else Presence.LATE if ratio <= SILENT_AFTER else Presence.SILENT

    assert judge(age, every_s=every_s) is expected or min(abs(ratio - LATE_AFTER), abs(ratio - SILENT_AFTER)) < 1e-5


def test_an_absurd_cadence_is_judged_too():
    """A peer that declares a cadence of ages harms nobody's review: it is simply never late."""
    assert judge(timedelta(hours=1), every_s=1e300) is Presence.ON_TIME


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        (-3, ""), (0, ""), (90, ""),
        (91, "scout has not beaten in 91 minutes"),
        (240, "scout has not beaten in 4 hours"),
        (241, "scout has not beaten in 4 hours"),
        (3 * 1440, "scout has not beaten in 3 days"),
    ],
)  # fmt: skip
def test_who_is_missed_is_told_with_the_time(minutes, said):
    """Of whoever is late or silent by its own cadence it is said for how long; of others nothing is said."""
    seen = NOW - timedelta(minutes=minutes)

    assert absence("scout", last_seen=seen, every_s=HOUR, now=NOW, staleness=timedelta(0)) == said


def test_nobody_is_missed_within_what_the_drive_may_hide():
    """What a drive may show late excuses an absence as it excuses lateness."""
    seen = NOW - timedelta(minutes=91)

    assert absence("scout", last_seen=seen, every_s=HOUR, now=NOW, staleness=timedelta(minutes=2)) == ""


@pytest.mark.parametrize(
    ("time", "said"),
    [
        (timedelta(seconds=-5), "0 seconds"), (timedelta(0), "0 seconds"), (timedelta(seconds=1.4), "1 seconds"),
        (timedelta(seconds=119), "119 seconds"), (timedelta(seconds=120), "2 minutes"),
        (timedelta(minutes=12), "12 minutes"), (timedelta(minutes=119), "119 minutes"), (timedelta(hours=2), "2 hours"),
        (timedelta(hours=47), "47 hours"), (timedelta(hours=48), "2 days"), (timedelta(days=400), "400 days"),
    ],
)  # fmt: skip
def test_a_length_of_time_is_told_in_the_unit_that_suits_it(time, said):
    """People read `12 minutes`, not 720 seconds, and never `1 hours` where minutes say more."""
    assert span(time) == said
