"""A cursor moves only over numbers without a gap, a hole is waited for, and two copies of a cursor give up nothing."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from somabus.model.cursor import HOLE_PATIENCE, MOST_MINE, MOST_TOLD, Cursors, Hole, Position, advance
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


def test_of_a_hole_of_billions_the_first_numbers_are_told():
    """An entry of a number far ahead makes nobody count to it: the reader steps over the hole and tells the first numbers of it."""
    step = advance(Position(at=2, hole=hole(3)), [9_000_000_000], LATER)

    assert step.numbers == (9_000_000_000,)
    assert step.lost == tuple(range(3, 3 + MOST_TOLD))


# -- what a reader wrote itself ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "number", "then"),
    [
        (Position(), 1, Position(at=1)),
        (Position(at=4), 5, Position(at=5)),
        (Position(at=4), 6, Position(at=4, mine=(6,))),
        (Position(at=4, mine=(6,)), 5, Position(at=6)),
        (Position(at=4, mine=(6, 7, 9)), 5, Position(at=7, mine=(9,))),
        (Position(at=4, mine=(6,)), 6, Position(at=4, mine=(6,))),
        (Position(at=4), 3, Position(at=4)),
        (Position(at=4, hole=hole(5)), 7, Position(at=4, hole=hole(5), mine=(7,))),
        (Position(at=4, hole=hole(5)), 5, Position(at=5)),
    ],
)
def test_what_the_reader_wrote_itself_need_not_be_read(before, number, then):
    """A reader that has read all moves behind what it writes; one that has not remembers the number, and leaves nothing of others unread."""
    assert before.wrote(number) == then


def test_reading_on_passes_what_the_reader_wrote_itself():
    """Behind what was read, own entries are passed without being read."""
    assert Position(at=4, mine=(6, 7, 9)).moved(Position(at=5)) == Position(at=7, mine=(9,))


def test_the_newest_own_numbers_are_remembered():
    """Of very many own entries behind an unread one the newest are remembered; the position never passes what is unread."""
    position = Position()
    for number in range(2, MOST_MINE + 4):
        position = position.wrote(number)

    assert (position.at, len(position.mine)) == (0, MOST_MINE)
    assert position.mine == tuple(range(4, MOST_MINE + 4))


@quick
@given(st.integers(0, 10), st.lists(st.integers(1, 20), max_size=20))
def test_no_number_of_others_is_passed_by_writing(at, written):
    """Whatever a reader writes, and in whatever order it takes note of it, its position passes only what it has read or written."""
    position = Position(at=at)
    for number in written:
        position = position.wrote(number)

    assert set(range(at + 1, position.at + 1)) <= set(written)
    assert set(position.mine) == {number for number in written if number > position.at}
    assert position.at + 1 not in written


# -- two copies of one cursor --------------------------------------------------------------------------------------


def _position(at, holed, since, mine):
    """Return a position as moving makes them: its hole is the next number, and its own numbers lie behind that."""
    gap = Hole(number=at + 1, since=NOW + timedelta(minutes=since)) if holed else None
    return Position().moved(Position(at=at, hole=gap, mine=tuple(mine)))


POSITIONS = st.builds(
    _position, st.integers(0, 12), st.booleans(), st.integers(0, 3), st.sets(st.integers(1, 15), max_size=6).map(sorted)
)
COUNTS = st.dictionaries(st.sampled_from(["general", "arc:wiki"]), st.integers(0, 4))
COPIES = st.builds(
    lambda logs, channels: Cursors(agent="scout", logs=logs, channels=channels),
    st.dictionaries(st.sampled_from(["channels/general", "channels/alerts"]), POSITIONS),
    COUNTS,
)


@quick
@given(POSITIONS, POSITIONS, POSITIONS)
def test_it_does_not_matter_in_which_order_copies_meet(one, other, third):
    """However often, and in whatever order, the copies of several processes are joined, the same position comes out (a join-semilattice)."""
    assert one.joined(other) == other.joined(one)
    assert one.joined(one) == one
    assert one.joined(other).joined(other) == one.joined(other)
    left, right = one.joined(other).joined(third), one.joined(other.joined(third))
    assert (left.at, left.mine) == (right.at, right.mine)


@quick
@given(POSITIONS, POSITIONS)
def test_a_join_gives_up_nothing_that_either_has_read_and_reads_nothing_for_both(one, other):
    """A number is read after the join if and only if one of both had read or written it."""

    def known(position):
        return {*range(1, position.at + 1), *position.mine}

    joined = one.joined(other)

    assert joined.at >= max(one.at, other.at)
    assert known(joined) == known(one) | known(other)


@pytest.mark.parametrize(
    ("one", "other", "then"),
    [
        (Position(at=4, hole=hole(5, SOON)), Position(at=4, hole=hole(5)), hole(5)),
        (Position(at=4, hole=hole(5)), Position(at=4), hole(5)),
        (Position(at=4, hole=hole(5)), Position(at=7), None),
        (Position(at=4, hole=hole(5)), Position(at=7, hole=hole(8)), hole(8)),
        (Position(at=4, hole=hole(5), mine=(6,)), Position(at=5), None),
    ],
)
def test_of_two_records_of_one_hole_the_older_counts(one, other, then):
    """Patience with a hole goes on from the first process that missed it; a hole that one has passed is no hole."""
    assert one.joined(other).hole == other.joined(one).hole == then


@quick
@given(COPIES, COPIES, COPIES)
def test_copies_of_all_cursors_join_in_any_order(one, other, third):
    """Positions and subscriptions of several processes come out the same in whatever order they are saved."""
    assert _known(one.joined(other)) == _known(other.joined(one))
    assert _known(one.joined(one)) == _known(one)
    assert _known(one.joined(other).joined(third)) == _known(one.joined(other.joined(third)))


def _known(cursors):
    logs = {name: (position.at, position.mine) for name, position in cursors.logs.items()}
    return logs, cursors.channels


@quick
@given(COPIES, COPIES)
def test_no_copy_takes_back_what_another_has_read(one, other):
    """Joining moves no position back and forgets no log."""
    joined = one.joined(other)

    assert set(joined.logs) == {*one.logs, *other.logs}
    for copy in (one, other):
        assert all(joined.logs[name].at >= position.at for name, position in copy.logs.items())


@pytest.mark.parametrize(
    ("one", "other", "follows"),
    [
        ({}, {}, ()),
        ({"general": 1}, {}, ("general",)),
        ({"general": 1}, {"general": 1}, ("general",)),
        ({"general": 2}, {"general": 1}, ()),
        ({"general": 2}, {"general": 3}, ("general",)),
        ({"general": 1}, {"arc:wiki": 1}, ("arc:wiki", "general")),
    ],
)
def test_the_last_decision_about_a_channel_counts(one, other, follows):
    """Whoever subscribed or unsubscribed last is followed, whichever process it was; two that subscribed at once have subscribed."""
    copies = [Cursors(agent="scout", channels=channels) for channels in (one, other)]

    assert copies[0].joined(copies[1]).subscribed == copies[1].joined(copies[0]).subscribed == follows


def test_each_copy_keeps_its_own_alerts():
    """What was told is this copy's business: the caller says which copy is the newer one."""
    mine, other = Cursors(agent="scout", alerted={"a": "silent"}), Cursors(agent="scout", alerted={"b": "silent"})

    assert mine.joined(other).alerted == {"a": "silent"}


@pytest.mark.parametrize(
    "value",
    [{"mine": [0] * (MOST_MINE + 1)}, {"mine": ["x"]}, {"at": -1}],
)
def test_a_damaged_position_is_refused(value):
    """What no reader wrote is no position."""
    with pytest.raises(ValidationError):
        Position.model_validate(value)
