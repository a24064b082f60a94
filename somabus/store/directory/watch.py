"""Noticing that something may have changed below a folder: the watcher is a hint, the listing is the truth.

Native events report nothing of another machine's writes on SMB and NFS, and a watcher can die silently; so besides
listening, the folder is listed at an interval, and a watcher that has died, or whose folder was away, is begun anew.
"""

import contextlib
import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from somabus.store.directory.arrivals import Listener

POLL_S: Final = 1.0
_AWAY: Final = -1


class FolderWatch:
    """Watches one folder for as long as the process lives. One waiter at a time.

    With `native` false it only lists: on a network drive a watcher costs a thread and hears of nobody else's writes.
    In a child of a fork it only lists, too: the watcher's threads stay behind, and what it reads from is the parent's.
    """

    def __init__(self, path: str, poll_s: float = POLL_S, *, native: bool = True) -> None:
        self._path = path
        self._poll_s = poll_s
        self._pid = os.getpid()
        self._heard = threading.Event()
        self._native = native
        self._listener = _listen(path, self._heard) if native else None
        self._listing: int | None = None
        self._folder = _inode(path)

    def wait(self, timeout: float) -> bool:
        """Return True when something may have changed since the last call, False after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while True:
            left = deadline - time.monotonic()
            if self._heard.wait(max(0.0, min(self._poll_s, left))):
                self._heard.clear()
                return True  # the next listing is compared with the one before this: nothing is slept over
            before, self._listing = self._listing, self._look()
            self._mend(was_away=before == _AWAY)
            if self._listing != before:
                return True
            if left <= 0:
                return False

    def close(self) -> None:
        """Stop listening."""
        if self._listener is not None and self._pid == os.getpid():
            self._listener.stop()

    def _look(self) -> int:
        """Return a number that is another one when the folder holds other names: of these there may be many."""
        try:
            return hash(frozenset(os.listdir(self._path))) & sys.maxsize
        except OSError:
            return _AWAY  # whoever waits looks for itself, and gets the real error then

    def _mend(self, *, was_away: bool) -> None:
        """Begin to listen anew where nothing would be heard any more: no watcher outlives its folder.

        A watcher that the system never had to give is not asked for again.
        """
        if not self._native or self._pid != os.getpid() or self._listing == _AWAY:
            return
        dead = self._listener is not None and not self._listener.is_alive()
        before, self._folder = self._folder, _inode(self._path)
        if was_away or dead or self._folder != before:
            self.close()
            self._listener = _listen(self._path, self._heard)


def _inode(path: str) -> int:
    """Return which folder it is: one that was moved away and made anew is another."""
    try:
        return os.stat(path).st_ino
    except OSError:
        return _AWAY


def _listen(path: str, heard: threading.Event) -> "Listener | None":
    """Start a native watcher, or return None where the system has none to give."""
    started: list[Listener] = []

    def start() -> None:
        with contextlib.suppress(OSError, RuntimeError, ImportError, AttributeError):  # another version of it, too
            from somabus.store.directory.arrivals import listen

            started.append(listen(path, heard.set))

    # On Windows it starts a thread that is a daemon only if its starter is one; another kind keeps a process for ever.
    starter = threading.Thread(target=start, daemon=True)
    starter.start()
    starter.join()
    return started[0] if started else None
