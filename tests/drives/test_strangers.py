"""Files that are not ours: the system's are not seen, conflict copies are, and nothing unseen stays unnamed."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somabus.store.directory.store import strangers
from somabus.store.memory import MemoryStore
from somabus.store.port import JUNK, check_key, is_part
from somabus.testing import HandClock
from tests.drives.conftest import make_store
from tests.model.examples import quick

SYSTEM = [
    "Thumbs.db", "thumbs.db", "THUMBS.DB", "desktop.ini", "Desktop.ini", ".DS_Store", "._a.json", ".nfs000",
    ".nfs0000000000001",
    ".hidden", ".smbdelete1", ".fuse_hidden01",
]  # fmt: skip
CONFLICTS = [
    "a (1).json",
    "a (SMITH-PC's conflicted copy 2026-01-05).json",
    "a - Copy.json",
    "a~1.json",
    "a.json.bak",
    "Copy of a.json",
]
UNREACHABLE = [
    "a?.json",
    "a*",
    "a|b",
    'a"b',
    "a<b",
    "a\\b",
    "a:b",
    "con.json",
    "NUL",
    "trailing.",
    "trailing ",
    " leading",
    "ümlaut.json",
    "a\nb",
]


@pytest.fixture
def box(tmp_path):
    """A folder of a bus, with one document of ours."""
    make_store(tmp_path).create("box/a.json", b"a")
    return tmp_path / "box"


@pytest.mark.parametrize("name", SYSTEM)
def test_the_systems_own_files_are_not_listed(tmp_path, box, name):
    """What Windows, macOS and NFS leave in every folder is not taken for mail."""
    (box / name).write_bytes(b"")

    assert make_store(tmp_path).list("box") == ["a.json"]


@pytest.mark.parametrize("name", CONFLICTS)
def test_conflict_copies_are_listed(tmp_path, box, name):
    """A copy that a sync tool made is seen, so that it can be reported: it means that this is no shared drive."""
    (box / name).write_bytes(b"copy")
    store = make_store(tmp_path)

    assert sorted(store.list("box")) == sorted(["a.json", name])
    assert store.read(f"box/{name}") == b"copy"


@pytest.mark.parametrize("name", UNREACHABLE)
def test_a_name_that_is_no_key_is_not_listed(tmp_path, box, name):
    """A listing shows only what can be read by the name it shows."""
    (box / name).write_bytes(b"")

    assert make_store(tmp_path).list("box") == ["a.json"]


@quick
@given(
    st.from_regex(r"[0-9a-zA-Z.][ -~]{0,40}", fullmatch=True)
    | st.from_regex(r"[0-9][0-9a-z.-]{0,9}\.json", fullmatch=True)
)
def test_what_is_listed_can_be_asked_for(name):
    """Every name that a listing may show is a key, so no reader is shown what it cannot read."""
    if is_part(name):
        assert check_key(f"box/{name}") == f"box/{name}"


@pytest.mark.parametrize("name", UNREACHABLE)
def test_what_no_reader_sees_is_named(tmp_path, box, name):
    """`verify` can tell the operator of every file that no listing shows, with its path and what is wrong."""
    (box / name).write_bytes(b"")

    assert [path for path, fault in strangers(str(tmp_path)) if "no reader sees" in fault] == [f"box/{name}"]


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (lambda path: path.symlink_to("a.json"), "symbolic link"),
        (lambda path: path.symlink_to("nowhere"), "symbolic link"),
        (lambda path: path.symlink_to("."), "symbolic link"),
        (os.mkfifo, "neither a file nor a folder"),
    ],
)
def test_what_is_neither_file_nor_folder_is_named(tmp_path, box, make, fault):
    """Links and pipes that readers refuse are told with their fault, and links are not walked into."""
    make(box / "odd.json")

    [(path, said)] = strangers(str(tmp_path))

    assert path == "box/odd.json"
    assert fault in said


def test_an_odd_folder_is_named(tmp_path, box):
    """A folder that no key can reach is named like a file, and so is what lies in it if that is odd too."""
    (box / "b?" / "c?").mkdir(parents=True)

    assert [path for path, _ in strangers(str(tmp_path))] == ["box/b?", "box/b?/c?"]


@pytest.mark.parametrize("name", [*CONFLICTS, "b.json", ".nfs000", ".DS_Store"])
def test_what_readers_see_and_what_the_system_hides_is_no_stranger(tmp_path, box, name):
    """Documents, conflict copies (listings show them) and hidden files of the system are not reported here."""
    (box / name).write_bytes(b"")

    assert list(strangers(str(tmp_path))) == []


def test_what_is_being_written_is_no_stranger(tmp_path, box):
    """The folder tmp is the sweeper's affair: whatever lies there is debris or work."""
    (tmp_path / "tmp" / "odd?").write_bytes(b"")
    (box / "odd?").write_bytes(b"")

    assert [path for path, _ in strangers(str(tmp_path))] == ["box/odd?"]


def test_every_file_is_listed_or_named_or_hidden(tmp_path, box):
    """No file falls between: each is in a listing, or among the strangers, or hidden by a leading dot."""
    for name in {*SYSTEM, *CONFLICTS, *UNREACHABLE}:
        (box / name).write_bytes(b"")

    listed = set(make_store(tmp_path).list("box"))
    named = {path.removeprefix("box/") for path, _ in strangers(str(tmp_path))}

    assert listed | named | {name for name in os.listdir(box) if name.startswith(".") or name.lower() in JUNK} == set(
        os.listdir(box)
    )
    assert listed & named == set()


def test_the_memory_hides_the_same_names(tmp_path, box):
    """The reference store lists exactly what the directory lists, so tests in memory show what users will see."""
    memory = MemoryStore(HandClock().now)
    for name in CONFLICTS:
        memory.create(f"box/{name}", b"")
        (box / name).write_bytes(b"")
    memory.create("box/a.json", b"")

    assert memory.list("box") == make_store(tmp_path).list("box")


def test_a_file_that_is_taken_meanwhile_does_not_end_the_check(tmp_path, box):
    """A bus can be verified while agents work on it: what is gone by now is nobody's fault."""
    (box / "odd1?").write_bytes(b"")
    (box / "odd2?").write_bytes(b"")
    found = strangers(str(tmp_path))
    next(found)
    (box / "odd2?").unlink()

    assert list(found) == []


def test_a_tree_that_is_gone_is_not_called_clean(tmp_path):
    """`nothing strange` and `could not look` are different answers."""
    with pytest.raises(Exception, match="nowhere"):
        list(strangers(str(tmp_path / "nowhere")))
