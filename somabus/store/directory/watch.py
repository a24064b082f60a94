"""Noticing that something may have changed below a folder: the watcher is a hint, the listing is the truth.

Native events report nothing of another machine's writes on SMB and NFS, and a watcher can die silently; so besides
listening, the folder is listed at an interval, and a watcher that has died, or whose folder was away, is begun anew.
"""

import contextlib
import os
import sys
import threading
import time
from typing import Final

POLL_S: Final = 1.0
_AWAY: Final = -1


class FolderWatch:
    """Watches one folder for as long as the process lives. One waiter at a time.

    With `native` false it only lists: on a network drive a watcher costs a thread and hears of nobody else's writes.
    """

    def __init__(self, path: str, poll_s: float = POLL_S, *, native: bool = True) -> None:
        self._path = path
        self._poll_s = poll_s
        self._event = threading.Event()
        self._native = native
        self._observer = _observe(path, self._event) if native else None
        self._listing: int | None = None

    def wait(self, timeout: float) -> bool:
        """Return True when something may have changed since the last call, False after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while True:
            left = deadline - time.monotonic()
            heard = self._event.wait(max(0.0, min(self._poll_s, left)))
            self._event.clear()
            before, self._listing = self._listing, self._look()
            self._mend(was_away=before == _AWAY)
            if heard or self._listing != before:
                return True
            if left <= 0:
                return False

    def close(self) -> None:
        """Stop listening."""
        if self._observer is not None:
            self._observer.stop()

    def _look(self) -> int:
        """Return a number that is another one when the folder holds other names: of these there may be many."""
        try:
            return hash(frozenset(os.listdir(self._path))) & sys.maxsize
        except OSError:
            return _AWAY  # whoever waits looks for itself, and gets the real error then

    def _mend(self, *, was_away: bool) -> None:
        """Begin to listen anew where nothing would be heard any more: no watcher outlives its folder."""
        if self._native and self._listing != _AWAY and (was_away or not _alive(self._observer)):
            self.close()
            self._observer = _observe(self._path, self._event)


def _alive(observer) -> bool:  # type: ignore[no-untyped-def]  # noqa: ANN001 - see below
    """Tell whether a watcher hears; one that the system never had to give is not asked for again."""
    return observer is None or (
        observer.is_alive() and all(each.is_alive() for each in observer.emitters or [observer])
    )


def _observe(path: str, event: threading.Event):  # type: ignore[no-untyped-def]  # noqa: ANN202 - watchdog's classes are imported late
    """Start a native watcher, or return None where the system has none to give."""
    from watchdog.events import (
        DirCreatedEvent,
        FileCreatedEvent,
        FileMovedEvent,
        FileSystemEvent,
        FileSystemEventHandler,
    )
    from watchdog.observers import Observer

    class Wake(FileSystemEventHandler):
        def on_any_event(self, event_: FileSystemEvent) -> None:  # noqa: ARG002 - which one does not matter
            event.set()

    observer = Observer()
    started = threading.Event()

    def start() -> None:
        with contextlib.suppress(OSError, RuntimeError):
            observer.schedule(Wake(), path, event_filter=[FileCreatedEvent, FileMovedEvent, DirCreatedEvent])
            observer.start()
            started.set()

    # On Windows it starts a thread that is a daemon only if its starter is one; another kind keeps a process for ever.
    starter = threading.Thread(target=start, daemon=True)
    starter.start()
    starter.join()
    return observer if started.is_set() else None
