"""Every adapter passes the one public suite."""

import os

import pytest

from somabus.store.deadline import Deadline, DeadlineStore
from somabus.store.directory import DirectoryStore
from somabus.store.memory import MemoryStore
from somabus.testing import FailingFiles, HandClock
from somabus.testing.contract import StoreContract


class TestMemory(StoreContract):
    """The reference."""

    def make_store(self, tmp_path):
        return MemoryStore(HandClock().now)


@pytest.mark.parametrize("durability", ["full", "file", "none"])
class TestDirectory(StoreContract):
    """A folder, at each durability."""

    @pytest.fixture(autouse=True)
    def _durability(self, durability):
        self.durability = durability

    def make_store(self, tmp_path):
        return DirectoryStore(str(tmp_path), writer="w", durability=self.durability, poll_s=0.02)


class TestDirectoryWithADeadline(StoreContract):
    """A folder whose calls are made by other threads, as on a network drive."""

    def make_store(self, tmp_path):
        disk = DirectoryStore(str(tmp_path), writer="w", durability="none", poll_s=0.02)
        return DeadlineStore(disk, Deadline())


class TestDirectoryWithoutHardLinks(StoreContract):
    """A folder on a drive that answers EPERM to every link, as user-space SMB clients do."""

    def make_store(self, tmp_path):
        def refuse(step, path):
            return 1 if step == "link" else None

        return DirectoryStore(str(tmp_path), writer="w", files=FailingFiles(refuse), durability="none", poll_s=0.02)


def test_the_contract_can_fail(tmp_path):
    """A store that overwrites on create does not pass: the suite tells the difference."""

    class Careless(MemoryStore):
        def create(self, key, data):
            self.replace(key, data)

    class Suite(StoreContract):
        def make_store(self, tmp_path):
            return Careless(HandClock().now)

    with pytest.raises(AssertionError):
        Suite().test_create_never_overwrites(tmp_path)


def test_both_kinds_of_drive_read_each_other(tmp_path):
    """An entry made without hard links is read, refused and replaced by a machine that has them, and the other way round."""
    plain = DirectoryStore(str(tmp_path), writer="a", durability="none")
    linkless = DirectoryStore(
        str(tmp_path),
        writer="b",
        durability="none",
        files=FailingFiles(lambda step, path: 1 if step == "link" else None),
    )
    linkless.create("leases/x/1.json", b"folder")
    plain.create("leases/x/2.json", b"file")

    assert plain.read("leases/x/1.json") == b"folder"
    assert linkless.read("leases/x/2.json") == b"file"
    for store, key in ((plain, "leases/x/1.json"), (linkless, "leases/x/2.json")):
        with pytest.raises(Exception, match="exists already"):
            store.create(key, b"no")
        store.replace(key, b"new")
        assert store.read(key) == b"new"
        store.delete(key)
        assert store.read(key) is None
    assert os.listdir(tmp_path / "leases" / "x") == []
