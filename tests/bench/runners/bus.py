"""somabus as a candidate: one agent submits, another works; each signs, and each verifies what the other signed."""

import os
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final

from somabus import Agent, JobDraft, create_bus
from somabus.model import tree
from somabus.model.ids import IdMaker
from somabus.model.ticket import JobState, Ticket
from tests.bench.row import Guarantees
from tests.bench.runners.runner import Candidate, Needs

_NAME: Final = "note"
_NAMES_A_FILE: Final = 50_000  # ext4 gives a file 65,000 names
_BEHIND: Final = 8
"""The digit of names that sort behind every job of common priority."""


class Bus:
    """A bus with one queue."""

    def __init__(self, folder: Path, durability: str) -> None:
        self._bus, home = folder / "bus", folder / "home"
        create_bus(self._bus, home=home)
        worker = Agent("worker", self._bus, home=home, durability=durability)
        worker.handler(_NAME)(self._note)
        self._agent = Agent("submitter", self._bus, home=home, durability=durability)
        self._worker, self._ran = worker.worker(), list[int]()

    def submit(self, number: int) -> None:
        """Submit."""
        self._agent.submit(_NAME, {"n": number})

    def submit_graph(self, needs: Needs) -> None:
        """Submit all as one group commit."""
        self._agent.submit_many(
            [
                JobDraft(_NAME, {"n": number}, label=str(number), depends_on=tuple(map(str, each)))
                for number, each in enumerate(needs)
            ]
        )

    def fill(self, count: int) -> None:
        """Give the jobs that wait further names, which nobody will open."""
        ids, now = IdMaker(os.urandom), self._agent.inbox.now() + timedelta(minutes=1)
        waiting = self._bus / tree.shelf("default", JobState.WAITING)
        genuine = [os.fspath(each) for each in waiting.iterdir()]
        for number in range(count):
            os.link(genuine[number // _NAMES_A_FILE], waiting / Ticket(_BEHIND, ids.make(now)).name)

    def run(self, most: int) -> list[int]:
        """Let the worker take one after the other."""
        self._ran = []
        while len(self._ran) < most and self._worker.one():
            pass
        return self._ran

    def _note(self, context: object) -> int:
        number = context.data["n"]
        self._ran.append(number)
        return number


CANDIDATES = tuple(
    Candidate(
        f"somabus, {durability}", durability, partial(Bus, durability=durability),
        Guarantees("yes", "yes" if durability == "full" else "no", "yes", "yes"), graphs=True,
    )
    for durability in ("none", "full")
)  # fmt: skip
