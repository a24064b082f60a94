"""The unread count: mail and posts, beside listing the same folders and nothing else; with a short and a long history."""

import itertools
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import median

from somabus import Agent, create_bus
from somabus.bench.channels import CHANNELS, History
from somabus.model import tree
from somabus.model.archive import SEGMENT
from somabus.model.slot import State
from tests.bench.clock import us
from tests.bench.row import Row, Scale, Size, Steps, Work

WAITING = 100
TIMES = 20
_BOXES = (State.INBOX, State.LATER, State.CLAIMED)


def longer(posts: int) -> int:
    """Return the length of a long history whose last segment is as full as that of the short one."""
    return posts + SEGMENT * max(1, posts // 50)


def name(row: str, posts: int) -> str:
    """Return the name of a row."""
    return f"{row}, {CHANNELS} channels of {posts:,}"


def _rows(posts: int, folder: Path) -> list[Row]:
    create_bus(folder / "bus", home=folder / "home")
    writer = Agent("writer", folder / "bus", home=folder / "home", durability="none")
    rows = []
    for history in (posts, longer(posts)):
        each = History(folder / "bus", folder / "home", writer, posts=history, durability="none")
        arrivals = _arrivals(writer, each.agent.name)
        next(itertools.islice(arrivals, WAITING - 1, None))
        base = name("bare listings", history)
        rows.append(Row(base, partial(_bare, each, arrivals, folder / "bus"), base))
        rows.append(Row(name("somabus", history), partial(_count, each, arrivals), base))
    return rows


def _arrivals(writer: Agent, to: str) -> Iterator[int]:
    """Send one message at a time; yield how many wait by then."""
    for number in itertools.count(1):
        writer.send(to, str(number))
        yield number


def _count(history: History, arrivals: Iterator[int], _folder: Path) -> Steps:
    expected: list[int] = []
    found: list[int] = []
    took: list[float] = []
    for _ in range(TIMES):
        yield
        expected.append(next(arrivals))
        took.append(us(lambda: found.append(history.agent.unread)))
    if found != expected:
        message = f"counted {found}, expected {expected}"
        raise AssertionError(message)
    return {"count": median(took)}


def _bare(history: History, arrivals: Iterator[int], bus: Path, _folder: Path) -> Steps:
    boxes = [bus / tree.box(history.agent.name, state) for state in _BOXES]
    for box in boxes:
        box.mkdir(exist_ok=True)

    def look() -> None:
        for box in boxes:
            os.listdir(box)
        history.look()

    took: list[float] = []
    for _ in range(TIMES):
        yield
        next(arrivals)
        took.append(us(look))
    return {"count": median(took)}


WORK = Work(
    "unread", f"Count what is unread: {WAITING} messages, one more before each count, and {CHANNELS} channels that were read to the end.",
    _rows, {Size.TINY: Scale(10, 1), Size.QUICK: Scale(200, 3), Size.FULL: Scale(500, 7)},
)  # fmt: skip
