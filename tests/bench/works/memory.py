"""Memory: what a process takes at most that drains a long inbox."""

from functools import partial
from pathlib import Path

from somabus import create_bus
from tests.bench.process import SCRIPTS, run
from tests.bench.queues.bus import Bus
from tests.bench.row import Row, Scale, Size, Steps, Work
from tests.bench.works.mail import body

_SHORT = 100
_BATCH = 500


def name(waiting: int) -> str:
    """Return the name of a row."""
    return f"somabus, {waiting:,} drained"


def backlogs(most: int) -> tuple[int, int]:
    """Return the short backlog and the long one."""
    return min(_SHORT, most // 10), most


def _rows(most: int, _folder: Path) -> list[Row]:
    short, long = (name(each) for each in backlogs(most))
    return [
        Row(row, partial(_run, waiting), short, "none")
        for row, waiting in zip((short, long), backlogs(most), strict=True)
    ]


def _run(waiting: int, folder: Path) -> Steps:
    # More than the brake on floods lets pass in an hour; and what is measured is draining.
    create_bus(folder / "bus", home=folder / "home", rate_per_hour=0)
    sender = Bus(folder, "producer-0", "none", signed=True)
    for begin in range(0, waiting, _BATCH):
        sender.send_many([body(number) for number in range(begin, min(begin + _BATCH, waiting))])
    yield
    drained, peak = run(str(SCRIPTS / "drain.py"), str(folder / "bus"), str(folder / "home")).split()
    if int(drained) != waiting:
        message = f"{drained} of {waiting} drained"
        raise AssertionError(message)
    return {"memory": float(peak)}


WORK = Work(
    "memory", "The peak of the resident memory of a process that drains its inbox.",
    _rows, {Size.TINY: Scale(20, 1), Size.QUICK: Scale(3000, 1), Size.FULL: Scale(100_000, 1)},
)  # fmt: skip
