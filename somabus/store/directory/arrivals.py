"""Hearing from the system what comes into a folder. Imported late: watchdog takes a while to load.

Where the system's library has no inotify, importing it is an OSError: nobody is heard there.
"""

import errno
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

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
    from watchdog.observers.api import EventQueue, ObservedWatch
    from watchdog.utils import UnsupportedLibcError

    try:
        from watchdog.observers.inotify import InotifyEmitter
        from watchdog.observers.inotify_c import InotifyConstants, InotifyFD
    except UnsupportedLibcError as error:
        raise OSError(errno.ENOSYS, str(error)) from error

    if TYPE_CHECKING:
        from watchdog.observers.inotify_c import Mask

    class _Comings(InotifyEmitter):
        """Asks the system for what comes, and tells of it from the thread that read it.

        What goes is not asked for: watchdog keeps half of a move back for half a second, to see whether the other
        half comes, and everything behind it as well. The mail that came right after a claim would wake that late.
        """

        def __init__(self, path: str, heard: Callable[[], None]) -> None:
            # One of its own: the one that all would share is a parent's in the child of a fork, and nobody reads it.
            self._descriptor = InotifyFD()
            watch = ObservedWatch(path, recursive=False)
            super().__init__(EventQueue(), watch, event_filter=_COMINGS, inotify_fd=self._descriptor)
            self._descriptor.start()
            self._heard = heard

        def is_alive(self) -> bool:
            return super().is_alive() and self._descriptor.is_alive()

        def stop(self) -> None:
            super().stop()
            self._descriptor.stop()

        def get_event_mask_from_filter(self) -> "Mask":
            constants = InotifyConstants
            return constants.IN_MOVED_TO | constants.IN_CREATE | constants.IN_DELETE_SELF  # type: ignore[return-value]

        def queue_event(self, event: FileSystemEvent) -> None:  # noqa: ARG002 - which one does not matter
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
        comings = _Comings(path, heard)
        comings.start()
        return comings
    return _Observed(path, heard)
