"""Mail: send one by one, then claim, read, verify and acknowledge until nothing waits."""

from functools import partial
from pathlib import Path

from tests.bench.clock import us
from tests.bench.queues import installed
from tests.bench.queues.contender import Contender
from tests.bench.row import Figures, Row, Scale, Size, Work

KIB = 1024


def body(number: int) -> bytes:
    """Return 1 KiB that begins with a number of twelve digits."""
    return b"%012d" % number + b"0123456789abcdef" * 63 + b"0123"


def rows_of(contenders: list[Contender], count: int) -> list[Row]:
    """Return a row for each contender."""
    return [
        Row(each.name, partial(_run, each, count), each.base, each.durability, each.guarantees) for each in contenders
    ]


def _run(contender: Contender, count: int, folder: Path) -> Figures:
    sender = contender.open(folder, "producer-0")
    taker = contender.open(folder, "consumer") if contender.together else sender
    # The first of everything makes folders and imports libraries, which is nobody's daily cost.
    sender.send(body(0))
    taker.receive()
    bodies = [body(number) for number in range(count)]

    def send() -> None:
        for each in bodies:
            sender.send(each)

    taken: list[bytes] = []

    def take() -> None:
        while (each := taker.receive()) is not None:
            taken.append(each)

    figures = {"send": us(send, count), "take": us(take, count)}
    sender.close()
    taker.close()
    if sorted(taken) != bodies:
        message = f"{len(taken)} of {count} came back"
        raise AssertionError(message)
    return figures


def _light(count: int, _folder: Path) -> list[Row]:
    return rows_of([each for each in installed() if each.durability != "full"], count)


def _durable(count: int, _folder: Path) -> list[Row]:
    return rows_of([each for each in installed() if each.durability == "full"], count)


LIGHT = Work(
    "mail", "Send messages of 1 KiB one by one, then claim, read, verify and acknowledge them all; a power cut may take them.",
    _light, {Size.TINY: Scale(10, 1), Size.QUICK: Scale(200, 3), Size.FULL: Scale(2000, 7)},
)  # fmt: skip
DURABLE = Work(
    "durable mail", "The same, and what was acknowledged is on the disk.",
    _durable, {Size.TINY: Scale(10, 1), Size.QUICK: Scale(100, 3), Size.FULL: Scale(1000, 7)},
)  # fmt: skip
