"""How a process that stays is told to end: by signals, and on Windows by the events of its console."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes
    from typing import Final

    _CLOSED: Final = 2  # 0 and 1 are Ctrl-C and Ctrl-Break; the others do not reach a process that loaded user32.dll
    _Handler = ctypes.WINFUNCTYPE(wintypes.BOOL, wintypes.DWORD)
    _set = ctypes.WinDLL("kernel32", use_last_error=True).SetConsoleCtrlHandler
    _set.argtypes, _set.restype = (_Handler, wintypes.BOOL), wintypes.BOOL

    def told_by(stop: threading.Event, ended: threading.Event) -> Callable[[int], bool]:
        """Return what the console is to call: it sets `stop`, and holds a closing console until `ended` is set."""

        def told(event: int) -> bool:
            stop.set()
            if event >= _CLOSED:
                ended.wait()  # Windows ends the process as soon as this returns, or after some five seconds
            return True

        return told

    @contextmanager
    def stopping() -> Iterator[threading.Event]:
        """Yield an event that is set by Ctrl-C, Ctrl-Break and a closed console.

        No signals: Python's handlers run in the main thread, and there a wait is not interrupted by them.
        """
        stop, ended = threading.Event(), threading.Event()
        handler = _Handler(told_by(stop, ended))
        _set(handler, True)  # noqa: FBT003 - the system's own parameter
        try:
            yield stop
        finally:
            ended.set()
            _set(handler, False)  # noqa: FBT003

else:

    @contextmanager
    def stopping() -> Iterator[threading.Event]:
        """Yield an event that is set by Ctrl-C and SIGTERM."""
        stop = threading.Event()
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = [signal.signal(number, lambda *_: stop.set()) for number in numbers]
        try:
            yield stop
        finally:
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)


@contextmanager
def interrupted() -> Iterator[None]:
    """Let SIGTERM, and Ctrl-Break on Windows, end what runs in here as Ctrl-C does: it tidies up behind itself."""
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGBREAK") if hasattr(signal, name)]
    before = [signal.signal(number, signal.default_int_handler) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
