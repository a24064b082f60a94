"""A whole bus is copied from one store to another, document by document; one bus is never at work in two places."""

import os

import pytest

from somabus import Agent, create_bus
from somabus.copying import ASIDE, NOTE, copy, count, digest, documents, mirror
from somabus.errors import ConfigurationError, StoreUnavailableError
from somabus.model.bus import BUS_FILE
from somabus.store.directory import DirectoryStore
from somabus.store.memory import MemoryStore
from somabus.testing import HandClock


@pytest.fixture
def agents(tmp_path):
    """Scout and planner on a bus with mail, posts, cursors and a heartbeat."""
    create_bus(tmp_path / "bus", home=tmp_path / "home")
    scout, planner = (
        Agent(name, tmp_path / "bus", home=tmp_path / "home", durability="none") for name in ("scout", "planner")
    )
    for n in range(5):
        scout.send("planner", str(n))
        scout.post("general", f"post {n}")
    planner.subscribe("general")
    planner.read()
    planner.beat()
    return scout, planner


@pytest.fixture
def source(agents, tmp_path):
    """The store of that bus."""
    return DirectoryStore(str(tmp_path / "bus"), writer="copy")


@pytest.fixture
def target():
    """A store with nothing in it."""
    return MemoryStore(HandClock().now)


def stop(store):
    """Stop a bus as a human does in a hurry."""
    store.create("STOP", b"moving")


def test_a_stopped_bus_is_copied_whole(source, target):
    """Every document, byte for byte, and nothing that passes; the copy is the bus, and as stopped as the source."""
    stop(source)
    seen = []
    done = copy(source, target, seen=seen.append)

    assert dict(documents(target)) == dict(documents(source))
    assert digest(source) == digest(target) == done.digest
    assert (done.finished, done.documents, done.written, done.removed) == (True, seen[-1], seen[-1], 0)
    assert target.read(BUS_FILE) == source.read(BUS_FILE)
    assert set(target.list("")) == set(source.list("")) - {"tmp"}
    assert target.read("STOP") == b"moving"
    assert abs(count(source) - done.documents) <= 2  # somabus.json, and a document that is no JSON


def test_a_bus_at_work_is_copied_ahead_and_the_copy_is_no_bus(source, target, agents):
    """While the bus is at work the copy lacks the file that makes a bus; stopped and copied again it has all that came, went and moved."""
    assert not copy(source, target).finished
    assert target.read(BUS_FILE) is None

    agents[0].send("planner", "one more")
    for delivery in agents[1].inbox.drain():
        delivery.ack()
    stop(source)
    done = copy(source, target)

    assert done.finished
    assert 0 < done.written < done.documents
    assert done.removed >= 5
    assert dict(documents(target)) == dict(documents(source))
    assert digest(target) == done.digest
    assert copy(source, target)[1:3] == (0, 0)


def test_what_changes_after_the_stop_is_copied_too(source, target):
    """An agent that ends what it had in hand while the stopped bus is copied does not make the copy differ."""
    stop(source)
    late = iter([lambda: source.create("messages/planner/done/late.json", b"{}")])

    done = copy(source, target, seen=lambda _count: next(late, lambda: None)())

    assert done.finished
    assert target.read("messages/planner/done/late.json") == b"{}"
    assert digest(target) == digest(source) == done.digest


def test_a_copy_that_was_cut_off_goes_on(source, target):
    """What is there already is not written again; until all is there the target is no bus."""
    stop(source)
    write = target.create_many

    def cut(batch):
        write(list(batch)[:7])
        raise StoreUnavailableError("target", "gone")

    target.create_many = cut
    with pytest.raises(StoreUnavailableError):
        copy(source, target)
    assert target.read(BUS_FILE) is None
    target.create_many = write

    done = copy(source, target)

    assert (done.finished, done.written) == (True, done.documents - 7)


def test_a_bus_that_is_at_work_is_not_written_over(source, target):
    """Once the copy was resumed, copying again would undo what happened there, and is refused; copying back into the stopped old place is not."""
    stop(source)
    copy(source, target)
    target.delete("STOP")
    target.create("messages/planner/inbox/new.json", b"{}")
    before = dict(documents(target))

    with pytest.raises(ConfigurationError, match="at work at the target"):
        copy(source, target)
    assert dict(documents(target)) == before

    target.create("STOP", b"back")
    assert copy(target, source).finished
    assert source.read("messages/planner/inbox/new.json") == b"{}"
    assert digest(source) == digest(target)


@pytest.mark.parametrize("work", [copy, lambda a, b: mirror(a, b, note="n")], ids=["copy", "mirror"])
def test_what_is_no_copy_of_this_bus_is_not_touched(source, tmp_path, work):
    """A folder with somebody's files, and another bus, are refused; nothing is written and nothing removed."""
    create_bus(tmp_path / "other", home=tmp_path / "home")
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("dear")
    for name, said in (("other", "another bus"), ("letters", "no copy of this bus")):
        there = DirectoryStore(str(tmp_path / name), writer="w")
        before = dict(documents(there))

        with pytest.raises(ConfigurationError, match=said):
            work(source, there)

        assert dict(documents(there)) == before
    with pytest.raises(StoreUnavailableError):
        work(MemoryStore(HandClock().now), there)


@pytest.mark.skipif(os.name == "nt", reason="Windows lets only some make links")
def test_what_no_agent_could_read_is_named_and_left(source, target, tmp_path):
    """A link and a file that is too large are not copied, and told; all else is."""
    stop(source)
    (tmp_path / "bus" / "messages" / "planner" / "inbox" / "link.json").symlink_to("/etc/hostname")
    (tmp_path / "bus" / "registry" / "big.json").write_bytes(b"x" * (1 << 21))

    done = copy(source, target)

    assert done.finished
    assert done.left == ("messages/planner/inbox/link.json", "registry/big.json")
    assert digest(target) == digest(source) == done.digest


def test_a_mirror_follows_the_bus_and_is_none(source, tmp_path, agents):
    """A mirror holds what the bus holds, goes along with what moves, and lacks the file that makes a bus; agents refuse it, and people read what it is."""
    there = DirectoryStore(str(tmp_path / "look"), writer="m")
    first = mirror(source, there, note="a copy")
    assert (first.digest, first.finished) == (digest(source), False)

    for delivery in agents[1].inbox.drain():
        delivery.ack()
    agents[0].beat()
    again = mirror(source, there, note="a copy", again=True)

    assert dict(documents(there)) == dict(documents(source))
    assert again.written
    assert again.removed >= 5
    assert there.read(NOTE) == b"a copy"
    assert there.read(ASIDE) == source.read(BUS_FILE)
    assert there.read(BUS_FILE) is None
    assert mirror(source, there, note="a copy", again=True)[1:3] == (0, 0)


def test_a_mirror_is_put_right(source, tmp_path):
    """What somebody changes in a mirror, a STOP among it, is as on the bus after the next mirror has begun."""
    there = DirectoryStore(str(tmp_path / "look"), writer="m")
    mirror(source, there, note="a copy")
    key = next(key for key, _ in documents(there) if key.startswith("messages/planner/inbox"))
    there.replace(key, b"{}")
    there.create("STOP", b"")

    mirror(source, there, note="a copy")

    assert dict(documents(there)) == dict(documents(source))


def test_a_mirror_is_not_made_of_the_bus_itself(source, tmp_path, agents):
    """A bus is never taken for its own mirror, and nothing of it changes."""
    before = dict(documents(source))

    with pytest.raises(ConfigurationError, match="choose an empty folder"):
        mirror(source, DirectoryStore(str(tmp_path / "bus"), writer="m"), note="a copy")

    assert dict(documents(source)) == before
