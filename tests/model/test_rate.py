"""A bucket lets a burst through, then so many an hour, and no clock can be turned to get more."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somabus.model.rate import Bucket
from tests.model.examples import NOW, quick

HOUR = timedelta(hours=1)
RATES = st.integers(1, 100_000)
SPANS = st.timedeltas(timedelta(days=-3), timedelta(days=3))


@pytest.mark.parametrize(
    ("left", "per_hour", "passed", "then"),
    [
        (0, 60, timedelta(0), 0),
        (0, 60, timedelta(minutes=1), 1),
        (0, 60, timedelta(seconds=30), 0.5),
        (10, 60, timedelta(minutes=5), 15),
        (59, 60, timedelta(minutes=5), 60),
        (60, 60, timedelta(days=30), 60),
        (-30, 60, timedelta(minutes=30), 0),
        (-30, 60, HOUR, 30),
    ],
)
def test_it_is_refilled_evenly_and_never_over_an_hours_worth(left, per_hour, passed, then):
    """An hour brings back an hour's worth, half a minute its part; who was silent for a month may send no more at once than after an hour."""
    assert Bucket(left, NOW).refilled(per_hour, NOW + passed) == (pytest.approx(then), NOW + passed)


@quick
@given(st.floats(-1000, 1000), RATES, st.timedeltas(timedelta(0), timedelta(days=3)))
def test_a_clock_that_was_put_back_refills_nothing_and_takes_nothing(left, per_hour, back):
    """Whoever sets a clock back gains nothing by it, and nobody is punished for it; from then on it is refilled as ever."""
    bucket = Bucket(min(left, per_hour), NOW)

    put_back = bucket.refilled(per_hour, NOW - back)

    assert put_back == (bucket.left, NOW - back)
    assert put_back.refilled(per_hour, NOW - back + HOUR).left == pytest.approx(min(per_hour, bucket.left + per_hour))


@quick
@given(RATES, st.lists(st.tuples(st.timedeltas(timedelta(0), timedelta(hours=5)), st.integers(1, 50)), max_size=30))
def test_no_more_goes_out_than_a_burst_and_the_rate(per_hour, tries):
    """However the tries are spread, over any time no more goes out than one hour's worth at once and the rate besides."""
    bucket, now, sent = Bucket(per_hour, NOW), NOW, 0
    for passed, count in tries:
        now += passed
        bucket = bucket.refilled(per_hour, now)
        for _ in range(count):
            if bucket.left >= 1:
                bucket, sent = bucket.spent(1), sent + 1

    assert sent <= per_hour + per_hour * ((now - NOW) / HOUR) + 1e-6


@quick
@given(st.floats(-1000, 1000), RATES)
def test_it_says_from_when_on_one_more_may_go(left, per_hour):
    """The moment that is told is the true one: then one more may go out, and a little before it may not."""
    bucket = Bucket(min(left, per_hour), NOW)
    again = bucket.again_at(per_hour)

    assert bucket.refilled(per_hour, again + timedelta(milliseconds=1)).left >= 1
    if bucket.left < 1:
        assert bucket.refilled(per_hour, again - timedelta(seconds=1)).left < 1
    else:
        assert again == NOW


@quick
@given(SPANS, SPANS, RATES, st.floats(-100, 100))
def test_looking_twice_refills_no_more_than_looking_once(one, other, per_hour, left):
    """How often a bucket is looked at on the way changes nothing of what is left in the end, as long as the clock goes on."""
    first, last = sorted((abs(one), abs(other)))
    bucket = Bucket(min(left, per_hour), NOW)

    twice = bucket.refilled(per_hour, NOW + first).refilled(per_hour, NOW + last)

    assert twice.left == pytest.approx(bucket.refilled(per_hour, NOW + last).left, abs=1e-6)


def test_spending_below_zero_is_a_debt():
    """Of two processes that spent the same, both did send: what was too much is waited for."""
    bucket = Bucket(1, NOW).spent(3)

    assert bucket == (-2, NOW)
    assert bucket.again_at(60) == NOW + timedelta(minutes=3)
