"""Files that another has open: Windows refuses to touch them, and each verb waits a moment for it to let go."""

import errno
import os
import sys

import pytest

import somabus.store.directory.files
from somabus.errors import StoreFullError, StoreRefusedError
from somabus.store.directory import DirectoryStore
from somabus.store.directory.files import Files
from somabus.store.directory.trouble import translate
from tests.drives.conftest import everything, make_store

SHARING = 32
VERBS = {
    "read": ("read", lambda store: store.read("box/a.json")),
    "create": ("rename", lambda store: store.create("box/b.json", b"b")),
    "create_many": ("replace", lambda store: store.create_many([("box/b.json", b"b")])),
    "replace": ("replace", lambda store: store.replace("box/a.json", b"b")),
    "move": ("replace", lambda store: store.move("box/a.json", "other/a.json")),
    "delete": ("unlink", lambda store: store.delete("box/a.json")),
}


class HeldFiles(Files):
    """The steps, of which one finds the file in another's hands for so many times."""

    def __init__(self, step, times, winerror=SHARING):
        super().__init__()
        self.left = times
        setattr(self, step, self._held(getattr(super(), step), winerror))

    def _held(self, step, winerror):
        def held(path, *more):
            if self.left:
                self.left -= 1
                raise sharing(winerror, path)
            return step(path, *more)

        return held


def sharing(winerror, path="C:\\bus\\x"):
    """Return what Python raises on Windows; elsewhere the number of Windows is put there by hand."""
    error = PermissionError(errno.EACCES, "in use", path)
    error.winerror = winerror
    return error


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("winerror", [5, 32, 33])
def test_a_file_in_use_is_waited_for(windows, verb, winerror):
    """A reader, a virus scanner or a sync client that has the file open for a moment fails no verb."""
    make_store(windows).create("box/a.json", b"a")
    step, act = VERBS[verb]
    files = HeldFiles(step, 3, winerror)

    act(make_store(windows, writer="v", files=files, patience_s=5))

    assert files.left == 0


@pytest.mark.parametrize("verb", VERBS)
def test_a_file_that_stays_in_use_is_told_and_nothing_is_changed(windows, verb):
    """A verb that waited in vain says so; what was there stays, and nothing half-made is left."""
    make_store(windows).create("box/a.json", b"a")
    before = {path: data for path, data in everything(windows).items() if "tmp" not in path}
    step, act = VERBS[verb]

    with pytest.raises(StoreRefusedError):
        act(make_store(windows, writer="v", files=HeldFiles(step, 10_000)))

    after = {path: data for path, data in everything(windows).items() if "tmp" not in path}
    assert {path: data for path, data in after.items() if data is not None} == {
        path: data for path, data in before.items() if data is not None
    }


@pytest.mark.parametrize(
    ("winerror", "kind"), [(39, StoreFullError), (112, StoreFullError), (1295, StoreFullError), (5, StoreRefusedError)]
)
def test_a_full_drive_is_told_as_full(winerror, kind):
    """A full disk and a used-up quota are told as such, although Windows gives the second no number of its own."""
    error = sharing(winerror)
    error.errno = errno.EACCES if winerror == 5 else errno.EINVAL

    assert type(translate(error, "box/a.json")) is kind


@pytest.mark.skipif(sys.platform != "win32", reason="only Windows itself shows it")
@pytest.mark.parametrize("verb", ["move", "delete"])
def test_a_reader_hinders_nobody(tmp_path, verb):
    """While one reads a document, another moves or deletes it at once."""
    store = DirectoryStore(str(tmp_path), writer="w", patience_s=0)
    store.create("box/a.json", b"a")
    reader = somabus.store.directory.files._open(str(tmp_path / "box" / "a.json"))
    try:
        VERBS[verb][1](store)
    finally:
        os.close(reader)

    assert store.list("box") == []
