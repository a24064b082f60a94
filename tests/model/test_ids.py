"""An id is a UUIDv7 whose order is the order of creation."""

import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somabus.model.ids import IdMaker, derive_id, from_milliseconds, id_time, is_id, microseconds, milliseconds, uuid7
from tests.model.examples import ID, NOW, moments, quick

MOMENTS = st.integers(0, (1 << 48) * 1000 - 1)
RANDOM = st.binary(min_size=8, max_size=8)


@quick
@given(MOMENTS, MOMENTS, RANDOM, RANDOM)
def test_ids_sort_by_their_moment(one, two, dice, other_dice):
    """A sorted listing is the order of creation to the microsecond, whatever the random part is."""
    first, second = uuid7(one, dice), uuid7(two, other_dice)

    if one != two:
        assert (first < second) == (one < two)


@quick
@given(st.integers(0, (1 << 48) * 1000 - 2))
def test_neighbouring_microseconds_stay_apart(us):
    """Two ids of neighbouring microseconds differ in order even if the dice fall against them."""
    assert uuid7(us, b"\xff" * 8) < uuid7(us + 1, bytes(8))


@quick
@given(MOMENTS, RANDOM)
def test_an_id_is_a_uuid_of_version_7(us, dice):
    """Any library of the world reads it as RFC 9562 version 7, and it is in its usual spelling."""
    made = uuid7(us, dice)

    assert is_id(made)
    assert (uuid.UUID(made).version, uuid.UUID(made).variant) == (7, uuid.RFC_4122)
    assert str(uuid.UUID(made)) == made


@quick
@given(moments(1970, 9999), RANDOM)
def test_the_moment_can_be_read_back(at, dice):
    """An id tells when it was made, to the millisecond."""
    assert id_time(uuid7(microseconds(at), dice)) == at - timedelta(microseconds=at.microsecond % 1000)


@quick
@given(MOMENTS, RANDOM, RANDOM)
def test_the_dice_make_the_difference(us, dice, other):
    """Two machines in one microsecond get two ids, because 62 bits are random."""
    low = (1 << 62) - 1
    same = int.from_bytes(dice) & low == int.from_bytes(other) & low

    assert (uuid7(us, dice) == uuid7(us, other)) == same


@pytest.mark.parametrize(
    "text",
    [
        "", "x", ID.upper(), ID[:-1], f"{ID}0", f"{ID}\n", f" {ID}", ID.replace("-", ""), f"{{{ID}}}",
        f"{ID[:14]}4{ID[15:]}", f"{ID[:19]}7{ID[20:]}", f"{ID[:19]}c{ID[20:]}", f"{ID[:-1]}g", f"{ID[:-1]}٣",
        f"../{ID}",
    ],
)  # fmt: skip
def test_another_spelling_is_no_id(text):
    """Only the lower-case form with hyphens, version 7 and the RFC's variant is an id, so one id is one name."""
    assert not is_id(text)


def test_the_same_cause_derives_the_same_id():
    """An automatic reply that is sent again after a crash meets its first sending by name."""
    assert derive_id(ID, "bounce") == derive_id(ID, "bounce")


@quick
@given(MOMENTS, RANDOM, st.text(max_size=20), st.text(max_size=20))
def test_a_derived_id_keeps_its_place_in_time(us, dice, label, other):
    """It is a sound id of its parent's millisecond, and another label gives another id."""
    parent = uuid7(us, dice)
    child = derive_id(parent, label)

    assert is_id(child)
    assert child[:13] == parent[:13]
    assert (child == derive_id(parent, other)) == (label == other)


def test_another_parent_derives_another_id():
    """Two messages of one millisecond do not share the id of their replies."""
    us = microseconds(NOW)

    assert derive_id(uuid7(us, bytes(8)), "reply") != derive_id(uuid7(us, b"\x01" * 8), "reply")


@quick
@given(st.lists(st.integers(0, 10**17), min_size=2, max_size=20))
def test_one_maker_always_goes_up(moments):
    """Ids of one process increase even when its clock stands still or is put back."""
    maker = IdMaker(bytes)

    made = [maker.make(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)) for us in moments]

    assert made == sorted(set(made))


def test_a_maker_takes_its_chance_from_outside():
    """Entropy is asked for at every id, eight bytes a time."""
    asked = []

    def dice(count):
        asked.append(count)
        return bytes([len(asked)]) * count

    maker = IdMaker(dice)
    maker.make(NOW)

    assert maker.make(NOW).endswith("020202020202")
    assert asked == [8, 8]


@pytest.mark.parametrize("hours", [0, 14, -12])
def test_moments_count_alike_in_every_zone(hours):
    """The same moment has the same number, whatever zone its writer lives in."""
    at = (NOW + timedelta(microseconds=1999)).astimezone(timezone(timedelta(hours=hours)))

    assert microseconds(at) == 1_767_614_400_001_999
    assert milliseconds(at) == 1_767_614_400_001


@quick
@given(st.integers(0, (1 << 48) - 1))
def test_every_48_bits_are_some_time(value):
    """No hostile id makes the reader of its time fail: what lies past the year 9999 becomes its end."""
    at = from_milliseconds(value)

    assert milliseconds(at) == min(value, milliseconds(datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)))
