"""The run: in each round all rows of a work are prepared, then they take turns in random order, so that a busy moment spares nobody."""

import gc
import random
import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from time import sleep
from typing import Final

from tests.bench.row import Figures, Row, Size, Work

_REST_S: Final = 0.25
"""What was prepared is left alone for so long: somabus trusts a folder's change time only when it is a little old."""


@dataclass(frozen=True, slots=True)
class Results:
    """What one run measured: `figures[work, row, figure]` has one value a round; None where a row failed."""

    figures: dict[tuple[str, str, str], list[float | None]] = field(default_factory=dict)
    rows: dict[tuple[str, str], Row] = field(default_factory=dict)
    failed: dict[tuple[str, str], str] = field(default_factory=dict)

    def values(self, work: str, row: str, figure: str) -> list[float]:
        """Return what a row yielded, round by round, or nothing."""
        return [each for each in self.figures.get((work, row, figure), []) if each is not None]

    def middle(self, work: str, row: str, figure: str) -> float | None:
        """Return the median over the rounds; None where nothing was measured."""
        found = self.values(work, row, figure)
        return median(found) if found else None

    def spread(self, work: str, row: str, figure: str) -> tuple[float, float]:
        """Return between what half of the rounds lay."""
        found = self.values(work, row, figure)
        if len(found) < 2:
            return found[0], found[0]
        low, _, high = quantiles(found, n=4, method="inclusive")
        return low, high

    def times(self, over: tuple[str, str, str], under: tuple[str, str, str]) -> float | None:
        """Return the median over the rounds of one figure divided by another of the same round."""
        pairs = zip(self.figures.get(over, []), self.figures.get(under, []), strict=False)
        found = [one / two for one, two in pairs if one is not None and two]
        return median(found) if found else None

    def names(self, work: str) -> list[str]:
        """Return the rows of a work, in the order in which it lists them."""
        return [row for here, row in self.rows if here == work]


Value = Callable[[Results], float | None]
"""A value of one run; None where it was not measured."""


@dataclass(frozen=True, slots=True)
class Found:
    """A value of several runs: its median, and between what it lay."""

    middle: float
    low: float
    high: float


def over(runs: Sequence[Results], value: Value) -> Found | None:
    """Return what a value was in several runs; None where none of them measured it."""
    found = [each for each in map(value, runs) if each is not None]
    return Found(median(found), min(found), max(found)) if found else None


def measure(
    works: Iterable[Work], size: Size, folder: Path, *, rounds: int | None = None, say: Callable[[str], None] = print
) -> Results:
    """Measure works, each in a scratch folder that is gone afterwards; a row that fails is noted, and the rest runs."""
    results = Results()
    for work in works:
        scale, scratch = work.scales[size], folder / work.name.replace(" ", "-")
        scratch.mkdir()
        rows, total = work.rows(scale.count, scratch), rounds or scale.rounds
        results.rows.update({(work.name, row.name): row for row in rows})
        for number in range(total):
            say(f"{work.name}: round {number + 1} of {total}, {len(rows)} rows")
            place = scratch / f"round-{number}"
            place.mkdir()
            for name, found in _round(results, work, rows, place).items():
                for figure, value in found.items():
                    # A gap where a row failed keeps the rounds beside one another.
                    results.figures.setdefault((work.name, name, figure), [None] * total)[number] = value
        # Only now: a file made where one was deleted just before costs some file systems ten times as much.
        shutil.rmtree(scratch, ignore_errors=True)
    return results


def _round(results: Results, work: Work, rows: list[Row], place: Path) -> dict[str, Figures]:
    """Prepare every row, let all rest, and give them their turns until each has returned its figures."""
    found: dict[str, Figures] = {}
    with ExitStack() as ends:  # whatever happens, no row leaves anything running
        running = []
        for number, row in enumerate(random.sample(rows, len(rows))):
            (place / str(number)).mkdir()
            running.append((row, ends.enter_context(closing(row.run(place / str(number))))))
        step = 0
        while running:
            staying = []
            for row, steps in random.sample(running, len(running)):
                try:
                    next(steps)
                    staying.append((row, steps))
                except StopIteration as end:
                    found[row.name] = end.value
                except Exception as error:  # noqa: BLE001 - a peer may fail in any way
                    results.failed[work.name, row.name] = f"{type(error).__name__}: {error}"
            running = staying
            if step == 0:
                gc.collect()  # nor does anybody pay for what the last round left
                sleep(_REST_S)
            step += 1
    return found
