"""P4. At least once, and known as such; `send(key=…)` twice delivers once."""

import pytest

from somabus import Draft, RetryPolicy
from somabus.testing import World


def test_a_redelivery_says_which_attempt_it_is():
    """A message that failed comes again, later, and says how often it was tried."""
    world = World()
    scout, planner = world.agent("scout"), world.agent("planner", retry=RetryPolicy(max_attempts=3))
    scout.send("planner", "flaky")
    attempts = []
    for _ in range(5):
        for delivery in planner.inbox.drain():
            with delivery:
                attempts.append(delivery.attempt)
                raise RuntimeError
        world.clock.advance(hours=2)

    assert attempts == [1, 2, 3]
    assert planner.inbox.dead()[0].detail == "attempt 3: RuntimeError: "


def test_a_failed_message_waits_before_it_comes_again():
    """After a failure a message is not served at once, so a broken handler does not burn all attempts in a second."""
    world = World()
    scout = world.agent("scout")
    scout.send("scout", "flaky")
    for delivery in scout.inbox.drain():
        delivery.nack("no")

    assert scout.inbox.claim() is None
    assert scout.counts().delayed == 1
    world.clock.advance(minutes=2)
    assert scout.inbox.claim().attempt == 2


def test_the_same_key_delivers_once():
    """Two sends of one key to one recipient are one message, and the second receipt says so, whatever became of the first."""
    world = World()
    scout, planner = world.agent("scout"), world.agent("planner")
    first = scout.send("planner", "pay", key="invoice 7")
    while_waiting = scout.send("planner", "pay", key="invoice 7")
    planner.inbox.claim().ack()
    when_done = scout.send("planner", "pay", key="invoice 7")

    assert [first.duplicate, while_waiting.duplicate, when_done.duplicate] == [False, True, True]
    assert {first.id} == {while_waiting.id, when_done.id}
    assert planner.unread == 0


def test_a_key_is_scoped_to_its_recipient():
    """The same key to two recipients is two messages: nobody can suppress another's mail by using up its key."""
    world = World()
    scout = world.agent("scout")
    for name in ("planner", "worker"):
        world.agent(name)
        assert not scout.send(name, "pay", key="invoice 7").duplicate


def test_many_with_keys_deliver_once():
    """`send_many` honours keys too, also among themselves."""
    world = World()
    scout, planner = world.agent("scout"), world.agent("planner")
    drafts = [Draft("planner", "a", key="k"), Draft("planner", "b"), Draft("planner", "a", key="k")]

    receipts = scout.send_many(drafts)

    assert [receipt.duplicate for receipt in receipts] == [False, False, True]
    assert planner.unread == 2


def test_a_handler_that_runs_twice_answers_once():
    """A handler that died after answering answers again when it runs again; the asker gets one answer."""
    world = World()
    scout, planner = world.agent("scout"), world.agent("planner")
    scout.send("planner", "?", kind="question")
    first = planner.inbox.claim()
    first.reply("yes")
    answers = [delivery for delivery in scout.inbox.drain() if delivery.ack() is None]
    world.clock.advance(minutes=11)

    second = planner.inbox.claim()
    second.reply("yes")
    second.ack()

    assert second.attempt == 2
    assert len(answers) == 1
    assert scout.inbox.claim() is None


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_stopping_a_handler_gives_the_message_back_at_once(interrupt):
    """Ctrl-C in a handler is not the message's fault: it waits again at once, and the interrupt goes on."""
    world = World()
    scout = world.agent("scout")
    scout.send("scout", "x")

    with pytest.raises(interrupt), scout.inbox.claim():
        raise interrupt

    assert scout.unread == 1


def test_order_of_service_is_priority_then_age():
    """Urgent mail is served first, and within a priority the older first."""
    world = World()
    scout = world.agent("scout")
    for body, priority in [("d", "low"), ("b", "normal"), ("c", "normal"), ("a", "urgent")]:
        scout.send("scout", body, priority=priority)
        world.clock.advance(seconds=1)

    assert [delivery.message.body for delivery in scout.inbox.drain()] == ["a", "b", "c", "d"]
