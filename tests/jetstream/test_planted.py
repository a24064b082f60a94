"""P14 on a server: notes and intents that somebody planted."""

import pytest

from somabus.store.nats.stream import NEW

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
    assert store.read("out/a") == b"it"
    assert store.list("in") == []


def test_a_planted_intent_stops_nothing(server, store_on):
    """P14: an intent that names what is no key is taken over like any other, once it is old."""
    store = store_on(server, move_takes=0)
    store.create("in/a", b"it")
    store._tree.intend("in/a", "out/>\n\x00\n../..\n", NEW)

    store.move("in/a", "out/a")

    assert store.list("in") == []
    assert store.read("out/a") == b"it"


def test_a_planted_note_takes_along_only_what_its_intent_brings_here(store):
    """P14: a note on a document whose move really is under way, to another place, takes it away from nobody."""
    store.create("here/a", b"theirs")
    revision = store._tree.find("here/a").revision
    store._tree.intend("here/a", "out/theirs", NEW)
    for key in ("in/a", "in/b"):
        store._tree.write(key, b"it", {"Somabus-From": f"{revision} here/a"})

    store.move("in/a", "out/a")
    store.delete("in/b")

    assert store.read("here/a") == b"theirs"
