"""A numbered log: what is counted is what stands there, at every border, and a deletion costs nobody a later entry."""

import threading

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from somabus.errors import StoreUnavailableError
from somabus.log import Log
from somabus.model.archive import SEGMENT
from somabus.store.memory import MemoryStore
from somabus.testing import HandClock
from tests.model.examples import quick

PATH = "channels/general"
BORDERS = [0, 1, 2, 998, 999, 1000, 1001, 1998, 1999, 2000, 2001]
SIZES = st.integers(0, 2100) | st.sampled_from(BORDERS)
few = settings(quick, max_examples=20)


def a_log(size=0, *, without=(), planted=(), looked=False):
    """Return a log with entries 1 to `size`, some deleted and some planted; `looked`: it has been looked at before."""
    store = MemoryStore(HandClock().now)
    log = Log(store, PATH)
    numbers = ({*range(1, size + 1)} - set(without)) | set(planted)
    store.create_many([(log.key(number), b"genuine") for number in numbers])
    if looked:
        log.tail()
    return log


def fresh(log):
    """Return the same log for a process that has never looked at it."""
    return Log(log._store, PATH)


def everybody(_number):
    """Take whatever stands behind a gap for a writer's own."""
    return True


# -- counting ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", BORDERS)
@pytest.mark.parametrize("looked", [False, True])
def test_the_end_is_the_last_number_at_every_border(size, looked):
    """A log of any length knows its last number, and what waits behind each position is the rest of it."""
    log = a_log(size, looked=looked)

    assert log.tail() == log.last(everybody) == size
    assert {at: log.waiting(at) for at in BORDERS} == {at: max(0, size - at) for at in BORDERS}
    assert {at: fresh(log).waiting(at) for at in BORDERS} == {at: max(0, size - at) for at in BORDERS}


@few
@given(SIZES, st.lists(SIZES, max_size=5), SIZES)
@example(999, [1, 0, 1], 1000)
def test_a_log_that_remembers_counts_like_one_that_looks_for_the_first_time(size, grown, position):
    """However others let a log grow between two looks, over the ends of segments as well, no look shows an old count."""
    log = a_log()
    for count in (size, *grown):
        end = fresh(log).tail()
        end = min(end + count, 4200)
        log._store.create_many([(log.key(number), b"x") for number in range(fresh(log).tail() + 1, end + 1)])

        assert log.waiting(position) == fresh(log).waiting(position) == max(0, end - position)
        assert log.tail() == end


@few
@given(SIZES, st.integers(0, 2200), st.integers(1, 1500))
def test_what_comes_next_is_listed_in_order_up_to_the_limit(size, position, limit):
    """The numbers past a position come in order, across segments, none left out, and no more than were asked for."""
    assert a_log(size).after(position, limit) == list(range(position + 1, size + 1))[:limit]


@pytest.mark.parametrize("looked", [False, True])
@pytest.mark.parametrize(
    ("size", "gone", "position", "waiting"),
    [
        (10, 5, 0, 4),
        (10, 5, 3, 1),
        (10, 5, 4, 0),
        (10, 5, 5, 5),
        (10, 5, 10, 0),
        (10, 1, 0, 0),
        (10, 1, 1, 9),
        (1100, 999, 998, 0),
        (1100, 999, 999, 101),
        (1100, 1000, 998, 1),
        (1100, 1000, 999, 0),
        (1100, 1000, 1000, 100),
        (1100, 1050, 500, 549),
        (1100, 1050, 1060, 40),
        (2100, 1000, 2050, 50),
        (2100, 1999, 2100, 0),
    ],
)
def test_a_reader_that_has_stepped_over_a_gap_counts_what_follows(size, gone, position, waiting, looked):
    """After a deletion a reader counts what it can read on from where it stands: up to the gap, or all behind it; the first look of a process shows the same as the next."""
    log = a_log(size, without=[gone], looked=looked)

    assert [log.waiting(position), log.waiting(position)] == [waiting] * 2


# -- appending -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", BORDERS)
@pytest.mark.parametrize("looked", [False, True])
def test_appending_leaves_no_gap_at_any_border(size, looked):
    """Entry after entry gets the next number, also over the end of a segment, and stands where it is looked for."""
    log = a_log(size, looked=looked)

    numbers = [log.append(b"%d" % n) for n in range(4)]

    assert numbers == list(range(size + 1, size + 5))
    assert [fresh(log).read(number) for number in numbers] == [b"0", b"1", b"2", b"3"]
    assert log.key(numbers[0]) == f"{PATH}/{numbers[0] // SEGMENT:07d}/{numbers[0]:010d}.json"


@pytest.mark.parametrize("looked", [False, True])
@pytest.mark.parametrize(
    ("size", "gone"),
    [
        (size, gone)
        for size in (10, 999, 1000, 1100, 2100)
        for gone in (1, 2, 500, 998, 999, 1000, 1001, 1999, 2000)
        if gone < size
    ],
)
def test_an_entry_is_appended_behind_a_deletion(size, gone, looked):
    """Where an entry was deleted, what is written later comes behind everything genuine: readers have stepped over the gap, and would never look into it."""
    log = a_log(size, without=[gone], looked=looked)

    assert [log.append(b"x", everybody), log.append(b"x", everybody)] == [size + 1, size + 2]
    assert log.last(everybody) == fresh(log).last(everybody) == size + 2
    assert log.read(gone) is None


@pytest.mark.parametrize("planted", [[7], [9, 10], [999], [1000], [2000], [7, 1500]])
def test_what_was_planted_behind_a_gap_moves_nobody(planted):
    """A number that no writer wrote, far ahead, does not draw the log after it: the next entry gets the next number."""
    log = a_log(5, planted=planted)

    assert log.append(b"x", lambda number: number not in planted) == 6
    assert log.append_at(7, b"x") is (7 not in planted)


@few
@given(st.integers(1, 30), st.sets(st.integers(1, 30)), st.sets(st.integers(1, 30)))
def test_the_last_number_is_the_highest_genuine_one_or_that_before_the_first_gap(size, gone, planted):
    """Whatever was deleted, and whatever was planted: nothing genuine stands behind the number that counts as the last."""
    log = a_log(size, without=gone, planted=planted)
    there = ({*range(1, size + 1)} - gone) | planted
    genuine = there - planted
    run = next(number for number in range(31) if number + 1 not in there)

    assert log.last(genuine.__contains__) == max({run, *genuine})


def test_a_number_that_somebody_has_is_left_to_them():
    """A number is given once: appending under one that is taken changes nothing, and says so."""
    log = a_log(3)

    assert log.append_at(3, b"mine") is False
    assert log.read(3) == b"genuine"
    assert log.append_at(4, b"mine") is True


def test_many_who_append_at_once_get_a_number_each():
    """Of writers at the same moment each gets a number of its own, and there is no gap between them."""
    log, numbers = a_log(995), []
    writers = [threading.Thread(target=lambda: numbers.append(fresh(log).append(b"x"))) for _ in range(12)]

    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert sorted(numbers) == list(range(996, 1008))


def test_a_log_in_which_others_are_always_faster_is_given_up():
    """A writer that finds every number taken stops after ten thousand: it could not append, and says so."""

    class Crowded(MemoryStore):
        """A store in which every number is taken the moment before it is asked for."""

        def create(self, key, data):
            super().create(key, b"of somebody else")
            super().create(key, data)

    log = Log(Crowded(HandClock().now), PATH)

    with pytest.raises(StoreUnavailableError, match="faster"):
        log.append(b"x")
    assert log.tail() == 10_000


# -- what is no entry ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["0000000/11.json", "0000000/0000000011.txt", "0000000/0000001011.json", "9999999/9999999999.json", "x/1.json"],
)
def test_a_file_of_another_name_is_no_entry(name):
    """What lies there under a name that no entry has is neither counted nor read nor appended behind."""
    log = a_log(10)
    log._store.create(f"{PATH}/{name}", b"x")

    assert (log.tail(), log.waiting(0), log.after(0, 99)) == (10, 10, list(range(1, 11)))
    assert log.append(b"x", everybody) == 11


def test_where_others_append_too_no_number_is_tried_in_vain():
    """Two processes that append in turn look first: nobody writes a document only to find its number taken."""
    store = MemoryStore(HandClock().now)
    one, two = Log(store, PATH), Log(store, PATH)
    numbers = [each.append(b"x") for each in (one, two) * 3]
    tried, create = [], store.create
    store.create = lambda key, data: (tried.append(key), create(key, data))

    numbers += [each.append(b"x") for each in (one, two) * 3]

    assert numbers == list(range(1, 13))
    assert len(tried) == 6


def test_one_who_appends_alone_lists_no_more_for_a_moment():
    """What a process appended a moment ago tells where its log ends; a second later it looks again."""
    clock = HandClock()
    store = MemoryStore(clock.now)
    log = Log(store, PATH)
    log.append(b"x")
    listed, look = [], store.list
    store.list = lambda *args: (listed.append(args), look(*args))[1]

    assert [log.append(b"x") for _ in range(5)] == [2, 3, 4, 5, 6]
    assert listed == []
    clock.advance(seconds=2)
    assert log.append(b"x") == 7
    assert listed != []
