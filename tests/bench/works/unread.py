"""The unread count: mail and posts, beside listing the same folders and nothing else; with a short and a long history."""

import os
from functools import partial
from pathlib import Path
from statistics import median

from somabus import Agent, create_bus
from somabus.bench.channels import CHANNELS, History
from somabus.model import tree
from somabus.model.archive import SEGMENT
from somabus.model.slot import State
from tests.bench.clock import us
from tests.bench.queues.bus import NO_LIMIT
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
    create_bus(folder / "bus", home=folder / "home", rate_per_hour=NO_LIMIT)
    writer = Agent("writer", folder / "bus", home=folder / "home", durability="none")
    rows = []
    for history in (posts, longer(posts)):
        each = History(folder / "bus", folder / "home", writer, posts=history, durability="none")
        for number in range(WAITING):
            writer.send(each.agent.name, str(number))
        base = name("bare listings", history)
        rows.append(Row(base, partial(_bare, each, folder / "bus"), base))
        rows.append(Row(name("somabus", history), partial(_count, each), base))
    return rows


def _count(history: History, _folder: Path) -> Steps:
    expected = history.agent.unread
    found: list[int] = []
    took: list[float] = []
    for _ in range(TIMES):
        yield
        took.append(us(lambda: found.append(history.agent.unread)))
    if set(found) != {expected} or expected < WAITING:
        message = f"counted {found}, expected {expected}"
        raise AssertionError(message)
    return {"count": median(took)}


def _bare(history: History, bus: Path, _folder: Path) -> Steps:
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
        took.append(us(look))
    return {"count": median(took)}


WORK = Work(
    "unread", f"Count what is unread: {WAITING} messages, and {CHANNELS} channels that were read to the end.",
    _rows, {Size.TINY: Scale(10, 1), Size.QUICK: Scale(200, 3), Size.FULL: Scale(500, 7)},
)  # fmt: skip
