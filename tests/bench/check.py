"""A check: one comparison between rows of a run, and what it must be at least or at most."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.bench.row import Size
from tests.bench.run import Found, Results, Value, over


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison: a value out of a run, and what it must be at least or at most; neither for a mere remark.

    What counts is the median over the runs, or with `always` each of them.
    """

    say: str
    value: Value
    least: float | None = None
    most: float | None = None
    always: bool = False

    def found(self, runs: Sequence[Results]) -> Found | None:
        """Return what it was in these runs; None where none of them measured it."""
        return over(runs, self.value)

    def met(self, runs: Sequence[Results]) -> bool | None:
        """Tell whether it is met; None where it was not measured, or is a remark."""
        found = self.found(runs)
        if found is None or (self.least is None and self.most is None):
            return None
        low, high = (found.low, found.high) if self.always else (found.middle, found.middle)
        return (self.least is None or low >= self.least) and (self.most is None or high <= self.most)


@dataclass(frozen=True, slots=True)
class Target:
    """One row of the table: what is done, what was promised, and the works and checks that show it."""

    work: str
    promise: str
    works: tuple[str, ...]
    checks: Callable[[Size], list[Check]]


def rate(work: str, row: str, to: str, figure: str) -> Value:
    """Return how many times the rate of another row a row reaches: above 1 is faster."""
    return lambda results: results.times((work, to, figure), (work, row, figure))


def cost(work: str, row: str, to: str, figure: str, of: str | None = None) -> Value:
    """Return how many times the time of another row a row takes: above 1 is slower."""
    return lambda results: results.times((work, row, figure), (work, to, of or figure))


def beside_fastest(work: str, row: str, figure: str, peers: Callable[[str], bool]) -> Value:
    """Return the smallest ratio of a row's rate to that of a peer: above 1, all of them are slower."""

    def smallest(results: Results) -> float | None:
        ratios = [rate(work, row, peer, figure)(results) for peer in results.names(work) if peers(peer)]
        return min((each for each in ratios if each is not None), default=None)

    return smallest


def value(work: str, row: str, figure: str) -> Value:
    """Return a figure itself."""
    return lambda results: results.middle(work, row, figure)


def worst(work: str, rows: tuple[str, ...], figures: tuple[str, ...]) -> Value:
    """Return the largest value of any round."""

    def largest(results: Results) -> float | None:
        return max(
            (each for row in rows for figure in figures for each in results.values(work, row, figure)), default=None
        )

    return largest
