"""P6. Every answer carries the unread count: global, never narrowed by a filter."""

from somabus import Draft, Insight
from somabus.testing import World


def test_receipts_tell_what_waits_for_the_sender():
    """Whoever only ever sends still learns that mail waits for it, at most a second late."""
    world = World()
    scout, planner = world.agent("scout"), world.agent("planner")
    planner.send("scout", "look here")
    world.clock.advance(seconds=2)

    assert scout.send("planner", "x").unread == 1
    assert scout.send_many([Draft("planner", "y")])[0].unread == 1


def test_a_beat_tells_what_is_left():
    """The report and the heartbeat tell how much still waits after the beat, whatever its handlers asked for."""
    world = World()
    scout = world.agent("scout")
    scout.on("question")(lambda message: None)
    for kind in ("question", "note", "status"):
        scout.send("scout", "x", kind=kind)

    report = scout.beat()

    assert (report.handled, report.unread) == (1, 2)
    assert next(peer for peer in scout.peers() if peer.name == "scout").heartbeat.unread == 2


def test_mail_without_a_handler_stays_and_is_counted():
    """What no handler takes is neither swallowed nor tried to death: it stays, beat after beat, until somebody reads it."""
    world = World()
    scout = world.agent("scout")
    scout.on("question")(lambda message: None)
    scout.send("scout", "x", kind="note")

    for _ in range(10):
        world.clock.advance(hours=6)
        assert scout.beat().unread == 1

    assert scout.inbox.claim().attempt == 1


def test_retries_that_are_due_count_as_unread():
    """A message that is due again, or whose holder died, waits and is counted; one that is not due yet is told apart."""
    world = World()
    scout = world.agent("scout")
    scout.send("scout", "x")
    scout.inbox.claim().nack("no")
    assert (scout.unread, scout.counts().delayed) == (0, 1)

    world.clock.advance(minutes=5)

    assert (scout.unread, scout.counts().due) == (1, 1)


def test_what_others_share_is_told_in_the_report():
    """An insight of a peer is read in the report of the next beat, in words, once."""
    world = World()
    scout, planner = world.agent("scout"), world.agent("planner")
    scout.share(Insight(topic="drives", statement="a rename has one winner", confidence=0.9))

    assert f"learned from scout #{scout.short}: drives: a rename has one winner" in str(planner.beat())
    assert "learned from" not in str(planner.beat())
