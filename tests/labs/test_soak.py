"""P1, P3, P4 for as long as one likes: `somabus run` on a real drive, with kills and server restarts. SOMABUS_SOAK_MINUTES says how long."""

import json
import os
import threading
import time
from contextlib import ExitStack

import pytest

from tests.labs.drives import Drive, Kind
from tests.labs.fleet import Fleet
from tests.labs.forwarder import LEGS, RING
from tests.labs.stage import Stage, until

pytestmark = pytest.mark.lab
MINUTES = float(os.environ.get("SOMABUS_SOAK_MINUTES", "2"))
PATIENT = ("critic", "writer", "keeper")
VICTIMS = ("scout", "planner")
SEED_EVERY_S, SAMPLE_EVERY_S, KILL_EVERY_S = 0.5, 2.0, 20.0
OUTAGES = ((0.1, "stop"), (0.5, "kill"))
"""From which share of the time on the server may go away, and how: it does at the next turn of a minute, when all beat."""

TURN_S, AWAY_S = 55.0, 15.0
GROWTH = 1.03
"""So much more memory the last quarter of a life may have than the second: what allocators do, not what a leak does."""


@pytest.fixture(scope="module", params=[Kind("sshfs", 0, row="sshfs, soak")], ids=str)
def drive(request, tmp_path_factory):
    """A drive whose server comes back under its living mounts."""
    drive = Drive(request.param, tmp_path_factory.mktemp("soak"))
    yield drive
    drive.down()


def every(period_s, act, began):
    """Return a function that does something once a period, however often it is called."""
    due = [began]

    def maybe():
        if time.monotonic() >= due[0]:
            due[0] += period_s
            act()

    return maybe


class Soak:
    """The work of the soak: messages begun, kills, outages, and the account at the end."""

    def __init__(self, stage, fleet, source):
        self.stage, self.fleet, self.source = stage, fleet, source
        self.sent, self.kills, self.outages = [], 0, list(OUTAGES)
        self._asked = False

    def seed(self):
        """Begin a chain, unless the one before is not begun yet; while the drive is away the same one is tried again."""
        if self._asked and not self.source.is_done():
            return
        if self._asked and "answer" in (said := self.source.outcome()):
            self.sent += said["answer"]
        self._asked = True
        self.source.begin("send", RING[len(self.sent) % len(RING)], 1, "note", f"chain {len(self.sent)}")

    def kill(self):
        """Kill one of the victims with -9, and start it again."""
        name = VICTIMS[self.kills % len(VICTIMS)]
        self.fleet.kill(name)
        self.kills += 1
        self.fleet.start(name)

    def run(self, seconds):
        """Let all of it happen."""
        began = time.monotonic()
        acts = [
            every(SEED_EVERY_S, self.seed, began),
            every(SAMPLE_EVERY_S, self.fleet.sample, began),
            every(KILL_EVERY_S, self.kill, began + KILL_EVERY_S),
            every(1.0, self.fleet.supervise, began),
            every(1.0, lambda: self._take_server_away((time.monotonic() - began) / seconds), began),
        ]
        pace = threading.Event()
        while self.outages or time.monotonic() < began + seconds:
            for act in acts:
                act()
            pace.wait(0.05)
        self.sent += until(self._begun, "the last chain is begun", 120)

    def _begun(self):
        """Return the answer to what was begun last, which is tried again while the drive is away."""
        said = self.source.outcome()
        if "answer" not in said:
            said = self.source.attempt("send", RING[len(self.sent) % len(RING)], 1, "note", f"chain {len(self.sent)}")
        return said.get("answer")

    def _take_server_away(self, share):
        """Take the file server away, if it is time, and bring it back when the beats have met that."""
        if not self.outages or share < self.outages[0][0] or time.time() % 60 < TURN_S:
            return
        self.stage.drive.server(self.outages.pop(0)[1])
        back = threading.Timer(AWAY_S, self.stage.drive.server, ["start"])
        back.start()
        self.stage.left_over.callback(back.join)

    def journals(self):
        """Return what all processes have written down."""
        return [json.loads(line) for each in self.fleet.journal.iterdir() for line in each.read_text().splitlines()]

    def told(self):
        """Return every message of which somebody was told that it is sent."""
        return {*self.sent, *(line["sent"] for line in self.journals() if "sent" in line)}

    def all_done(self):
        """Whether every chain has come to its end."""
        self.fleet.supervise()
        return len({line["id"] for line in self.journals() if "id" in line}) >= LEGS * len(self.sent)


def test_a_fleet_runs_for_long(drive, tmp_path_factory, capsys):
    """P1, P3, P4: agents that exchange mail without end, killed and started again, their server stopped and started: nothing is lost, nothing handled twice under one generation, and memory stays flat."""
    with ExitStack() as left_over:
        stage = Stage(drive, tmp_path_factory.mktemp("fleet"), left_over)
        machines = dict(zip(RING, (stage.a, stage.b, stage.a, stage.b, stage.a), strict=True))
        for actor in stage.agents(machines).values():
            actor.kill()
        fleet = Fleet(machines, tmp_path_factory.mktemp("here"))
        left_over.callback(fleet.end)
        soak = Soak(stage, fleet, stage.agent("source", stage.a))
        for name in RING:
            fleet.start(name)
        first = fleet.pids()

        soak.run(MINUTES * 60)

        until(soak.all_done, f"every chain ends; {fleet.said()[-3000:]}", 300)
        patient = {name: fleet.pids()[name] == first[name] for name in PATIENT}
        codes = fleet.stop()
        faults = soak.source.ask("faults")
        _judge(soak, capsys)
        assert patient == dict.fromkeys(PATIENT, True), f"ended by themselves: {fleet.said()[-3000:]}"
        assert codes == dict.fromkeys(RING, 0), fleet.said()[-3000:]
        assert faults == []


def _judge(soak, capsys):
    """Print the figures, and judge them."""
    lives = [life for life in soak.fleet.memory() if life[0] in PATIENT]
    lines = soak.journals()
    again = sum(line.get("attempt", 1) > 1 for line in lines)
    blind = soak.fleet.said().count("NOT check inbox")
    with capsys.disabled():
        print(f"\nsoak of {MINUTES:g} minutes: {len(lines)} lines in the journals")
        for name, early, late in lives:
            print(f"  {name:8} {early:.1f} MB in its second quarter, {late:.1f} MB in its last")
        print(
            f"  {len(soak.told())} sent, {soak.kills} kills, {soak.fleet.ended} restarts by the supervisor, "
            f"{len(OUTAGES)} server restarts met by {blind} beats, {again} handed out again"
        )
    soak.stage.account(soak.told(), lines)
    assert len({line["id"] for line in lines if "id" in line}) == LEGS * len(soak.sent), "a chain has branched"
    assert blind, "no beat met the server's absence"
    grown = {name: late / early for name, early, late in lives}
    assert set(grown) == set(PATIENT), "no memory was sampled"
    assert [name for name, growth in grown.items() if growth > GROWTH] == []
