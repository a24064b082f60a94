"""The run: every row of a work once a round, in a new random order each round, so that a busy moment spares nobody."""

import random
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

from tests.bench.row import Figures, Row, Size, Work


@dataclass(frozen=True, slots=True)
class Results:
    """What was measured: `figures[work, row, figure]` has one value a round; None where a row failed."""

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
        """Return the rows of a work that yielded anything."""
        return list(dict.fromkeys(row for here, row, _ in self.figures if here == work))


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
            for row in random.sample(rows, len(rows)):
                found = _once(results, work, row, scratch / f"{number}-{rows.index(row)}")
                for figure, value in found.items():
                    # A gap where a row failed keeps the rounds beside one another.
                    results.figures.setdefault((work.name, row.name, figure), [None] * total)[number] = value
        # Only now: a file made where one was deleted just before costs some file systems ten times as much.
        shutil.rmtree(scratch, ignore_errors=True)
    return results


def _once(results: Results, work: Work, row: Row, folder: Path) -> Figures:
    folder.mkdir()
    try:
        return row.run(folder)
    except Exception as error:  # noqa: BLE001 - a peer may fail in any way
        results.failed[work.name, row.name] = f"{type(error).__name__}: {error}"
        return {}
