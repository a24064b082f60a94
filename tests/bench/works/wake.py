"""Waking: a file arrives in the inbox of an agent that waits; how long until its handler is called, and what waiting costs."""

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from time import monotonic_ns, sleep
from typing import Final

from somabus import Draft
from somabus.model import tree
from somabus.model.slot import State
from tests.bench.process import SCRIPTS, environment
from tests.bench.queues.bus import TO, Bus
from tests.bench.row import Row, Scale, Size, Steps, Work

NAME, BARE = "somabus, run", "bare inotify or listing"
_PATIENCE_S: Final = 30.0
_APART_S: Final = 0.02
_IDLE_S: Final = 0.04
"""So long for each arrival is the process left alone, to see what waiting costs."""


def _rows(count: int, _folder: Path) -> list[Row]:
    return [Row(BARE, partial(_bare, count), BARE, "none"), Row(NAME, partial(_run, count), BARE, "none")]


def _run(count: int, folder: Path) -> Steps:
    sender, inbox = Bus(folder, "producer-0", "none", signed=True), folder / "bus" / tree.box(TO, State.INBOX)
    inbox.mkdir(parents=True, exist_ok=True)
    yield
    with _waiter(folder) as calls:
        _arrive(sender, inbox, folder, "first")
        _called(calls, "first")
        begun = _sent(sender, inbox, folder, calls, "begin")
        sleep(_IDLE_S * count)
        ended = _sent(sender, inbox, folder, calls, "end")
        delays = []
        for number in range(count):
            at, (called_at, _) = _sent(sender, inbox, folder, calls, str(number))
            delays.append((called_at - at) / 1e6)
            sleep(_APART_S)
    (_, (since, before)), (_, (until, after)) = begun, ended
    return {**_spread(delays), "idle": 100 * (after - before) / (until - since)}


def _sent(sender: Bus, inbox: Path, folder: Path, calls: queue.Queue, name: str) -> tuple[int, tuple[int, int]]:
    at = _arrive(sender, inbox, folder, name)
    return at, _called(calls, name)


def _arrive(sender: Bus, inbox: Path, folder: Path, subject: str) -> int:
    """Seal and write aside first, so that what is timed begins with the name in the inbox."""
    sealed = sender.agent._services.composer.seal(Draft(TO, "wake up", subject=subject), None)
    aside = folder / "aside"
    aside.write_bytes(sealed.data)
    at = monotonic_ns()
    os.rename(aside, inbox / sealed.key.rsplit("/", 1)[1])
    return at


def _called(calls: queue.Queue, subject: str) -> tuple[int, int]:
    while True:
        line = calls.get(timeout=_PATIENCE_S)
        if not line:
            message = "the process that waits has ended"
            raise RuntimeError(message)
        said, at, cpu = line.split()
        if said == subject:
            return int(at), int(cpu)


@contextmanager
def _waiter(folder: Path) -> Iterator[queue.Queue]:
    order = [sys.executable, str(SCRIPTS / "handle.py"), str(folder / "bus"), str(folder / "home")]
    pipe, calls = subprocess.PIPE, queue.Queue()
    with subprocess.Popen(order, stdin=pipe, stdout=pipe, text=True, env=environment()) as child:

        def listen() -> None:
            for line in child.stdout:
                calls.put(line)
            calls.put("")

        reader = threading.Thread(target=listen, daemon=True)
        reader.start()
        try:
            yield calls
        finally:
            child.kill()
            reader.join(_PATIENCE_S)


def _bare(count: int, folder: Path) -> Steps:
    from somabus.bench.bare import Bare

    yield
    with closing(Bare(str(folder / "bare"), b"x" * 1024, "none")) as bare:
        return _spread([bare.wake(bare.path("watched"), bare.wait) * 1e3 for _ in range(count)])


def _spread(delays: list[float]) -> dict[str, float]:
    return {"p50": median(delays), "p99": quantiles(delays, n=100, method="inclusive")[98]}


WORK = Work(
    "wake", "A file comes into the inbox of an agent that waits in a process of its own, until its handler is called.",
    _rows, {Size.TINY: Scale(5, 1), Size.QUICK: Scale(50, 1), Size.FULL: Scale(300, 5)},
)  # fmt: skip
