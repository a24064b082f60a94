"""What is measured: a work has rows, one for each contender; a row is run once a round and returns its figures."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

Figures = Mapping[str, float]
"""Figures by name: microseconds, if `UNITS` names no other unit."""

Steps = Generator[None, None, Figures]
"""A run in steps. It pauses where it is prepared, and again wherever another row may have its turn; it returns its figures."""

UNITS: Final = {
    "idle": "% of a core", "memory": "MB", "lost": "", "twice": "", "errors": "",
    **dict.fromkeys(("p50", "p99", "beat", "all have beaten since", "process"), "ms"),
    **dict.fromkeys(("first meeting", "cold", "unchanged", "unchanged, later process"), "ms"),
}  # fmt: skip
COUNTS: Final = ("lost", "twice", "errors")
"""Figures that count what went wrong."""


def unit(figure: str) -> str:
    """Return the unit of a figure."""
    return UNITS.get(figure, "µs")


class Size(StrEnum):
    """How much is measured: `tiny` shows that it runs, `quick` is for a glance, `full` for the record."""

    TINY = "tiny"
    QUICK = "quick"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Guarantees:
    """What a row's contender gives for its time, in a word or two each; a dash where the question does not arise.

    `atomic`: no reader sees half a message. `power_cut`: what was acknowledged is there after one. `kill`: the message
    of a consumer that is killed comes again. `machines`: several machines may work on one shared folder.
    """

    atomic: str = "-"
    power_cut: str = "-"
    kill: str = "-"
    machines: str = "-"


@dataclass(frozen=True, slots=True)
class Row:
    """One contender in one work.

    Args:
        name: the contender's, and the variant's.
        run: does the work once in an empty folder of its own.
        base: the row of the same work and class that it is compared with; its own name for that row itself.
        durability: `none`, `file` or `full`; a dash where nothing is written.
        guarantees: what the contender gives.
    """

    name: str
    run: Callable[[Path], Steps]
    base: str
    durability: str = "-"
    guarantees: Guarantees = Guarantees()


@dataclass(frozen=True, slots=True)
class Scale:
    """How many of it, and in how many rounds."""

    count: int
    rounds: int


@dataclass(frozen=True, slots=True)
class Work:
    """One work.

    Args:
        name: short, for `--only`.
        about: one sentence: what is timed.
        rows: makes the rows for so many, and may prepare in the folder what all rounds use.
        scales: how many and how often, for each size.
    """

    name: str
    about: str
    rows: Callable[[int, Path], list[Row]]
    scales: Mapping[Size, Scale]
