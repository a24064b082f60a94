"""A full drive: the writer is told, nothing is half written, nothing is left behind, and reading goes on."""

import os

import pytest

from somabus.errors import StoreFullError
from tests.drives.conftest import everything, make_store

LARGE = b"x" * 5000
WRITING = {
    "create": lambda store: store.create("box/new.json", LARGE),
    "create in a new folder": lambda store: store.create("new/a.json", LARGE),
    "replace": lambda store: store.replace("box/a.json", LARGE),
    "create_many": lambda store: store.create_many([("box/b.json", b"small"), ("box/c.json", LARGE)]),
}
writing = pytest.mark.parametrize("write", WRITING.values(), ids=WRITING)


@pytest.fixture
def store(fs):
    """A store that has been at work, on a drive with hardly any room left."""
    fs.create_dir("/bus")
    store = make_store("/bus")
    store.create("box/a.json", b"old")
    fs.set_disk_usage(1000, "/bus")
    return store


@writing
def test_the_writer_is_told(store, write):
    """A document that does not fit raises `StoreFullError`, whichever verb writes it."""
    with pytest.raises(StoreFullError):
        write(store)


@writing
def test_nothing_is_half_written(store, write):
    """After the refusal every document is what it was before, and none was added."""
    with pytest.raises(StoreFullError):
        write(store)

    assert {path: data for path, data in everything("/bus").items() if data is not None} == {"/bus/box/a.json": b"old"}


@writing
def test_nothing_is_left_in_tmp(store, write):
    """The attempt gives back the room it took: a full drive does not get fuller by trying."""
    with pytest.raises(StoreFullError):
        write(store)

    assert os.listdir("/bus/tmp/w") == []


@writing
def test_it_works_again_once_there_is_room(store, fs, write):
    """After space was freed the same store does the same thing, with nothing to reset."""
    with pytest.raises(StoreFullError):
        write(store)
    fs.set_disk_usage(1_000_000, "/bus")

    write(store)

    assert LARGE in everything("/bus").values()


@writing
def test_reading_goes_on(store, write):
    """What is on the drive can be read, listed, moved and deleted while it is full."""
    with pytest.raises(StoreFullError):
        write(store)

    store.move("box/a.json", "box/b.json")
    assert (store.list("box"), store.read("box/b.json")) == (["b.json"], b"old")
    store.delete("box/b.json")
    assert store.list("box") == []


def test_what_fits_is_written(store):
    """A drive that is nearly full still takes what has room."""
    store.create("box/small.json", b"x")

    assert store.read("box/small.json") == b"x"
