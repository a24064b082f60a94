"""One scene on a drive: a new bus, two machines, the processes on them, and the account of its messages."""

import shutil
import threading
import time
from collections import Counter

from tests.gathering import gathered


class Stage:
    """Starts processes on the machines `a` and `b`; `left_over` ends those that still run when the scene is over."""

    def __init__(self, drive, folder, left_over):
        self.drive = drive
        self.messages = drive.kind.messages
        self.left_over = left_over
        self.a, self.b = drive.machines(folder)
        self.a.found_bus()

    def agent(self, name, machine, **how):
        """Start an agent that does what it is told."""
        return self._watched(machine.agent(name, **how))

    def agents(self, places):
        """Start agents, by name and machine, and wait until they all know each other."""
        actors = {name: self.agent(name, machine) for name, machine in places.items()}
        for actor in actors.values():
            until(lambda actor=actor: set(actor.ask("peers")) >= set(actors), "everybody sees everybody")
        return actors

    def racer(self, role, machine, name, *rest):
        """Start a racer."""
        return self._watched(machine.racer(role, name, *rest))

    def settle_on_both(self, name):
        """Let one agent join on machine a, and be at home on both, with the same key."""
        self.agent(name, self.a).kill()
        shutil.copytree(self.a.home, self.b.home, dirs_exist_ok=True)

    def account(self, sent, lines):
        """Enter into the table what came of the messages: all were handled, and none twice under one generation."""
        claims = Counter((line["id"], line["generation"]) for line in lines if "generation" in line)
        lost = set(sent) - {message for message, _ in claims}
        twice = [claim for claim, count in claims.items() if count > 1]
        row = gathered("drives").setdefault(str(self.drive.kind), {})
        for column, count in (("messages", len(sent)), ("lost", len(lost)), ("twice", len(twice))):
            row[column] = row.get(column, 0) + count
        assert not lost, f"{len(lost)} of {len(sent)} were not handled"
        assert not twice, f"handled twice under one generation: {twice[:3]}"

    def _watched(self, process):
        self.left_over.callback(lambda: process.process.stdin.closed or process.kill())
        return process


def until(look, what, deadline_s=60):
    """Wait for what the other machine shall see: caches of a drive hold back news for up to 30 s."""
    deadline = time.monotonic() + deadline_s
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {deadline_s} s: {what}"
        threading.Event().wait(0.1)
    return found
