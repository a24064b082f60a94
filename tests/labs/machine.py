"""The machines of a lab, and the agents that live on them as processes of their own."""

import json
from dataclasses import dataclass
from pathlib import Path

from tests.racing import Racer

ACTOR = Path(__file__).with_name("actor.py")
LEASE_S = 15


@dataclass(frozen=True)
class Machine:
    """A machine: where the bus is on it, where the keys of its agents lie, and how a command gets there (empty: here)."""

    bus: str
    home: Path
    reach: tuple[str, ...] = ()

    def racer(self, role, name, *rest):
        """Start a racer there."""
        return Racer(role, self.bus, self.home, name, *rest, reach=self.reach)

    def found_bus(self):
        """Make the bus, from there."""
        Racer("found", self.bus, self.home, "founder", 0, script=ACTOR, reach=self.reach).end()

    def agent(self, name, every="1h"):
        """Start an agent there."""
        return Actor(every, self.bus, self.home, name, LEASE_S, script=ACTOR, reach=self.reach)


class Actor(Racer):
    """An agent on a machine, which does what it is told."""

    def __init__(self, *given, **how):
        self._asked = 0
        super().__init__(*given, **how)

    def begin(self, verb, *given):
        """Tell it what to do, and do not wait."""
        self._asked += 1
        self.process.stdin.write(json.dumps([verb, *given]) + "\n")
        self.process.stdin.flush()

    def outcome(self, deadline_s=240):
        """Wait for what came of it: its answer, or the error with its sentence."""
        lines = self.wait_for(lambda lines: len(_outcomes(lines)) >= self._asked, deadline_s)
        return _outcomes(lines)[self._asked - 1]

    def is_done(self):
        """Tell whether it has done what it was told."""
        return len(_outcomes(self.lines)) >= self._asked

    def attempt(self, verb, *given):
        """Tell it what to do; what came of it."""
        self.begin(verb, *given)
        return self.outcome()

    def ask(self, verb, *given):
        """Tell it what to do, which must go well; its answer."""
        return self.answer(self.attempt(verb, *given))

    def finish(self):
        """Wait for what was begun, which must have gone well; its answer."""
        return self.answer(self.outcome())

    @staticmethod
    def answer(outcome):
        """Return an answer; an error is none."""
        assert "answer" in outcome, outcome
        return outcome["answer"]


def _outcomes(lines):
    return [line for line in lines if "answer" in line or "error" in line]
