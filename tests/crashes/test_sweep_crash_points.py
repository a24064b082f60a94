"""P15 at every crash point: a sweep that dies at any operation has lost nothing, and the next one ends what it began."""

import pytest

from somabus import Draft
from somabus.log import Log
from somabus.model import tree
from somabus.model.bus import BusPolicy
from somabus.model.retention import Retention
from somabus.model.slot import WHY, State
from somabus.store.directory import DirectoryStore
from somabus.sweep import Allowance
from somabus.sweep.logs import sweep_log
from somabus.testing import Crash, Fuse, HandClock, StoppingFiles, StoppingStore, World

LOG = "channels/general"
RULE = Retention(archive_days=5, logs_days=30, done_days=2, dead_days=2, keys_days=2)
NUMBERS = [998, 999, 1000, 1001, 1999, 2000, 2001, 3000]
OLD = {998, 999, 1000, 1001, 1999}


class Place:
    """A store on which a process dies, and the same one for those who come after it."""

    def __init__(self, folder, *, disk):
        self.clock = HandClock()
        self.fuse = Fuse()
        self.world = World(
            DirectoryStore(str(folder), writer="p", durability="none", now=self.clock.now) if disk else None,
            self.clock, policy=BusPolicy(retention=RULE),
        )  # fmt: skip
        self.store = self.world.store
        self.mortal = (
            DirectoryStore(str(folder), writer="m", durability="none", now=self.clock.now, files=StoppingFiles(self.fuse))
            if disk else StoppingStore(self.store, self.fuse)
        )  # fmt: skip


def every_point(tmp_path_factory, *, disk, prepare, sweep, check):
    """Sweep once for each step there is, dying there; check what lies there, sweep to the end, check again."""
    at, points = 0, 0
    while True:
        at += 1
        place = Place(tmp_path_factory.mktemp("bus") if disk else None, disk=disk)
        facts = prepare(place)
        place.fuse.at = place.fuse.steps + at
        died = False
        try:
            sweep(place, place.mortal)
        except Crash:
            died = True
        check(place, facts, f"stopped at step {at}", ended=False)
        for _ in range(4):
            sweep(place, place.store)
            place.clock.advance(hours=2)
        check(place, facts, f"stopped at step {at}, and swept to the end", ended=True)
        if not died:
            return points
        points += 1


def plenty():
    """Leave to do everything."""
    return Allowance(10_000, 1e9, lambda: 0.0)


@pytest.mark.parametrize("disk", [False, True], ids=["store operations", "disk steps"])
@pytest.mark.parametrize("drops", [False, True], ids=["packing", "dropping"])
def test_no_entry_of_a_log_is_lost(disk, drops, tmp_path_factory, points):
    """Wherever packing or dropping stops, each entry that may not go reads back byte for byte, by a process that begins anew."""

    def prepare(place):
        composer = place.world.agent("scout")._services.composer
        log = Log(place.store, LOG)
        raw = {n: composer.entry(Draft(to="", body=str(n)), channel="general")[1] for n in NUMBERS}
        place.store.create_many([(log.key(n), data) for n, data in raw.items()])
        place.clock.advance(days=10)
        sweep_log(place.store, LOG, RULE, lambda: 0, plenty())
        place.clock.advance(minutes=61)
        if drops:
            sweep_log(place.store, LOG, RULE, lambda: 0, plenty())
            place.clock.advance(days=40)
        return raw

    def sweep(place, store):
        sweep_log(store, LOG, RULE, lambda: 1000 if drops else 0, plenty())

    def check(place, raw, where, *, ended):
        log = Log(place.store, LOG)
        listed = log.after(0, 5000)
        stays = [n for n in NUMBERS if not drops or n >= 1000]
        assert [n for n in listed if n in stays] == stays, where
        assert [log.read(n) for n in stays] == [raw[n] for n in stays], where
        assert set(listed) <= set(NUMBERS), where
        if ended:
            assert [place.store.list(f"{LOG}/{n // 1000:07d}") for n in OLD] == [[]] * len(OLD), where
            assert (log.swept(0) == 999) == drops, where
            assert not drops or 998 not in listed, where

    count = every_point(tmp_path_factory, disk=disk, prepare=prepare, sweep=sweep, check=check)
    points[f"sweep: {'drop' if drops else 'pack'}", "disk steps" if disk else "store operations"] = count
    assert count > 4


@pytest.mark.parametrize(
    "disk", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["store operations", "disk steps"]
)
def test_no_mail_is_lost_and_no_dead_letter_without_its_reason(disk, tmp_path_factory, points):
    """Wherever a sweep stops, what waits waits, what an open thing refers to is there, and each dead letter has its reason."""

    def prepare(place):
        scout, planner = place.world.agent("scout"), place.world.agent("planner")
        asked = scout.send("planner", "why?", kind="question").id
        delivery = planner.inbox.claim()
        delivery.reply("because")
        delivery.ack()
        for n in range(3):
            scout.send("planner", str(n), key=str(n))
            planner.inbox.claim().ack()
        for n in range(2):
            scout.send("planner", f"bad {n}")
            planner.inbox.claim().reject("no use")
        for delivery in scout.inbox.drain():
            if delivery.message.kind == "receipt":
                delivery.ack()
        scout.inbox.peek()
        planner.inbox.mark_shown(planner.inbox.dead()[:1])
        place.clock.advance(days=10)
        return asked, scout.send("planner", "waits").id

    def sweep(place, store):
        place.world.agent("planner", store=store).sweep()

    def check(place, facts, where, *, ended):
        asked, waits = facts
        planner = place.world.agent("planner")
        assert planner.inbox.waiting() == [waits], where
        done = [
            name
            for day in place.store.list(tree.box("planner", State.DONE))
            for name in place.store.list(f"{tree.box('planner', State.DONE)}/{day}")
        ]
        assert f"{asked}.json" in done, where
        names = place.store.list(tree.box("planner", State.DEAD))
        letters = [name for name in names if not name.endswith(WHY)]
        assert all(f"{name}{WHY}" in names for name in letters), where
        assert len(letters) >= 1, where
        if ended:
            assert done == [f"{asked}.json"], where
            assert len(names) == 2, where

    count = every_point(tmp_path_factory, disk=disk, prepare=prepare, sweep=sweep, check=check)
    points["sweep: mail", "disk steps" if disk else "store operations"] = count
    assert count > 10
