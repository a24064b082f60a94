"""P1, P3 on a server: a move is several messages, and wherever it stops, one document counts."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somabus.errors import KeyMissingError, StoreUnavailableError
from somabus.store.nats import NatsStore
from somabus.store.nats.stream import NEW
from somabus.store.nats.subjects import Subjects
from somabus.store.port import is_key
from somabus.testing import Crash, Fuse
from tests.jetstream.stopping import StoppingLink
from tests.jetstream.waiting import until

STEPS = {
    1: "before the intent", 2: "before the target's folder", 3: "before the target", 4: "behind it",
    5: "before the source is deleted", 6: "before the intent is deleted", 7: "behind all",
}  # fmt: skip


def dying(server, store, at, **options):
    """A store on the same bus, in a process that dies at a step."""
    return NatsStore(StoppingLink([server.url], Fuse(at)), store._subjects._documents[:-2], **options)


def all_of(store):
    """What lies on the bus, by key."""
    keys = [f"{folder}/{name}" for folder in store.list("") for name in store.list(folder)]
    return {key: store.read(key) for key in keys}


def cut_off(server, store, target, at):
    """Move `in/a` with a process that dies at a step."""
    mover = dying(server, store, at)
    try:
        mover.move("in/a", target)
    except Crash:
        pass
    mover.close()


def stall(store, step, meanwhile):
    """Let a mover stand still before a step, once, while something else happens."""
    do = getattr(store._tree, step)

    def stalled(*args):
        setattr(store._tree, step, do)
        meanwhile()
        return do(*args)

    setattr(store._tree, step, stalled)


@pytest.mark.parametrize("at", STEPS, ids=STEPS.values())
def test_a_move_that_is_cut_off_is_finished_by_whoever_comes(server, store_on, at):
    """Wherever a mover dies: for a while the document is told to be gone, or has arrived; then one move of it succeeds, and one copy is left."""
    store, later = store_on(server, "soma"), store_on(server, "soma", anew=False, move_takes=0)
    store.create("in/a", b"it")
    cut_off(server, store, "out/a.1", at)
    arrived = store.read("out/a.1") is not None

    if at > 1:
        with pytest.raises(KeyMissingError):
            store.move("in/a", "out/a.2")
    if arrived:
        with pytest.raises(KeyMissingError):
            later.move("in/a", "out/a.3")
    else:
        later.move("in/a", "out/a.3")

    assert all_of(later) == {"out/a.1" if arrived else "out/a.3": b"it"}


def test_whoever_moves_the_second_document_removes_the_first(server, store_on):
    """What a cut-off move left behind is gone before its document goes on: it cannot come back under an older generation."""
    store = store_on(server, "soma", move_takes=0)
    store.create("in/a", b"it")
    cut_off(server, store, "out/a.1", 4)
    assert set(all_of(store)) == {"in/a", "out/a.1"}

    store.move("out/a.1", "done/a")

    assert all_of(store) == {"done/a": b"it"}
    with pytest.raises(KeyMissingError):
        store.move("in/a", "out/a.1")


def test_a_server_that_is_killed_brings_nothing_back(server, store_on):
    """What was moved, deleted or let go stays so when the server is killed with -9 and started again."""
    store = store_on(server, "soma")
    for n in range(50):
        store.create(f"in/{n}", b"it")
        store.move(f"in/{n}", f"out/{n}")
    for n in range(0, 50, 2):
        store.move(f"out/{n}", f"done/{n}")
        store.delete(f"done/{n}")
    store.prune("in")
    store.prune("done")
    server.kill()
    server.start()

    assert all_of(store) == {f"out/{n}": b"it" for n in range(1, 50, 2)}
    assert list(store._stream.subjects("soma.m.>", "")) == []


def test_a_mover_that_stood_still_is_told_that_it_was_too_late(server, store_on):
    """A mover that wakes before its target, when another has moved the document, changes nothing and is told so."""
    store, other = store_on(server, "soma"), store_on(server, "soma", anew=False, move_takes=0)
    store.create("in/a", b"it")
    stall(store, "write", lambda: other.move("in/a", "out/a.2"))
    with pytest.raises(KeyMissingError):
        store.move("in/a", "out/a.1")

    assert all_of(store) == {"out/a.2": b"it"}


def test_a_mover_that_stood_still_before_its_intent_finds_nothing(server, store_on):
    """Whoever becomes the mover of a document that was moved a moment ago makes nothing appear."""
    store, other = store_on(server, "soma"), store_on(server, "soma", anew=False)
    store.create("in/a", b"it")
    stall(store, "intend", lambda: other.move("in/a", "out/a.2"))

    with pytest.raises(KeyMissingError):
        store.move("in/a", "out/a.1")

    assert all_of(store) == {"out/a.2": b"it"}


def test_a_document_deleted_in_mid_move_stays_deleted(server, store_on):
    """A delete that comes before the target wins: the mover writes none, or takes it away again, and is told."""
    store, other = store_on(server, "soma"), store_on(server, "soma", anew=False)
    store.create("in/a", b"it")
    stall(store, "write", lambda: other.delete("in/a"))
    with pytest.raises(KeyMissingError):
        store.move("in/a", "out/a.1")

    assert all_of(store) == {}


def test_whoever_takes_over_and_dies_hides_nothing(server, store_on):
    """A target is found by the one after the next, too: where the one who took over died at once."""
    store = store_on(server, "soma", move_takes=0)
    store.create("in/a", b"it")
    cut_off(server, store, "out/a.1", 4)
    taker = dying(server, store, 4, move_takes=timedelta(0))  # behind the clock, and the intent
    with pytest.raises(Crash):
        taker.move("in/a", "out/a.2")
    taker.close()

    with pytest.raises(KeyMissingError):
        store.move("in/a", "out/a.3")

    assert all_of(store) == {"out/a.1": b"it"}


@pytest.mark.parametrize("step", ["find", "write", "remove"])
@pytest.mark.parametrize("answered", [True, False], ids=["it was not done", "the answer is lost"])
def test_a_move_that_broke_off_is_gone_on_with_at_once(store, step, answered):
    """Whoever is told "could not look" in mid-move may try again at once: it is still the mover, and is told that it has moved."""
    store.create("in/a", b"it")
    do = getattr(store._tree, step)

    def broken(*args):
        setattr(store._tree, step, do)
        if not answered:
            do(*args)
        raise StoreUnavailableError("in/a", "the connection broke")

    setattr(store._tree, step, broken)
    with pytest.raises(StoreUnavailableError):
        store.move("in/a", "out/a.1")
    store.move("in/a", "out/a.1")

    assert all_of(store) == {"out/a.1": b"it"}


def test_a_move_that_broke_off_is_not_gone_on_with_by_another_thread(store):
    """What is under way in this process is another's: of two threads only one has it, though an earlier move of theirs broke off."""
    store.create("in/a", b"it")
    store._mover._broken.append("another")

    def meanwhile():
        with pytest.raises(KeyMissingError):
            store.move("in/a", "out/a.2")

    stall(store, "write", meanwhile)
    store.move("in/a", "out/a.1")

    assert all_of(store) == {"out/a.1": b"it"}


PLANTED = ("x", "7", "{revision}", "{revision} somabus.json", "{revision} in/*", "99999999999999999999 a", "² a", " ")


@pytest.mark.parametrize("note", PLANTED)
def test_a_planted_note_deletes_nothing(store, note):
    """P14: where a document comes from is its writer's word: it stops no move and no deletion, and takes nothing else along."""
    store.create("somabus.json", b"bus")
    revision = store._tree.find("somabus.json").revision
    for key in ("in/a", "in/b"):
        store._tree.write(key, b"it", {"Somabus-From": note.format(revision=revision)})

    store.move("in/a", "out/a")
    store.delete("in/b")

    assert store.read("somabus.json") == b"bus"
    assert all_of(store)["out/a"] == b"it"
    assert store.list("in") == []


def test_a_planted_intent_stops_nothing(server, store_on):
    """P14: an intent that names what is no key is taken over like any other, once it is old."""
    store = store_on(server, move_takes=0)
    store.create("in/a", b"it")
    store._tree.intend("in/a", "out/>\n\x00\n../..\n", NEW)

    store.move("in/a", "out/a")

    assert store.list("in") == []
    assert store.read("out/a") == b"it"


def test_what_was_sent_twice_does_not_come_back(server, store_on):
    """P3: a message whose answer was lost is sent again and moved on; a server that is killed does not bring it back."""
    store = store_on(server, "soma")
    store.create("here/always", b"it")
    for n in range(20):
        store.create_many([(f"in/{n}", b"it")])
        store.create_many([(f"in/{n}", b"it")])
        store.move(f"in/{n}", f"out/{n}")
    server.kill()
    server.start()
    until(lambda: store.list("here"), "the server is back")

    assert store.list("in") == []
    assert len(store.list("out")) == 20


def test_a_batch_over_other_bytes_replaces_them(store):
    """What a batch finds under its keys is replaced where it is another."""
    store.create_many([("in/a", b"1"), ("in/b", b"2")])

    store.create_many([("in/a", b"1"), ("in/b", b"3"), ("in/c", b"4")])

    assert all_of(store) == {"in/a": b"1", "in/b": b"3", "in/c": b"4"}


@pytest.mark.parametrize("at", [1, 2, 3, 4, 5, 6])
def test_a_creation_that_is_cut_off_hides_nothing(server, store_on, at):
    """Wherever a process dies that begins a new folder: what is there shows, and the next one's document in every listing above it."""
    store = store_on(server, "soma")
    dead = dying(server, store, at)
    try:
        dead.create("a/b/c/1.json", b"1")
    except Crash:
        pass
    dead.close()
    assert ("1.json" in store.list("a/b/c")) == (store.read("a/b/c/1.json") is not None)
    assert store.read("a/b/c/1.json") is None or (store.list("a"), store.list("a/b")) == (["b"], ["c"])

    store.create("a/b/c/2.json", b"2")

    assert (store.list(""), store.list("a"), store.list("a/b")) == (["a"], ["b"], ["c"])
    assert "2.json" in store.list("a/b/c")


def test_a_folder_is_not_let_go_under_a_document_that_comes(server, store_on):
    """A document that comes between the look and the removal of an empty folder is seen in the listings above."""
    store, other = store_on(server, "soma"), store_on(server, "soma", anew=False)
    store.create("a/b/1.json", b"1")
    other.create("a/b/2.json", b"2")  # it has shown the folder, and will not do it again
    for name in ("1", "2"):
        store.delete(f"a/b/{name}.json")
    remove = store._stream.remove

    def slowly(revision, what):
        other.create("a/b/3.json", b"3")
        return remove(revision, what)

    store._stream.remove = slowly
    store.prune("a/b")

    assert (store.list("a"), store.list("a/b")) == (["b"], ["3.json"])
    store._stream.remove = remove
    other.delete("a/b/3.json")
    store.prune("a/b")
    store.prune("a")
    assert store.list("") == []
    other.create("a/b/4.json", b"4")
    assert (store.list(""), store.list("a")) == (["a"], ["b"])


def test_a_lock_whose_holder_died_is_passed_over(server, store_on):
    """A lock is held by one; nobody waits longer than a minute for one who died."""
    store = store_on(server, "soma")
    with store.lock("one") as first:
        assert first
        now = store._clock.now
        store._clock.now = lambda: now() + timedelta(seconds=61)
        with store.lock("one") as second:
            assert second
    assert store.list("") == [], "locks are no documents"


PART = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=12)


@given(st.lists(PART, min_size=1, max_size=4).map("/".join).filter(is_key))
def test_every_key_has_a_subject_of_its_own(key):
    """Keys and subjects are one to one: what a listing names is what was written, whatever a key may hold."""
    subjects = Subjects("soma")
    subject = subjects.document(key)

    assert not set(subject) & set(" *>")
    assert "" not in subject.split(".")
    assert subject.count(".") == key.count("/") + 2
    assert "/".join(Subjects.name(each) for each in subject.split(".")[2:]) == key
