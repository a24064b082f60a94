"""P11. Fired, ran and finished are three facts, and the heartbeat proves each, with the missed beats, on a wall-clock grid."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from somabus import Insight
from somabus.errors import StoreDamagedError, StoreFullError
from somabus.model.heartbeat import Outcome
from somabus.testing import Crash, Fuse, HandClock, StoppingStore, World


def heartbeat(world, name):
    """The heartbeat as a peer sees it."""
    return next(peer for peer in world.agent("observer").peers() if peer.name == name).heartbeat


def test_a_beat_that_finished_proves_all_three():
    """The heartbeat names the slot it fired for, when it ran, and that it finished."""
    clock = HandClock(datetime(2026, 1, 5, 13, 7, tzinfo=UTC))
    world = World(clock=clock)
    world.agent("scout").beat()

    beat = heartbeat(world, "scout").beat

    assert beat.due_at == datetime(2026, 1, 5, 12, tzinfo=UTC)
    assert (beat.started_at, beat.finished_at, beat.outcome) == (clock.now(), clock.now(), Outcome.OK)
    assert heartbeat(world, "scout").next_due_at == datetime(2026, 1, 5, 18, tzinfo=UTC)


def test_a_beat_that_was_killed_is_seen_to_have_begun():
    """A beat that died in a handler is on record as begun and not finished."""
    world = World()
    scout = world.agent("scout")
    scout.send("scout", "deadly")

    @scout.on("note")
    def die(message):
        raise Crash

    with pytest.raises(Crash):
        scout.beat()

    beat = heartbeat(world, "scout").beat
    assert (beat.outcome, beat.finished_at) == (Outcome.RUNNING, None)


def test_missed_beats_are_counted_on_the_grid():
    """After a week-end switched off, the beat says how many slots went by, and the next one counts anew."""
    world = World()
    scout = world.agent("scout", every="0 */6 * * *")
    scout.beat()
    world.clock.advance(hours=60)

    assert scout.beat().missed == 9
    world.clock.advance(hours=6)
    assert scout.beat().missed == 0


def test_the_grid_does_not_start_with_the_process():
    """An agent that is started anew every hour still beats at its six-hourly slots, and not six hours after each start."""
    world = World()
    beats = 0
    for _ in range(24):
        world.clock.advance(hours=1)
        scout = world.agent("scout", every="6h")
        if scout.due():
            scout.beat()
            beats += 1

    assert beats == 5  # the first, and four slots of a day


def test_a_failed_step_does_not_keep_the_others_from_running():
    """If one step fails, the beat says which, and the others have run."""
    world = World()
    scout = world.agent("scout")
    world.store.create_many([("registry/scout/cursors.json/entry.json", b"")])

    class Broken:
        def __getattr__(self, name):
            return getattr(world.store, name)

        def list(self, prefix, after="", limit=None):
            if prefix.endswith("/outbox"):
                message = "broken"
                raise RuntimeError(message)
            return world.store.list(prefix, after, limit)

    world.agent("planner")
    scout = world.agent("scout", store=Broken())
    report = scout.beat()

    assert {step.name: step.ok for step in report.steps} == {
        "check inbox": True, "process": True, "share learnings": False, "review peers": True, "sweep": False,
        "heartbeat": True,
    }  # fmt: skip
    assert report.outcome is Outcome.FAILED
    assert heartbeat(world, "scout").beat.outcome is Outcome.FAILED


def test_one_beat_of_an_agent_at_a_time_on_one_machine():
    """While a beat runs, another of the same agent says so and does nothing; it does not wait."""
    world = World()
    scout = world.agent("scout")
    with world.homes["scout"].lock("beat"):
        report = scout.beat()

    assert report.outcome is Outcome.BUSY
    assert scout.beat().outcome is Outcome.OK


def test_one_beat_of_an_agent_at_a_time_on_two_machines():
    """While a beat with work runs on one machine, another machine's is told by whom and until when."""
    from somabus.store.memory import MemoryStore

    world = World()
    here = world.agent("scout", machine="here")
    elsewhere = world.agent("scout", machine="elsewhere", home=MemoryStore(world.clock.now))
    elsewhere.on("*")(lambda message: None)
    here.send("scout", "x")
    here.send("scout", "y")
    reports = []

    @here.on("*")
    def handle(message):
        reports.append(elsewhere.beat())

    assert here.beat().handled == 2
    assert [report.outcome for report in reports] == [Outcome.BUSY] * 2
    assert "until" in reports[0].detail


def test_a_beat_that_died_does_not_block_the_next_on_its_machine():
    """After a kill the next beat on that machine runs at once; on another machine when the lease has ended."""
    from somabus.store.memory import MemoryStore

    world = World()
    world.agent("scout").send("scout", "x")
    fuse = Fuse()
    mortal = world.agent("scout", store=StoppingStore(world.store, fuse))
    mortal.on("*")(lambda message: fuse.__setattr__("at", fuse.steps + 1))
    with pytest.raises(Crash):
        mortal.beat()
    world.agent("scout").send("scout", "y")

    other = world.agent("scout", machine="elsewhere", home=MemoryStore(world.clock.now))
    assert other.beat().outcome is Outcome.BUSY
    world.homes["scout"]._locks.clear()  # the system frees a dead process's lock
    assert world.agent("scout").beat().outcome is Outcome.OK


def test_the_budget_is_kept():
    """A beat handles no more than it may; the rest waits, and is counted."""
    world = World()
    scout = world.agent("scout")
    scout.use_builtin_handlers()
    for n in range(7):
        scout.send("scout", str(n))

    report = scout.beat(messages=3)

    assert (report.handled, report.unread) == (3, 4)


def test_the_budget_of_time_is_kept():
    """A beat begins no further message when its time is up."""
    world = World()
    scout = world.agent("scout")
    scout.on("*")(lambda message: world.clock.advance(seconds=40))
    for n in range(7):
        scout.send("scout", str(n))

    assert scout.beat(seconds=60).handled == 2


def test_a_beat_with_nothing_to_do_writes_one_file():
    """A beat with nothing to do replaces the heartbeat and writes nothing else on the bus."""
    world = World()
    scout = world.agent("scout")
    scout.beat()
    before = dict(world.store._documents)

    scout.beat()

    changed = {key for key in before | world.store._documents if before.get(key) != world.store._documents.get(key)}
    assert changed == {"registry/scout/heartbeat.json"}


def test_own_checks_stand_in_the_heartbeat():
    """An agent's own health checks are run at each beat; one that raises is told and stops nothing."""
    world = World()
    scout = world.agent("scout")

    @scout.check
    def model():
        return "gpt ok"

    @scout.check
    def disk():
        message = "full"
        raise OSError(message)

    report = scout.beat()

    assert report.checks == {"model": "gpt ok", "disk": "failed: OSError: full"}
    assert heartbeat(world, "scout").checks == report.checks
    assert "disk" in str(report)


def test_a_message_that_overran_its_lease_delays_nobody_behind_it():
    """A handler slower than its lease loses its message to another process; the beat goes on with the next."""
    world = World()
    scout = world.agent("scout", lease_for=timedelta(minutes=1))
    for body in ("slow", "quick"):
        scout.send("scout", body)

    @scout.on("*")
    def handle(message):
        if message.body == "slow":
            world.clock.advance(minutes=2)
            world.agent("scout").inbox.take(message.id)

    report = scout.beat(seconds=3600)

    assert (report.handled, report.failed) == (1, 1)


@pytest.mark.parametrize("kind", ["alert", "insight"])
def test_a_handler_that_fails_on_an_alert_keeps_nobody_from_hearing_the_others(kind):
    """Every alert and insight is in the report, and every one is offered to the handler, whatever it raised before."""
    world = World()
    scout, planner = world.agent("scout"), world.agent("planner")
    heard = []

    @planner.on(kind)
    def listen(message):
        heard.append(message.id)
        raise RuntimeError

    for n in range(3):
        if kind == "alert":
            scout._services.cursors.load()
            scout._services.alerts.raise_once(f"c{n}", "e", "info", "d")
        else:
            scout.share(Insight(topic="t", statement=str(n), confidence=0.5))

    report = planner.beat()

    assert len(heard) == 3
    assert len(report.alerts if kind == "alert" else report.learned) == 3


def test_a_beat_that_cannot_count_still_writes_its_heartbeat():
    """If the inbox cannot be counted, the heartbeat is written all the same, and says that nobody could look."""
    world = World()

    class Broken:
        def __getattr__(self, name):
            return getattr(world.store, name)

        def list(self, prefix, after="", limit=None):
            if prefix.endswith("/later"):
                raise StoreDamagedError(prefix)
            return world.store.list(prefix, after, limit)

    report = world.agent("scout", store=Broken()).beat()

    assert report.outcome is Outcome.FAILED
    assert (heartbeat(world, "scout").beat.outcome, heartbeat(world, "scout").unread) == (Outcome.FAILED, None)


def test_staying_survives_what_a_message_or_the_drive_does():
    """`run` goes on after a full drive and a lost lease: the next message is handled."""
    world = World()
    stop, told = threading.Event(), []

    class Full:
        def __getattr__(self, name):
            return getattr(world.store, name)

        def wait(self, prefix, timeout):
            return True

        def move(self, source, target, *, durable=True):
            if "/done/" in target and len(told) == 1:
                told.append("full")
                raise StoreFullError(target)
            world.store.move(source, target, durable=durable)

    scout = world.agent("scout", store=Full())

    @scout.on("*")
    def handle(message):
        told.append(message.body)
        world.clock.advance(minutes=30)
        if message.body == "last":
            stop.set()

    for body in ("first", "last"):
        scout.send("scout", body)
    scout.run(stop)

    assert told[:2] == ["first", "full"]
    assert "last" in told
