"""`DirectoryStore`: the verbs of the port as ordered steps on a shared folder.

How a document comes into being (`create`), and what a power cut leaves after each step:

    1  write tmp/<writer>/<n>, fsync        debris in tmp, swept later
    2  link it to its name                  the name may vanish again: not acknowledged yet
    3  remove the name under tmp            the same
    4  fsync the folder                     there for good; only now the call returns

`link` refuses a name that is taken, so step 2 has one winner on every drive that has hard links. Where there are
none, the document is a folder of that name with `entry.json` inside, renamed into place: a folder that is not empty
refuses. On Windows a rename refuses by itself. Numbers of the rules in docs/format.md.
"""

import contextlib
import errno
import itertools
import os
import stat
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from functools import cached_property, partial
from typing import Final, TypeVarTuple

from somabus.errors import (
    DocumentTooLargeError,
    KeyExistsError,
    KeyMissingError,
    StoreDamagedError,
    StoreUnavailableError,
)
from somabus.model.drive import Drive
from somabus.store.directory import syncfs
from somabus.store.directory.files import WINDOWS, Files
from somabus.store.directory.layout import ENTRY, Layout
from somabus.store.directory.listing import Listings
from somabus.store.directory.mount import Mount, mount_of
from somabus.store.directory.stamp import FileStamps
from somabus.store.directory.trouble import KEPT, NO_LINKS, OCCUPIED, PATIENCE_S, Translated, patiently, translate
from somabus.store.directory.watch import POLL_S, FolderWatch
from somabus.store.directory.windows import is_link, on_disk
from somabus.store.driveclock import DriveClock
from somabus.store.port import JUNK, MAX_BYTES, check_key, is_part

_Args = TypeVarTuple("_Args")
_UNKNOWN: Final = Drive.model_construct()  # not one more validator is built to know nothing
_SEEN_BEFORE: Final = (errno.ENOENT,)
_MANY: Final = 16
"""From so many documents on, one wait for the whole drive is cheaper than one for each file."""


class Durability(StrEnum):
    """What a power cut may take: nothing acknowledged (`full`), the newest names (`file`), anything (`none`)."""

    FULL = "full"
    FILE = "file"
    NONE = "none"


class DirectoryStore:
    """A store on a folder. Cheap to make; nothing is touched before the first verb.

    Args:
        root: the folder.
        writer: a word that no other process uses; it names this store's own folder under tmp/.
        marker: a file at the root without which the folder is taken for an empty mount point, and nothing is made.
        durability: what a power cut may take.
        now: another clock than the drive's, for tests.
        files: the steps on the disk; tests put failing ones here.
        private: make everything readable by this user alone.
        patience_s: how long a step that meets a passing error is tried again.
        poll_s: how often `wait` lists where no event comes.
        drive: what was measured of the drive; what is not known is tried.
    """

    def __init__(
        self,
        root: str,
        *,
        writer: str,
        marker: str | None = None,
        durability: Durability | str = Durability.FULL,
        now: Callable[[], datetime] | None = None,
        files: Files | None = None,
        private: bool = False,
        patience_s: float = PATIENCE_S,
        poll_s: float = POLL_S,
        drive: Drive | None = None,
    ) -> None:
        self.root = os.path.abspath(root)
        self.durability = Durability(durability)
        self._files = files or Files(private=private)
        self._layout = Layout(self.root, marker, self._files, sync=self.durability is Durability.FULL)
        self._tmp = self._layout.path(f"tmp/{writer}")
        self._pid = os.getpid()
        self._numbers = itertools.count()
        self._patience_s = patience_s
        self._poll_s = poll_s
        self._drive = drive or _UNKNOWN
        self._listings = Listings(self._layout.root)
        self._stamps = FileStamps(self._layout.root)
        self._watches: dict[str, FolderWatch] = {}
        self._clock = DriveClock(self._drive_time)
        self.now = now or self._clock.now
        self._finalizer: weakref.finalize[..., DirectoryStore] = weakref.finalize(
            self, _close, self._tmp, self._watches
        )

    def read(self, key: str, *, listed: bool = False) -> bytes | None:
        """See `Store.read`."""
        path = self._layout.path(check_key(key))
        also = _SEEN_BEFORE if listed else ()
        try:
            self._layout.refuse_links(path)
            data = patiently(self._read, path, patience_s=self._patience_s, also=also)
        except FileNotFoundError:
            self._layout.require_root(key)
            return None
        except OSError as error:
            raise translate(error, key) from error
        if data is None:
            raise StoreDamagedError(key, "a folder stands there")
        if len(data) > MAX_BYTES:
            raise DocumentTooLargeError(key, f"over {MAX_BYTES:,} bytes")
        return data

    def stamps(self, keys: Sequence[str]) -> list[str | None]:
        """See `Store.stamps`."""
        return self._stamps.of([self._layout.path(check_key(key)) for key in keys])

    def create(self, key: str, data: bytes) -> None:
        """See `Store.create`."""
        path = self._layout.path(check_key(key))
        with Translated(key):
            if not self._publish_file(path, data, key):
                self._publish_folder(path, data, key)
            self._sync(path)

    def create_many(self, documents: Iterable[tuple[str, bytes]]) -> None:
        """See `Store.create_many`."""
        paths = [(self._layout.path(check_key(key)), data) for key, data in documents]
        if not paths:
            return
        written: list[tuple[str, str]] = []
        with Translated(f"{len(paths)} documents"), self._waits_once(len(paths)) as drive:
            try:
                for path, data in paths:
                    written.append((self._write_aside(data, sync=drive is None), path))
                if drive is not None:
                    self._files.sync_drive(drive)
                for temporary, path in written:
                    self._into_place(temporary, path)
            except BaseException:
                for temporary, _ in written:
                    self._drop(temporary)
                raise
            self._sync(*(path for path, _ in paths))

    def replace(self, key: str, data: bytes) -> None:
        """See `Store.replace`."""
        path = self._layout.path(check_key(key))
        with Translated(key):
            temporary = self._write_aside(data)
            try:
                self._into_place(temporary, path)
            except BaseException:
                self._drop(temporary)
                raise
            self._sync(path)

    def move(self, source: str, target: str, *, durable: bool = True) -> None:
        """See `Store.move`."""
        here, there = self._layout.path(check_key(source)), self._layout.path(check_key(target))
        with Translated(source):
            try:
                self._layout.refuse_links(here)
                patiently(self._made, there, self._files.replace, here, there, patience_s=self._patience_s)
            except FileNotFoundError as error:
                self._layout.require_root(source)
                raise KeyMissingError(source) from error
            if durable:
                self._sync(there)

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        path = self._layout.path(check_key(key))
        with Translated(key):
            try:
                self._layout.refuse_links(path)
                patiently(self._remove, path, patience_s=self._patience_s)
            except FileNotFoundError:
                self._layout.require_root(key)
                return
            self._sync(path)

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> list[str]:
        """See `Store.list`."""
        key = prefix.rstrip("/")
        path = self._layout.path(check_key(key)) if key else self._layout.root
        try:
            if key:
                self._layout.refuse_links(f"{path}{os.sep}.")
            names = patiently(self._listings.names, path, after, limit, patience_s=self._patience_s)
            if not key:
                self._layout.require_root(key, names)
        except FileNotFoundError:
            self._layout.require_root(key)
            return []
        except OSError as error:
            raise translate(error, key) from error
        return names

    def weigh(self, prefix: str) -> int:
        """See `Store.weigh`."""
        key = prefix.rstrip("/")
        path = self._layout.path(check_key(key)) if key else self._layout.root
        try:
            if key:
                self._layout.refuse_links(path)
            return self._weigh(path)
        except FileNotFoundError:
            self._layout.require_root(key)
            return 0
        except OSError as error:
            raise translate(error, key) from error

    def prune(self, prefix: str) -> None:
        """See `Store.prune`."""
        path = self._layout.path(check_key(prefix))
        try:
            self._layout.refuse_links(f"{path}{os.sep}.")
            # Race: whoever has just made it to write there finds it gone, and makes it anew (`_made`).
            self._files.rmdir(path)
        except OSError as error:
            self._layout.require_root(prefix)
            if error.errno not in KEPT:
                raise translate(error, prefix) from error

    def wait(self, prefix: str, timeout: float) -> bool:
        """See `Store.wait`."""
        key = check_key(prefix.rstrip("/"))
        if key not in self._watches:
            path = self._layout.path(key)
            with Translated(key):
                with contextlib.suppress(FileNotFoundError):
                    self._layout.refuse_links(f"{path}{os.sep}.")
                self._layout.make_folder(path)
                self._watches[key] = FolderWatch(path, self._poll_s, native=self._hears())
            return True
        return self._watches[key].wait(timeout)

    @contextmanager
    def lock(self, name: str) -> Iterator[bool]:
        """See `Store.lock`."""
        from filelock import FileLock, Timeout

        path = self._layout.path(f"tmp/locks/{check_key(name)}")
        # A marker file would stay behind its dead holder for ever: the system's lock or none.
        lock = FileLock(path, timeout=0, fallback_to_soft=False, thread_local=False)
        with Translated(name):
            with contextlib.suppress(FileNotFoundError):
                self._layout.refuse_links(path)
            self._layout.make_folder(os.path.dirname(path))
            try:
                lock.acquire()
                held = True
            except Timeout:
                held = False
            except NotImplementedError:
                held = True  # no locks on this drive; nothing is decided by them
        try:
            yield held
        finally:
            lock.release()

    def close(self) -> None:
        """Remove this writer's empty folder under tmp/ and stop watching; the store may be used again."""
        self._finalizer()
        self._watches.clear()
        self._finalizer = weakref.finalize(self, _close, self._tmp, self._watches)

    def closing(self, run: Callable[[Callable[[], None]], None]) -> None:
        """Let `run` do what is left to do when the process ends: on a drive that hangs, that may hang as well."""
        self._finalizer.detach()
        self._finalizer = weakref.finalize(self, run, partial(_close, self._tmp, self._watches))

    # -- steps ------------------------------------------------------------------------------------------------

    def _read(self, path: str) -> bytes | None:
        data = self._files.read(path, MAX_BYTES + 1)
        if data is not None:
            return data
        # A folder: an entry of a drive without hard links, or none of ours.
        with contextlib.suppress(FileNotFoundError):
            return self._files.read(f"{path}{os.sep}{ENTRY}", MAX_BYTES + 1)
        return None

    def _weigh(self, path: str) -> int:
        found = os.lstat(path)
        if not stat.S_ISDIR(found.st_mode):
            return found.st_size
        weight = 0
        with os.scandir(path) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):  # Race: it was moved while we walked.
                    if entry.is_dir(follow_symlinks=False):
                        weight += self._weigh(entry.path)
                    else:
                        weight += entry.stat(follow_symlinks=False).st_size
        return weight

    @contextmanager
    def _waits_once(self, count: int) -> Iterator[int | None]:
        """Open the drive for one wait for so many files; None where each of them is waited for, or none."""
        if count < _MANY or self.durability is Durability.NONE or not self._mount.dated or not syncfs.available():
            yield None
            return
        # Opened before the first byte is written: a failure that somebody else was told of meanwhile is told again to
        # whoever had the drive open (errseq, Documentation/core-api/errseq.rst).
        drive = os.open(self._layout.root, os.O_RDONLY)
        try:
            yield drive
        finally:
            os.close(drive)

    def _write_aside(self, data: bytes, *, sync: bool = True) -> str:
        path = f"{self._aside()}{os.sep}{next(self._numbers)}"
        try:
            self._made(path, self._files.write_new, path, data, sync and self.durability is not Durability.NONE)
        except FileExistsError:
            raise  # not ours to remove
        except OSError:
            self._drop(path)
            raise
        return path

    def _aside(self) -> str:
        """Return the folder of this process's temporary files; a forked child is another writer."""
        pid = os.getpid()
        return self._tmp if pid == self._pid else f"{self._tmp}-{pid}"

    def _publish_file(self, path: str, data: bytes, key: str) -> bool:
        """Give complete bytes their name, if nobody has it; False if this drive has no hard links."""
        if not WINDOWS and self._drive.hard_links is False:
            return False
        temporary = self._write_aside(data)
        publish = self._files.rename if WINDOWS else self._files.link
        try:
            patiently(self._made, path, publish, temporary, path, patience_s=self._patience_s)
        except FileExistsError as error:
            # Race: the answer to a link that succeeded can get lost on the network, and the repeated call then
            # meets its own work. Two names for the temporary file mean that the link is ours (link(2), open(2)).
            if WINDOWS or os.stat(temporary).st_nlink != 2:  # noqa: PLR2004
                raise KeyExistsError(key) from error
        except OSError as error:
            if WINDOWS or error.errno not in NO_LINKS:
                raise
            if os.path.lexists(path):  # sshfs says EPERM where it means EEXIST
                raise KeyExistsError(key) from error
            return False
        finally:
            self._drop(temporary)
        return True

    def _publish_folder(self, path: str, data: bytes, key: str) -> None:
        folder = f"{self._aside()}{os.sep}{next(self._numbers)}"
        entry = f"{folder}{os.sep}{ENTRY}"
        self._made(folder, self._files.mkdir, folder)
        try:
            self._files.write_new(entry, data, self.durability is not Durability.NONE)
            self._sync(entry)
            self._made(path, self._files.rename, folder, path)
        except OSError as error:
            self._drop(entry)
            with contextlib.suppress(OSError):
                self._files.rmdir(folder)
            if error.errno in OCCUPIED and os.path.lexists(path):
                raise KeyExistsError(key) from error
            raise

    def _into_place(self, temporary: str, path: str) -> None:
        patiently(self._replace, temporary, path, patience_s=self._patience_s, also=(errno.EEXIST,))

    def _replace(self, temporary: str, path: str) -> None:
        try:
            self._made(path, self._files.replace, temporary, path)
        except (IsADirectoryError, PermissionError, FileExistsError):
            inner = f"{path}{os.sep}{ENTRY}"
            if not os.path.isfile(inner):
                raise
            self._files.replace(temporary, inner)

    def _remove(self, path: str) -> None:
        try:
            self._files.unlink(path)
        except (IsADirectoryError, PermissionError):
            inner = f"{path}{os.sep}{ENTRY}"
            if not os.path.isfile(inner):
                raise
            self._files.unlink(inner)
            self._files.rmdir(path)

    def _made(self, path: str, step: Callable[[*_Args], None], *args: *_Args) -> None:
        """Do a step; if its folder is missing, make the folder and do the step once more."""
        try:
            self._layout.refuse_links(path)
            step(*args)
        except FileNotFoundError:
            self._layout.make_folder(os.path.dirname(path))
            step(*args)

    def _hears(self) -> bool:
        """Tell whether native events can be worth a watcher: on a network drive only where the doctor saw some."""
        known = self._drive.native_events
        return not self._mount.network if known is None else known

    @cached_property
    def _mount(self) -> Mount:
        return mount_of(self.root)

    def _drop(self, path: str) -> None:
        with contextlib.suppress(OSError):
            self._files.unlink(path)

    def _sync(self, *paths: str) -> None:
        if self.durability is Durability.FULL:
            for folder in dict.fromkeys(map(os.path.dirname, paths)):
                self._files.sync_folder(folder)

    def _drive_time(self) -> float | None:
        folder = f"{self._aside()}-clock{next(self._numbers)}"
        try:
            self._made(folder, self._files.mkdir, folder)
            found = os.stat(folder, follow_symlinks=False).st_mtime_ns / 1e9
        except OSError as error:
            self._layout.require_root("tmp")
            if isinstance(error, FileExistsError):
                return self._drive_time()  # debris of a writer of this name; the next number is free
            if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT):
                return None  # who may only look decides nothing by time
            raise translate(error, "tmp") from error
        with contextlib.suppress(OSError):
            self._files.rmdir(folder)
        return found


def _close(tmp: str, watches: dict[str, FolderWatch]) -> None:
    for watch in watches.values():
        watch.close()
    with contextlib.suppress(OSError):
        os.rmdir(tmp)


def strangers(root: str) -> Iterator[tuple[str, str]]:
    """Yield what lies in a tree and can be no document, as relative path and fault; for `somabus verify`.

    Raises:
        StoreUnavailableError: a folder of the tree could not be looked into.
    """

    def blind(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError) or error.filename == top:
            raise StoreUnavailableError(str(error.filename), error.strerror or "") from error

    top = on_disk(os.path.abspath(root))
    for folder, folders, files in os.walk(top, followlinks=False, onerror=blind):
        inside = os.path.relpath(folder, top).replace(os.sep, "/")
        if inside.split("/")[0] == "tmp":
            continue
        for name in sorted(folders + files):
            path = name if inside == "." else f"{inside}/{name}"
            with contextlib.suppress(FileNotFoundError):  # Race: it was moved while we walked.
                fault = _strange(name, os.lstat(os.path.join(folder, name)))
                if fault:
                    yield path, fault


def _strange(name: str, found: os.stat_result) -> str:
    if is_link(found):
        return "a symbolic link; readers refuse to follow it"
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        return "neither a file nor a folder"
    if not is_part(name) and not name.startswith(".") and name.lower() not in JUNK:
        return "a name that is no part of a key; no reader sees this file"
    return ""
