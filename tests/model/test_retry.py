"""When a message that failed is tried again, and when no more."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somabus.errors import ConfigurationError
from somabus.model.retry import RetryPolicy
from tests.model.examples import quick

ROUNDING = timedelta(microseconds=1)
SPANS = st.timedeltas(timedelta(seconds=1), timedelta(hours=5))
DICE = st.floats(0, 1, exclude_max=True)


@quick
@given(SPANS, st.timedeltas(timedelta(0), timedelta(days=365)), st.integers(1, 500), DICE)
def test_the_wait_lies_between_half_and_whole(base, more, attempt, dice):
    """Every wait is at least half of the doubled and capped base, and never more than the whole of it."""
    cap = base + more
    full = min(cap.total_seconds(), base.total_seconds() * 2.0 ** (attempt - 1))

    delay = RetryPolicy(base=base, cap=cap).delay(attempt, dice)

    assert full / 2 - 1e-5 <= delay.total_seconds() <= full + 1e-5
    assert delay <= cap + ROUNDING


@pytest.mark.parametrize(
    ("attempt", "seconds"), [(1, 30), (2, 60), (3, 120), (4, 240), (7, 1920), (8, 3600), (9, 3600), (10_000, 3600)]
)
def test_the_default_doubles_up_to_an_hour(attempt, seconds):
    """Half a minute, a minute, two … and never more than an hour, of which the dice decide the upper half."""
    policy = RetryPolicy()

    assert policy.delay(attempt, 0) == timedelta(seconds=seconds) / 2
    assert policy.delay(attempt, 0.5) == timedelta(seconds=seconds) * 0.75


@quick
@given(st.integers(1, 40), DICE, DICE)
def test_different_dice_keep_messages_apart(attempt, one, two):
    """Messages that failed together come back in the order of their dice, not together."""
    delays = [RetryPolicy().delay(attempt, dice) for dice in sorted([one, two])]

    assert delays == sorted(delays)


@pytest.mark.parametrize(("attempt", "over"), [(0, False), (1, False), (4, False), (5, True), (6, True)])
def test_the_last_attempt_is_the_one_of_the_limit(attempt, over):
    """With five attempts the fifth is the last, also if the count has run past it."""
    assert RetryPolicy(max_attempts=5).exhausted(attempt) is over


@pytest.mark.parametrize(
    "facts",
    [
        {"max_attempts": 0},
        {"max_attempts": -1},
        {"max_attempts": 1000},
        {"base": timedelta(seconds=-1)},
        {"base": timedelta(hours=2)},
        {"cap": timedelta(seconds=29)},
    ],
)
def test_a_policy_that_cannot_be_kept_is_refused(facts):
    """No attempt, more attempts than a life has numbers for, or a base over the cap: told when it is set."""
    with pytest.raises(ConfigurationError):
        RetryPolicy(**facts)


@pytest.mark.parametrize("facts", [{"max_attempts": 1}, {"max_attempts": 999}, {"base": timedelta(0)}])
def test_the_bounds_themselves_are_allowed(facts):
    """One attempt, 999 attempts and no wait at all are policies."""
    assert RetryPolicy(**facts)


def test_one_attempt_means_no_retry():
    """A policy of one attempt gives up at the first failure."""
    assert RetryPolicy(max_attempts=1).exhausted(1)


def test_a_long_base_is_capped_like_a_short_one():
    """However often it failed and however long the base: the wait is the cap, and no overflow."""
    policy = RetryPolicy(max_attempts=100, base=timedelta(hours=6), cap=timedelta(days=1))

    assert policy.delay(40, 0) == timedelta(hours=12)
