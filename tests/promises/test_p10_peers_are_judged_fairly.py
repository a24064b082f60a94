"""P10. Peers are judged by their own cadence, the drive's clock, and beats that they wrote themselves."""

import threading

import pytest

from somabus import Presence
from somabus.store.memory import MemoryStore
from somabus.testing import HandClock, World


def presence(world, of, by):
    """The verdict of one agent on another."""
    return next(peer for peer in world.agent(by).peers() if peer.name == of).presence


@pytest.mark.parametrize(
    ("hours", "verdict"), [(6, "on time"), (8.9, "on time"), (9.1, "late"), (23.9, "late"), (24.1, "silent")]
)
def test_the_verdict_follows_the_peers_own_cadence(hours, verdict):
    """Late after one and a half of its own intervals, silent after four."""
    world = World()
    world.agent("worker", every="6h").beat()
    world.clock.advance(hours=hours)

    assert presence(world, "worker", "scout") == verdict


def test_two_cadences_are_not_confused():
    """Three hours of silence are nothing for a daily agent and too long for a minutely one."""
    world = World()
    world.agent("daily", every="1d").beat()
    world.agent("minutely", every="1m").beat()
    world.clock.advance(hours=3)

    assert presence(world, "daily", "scout") is Presence.ON_TIME
    assert presence(world, "minutely", "scout") is Presence.SILENT


def test_one_who_never_beat_counts_from_its_joining():
    """A newcomer is not silent before it had the time to beat."""
    world = World()
    world.agent("newcomer", every="1h")
    assert presence(world, "newcomer", "scout") is Presence.ON_TIME

    world.clock.advance(hours=5)
    assert presence(world, "newcomer", "scout") is Presence.SILENT


def test_traffic_of_others_keeps_nobody_alive():
    """Mail to and from others does not refresh an agent's presence: only its own beats do."""
    world = World()
    worker, scout = world.agent("worker", every="1h"), world.agent("scout", every="1h")
    worker.beat()
    for _ in range(6):
        world.clock.advance(hours=1)
        scout.send("worker", "hello?")
        scout.beat()

    assert presence(world, "worker", "scout") is Presence.SILENT


def test_a_beat_from_the_future_is_skewed():
    """A heartbeat ahead of the drive's clock is a verdict of its own, neither alive nor dead."""
    world = World()
    world.agent("worker").beat()
    world.clock.put_back(hours=3)

    assert presence(world, "worker", "scout") is Presence.SKEWED


def test_silence_is_alerted_once_an_episode_whoever_sees_it():
    """Many reviewers, many beats, one alert; a second silence after a recovery is a second alert."""
    world = World()
    names = ("ann", "bob", "eve")
    world.agent("worker", every="1h").beat()

    def round_(hours):
        found = []
        for _ in range(hours):
            world.clock.advance(hours=1)
            for name in names:
                world.agent(name, every="1h").beat()
        log = [
            entry
            for segment in world.store.list("channels/alerts")
            for entry in world.store.list(f"channels/alerts/{segment}")
        ]
        return len(log) - len(found)

    assert round_(8) == 1
    world.agent("worker", every="1h").beat()
    assert round_(2) == 1
    assert round_(6) == 2


def test_every_agent_hears_of_an_alert_once():
    """Each agent finds an alert in exactly one of its reports."""
    world = World()
    world.agent("worker", every="1h").beat()
    heard = {"ann": 0, "bob": 0}
    for _ in range(10):
        world.clock.advance(hours=1)
        for name in heard:
            heard[name] += len(world.agent(name, every="1h").beat().alerts)

    assert heard == {"ann": 1, "bob": 1}


def test_a_reviewer_that_was_away_itself_accuses_nobody():
    """An agent that overslept does not take everybody else for dead at its first beat."""
    world = World()
    for name in ("worker", "scout"):
        world.agent(name, every="1h").beat()
    world.clock.advance(hours=12)

    report = world.agent("scout", every="1h").beat()

    assert report.peers["worker"] == "silent"
    assert report.alerts == ()


def test_staleness_of_the_drive_makes_nobody_late():
    """A peer with a cadence of seconds is not late by what the drive may hold back."""
    world = World()
    world.agent("fast", every="2s").beat()
    world.clock.advance(seconds=11)

    assert presence(world, "fast", "scout") is Presence.ON_TIME


def test_one_who_said_goodbye_is_stopped_and_alarms_nobody():
    """An agent that ended `run` on purpose is stopped, not silent; its next beat brings it back."""
    world = World()
    worker = world.agent("worker", every="1h")
    stop = threading.Event()
    worker.run(stop, on_beat=lambda report: stop.set())
    world.agent("scout", every="1h").beat()
    for _ in range(8):
        world.clock.advance(hours=1)
        alerts = world.agent("scout", every="1h").beat().alerts

    assert presence(world, "worker", "scout") is Presence.STOPPED
    assert alerts == ()
    world.agent("worker", every="1h").beat()
    assert presence(world, "worker", "scout") is Presence.ON_TIME


class CutOff(MemoryStore):
    """A drive that shows a heartbeat cut off at its old length, at the first look after it was replaced: sshfs does."""

    def __init__(self, now):
        super().__init__(now)
        self.fresh = set()

    def replace(self, key, data):
        super().replace(key, data)
        if key.endswith("heartbeat.json"):
            self.fresh.add(key)

    def read(self, key, *, listed=False):
        data = super().read(key, listed=listed)
        if key not in self.fresh:
            return data
        self.fresh.remove(key)
        return data[:-20]


def test_a_heartbeat_that_the_drive_cuts_off_once_accuses_nobody():
    """What a drive shows cut off just after it was replaced is no forgery: one look more shows it whole, and nothing is told."""
    clock = HandClock()
    world = World(CutOff(clock.now), clock)
    scout = world.agent("scout")
    world.agent("worker").beat()

    report = scout.beat()

    assert "registry/worker/heartbeat.json" not in world.store.fresh, "it was not looked at"
    assert report.peers == {"worker": "on time"}
    assert report.alerts == ()
    assert scout.beat().alerts == ()
