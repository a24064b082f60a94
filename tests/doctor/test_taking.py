"""P16: the verdict on a race, and that what a drive breaks is seen."""

import os

import pytest

from somabus.clock import SystemClock
from somabus.doctor import taking
from somabus.doctor.duel import RACES
from somabus.doctor.finding import Weight
from somabus.doctor.place import place_on
from somabus.doctor.probes import examine
from somabus.doctor.taking import Taken, verdict
from somabus.model.bus import BUS_FILE


def taken(told, held=None):
    """What a racer was told, and what it had."""
    return Taken(frozenset(told), frozenset(told if held is None else held))


@pytest.mark.parametrize(
    ("way", "mine", "theirs", "weight", "learned", "said"),
    [
        ("link", taken([0, 2]), taken([1]), Weight.OK, {"link_exclusive": True, "hard_links": True}, "one winner, 3 times (2 and 1)"),
        ("link", taken([0, 1]), taken([1, 2]), Weight.WARNING, {"link_exclusive": False, "hard_links": False}, "two winners 1"),
        ("folder", taken([0, 1]), taken([1, 2]), Weight.ERROR, {"folder_exclusive": False}, "two winners 1 times"),
        ("claim", taken([0, 1, 2]), taken([2], []), Weight.NOTE, {"claims_exclusive": True}, "told that they won 1 times"),
        ("claim", taken([0, 1, 2]), taken([2]), Weight.ERROR, {"claims_exclusive": False}, "two holders"),
        ("claim", taken([0]), taken([2]), Weight.NOTE, {"claims_exclusive": True}, "nobody won 1 times"),
        ("o_excl", taken([0, 1, 2]), taken([0, 1, 2]), Weight.NOTE, {"open_exclusive": False}, "never relies on it"),
    ],
)  # fmt: skip
def test_a_race_has_one_winner_or_is_told(way, mine, theirs, weight, learned, said):
    """Two who have one name are a break of that protocol; two who were told so, of whom one has it, are not."""
    found = verdict(way, [mine, theirs], 3, "against planner")

    assert (found.weight, found.learned, said in found.cause) == (weight, learned, True), found


@pytest.fixture
def place(tmp_path):
    """A probe's folder on a bus."""
    (tmp_path / BUS_FILE).write_text("{}")
    with place_on(tmp_path, SystemClock(), "doctor-test") as made:
        yield made


def test_a_drive_that_lets_two_win_is_caught(place, monkeypatch):
    """Where exclusive creation lies, as on some clients, the race says so: it cannot pass by itself."""
    monkeypatch.setattr(taking, "_NEW", os.O_WRONLY | os.O_CREAT)

    (found,) = [each for each in examine(place) if each.name == "o_excl"]

    assert (found.weight, found.learned) == (Weight.NOTE, {"open_exclusive": False})
    assert f"two winners {RACES} times in {RACES}" in found.cause


def test_a_drive_without_hard_links_is_known_by_its_refusal(place, monkeypatch):
    """EPERM where nothing stands at the name means: no hard links; that is no error, and is remembered."""

    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(taking.os, "link", refuse)

    (found,) = [each for each in examine(place) if each.name == "link"]

    assert (found.weight, found.learned) == (Weight.NOTE, {"hard_links": False})


def test_nothing_is_left_behind_on_the_drive(tmp_path):
    """After an examination the bus is as it was, but for the folder tmp/."""
    (tmp_path / BUS_FILE).write_text("{}")

    with place_on(tmp_path, SystemClock(), "doctor-test") as place:
        found = list(examine(place))

    assert [each for each in found if each.weight is Weight.ERROR] == []
    assert sorted(path.name for path in tmp_path.rglob("*")) == [BUS_FILE, "tmp"]
