"""The store under Windows: the same promises with backslashes, no hard links, no devices and no case."""

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somabus.errors import InvalidKeyError, KeyExistsError, StoreDamagedError
from somabus.model import tree
from somabus.model.ids import uuid7
from somabus.model.names import channel_folder, is_name
from somabus.model.slot import OUTCOMES, Slot, State
from somabus.store.directory import DirectoryStore
from somabus.store.directory.windows import extended, is_link
from somabus.testing import FailingFiles
from somabus.testing.contract import StoreContract
from tests.drives.conftest import everything, make_store
from tests.model.examples import ID, NOW, quick

SINGLE_FILE_PROMISES = [
    "test_what_was_created_is_read_whole", "test_create_never_overwrites", "test_create_many_makes_all",
    "test_move_takes_it_along", "test_move_of_nothing_is_told", "test_delete_is_final_and_repeatable",
    "test_list_is_sorted_and_one_level_deep", "test_keys_stay_in_the_tree", "test_huge_documents_are_refused_unread",
    "test_now_is_aware_and_does_not_go_back",
]  # fmt: skip
real = pytest.mark.skipif(sys.platform != "win32", reason="only Windows itself shows it")
NAMES = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,63}", fullmatch=True).filter(is_name)
HOLDERS = st.text("0123456789abcdef", min_size=12, max_size=12)
IDS = st.builds(uuid7, st.integers(0, 10**17), st.binary(min_size=8, max_size=8))


@pytest.mark.parametrize("promise", SINGLE_FILE_PROMISES)
def test_the_contract_holds(windows, promise):
    """What every store promises for one process, this one keeps under Windows."""

    class Suite(StoreContract):
        def make_store(self, tmp_path):
            return make_store(windows)

    getattr(Suite(), promise)(None)


def test_a_key_is_a_path_with_backslashes(windows):
    """A document lies where a person looks for it in the Explorer."""
    make_store(windows).create("messages/scout/inbox/a.json", b"a")

    assert everything(windows)["C:\\bus\\messages\\scout\\inbox\\a.json"] == b"a"


def test_a_whole_drive_may_be_a_bus(windows):
    """A bus may lie at the root of a drive, as a share with a letter does."""
    store = make_store("C:\\")
    store.create("somabus.json", b"{}")
    store.create("box/a.json", b"a")
    store.move("box/a.json", "done/a.json")

    assert (store.read("somabus.json"), store.list("done"), store.list("box")) == (b"{}", ["a.json"], [])


def test_a_document_is_made_by_a_rename_that_refuses(windows):
    """Creation is exclusive without hard links: one rename that does not replace, and never a link."""
    steps = []
    store = make_store(windows, files=FailingFiles(lambda step, path: steps.append((step, path))))

    store.create("box/a.json", b"a")

    assert [step for step, path in steps if path.endswith("a.json")] == ["rename"]


def test_the_second_creation_leaves_no_debris(windows):
    """A refused creation changes nothing and leaves nothing in tmp."""
    store = make_store(windows)
    store.create("box/a.json", b"first")

    with pytest.raises(KeyExistsError):
        store.create("box/a.json", b"second")

    assert store.read("box/a.json") == b"first"
    assert os.listdir("C:\\bus\\tmp\\w") == []


@pytest.mark.parametrize(
    "name", ["con", "NUL", "aux.json", "Com1.x.json", "lpt9", "prn.", "a ", "a.", "C:", "a:b", "x\\..\\y"]
)
@pytest.mark.parametrize("place", ["{}", "{}/a.json", "box/{}"])
def test_devices_and_streams_are_no_keys(windows, name, place):
    """Nothing is opened that Windows would take for a device, a stream, a drive or another name."""
    before = everything(windows)

    with pytest.raises(InvalidKeyError):
        make_store(windows).create(place.format(name), b"")

    assert everything(windows) == before


@quick
@given(NAMES, NAMES, IDS, st.integers(0, 9), st.integers(0, 999_999), HOLDERS, st.sampled_from(list(OUTCOMES)))
def test_all_keys_of_a_bus_are_lower_case(name, other, message_id, digit, generation, holder, event):
    """No two documents of a bus differ by case alone, so none hides another where case does not count."""
    slot = Slot(digit, message_id, generation)
    keys = [
        tree.card(name), tree.heartbeat(name), tree.cursors(name), tree.outbox(name), tree.sent_key(name, "0f" * 32),
        tree.lease(name, generation), tree.done(name, NOW.date(), message_id, event),
        f"channels/{channel_folder(f'{name}:{other}')}",
        *(f"{tree.box(name, state)}/{slot.claimed(holder, 10**12).name}" for state in State),
    ]  # fmt: skip

    assert [key for key in keys if key != key.lower()] == []


def test_two_keys_that_differ_by_case_do_not_collide_silently(windows):
    """Who creates a key that is there in another case is refused; the document that is there stays."""
    store = make_store(windows)
    store.create("box/a.json", b"first")

    with pytest.raises(KeyExistsError):
        store.create("Box/A.json", b"second")

    assert store.read("box/a.json") == b"first"


def test_a_link_is_not_followed(windows, fs):
    """A symbolic link is refused, although Windows has no flag that says so at opening."""
    fs.create_file("C:\\secret.txt", contents="secret")
    fs.create_symlink("C:\\bus\\link.json", "C:\\secret.txt")

    with pytest.raises(StoreDamagedError):
        make_store(windows).read("link.json")


def test_an_entry_of_a_drive_without_links_is_read(windows, fs):
    """A document that a machine without hard links made as a folder is read by a Windows machine too."""
    fs.create_file("C:\\bus\\leases\\x\\1.json\\entry.json", contents="holder")

    assert make_store(windows).read("leases/x/1.json") == b"holder"


def test_a_folder_in_a_documents_place_is_damage(windows, fs):
    """A folder where a document should be needs a person, and is not mistaken for a missing permission."""
    fs.create_dir(f"C:\\bus\\{ID}.json")

    with pytest.raises(StoreDamagedError):
        make_store(windows).read(f"{ID}.json")


@pytest.mark.parametrize(
    ("path", "long"),
    [
        ("C:\\bus", "\\\\?\\C:\\bus"),
        ("X:\\", "\\\\?\\X:\\"),
        ("\\\\server\\share", "\\\\?\\UNC\\server\\share"),
        ("\\\\server\\share\\soma network", "\\\\?\\UNC\\server\\share\\soma network"),
        ("\\\\?\\C:\\bus", "\\\\?\\C:\\bus"),
        ("\\\\?\\UNC\\server\\share", "\\\\?\\UNC\\server\\share"),
        ("\\\\.\\C:\\bus", "\\\\.\\C:\\bus"),
    ],
)
def test_a_path_gets_its_long_form(path, long):
    """Drive letters and shares get the form that Windows takes at any length, and once only."""
    assert extended(path) == long


@pytest.mark.parametrize("root", ["D:\\bus", "\\\\server\\share\\bus"])
def test_a_bus_lies_on_any_drive(windows, fs, root):
    """A folder of a drive letter and of a share are roots like any other."""
    fs.create_dir(root)
    store = make_store(root)

    store.create("box/a.json", b"a")

    assert store.list("box") == ["a.json"]
    assert store.read("box/a.json") == b"a"
    assert os.path.exists(os.path.join(root, "box", "a.json"))


def test_a_junction_is_a_link(tmp_path):
    """A junction looks like a folder and leads elsewhere: it is not followed either."""
    plain = tmp_path.lstat()

    class Junction:
        st_mode = plain.st_mode
        st_reparse_tag = 0xA0000003

    assert not is_link(plain)
    assert is_link(Junction())


@real
def test_a_root_may_be_longer_than_windows_likes(tmp_path):
    """Every verb works below a root of 300 characters."""
    root = os.path.join(str(tmp_path), *["deep" * 12] * 6)
    store = DirectoryStore(root, writer="w")

    store.create("box/a.json", b"a")
    store.move("box/a.json", "box/b.json")
    store.replace("box/b.json", b"b")
    seen = store.list("box"), store.read("box/b.json")
    with store.lock("x") as held:
        store.delete("box/b.json")

    assert len(root) > 260
    assert (seen, held, store.read("box/b.json")) == ((["b.json"], b"b"), True, None)
    store.close()


@real
def test_who_waits_for_mail_can_end(tmp_path):
    """A process that watched a folder ends by itself: no thread of the watcher keeps it."""
    code = (
        "import sys; from somabus.store.directory import DirectoryStore\n"
        "store = DirectoryStore(sys.argv[1], writer='w'); store.wait('box', 0); store.wait('box', 0.1)"
    )

    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], timeout=30, check=False)

    assert done.returncode == 0
