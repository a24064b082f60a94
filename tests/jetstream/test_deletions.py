"""P1, P3 on a server: a document that is deleted while it is moved, or after a move that was cut off, is gone for good."""

import pytest

from somabus.errors import KeyMissingError, StoreUnavailableError
from tests.jetstream.looking import all_of
from tests.jetstream.stopping import break_off, cut_off, stall


def test_a_document_deleted_in_mid_move_stays_deleted(server, store_on):
    """A delete that comes before the target wins: the mover writes none, or takes it away again, and is told."""
    store, other = store_on(server, "soma"), store_on(server, "soma", anew=False)
    store.create("in/a", b"it")
    stall(store, "write", lambda: other.delete("in/a"))
    with pytest.raises(KeyMissingError):
        store.move("in/a", "out/a.1")

    assert all_of(store) == {}


@pytest.mark.parametrize("step", ["remove", "intent", "intend"])
@pytest.mark.parametrize("done", [False, True], ids=["it was not done", "the answer is lost"])
def test_a_deletion_that_broke_off_is_finished_by_the_next(server, store_on, fences, step, done):
    """Whoever is told "could not look" in mid-delete deletes again: then nothing arrives behind it, though a mover stood still meanwhile."""
    if not fences:
        pytest.skip("it may arrive")
    store, other = store_on(server, "soma"), store_on(server, "soma", anew=False)
    store.create("in/a", b"it")

    def meanwhile():
        break_off(other, step, done=done)
        with pytest.raises(StoreUnavailableError):
            other.delete("in/a")
        other.delete("in/a")

    stall(store, "write", meanwhile)
    with pytest.raises(KeyMissingError):
        store.move("in/a", "out/a.1")

    assert all_of(store) == {}


def test_whoever_deletes_the_second_document_deletes_both(server, store_on):
    """What a cut-off move left behind is deleted with its document: it is handed to nobody afterwards."""
    store = store_on(server, "soma", move_takes=0)
    store.create("in/a", b"it")
    cut_off(server, store, "out/a.1", 4)
    assert set(all_of(store)) == {"in/a", "out/a.1"}

    store.delete("out/a.1")

    assert all_of(store) == {}


def test_to_delete_again_writes_nothing(server, store_on):
    """What stopped a move is written once, however often the document is deleted."""
    store = store_on(server, "soma")
    store.create("in/a", b"it")
    cut_off(server, store, "out/a.1", 2)
    store.delete("in/a")
    stopped = store._tree.intent("in/a").revision

    store.delete("in/a")

    assert store._tree.intent("in/a").revision == stopped
