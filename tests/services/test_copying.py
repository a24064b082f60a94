"""A whole bus is copied from one store to another, document by document, and both hold the same afterwards."""

import pytest

from somabus import Agent, create_bus
from somabus.copying import copy, digest, documents
from somabus.errors import ConfigurationError, StoreUnavailableError
from somabus.store.directory import DirectoryStore
from somabus.store.memory import MemoryStore
from somabus.testing import HandClock


@pytest.fixture
def source(tmp_path):
    """The store of a bus with mail, posts, cursors and a lease."""
    bus = tmp_path / "bus"
    create_bus(bus, home=tmp_path / "home")
    scout, planner = (Agent(name, bus, home=tmp_path / "home", durability="none") for name in ("scout", "planner"))
    for n in range(5):
        scout.send("planner", str(n))
        scout.post("general", f"post {n}")
    planner.subscribe("general")
    planner.read()
    planner.beat()
    return DirectoryStore(str(bus), writer="copy")


@pytest.fixture
def target():
    """A store with nothing in it."""
    return MemoryStore(HandClock().now)


def test_all_of_it_is_there(source, target):
    """Every document, byte for byte, and nothing that passes; the digests say so."""
    seen = []
    done = copy(source, target, seen=seen.append)

    assert dict(documents(target)) == dict(documents(source))
    assert (done.documents, done.written, done.removed) == (seen[-1], seen[-1], 0)
    assert digest(source) == digest(target) == done.digest
    assert not [key for key in target._documents if key.startswith("tmp/")]


def test_a_copy_that_was_cut_off_goes_on(source, target):
    """What is there already is not written again; until all is there the target is no bus."""
    write, left = target.create_many, [1]

    def cut(documents):
        if not left:
            raise StoreUnavailableError("target", "gone")
        left.pop()
        write(list(documents)[:7])
        raise StoreUnavailableError("target", "gone")

    target.create_many = cut
    with pytest.raises(StoreUnavailableError):
        copy(source, target)
    assert target.read("somabus.json") is None
    target.create_many = write

    done = copy(source, target)

    assert done.written == done.documents - 7
    assert copy(source, target).written == 0


def test_what_has_gone_at_the_source_goes_only_if_it_is_asked_for(source, target):
    """A second copy leaves alone what only the target has, or takes it away."""
    copy(source, target)
    target.create("messages/planner/inbox/extra.json", b"{}")

    assert copy(source, target).removed == 0
    assert copy(source, target, removing=True).removed == 1
    assert digest(source) == digest(target)


def test_another_bus_is_not_written_over(source, target, tmp_path):
    """A target that is a bus of its own, and a source that is none, are refused; nothing is written."""
    create_bus(tmp_path / "other", home=tmp_path / "home")
    other = DirectoryStore(str(tmp_path / "other"), writer="w")
    before = dict(documents(other))

    with pytest.raises(ConfigurationError, match="another bus"):
        copy(source, other)
    with pytest.raises(ConfigurationError, match="no bus"):
        copy(target, other)

    assert dict(documents(other)) == before
