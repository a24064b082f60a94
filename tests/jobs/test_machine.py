"""Jobs over generated histories, against the table of moves: each lies in one folder, and moves as the table says.

Hypothesis invents the history: submits, claims, ends, crashes, time, and what humans do. Every rename that reaches
the store is held against the table.
"""

from collections import defaultdict
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from somabus.errors import JobRefusedError, JobStateError, LeaseLostError
from somabus.model import tree
from somabus.model.ids import milliseconds
from somabus.model.job import JobAddress
from somabus.model.ticket import ENDED, JOB_MOVES, End, JobEvent, JobState, Ticket
from somabus.testing import Crash, Fuse, HandClock, StoppingStore, World
from tests.jobs.yard import LEASE, places

MOVES = {(state, target) for state, moves in JOB_MOVES.items() for target in moves.values()}
BEGINNINGS = {JobState.WAITING, JobState.DELAYED, JobState.BLOCKED}
CLAIMABLE = (JobState.WAITING, JobState.DELAYED, JobState.ACTIVE)
ACTS = {
    "complete": lambda settling, holding: settling.complete(holding, 1),
    "fail": lambda settling, holding: settling.fail(holding, "no"),
    "retry": lambda settling, holding: settling.retry(holding, "not yet"),
    "snooze": lambda settling, holding: settling.snooze(holding, timedelta(seconds=30)),
    "release": lambda settling, holding: settling.release(holding),
    "park": lambda settling, holding: settling.park(holding, "ask"),
    "await": lambda settling, holding: settling.await_children(holding),
    "renew": lambda settling, holding: settling.renew(holding),
}
EVENTS = {"cancel": JobEvent.CANCEL, "pause": JobEvent.PAUSE, "resume": JobEvent.RESUME, "replay": JobEvent.REPLAY}


class Watched(StoppingStore):
    """A store that holds each move of a job against the table."""

    def __init__(self, store):
        super().__init__(store, Fuse())
        self.replayed = defaultdict(int)

    def move(self, source, target, *, durable=True):
        """See `Store.move`."""
        super().move(source, target, durable=durable)
        if source.startswith(f"{tree.QUEUES}/"):
            self._judge(source.split("/"), target.split("/"))

    def _judge(self, source, target):
        after, name = JobState(target[2]), _parsed(target[-1])
        if source[2] == "submitting":
            assert after in BEGINNINGS
            return
        before, old = JobState(source[2]), _parsed(source[-1])
        assert (before, after) in MOVES, f"{before} -> {after} is no move of the table"
        assert name.id == old.id
        claimed = after is JobState.ACTIVE and (before is not JobState.ACTIVE or name.holder != old.holder)
        assert name.generation == old.generation + claimed, f"{source[-1]} -> {target[-1]}"
        if before in ENDED:
            self.replayed[name.id] += 1


def _parsed(name):
    found = Ticket.parse(name) or End.parse(name)
    assert found is not None, name
    return found


class Jobs(RuleBasedStateMachine):
    """One queue; `scout` submits and rules, `planner` and `other` work."""

    jobs = Bundle("jobs")
    holdings = Bundle("holdings")

    @initialize()
    def begin(self):
        """A fresh bus with three agents."""
        self.clock = HandClock()
        self.world = World(clock=self.clock)
        self.store = self.world.store = Watched(self.world.store)
        self.scout = self.agent("scout")
        for name in ("planner", "other"):
            self.agent(name)
        self.accepted = set()
        self.generations = {}
        self.ends = {}

    def agent(self, name, **fields):
        """Return an agent in a process of its own."""
        agent = self.world.agent(name, every="1h", **fields)
        agent.handler("note")(lambda ctx: ctx.data)
        return agent

    def _accept(self, receipt):
        self.accepted.add(receipt.id)
        return receipt.address

    @rule(
        target=jobs,
        priority=st.sampled_from(["urgent", "normal", "low"]),
        delay=st.sampled_from([None, 0, 60]),
        attempts=st.integers(1, 3),
    )
    def submit(self, priority, delay, attempts):
        """A job, perhaps for later."""
        later = None if delay is None else timedelta(seconds=delay)
        return self._accept(self.scout.submit("note", priority=priority, delay=later, max_attempts=attempts))

    @rule(target=jobs, key=st.sampled_from("ab"), mode=st.sampled_from(["reject", "coalesce", "replace"]))
    def submit_with_key(self, key, mode):
        """Once for a key, in each of its ways."""
        return self._accept(self.scout.submit("note", key=key, on_duplicate=mode))

    @rule(
        target=jobs,
        needs=jobs,
        below=st.booleans(),
        policy=st.sampled_from(["fail", "remove", "ignore", "continue"]),
    )
    def submit_after(self, needs, below, policy):
        """A job that depends on another, or is its child; a child of one that has ended is refused."""
        where = {"parent": needs} if below else {"depends_on": (needs,)}
        try:
            return self._accept(self.scout.submit("note", on_failure=policy, **where))
        except JobRefusedError:
            assert below
            return needs

    @rule(target=holdings, who=st.sampled_from(["planner", "other"]))
    def claim(self, who):
        """A worker takes the next job: the most urgent, and of those the oldest."""
        worker = self.agent(who).worker(lease_for=LEASE)
        holding = worker._picker.next()
        left = [name[:38] for state in CLAIMABLE for name in self._names(state) if self._free(state, name)]
        if holding is None:
            assert not left, f"left lying: {left}"
            return None
        assert all(holding.ticket.name[:38] < each for each in left), "another was before it"
        assert holding.ticket.until == milliseconds(self.clock.now() + LEASE)
        return worker, holding

    @rule(held=consumes(holdings), act=st.sampled_from(sorted(ACTS)))
    def settle(self, held, act):
        """A worker settles its job, perhaps too late."""
        if held is None:
            return
        worker, holding = held
        mine = holding.ticket.name in self._names(JobState.ACTIVE)
        try:
            ACTS[act](worker._settling, holding)
        except LeaseLostError:
            assert not mine, f"{act} was refused although the job was its own"
        else:
            assert mine, f"{act} of a worker that had lost the job was accepted"

    @rule(job=jobs, act=st.sampled_from(sorted(EVENTS)))
    def a_human_acts(self, job, act):
        """Cancel, pause, resume, replay: what the table has is done, and nothing else."""
        state = self._state(job)
        can = EVENTS[act] in JOB_MOVES[state]
        try:
            getattr(self.scout.jobs, act)(job)
        except JobStateError:
            assert not can, f"{act} of a job that is {state} was refused"
            assert self._state(job) is state
        else:
            assert can or (act == "cancel" and state is JobState.CANCELLED), f"{act} of a job that is {state}"

    @rule(seconds=st.sampled_from([1, 59, 61, 300]))
    def time_passes(self, seconds):
        """The clock goes on."""
        self.clock.advance(seconds=seconds)

    @rule(seconds=st.integers(1, 60))
    def clock_is_set_back(self, seconds):
        """The drive's clock is set back a little; nothing may get lost by it."""
        self.clock.put_back(seconds=seconds)

    @rule(
        at=st.integers(1, 25),
        job=jobs,
        act=st.sampled_from([*sorted(ACTS), *sorted(EVENTS), "submit", "replace", "depend", "child", "work", "chores"]),
    )
    def a_process_dies(self, at, job, act):
        """A process dies at some operation of what it does."""
        fuse = Fuse()
        mortal = self.agent("planner", store=StoppingStore(self.store, fuse))
        worker = mortal.worker(lease_for=LEASE)
        fuse.at = fuse.steps + at
        try:
            if act in EVENTS:
                getattr(mortal.jobs, act)(job)
            elif act in ACTS:
                holding = worker._picker.next()
                if holding is not None:
                    ACTS[act](worker._settling, holding)
            else:
                {
                    "submit": lambda: mortal.submit("note", key="a"), "chores": worker.chores, "work": worker.one,
                    "replace": lambda: mortal.submit("note", key="b", on_duplicate="replace"),
                    "depend": lambda: mortal.submit("note", depends_on=(job,)),
                    "child": lambda: mortal.submit("note", parent=job),
                }[act]()  # fmt: skip
        except (Crash, JobStateError, JobRefusedError):
            pass

    @rule(who=st.sampled_from(["planner", "other"]))
    def chores(self, who):
        """A worker with nothing else to do looks at what is held up."""
        self.agent(who).worker(lease_for=LEASE).chores()

    def _names(self, state):
        return self.store.list(tree.shelf("default", state))

    def _free(self, state, name):
        ticket = Ticket.parse(name)
        return state is JobState.WAITING or ticket.until <= milliseconds(self.clock.now())

    def _state(self, job):
        (place,) = places(self.store)[JobAddress.parse(job).id]
        return place.state

    @invariant()
    def each_lies_in_one_place_and_moves_forward(self):
        """Nothing is lost or there twice, no generation goes back, and an end is final but by a replay."""
        if not hasattr(self, "accepted"):
            return
        found = places(self.store)
        assert self.accepted <= found.keys(), "lost"
        for job, lying in found.items():
            assert len(lying) == 1, f"{job} lies in {lying}"
            assert lying[0].generation >= self.generations.get(job, 0), "the generation went back"
            self.generations[job] = lying[0].generation
            before, replays = self.ends.get(job, (None, 0))
            if before is not None and replays == self.store.replayed[job]:
                assert lying[0].state is before, f"{before} became {lying[0].state}"
            self.ends[job] = (lying[0].state if lying[0].state in ENDED else None, self.store.replayed[job])

    def teardown(self):
        """In the end, when time has passed, humans have answered and somebody works, all has ended."""
        if not hasattr(self, "accepted"):
            return
        for _ in range(6):
            self.clock.advance(hours=30)
            for view in self.scout.jobs.all(state=JobState.PAUSED):
                self.scout.jobs.resume(str(view.address))
            self.agent("planner").worker().drain()
        held = {job: lying for job, lying in places(self.store).items() if lying[0].state not in ENDED}
        assert not held, f"not let go: {held}"
        assert not self.store.list(tree.submitting("default"))


class MoreJobs(Jobs):
    """The same, longer, for the slow run."""


TestJobs, TestMoreJobs = Jobs.TestCase, pytest.mark.slow(MoreJobs.TestCase)
TestJobs.settings = settings(max_examples=20, stateful_step_count=40, deadline=None)
TestMoreJobs.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
