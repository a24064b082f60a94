"""A link, a folder or a pipe where a document should be: never followed, never waited on, never a way out."""

import os
import socket

import pytest

from somabus.errors import KeyExistsError, StoreDamagedError
from tests.drives.conftest import everything, make_store

THROUGH = {
    "read": lambda store: store.read("link/a.json"),
    "read deep": lambda store: store.read("link/deep/b.json"),
    "create": lambda store: store.create("link/new.json", b"x"),
    "create deep": lambda store: store.create("link/new/x.json", b"x"),
    "create_many": lambda store: store.create_many([("link/new.json", b"x")]),
    "replace": lambda store: store.replace("link/a.json", b"x"),
    "move out": lambda store: store.move("link/a.json", "box/b.json"),
    "move in": lambda store: store.move("box/a.json", "link/b.json"),
    "delete": lambda store: store.delete("link/a.json"),
    "list": lambda store: store.list("link"),
    "list deep": lambda store: store.list("link/deep"),
}


@pytest.fixture
def outside(tmp_path):
    """Files of somebody else, beside the tree."""
    outside = tmp_path / "outside"
    (outside / "deep").mkdir(parents=True)
    (outside / "a.json").write_bytes(b"secret")
    (outside / "deep" / "b.json").write_bytes(b"deep secret")
    return outside


@pytest.fixture
def root(tmp_path, outside):
    """A tree with one document, and with a folder that leads out of it."""
    root = tmp_path / "bus"
    root.mkdir()
    make_store(root).create("box/a.json", b"a")
    (root / "link").symlink_to(outside)
    return root


@pytest.mark.parametrize("verb", THROUGH.values(), ids=THROUGH)
def test_no_verb_goes_through_a_linked_folder(root, outside, verb):
    """Nothing outside the tree is read, listed, changed or taken, whatever leads there."""
    before = everything(outside)

    with pytest.raises(StoreDamagedError):
        verb(make_store(root))

    assert everything(outside) == before


@pytest.mark.parametrize("verb", THROUGH.values(), ids=THROUGH)
def test_a_refusal_at_a_link_costs_no_document(root, verb):
    """The document that should have been moved or written is where it was, and nothing waits in tmp."""
    with pytest.raises(StoreDamagedError):
        verb(make_store(root))

    assert (root / "box" / "a.json").read_bytes() == b"a"
    assert [path for path in everything(root) if path.startswith(f"{root}/tmp/w/")] == []


def test_waiting_goes_through_no_linked_folder(root, outside):
    """A waiter makes no folder outside the tree."""
    before = everything(outside)

    with pytest.raises(StoreDamagedError):
        make_store(root).wait("link/new", 0)
    assert everything(outside) == before


def test_locking_goes_through_no_linked_folder(tmp_path, outside):
    """A lock makes no file outside the tree, also where tmp leads out of it."""
    (tmp_path / "bus").mkdir()
    (tmp_path / "bus" / "tmp").symlink_to(outside)
    before = everything(outside)

    with pytest.raises(StoreDamagedError), make_store(tmp_path / "bus").lock("x"):
        pass
    assert everything(outside) == before


@pytest.fixture(params=["to a file", "to a folder", "to nothing"])
def linked(request, root, outside):
    """A link in the place of a document."""
    target = {"to a file": outside / "a.json", "to a folder": outside, "to nothing": outside / "none"}[request.param]
    (root / "box" / "link.json").symlink_to(target)
    return make_store(root)


def test_a_linked_document_is_not_read(linked):
    """A link is damage, wherever it points: neither its target's bytes nor `not there`."""
    with pytest.raises(StoreDamagedError):
        linked.read("box/link.json")


def test_a_link_occupies_its_name(linked, outside):
    """Creating does not write through a link: the name is taken."""
    before = everything(outside)

    with pytest.raises(KeyExistsError):
        linked.create("box/link.json", b"x")
    assert everything(outside) == before


@pytest.mark.parametrize(
    "verb",
    [
        lambda store: store.replace("box/link.json", b"x"),
        lambda store: store.create_many([("box/link.json", b"x")]),
        lambda store: store.move("box/a.json", "box/link.json"),
        lambda store: store.move("box/link.json", "box/b.json"),
        lambda store: store.delete("box/link.json"),
    ],
)
def test_a_link_is_replaced_moved_and_deleted_as_itself(linked, outside, verb):
    """What it points at stays untouched by every writing verb."""
    before = everything(outside)

    verb(linked)

    assert everything(outside) == before


def test_a_replaced_link_is_a_document_again(linked):
    """The owner of a document gets rid of a link in its place by writing it anew."""
    linked.replace("box/link.json", b"mine")

    assert linked.read("box/link.json") == b"mine"


@pytest.fixture
def foldered(root):
    """A folder with something in it, in the place of a document."""
    (root / "box" / "folder.json").mkdir()
    (root / "box" / "folder.json" / "x").write_bytes(b"x")
    return make_store(root)


@pytest.mark.parametrize(
    ("verb", "error"),
    [
        (lambda store: store.read("box/folder.json"), StoreDamagedError),
        (lambda store: store.replace("box/folder.json", b"x"), StoreDamagedError),
        (lambda store: store.create_many([("box/folder.json", b"x")]), StoreDamagedError),
        (lambda store: store.delete("box/folder.json"), StoreDamagedError),
        (lambda store: store.move("box/a.json", "box/folder.json"), StoreDamagedError),
        (lambda store: store.create("box/folder.json", b"x"), KeyExistsError),
    ],
)
def test_a_folder_in_a_documents_place_is_told_and_left_alone(root, foldered, verb, error):
    """A folder needs a person: no verb empties it, overwrites it or calls it absent, and no document is lost."""
    before = {path: data for path, data in everything(root).items() if data is not None}

    with pytest.raises(error):
        verb(foldered)
    assert {path: data for path, data in everything(root).items() if data is not None} == before


@pytest.mark.parametrize(
    "verb",
    [
        lambda store: store.read("box/a.json/b.json"),
        lambda store: store.create("box/a.json/b.json", b""),
        lambda store: store.replace("box/a.json/b.json", b""),
        lambda store: store.delete("box/a.json/b.json"),
        lambda store: store.list("box/a.json"),
        lambda store: store.move("box/a.json", "box/a.json/b.json"),
    ],
)
def test_a_document_in_a_folders_place_is_told(root, verb):
    """A file where a folder should be is damage, and not an empty folder."""
    with pytest.raises(StoreDamagedError):
        verb(make_store(root))
    assert (root / "box" / "a.json").read_bytes() == b"a"


def test_the_inner_file_of_an_entry_may_be_no_link(root, outside):
    """Also a document that a drive without hard links keeps as a folder leads nowhere else."""
    (root / "box" / "entry").mkdir()
    (root / "box" / "entry" / "entry.json").symlink_to(outside / "a.json")

    with pytest.raises(StoreDamagedError):
        make_store(root).read("box/entry")


def test_a_pipe_does_not_stop_the_reader(root):
    """A FIFO in a document's place is told as damage at once: nobody waits for its writer."""
    os.mkfifo(root / "box" / "pipe.json")

    with pytest.raises(StoreDamagedError):
        make_store(root).read("box/pipe.json")


def test_a_socket_is_damage(root, monkeypatch):
    """A socket in a document's place needs a person; trying again does not mend it."""
    monkeypatch.chdir(root / "box")  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.json")

    with pytest.raises(StoreDamagedError):
        make_store(root).read("box/socket.json")


def test_the_root_itself_may_be_a_link(root, tmp_path):
    """Where the drive is mounted is the user's affair: a linked root is followed."""
    (tmp_path / "drive").symlink_to(root)

    assert make_store(tmp_path / "drive").read("box/a.json") == b"a"


@pytest.mark.parametrize("verb", [lambda store: store.read("a.json"), lambda store: store.list("box")])
def test_a_root_that_leads_nowhere_is_told_in_the_bus_own_error(tmp_path, verb):
    """A dangling link for a root is damage, and no exception from outside the tree of errors."""
    (tmp_path / "drive").symlink_to(tmp_path / "nowhere")

    with pytest.raises(StoreDamagedError):
        verb(make_store(tmp_path / "drive"))
