"""P6. Mail wakes an idle session through a process that waits, and no such process is left behind."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from somabus.hooks.hosts import Moment
from tests.coding.host import DEADLINE_S, silent, started


def waiter(claude):
    """Start the waiting hook as Claude Code does on Stop, in the background."""
    return started(claude, claude.order(Moment.WAIT), claude.event("stop"))


def waits(claude):
    """Return once a waiting process has said so in the home."""
    sessions = claude.team.folder / "home" / "buses" / claude.team.agent("worker").bus.bus / "worker" / "sessions"
    deadline, pause = 400, threading.Event()
    while not (sessions.is_dir() and any(each.suffix == ".waiter" for each in sessions.iterdir())):
        deadline -= 1
        assert deadline, "nobody waits"
        pause.wait(0.05)
    return {each.read_bytes() for each in sessions.iterdir() if each.suffix == ".waiter"}


def test_an_idle_session_is_woken_by_mail(claude):
    """The waiting hook ends with 2 and the digest on stderr as soon as mail comes: that wakes an idle session, and the mail counts as told."""
    process = waiter(claude)
    waits(claude)

    claude.team.agent("coordinator").send("worker", "wake up")

    out, err = process.communicate(timeout=DEADLINE_S)
    assert (process.returncode, out) == (2, "")
    assert "wake up" in err
    assert silent(claude.call("tool"))


@pytest.mark.slow
def test_a_waiter_ends_silently_when_its_session_ends_or_a_newer_one_waits(claude):
    """No process stays behind: the older of two waiters ends, and the last one when the session is over."""
    first = waiter(claude)
    told = waits(claude)
    second = waiter(claude)
    out, err = first.communicate(timeout=DEADLINE_S)
    assert (first.returncode, out, err) == (0, "", "")
    assert waits(claude) != told

    claude.call("end")

    assert second.communicate(timeout=DEADLINE_S) == ("", "")
    assert second.returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="the parent of a process is told otherwise there")
def test_a_waiter_ends_when_its_host_is_gone(claude):
    """If the coding agent is killed, its waiter does not stay for hours, although a shell stood between the two."""
    script = (
        "import subprocess, sys\n"
        f"p = subprocess.Popen({claude.order(Moment.WAIT)!r}, shell=True, stdin=subprocess.PIPE)\n"
        f"p.stdin.write({claude.event('stop')!r}.encode()); p.stdin.close()\n"
        "print(p.pid, flush=True); sys.stdin.readline()\n"
    )
    host = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=claude.environment, cwd=claude.team.folder,
    )  # fmt: skip
    pid = int(host.stdout.readline())
    waits(claude)
    host.kill()
    host.wait(DEADLINE_S)
    host.stdin.close()
    host.stdout.close()

    pause, left = threading.Event(), 400
    while alive(pid):
        left -= 1
        if not left:
            os.kill(pid, signal.SIGKILL)
            pytest.fail("the waiter is still there")
        pause.wait(0.05)


def alive(pid):
    """Tell whether a process runs, and is no zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
