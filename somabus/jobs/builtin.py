"""The handlers that every worker has."""

import os
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from typing import IO, Any, Final

from somabus.errors import SomabusError
from somabus.jobs.context import JobContext
from somabus.jobs.worker import JobHandler

_SHOWN: Final = 20_000
_GLANCE_S: Final = 0.2


def echo(ctx: JobContext) -> dict[str, Any]:
    """Return what it was given."""
    return ctx.data


def noop(ctx: JobContext) -> None:
    """Do nothing."""


def sleep(ctx: JobContext) -> float:
    """Do nothing for `seconds`, and find out in between whether it was cancelled."""
    seconds = float(ctx.data.get("seconds", 1.0))
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        ctx.check()
        time.sleep(min(left, _GLANCE_S))
    return seconds


def shell(ctx: JobContext) -> dict[str, Any]:
    """Run `command`, a list of words or a text for the shell, in one step; protected: see docs/jobs.md.

    Returns the exit code and the end of both outputs; another code than 0 fails the job for good.
    """
    command = ctx.data.get("command")
    if not (isinstance(command, str) or (isinstance(command, list) and all(isinstance(each, str) for each in command))):
        ctx.give_up("data.command is the command: a text, or a list of texts")
    done: dict[str, Any] = ctx.step("run", lambda: _run(ctx, command))
    if done["exit"] != 0:
        ctx.give_up(f"exit code {done['exit']}: {(done['stderr'] or done['stdout'])[-1000:]}")
    return done


def aggregate(ctx: JobContext) -> list[dict[str, Any]]:
    """Return how all ended that it waited for: its children, and what it depends on."""
    there = [*ctx.outcomes(), *ctx.gather()]
    return [
        {"job": each.address, "name": each.name, "state": str(each.state), "result": each.result, "error": each.error}
        for each in there
    ]


def _run(ctx: JobContext, command: Any) -> dict[str, Any]:
    """Run a command to its end; it is killed when the job is stopped, cancelled or out of time, and then in doubt."""
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complained:  # whatever it says, in no memory
        process = subprocess.Popen(  # noqa: S603 - an operator has approved exactly this
            command, shell=isinstance(command, str), stdin=subprocess.DEVNULL, stdout=said, stderr=complained,
            cwd=ctx.data.get("cwd"), start_new_session=os.name == "posix",
        )  # fmt: skip
        try:
            while True:
                with suppress(subprocess.TimeoutExpired):
                    code = process.wait(_GLANCE_S)
                    return {"exit": code, "stdout": _end(said), "stderr": _end(complained)}
                ctx.check()
        except BaseException as error:
            _kill(process)
            if isinstance(error, SomabusError):
                ctx.leave(error)
            raise


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """Kill a command, and what it has started."""
    if os.name == "posix":
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        subprocess.run(["taskkill", "/T", "/F", "/PID", str(process.pid)], check=False, capture_output=True)  # noqa: S603, S607
    process.wait()


def _end(file: IO[bytes]) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 4 * _SHOWN))
    return file.read().decode(errors="replace")[-_SHOWN:]


BUILTIN: Final[dict[str, JobHandler]] = {
    "echo": echo, "noop": noop, "sleep": sleep, "shell": shell, "aggregate": aggregate,
}  # fmt: skip
