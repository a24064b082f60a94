"""Batches: one hundred messages, durable as a whole."""

from functools import partial
from pathlib import Path

from tests.bench.clock import us
from tests.bench.queues import installed
from tests.bench.queues.contender import Contender
from tests.bench.row import Row, Scale, Size, Steps, Work
from tests.bench.works.mail import body

BATCH = 100


def _rows(count: int, _folder: Path) -> list[Row]:
    able = [each for each in installed() if each.batches and each.durability == "full"]
    return [Row(each.name, partial(_run, each, count), each.base, "full", each.guarantees) for each in able]


def _run(contender: Contender, count: int, folder: Path) -> Steps:
    queue = contender.open(folder, "producer-0")
    queue.send_many([body(0)])
    bodies = [body(number) for number in range(BATCH)]
    singly, together = 0.0, 0.0
    for number in range(count):
        yield
        singly += us(partial(queue.send, bodies[number % BATCH]))
        yield
        together += us(partial(queue.send_many, bodies))
    queue.close()
    return {"one by one": singly / count, "in a batch": together / count / BATCH}


WORK = Work(
    "batches", f"Send one by one, and in batches of {BATCH}; on return all is on the disk. Per message.",
    _rows, {Size.TINY: Scale(1, 1), Size.QUICK: Scale(10, 3), Size.FULL: Scale(20, 15)},
)  # fmt: skip
