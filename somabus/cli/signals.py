"""How a process that stays is told to end: by signals, and on Windows by the events of its console."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final

from somabus.clock import Clock, SystemClock

if sys.platform == "win32":
    import _thread
    import ctypes
    from ctypes import wintypes

    _CLOSED: Final = 2  # 0 and 1 are Ctrl-C and Ctrl-Break; the others do not reach a process that loaded user32.dll
    _Handler = ctypes.WINFUNCTYPE(wintypes.BOOL, wintypes.DWORD)
    _set = ctypes.WinDLL("kernel32", use_last_error=True).SetConsoleCtrlHandler
    _set.argtypes, _set.restype = (_Handler, wintypes.BOOL), wintypes.BOOL

    def told_by(stop: threading.Event, ended: threading.Event, again: str = "") -> Callable[[int], bool]:
        """Return what the console is to call: it sets `stop`, and holds a closing console until `ended` is set."""
        names = ("Ctrl-C", "Ctrl-Break")

        def told(event: int) -> bool:
            first = not stop.is_set()
            stop.set()  # before it is printed: whoever reads it may be quick
            if again and first:
                _say(f"{names[event] if event < _CLOSED else 'the console is closed'}: {again}")
            elif again:
                _thread.interrupt_main()
            if event >= _CLOSED:
                ended.wait()  # Windows ends the process as soon as this returns, or after some five seconds
            return True

        return told

    @contextmanager
    def stopping(again: str = "") -> Iterator[threading.Event]:
        """Yield an event that is set by Ctrl-C, Ctrl-Break and a closed console.

        No signals: Python's handlers run in the main thread, and there a wait is not interrupted by them.

        Args:
            again: printed at the first event; if given, a second one raises KeyboardInterrupt.
        """
        stop, ended = threading.Event(), threading.Event()
        handler = _Handler(told_by(stop, ended, again))
        _set(handler, True)  # noqa: FBT003 - the system's own parameter
        try:
            yield stop
        finally:
            ended.set()
            _set(handler, False)  # noqa: FBT003

else:
    _ONE_TELLING_S: Final = 2.0
    """A closing terminal, and timeout(1), send their signal twice; whoever presses Ctrl-C twice means it."""

    @contextmanager
    def stopping(again: str = "", clock: Clock | None = None) -> Iterator[threading.Event]:
        """Yield an event that is set by Ctrl-C, SIGTERM and, unless it is ignored, the SIGHUP of a closed terminal.

        Args:
            again: printed at the first signal; if given, a second one raises KeyboardInterrupt, whichever it is.
            clock: tells how long ago the same signal came; this machine's, if not given.
        """
        stop, told_at, monotonic = threading.Event(), dict[int, float](), (clock or SystemClock()).monotonic

        def told(number: int, _frame: object) -> None:
            now, before = monotonic(), told_at.get(number)
            twice = number != signal.SIGINT and before is not None and now - before < _ONE_TELLING_S
            first, told_at[number] = not told_at, now
            stop.set()  # before it is printed: whoever reads it may be quick
            if again and first:
                _say(f"{signal.Signals(number).name}: {again}")
            elif again and not twice:
                raise KeyboardInterrupt

        with _handled(("SIGINT", "SIGTERM", "SIGHUP"), told):
            yield stop


@contextmanager
def interrupted() -> Iterator[None]:
    """Let what else ends a process end what runs in here as Ctrl-C does: it tidies up behind itself."""
    with _handled(("SIGTERM", "SIGHUP", "SIGBREAK"), signal.default_int_handler):
        yield


@contextmanager
def _handled(names: Iterable[str], handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handle the signals of these names that there are; a SIGHUP that is ignored, as by nohup, stays so."""
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name) and not _is_ignored(name)]
    before = [signal.signal(number, handler) for number in numbers]
    try:
        yield
    finally:
        for number, old in zip(numbers, before, strict=True):
            signal.signal(number, old)


def _is_ignored(name: str) -> bool:
    return name == "SIGHUP" and signal.getsignal(getattr(signal, name)) is signal.SIG_IGN


def _say(text: str) -> None:
    """Print to stderr from where a signal is handled, which may be in the middle of another print."""
    with suppress(OSError):
        os.write(2, f"\n{text}\n".encode())
