"""Hearing from the system what comes into a folder. Imported late: watchdog takes a while to load.

Where the system's library has no inotify, importing it is an OSError: nobody is heard there.
"""

import errno
import os
import sys
from collections.abc import Callable
from typing import Final, Protocol

from watchdog.events import DirCreatedEvent, FileCreatedEvent, FileMovedEvent, FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

_COMINGS: Final[list[type[FileSystemEvent]]] = [FileCreatedEvent, FileMovedEvent, DirCreatedEvent]


class Listener(Protocol):
    """What listens until it is stopped, or dies without a word."""

    def is_alive(self) -> bool:
        """Tell whether it still hears."""

    def stop(self) -> None:
        """Listen no more."""


if sys.platform == "linux":
    from watchdog.utils import UnsupportedLibcError

    try:
        from watchdog.observers.inotify_c import CallbackId, InotifyConstants, InotifyEvent, InotifyFD, Mask
    except UnsupportedLibcError as error:
        raise OSError(errno.ENOSYS, str(error)) from error

    _MASK: Final = Mask(InotifyConstants.IN_MOVED_TO | InotifyConstants.IN_CREATE | InotifyConstants.IN_DELETE_SELF)

    class _Comings:
        """Asks the system for what comes, and tells of it from the thread that read it.

        Below watchdog's observers, which hand each event to a second thread and ask for what goes as well: of a move
        they keep half back for half a second, to see whether the other half comes, and everything behind it. The mail
        that came right after a claim would wake that late.
        """

        def __init__(self, path: str, heard: Callable[[], None]) -> None:
            self._heard = heard
            self._gone = False
            # One of its own: the one that all would share is a parent's in the child of a fork, and nobody reads it.
            self._events = InotifyFD()
            self._events.start()  # what it has open, only its own thread closes
            try:
                self._events.add_callback(os.fsencode(path), _MASK, self, CallbackId(id(self)))
            except BaseException:
                self._events.stop()
                raise

        def is_alive(self) -> bool:
            return self._events.is_alive() and not self._gone

        def stop(self) -> None:
            self._gone = True
            self._events.stop()

        def on_event(self, event: "InotifyEvent") -> None:
            self._gone = self._gone or event.is_delete_self
            self._heard()

        def on_watch_deleted(self, descriptor: int) -> None:  # noqa: ARG002 - there is one
            self._gone = True

        def on_queue_overflow(self) -> None:
            self._heard()


class _Observed(FileSystemEventHandler):
    """Listens the way that watchdog finds best on this system."""

    def __init__(self, path: str, heard: Callable[[], None]) -> None:
        self._heard = heard
        self._observer = Observer()
        self._observer.schedule(self, path, event_filter=_COMINGS)
        self._observer.start()

    def on_any_event(self, event: FileSystemEvent) -> None:  # noqa: ARG002 - which one does not matter
        self._heard()

    def is_alive(self) -> bool:
        return self._observer.is_alive() and all(each.is_alive() for each in self._observer.emitters)

    def stop(self) -> None:
        self._observer.stop()


def listen(path: str, heard: Callable[[], None]) -> Listener:
    """Call `heard`, from another thread, whenever something has come into a folder.

    Raises:
        OSError, RuntimeError: the system has no watcher, or no thread, to give.
    """
    if sys.platform == "linux":
        return _Comings(path, heard)
    return _Observed(path, heard)
