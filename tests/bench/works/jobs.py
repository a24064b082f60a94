"""Jobs: submit and run what does nothing; take the first of many that wait; and run graphs whose jobs wait for each other."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

from tests.bench.clock import us
from tests.bench.row import Row, Scale, Size, Steps, Work
from tests.bench.runners import installed
from tests.bench.runners.runner import Candidate, Needs
from tests.bench.works.mail import tally

SLICE: Final = 25
NEXT: Final = 10
_WARM: Final = 1_000_000
_LAYERS: Final = 10
_NEEDS: Final = 3


def layers(count: int) -> Needs:
    """Return a wide graph: ten layers, and each job needs three of the layer before."""
    width = max(1, count // _LAYERS)
    above = ((number // width - 1) * width for number in range(count))
    return [
        () if begin < 0 else sorted({begin + (number + step) % width for step in range(_NEEDS)})
        for number, begin in enumerate(above)
    ]


def chain(count: int) -> Needs:
    """Return a graph in which each job needs the one before."""
    return [(number - 1,) if number else () for number in range(count)]


SHAPES: Final[dict[str, Callable[[int], Needs]]] = {"layers": layers, "chain": chain}


def name(row: str, variant: object) -> str:
    """Return the name of a row."""
    return f"{row}, {variant:,} wait" if isinstance(variant, int) else f"{row}, {variant}"


def backlogs(most: int) -> tuple[int, ...]:
    """Return how many wait: few, and many."""
    return tuple(sorted({min(100, most), most}))


def _row(candidate: Candidate, run: Callable[[Path], Steps], variant: object = None) -> Row:
    named = (lambda row: row) if variant is None else partial(name, variant=variant)
    return Row(named(candidate.name), run, named(candidate.base), candidate.durability, candidate.guarantees)


# -- one by one -----------------------------------------------------------------------------------------------


def plain(candidates: list[Candidate], count: int) -> list[Row]:
    """Return a row for each candidate."""
    return [_row(each, partial(_run, each, count)) for each in candidates]


def _run(candidate: Candidate, count: int, folder: Path) -> Steps:
    runner, ran = candidate.open(folder), list[int]()
    # The first of everything makes folders, meets keys and imports libraries, which is nobody's daily cost.
    runner.submit(_WARM)
    runner.run(2)
    submitting = running = 0.0
    for begin in range(0, count, SLICE):
        yield
        submitting += us(lambda begin=begin: [runner.submit(each) for each in range(begin, min(begin + SLICE, count))])
    for _ in range(0, count, SLICE):
        yield
        running += us(lambda: ran.extend(runner.run(SLICE)))
    running += us(lambda: ran.extend(runner.run(count)))
    figures = {"submit": submitting / count, **tally(range(count), ran)}
    return {**figures, "run": running / len(ran)} if ran else figures


# -- a backlog ------------------------------------------------------------------------------------------------


def _waiting_rows(most: int, _folder: Path) -> list[Row]:
    return [_row(each, partial(_first, each, waiting), waiting) for waiting in backlogs(most) for each in installed()]


def _first(candidate: Candidate, waiting: int, folder: Path) -> Steps:
    runner, ran = candidate.open(folder), list[int]()
    runner.submit(_WARM)
    runner.run(2)
    for number in range(NEXT + 1):
        runner.submit(number)
    runner.fill(waiting - NEXT - 1)
    take = lambda: ran.extend(runner.run(1))  # noqa: E731
    yield
    figures = {"first": us(take)}
    figures["next"] = median(us(take) for _ in range(NEXT))
    return {**figures, **tally(range(NEXT + 1), ran)}


# -- a graph --------------------------------------------------------------------------------------------------


def graphs(candidates: list[Candidate], count: int) -> list[Row]:
    """Return a row for each candidate that can run graphs, and each shape."""
    able = [each for each in candidates if each.graphs]
    return [_row(each, partial(_graph, each, make(count)), shape) for shape, make in SHAPES.items() for each in able]


def _graph(candidate: Candidate, needs: Needs, folder: Path) -> Steps:
    runner, ran = candidate.open(folder), list[int]()
    runner.submit(_WARM)
    runner.run(2)
    yield
    figures = {"submit": us(partial(runner.submit_graph, needs), len(needs))}
    running, more = 0.0, True
    while more:
        yield
        before = len(ran)
        running += us(lambda: ran.extend(runner.run(SLICE)))
        more = len(ran) > before
    _check_order(needs, ran)
    return {**figures, "run": running / len(needs), **tally(range(len(needs)), ran)}


def _check_order(needs: Needs, ran: list[int]) -> None:
    """Refuse a run in which a job began before one that it needs."""
    seen: set[int] = set()
    for number in ran:
        if not seen.issuperset(needs[number]):
            message = f"job {number} ran before all of {needs[number]} had"
            raise AssertionError(message)
        seen.add(number)


WORK = Work(
    "jobs", f"Submit jobs one by one, then claim, run and complete them all, in turns of {SLICE}; the handler does nothing and returns a number.",
    lambda count, _folder: plain(installed(), count),
    {Size.TINY: Scale(10, 1), Size.QUICK: Scale(50, 3), Size.FULL: Scale(400, 9)},
)  # fmt: skip
WAITING = Work(
    "jobs waiting", f"Claim, run and complete the first of many jobs that wait, by a worker that comes new to them, and the next {NEXT}.",
    _waiting_rows, {Size.TINY: Scale(100, 1), Size.QUICK: Scale(2000, 1), Size.FULL: Scale(100_000, 3)},
)  # fmt: skip
GRAPH = Work(
    "job graph", f"Submit a graph of jobs at once and run it to its end: {_LAYERS} wide layers in which each job needs {_NEEDS} of the layer before, and a chain. Per job.",
    lambda count, _folder: graphs(installed(), count),
    {Size.TINY: Scale(30, 1), Size.QUICK: Scale(100, 1), Size.FULL: Scale(10_000, 1)},
)  # fmt: skip
