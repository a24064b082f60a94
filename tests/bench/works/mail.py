"""Mail: send one by one, then claim, read, verify and acknowledge until nothing waits; in slices, so that rows take turns."""

from collections import Counter
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Final

from tests.bench.clock import us
from tests.bench.queues import installed
from tests.bench.queues.contender import Contender, Queue
from tests.bench.row import Row, Scale, Size, Steps, Work

KIB = 1024
SLICE: Final = 25


def body(number: int) -> bytes:
    """Return 1 KiB that begins with a number of twelve digits."""
    return b"%012d" % number + b"0123456789abcdef" * 63 + b"0123"


def number_of(body: bytes) -> int:
    """Return the number that a body begins with."""
    return int(body[:12])


def tally(expected: Iterable[int], taken: Iterable[int]) -> dict[str, float]:
    """Count what was sent and never taken, and what was taken more than once."""
    counted = Counter(taken)
    lost = sum(number not in counted for number in expected)
    return {"lost": float(lost), "twice": float(counted.total() - len(counted))}


def rows_of(contenders: list[Contender], count: int) -> list[Row]:
    """Return a row for each contender."""
    return [
        Row(each.name, partial(_run, each, count), each.base, each.durability, each.guarantees) for each in contenders
    ]


def _run(contender: Contender, count: int, folder: Path) -> Steps:
    sender = contender.open(folder, "producer-0")
    taker = contender.open(folder, "consumer") if contender.together else sender
    # The first of everything makes folders and imports libraries, which is nobody's daily cost.
    sender.send(body(0))
    taker.receive()
    taken: list[bytes] = []
    sending = taking = 0.0
    for begin in range(0, count, SLICE):
        bodies = [body(number) for number in range(begin, min(begin + SLICE, count))]
        yield
        sending += us(partial(_send, sender, bodies))
    for _ in range(0, count, SLICE):
        yield
        taking += us(partial(_take, taker, taken))
    taking += us(partial(_drain, taker, taken))
    sender.close()
    taker.close()
    figures = {"send": sending / count, **tally(range(count), map(number_of, taken))}
    return {**figures, "take": taking / len(taken)} if taken else figures


def _send(queue: Queue, bodies: list[bytes]) -> None:
    for each in bodies:
        queue.send(each)


def _take(queue: Queue, taken: list[bytes]) -> None:
    for _ in range(SLICE):
        if (each := queue.receive()) is None:
            return
        taken.append(each)


def _drain(queue: Queue, taken: list[bytes]) -> None:
    while (each := queue.receive()) is not None:
        taken.append(each)


def _light(count: int, _folder: Path) -> list[Row]:
    return rows_of([each for each in installed() if each.durability != "full"], count)


def _durable(count: int, _folder: Path) -> list[Row]:
    return rows_of([each for each in installed() if each.durability == "full"], count)


LIGHT = Work(
    "mail", f"Send messages of 1 KiB one by one, then claim, read, verify and acknowledge them all, in turns of {SLICE}; a power cut may take them.",
    _light, {Size.TINY: Scale(10, 1), Size.QUICK: Scale(100, 5), Size.FULL: Scale(1000, 15)},
)  # fmt: skip
DURABLE = Work(
    "durable mail", "The same, and what was acknowledged is on the disk.",
    _durable, {Size.TINY: Scale(10, 1), Size.QUICK: Scale(50, 5), Size.FULL: Scale(400, 15)},
)  # fmt: skip
