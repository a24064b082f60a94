"""A candidate: a queue of jobs with a name, a class of durability and its guarantees."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.bench.queues.contender import FLOORS
from tests.bench.row import Guarantees

Needs = Sequence[Sequence[int]]
"""A graph: for each job, in order, the numbers of those that must complete before it."""


class Runner(Protocol):
    """What is asked of all of them. A job is a number; its handler notes it and returns it."""

    def submit(self, number: int) -> None:
        """Submit one job; on return it is as durable as the class says."""

    def fill(self, count: int) -> None:
        """Let so many more wait behind those that do, by whatever is quickest; nobody will run them."""

    def run(self, most: int) -> list[int]:
        """Claim, run and complete jobs, one after the other; return whose handler ran. None is left to run if fewer."""


class Grapher(Runner, Protocol):
    """What can run jobs that wait for each other."""

    def submit_graph(self, needs: Needs) -> None:
        """Submit them all; on return they are as durable as the class says."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One of those who are measured.

    Args:
        name: as in the tables.
        durability: what is forced to the disk: nothing (`none`), or all that was acknowledged (`full`).
        open: opens the queue in a folder.
        guarantees: what it gives.
        graphs: its jobs can wait for several others.
        needs: the package that must be installed.
    """

    name: str
    durability: str
    open: Callable[[Path], Runner]
    guarantees: Guarantees
    graphs: bool = False
    needs: str | None = None

    @property
    def base(self) -> str:
        """The row that it is compared with."""
        return FLOORS[self.durability]
