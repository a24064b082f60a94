"""P1, P3 on a server: a move is several messages, and wherever it stops, one document counts."""

from datetime import timedelta

import pytest

from somabus.errors import KeyMissingError, StoreRefusedError, StoreUnavailableError
from somabus.testing import Crash
from tests.jetstream.looking import all_of
from tests.jetstream.stopping import break_off, cut_off, dying, stall
from tests.jetstream.waiting import until

STEPS = {
    1: "before the intent", 2: "before the target's folder", 3: "before the target", 4: "behind it",
    5: "before the source is deleted", 6: "before the intent is deleted", 7: "behind all",
}  # fmt: skip


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


@pytest.mark.parametrize("goes_on", ["the new one is moved", "the old one is moved", "the old one is deleted"])
def test_what_is_written_anew_is_another_document(server, store_on, goes_on):
    """A key whose document was moved, and that is written again, has a document of its own: no move before is taken for its own."""
    store = store_on(server, "soma", move_takes=0)
    store.create("in/a", b"it")
    cut_off(server, store, "out/a.1", 2)
    store.move("in/a", "out/a.1")  # a take-over: its intent stays
    store.create("in/a", b"new")

    if goes_on == "the new one is moved":
        store.move("in/a", "out/a.2")
        assert all_of(store) == {"out/a.1": b"it", "out/a.2": b"new"}
    elif goes_on == "the old one is moved":
        store.move("out/a.1", "done/a")
        assert all_of(store) == {"in/a": b"new", "done/a": b"it"}
    else:
        store.delete("out/a.1")
        assert all_of(store) == {"in/a": b"new"}


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


def test_whoever_took_over_and_broke_off_is_not_told_of_the_others_target(server, store_on):
    """A take-over that breaks off, of a move that had arrived, is told at its next try that another has moved the document."""
    store = store_on(server, "soma", move_takes=0)
    store.create("in/a", b"it")
    cut_off(server, store, "out/a.1", 4)
    break_off(store, "find")
    with pytest.raises(StoreUnavailableError):
        store.move("in/a", "out/a.2")

    with pytest.raises(KeyMissingError):
        store.move("in/a", "out/a.2")

    assert all_of(store) == {"out/a.1": b"it"}


@pytest.mark.parametrize("step", ["find", "write", "remove"])
@pytest.mark.parametrize("done", [False, True], ids=["it was not done", "the answer is lost"])
def test_a_move_that_broke_off_is_gone_on_with_at_once(store, step, done):
    """Whoever is told "could not look" in mid-move may try again at once: it is still the mover, and is told that it has moved."""
    store.create("in/a", b"it")
    break_off(store, step, done=done)
    with pytest.raises(StoreUnavailableError):
        store.move("in/a", "out/a.1")
    store.move("in/a", "out/a.1")

    assert all_of(store) == {"out/a.1": b"it"}


def test_a_move_that_broke_off_behind_its_target_is_ours_whoever_looked(server, store_on, fences):
    """A target that was held up on its way, and decided the move, is its mover's, though another took the intent's place in mid-retry."""
    if not fences:
        pytest.skip("it is told that it was too late")
    store, other = store_on(server, "soma"), store_on(server, "soma", anew=False, move_takes=0)
    store.create("in/a", b"it")
    write, held = store._tree.write, []

    def hold_up(*args):
        store._tree.write = write
        held.append(args)
        raise StoreUnavailableError("in/a", "no answer")

    def meanwhile():
        write(*held[0])
        with pytest.raises(KeyMissingError):
            other.move("in/a", "out/a.2")

    store._tree.write = hold_up
    with pytest.raises(StoreUnavailableError):
        store.move("in/a", "out/a.1")
    stall(store, "intend", lambda: stall(store, "intend", meanwhile))  # before it takes its own intent's place
    store.move("in/a", "out/a.1")

    assert all_of(store) == {"out/a.1": b"it"}


def test_a_move_that_broke_off_is_gone_on_with_to_its_target_alone(store):
    """Whoever would move it elsewhere waits like everybody, also in the process whose move broke off: that one has it."""
    store.create("in/a", b"it")
    break_off(store, "write")
    with pytest.raises(StoreUnavailableError):
        store.move("in/a", "out/a.1")

    with pytest.raises(KeyMissingError):
        store.move("in/a", "out/a.2")
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


def test_a_move_that_is_refused_holds_nobody_up(server, store_on, fences):
    """P5: where the server refuses the target nothing was moved, and the next one may move it at once; before 2.12 after half a minute."""
    store, other = store_on(server, "soma"), store_on(server, "soma", anew=False)
    store.create("in/a", b"it")

    def refused(*_args):
        raise StoreRefusedError("out/a", "may not")

    store._tree.write = refused
    with pytest.raises(StoreRefusedError):
        store.move("in/a", "out/a")

    if fences:
        other.move("in/a", "out/b")
        assert all_of(other) == {"out/b": b"it"}
    else:
        with pytest.raises(KeyMissingError):
            other.move("in/a", "out/b")
