"""`somabus copy` and `somabus mirror` at the terminal: what they refuse, and what they say to do instead."""

import os
from pathlib import Path

import pytest

from somabus.copying import digest
from somabus.store.directory import DirectoryStore


def held(folder):
    """What stands for everything in a folder."""
    return digest(DirectoryStore(str(folder), writer="t"))


@pytest.fixture
def moved(team):
    """A shell on a bus that was moved to ./new and is at work there."""
    team("stop", "--why", "moves to new")
    assert team("copy", "bus", "new").code == 0
    assert team("--bus", "new", "resume").code == 0
    return team


@pytest.mark.parametrize("order", ["mirror bus bus/look --once", "mirror bus bus/a/../look --once", "mirror bus link/look --once",
                                   "mirror bus . --once", "copy bus bus/new", "copy bus bus", "copy bus ."])  # fmt: skip
def test_a_copy_is_not_made_inside_the_bus_nor_around_it(team, order):
    """A folder in the bus would be copied with it, again and again: refused whichever lies in the other, by whatever way it is named."""
    if "link" in order:
        if os.name == "nt":
            pytest.skip("Windows lets only some make links")
        Path("link").symlink_to("bus")
    before = held("bus")

    told = team(*order.split())

    assert (told.code, "lie in one another" in told.err) == (2, True), told
    assert held("bus") == before


def test_the_order_from_the_history_undoes_nothing(moved):
    """The same `copy` again is refused with what it would undo, while the new place is at work and while it is stopped; `--over` does it."""
    moved("--bus", "new", "send", "planner", "sent at the new place")
    assert "at work at the target" in moved("copy", "bus", "new").err
    moved("--bus", "new", "stop", "--why", "for an hour")
    before = held("new")

    told = moved("copy", "bus", "new")

    assert (told.code, "--over" in told.err) == (2, True), told
    assert held("new") == before
    assert moved("copy", "bus", "new", "--over").code == 0
    assert held("new") == held("bus")


@pytest.mark.slow
def test_an_old_place_that_is_copied_over_is_at_work_for_nobody(moved):
    """While the way back is made ahead, agents at the old address neither act nor take it for empty."""
    assert moved("copy", "new", "bus", "--over").code == 6

    for order in ("inbox", "read"):
        assert moved(*order.split()).code == 4, order


def test_who_resumes_the_old_place_reads_where_the_bus_went(moved):
    """Lifting a stop says what had been said with it, so that nobody brings the old place to life unawares."""
    told = moved("resume")

    assert (told.code, "moves to new" in told.out) == (0, True), told


@pytest.mark.parametrize("made", ["mirror bus there --once", "copy bus there"])
def test_a_copy_is_no_place_for_another_bus(team, made):
    """`init` does not put a new bus over a copy, and whoever looks there is told what it is and how it becomes the bus."""
    team(*made.split())
    before = held("there")

    for order in ("init there", "init there --anew", "join new --bus there", "inbox --bus there", "status --bus there"):
        told = team(*order.split())
        assert (told.code, "is a copy of a bus" in told.err, "copy FROM" in told.err) == (2, True, True), told
    assert held("there") == before
    team("stop")
    assert team("copy", "bus", "there").code == 0


@pytest.mark.parametrize(
    "wrong",
    [
        "nat://h:4222/soma",
        "nats:/h:4222/soma",
        "http://h/soma",
        "127.0.0.1:4222/soma",
        "nats://h:4222/a/b",
        "nats://h:99999/b",
    ],
)
def test_a_slip_in_an_address_makes_no_folder(team, wrong):
    """What is meant as an address and is none is wrong usage, with the way to write it; no folder of that name is made."""
    before = sorted(os.listdir())

    for order in (
        f"init {wrong}",
        f"status --bus {wrong}",
        f"copy bus {wrong}",
        f"bench {wrong}",
        f"mirror {wrong} look",
    ):
        told = team(*order.split())
        assert (told.code, "nats://HOST:4222/NAME" in told.err) == (2, True), told
    assert sorted(os.listdir()) == before
