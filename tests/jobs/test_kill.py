"""Jobs with real processes on a real folder: four workers, `kill -9` every second, and a human who answers.

Each step appends to a file of its own when it takes effect, so that effects are counted whatever the bus says.
"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from somabus import Agent, JobDraft, create_bus
from somabus.model import tree
from somabus.model.ticket import ENDED, JobState
from somabus.verify import judge_path
from tests.gathering import gathered
from tests.jobs.yard import places
from tests.racing import Racer

SCRIPT = Path(__file__).with_name("worker_process.py")
WORKERS, SPARES, LEASE_S, DEADLINE_S = 4, 3, 1.0, 900
STEPS = {"steps": ("one", "again", "three"), "family": ("last",), "flaky": ("one",), "aggregate": ()}
PRIORITIES = ("low", "normal", "high", "urgent")


class Yard:
    """The bus, its workers, and who rules over both."""

    def __init__(self, path, step_s):
        self.step_s = step_s
        self.bus, self.home, self.effects = path / "bus", path / "home", path / "effects"
        self.effects.mkdir()
        self.starting = ThreadPoolExecutor(2)
        create_bus(self.bus)
        self.human = Agent("scout", bus=self.bus, home=path / "human", durability="none", every="1h")
        Agent("planner", bus=self.bus, home=self.home, durability="none", every="1h")
        self.store = self.human._services.store
        self.workers, self.spares, self.lines, self.answers = [], [], [], 0

    def start(self):
        """Start a process that will work; nobody waits for it."""
        self.spares.append(
            self.starting.submit(
                Racer, "work", self.bus, self.home, "planner", self.effects, LEASE_S, self.step_s, script=SCRIPT
            )
        )

    def put_to_work(self):
        """Let the next one work; there is always one to follow."""
        self.workers.append(self.spares.pop(0).result())
        self.workers[-1].go()
        self.start()

    def kill(self):
        """Kill the oldest in the middle of whatever it does."""
        oldest = self.workers.pop(0)
        oldest.kill()
        self.lines.append(oldest.lines)

    def taken(self, job, step):
        """Count how often a step took effect."""
        file = self.effects / f"{job}.{step}"
        return len(file.read_text().splitlines()) if file.exists() else 0

    def answer(self):
        """Say of each step in doubt whether it took effect, as a human finds out who looks."""
        for view in self.human.jobs.all(state=JobState.PAUSED):
            for number, page in self.human.jobs.file(view.address).steps.items():
                if page.in_doubt:
                    again = not self.taken(view.address.id, page.pending.name)
                    self.human.jobs.decide(view.address, number, again=again, result=page.pending.name)
                    self.answers += 1
            self.human.jobs.resume(view.address)

    def open(self):
        """Count what has not ended."""
        return sum(len(self.store.list(tree.shelf("default", state))) for state in JobState if state not in ENDED)


def submit_all(yard, count):
    """Submit so many, in four kinds: plain ones of each priority, delayed ones, chains, and parents with children."""
    common = {"max_stalled": 1000, "backoff": timedelta(milliseconds=50)}
    drafts = []
    for n in range(count // 10):
        drafts += [JobDraft("steps", {"plain": True}, priority=PRIORITIES[n % 4], **common) for _ in range(3)]
        drafts += [JobDraft("steps", delay=timedelta(seconds=n % 5 + 0.5), **common)]
        drafts += [JobDraft("flaky", **common)]
        drafts += [
            JobDraft("steps", label=f"a{n}", **common),
            JobDraft("steps", label=f"b{n}", depends_on=(f"a{n}",), **common),
        ]
        drafts += [JobDraft("aggregate", label=f"c{n}", depends_on=(f"a{n}", f"b{n}"), **common)]
        drafts += [JobDraft("family", depends_on=(f"c{n}",) if n % 2 else (), **common) for _ in range(2)]
    return [receipt for at in range(0, len(drafts), 500) for receipt in yard.human.submit_many(drafts[at : at + 500])]


@pytest.mark.parametrize(
    ("count", "every_s", "step_s"), [(40, 0.3, 0.05), pytest.param(2000, 1.0, 0.004, marks=pytest.mark.slow)]
)
def test_workers_that_are_killed_again_and_again_do_each_job_once(count, every_s, step_s, tmp_path):
    """Each step took effect once, nothing is lost, nothing completes twice, and the urgent come before the low."""
    yard = Yard(tmp_path, step_s)
    receipts = submit_all(yard, count)
    for _ in range(WORKERS + SPARES):
        yard.start()
    for _ in range(WORKERS):
        yard.put_to_work()
    began = time.monotonic()
    kills, pace = 0, threading.Event()
    while yard.open():
        assert time.monotonic() < began + DEADLINE_S, yard.human.jobs.stats()
        pace.wait(max(0.0, began + (kills + 1) * every_s - time.monotonic()))
        yard.kill()
        kills += 1
        yard.put_to_work()
        yard.answer()
    took = time.monotonic() - began
    yard.workers += [each.result() for each in yard.spares]
    while yard.workers:
        yard.kill()

    stalls, again = judge(yard, receipts)
    assert [fault for fault in judge_path(yard.bus)[0] if fault.weight == "error"] == []
    gathered("jobs")[f"{len(receipts):,} jobs"] = {
        "kills": kills, "seconds": round(took, 1), "stalls": stalls, "answers": yard.answers, "again": again,
    }  # fmt: skip
    assert kills
    assert kills < 5 or stalls + yard.answers, "nobody was killed at work"


def judge(yard, receipts):
    """Judge by what lies on the bus and by what took effect; return how many stalled, and how many repeats were allowed."""
    found = places(yard.store)
    assert {receipt.id for receipt in receipts} <= found.keys(), "lost"
    assert {job: lying for job, lying in found.items() if len(lying) != 1} == {}, "in two places"
    not_completed = {job: lying for job, lying in found.items() if lying[0].state is not JobState.COMPLETED}
    assert not_completed == {}, [yard.human.jobs.outcome(f"default/{job}") for job in not_completed][:3]

    stalls = again = 0
    for job, (lying,) in found.items():
        file = yard.human.jobs.file(f"default/{job}")
        assert [each.event for each in file.tries if each.generation == lying.generation][-1] == "complete"
        name = file.view.opened.job.name
        if name != "family":  # each generation but those whose worker vanished says how it ended
            stalls += lying.generation - len({each.generation for each in file.tries})
        for step in STEPS[name]:
            times = yard.taken(job, step)
            if step == "again":
                again += times - 1
                assert times >= 1, f"{step} of {job} did not take effect"
            else:
                assert times == 1, f"{step} of {job} took effect {times} times"
    for lines in yard.lines:
        first = [(each["digit"], each["began"]) for each in lines if each.get("plain") and each["generation"] == 1]
        assert first == sorted(first), "one that was less urgent, or younger, began first"
    return stalls, again
