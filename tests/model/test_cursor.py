"""A cursor moves only over numbers without a gap, and a hole is waited for before it is given up."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from somabus.model.cursor import HOLE_PATIENCE, Cursors, Hole, Position, advance
from tests.model.examples import NOW, quick

SOON, LATER = NOW + HOLE_PATIENCE - timedelta(seconds=1), NOW + HOLE_PATIENCE
NUMBERS = st.sets(st.integers(1, 40))


def hole(number, since=NOW):
    """Return a hole that was first missed now, or then."""
    return Hole(number=number, since=since)


@pytest.mark.parametrize(
    ("at", "present", "numbers", "then"),
    [
        (0, [], (), Position()),
        (7, [], (), Position(at=7)),
        (0, [1], (1,), Position(at=1)),
        (0, [1, 2, 3], (1, 2, 3), Position(at=3)),
        (5, [6, 7], (6, 7), Position(at=7)),
        (0, [1, 2, 4, 5], (1, 2), Position(at=2, hole=hole(3))),
        (0, [2, 3], (), Position(at=0, hole=hole(1))),
        (5, [8], (), Position(at=5, hole=hole(6))),
    ],
)
def test_it_reads_up_to_the_first_gap(at, present, numbers, then):
    """Everything without a gap is read; the first hole is noted with the time it was missed first."""
    assert advance(Position(at=at), present, NOW) == (numbers, then, ())


@quick
@given(st.integers(0, 20), NUMBERS)
def test_it_never_passes_a_gap(at, numbers):
    """Whatever a listing shows, what is read follows on the position without a gap, and nothing is lost at once."""
    present = sorted(number for number in numbers if number > at)

    step = advance(Position(at=at), present, NOW)

    assert step.numbers == tuple(range(at + 1, step.position.at + 1))
    assert set(step.numbers) <= set(present)
    assert step.position.at + 1 not in present
    assert step.lost == ()


@quick
@given(st.permutations(range(1, 12)))
def test_late_entries_are_all_read_once_and_in_order(order):
    """On a drive that lists entries in any order, every one is read exactly once, in the order of its number."""
    position, read, listed = Position(), [], set()
    for minute, number in enumerate(order):
        listed.add(number)
        step = advance(position, sorted(n for n in listed if n > position.at), NOW + timedelta(minutes=minute))
        position, read = step.position, [*read, *step.numbers]

    assert read == list(range(1, 12))
    assert position == Position(at=11)


def test_a_hole_is_waited_for():
    """Within the patience nothing after a hole is read, and the time it was first missed stays."""
    waiting = Position(at=2, hole=hole(3))

    assert advance(waiting, [4, 5], SOON) == ((), waiting, ())


def test_a_hole_that_fills_is_read_in_its_turn():
    """An entry that was only late is read before those behind it, and nothing is reported lost."""
    assert advance(Position(at=2, hole=hole(3)), [3, 4], SOON) == ((3, 4), Position(at=4), ())


def test_a_hole_that_stays_is_given_up_with_its_numbers():
    """After the patience the reader goes on, and says which numbers never came."""
    step = advance(Position(at=2, hole=hole(3)), [6, 7], LATER)

    assert step == ((6, 7), Position(at=7), (3, 4, 5))


def test_the_next_hole_gets_its_own_patience():
    """Giving up one hole does not give up the next: it is waited for from now on."""
    step = advance(Position(at=2, hole=hole(3)), [4, 6], LATER)

    assert step == ((4,), Position(at=4, hole=hole(5, LATER)), (3,))


def test_patience_counts_for_the_hole_it_was_taken_for():
    """A record of an older hole does not shorten the wait for a new one."""
    step = advance(Position(at=2, hole=hole(1)), [4], LATER)

    assert step == ((), Position(at=2, hole=hole(3, LATER)), ())


def test_a_log_that_shows_nothing_keeps_the_hole():
    """An empty listing concludes nothing from absence: the position stays as it was."""
    waiting = Position(at=2, hole=hole(3))

    assert advance(waiting, [], LATER) == ((), waiting, ())


@quick
@given(NUMBERS, st.integers(0, 5))
def test_every_number_is_read_or_reported(numbers, looks):
    """What lies between the old and the new position was read or reported lost, each number once."""
    position, seen = Position(), []
    for look in range(looks):
        step = advance(position, sorted(n for n in numbers if n > position.at), NOW + look * HOLE_PATIENCE)
        seen += [*step.numbers, *step.lost]
        assert set(step.lost).isdisjoint(numbers)
        position = step.position

    assert sorted(seen) == list(range(1, position.at + 1))


def test_cursors_survive_the_drive():
    """A reader that starts anew stands where it stood, holes and told alerts included."""
    cursors = Cursors(agent="scout", logs={"channels/alerts": Position(at=2, hole=hole(3))}, alerted={"a": "silent"})

    assert Cursors.model_validate_json(cursors.to_json()) == cursors


@pytest.mark.parametrize("value", [{"at": -1}, {"at": 1, "hole": {"number": 0, "since": NOW}}])
def test_a_position_before_the_first_entry_is_refused(value):
    """A damaged record of cursors is noticed, not read backwards from."""
    with pytest.raises(ValidationError):
        Position.model_validate(value)
