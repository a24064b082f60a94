"""The backlog: what the first message costs where many wait, and what the next ones cost."""

import itertools
import os
from datetime import timedelta
from functools import partial
from pathlib import Path
from statistics import median

from somabus.model import tree
from somabus.model.ids import IdMaker
from somabus.model.slot import Slot, State
from tests.bench.clock import us
from tests.bench.queues import contender
from tests.bench.queues.bus import TO, Bus
from tests.bench.queues.floor import Floor
from tests.bench.row import Row, Scale, Size, Steps, Work
from tests.bench.works.mail import body

NEXT = 20
FLOOR, SOMABUS = "floor, none", "somabus, signed, none"
_NAMES_A_FILE = 50_000  # ext4 gives a file 65,000 names


def name(row: str, waiting: int) -> str:
    """Return the name of a row."""
    return f"{row}, {waiting:,} wait"


def backlogs(most: int) -> tuple[int, ...]:
    """Return how many wait: from a hundred to the most, by hundreds."""
    return tuple(sorted({100, max(100, most // 10), most}))


def _rows(most: int, _folder: Path) -> list[Row]:
    rows = []
    for waiting in backlogs(most):
        base, guarantees = name(FLOOR, waiting), contender(SOMABUS).guarantees
        rows.append(Row(base, partial(_bare, waiting), base, "none", contender(FLOOR).guarantees))
        rows.append(Row(name(SOMABUS, waiting), partial(_bus, waiting), base, "none", guarantees))
    return rows


def _bare(waiting: int, folder: Path) -> Steps:
    floor = Floor(folder, "consumer", "none")
    for number in range(NEXT + 1):
        floor.send(body(number))
    inbox = folder / "inbox"
    _lengthen(inbox, waiting, (f"6-{number:024d}---consumer.0.json" for number in itertools.count()))
    yield
    figures = {"listing": us(floor.list)}
    floor._listing.clear()
    figures["first"] = us(floor.receive)
    figures["next"] = median(us(floor.receive) for _ in range(NEXT))
    floor.close()
    return figures


def _bus(waiting: int, folder: Path) -> Steps:
    sender, taker = Bus(folder, "producer-0", "none", signed=True), Bus(folder, TO, "none", signed=True)
    sender.send(body(0))
    taker.receive()  # knows the sender's key, and has its folders, as after any mail before
    taker.close()
    sender.send_many([body(number) for number in range(NEXT + 1)])
    ids, now = IdMaker(os.urandom), taker.agent.inbox.now() + timedelta(minutes=1)
    _lengthen(
        folder / "bus" / tree.box(TO, State.INBOX), waiting, (Slot(6, ids.make(now)).name for _ in itertools.count())
    )
    yield
    figures = {"first": us(taker.receive)}
    figures["next"] = median(us(taker.receive) for _ in range(NEXT))
    return figures


def _lengthen(inbox: Path, waiting: int, names: itertools.count) -> None:
    """Let more wait behind what is genuine: further names of the same files, which nobody will open."""
    genuine = [os.fspath(each) for each in inbox.iterdir()]
    for number in range(waiting - len(genuine)):
        os.link(genuine[number // _NAMES_A_FILE], inbox / next(names))


WORK = Work(
    "backlog", f"Take the first of many that wait, one that comes new to them, and the next {NEXT}.",
    _rows, {Size.TINY: Scale(100, 1), Size.QUICK: Scale(10_000, 2), Size.FULL: Scale(100_000, 5)},
)  # fmt: skip
