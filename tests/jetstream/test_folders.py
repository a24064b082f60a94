"""What a server has beside moves: folders that are shown and let go, keys as subjects, batches, and locks."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somabus.store.nats.subjects import Subjects
from somabus.store.port import is_key
from somabus.testing import Crash
from tests.jetstream.looking import all_of
from tests.jetstream.stopping import dying


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


def test_a_batch_over_other_bytes_replaces_them(store):
    """What a batch finds under its keys is replaced where it is another."""
    store.create_many([("in/a", b"1"), ("in/b", b"2")])

    store.create_many([("in/a", b"1"), ("in/b", b"3"), ("in/c", b"4")])

    assert all_of(store) == {"in/a": b"1", "in/b": b"3", "in/c": b"4"}


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
