"""The crowd: several processes send and several take, from one queue, at once. What is lost or comes twice is counted."""

import multiprocessing
import queue as queues
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from tests.bench.queues import installed
from tests.bench.queues.contender import Contender, Queue
from tests.bench.row import Figures, Row, Scale, Size, Work
from tests.bench.works.mail import body

_PATIENCE_S = 60.0
_BAR = 60.0
_EMPTY_LOOK_S = 0.001


def tally(expected: Iterable[int], taken: Iterable[int]) -> dict[str, float]:
    """Count what was sent and never taken, and what was taken more than once."""
    counted = Counter(taken)
    lost = sum(number not in counted for number in expected)
    return {"lost": float(lost), "twice": float(counted.total() - len(counted))}


def run(contender: Contender, processes: int, count: int, folder: Path) -> Figures:
    """Let so many processes send and as many take; return microseconds a message, and what went wrong."""
    context = _context()
    contender.open(folder, "consumer").close()  # tables and folders are there before anybody races
    start, sent, said = context.Barrier(2 * processes), context.Event(), context.Queue()
    makers = [
        context.Process(target=_send, args=(contender, folder, each, count // processes, start, said), daemon=True)
        for each in range(processes)
    ]
    takers = [context.Process(target=_take, args=(contender, folder, start, sent, said), daemon=True) for _ in makers]
    for each in (*makers, *takers):
        each.start()
    try:
        spans = _hear(said, processes)
        sent.set()
        spans += _hear(said, processes)
    finally:
        for each in (*makers, *takers):
            each.join(1)
            each.kill()
    expected = [number for each in range(processes) for number in _numbers(each, count // processes)]
    figures = tally(expected, (number for _, _, taken, _ in spans for number in taken))
    figures["errors"] = float(sum(errors for *_, errors in spans))
    took = max(end for _, end, *_ in spans) - min(begun for begun, *_ in spans)
    return {"message": took * 1e6 / len(expected), **figures}


def _context() -> Any:
    """Return how processes are made: forked from a server that has imported everything, where that can be."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "somabus.agent"])
    return context


def _hear(said: Any, processes: int) -> list[tuple[float, float, list[int], int]]:
    try:
        return [said.get(timeout=_PATIENCE_S) for _ in range(processes)]
    except queues.Empty:
        message = f"no answer within {_PATIENCE_S:.0f} s"
        raise TimeoutError(message) from None


def _numbers(producer: int, count: int) -> range:
    return range(producer * count, (producer + 1) * count)


def _send(contender: Contender, folder: Path, producer: int, count: int, start: Any, said: Any) -> None:
    queue, errors = contender.open(folder, f"producer-{producer}"), 0
    start.wait(_BAR)
    begun = monotonic()
    for number in _numbers(producer, count):
        try:
            queue.send(body(number))
        except Exception:  # noqa: BLE001 - counted, whatever a peer raises
            errors += 1
    said.put((begun, monotonic(), [], errors))
    queue.close()


def _take(contender: Contender, folder: Path, start: Any, sent: Any, said: Any) -> None:
    queue, taken = contender.open(folder, "consumer"), []
    start.wait(_BAR)
    begun, last, errors = monotonic(), monotonic(), 0
    while True:
        over = sent.is_set()  # looked at first: what was sent before it is there for the look behind it
        try:
            found = queue.receive()
        except Exception:  # noqa: BLE001 - counted, whatever a peer raises
            errors += 1
            continue
        if found is not None:
            taken.append(int(found[:12]))
            last = monotonic()
        elif over:
            break
        else:
            sleep(_EMPTY_LOOK_S)
    said.put((begun, last, taken, errors))
    _end(queue)


def _end(queue: Queue) -> None:
    with suppress(Exception):
        queue.close()


def _rows(processes: int, count: int, _folder: Path) -> list[Row]:
    able = [each for each in installed() if each.together and each.name != "floor, full, best here"]
    return [
        Row(each.name, partial(run, each, processes, count), each.base, each.durability, each.guarantees)
        for each in able
    ]


def _work(processes: int, quick: int) -> Work:
    return Work(
        f"crowd {processes}+{processes}",
        f"{processes} processes send and {processes} take, until all is taken. Per message, start-up not counted.",
        partial(_rows, processes),
        {Size.TINY: Scale(20, 1), Size.QUICK: Scale(quick, 1), Size.FULL: Scale(4000, 5)},
    )


TWO, FOUR = _work(2, 300), _work(4, 300)
