"""P1, P6, P14 against whoever may add files to a log's folder and take none away: archives and marks hide nothing."""

import pytest

from somabus import Draft, Insight
from somabus.log import Log
from somabus.model import tree
from somabus.model.archive import Span, bounds, gone_name, pack
from somabus.testing import World

LOG = tree.channel("general")
COUNT = 1500


class Room:
    """A channel of 1,500 posts, followed by a reader who has read a thousand of them."""

    def __init__(self, days=0):
        self.world = World()
        self.scout, self.planner = (self.world.agent(name, every="6h") for name in ("scout", "planner"))
        self.planner.subscribe("general")
        composer = self.scout._services.composer
        self.raw = {n: composer.entry(Draft(to="", body=str(n)), channel="general")[1] for n in range(1, COUNT + 1)}
        self.world.store.create_many([(Log(self.world.store, LOG).key(n), raw) for n, raw in self.raw.items()])
        self.planner.read(["general"], limit=1000)
        self.world.clock.advance(days=days)

    def plant(self, name, data=b"x"):
        self.world.store.create(f"{LOG}/{name}", data)

    def archive(self, first, last, entries):
        packed = pack(LOG, Span(first, last), entries, self.world.store.now())
        self.plant(f"archive/{Span(first, last).name}", packed)

    def sweep(self):
        for _ in range(3):
            self.scout.sweep()
            self.world.clock.advance(hours=26)

    def check(self):
        """Nothing is hidden, nothing is read in another's place, and the next post has the next number."""
        receipt = self.scout.post("general", "new")
        assert receipt.number == COUNT + 1
        fresh = self.world.agent("planner")
        assert fresh.unread_by_channel() == {"general": COUNT + 1 - 1000}
        seen = [post.message.body for post in fresh.read(["general"], limit=1000).posts]
        assert seen == [*map(str, range(1001, COUNT + 1)), "new"]


PLANTED = {
    "archives ahead of the end": lambda room: [room.archive(n * 1000, n * 1000 + 999, {n * 1000: b"x"}) for n in (2, 3)],
    "names of archives ahead": lambda room: [room.plant(f"archive/{bounds(n).first:010d}-{bounds(n).last:010d}.gz") for n in (2, 3)],
    "an archive of what is live": lambda room: room.archive(1000, 1999, {1005: b"junk", 1006: room.raw[3], 1700: b"x"}),
    "an archive of what is not packed": lambda room: room.archive(1, 999, {5: b"junk"}),
    "a mark far ahead": lambda room: room.plant(f"archive/{gone_name(8_999_999)}"),
    "marks of what is live": lambda room: [room.plant(f"archive/{gone_name(n)}") for n in (0, 1)],
    "a file in the place of the folder": lambda room: room.plant("archive"),
    "junk in the folder": lambda room: [room.plant(f"archive/{name}") for name in ("x", "0-1.gz", "9999999999-9999999999.gz")],
    "empty segments behind the end": lambda room: [room.plant(f"{n:07d}/x.txt") for n in (2, 3, 4)],
}  # fmt: skip


QUICK = (
    "archives ahead of the end",
    "an archive of what is live",
    "marks of what is live",
    "a file in the place of the folder",
)


@pytest.mark.parametrize(
    "plant", [each if each in QUICK else pytest.param(each, marks=pytest.mark.slow) for each in PLANTED]
)
def test_what_is_planted_hides_nothing(plant):
    """Whatever archives and marks somebody adds, what was posted is read, counted, and followed by the next number, before and after sweeps."""
    room = Room(days=10)
    PLANTED[plant](room)
    room.sweep()

    room.check()


def test_a_file_planted_in_the_place_of_a_cleared_one_hides_nothing():
    """Junk under the number of an entry that is archived by now is not read in its place."""
    world = World()
    scout, planner = world.agent("scout", every="6h"), world.agent("planner", every="6h")
    composer = scout._services.composer
    log = Log(world.store, tree.outbox("scout"))
    world.store.create_many(
        [(log.key(n), composer.entry(Draft(to="", kind="note", body=str(n)))[1]) for n in range(1, 2501)]
    )
    world.clock.advance(days=10)
    scout.sweep()
    world.clock.advance(hours=26)
    scout.sweep()
    assert world.store.list(f"{log.path}/0000000") == []
    for n in (1, 5, 999):
        world.store.create(log.key(n), b"junk")
    heard = []
    planner.handlers.add("note", lambda message: heard.append(message.body))

    while len(heard) < 2500:
        assert planner.beat().learned

    assert heard == [str(n) for n in range(1, 2501)]


def test_a_process_that_slept_while_its_log_was_packed_counts_right():
    """A long-lived process whose last segment was packed and cleared meanwhile says how much waits, not nothing."""
    room = Room()
    assert room.planner.unread == COUNT - 1000
    composer = room.scout._services.composer
    log = Log(room.world.store, LOG)
    more = {n: composer.entry(Draft(to="", body=str(n)), channel="general")[1] for n in range(COUNT + 1, 4200)}
    room.world.store.create_many([(log.key(n), raw) for n, raw in more.items()])
    room.world.clock.advance(days=10)
    room.sweep()
    assert room.world.store.list(f"{LOG}/0000001") == []

    assert room.planner.unread == 4199 - 1000


@pytest.mark.slow
def test_cursors_that_cannot_be_read_hold_what_is_unread():
    """A follower whose cursors are garbled, or not to be seen just now, has read nothing as far as a sweep knows."""
    room = Room(days=10)
    log = Log(room.world.store, LOG)
    composer = room.scout._services.composer
    more = {n: composer.entry(Draft(to="", body=str(n)), channel="general")[1] for n in range(COUNT + 1, 3100)}
    room.world.store.create_many([(log.key(n), raw) for n, raw in more.items()])
    room.sweep()
    for _ in range(2):
        room.world.clock.advance(days=200)
        room.planner.beat()
        room.world.store.replace(tree.cursors("planner"), b"{ garbled")
        room.scout.sweep()

    assert log.after(1000, 1) == [1001]


def test_a_ghost_in_the_registry_holds_nothing():
    """A folder without a card is nobody, and keeps no outbox from being dropped."""
    world = World()
    scout = world.agent("scout", every="6h")
    log = Log(world.store, tree.outbox("scout"))
    composer = scout._services.composer
    world.store.create_many([(log.key(n), composer.entry(Draft(to="", body=str(n)))[1]) for n in range(1, 2501)])
    world.store.create("registry/ghost/heartbeat.json", b"{}")
    for days in (10, 2, 400):
        world.clock.advance(days=days)
        scout.sweep()

    assert log.after(0, 1)[0] == 1000
    assert scout.share(Insight(topic="t", statement="on", confidence=0.5)) == 2501


def test_one_damaged_archive_keeps_nothing_else_from_its_turn():
    """What cannot be packed or read stays as it is and is said; beats sweep everything else."""
    room = Room(days=10)
    room.plant("archive/0000000001-0000000999.gz", b"no gzip")
    composer = room.scout._services.composer
    log = Log(room.world.store, LOG)
    more = {n: composer.entry(Draft(to="", body=str(n)), channel="general")[1] for n in range(COUNT + 1, 4200)}
    room.world.store.create_many([(log.key(n), raw) for n, raw in more.items()])
    for _ in range(8):
        room.world.clock.advance(days=2)
        room.scout.beat()

    assert len(room.world.store.list(f"{LOG}/0000000")) == 999
    assert room.world.store.list(f"{LOG}/0000001") == []
    assert room.planner.unread == 4199 - 1000


def test_open_mail_is_looked_through_however_much_there_is():
    """Many small steps come to the end of all open mail, and remember what they have found."""
    from somabus.sweep import Allowance
    from somabus.sweep.held import Held

    world = World()
    scout, planner = world.agent("scout"), world.agent("planner")
    first = scout.send("planner", "first").id
    planner.inbox.claim().ack()
    for n in range(200):
        scout.send("planner", str(n), refs={"message": first})
    ticks = iter(range(10**9))
    steps = 0
    while (
        held := Held(world.store, world.homes["scout"], scout._services.registry).look(
            Allowance(10, 5, lambda: next(ticks))
        )
    ) is None:
        steps += 1
        assert steps < 200

    assert steps > 10
    assert held == {first}
