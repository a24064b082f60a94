"""P3. One holder at a time; whose lease has passed on is refused and changes nothing. Races: tests/crashes/test_kill.py."""

from datetime import timedelta

import pytest

from somabus.errors import LeaseHeldError, LeaseLostError, StoreUnavailableError
from somabus.model.receipt import Whereabouts
from somabus.testing import World


def test_a_claimed_message_is_given_to_nobody_else_until_its_lease_ends():
    """While one holds it, others see nothing to take; when the lease has ended, one other gets it, at attempt 2."""
    world = World()
    world.agent("scout").send("scout", "once")
    first, second = world.agent("scout"), world.agent("scout")

    held = first.inbox.claim(lease_for=timedelta(minutes=5))
    world.clock.advance(minutes=4)
    assert second.inbox.claim() is None

    world.clock.advance(minutes=2)
    passed_on = second.inbox.claim()
    assert (passed_on.message.id, passed_on.attempt) == (held.message.id, 2)
    assert passed_on.generation > held.generation


@pytest.mark.parametrize("act", ["ack", "nack", "extend", "release"])
def test_a_stale_holder_is_refused(act):
    """After the lease was passed on, ack, nack, extend and release raise LeaseLostError; the new holder is undisturbed."""
    world = World()
    scout = world.agent("scout")
    receipt = scout.send("scout", "x")
    stale = scout.inbox.claim(lease_for=timedelta(minutes=1))
    world.clock.advance(minutes=2)
    heir = world.agent("scout").inbox.claim()

    with pytest.raises(LeaseLostError) as lost:
        getattr(stale, act)()

    assert lost.value.generation == 1
    assert scout.trace(receipt).state is Whereabouts.CLAIMED
    heir.ack()
    assert scout.trace(receipt).state is Whereabouts.DONE


def test_a_stale_reject_tells_nobody_that_the_message_is_dead():
    """A stale holder's reject is refused before any bounce is sent."""
    world = World()
    scout, planner = world.agent("scout"), world.agent("planner")
    scout.send("planner", "x")
    stale = planner.inbox.claim(lease_for=timedelta(minutes=1))
    world.clock.advance(minutes=2)
    world.agent("planner").inbox.claim()

    with pytest.raises(LeaseLostError):
        stale.reject("no")

    assert scout.unread == 0
    assert planner.inbox.dead() == ()


def test_an_extended_lease_holds():
    """A holder that extends in time keeps the message past its first lease."""
    world = World()
    scout = world.agent("scout")
    scout.send("scout", "long work")
    held = scout.inbox.claim(lease_for=timedelta(minutes=5))
    for _ in range(5):
        world.clock.advance(minutes=4)
        held.extend(timedelta(minutes=5))
        assert world.agent("scout").inbox.claim() is None

    held.ack()


def test_leaving_the_block_late_raises():
    """A handler that overran its lease learns it when its block ends, and the work is not counted as done."""
    world = World()
    scout = world.agent("scout")
    scout.send("scout", "x")
    delivery = scout.inbox.claim(lease_for=timedelta(minutes=1))

    with pytest.raises(LeaseLostError), delivery:
        world.clock.advance(minutes=2)
        heir = world.agent("scout").inbox.claim()

    assert heir.attempt == 2


def test_a_copy_of_what_is_being_handled_is_not_given_to_a_second_holder():
    """While a message is held, a second file with its id waits; afterwards it is recognised as a duplicate."""
    world = World()
    scout = world.agent("scout")
    receipt = scout.send("scout", "x")
    held = scout.inbox.claim()
    copy = f"messages/scout/inbox/5-{receipt.id}.0.json"
    world.store.create_many([(copy, world.store.read(f"messages/scout/claimed/{held._slot.name}"))])

    assert world.agent("scout").inbox.claim() is None
    held.ack()
    assert world.agent("scout").inbox.claim() is None
    assert world.store.list("messages/scout/inbox") == []


def test_a_named_lease_has_one_holder_and_a_number_that_only_grows():
    """A second taker is told who holds it and until when; every tenure has a higher number, also after the records were swept."""
    world = World()
    scout, planner = world.agent("scout"), world.agent("planner")
    numbers = []
    for _ in range(120):
        with scout.lease("deploy") as lease:
            numbers.append(lease.generation)
            with pytest.raises(LeaseHeldError, match="scout"):
                planner.lease("deploy")
    numbers.append(planner.lease("deploy").generation)

    assert numbers == list(range(1, 122))
    assert len(world.store.list("leases/deploy")) <= 101


def test_a_named_lease_that_ran_out_is_lost():
    """Whoever let a lease run out is told at the next check or extend that another holds it."""
    world = World()
    lease = world.agent("scout").lease("deploy", timedelta(minutes=1))
    world.clock.advance(minutes=2)
    other = world.agent("planner").lease("deploy")

    with pytest.raises(LeaseLostError):
        lease.check()
    with pytest.raises(LeaseLostError):
        lease.extend(timedelta(minutes=1))
    lease.release()
    other.check()
    assert other.generation == 2


def test_a_lease_that_is_not_visible_yet_is_not_free():
    """If a drive says that a number is taken and does not show its record yet, nobody takes the next number on that."""
    world = World()
    world.agent("scout").lease("deploy")

    class Late:
        def __getattr__(self, name):
            return getattr(world.store, name)

        def list(self, prefix, after="", limit=None):
            return [] if prefix == "leases/deploy" else world.store.list(prefix, after, limit)

        def read(self, key, *, listed=False):
            return None if key.startswith("leases/deploy") else world.store.read(key, listed=listed)

    with pytest.raises(StoreUnavailableError):
        world.agent("planner", store=Late()).lease("deploy")
    assert world.store.list("leases/deploy") == ["000000001.json"]
