"""The crowd: several processes send and several take, from one queue, at once. What is lost or comes twice is counted."""

import multiprocessing
import queue as queues
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final

from tests.bench.queues import installed
from tests.bench.queues.contender import Contender
from tests.bench.row import Row, Scale, Size, Steps, Work
from tests.bench.works.mail import body, number_of, tally

_PATIENCE_S: Final = 60.0
_EMPTY_LOOK_S: Final = 0.001
_WARM: Final = 1_000_000
"""Messages from this number on are sent before the start, so that everybody has sent or taken one, and are not counted."""


@dataclass(frozen=True, slots=True)
class Span:
    """What one process did: since when, until when, what it took, and how often its queue raised."""

    begun: float
    ended: float
    taken: list[int]
    errors: int


def run(contender: Contender, processes: int, count: int, folder: Path) -> Steps:
    """Let so many processes send and as many take; return microseconds a message, and what went wrong."""
    context, each = _context(), count // processes
    queue = contender.open(folder, "producer-0")
    for number in range(processes):
        queue.send(body(_WARM + number))
    queue.close()
    yield
    start, sent, said = context.Barrier(2 * processes), context.Event(), context.Queue()
    makers = [partial(_send, contender, folder, number, each, start) for number in range(processes)]
    takers = [partial(_take, contender, folder, start, sent)] * processes
    with _running(context, [*makers, *takers], said):
        spans = _hear(said, processes)
        sent.set()
        spans += _hear(said, processes)
    expected = [number for producer in range(processes) for number in _numbers(producer, each)]
    took = max(span.ended for span in spans) - min(span.begun for span in spans)
    figures = tally(expected, (number for span in spans for number in span.taken))
    return {"message": took * 1e6 / len(expected), **figures, "errors": float(sum(span.errors for span in spans))}


def _context() -> Any:
    """Return how processes are made: forked from a server that has imported everything, where that can be."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "somabus.agent"])
    return context


@contextmanager
def _running(context: Any, steps: list[Callable[[], Span]], said: Any) -> Iterator[None]:
    """Run each step in a process of its own; none of them is left."""
    running = [context.Process(target=_report, args=(step, said), daemon=True) for step in steps]
    try:
        for each in running:
            each.start()
        yield
    finally:
        for each in running:
            if each.pid is not None:
                each.kill()
                each.join()


def _report(step: Callable[[], Span], said: Any) -> None:
    try:
        said.put((step(), None))
    except Exception as error:  # noqa: BLE001 - whatever it is, the others need not wait for this one
        said.put((None, f"{type(error).__name__}: {error}"))


def _hear(said: Any, processes: int) -> list[Span]:
    spans = []
    for _ in range(processes):
        try:
            span, error = said.get(timeout=_PATIENCE_S)
        except queues.Empty:
            span, error = None, f"no answer within {_PATIENCE_S:.0f} s"
        if span is None:
            raise RuntimeError(error)
        spans.append(span)
    return spans


def _numbers(producer: int, count: int) -> range:
    return range(producer * count, (producer + 1) * count)


def _send(contender: Contender, folder: Path, producer: int, count: int, start: Any) -> Span:
    queue, errors = contender.open(folder, f"producer-{producer}"), 0
    queue.send(body(2 * _WARM + producer))
    start.wait(_PATIENCE_S)
    begun = monotonic()
    for number in _numbers(producer, count):
        try:
            queue.send(body(number))
        except Exception:  # noqa: BLE001 - counted, whatever a peer raises
            errors += 1
    return Span(begun, monotonic(), [], errors)


def _take(contender: Contender, folder: Path, start: Any, sent: Any) -> Span:
    queue, taken, errors = contender.open(folder, "consumer"), [], 0
    with suppress(Exception):  # a peer may break here as it does below, where it is counted
        queue.receive()
    start.wait(_PATIENCE_S)
    begun = last = monotonic()
    while last + _PATIENCE_S > monotonic():  # so that nobody waits for ever, even if who started this has died
        over = sent.is_set()  # looked at first: what was sent before it is there for the look behind it
        try:
            found = queue.receive()
        except Exception:  # noqa: BLE001 - counted, whatever a peer raises
            errors += 1
            continue
        if found is not None:
            last = monotonic()
            taken.append(number_of(found))
        elif over:
            break
        else:
            sleep(_EMPTY_LOOK_S)
    return Span(begun, last, [number for number in taken if number < _WARM], errors)


def _rows(processes: int, count: int, _folder: Path) -> list[Row]:
    able = [each for each in installed() if each.together and each.name != "floor, full, best here"]
    return [
        Row(each.name, partial(run, each, processes, count), each.base, each.durability, each.guarantees)
        for each in able
    ]


def _work(processes: int) -> Work:
    return Work(
        f"crowd {processes}+{processes}",
        f"{processes} processes send and {processes} take, from one start until all is taken; each has sent or taken one before. Per message.",
        partial(_rows, processes),
        {Size.TINY: Scale(20, 1), Size.QUICK: Scale(200, 1), Size.FULL: Scale(1000, 7)},
    )


TWO, FOUR = _work(2), _work(4)
