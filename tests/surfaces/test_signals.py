"""How a process that stays is told to end, and that nothing of that stays behind it."""

import signal
import subprocess
import sys
import threading

import pytest

from somabus.cli.signals import stopping
from somabus.clock import SystemClock
from somabus.testing import HandClock
from tests.surfaces.shell import environment, process

windows = pytest.mark.skipif(sys.platform != "win32", reason="the console is one of Windows")
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signals")


@posix
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_asks_to_stop(name):
    """Ctrl-C, SIGTERM and a closed terminal set the event, and raise nothing where the work is."""
    with stopping() as stop:
        before = stop.is_set()
        signal.raise_signal(getattr(signal, name))

        assert (before, stop.is_set()) == (False, True)


@posix
def test_a_closed_terminal_is_ignored_if_somebody_said_so():
    """Under nohup a closed terminal stops nothing."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stopping() as stop:
            signal.raise_signal(signal.SIGHUP)
            assert not stop.is_set()
    finally:
        signal.signal(signal.SIGHUP, before)


@posix
@pytest.mark.parametrize("second", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("first", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_second_signal_ends_at_once_where_that_was_said(first, second, capfd):
    """The first one, whichever it is, prints its name and what a second will do; that raises KeyboardInterrupt."""
    clock = HandClock()
    with stopping("again: at once", clock) as stop:
        signal.raise_signal(getattr(signal, first))
        assert stop.is_set()
        clock.advance(seconds=3)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(getattr(signal, second))

    assert capfd.readouterr().err == f"\n{first}: again: at once\n"


@posix
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_one_telling_that_comes_as_two_signals_is_one(name):
    """A closing terminal, and timeout(1), send theirs twice at once: the job in hand is ended all the same."""
    clock = HandClock()
    with stopping("again: at once", clock) as stop:
        signal.raise_signal(getattr(signal, name))
        clock.advance(seconds=1)
        signal.raise_signal(getattr(signal, name))

        assert stop.is_set()


@posix
def test_afterwards_signals_mean_what_they_meant():
    """Once the work has ended, Ctrl-C is Python's again."""
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)

    with stopping():
        pass

    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


@posix
def test_a_doctor_that_is_told_to_end_takes_its_folder_along(team):
    """SIGTERM ends a doctor that waits for the other machine as Ctrl-C does: exit 130, and nothing is left under tmp/."""
    order = process("doctor", "--with", "planner", "--for", "60s", "--json")
    waiting = subprocess.Popen(order, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline, pause = SystemClock().monotonic() + 60, threading.Event()
    while not list(team.bus.glob("tmp/doctor=*/a.0.listed")) and SystemClock().monotonic() < deadline:
        pause.wait(0.02)

    waiting.send_signal(signal.SIGTERM)

    assert waiting.wait(60) == 130
    assert list(team.bus.glob("tmp/doctor*")) == []


@windows
def test_ctrl_c_ends_a_wait():
    """Ctrl-C sets the event while the main thread waits, where Python would run no handler of a signal."""
    code = (
        "import ctypes; k = ctypes.WinDLL('kernel32'); k.FreeConsole(); k.AllocConsole()\n"
        "from somabus.cli.signals import stopping\n"
        "with stopping() as stop: k.GenerateConsoleCtrlEvent(0, 0); ended = stop.wait(20)\n"
        "raise SystemExit(7 if ended else 1)"
    )

    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 7


@windows
@pytest.mark.parametrize("event", [0, 1], ids=["Ctrl-C", "Ctrl-Break"])
def test_a_key_asks_to_stop_and_holds_nobody(event):
    """Ctrl-Break is what Ctrl-C is: what was begun is ended, and the process goes on until then."""
    from somabus.cli.signals import told_by

    stop = threading.Event()

    assert told_by(stop, threading.Event())(event)
    assert stop.is_set()


@windows
def test_a_closed_console_waits_for_what_was_begun():
    """Windows ends the process when the handler returns, so the handler returns when the work has ended."""
    from somabus.cli.signals import told_by

    stop, ended = threading.Event(), threading.Event()
    closing = threading.Thread(target=told_by(stop, ended), args=(2,), daemon=True)

    closing.start()
    asked, waits = stop.wait(20), closing.is_alive()
    ended.set()
    closing.join(20)

    assert (asked, waits, closing.is_alive()) == (True, True, False)
