"""P1, P3, P4 with real processes: `kill -9` in the middle of anything, and several processes on one inbox."""

import pytest

from somabus import Agent, Draft, create_bus
from somabus.model.receipt import Whereabouts
from somabus.verify import judge_path
from tests.racing import Racer, judge, race


@pytest.fixture
def bus(tmp_path):
    """A bus on the real disk, and a home beside it."""
    create_bus(tmp_path / "bus")
    return tmp_path / "bus", tmp_path / "home"


def agent(bus, name, **declared):
    """An agent in this process."""
    return Agent(name, bus=bus[0], home=bus[1], durability="none", every="1h", **declared)


def test_a_holder_that_is_killed_gives_its_message_back(bus):
    """P1, P4: a process killed with -9 while it holds a message loses nothing; the next holder sees attempt 2."""
    scout, _ = agent(bus, "scout"), agent(bus, "planner")
    receipt = scout.send("planner", "survive")
    holder = Racer("hold", *bus, "planner", 0.3)
    holder.wait_for(lambda lines: any("id" in line for line in lines))

    holder.kill()

    again = Racer("drain", *bus, "planner", 1, 30)
    again.go()
    said = again.end()
    assert [line["attempt"] for line in said if "attempt" in line] == [2]
    assert scout.trace(receipt).state is Whereabouts.DONE


@pytest.mark.parametrize("rounds", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_a_sender_that_is_killed_lost_no_receipt(bus, rounds):
    """P1, P2: whatever a sender was told is sent, is there, wherever it was killed; and nothing is there in half."""
    planner = agent(bus, "planner")
    told = set()
    for round_ in range(rounds):
        sender = Racer("send", *bus, "scout", "planner", 100_000)
        sender.go()
        sender.wait_for(lambda lines, n=20 + round_ * 17: sum("id" in line for line in lines) > n)
        sender.kill()
        told |= {line["id"] for line in sender.lines if "id" in line}

    handled = set()
    for delivery in planner.inbox.drain():
        with delivery as message:
            handled.add(message.id)

    assert told <= handled
    assert not planner.inbox.dead()
    assert [fault for fault in judge_path(bus[0])[0] if fault.weight == "error"] == []


def test_a_beat_that_is_killed_is_picked_up_by_the_next(bus):
    """P1, P11: a beat killed with -9 leaves the bus usable: the heartbeat says that it began, the next beat runs at once, and every message is handled."""
    scout, planner = agent(bus, "scout"), agent(bus, "planner")
    receipts = scout.send_many([Draft("planner", str(n)) for n in range(60)])
    beater = Racer("beat", *bus, "planner")
    beater.wait_for(lambda lines: sum("handling" in line for line in lines) > 5)

    beater.kill()

    killed = next(peer for peer in scout.peers() if peer.name == "planner").heartbeat
    assert (killed.beat.outcome, killed.beat.finished_at) == ("running", None)
    planner.on("*")(lambda message: None)
    report = planner.beat()
    assert report.outcome == "ok"
    assert report.number == killed.beat.number + 1
    held = [each for each in receipts if scout.trace(each).state is not Whereabouts.DONE]
    assert len(held) <= 1  # the one that was in hand waits for its lease


@pytest.mark.parametrize(
    ("processes", "count"), [(2, 500), *(pytest.param(each, 2000, marks=pytest.mark.slow) for each in (2, 4))]
)
def test_processes_race_for_one_inbox(bus, processes, count):
    """P3: many messages, several processes: each is handled, and no generation has two holders."""
    scout = agent(bus, "scout")
    agent(bus, "planner")
    sent = [receipt.id for receipt in scout.send_many([Draft("planner", str(n)) for n in range(count)])]

    lines = race([bus[0]] * processes, "planner", count, 120, [bus[1]] * processes)

    assert judge(lines, sent) == 0


def test_leases_that_end_in_mid_work_are_passed_on(bus):
    """P3: with leases far too short, messages are passed on again and again; still no generation has two holders and each message is handled."""
    scout = agent(bus, "scout")
    agent(bus, "planner")
    sent = [receipt.id for receipt in scout.send_many([Draft("planner", str(n)) for n in range(300)])]

    slow = Racer(
        "hold", *bus, "planner", 0.0002
    )  # however fast the three are: one lease does end while its message is held
    slow.wait_for(lambda lines: any("id" in line for line in lines))

    lines = race([bus[0]] * 3, "planner", 300, 0.0002, [bus[1]] * 3)

    slow.kill()
    judge(lines, sent)
    assert max(line["generation"] for line in lines if "generation" in line) > 1


def test_a_stale_holder_is_refused_and_changes_nothing(bus):
    """P3: a holder whose lease was passed on is refused at ack, nack, extend and reject, and the new holder keeps the message."""
    scout, planner = agent(bus, "scout"), agent(bus, "planner")
    scout.send("planner", "mine")
    stale = Racer("stale", *bus, "planner")
    stale.wait_for(lambda lines: any("id" in line for line in lines))
    delivery = None
    while delivery is None:
        delivery = planner.inbox.claim()

    stale.go()
    said = stale.end()

    assert [line for line in said if "refused" in line or "allowed" in line] == [{"refused": True}] * 4
    assert delivery.generation == 2
    delivery.ack()
