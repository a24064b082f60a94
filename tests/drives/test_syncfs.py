"""syncfs(2): where it can be had, one wait brings a batch to the disk; where it cannot, each file is waited for."""

import errno
import os
import sys

import pytest

from somabus.store.directory import DirectoryStore, syncfs
from somabus.store.directory import store as directory


@pytest.fixture(autouse=True)
def asked_anew():
    """What was found out is forgotten before and after."""
    syncfs.available.cache_clear()
    yield
    syncfs.available.cache_clear()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has it")
def test_a_failure_is_an_error(tmp_path):
    """What the system says of a drive that could not be brought to the disk reaches the caller as an OSError."""
    fd = os.open(tmp_path, os.O_RDONLY)
    syncfs.syncfs(fd)
    os.close(fd)

    with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
        syncfs.syncfs(-1)


@pytest.mark.parametrize("release", ["5.7.19", "4.19.0-21-amd64", "2.6.32", "unknown"])
def test_a_system_that_hides_failures_is_not_trusted(monkeypatch, release):
    """Before Linux 5.8 the call succeeded on a disk that had failed; there each file is synced by itself."""
    monkeypatch.setattr(syncfs.platform, "release", lambda: release)

    assert not syncfs.available()


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EPERM])
def test_a_sandbox_that_refuses_the_call_is_noticed(monkeypatch, number):
    """Where the call is refused whatever it is asked, it is as if there were none."""

    def refuse(_):
        raise OSError(number, "refused")

    monkeypatch.setattr(syncfs, "syncfs", refuse)

    assert not syncfs.available()


@pytest.mark.parametrize("have", [True, False])
@pytest.mark.parametrize("durability", ["full", "file", "none"])
def test_a_batch_is_there_with_it_and_without(tmp_path, monkeypatch, have, durability):
    """All of a batch is there on return, whatever the system has to offer."""
    if have and not syncfs.available():
        pytest.skip("this system does not have it")
    monkeypatch.setattr(directory.syncfs, "available", lambda: have)
    store = DirectoryStore(str(tmp_path), writer="w", durability=durability)

    store.create_many([(f"box/{n:02d}.json", b"%d" % n) for n in range(30)])

    assert [store.read(f"box/{name}") for name in store.list("box")] == [b"%d" % n for n in range(30)]
