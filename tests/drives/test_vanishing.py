"""A drive that went away is never taken for an empty bus, and nothing is made in its place."""

import contextlib

import pytest

from somabus.errors import StoreUnavailableError
from somabus.store.directory import DirectoryStore
from tests.drives.conftest import everything, make_store

VERBS = {
    "read": lambda store: store.read("box/a.json"),
    "read what was listed": lambda store: store.read("box/a.json", listed=True),
    "read what never was": lambda store: store.read("other/none.json"),
    "create": lambda store: store.create("box/b.json", b""),
    "create in a new folder": lambda store: store.create("new/b.json", b""),
    "create_many": lambda store: store.create_many([("box/b.json", b"")]),
    "replace": lambda store: store.replace("box/a.json", b""),
    "move": lambda store: store.move("box/a.json", "box/b.json"),
    "delete": lambda store: store.delete("box/a.json"),
    "list": lambda store: store.list("box"),
    "list what never was": lambda store: store.list("new"),
    "wait": lambda store: store.wait("box", 0),
    "lock": lambda store: store.lock("x").__enter__(),
}
NOT_YET_ASKED = {**VERBS, "now": lambda store: store.now()}
verbs = pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
all_verbs = pytest.mark.parametrize("verb", NOT_YET_ASKED.values(), ids=NOT_YET_ASKED)


@pytest.fixture
def root(tmp_path):
    """A bus with one document."""
    root = tmp_path / "bus"
    root.mkdir()
    (root / "somabus.json").write_bytes(b"{}")
    opened(root).create("box/a.json", b"a")
    return root


def opened(root):
    """Return the store of a new process, which knows its bus by the marker."""
    return make_store(root, marker="somabus.json")


def unmount(root):
    """Leave an empty folder, as a drive does that is not mounted; return where the bus is kept meanwhile."""
    away = root.rename(root.with_name("away"))
    root.mkdir()
    return away


@all_verbs
def test_an_empty_mount_point_is_no_empty_bus(root, verb):
    """At an empty mount point every verb of a new process says that it could not look."""
    unmount(root)

    with pytest.raises(StoreUnavailableError):
        verb(opened(root))


@verbs
def test_a_drive_that_goes_while_we_work_is_noticed(root, verb):
    """A store that has been at work notices at its next verb that the drive is gone."""
    store = opened(root)
    store.replace("box/a.json", b"a")
    unmount(root)

    with pytest.raises(StoreUnavailableError):
        verb(store)


@all_verbs
def test_nothing_is_made_at_an_empty_mount_point(root, verb):
    """No mail is swallowed by the local disk: the mount point stays empty."""
    store = opened(root)
    store.replace("box/a.json", b"a")
    unmount(root)

    for each in (store, opened(root)):
        with contextlib.suppress(StoreUnavailableError):
            verb(each)
    del store

    assert everything(root) == {}


@all_verbs
def test_a_root_that_is_gone_is_not_made_again(root, verb):
    """Where even the mount point is missing, every verb says so and makes none."""
    root.rename(root.with_name("away"))

    with pytest.raises(StoreUnavailableError):
        verb(opened(root))
    assert not root.exists()


@verbs
def test_it_goes_on_when_the_drive_is_back(root, verb):
    """The same store works again once the drive is back, with nothing to reset."""
    store = opened(root)
    away = unmount(root)
    with pytest.raises(StoreUnavailableError):
        verb(store)
    root.rmdir()
    away.rename(root)

    verb(store)


def test_the_root_itself_is_not_listed_as_empty(root):
    """Also the listing of the whole tree says that it could not look."""
    unmount(root)

    with pytest.raises(StoreUnavailableError):
        opened(root).list("")


@pytest.mark.parametrize(
    "verb",
    [
        lambda store: store.read("box/none.json"),
        lambda store: store.list("none"),
        lambda store: store.move("box/none.json", "box/b.json"),
        lambda store: store.delete("box/none.json"),
        lambda store: store.create("new/a.json", b""),
        lambda store: store.wait("new", 0),
    ],
)
def test_without_its_marker_no_absence_is_believed_and_no_folder_made(root, verb):
    """A tree whose somabus.json is gone is none we know: what is missing there is not told as absent, nor made."""
    (root / "somabus.json").unlink()
    store, before = opened(root), everything(root)

    with pytest.raises(StoreUnavailableError):
        verb(store)
    assert everything(root) == before


def test_a_bus_is_not_made_by_asking_for_it(tmp_path):
    """Opening a path that is no bus makes nothing there, not even the path."""
    opened(tmp_path / "nowhere")

    assert everything(tmp_path) == {}


def test_a_store_without_a_marker_makes_its_own_root(tmp_path):
    """An agent's home needs no marker: it comes into being with its first document."""
    make_store(tmp_path / "home" / "scout").create("a.json", b"a")

    assert (tmp_path / "home" / "scout" / "a.json").read_bytes() == b"a"


def test_closing_does_not_need_the_drive(root):
    """A program ends quietly when the drive is gone, and leaves nothing at its mount point."""
    store = DirectoryStore(str(root), writer="mine", marker="somabus.json")
    store.replace("box/a.json", b"a")
    unmount(root)

    store.close()

    assert everything(root) == {}


def test_closing_leaves_no_folder_behind(root):
    """A writer that is done takes its own empty folder under tmp/ with it, and leaves those of others."""
    store = DirectoryStore(str(root), writer="mine", marker="somabus.json")
    store.replace("box/a.json", b"a")

    store.close()

    assert sorted(path.name for path in (root / "tmp").iterdir()) == ["w"]


def test_a_closed_store_may_be_used_again(root):
    """Closing is no farewell: the next verb works, also one that writes."""
    store = DirectoryStore(str(root), writer="mine", marker="somabus.json")
    store.replace("box/a.json", b"a")
    store.close()

    store.replace("box/a.json", b"b")

    assert store.read("box/a.json") == b"b"


def test_two_stores_of_one_writer_word_do_not_break_each_other(root):
    """A store that is closed takes no folder from under another one, even if both were given one word by mistake."""
    one, two = (DirectoryStore(str(root), writer="same", marker="somabus.json") for _ in range(2))
    one.replace("box/a.json", b"a")
    two.replace("box/a.json", b"b")
    one.close()

    two.replace("box/a.json", b"c")

    assert two.read("box/a.json") == b"c"
