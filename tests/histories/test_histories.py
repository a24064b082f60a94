"""P1, P3, P4, P9 over generated histories: sends, claims, time, crashes and sweeps against a plain model.

Hypothesis invents the history; the model is a dictionary of what every message must be by now.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from somabus import Draft, RetryPolicy
from somabus.errors import LeaseLostError
from somabus.model.receipt import Whereabouts
from somabus.store.directory import DirectoryStore
from somabus.testing import Crash, Fuse, HandClock, StoppingStore, World

RETRY = RetryPolicy(max_attempts=3, base=timedelta(seconds=30), cap=timedelta(minutes=5))
LEASE = timedelta(minutes=2)


@dataclass
class Expected:
    """What the plain model knows of one message."""

    state: str = "open"  # open, done, dead, withdrawn, expired
    expires_at: datetime | None = None
    attempts: int = 0
    generation: int = 0
    holder_until: datetime | None = None
    settled_by_crash: bool = False
    keys: set = field(default_factory=set)


class Histories(RuleBasedStateMachine):
    """One bus; `scout` sends, two processes of `planner` receive."""

    deliveries = Bundle("deliveries")
    receipts = Bundle("receipts")

    @initialize()
    def begin(self):
        """A fresh bus with two agents."""
        self.clock = HandClock()
        self.world = World(self._store(), self.clock)
        self.scout = self.world.agent("scout", every="1h")
        self._restart()
        self.model: dict[str, Expected] = {}
        self.by_key: dict[str, str] = {}

    def _store(self):
        return None

    def _restart(self):
        self.planners = [self.world.agent("planner", retry=RETRY, every="1h", lease_for=LEASE) for _ in range(2)]

    @rule(
        target=receipts,
        expires=st.one_of(st.none(), st.integers(1, 400)),
        priority=st.sampled_from(["urgent", "normal", "low"]),
    )
    def send(self, expires, priority):
        """A message, perhaps with an expiry."""
        expires_in = None if expires is None else timedelta(seconds=expires)
        receipt = self.scout.send("planner", "x", expires_in=expires_in, priority=priority)
        self.model[receipt.id] = Expected(expires_at=expires_in and self.clock.now() + expires_in)
        return receipt

    @rule(target=receipts, key=st.sampled_from(["a", "b"]))
    def send_with_key(self, key):
        """The same key twice is the same message."""
        receipt = self.scout.send("planner", "x", key=key)
        assert receipt.duplicate == (key in self.by_key)
        assert self.by_key.setdefault(key, receipt.id) == receipt.id
        self.model.setdefault(receipt.id, Expected())
        return receipt

    @rule(count=st.integers(1, 4))
    def send_many(self, count):
        """A group commit."""
        for receipt in self.scout.send_many([Draft("planner", "x") for _ in range(count)]):
            self.model[receipt.id] = Expected()

    @rule(target=deliveries, who=st.integers(0, 1))
    def claim(self, who):
        """One of the processes takes the next message."""
        delivery = self.planners[who].inbox.claim()
        self._note_endings()
        if delivery is None:
            return None
        expected = self.model[delivery.message.id]
        now = self.clock.now()
        assert expected.state == "open", f"delivered although {expected.state}"
        assert expected.holder_until is None or expected.holder_until <= now, "two holders"
        assert delivery.generation > expected.generation, "the generation went back"
        assert delivery.attempt > expected.attempts, "an attempt was not counted"
        assert not (expected.expires_at and expected.expires_at <= now), "a stale order was delivered"
        expected.attempts, expected.generation = delivery.attempt, delivery.generation
        expected.holder_until = now + LEASE
        return delivery

    @rule(delivery=consumes(deliveries), act=st.sampled_from(["ack", "nack", "reject", "release"]))
    def settle(self, delivery, act):
        """The holder settles its message, perhaps too late."""
        if delivery is None:
            return
        expected = self.model[delivery.message.id]
        mine = expected.generation == delivery.generation and expected.state == "open"
        try:
            {
                "ack": delivery.ack,
                "nack": delivery.nack,
                "reject": lambda: delivery.reject("no"),
                "release": delivery.release,
            }[act]()
        except LeaseLostError:
            assert not mine, f"{act} was refused although nobody else had the message"
            return
        assert mine, f"{act} of a stale holder was accepted"
        expected.holder_until = None
        if act == "ack":
            expected.state = "done"
        elif act == "reject" or (act == "nack" and delivery.attempt >= RETRY.max_attempts):
            expected.state = "dead"

    @rule(delivery=deliveries)
    def extend(self, delivery):
        """The holder asks for more time."""
        if delivery is None or delivery.settled:
            return
        expected = self.model[delivery.message.id]
        mine = expected.generation == delivery.generation and expected.state == "open"
        try:
            delivery.extend(LEASE)
        except LeaseLostError:
            assert not mine
            return
        assert mine
        expected.holder_until = max(expected.holder_until or self.clock.now(), self.clock.now() + LEASE)

    @rule(receipt=receipts)
    def withdraw(self, receipt):
        """The sender takes a message back, perhaps too late."""
        expected = self.model[receipt.id]
        before = expected.state
        self._note_endings()
        if self.scout.withdraw(receipt).state is Whereabouts.WITHDRAWN:
            assert before in ("open", "withdrawn")
            expected.state = "withdrawn"

    @rule(seconds=st.integers(1, 300))
    def time_passes(self, seconds):
        """The clock goes on."""
        self.clock.advance(seconds=seconds)

    @rule(seconds=st.integers(1, 60))
    def clock_is_set_back(self, seconds):
        """The drive's clock is set back a little; nothing may get lost by it."""
        self.clock.put_back(seconds=seconds)

    @rule(at=st.integers(1, 12), what=st.sampled_from(["claim", "ack", "nack", "reject"]))
    def a_process_dies(self, at, what):
        """A process of the planner dies at some operation of what it does."""
        fuse = Fuse()
        mortal = self.world.agent(
            "planner", store=StoppingStore(self.world.store, fuse), retry=RETRY, every="1h", lease_for=LEASE
        )
        fuse.at = fuse.steps + at
        given = None
        try:
            given = mortal.inbox.claim()
            if given is not None:
                expected = self.model[given.message.id]
                assert given.generation > expected.generation
                expected.attempts, expected.generation = given.attempt, given.generation
                expected.holder_until = self.clock.now() + LEASE
                {"ack": given.ack, "nack": given.nack, "reject": lambda: given.reject("no")}.get(what, lambda: None)()
        except Crash:
            pass
        # Whoever watches a dying process cannot know how far it got: the drive tells.
        self._believe_the_drive()

    @rule()
    def restart(self):
        """All processes of the planner are started anew; what they held is held until the leases end."""
        self._restart()

    def _believe_the_drive(self):
        for message_id, expected in self.model.items():
            trace = self.scout._services.sender.trace("planner", message_id)
            if expected.state == "open":
                if trace.state in (Whereabouts.DONE, Whereabouts.DEAD, Whereabouts.EXPIRED):
                    expected.state = str(trace.state)
                elif trace.state is Whereabouts.CLAIMED:
                    expected.attempts = max(expected.attempts, trace.attempt)
                    expected.generation = max(expected.generation, trace.attempt)
                    expected.holder_until = trace.at
                else:
                    expected.holder_until = None

    def _note_endings(self):
        """What a drain sets aside by itself: expired orders, and messages whose attempts are used up."""
        for message_id, expected in self.model.items():
            if expected.state == "open":
                state = self.scout._services.sender.trace("planner", message_id).state
                if state is Whereabouts.EXPIRED:
                    assert expected.expires_at, "expired without an expiry"
                    expected.state = "expired"
                elif state is Whereabouts.DEAD:
                    assert expected.attempts >= RETRY.max_attempts, "dead before its attempts were used up"
                    expected.state = "dead"

    @invariant()
    def every_message_is_where_the_model_says(self):
        """Each message that was ever acknowledged is somewhere, and its end is the one the model expects."""
        for message_id, expected in getattr(self, "model", {}).items():
            state = self.scout._services.sender.trace("planner", message_id).state
            assert state is not Whereabouts.UNKNOWN, "lost"
            if expected.state != "open":
                assert state == expected.state
            else:
                assert state in (Whereabouts.WAITING, Whereabouts.DELAYED, Whereabouts.CLAIMED)

    def teardown(self):
        """In the end, when time has passed and somebody drains, nothing is open."""
        if not hasattr(self, "model"):
            return
        for _ in range(RETRY.max_attempts + 2):
            self.clock.advance(hours=1)
            for delivery in self.planners[0].inbox.drain():
                delivery.ack()
        open_ = [each for each in self.model if self.scout._services.sender.trace("planner", each).state
                 not in (Whereabouts.DONE, Whereabouts.DEAD, Whereabouts.EXPIRED, Whereabouts.WITHDRAWN)]  # fmt: skip
        assert not open_


class HistoriesOnDisk(Histories):
    """The same on a real folder."""

    def _store(self):
        import tempfile

        self._folder = tempfile.TemporaryDirectory()
        return DirectoryStore(self._folder.name, writer="h", durability="none", now=self.clock.now)

    def teardown(self):
        """Also remove the folder."""
        super().teardown()
        if hasattr(self, "_folder"):
            self._folder.cleanup()


class MoreHistories(Histories):
    """The same, longer, for the slow run."""


TestHistories, TestMoreHistories = Histories.TestCase, pytest.mark.slow(MoreHistories.TestCase)
TestHistories.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)
TestMoreHistories.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
TestHistoriesOnDisk = HistoriesOnDisk.TestCase
TestHistoriesOnDisk.settings = settings(max_examples=15, stateful_step_count=30, deadline=None)
