"""Every error of the operating system has a meaning for a bus; those that pass are waited for, a bounded time."""

import errno

import pytest

from somabus.errors import (
    InvalidKeyError,
    StoreDamagedError,
    StoreFullError,
    StoreRefusedError,
    StoreUnavailableError,
)
from somabus.store.directory.trouble import MEANING, NO_LINKS, passes, patiently, translate
from somabus.testing import FailingFiles
from tests.drives.conftest import make_store

DOCUMENTED = {
    StoreFullError: ["ENOSPC", "EDQUOT", "EFBIG", "EMLINK"],
    StoreRefusedError: ["EROFS", "EACCES", "EPERM"],
    StoreDamagedError: ["ELOOP", "EISDIR", "ENOTDIR", "ENOTEMPTY", "EEXIST", "ENXIO"],
    InvalidKeyError: ["ENAMETOOLONG", "EILSEQ"],
    StoreUnavailableError: [
        "EIO", "EHOSTDOWN", "EHOSTUNREACH", "ETIMEDOUT", "ENODEV", "ESTALE", "ECONNRESET", "ENETDOWN",
        "EBUSY", "EINTR",
        "ENOTCONN", "EREMOTEIO", "EMFILE", "ENOMEM",
    ],
}  # fmt: skip
ROWS = [(getattr(errno, name), kind) for kind, names in DOCUMENTED.items() for name in names]
PASSING = ["EACCES", "EBUSY", "ETXTBSY", "ESTALE", "EINTR", "EAGAIN", "EDEADLK"]
NAMES = [errno.errorcode[number] for number, _ in ROWS]
rows = pytest.mark.parametrize(("number", "kind"), ROWS, ids=NAMES)
passing = pytest.mark.parametrize("name", PASSING)


def failing_store(root, step, number, times=10**9, seen=None):
    """Return a store on which a step fails with an error, the given number of times."""
    left = [times]

    def fails(this, path):
        if this != step:
            return None
        if seen is not None:
            seen.append(path)
        left[0] -= 1
        return number if left[0] >= 0 else None

    make_store(root, writer="other").create("box/a.json", b"a")
    return make_store(root, files=FailingFiles(fails))


def test_each_row_of_the_table_is_documented_here():
    """The table of meanings is the one that was agreed: nothing was dropped and nothing slipped in."""
    found = {kind: set(codes) for kind, codes in MEANING}

    assert found == {kind: {getattr(errno, name) for name in DOCUMENTED[kind]} for kind in found}


@rows
def test_an_error_is_translated_with_its_facts(number, kind):
    """The store's error says which document, and what the system said."""
    error = translate(OSError(number, "the system's words"), "box/a.json")

    assert type(error) is kind
    assert error.key == "box/a.json"
    assert "the system's words" in error.detail
    assert errno.errorcode[number] in error.detail


@pytest.mark.parametrize("error", [OSError("no number"), OSError(99_999, "unheard of"), OSError()])
def test_an_error_nobody_knows_means_could_not_look(error):
    """What is not in the table is never taken for an answer."""
    assert type(translate(error, "x")) is StoreUnavailableError


@rows
def test_a_failing_read_is_translated(tmp_path, number, kind):
    """A read that fails raises the meaning of its error; it never answers that nothing is there."""
    store = failing_store(tmp_path, "read", number)

    with pytest.raises(kind):
        store.read("box/a.json")


@rows
@pytest.mark.parametrize(
    "write",
    [
        lambda store: store.create("box/b.json", b"b"),
        lambda store: store.replace("box/b.json", b"b"),
        lambda store: store.create_many([("box/b.json", b"b")]),
    ],
    ids=["create", "replace", "create_many"],
)
def test_a_failing_write_is_translated(tmp_path, write, number, kind):
    """A write that fails aside raises the meaning of its error, whichever verb it serves."""
    store = failing_store(tmp_path, "write_new", number)

    with pytest.raises(kind):
        write(store)
    assert store.list("box") == ["a.json"]


@rows
def test_a_failing_move_is_translated(tmp_path, number, kind):
    """A move that fails raises the meaning of its error; the document stays."""
    store = failing_store(tmp_path, "replace", number)

    with pytest.raises(kind):
        store.move("box/a.json", "box/b.json")
    assert store.list("box") == ["a.json"]


@rows
def test_a_failing_replacement_is_translated(tmp_path, number, kind):
    """A replacement that fails in its last step raises the meaning of its error; the old bytes stay."""
    store = failing_store(tmp_path, "replace", number)

    with pytest.raises(kind):
        store.replace("box/a.json", b"new")
    assert store.read("box/a.json") == b"a"


@rows
def test_a_failing_delete_is_translated(tmp_path, number, kind):
    """A deletion that fails raises the meaning of its error; the document stays."""
    store = failing_store(tmp_path, "unlink", number)

    with pytest.raises(kind):
        store.delete("box/a.json")
    assert store.read("box/a.json") == b"a"


@rows
def test_a_failing_sync_is_not_acknowledged(tmp_path, number, kind):
    """Where the last step fails, the call does not return as if the document were durable."""
    store = failing_store(tmp_path, "sync_folder", number)

    with pytest.raises(kind):
        store.replace("box/a.json", b"new")


@pytest.mark.parametrize("number", sorted(NO_LINKS), ids=errno.errorcode.get)
def test_a_drive_without_links_still_creates(tmp_path, number):
    """Whatever such a drive says to a link, the document is made another way, and exclusively."""
    store = failing_store(tmp_path, "link", number)

    store.create("box/b.json", b"b")

    assert store.read("box/b.json") == b"b"


@pytest.mark.parametrize(("number", "kind"), [row for row in ROWS if row[0] not in NO_LINKS and row[0] != errno.EEXIST])
def test_a_link_that_fails_otherwise_is_translated(tmp_path, number, kind):
    """An error that does not mean `no links here` is raised, and nothing is made another way."""
    store = failing_store(tmp_path, "link", number)

    with pytest.raises(kind):
        store.create("box/b.json", b"b")
    assert store.list("box") == ["a.json"]


@rows
def test_a_failed_write_leaves_nothing_in_tmp(tmp_path, number, kind):
    """Whatever went wrong, the attempt cleans up behind itself."""
    store = failing_store(tmp_path, "replace", number)

    with pytest.raises(kind):
        store.create_many([("box/b.json", b"b"), ("box/c.json", b"c")])

    assert list((tmp_path / "tmp" / "w").iterdir()) == []


@passing
@pytest.mark.parametrize(
    ("step", "act"),
    [
        ("read", lambda store: store.read("box/a.json")),
        ("replace", lambda store: store.replace("box/a.json", b"new")),
        ("replace", lambda store: store.move("box/a.json", "box/b.json")),
        ("replace", lambda store: store.create_many([("box/b.json", b"b")])),
        ("unlink", lambda store: store.delete("box/a.json")),
    ],
)
def test_an_error_that_passes_is_not_noticed(tmp_path, name, step, act):
    """A file that a scanner has open for a moment delays the caller, and fails nothing."""
    seen = []
    store = failing_store(tmp_path, step, getattr(errno, name), times=1, seen=seen)

    act(store)

    assert len(seen) >= 2


@passing
def test_an_error_that_does_not_pass_is_raised_in_the_end(tmp_path, name):
    """The patience is bounded: after several tries the caller gets the error, and does not hang."""
    seen = []
    store = failing_store(tmp_path, "replace", getattr(errno, name), seen=seen)

    with pytest.raises((StoreRefusedError, StoreUnavailableError)):
        store.replace("box/a.json", b"new")

    assert len(seen) >= 2


@pytest.mark.parametrize("name", ["EIO", "ENOSPC", "EROFS", "EHOSTDOWN", "ENAMETOOLONG"])
def test_an_error_that_stays_is_raised_at_once(tmp_path, name):
    """Nobody waits for what waiting does not mend."""
    seen = []
    store = failing_store(tmp_path, "replace", getattr(errno, name), seen=seen)

    with pytest.raises((StoreFullError, StoreRefusedError, StoreUnavailableError, InvalidKeyError)):
        store.replace("box/a.json", b"new")

    assert len(seen) == 1


def test_a_file_that_was_listed_is_looked_for_again(tmp_path):
    """A document that is being replaced is missing for a moment on some drives; the reader who saw its name gets it."""
    store = failing_store(tmp_path, "read", errno.ENOENT, times=2)

    assert store.read("box/a.json", listed=True) == b"a"


def test_a_file_that_nobody_listed_is_looked_for_once(tmp_path):
    """Absence is told at once to a reader who had no reason to expect the document."""
    seen = []
    store = failing_store(tmp_path, "read", errno.ENOENT, seen=seen)

    assert store.read("box/a.json") is None
    assert len(seen) == 1


def test_a_listed_file_that_is_gone_is_absent_in_the_end(tmp_path):
    """Somebody may really have taken it: after the patience the answer is None."""
    assert failing_store(tmp_path, "read", errno.ENOENT).read("box/a.json", listed=True) is None


@pytest.mark.parametrize(
    ("winerror", "expected"), [(5, True), (32, True), (33, True), (2, False), (112, False), (None, False)]
)
def test_sharing_violations_of_windows_pass(winerror, expected):
    """What Windows says of a file that is open elsewhere is waited for, by its own number."""
    error = OSError(errno.EINVAL, "x")
    error.winerror = winerror

    assert passes(error) is expected


def test_patience_of_nothing_tries_twice_at_most():
    """A patience of zero still ends, and hands on the very error."""
    tries = []

    def step():
        tries.append(1)
        raise OSError(errno.EBUSY, "busy")

    with pytest.raises(OSError, match="busy"):
        patiently(step, patience_s=0)
    assert len(tries) <= 2


def test_one_refused_link_is_no_verdict_on_the_drive(tmp_path):
    """A permission that is missing in one folder does not change how all later documents are made."""
    store = failing_store(tmp_path, "link", errno.EACCES, times=1)
    store.create("box/b.json", b"b")

    store.create("box/c.json", b"c")

    assert (tmp_path / "box" / "c.json").is_file()


def test_an_error_in_the_body_of_a_lock_stays_what_it_is(tmp_path):
    """What the caller's own code raises under a lock comes out unchanged, also if the lock was not had."""
    store = make_store(tmp_path)

    with store.lock("x"), pytest.raises(FileNotFoundError), store.lock("x"):
        raise FileNotFoundError("the caller's own")
