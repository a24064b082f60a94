"""Batches: one hundred messages, durable as a whole."""

from functools import partial
from pathlib import Path

from tests.bench.clock import us
from tests.bench.queues import installed
from tests.bench.queues.contender import Contender
from tests.bench.row import Figures, Row, Scale, Size, Work
from tests.bench.works.mail import body

BATCH = 100


def _rows(count: int, _folder: Path) -> list[Row]:
    able = [each for each in installed() if each.batches and each.durability == "full"]
    return [Row(each.name, partial(_run, each, count), each.base, "full", each.guarantees) for each in able]


def _run(contender: Contender, count: int, folder: Path) -> Figures:
    queue = contender.open(folder, "producer-0")
    queue.send_many([body(0)])
    singles, batches = [body(number) for number in range(count)], [[body(number) for number in range(BATCH)]] * count

    def one_by_one() -> None:
        for each in singles:
            queue.send(each)

    def together() -> None:
        for each in batches:
            queue.send_many(each)

    figures = {"one by one": us(one_by_one, count), "in a batch": us(together, count * BATCH)}
    queue.close()
    return figures


WORK = Work(
    "batches", f"Send one by one, and in batches of {BATCH}; on return all is on the disk. Per message.",
    _rows, {Size.TINY: Scale(1, 1), Size.QUICK: Scale(10, 3), Size.FULL: Scale(50, 7)},
)  # fmt: skip
