"""A worker is killed in the middle of five steps; another takes the job over, and goes on at the third."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from somabus import Agent, create_bus

DEADLINE_S = 50


def worker(bus, home):
    """Start a worker, as a process of its own."""
    handlers = Path(__file__).with_name("handlers.py")
    order = ["--bus", str(bus), "--agent", "scout", "work", "--handlers", str(handlers), "--lease", "2s"]
    environment = {**os.environ, "SOMABUS_HOME": str(home)}
    return subprocess.Popen([sys.executable, "-m", "somabus", *order], env=environment)  # noqa: S603 - our own command


def until(there, process):
    """Wait for what a process brings about."""
    deadline = time.monotonic() + DEADLINE_S
    while not there():
        if time.monotonic() > deadline:
            process.kill()
            raise SystemExit("it did not come about")
        time.sleep(0.05)


with tempfile.TemporaryDirectory() as place:
    bus, home, effects = Path(place, "bus"), Path(place, "home"), Path(place, "effects.txt")
    create_bus(bus)
    scout = Agent("scout", bus=bus, home=home)
    effects.touch()
    job = scout.submit("report", {"effects": str(effects)})
    print(job)

    with worker(bus, home) as first:
        until(lambda: "render" in effects.read_text(encoding="utf-8"), first)
        first.kill()  # SIGKILL; on Windows, TerminateProcess
    print(f"killed in the third step; the job is {scout.jobs.find(job).state}")

    with worker(bus, home) as second:
        until(lambda: scout.jobs.outcome(job) is not None, second)
        second.terminate()

    taken = effects.read_text(encoding="utf-8").splitlines()
    print("\n".join(taken))
    outcome = scout.jobs.outcome(job)
    print(f"{outcome.state}, with {outcome.result}")
    if taken != [
        *(f"{name} in attempt 1" for name in ("fetch", "parse", "render")),
        *(f"{name} in attempt 2" for name in ("render", "upload", "tell")),
    ]:
        raise SystemExit("a step was taken that was done before")
