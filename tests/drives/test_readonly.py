"""A drive that this user may only read: reading works, and each writing verb says that it was refused."""

import pytest

from somabus.errors import StoreRefusedError
from tests.drives.conftest import everything, make_store

WRITING = {
    "create": lambda store: store.create("box/b.json", b""),
    "create in a new folder": lambda store: store.create("new/b.json", b""),
    "create_many": lambda store: store.create_many([("box/b.json", b"")]),
    "replace": lambda store: store.replace("box/a.json", b""),
    "move": lambda store: store.move("box/a.json", "box/b.json"),
    "move to a new folder": lambda store: store.move("box/a.json", "new/b.json"),
    "delete": lambda store: store.delete("box/a.json"),
    "wait for a new folder": lambda store: store.wait("new", 0),
    "lock": lambda store: store.lock("x").__enter__(),
}


@pytest.mark.parametrize("write", WRITING.values(), ids=WRITING)
def test_each_writing_verb_says_that_it_was_refused(readonly, write):
    """A missing permission is told as such, in the bus's own error, and is not taken for a drive that is gone."""
    with pytest.raises(StoreRefusedError):
        write(make_store(readonly))


@pytest.mark.parametrize("write", WRITING.values(), ids=WRITING)
def test_a_refused_verb_changes_nothing(readonly, write):
    """After the refusal everything lies as it lay."""
    before = everything(readonly)

    with pytest.raises(StoreRefusedError):
        write(make_store(readonly))

    assert everything(readonly) == before


def test_reading_needs_no_permission_to_write(readonly):
    """Who may only look gets documents, listings and honest absences."""
    store = make_store(readonly)

    assert store.read("box/a.json") == b"a"
    assert store.read("box/none.json") is None
    assert store.list("box") == ["a.json"]
    assert store.list("none") == []


def test_who_may_only_look_still_has_a_time(readonly):
    """Where no folder can be made to ask the drive for its time, this machine's own is told."""
    assert make_store(readonly).now().tzinfo is not None


@pytest.mark.parametrize(
    "verb", [lambda store: store.create("a.json", b""), lambda store: store.replace("box/a.json", b"")]
)
def test_a_home_that_cannot_be_made_is_told_in_the_bus_own_error(readonly, verb):
    """A store without a marker whose root cannot be made raises an error of the tree of errors."""
    with pytest.raises(StoreRefusedError):
        verb(make_store(f"{readonly}/home"))
