"""P15. Disk use is bounded by a retention policy that is safe while others write."""

import threading
from datetime import timedelta

import pytest

from somabus import Draft, Insight, create_bus
from somabus.beat import Budget
from somabus.errors import ConfigurationError
from somabus.log import Log
from somabus.model import tree
from somabus.model.bus import BusPolicy
from somabus.model.retention import Retention, parse_rules
from somabus.model.slot import State
from somabus.store.directory import DirectoryStore
from somabus.testing import HandClock, World
from somabus.verify.tree import Tree


def world_with(place=None, **rule):
    """A bus with a rule of retention, and two agents on it; on a disk if there is a place for it."""
    clock = HandClock()
    disk = DirectoryStore(str(place), writer="w", durability="none", now=clock.now) if place else None
    world = World(disk, clock, policy=BusPolicy(retention=Retention(**rule)))
    return world, world.agent("scout", every="6h"), world.agent("planner", every="6h")


def handle_all(agent):
    """Handle all that waits; return the ids."""
    handled = []
    for delivery in agent.inbox.drain():
        with delivery as message:
            handled.append(message.id)
    return handled


def files(world, prefix):
    """Every document below a prefix."""
    below = [f"{prefix}/{name}" for name in world.store.list(prefix)]
    return [key for each in below for key in ([each] if "." in each.rpartition("/")[2] else files(world, each))]


class Recorder:
    """A store that takes note of what was read and was not there."""

    def __init__(self, store):
        self._store, self.missed = store, []

    def __getattr__(self, verb):
        """Hand on a verb."""
        return getattr(self._store, verb)

    def read(self, key, *, listed=False):
        """See `Store.read`."""
        found = self._store.read(key, listed=listed)
        self.missed += [key] if found is None and listed else []
        return found


def told(swept, area):
    """What a sweep said of one area."""
    return next(each for each in swept if each.area == area)


def long_log(world, agent, count, *, channel=None):
    """Write so many entries into an agent's outbox, or a channel, at once; return what they say."""
    said = [str(n) for n in range(1, count + 1)]
    composer, log = (
        agent._services.composer,
        Log(world.store, tree.channel(channel) if channel else tree.outbox(agent.name)),
    )
    documents = []
    for n, each in enumerate(said, 1):
        draft = Draft(to="", body=each, kind="note")
        documents.append((log.key(n), composer.entry(draft, channel=channel)[1]))
    world.store.create_many(documents)
    return said


# -- mail ----------------------------------------------------------------------------------------------------------


def test_what_was_handled_goes_after_its_days_and_not_before():
    """Handled mail is kept for the days of the policy, then dropped with the folder of its day; what waits stays for ever."""
    world, scout, planner = world_with(done_days=30)
    scout.send_many([Draft("planner", str(n)) for n in range(5)])
    handled = handle_all(planner)
    waits = scout.send("planner", "waits").id

    world.clock.advance(days=29)
    assert told(planner.sweep(), "done").dropped == 0
    world.clock.advance(days=3)
    assert told(planner.sweep(), "done").dropped == len(handled)

    assert files(world, tree.box("planner", State.DONE)) == []
    world.clock.advance(days=4000)
    planner.sweep()
    assert handle_all(planner) == [waits]


def test_what_something_open_refers_to_stays():
    """A handled question stays, however old, for as long as the answer to it waits; then it goes."""
    world, scout, planner = world_with(done_days=2)
    scout.send("planner", "why?", kind="question")
    delivery = planner.inbox.claim()
    delivery.reply("because")
    delivery.ack()
    world.clock.advance(days=10)

    assert told(planner.sweep(), "done").why == "1 stay, for something open refers to them"
    handle_all(scout)
    world.clock.advance(days=7)
    assert told(planner.sweep(), "done").dropped == 1


def test_too_much_for_its_room_goes_the_oldest_first_and_never_today():
    """Where handled mail is heavier than the policy lets it be, its oldest days go first; yesterday and today stay."""
    world, scout, planner = world_with(done_days=365, done_bytes=25_000)
    for _ in range(6):
        scout.send_many([Draft("planner", "x" * 2000) for _ in range(4)])
        handle_all(planner)
        world.clock.advance(days=1)

    planner.sweep()

    days = world.store.list(tree.box("planner", State.DONE))
    assert len(days) == 2
    assert world.store.weigh(tree.box("planner", State.DONE)) < 25_000
    assert days[-1] == (world.clock.now() - timedelta(days=1)).date().isoformat()


def test_a_dead_letter_goes_only_after_somebody_saw_it():
    """Dead letters stay for ever until they were shown; then for their days, and go together with their reason."""
    world, scout, planner = world_with(dead_days=10)
    scout.send("planner", "bad")
    planner.inbox.claim().reject("no use")
    world.clock.advance(days=400)

    assert told(planner.sweep(), "dead").why == "never shown: 1; see: somabus dead"
    assert len(planner.inbox.dead()) == 1
    handle_all(scout)  # the receipt that tells of it refers to it, too
    planner.inbox.mark_shown(planner.inbox.dead())
    world.clock.advance(days=9)
    assert told(planner.sweep(), "dead").dropped == 0
    world.clock.advance(days=2)
    assert told(planner.sweep(), "dead").dropped == 1
    assert files(world, tree.box("planner", State.DEAD)) == []


def test_a_dead_letter_that_was_shown_yesterday_stays_its_days():
    """The days count from when it was shown: seeing it drops nothing, and it can still be replayed."""
    world, scout, planner = world_with(dead_days=10)
    scout.send("planner", "bad")
    planner.inbox.claim().reject("no use")
    planner.inbox.mark_shown(planner.inbox.dead())
    world.clock.advance(days=9)

    assert told(planner.sweep(), "dead").dropped == 0
    assert planner.inbox.replay(planner.inbox.dead()[0].id)
    assert len(handle_all(planner)) == 1


def test_keys_are_known_for_their_days():
    """A second sending with the same key is known for the days of the policy; the record goes afterwards, and no message with it."""
    world, scout, planner = world_with(keys_days=20)
    scout.send("planner", "pay", key="7")
    handle_all(planner)
    world.clock.advance(days=19)
    scout.sweep()
    assert scout.send("planner", "pay", key="7").duplicate
    world.clock.advance(days=2)

    assert told(scout.sweep(), "keys").dropped == 1
    assert files(world, tree.sent_keys("scout")) == []


# -- logs ----------------------------------------------------------------------------------------------------------


def pack(world, agent, days=10):
    """Let a log grow old and be packed, and the files that are packed be deleted."""
    world.clock.advance(days=days)
    agent.sweep()
    world.clock.advance(hours=2)
    agent.sweep()


@pytest.mark.parametrize("count", [2500, pytest.param(3500, marks=pytest.mark.slow)])
def test_an_archived_log_reads_as_before(tmp_path, count):
    """Old segments become archives; a reader that is behind reads every entry once and in order, signatures verified, across both."""
    world, scout, planner = world_with(tmp_path, archive_days=5)
    said = long_log(world, scout, count)
    before = len(files(world, tree.outbox("scout")))
    pack(world, scout)

    assert before == count
    assert len(files(world, tree.outbox("scout"))) < 1510  # the last segment that is full, and what follows it
    heard = []
    planner.handlers.add("note", lambda message: heard.append(message.body))
    while planner.beat().learned:
        pass
    assert heard == said
    assert [fault for fault in Tree(world.store).judge() if fault.weight == "error" or "missing" in fault.rule] == []


def test_the_files_stay_an_hour_beside_their_archive():
    """No reader on any machine finds neither: the files go an hour after the archive is there, and an archive that was changed keeps them."""
    world, scout, _ = world_with(archive_days=5)
    long_log(world, scout, 2500)
    world.clock.advance(days=10)

    assert told(scout.sweep(), tree.outbox("scout")).archived == 999
    assert len(world.store.list(f"{tree.outbox('scout')}/0000000")) == 999
    (name,) = world.store.list(f"{tree.outbox('scout')}/archive")
    raw = world.store.read(f"{tree.outbox('scout')}/archive/{name}")
    world.store.replace(f"{tree.outbox('scout')}/archive/{name}", raw[:-40] + bytes(40))
    world.clock.advance(hours=2)
    scout.sweep()
    assert len(world.store.list(f"{tree.outbox('scout')}/0000000")) == 999
    world.store.replace(f"{tree.outbox('scout')}/archive/{name}", raw)
    scout.sweep()
    assert world.store.list(f"{tree.outbox('scout')}/0000000") == []


def test_a_damaged_archive_is_told(tmp_path):
    """An archive says itself whether it is whole: verify names it, and no reader is given anything out of it."""
    world, scout, planner = world_with(tmp_path, archive_days=5)
    long_log(world, scout, 2500)
    pack(world, scout)
    (name,) = world.store.list(f"{tree.outbox('scout')}/archive")
    key = f"{tree.outbox('scout')}/archive/{name}"
    raw = bytearray(world.store.read(key))
    raw[len(raw) // 2] ^= 1
    world.store.replace(key, bytes(raw))

    assert [fault.path for fault in Tree(world.store).judge() if fault.weight == "error"] == [key]
    assert planner.beat().learned == ()


def test_what_somebody_has_not_read_is_never_dropped():
    """Archives are dropped when they are old and all who live have read them; an agent that is behind holds them, and then reads them."""
    world, scout, planner = world_with(archive_days=5, logs_days=30)
    said = long_log(world, scout, 2500)
    heard = []
    planner.handlers.add("note", lambda message: heard.append(message.body))
    planner.beat()
    assert heard == said[:200]
    pack(world, scout)
    world.clock.advance(days=25)
    planner.beat()
    world.clock.advance(days=25)

    assert told(scout.sweep(), tree.outbox("scout")).dropped == 0
    while len(heard) < len(said):
        planner.beat()
    assert heard == said
    assert told(scout.sweep(), tree.outbox("scout")).dropped == 999
    assert world.store.list(f"{tree.outbox('scout')}/archive") == ["0000000001-0000000999.gone"]
    assert scout.share(Insight(topic="t", statement="goes on", confidence=0.5)) == 2501
    world.clock.advance(hours=6)
    assert [each["statement"] for each in planner.beat().learned] == ["goes on"]


def test_a_newcomer_begins_at_what_is_there():
    """Whoever joins after old entries were dropped reads on from the first that is there, at once and without an alarm."""
    world, scout, planner = world_with(archive_days=5, logs_days=30)
    said = long_log(world, scout, 2500)
    while planner.beat().steps and planner._services.cursors.position(tree.outbox("scout")).at < 2500:
        pass
    pack(world, scout, days=40)
    scout.sweep()
    newcomer = world.agent("newcomer", every="6h")
    heard = []
    newcomer.handlers.add("note", lambda message: heard.append(message.body))

    report = newcomer.beat()

    assert heard == said[999:1199]
    assert next(step.detail for step in report.steps if step.name == "share learnings") == "0 posted, 200 received"


def test_a_channel_keeps_what_is_open():
    """An open arc, an open question and what they stand on are not dropped, however old; they are, once they are over and read."""
    world, scout, planner = world_with(archive_days=5, logs_days=30)
    scout.subscribe("arc:wiki")
    scout.post("arc:wiki", "## Goal", kind="brief")
    log = tree.channel("arc:wiki")
    composer = scout._services.composer
    world.store.create_many(
        [
            (Log(world.store, log).key(n), composer.entry(Draft(to="", body=str(n)), channel="arc:wiki")[1])
            for n in range(2, 2100)
        ]
    )
    while scout.read(["arc:wiki"], limit=1000).posts:
        pass
    pack(world, planner, days=40)
    assert told(planner.sweep(), log).dropped == 0
    assert scout.arc("arc:wiki").open
    scout.post("arc:wiki", "done", kind="closeout")
    while scout.read(["arc:wiki"], limit=1000).posts:
        pass

    assert told(planner.sweep(), log).dropped == 999
    assert not world.agent("late").arc("arc:wiki").open
    assert scout.post("arc:wiki", "more").number == 2101


# -- who, when, how much -------------------------------------------------------------------------------------------


def test_a_beat_sweeps_in_small_steps():
    """A beat drops at most its share, and the next ones go on until nothing is left."""
    world, scout, planner = world_with(done_days=2)
    scout.send_many([Draft("planner", str(n)) for n in range(1200)])
    handle_all(planner)
    world.clock.advance(days=5)
    left = [len(files(world, tree.box("planner", State.DONE)))]
    while left[-1]:
        report = planner._services.routine.beat(Budget(sweep_documents=500))
        said = next(step.detail for step in report.steps if step.name == "sweep")
        assert "done: 500 dropped; more is left" in said or left[-1] < 1000
        left.append(len(files(world, tree.box("planner", State.DONE))))
        world.clock.advance(hours=6)

    assert left == [1200, 700, 200, 0]


def test_one_sweeps_for_all_once_a_day():
    """What is everybody's is swept by one agent a day; the others' beats leave it alone."""
    world, scout, planner = world_with()
    for agent in (scout, planner, scout, planner):
        agent.beat()
        world.clock.advance(hours=1)
    taken = world.store.list(tree.lease("sweep"))
    world.clock.advance(days=1)
    planner.beat()

    assert len(taken) == 1
    assert len(world.store.list(tree.lease("sweep"))) == 2


def test_debris_goes_after_two_days_and_a_living_writers_file_stays():
    """What a dead writer left under tmp/, on the bus and at home, is removed two days after it was first seen; what came since stays."""
    world, scout, _ = world_with()
    world.store.create("tmp/999-dead/7", b"half")
    world.homes["scout"].create("tmp/999-dead/7", b"half")
    scout.sweep()
    world.clock.advance(days=1)
    world.store.create("tmp/1-alive/8", b"half")
    scout.sweep()
    world.clock.advance(days=1, minutes=1)
    scout.sweep()

    assert (world.store.read("tmp/999-dead/7"), world.store.read("tmp/1-alive/8")) == (None, b"half")
    assert world.homes["scout"].read("tmp/999-dead/7") is None


def test_an_alert_comes_before_the_room_is_used_up():
    """At four fifths of the budget everybody is alerted once, and once more when it is used up; sending goes on."""
    world, scout, planner = world_with(budget_bytes=300_000)
    assert [alert for alert in planner.beat().alerts if alert["component"] == "disk"] == []
    for severity, size in (("warning", 250_000), ("error", 100_000)):
        world.store.create(f"messages/planner/inbox/{severity}.txt", bytes(size))
        scout.sweep()
        scout.sweep()
        raised = [alert["severity"] for alert in planner.beat().alerts if alert["component"] == "disk"]
        assert raised == [severity]
    scout.send("planner", "still goes")


def test_the_room_is_watched_on_a_folder_too(tmp_path):
    """On a folder, with files of any kind at its root, the same alert comes, and a healthy bus has none and no fault."""
    _, scout, planner = world_with(tmp_path, budget_bytes=300_000)
    (tmp_path / "README.txt").write_text("hello")
    assert all(each.idle for each in scout.sweep())
    (tmp_path / "messages/planner/inbox").mkdir(parents=True, exist_ok=True)
    (tmp_path / "messages/planner/inbox/large.txt").write_bytes(bytes(320_000))

    assert "error: " in told(scout.sweep(), "room").why

    assert [alert["severity"] for alert in planner.beat().alerts if alert["component"] == "disk"] == ["error"]


def test_a_rehearsal_changes_nothing():
    """A rehearsal tells what a sweep would drop, and not one byte of the bus changes."""
    world, scout, planner = world_with(done_days=2, archive_days=2)
    long_log(world, planner, 2500)
    scout.send("planner", "x")
    handle_all(planner)
    world.clock.advance(days=10)
    before = dict(world.store._documents)

    swept = planner.sweep(rehearse=True)

    assert told(swept, "done").dropped == 1
    assert told(swept, tree.outbox("planner")).archived == 999
    assert world.store._documents == before
    assert not {"sweep.json", "open.json"} & set(world.homes["planner"].list(""))


def test_an_area_that_may_not_be_swept_keeps_no_other_from_its_turn():
    """Where the drive lets this agent change nothing of another's, that is said, and the rest is swept."""
    world, scout, planner = world_with(done_days=2)
    scout.send("planner", "x")
    handle_all(planner)
    world.store.create("messages/planner/dead/5-x.why.json/entry", b"a folder where a record should be")
    world.clock.advance(days=10)

    assert told(planner.sweep(), "done").dropped == 1


def test_sweeping_and_writing_go_together():
    """While a log is packed and its files deleted, others append and read: every entry is read once, in order."""
    world, scout, planner = world_with(archive_days=5)
    long_log(world, scout, 2500)
    world.clock.advance(days=10)
    heard, stop = [], threading.Event()
    planner.handlers.add("note", lambda message: heard.append(int(message.body)))

    def read():
        while not stop.is_set() or len(heard) < 2700:
            planner.beat()

    reader = threading.Thread(target=read)
    reader.start()
    for n in range(2501, 2701):
        scout._services.outbox.share(scout._services.composer.entry(Draft(to="", body=str(n), kind="note"))[1])
        if n % 50 == 0:
            scout.sweep()
            world.clock.advance(hours=2)
    stop.set()
    reader.join(60)

    assert heard == list(range(1, 2701))


DAYS, BYTES = "the value is a number of days, from {} to 36500", "KiB, MiB, GiB or TiB behind it, from 0 to 1048576TiB"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("done=3", "'done=3' is no rule of retention; write done_days=14"),
        ("", "there are done_days, done_bytes"),
        ("done_days=0", f"done_days='0' does not go: {DAYS.format(2)}"),
        ("logs_days=0", DAYS.format(1)),
        ("keys_days=36501", DAYS.format(2)),
        ("done_days=x", DAYS.format(2)),
        ("done_days=3GiB", DAYS.format(2)),
        ("done_days", DAYS.format(2)),
        ("budget_bytes=-1", BYTES),
        ("budget_bytes=20GB", f"budget_bytes='20GB' does not go: the value is a number of bytes, or one with {BYTES}"),
        ("logs_bytes=2000000TiB", f"{BYTES}, 0 for no limit"),
    ],
)
def test_a_rule_that_is_none_is_refused(text, said):
    """A rule that does not exist, or whose value breaks it, is refused with the rule, the value and what would be right."""
    with pytest.raises(ConfigurationError) as refused:
        parse_rules([text])

    assert said in str(refused.value)


def test_a_rule_is_read_as_it_is_written():
    """What is written of a policy of retention is what would set it."""
    rule = Retention(done_days=14, done_bytes=0, dead_bytes=1500, budget_bytes=20 * 2**30)

    assert "done_days=14 done_bytes=0 " in str(rule)
    assert "dead_bytes=1500 " in str(rule)
    assert str(rule).endswith("budget_bytes=20GiB")
    assert Retention(**parse_rules(str(rule).split())) == rule


def test_a_bus_with_a_rule_that_breaks_is_not_made(tmp_path):
    """A program that asks for a rule out of bounds is told which, in one line."""
    with pytest.raises(ConfigurationError, match=r"^retention.done_days: .*greater than or equal to 2 \(found 0\)$"):
        create_bus(tmp_path / "bus", retention={"done_days": 0})


def test_what_was_dropped_is_not_looked_for_when_somebody_asks_what_is_open():
    """Whoever asks what is open in a channel whose beginning was dropped waits for none of the dropped numbers."""
    world, scout, _ = world_with(archive_days=1, logs_days=2)
    long_log(world, scout, 3100, channel="general")
    for _ in range(4):
        world.clock.advance(days=1)
        scout.sweep()
    assert Log(world.store, tree.channel("general")).swept(0) == 1999

    store = Recorder(world.store)
    newcomer = world.agent("newcomer", store=store)
    agenda = newcomer._services.arcs.agenda("general", deep=True)

    assert agenda.upto == 3100
    assert agenda.complete
    assert store.missed == []
