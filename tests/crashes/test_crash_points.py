"""P1 to P4 at every crash point: a process dies at any operation, and nothing that was promised is lost.

Each scene is played once for every operation of the store that writes, once for every one, and once for every single
step on the disk.
"""

import pytest

from somabus import Draft, Insight
from tests.crashes.harness import Stage, WritingStage, every_point, in_memory, on_disk, written_in_memory


def send(stage):
    """Three messages, one after the other."""
    scout = stage.agent("scout")
    for n in range(3):
        stage.ledger.accepted.add(scout.send("planner", f"message {n}").id)


def send_many(stage):
    """A group commit, large enough to wait for the disk once."""
    scout = stage.agent("scout")
    receipts = scout.send_many([Draft("planner", f"message {n}") for n in range(16)])
    stage.ledger.accepted |= {receipt.id for receipt in receipts}


def send_with_key(stage):
    """A sender that crashed and does not know whether it sent: it sends again with the same key."""
    scout = stage.agent("scout")
    stage.ledger.accepted.add(scout.send("planner", "pay once", key="invoice 7").id)
    stage.ledger.accepted.add(stage.agent("scout").send("planner", "pay once", key="invoice 7").id)


def claim_work_ack(stage):
    """Three messages are taken, worked on, extended and acknowledged."""
    scout, planner = stage.world.agent("scout"), stage.agent("planner")
    stage.ledger.accepted |= {scout.send("planner", str(n)).id for n in range(3)}
    for delivery in planner.inbox.drain():
        stage.ledger.claimed(delivery)
        with delivery as message:
            delivery.extend()
            stage.clock.advance(seconds=1)
        stage.ledger.acked.add(message.id)


def nack(stage):
    """A message fails twice and is handled at the third attempt."""
    scout, planner = stage.world.agent("scout"), stage.agent("planner")
    stage.ledger.accepted.add(scout.send("planner", "flaky").id)
    for _ in range(3):
        for delivery in planner.inbox.drain():
            stage.ledger.claimed(delivery)
            if delivery.attempt < 3:
                delivery.nack("not yet")
            else:
                delivery.ack()
                stage.ledger.acked.add(delivery.message.id)
        stage.clock.advance(hours=1)


def reject(stage):
    """A message is refused for good: dead letter, reason, and the sender is told."""
    scout, planner = stage.world.agent("scout"), stage.agent("planner")
    stage.ledger.accepted.add(scout.send("planner", "nonsense").id)
    for delivery in planner.inbox.drain():
        stage.ledger.claimed(delivery)
        delivery.reject("nonsense")
        stage.ledger.rejected.add(delivery.message.id)


def withdraw(stage):
    """One message is withdrawn, another superseded."""
    scout = stage.agent("scout")
    first, second = scout.send("planner", "no"), scout.send("planner", "old")
    stage.ledger.accepted |= {first.id, second.id}
    if scout.withdraw(first).state == "withdrawn":
        stage.ledger.withdrawn.add(first.id)
    third = scout.send("planner", "new", supersedes=second.id)
    stage.ledger.accepted.add(third.id)
    if third.superseded:
        stage.ledger.withdrawn.add(second.id)


def share(stage):
    """Insights are shared at once, and noted for the next beat."""
    scout = stage.agent("scout")
    scout.share(Insight(topic="t", statement="at once", confidence=0.5))
    stage.ledger.shared.add("at once")
    scout.learn("t", "at the beat")
    stage.ledger.shared.add("at the beat")


def beat(stage):
    """A whole beat with mail to answer, mail that fails, a learning to post and peers to review."""
    scout, planner = stage.world.agent("scout"), stage.agent("planner")
    stage.ledger.accepted |= {scout.send("planner", str(n), kind="question").id for n in range(2)}
    stage.ledger.accepted.add(scout.send("planner", "breaks").id)

    @planner.on("question")
    def answer(message, delivery):
        stage.ledger.claimed(delivery)
        return f"answer to {message.body}"

    @planner.on("note")
    def fail(message, delivery):
        stage.ledger.claimed(delivery)
        raise RuntimeError

    planner.learn("t", "from the beat")
    stage.ledger.shared.add("from the beat")
    planner.beat()


def spool(stage):
    """Mail that was kept while the drive was away is delivered, once."""
    scout = stage.agent("scout")
    draft = Draft("planner", "from the spool", key="spooled")
    stage.ledger.accepted.add(scout._services.sender._keep(draft, scout._services.composer.seal(draft, None)).id)
    scout.beat()
    stage.ledger.accepted.add(scout.send("planner", "from the spool", key="spooled").id)


SCENES = (send, send_many, send_with_key, claim_work_ack, nack, reject, withdraw, share, beat, spool)


WRITES, ALL, DISK = "store operations that write", "store operations", "disk steps"
QUICK = {(scene, WRITES) for scene in SCENES if scene not in (send_many, spool)} | {(send, DISK)}
EVERY = [  # the looks, what is sent as many or late, and the disk steps of what is much like another, are for the slow run
    pytest.param(scene, kind, id=f"{scene.__name__}-{kind}", marks=[] if (scene, kind) in QUICK else [pytest.mark.slow])
    for scene in SCENES for kind in (WRITES, ALL, DISK)
]  # fmt: skip


@pytest.mark.parametrize(("scene", "kind"), EVERY)
def test_nothing_is_lost_wherever_it_stops(scene, kind, tmp_path_factory, points):
    """P1-P4: wherever a process dies, what was promised before still holds after the next beats."""
    ground = {WRITES: written_in_memory, ALL: in_memory, DISK: on_disk(tmp_path_factory)}[kind]
    count = every_point(ground, scene, begin=WritingStage if kind == WRITES else Stage)

    label = scene.__name__ if kind != WRITES else f"{scene.__name__}, writing"
    points[label, DISK if kind == DISK else ALL] = count
    assert count > 2


def test_the_harness_notices_a_loss():
    """A scene that promises what it did not do is caught: the harness can fail."""

    def liar(stage):
        stage.ledger.accepted.add("01a1f9de-1d99-72bc-bdf7-9a7b3e80730a")

    with pytest.raises(AssertionError, match="P1"):
        every_point(in_memory, liar)
