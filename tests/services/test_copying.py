"""A whole bus is copied from one store to another, document by document; one bus is never at work in two places."""

import os
import re
from datetime import timedelta

import pytest

from somabus import Agent, create_bus
from somabus.copying import NOTE, copy, count, digest, documents, mirror
from somabus.errors import ConfigurationError, StoreUnavailableError
from somabus.model.bus import BUS_FILE, COPY_FILE
from somabus.store.directory import DirectoryStore
from somabus.store.memory import MemoryStore
from somabus.testing import Crash, Fuse, HandClock, StoppingStore


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


@pytest.fixture
def moved(source, target):
    """A bus that was copied and resumed, with a message more at the new place; the old one is stopped. Both places."""
    stop(source)
    copy(source, target)
    target.delete("STOP")
    target.create("messages/planner/inbox/new.json", b"{}")
    return source, target


class Busy(StoppingStore):
    """A store on which something happens just before a key, that was listed, is read for the first time."""

    def __init__(self, store, key, happens):
        super().__init__(store, Fuse())
        self._happens = {key: happens}

    def read(self, key, *, listed=False):
        self._happens.pop(key, lambda: None)()
        return super().read(key, listed=listed)


def everything(store):
    """All that lies in a store, what makes it a bus or a copy as well."""
    apart = {name: store.read(name) for name in (BUS_FILE, COPY_FILE, NOTE)}
    return {**dict(documents(store)), **apart}


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
    assert copy(target, source, over=True).finished
    assert source.read("messages/planner/inbox/new.json") == b"{}"
    assert digest(source) == digest(target)


def test_the_same_order_again_undoes_nothing(moved):
    """Once the copy was at work, the order from the shell's history is refused even while it is stopped there; copying what is equal is not."""
    source, target = moved
    target.create("STOP", b"for an hour")
    before = everything(target)

    with pytest.raises(
        ConfigurationError, match=r"in 2 documents \('STOP', 'messages/planner/inbox/new.json'\).* --over"
    ):
        copy(source, target)
    assert everything(target) == before
    target.create("values.md", b"")
    target.create("messages/none/inbox.json", b"")
    source.create("messages/none/inbox/0.json", b"")
    named = "'STOP', 'messages/none/inbox/0.json', 'messages/none/inbox.json', …"
    with pytest.raises(ConfigurationError, match=re.escape(f"in 5 documents ({named})")):
        copy(source, target)

    assert copy(source, target, over=True).finished
    assert copy(source, target)[1:3] == (0, 0)
    assert dict(documents(target)) == dict(documents(source))


def test_an_old_place_that_is_copied_over_is_no_bus_meanwhile(moved):
    """Whoever copies back ahead, while the bus is at work at the new place, does not have it at work at the old one as well: that is no bus until the copy is finished."""
    old, new = moved

    done = copy(new, old, over=True)

    assert not done.finished
    assert (old.read("STOP"), old.read(BUS_FILE)) == (None, None)
    stop(new)
    assert copy(new, old).finished
    assert digest(old) == digest(new)


def test_a_copy_over_a_bus_that_is_cut_off_leaves_no_half_bus(moved):
    """Stopped at each step, the place that is copied over is the bus that it was, or no bus, or the bus that it becomes; copying again ends it."""
    old, new = moved
    stop(new)
    was, becomes = everything(old), dict(documents(new))
    seen, at, finished = set(), 0, False
    while not finished:
        at += 1
        there = MemoryStore(HandClock().now)
        there.create_many((key, data) for key, data in was.items() if data is not None)
        try:
            finished = copy(new, StoppingStore(there, Fuse(at)), over=True).finished
        except Crash:
            is_a_bus = there.read(BUS_FILE) is not None
            now = dict(documents(there))
            seen.add((is_a_bus, "was" if everything(there) == was else "becomes" if now == becomes else "half"))
            assert not is_a_bus or now == becomes or {**everything(there), COPY_FILE: None} == was
            assert copy(new, there, over=is_a_bus).finished
            assert dict(documents(there)) == becomes

    assert {(True, "was"), (False, "half"), (True, "becomes")} <= seen


def test_a_place_is_not_copied_over_itself(source, tmp_path):
    """Two ways to one stopped bus are found out, and it stays what it is."""
    stop(source)
    before = everything(source)
    for marker in (None, BUS_FILE):
        here = DirectoryStore(str(tmp_path / "bus"), writer="h", marker=marker)
        with pytest.raises(ConfigurationError, match="one place"):
            copy(here, source)
        assert everything(source) == before


def test_a_bus_that_is_resumed_while_it_is_copied_is_copied_ahead(source, target):
    """A stop that is lifted during the last pass leaves the copy unfinished, and so does one that was lifted and made again."""
    stop(source)
    for lift in (lambda: source.delete("STOP"), lambda: source.replace("STOP", b"another")):
        done = copy(Busy(source, "registry", lift), target)

        assert not done.finished
        assert target.read(BUS_FILE) is None
        source.replace("STOP", b"moving")


def test_what_moves_on_while_it_is_copied_is_found(source, target):
    """A message that an agent ends between the listing and the reading is in the finished copy, though its new folder was looked at before."""
    stop(source)
    copy(source, target)
    target.delete(BUS_FILE)
    target.create(COPY_FILE, source.read(BUS_FILE))
    name = source.list("messages/planner/inbox")[0]
    was, now = f"messages/planner/inbox/{name}", "messages/planner/dead/moved.json"
    done = copy(Busy(source, was, lambda: source.move(was, now)), target)

    assert done.finished
    assert digest(target) == digest(source) == done.digest
    assert target.read(now)


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
    assert there.read(COPY_FILE) == source.read(BUS_FILE)
    assert there.read(BUS_FILE) is None
    assert mirror(source, there, note="a copy", again=True)[1:3] == (0, 0)


def test_a_mirror_shows_what_is_replaced(source, tmp_path, agents):
    """A lease that was given back, and a dead letter's note that was written anew, are so in the next look."""
    there = DirectoryStore(str(tmp_path / "look"), writer="m")
    lease = agents[0].lease("deploy", for_=timedelta(minutes=10))
    next(iter(agents[1].inbox.drain())).reject("bad")
    (why,) = [key for key, _ in documents(source, "messages") if key.endswith(".why.json")]
    mirror(source, there, note="a copy")

    lease.release()
    source.replace(why, b"{}")
    mirror(source, there, note="a copy", again=True)

    assert there.read(why) == b"{}"
    assert dict(documents(there)) == dict(documents(source))


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


def test_a_target_that_keeps_another_thing_is_no_bus(source):
    """What is read back at the end decides: a target that lost a document meanwhile does not become a bus."""

    class Losing(StoppingStore):
        def read(self, key, *, listed=False):
            return None if key.endswith("cursors.json") and "registry" in key else super().read(key, listed=listed)

    stop(source)
    target = Losing(MemoryStore(HandClock().now), Fuse())

    assert not copy(source, target).finished
    assert target.read(BUS_FILE) is None
