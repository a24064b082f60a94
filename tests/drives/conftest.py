"""The drives: a store on a faked one (`fs` of pyfakefs) or on a real folder, and what lies on it."""

import os
import sys

import pytest
from pyfakefs.fake_filesystem import OSType
from pyfakefs.helpers import reset_ids, set_gid, set_uid

import somabus.store.directory.files
import somabus.store.directory.store
from somabus.store.directory import DirectoryStore

PATIENCE_S = 0.02


def make_store(root, **options):
    """Return a store that gives up soon, and that does not clean up on another test's drive when it is collected."""
    store = DirectoryStore(str(root), **{"writer": "w", "patience_s": PATIENCE_S, **options})
    store._finalizer.detach()
    return store


def everything(root):
    """Return all that lies below a folder, with the contents of the files; links are told by where they point."""
    found = {}
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            path = os.path.join(folder, name)
            if os.path.islink(path):
                found[path] = f"-> {os.readlink(path)}"
            elif os.path.isfile(path):
                with open(path, "rb") as file:
                    found[path] = file.read()
            else:
                found[path] = None
    return found


def pytest_collection_modifyitems(items):
    """Leave faked drives out under Windows: they stand for systems that are not there, and it is there itself."""
    absent = pytest.mark.skip(reason="a faked drive, and Windows asks its own kernel")
    for item in items:
        if sys.platform == "win32" and "fs" in getattr(item, "fixturenames", ()):
            item.add_marker(absent)


@pytest.fixture
def windows(fs, monkeypatch):
    """A drive under Windows.

    What is found out when the modules are loaded is set by hand: the switch, and the flags of opening, of which
    Windows has none against links. Loading the modules anew would give every other test a second set of classes.
    """
    fs.os = OSType.WINDOWS
    monkeypatch.setattr(somabus.store.directory.files, "WINDOWS", True)
    monkeypatch.setattr(somabus.store.directory.store, "WINDOWS", True)
    monkeypatch.setattr(somabus.store.directory.files, "_open", lambda path: os.open(path, os.O_RDONLY))
    fs.create_dir("C:\\bus")
    return "C:\\bus"


@pytest.fixture
def readonly(fs):
    """A bus with one message, seen by a user who may write nowhere on it."""
    fs.create_dir("/bus")
    make_store("/bus", writer="other").create("box/a.json", b"a")
    for folder, _, files in os.walk("/bus"):
        os.chmod(folder, 0o555)  # noqa: S103 - a folder is entered by its execute bit
        for name in files:
            os.chmod(os.path.join(folder, name), 0o444)
    set_uid(1000)
    set_gid(1000)
    yield "/bus"
    reset_ids()
