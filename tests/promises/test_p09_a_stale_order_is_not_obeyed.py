"""P9. A stale order is not obeyed: expiry is enforced, age is shown, and a sender can withdraw or supersede."""

from datetime import timedelta

from somabus.model.receipt import Whereabouts
from somabus.testing import World


def test_an_expired_message_is_not_delivered_and_kept_as_evidence():
    """After its expiry nobody is given the message; it is counted as expired and stays to be looked at."""
    world = World()
    scout, planner = world.agent("scout"), world.agent("planner")
    receipt = scout.send("planner", "deploy now", expires_in=timedelta(hours=1))
    world.clock.advance(hours=2)

    assert "expired" in planner.inbox.peek()[0].fault
    assert planner.inbox.claim() is None
    assert scout.trace(receipt).state is Whereabouts.EXPIRED
    assert planner.find(receipt.id).opened.message.body == "deploy now"
    assert planner.inbox.dead() == ()


def test_a_message_in_time_shows_its_age():
    """A delivery tells how old the order is, by the drive's clock."""
    world = World()
    scout = world.agent("scout")
    scout.send("scout", "x", expires_in=timedelta(hours=3))
    world.clock.advance(hours=2)

    assert timedelta(hours=2) <= scout.inbox.claim().age() < timedelta(hours=2, seconds=1)


def test_a_retry_past_the_expiry_is_not_made():
    """An order that failed and expired meanwhile is not tried again."""
    world = World()
    scout = world.agent("scout")
    receipt = scout.send("scout", "x", expires_in=timedelta(hours=1))
    scout.inbox.claim().nack("no")
    world.clock.advance(hours=2)

    assert scout.inbox.claim() is None
    assert scout.trace(receipt).state is Whereabouts.EXPIRED


def test_a_withdrawn_message_is_not_delivered():
    """A message that nobody took yet can be taken back; it stays as evidence."""
    world = World()
    scout, planner = world.agent("scout"), world.agent("planner")
    receipt = scout.send("planner", "no, wait")

    assert scout.withdraw(receipt).state is Whereabouts.WITHDRAWN
    assert planner.unread == 0
    assert planner.find(receipt.id).opened.message.body == "no, wait"


def test_withdrawing_too_late_says_so():
    """Whoever withdraws too late is told in whose hands the message is."""
    world = World()
    scout, planner = world.agent("scout"), world.agent("planner")
    receipt = scout.send("planner", "x")
    delivery = planner.inbox.claim()

    trace = scout.withdraw(receipt)

    assert (trace.state, trace.by) == (Whereabouts.CLAIMED, "planner")
    delivery.ack()
    assert scout.withdraw(receipt).state is Whereabouts.DONE


def test_a_newer_order_supersedes_an_older_one():
    """The older order is withdrawn when the newer one is on the drive; the receipt says whether that was in time."""
    world = World()
    scout, planner = world.agent("scout"), world.agent("planner")
    old = scout.send("planner", "old")

    new = scout.send("planner", "new", supersedes=old.id)

    assert new.superseded is True
    assert [delivery.message.body for delivery in planner.inbox.drain()] == ["new"]
    assert scout.send("planner", "newest", supersedes=new.id).superseded is False


def test_a_handled_order_put_back_is_not_obeyed_again():
    """A copy of a handled or withdrawn message that turns up in the inbox again is recognised and not delivered."""
    world = World()
    scout, planner = world.agent("scout"), world.agent("planner")
    for end in ("done", "withdrawn"):
        receipt = scout.send("planner", "deploy")
        (name,) = world.store.list("messages/planner/inbox")
        copy = world.store.read(f"messages/planner/inbox/{name}")
        if end == "done":
            planner.inbox.claim().ack()
        else:
            scout.withdraw(receipt)
        world.clock.advance(days=3)
        world.store.create_many([(f"messages/planner/inbox/3-{receipt.id}.7.json", copy)])

        assert planner.inbox.claim() is None
        assert planner.unread == 0


def test_a_message_not_before_its_time():
    """A message sent with `not_before` waits until then, and is due afterwards."""
    world = World()
    scout = world.agent("scout")
    receipt = scout.send("scout", "later", not_before=timedelta(hours=2))

    assert scout.inbox.claim() is None
    assert scout.trace(receipt).state is Whereabouts.DELAYED
    world.clock.advance(hours=3)
    assert scout.inbox.claim().message.body == "later"
