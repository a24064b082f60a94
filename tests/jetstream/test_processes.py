"""P1, P3, P4 on a server with real processes: they race for one inbox, and the server is killed with -9 in mid-send and in mid-claim."""

import threading
from datetime import timedelta
from itertools import count

import pytest

from somabus import Agent, Draft, RetryPolicy, create_bus
from somabus.errors import LeaseLostError, StoreUnavailableError
from tests.racing import Racer, judge, race

KILLS = 3
ENOUGH = 30


@pytest.fixture
def bus(server, tmp_path):
    """The address of a bus, and a home."""
    address = f"{server.url}/soma"
    create_bus(address, home=tmp_path / "home", rate_per_hour=0)
    return address, tmp_path / "home"


def agent(bus, name):
    """An agent in this process."""
    return Agent(name, bus=bus[0], home=bus[1], every="1h", retry=RetryPolicy(max_attempts=50))


def killing(server, work):
    """Do work in a thread, and kill the server again and again while it goes on; each life sees some of it."""
    progress, stop = threading.Semaphore(0), threading.Event()
    worker = threading.Thread(target=work, args=(progress.release, stop))
    worker.start()
    for _ in range(KILLS):
        for _ in range(ENOUGH):
            assert progress.acquire(timeout=60), "the work stands still"
        server.kill()
        server.start()
    for _ in range(ENOUGH):
        assert progress.acquire(timeout=60), "the work stands still"
    stop.set()
    worker.join(60)
    assert not worker.is_alive()


@pytest.mark.slow
def test_a_server_killed_in_mid_send_loses_nothing_that_was_acknowledged(server, bus):
    """P1: whatever was told to be sent is there, wherever in it the server was killed; nothing is there in half."""
    scout, planner = agent(bus, "scout"), agent(bus, "planner")
    sent, vain = [], []

    def send(progressed, stop):
        for n in count():
            if stop.is_set():
                return
            try:
                sent.append(scout.send("planner", str(n)).id)
                progressed()
            except StoreUnavailableError as error:
                vain.append(error)

    killing(server, send)

    got = [delivery.message.id for delivery in planner.inbox.drain() if delivery.ack() is None]
    assert len(got) == len(set(got)), "handled twice"
    assert set(sent) <= set(got), f"{len(set(sent) - set(got))} of {len(sent)} acknowledged messages are lost"
    assert len(got) <= len(sent) + len(vain)
    assert not planner.inbox.dead()


@pytest.mark.slow
def test_a_server_killed_in_mid_claim_gives_no_generation_to_two(server, bus):
    """P3, P4: two holders drain one inbox while the server is killed: each message is handled, and none twice under one generation."""
    scout = agent(bus, "scout")
    holders = agent(bus, "planner"), agent(bus, "planner")
    sent = [receipt.id for receipt in scout.send_many([Draft("planner", str(n)) for n in range(ENOUGH * (KILLS + 2))])]
    claims, acked = [], []

    def drain(holder, progressed, stop):
        while not stop.is_set():
            try:
                for delivery in holder.inbox.drain(lease_for=timedelta(seconds=2)):
                    claims.append((delivery.message.id, delivery.generation))
                    progressed()
                    delivery.ack()
                    acked.append(delivery.message.id)
            except (StoreUnavailableError, LeaseLostError):
                continue
            stop.wait(0.05)

    def both(progressed, stop):
        hands = [threading.Thread(target=drain, args=(each, progressed, stop)) for each in holders]
        for each in hands:
            each.start()
        for each in hands:
            each.join(60)

    killing(server, both)
    for _ in range(200):
        if not (counts := holders[0].inbox.counts()).mail and not counts.claimed:
            break
        drain_once(holders[0], claims, acked)
        threading.Event().wait(0.2)

    assert len(claims) == len(set(claims)), (
        f"two holders: {[each for each in set(claims) if claims.count(each) > 1][:3]}"
    )
    done = {name[:36] for day in holders[0]._services.store.list("messages/planner/done")
            for name in holders[0]._services.store.list(f"messages/planner/done/{day}")}  # fmt: skip
    assert done == set(sent)
    assert set(acked) <= done


def drain_once(holder, claims, acked):
    """Handle what is left over when leases have ended."""
    for delivery in holder.inbox.drain():
        claims.append((delivery.message.id, delivery.generation))
        delivery.ack()
        acked.append(delivery.message.id)


@pytest.mark.slow
@pytest.mark.parametrize("processes", [2, 4])
def test_processes_race_for_one_inbox(bus, processes):
    """P3: several processes, one inbox: each message is handled, none twice, and no generation has two holders."""
    scout = agent(bus, "scout")
    agent(bus, "planner")
    sent = [receipt.id for receipt in scout.send_many([Draft("planner", str(n)) for n in range(500)])]

    lines = race([bus[0]] * processes, "planner", 500, 120, [bus[1]] * processes)

    assert judge(lines, sent) == 0


@pytest.mark.slow
def test_leases_that_end_in_mid_work_are_passed_on(bus):
    """P3: with leases far too short messages are passed on again and again; still no generation has two holders."""
    scout = agent(bus, "scout")
    agent(bus, "planner")
    sent = [receipt.id for receipt in scout.send_many([Draft("planner", str(n)) for n in range(150)])]
    slow = Racer("hold", *bus, "planner", 0.0002)
    slow.wait_for(lambda lines: any("id" in line for line in lines))

    lines = race([bus[0]] * 3, "planner", 150, 0.0002, [bus[1]] * 3)

    slow.kill()
    judge(lines, sent)
    assert max(line["generation"] for line in lines if "generation" in line) > 1


@pytest.mark.slow
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


@pytest.mark.slow
def test_processes_killed_in_mid_work_lose_nothing(bus):
    """P1, P4: racers killed with -9 wherever they are; those that follow handle all that was sent, and no generation is held by two."""
    scout = agent(bus, "scout")
    agent(bus, "planner")
    sent = [receipt.id for receipt in scout.send_many([Draft("planner", str(n)) for n in range(300)])]
    lines = []
    for n in range(5):
        racer = Racer("drain", *bus, "planner", len(sent), 0.5)
        racer.go()
        racer.wait_for(lambda said, n=n: sum("id" in line for line in said) > 10 + n * 7)
        racer.kill()
        lines += racer.lines

    lines += race([bus[0]] * 2, "planner", len(sent), 0.5, [bus[1]] * 2)

    judge([*lines, *({"acked": each} for each in done_of(scout))], sent)


def done_of(scout):
    """What is done: a racer may have been killed before it said so."""
    store = scout._services.store
    return [
        name[:36] for day in store.list("messages/planner/done") for name in store.list(f"messages/planner/done/{day}")
    ]
