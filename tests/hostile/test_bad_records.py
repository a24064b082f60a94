"""P7, P10, P14: what damaged or false records get: cards, heartbeats, cursors, logs, leases, and the bus's own file.

What is wrong with one agent's records is told with that agent's name, and keeps nobody from anybody else.
"""

import json
import re
import tracemalloc
from datetime import timedelta

import pytest

from somabus import Agent, Insight, create_bus
from somabus.errors import LeaseHeldError, NameTakenError, SomabusError, StoreDamagedError
from somabus.log import Log
from somabus.model.card import Card
from somabus.model.envelope import Seal, split
from somabus.model.heartbeat import Heartbeat, Outcome
from somabus.model.presence import Presence
from somabus.model.signing import Signer
from somabus.model.wire import dump, parse_object
from tests.hostile.scene import HOUR, within_the_tree
from tests.hostile.test_bad_input import damage

DAMAGES = ["torn", "empty", "binary", "huge", "folder", "link", "another shape", "a wrong time"]


def edit(scene, path, *, by, seal, **changed):
    """Change members of a sealed document and seal it again with somebody's key."""
    value = {**parse_object(split(path.read_bytes()).body), **changed}
    value.pop("signature", None)
    path.write_bytes(scene.seal(dump(value), by=by, seal=seal))


def record(scene, agent, name):
    """Return the path of an agent's card, heartbeat or cursors."""
    return scene.root / "registry" / agent / name


def look(scene, agent="scout"):
    """Return what planner sees of a peer."""
    return next(peer for peer in scene.planner.peers() if peer.name == agent)


# -- heartbeats -------------------------------------------------------------------------------------------------


def torn_heartbeat(scene, path):
    """Half of it."""
    path.write_bytes(path.read_bytes()[:100])


def foreign_key(scene, path):
    """Written by mallory in the name of scout."""
    edit(scene, path, by="mallory", seal=Seal.HEARTBEAT)


def changed_later(scene, path):
    """One number changed after sealing."""
    path.write_bytes(path.read_bytes().replace(b'"number":1', b'"number":9'))


def copied(scene, path):
    """Mallory's genuine heartbeat in the place of scout's."""
    scene.mallory.beat()
    path.write_bytes(record(scene, "mallory", "heartbeat.json").read_bytes())


def of_another_agent(scene, path):
    """Sealed by scout, and made for mallory."""
    edit(scene, path, by="scout", seal=Seal.HEARTBEAT, agent="mallory")


def of_another_bus(scene, path):
    """Sealed by scout, on another bus."""
    edit(scene, path, by="scout", seal=Seal.HEARTBEAT, bus="01a1f9de-1d99-72bc-bdf7-9a7b3e80730a")


def as_message(scene, path):
    """Sealed by scout as a message."""
    edit(scene, path, by="scout", seal=Seal.MESSAGE)


def unsealed(scene, path):
    """Without any seal."""
    path.write_bytes(split(path.read_bytes()).body)


def a_folder(scene, path):
    """No file at all."""
    path.unlink()
    path.mkdir()


BAD_BEATS = [torn_heartbeat, foreign_key, changed_later, copied, of_another_agent, of_another_bus, as_message, unsealed]


@pytest.mark.parametrize("spoil", [*BAD_BEATS, a_folder], ids=lambda spoil: spoil.__name__)
def test_a_bad_heartbeat_is_a_fault_and_no_sign_of_life(spoil, scene):
    """P10: nobody counts as alive or dead by a heartbeat that it did not write; the fault is shown instead."""
    scene.scout.beat()
    spoil(scene, record(scene, "scout", "heartbeat.json"))

    peer = look(scene)

    assert (peer.presence, peer.heartbeat, bool(peer.fault)) == (None, None, True)


@pytest.mark.parametrize("spoil", BAD_BEATS, ids=lambda spoil: spoil.__name__)
def test_the_next_beat_of_its_owner_mends_it(spoil, scene):
    """A heartbeat that somebody spoiled is whole again after its owner's next beat."""
    scene.scout.beat()
    spoil(scene, record(scene, "scout", "heartbeat.json"))

    report = scene.scout.beat()

    assert (report.outcome, look(scene).presence) == (Outcome.OK, Presence.ON_TIME)


@pytest.mark.parametrize("spoil", [*BAD_BEATS, a_folder], ids=lambda spoil: spoil.__name__)
def test_a_bad_heartbeat_is_alerted_once(spoil, scene):
    """One alert names the agent with the bad heartbeat, however many agents review it however often."""
    scene.scout.beat()
    spoil(scene, record(scene, "scout", "heartbeat.json"))

    for agent in (scene.planner, scene.mallory, scene.planner):
        agent.beat()

    alerts = scene.world.agent("observer").beat().alerts
    assert [alert["component"] for alert in alerts] == ["scout"]


@pytest.mark.parametrize("spoil", [*BAD_BEATS, a_folder], ids=lambda spoil: spoil.__name__)
def test_mail_to_an_agent_with_a_bad_heartbeat_is_sent(spoil, scene):
    """A bad heartbeat keeps nobody from sending."""
    scene.scout.beat()
    spoil(scene, record(scene, "scout", "heartbeat.json"))

    receipt = scene.planner.send("scout", "are you there?")

    assert scene.drain(scene.scout) == [receipt.id]


def test_a_heartbeat_from_the_future_is_skewed(scene):
    """P10: a beat that lies ahead of the drive's clock is neither on time nor silent."""
    scene.scout.beat()
    edit(
        scene,
        record(scene, "scout", "heartbeat.json"),
        by="scout",
        seal=Seal.HEARTBEAT,
        written_at="2999-01-01T00:00:00Z",
    )

    assert look(scene).presence is Presence.SKEWED


NUMBERS = [1e300, 1e15, 1e-300, 5e12]


@pytest.mark.parametrize("every_s", NUMBERS)
@pytest.mark.parametrize("which", ["card.json", "heartbeat.json"])
def test_a_boundless_cadence_breaks_nothing(which, every_s, scene):
    """Whatever cadence an agent declares, its peers look at it, send to it and beat without an exception."""
    scene.scout.beat()
    path = record(scene, "scout", which)
    if which == "card.json":
        record(scene, "scout", "heartbeat.json").unlink()
    edit(scene, path, by="scout", seal=Seal.CARD if which == "card.json" else Seal.HEARTBEAT, every_s=every_s)

    scene.planner.peers()
    scene.planner.send("scout", "hello")

    assert scene.planner.beat().outcome is Outcome.OK


TIMES = ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59-10:00"]


@pytest.mark.parametrize("at", TIMES)
@pytest.mark.parametrize("member", ["written_at", "next_due_at", "beat"])
def test_times_at_the_ends_of_time_break_nothing(member, at, scene):
    """Whatever time a heartbeat says, its peers look and beat without an exception, and so does its owner."""
    scene.scout.beat()
    path = record(scene, "scout", "heartbeat.json")
    beat = {"number": 1, "due_at": at, "started_at": at, "finished_at": at, "outcome": "ok", "missed": 0}
    edit(scene, path, by="scout", seal=Seal.HEARTBEAT, **{member: beat if member == "beat" else at})

    scene.planner.peers()

    outcomes = [scene.planner.beat().outcome, scene.scout.beat().outcome]
    assert outcomes == [Outcome.OK, Outcome.OK]


# -- cards ------------------------------------------------------------------------------------------------------


def card_of_another_key(scene, path):
    """Replaced by a card of another key, properly sealed with it."""
    genuine = Card.from_object(parse_object(split(path.read_bytes()).body))
    other = Card.from_object(parse_object(split(record(scene, "mallory", "card.json").read_bytes()).body))
    body = genuine.model_copy(update={"public_key": other.public_key}).to_json()
    path.write_bytes(scene.seal(body, by="mallory", seal=Seal.CARD))


def card_copied(scene, path):
    """Mallory's genuine card in the place of scout's."""
    path.write_bytes(record(scene, "mallory", "card.json").read_bytes())


def card_of_another_bus(scene, path):
    """Made for another bus."""
    edit(scene, path, by="scout", seal=Seal.CARD, bus="01a1f9de-1d99-72bc-bdf7-9a7b3e80730a")


def card_changed(scene, path):
    """Changed after sealing."""
    path.write_bytes(path.read_bytes().replace(b'"display_name":""', b'"display_name":"boss"'))


def card_sealed_by_another(scene, path):
    """Scout's key inside, mallory's seal."""
    edit(scene, path, by="mallory", seal=Seal.CARD)


BAD_CARDS = [
    torn_heartbeat, card_of_another_key, card_copied, card_of_another_bus, card_changed, card_sealed_by_another,
    a_folder,
]  # fmt: skip


@pytest.mark.parametrize("spoil", BAD_CARDS, ids=lambda spoil: spoil.__name__)
def test_a_bad_card_is_a_fault(spoil, scene):
    """P7: nobody is believed by a card that is not genuine; the fault is shown, and nothing is raised."""
    scene.planner.peers()
    scene.good()
    scene.drain()  # planner has seen scout's key now
    spoil(scene, record(scene, "scout", "card.json"))

    peer = look(scene)

    assert (peer.presence, bool(peer.fault)) == (None, True)


@pytest.mark.parametrize("spoil", BAD_CARDS, ids=lambda spoil: spoil.__name__)
def test_a_bad_card_takes_no_trust_from_a_known_key(spoil, scene):
    """P7: who remembers an agent's key goes on handling its mail, and no other's, whatever becomes of its card."""
    scene.good()
    scene.drain()
    spoil(scene, record(scene, "scout", "card.json"))
    good, forged = scene.good(), scene.new_id()
    scene.plant(f"5-{forged}.0.json", scene.signed(forged, by="mallory"))

    assert scene.drain() == [good]


@pytest.mark.parametrize("spoil", BAD_CARDS, ids=lambda spoil: spoil.__name__)
def test_beats_go_on_beside_a_bad_card(spoil, scene):
    """A bad card makes nobody's beat fail."""
    scene.good()
    scene.drain()
    spoil(scene, record(scene, "scout", "card.json"))

    report = scene.planner.beat()

    assert report.outcome is Outcome.OK, str(report)


@pytest.mark.parametrize("spoil", BAD_CARDS, ids=lambda spoil: spoil.__name__)
def test_a_new_process_beside_its_own_bad_card_raises_within_the_tree(spoil, scene):
    """An agent whose own card was spoiled is told so, by an error that names the card or its owner."""
    spoil(scene, record(scene, "scout", "card.json"))

    with pytest.raises(SomabusError, match=r"card|scout"):
        scene.world.agent("scout")


@pytest.mark.parametrize("what", ["file", "link", "empty folder", "odd name"])
def test_odd_things_in_the_registry_are_no_agents_errors(what, scene):
    """Whatever stands in registry/ beside the agents, looking and beating go on."""
    folder = scene.root / "registry"
    match what:
        case "file":
            (folder / "notes").write_text("x")
        case "link":
            (folder / "linked").symlink_to(folder / "scout")
        case "empty folder":
            (folder / "ghost").mkdir()
        case _:
            (folder / "My Agent").mkdir()

    scene.planner.peers()

    assert scene.planner.beat().outcome is Outcome.OK


def test_a_name_belongs_to_the_key_that_was_first(scene):
    """P7: a second agent of the same name and another key is refused, and the first one's card is as it was."""
    before = record(scene, "scout", "card.json").read_bytes()
    scene.world.signers["scout"] = Signer(bytes(32))

    with pytest.raises(NameTakenError):
        scene.world.agent("scout", display_name="the other one")

    assert record(scene, "scout", "card.json").read_bytes() == before


# -- cursors ----------------------------------------------------------------------------------------------------


def shared(scene, *statements):
    """Let scout share some insights."""
    return [scene.scout.share(Insight(topic="t", statement=each, confidence=1)) for each in statements]


def learned(report):
    """Return the statements that a beat brought."""
    return [entry["statement"] for entry in report.learned]


def again(scene, agent="planner"):
    """Return the agent in a new process, which remembers only what lies on the bus and at home."""
    return scene.world.agent(agent)


@pytest.mark.parametrize("what", DAMAGES)
def test_damaged_cursors_are_made_good_from_home(what, scene):
    """Whatever is wrong with cursors.json, the copy in the agent's home says how far it had read: nothing comes twice, nothing is skipped."""
    shared(scene, "a", "b")
    scene.planner.beat()
    path = record(scene, "planner", "cursors.json")
    path.unlink()
    damage(path, what)
    shared(scene, "c")

    report = again(scene).beat()

    assert learned(report) == ["c"], str(report)


def test_deleted_cursors_are_made_good_from_home(scene):
    """Somebody who deletes cursors.json makes nobody read anything twice, and the next beat writes it anew."""
    shared(scene, "a", "b")
    scene.planner.beat()
    path = record(scene, "planner", "cursors.json")
    path.unlink()

    assert learned(again(scene).beat()) == []
    assert parse_object(split(path.read_bytes()).body)["logs"]["messages/scout/outbox"]["at"] == 2


def test_cursors_that_were_put_back_are_made_good_from_home(scene):
    """An old cursors.json of the agent's own, copied back, takes back nothing that it has read since."""
    shared(scene, "a")
    scene.planner.beat()
    path = record(scene, "planner", "cursors.json")
    old = path.read_bytes()
    shared(scene, "b")
    scene.planner.beat()
    path.write_bytes(old)
    shared(scene, "c")

    assert learned(again(scene).beat()) == ["c"]


def test_an_alert_is_not_told_twice_for_cursors_that_were_put_back(scene):
    """A silence that was told stays told when an old cursors.json is copied back."""
    shared(scene, "a")
    scene.scout.beat()
    scene.planner.beat()
    path = record(scene, "planner", "cursors.json")
    old = path.read_bytes()
    for _ in range(5):
        scene.later(hours=6)
        scene.planner.beat()
    told = len(list((scene.root / "channels/alerts").glob("*/*")))
    path.write_bytes(old)

    scene.later(hours=6)
    report = again(scene).beat()

    assert told >= 1
    assert report.peers["scout"] == "silent"
    assert len(list((scene.root / "channels/alerts").glob("*/*"))) == told


@pytest.mark.parametrize("what", DAMAGES)
def test_cursors_that_are_lost_in_both_places_are_begun_anew(what, scene):
    """With cursors.json and the home's copy of it damaged, every log is read from its beginning: entries come twice, none is skipped."""
    shared(scene, "a", "b")
    scene.planner.beat()
    path = record(scene, "planner", "cursors.json")
    path.unlink()
    damage(path, what)
    scene.world.homes["planner"].replace("cursors.json", b'{"format":1,"agent":"planner","logs":7}')

    report = again(scene).beat()

    assert learned(report) == ["a", "b"], str(report)


def test_a_home_that_was_lost_is_made_good_from_the_bus(scene):
    """An agent that comes to a new machine with its key alone reads on where it was."""
    shared(scene, "a", "b")
    scene.planner.beat()
    scene.world.homes["planner"].delete("cursors.json")
    shared(scene, "c")

    assert learned(again(scene).beat()) == ["c"]


def test_a_copy_at_home_that_was_put_back_takes_nothing_back(scene):
    """A home that was restored from a backup is behind the bus, and the bus counts."""
    shared(scene, "a")
    scene.planner.beat()
    old = scene.world.homes["planner"].read("cursors.json")
    shared(scene, "b")
    scene.planner.beat()
    scene.world.homes["planner"].replace("cursors.json", old)

    assert learned(again(scene).beat()) == []


@pytest.mark.parametrize("what", DAMAGES)
def test_forged_mail_is_alerted_beside_damaged_cursors(what, scene):
    """A forgery is everybody's affair also while this agent's cursors are damaged."""
    damage(record(scene, "planner", "cursors.json"), what)
    message_id = scene.new_id()
    scene.plant(f"5-{message_id}.0.json", scene.signed(message_id, by="mallory"))

    scene.drain()

    assert len(scene.alerts()) == 1


def test_cursors_of_another_agent_are_not_mine(scene):
    """Cursors that were copied from another agent's folder do not make this one skip entries."""
    shared(scene, "a", "b")
    scene.mallory.beat()
    record(scene, "planner", "cursors.json").write_bytes(record(scene, "mallory", "cursors.json").read_bytes())

    assert learned(scene.planner.beat()) == ["a", "b"]


def test_a_cursor_past_the_end_loses_no_entry(scene):
    """A position behind the last entry of a log is damage; what is shared from now on is still received."""
    shared(scene, "a")
    scene.planner.beat()
    path = record(scene, "planner", "cursors.json")
    path.write_bytes(re.sub(rb'"at":1', b'"at":1000000', path.read_bytes()))
    scene.planner.beat()

    shared(scene, "b")

    assert "b" in learned(scene.planner.beat())


def test_a_cursor_past_the_end_makes_no_gap_in_the_alerts(scene):
    """An alert is raised under the number after the last, whatever this agent's cursors say."""
    path = record(scene, "planner", "cursors.json")
    path.write_bytes(b'{"format":1,"agent":"planner","logs":{"channels/alerts":{"at":5000,"hole":null}},"alerted":{}}')
    message_id = scene.new_id()
    scene.plant(f"5-{message_id}.0.json", scene.signed(message_id, by="mallory"))

    scene.drain()

    assert [each.name for each in (scene.root / "channels/alerts").glob("*/*")] == ["0000000001.json"]


# -- logs -------------------------------------------------------------------------------------------------------


def entry(scene, number, *, of="scout"):
    """Return the path of an entry in an outbox."""
    return scene.folder("messages", of, "outbox", f"{number // 1000:07d}") / f"{number:010d}.json"


def forged_entry(scene, path):
    """Signed by mallory in scout's name."""
    path.write_bytes(_insight(scene, by="mallory"))


def foreign_entry(scene, path):
    """Genuinely mallory's, in scout's outbox."""
    path.write_bytes(_insight(scene, by="mallory", sender="mallory"))


def unsigned_entry(scene, path):
    """Signed by nobody."""
    path.write_bytes(split(_insight(scene)).body)


def letter_entry(scene, path):
    """A letter to planner, in the log for all."""
    path.write_bytes(_insight(scene, to=["planner"]))


def torn_entry(scene, path):
    """Half of it."""
    path.write_bytes(_insight(scene)[:80])


def huge_entry(scene, path):
    """Larger than anything a bus holds."""
    damage(path, "huge")


def folder_entry(scene, path):
    """No file."""
    path.mkdir()


def link_entry(scene, path):
    """A link to an entry elsewhere."""
    path.symlink_to(entry(scene, 1, of="mallory"))


def untimely_entry(scene, path):
    """A time before the year 1."""
    path.write_bytes(_insight(scene, created_at="0001-01-01T00:00:00+10:00"))


def empty_entry(scene, path):
    """Nothing in it."""
    path.write_bytes(b"")


def _insight(scene, **changed):
    data = {"topic": "t", "statement": "poison", "confidence": 1}
    return scene.signed(scene.new_id(), **{"to": [], "kind": "insight", "data": data, **changed})


BAD_ENTRIES = [
    torn_entry, empty_entry, huge_entry, forged_entry, foreign_entry, unsigned_entry, letter_entry, folder_entry,
    link_entry, untimely_entry,
]  # fmt: skip


@pytest.mark.parametrize("spoil", BAD_ENTRIES, ids=lambda spoil: spoil.__name__)
def test_a_bad_entry_is_stepped_over(spoil, scene):
    """A log with a bad entry is read on behind it; nobody learns the bad one."""
    shared(scene, "before", "lost", "behind")
    entry(scene, 2).unlink()
    spoil(scene, entry(scene, 2))

    assert learned(scene.planner.beat()) == ["before", "behind"]


@pytest.mark.parametrize("spoil", BAD_ENTRIES, ids=lambda spoil: spoil.__name__)
def test_sharing_goes_on_behind_a_bad_entry(spoil, scene):
    """An agent whose own last entry was spoiled goes on sharing, under the next number."""
    spoil(scene, entry(scene, 1))

    assert shared(scene, "a") == [2]


@pytest.mark.parametrize("spoil", BAD_ENTRIES, ids=lambda spoil: spoil.__name__)
def test_a_bad_entry_is_reported_with_its_number(spoil, scene):
    """The reader's report names log and number of the bad entry, once."""
    shared(scene, "before")
    spoil(scene, entry(scene, 2))

    said = [str(scene.planner.beat()) for _ in range(2)]

    assert [text.count("messages/scout/outbox/2:") for text in said] == [1, 0], said[0]


@pytest.mark.parametrize("spoil", [e for e in BAD_ENTRIES if e is not foreign_entry], ids=lambda spoil: spoil.__name__)
def test_a_bad_entry_of_one_hides_no_other(spoil, scene):
    """What is wrong with one peer's log keeps nobody from reading the others'."""
    shared(scene)
    spoil(scene, entry(scene, 1, of="mallory"))
    shared(scene, "from scout")

    assert learned(scene.planner.beat()) == ["from scout"]


@pytest.mark.parametrize("spoil", BAD_ENTRIES, ids=lambda spoil: spoil.__name__)
def test_a_bad_entry_in_the_alerts_hides_no_alert(spoil, scene):
    """An alert behind a bad entry is heard by everybody."""
    spoil(scene, scene.folder("channels/alerts/0000000") / "0000000001.json")
    message_id = scene.new_id()
    scene.plant(f"5-{message_id}.0.json", scene.signed(message_id, by="mallory"))

    scene.drain()

    assert len(scene.alerts()) == 1


@pytest.mark.parametrize("name", ["hello.txt", "0000000.json", "Thumbs.db", "9999999"])
@pytest.mark.parametrize("log", ["messages/mallory/outbox", "channels/alerts"])
def test_a_file_between_the_segments_blocks_no_log(log, name, scene):
    """A foreign file where the segments of a log lie makes no beat fail and hides nobody's entries."""
    (scene.folder(log) / name).write_text("x")
    shared(scene, "from scout")

    report = scene.planner.beat()

    assert (learned(report), report.outcome) == (["from scout"], Outcome.OK), str(report)


@pytest.mark.parametrize("name", ["hello.txt", "1.json", "0000000001.json.bak", "00000000x1.json"])
def test_a_bad_name_inside_a_segment_is_no_entry(name, scene):
    """A foreign file inside a segment is no entry and makes no gap."""
    (entry(scene, 1).parent / name).write_text("x")
    numbers = shared(scene, "a")

    assert (numbers, learned(scene.planner.beat())) == ([1], ["a"])


def test_a_hole_is_waited_for_and_then_stepped_over(scene):
    """An entry that is missing is waited for; after an hour the log is read on, and the number is reported."""
    shared(scene, "a", "b", "c")
    entry(scene, 2).unlink()

    first, early = scene.planner.beat(), scene.later(minutes=59).planner.beat()
    late = scene.later(minutes=2).planner.beat()

    assert (learned(first), learned(early), learned(late), "outbox/2:" in str(late)) == (["a"], [], ["c"], True)


def test_an_entry_that_comes_late_is_read_in_order(scene):
    """An entry that the listing showed late is read before the ones behind it, and nothing comes twice."""
    shared(scene, "a", "b", "c")
    raw = entry(scene, 2).read_bytes()
    entry(scene, 2).unlink()
    scene.planner.beat()

    entry(scene, 2).write_bytes(raw)

    assert [learned(scene.planner.beat()) for _ in range(2)] == [["b", "c"], []]


def test_a_far_number_costs_a_reader_little(scene):
    """P14: one empty file under a number far ahead does not fill the memory of everybody who follows the log."""
    shared(scene, "a")
    entry(scene, 300_000).write_bytes(b"")
    scene.planner.beat()
    scene.later(hours=2)

    tracemalloc.start()
    scene.planner.beat()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 5_000_000


def test_a_last_number_in_a_log_does_not_swallow_what_is_shared(scene):
    """P1: what an agent shares is under a number that readers list, whatever number somebody planted."""
    entry(scene, 9_999_999_999).write_bytes(b"")

    number = shared(scene, "a")[0]

    assert number in Log(scene.store, "messages/scout/outbox").after(0, 10)


# -- leases -----------------------------------------------------------------------------------------------------


def lease_record(scene, name, number, **changed):
    """Write the record of a lease as another agent would."""
    value = {
        "format": 1, "name": name, "generation": number, "agent": "mallory", "holder": "elsewhere 1",
        "taken_at": "2026-01-05T12:00:00Z", "ends_at": "2026-01-05T12:10:00Z", **changed,
    }  # fmt: skip
    path = scene.folder("leases", name) / f"{number:09d}.json"
    path.write_bytes(json.dumps(value).encode())
    return path


@pytest.mark.parametrize("what", DAMAGES)
def test_a_damaged_lease_counts_as_ended_and_its_number_counts(what, scene):
    """P3: a lease whose record is damaged can be taken, under a higher number."""
    path = lease_record(scene, "deploy", 41)
    path.unlink()
    damage(path, what)

    with scene.planner.lease("deploy") as lease:
        assert lease.generation == 42


@pytest.mark.parametrize("at", TIMES)
def test_a_lease_that_ends_at_the_end_of_time_raises_within_the_tree(at, scene):
    """Whatever end a lease record says, taking it gives a lease or says who holds it."""
    lease_record(scene, "deploy", 1, ends_at=at)

    with within_the_tree(LeaseHeldError):
        scene.planner.lease("deploy").release()


@pytest.mark.parametrize("at", [*TIMES, "3000-01-01T00:00:00Z"])
def test_a_planted_lease_does_not_stop_the_routine(at, scene):
    """P14: mail is handled in some beat, whatever record lies where the routine takes its turn."""
    lease_record(scene, "beat.planner", 1, ends_at=at)
    scene.good()
    scene.planner.use_builtin_handlers()

    handled = [scene.later(hours=7).planner.beat().handled for _ in range(3)]

    assert sum(handled) == 1


@pytest.mark.parametrize("what", DAMAGES)
def test_a_damaged_turn_does_not_stop_the_routine(what, scene):
    """A damaged record where the routine takes its turn keeps no mail from being handled."""
    damage(scene.folder("leases/beat.planner") / "000000001.json", what)
    scene.good()
    scene.planner.use_builtin_handlers()

    assert scene.planner.beat().handled == 1


def test_the_last_number_of_a_lease_can_be_passed(scene):
    """P3: a planted number at the end of what a name can carry neither stops a lease nor gives it two holders."""
    lease_record(scene, "deploy", 999_999_999)

    numbers = []
    for _ in range(60):
        with scene.later(hours=1).planner.lease("deploy") as lease:
            numbers.append(lease.generation)

    assert numbers == sorted(set(numbers))


# -- the bus's own file -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", [*DAMAGES, "format 2"])
def test_a_damaged_bus_file_is_told_and_left_alone(what, tmp_path):
    """Joining a bus whose own file is damaged says that it is damaged, and changes nothing on the bus."""
    create_bus(tmp_path / "bus")
    path = tmp_path / "bus" / "somabus.json"
    if what == "format 2":
        path.write_bytes(path.read_bytes().replace(b'"format":1', b'"format":2'))
    else:
        path.unlink()
        damage(path, what)

    with pytest.raises(StoreDamagedError, match=r"somabus\.json"):
        Agent("scout", tmp_path / "bus", home=tmp_path / "home", durability="none")

    assert [each.name for each in (tmp_path / "bus").iterdir() if each.name != "tmp"] == ["somabus.json"]


def test_a_bus_that_is_damaged_later_keeps_its_mail(tmp_path):
    """P1: an agent that is at work while the bus's own file is damaged loses nothing that it sends."""
    create_bus(tmp_path / "bus")
    scout, planner = (
        Agent(name, tmp_path / "bus", home=tmp_path / "home", durability="none") for name in ("scout", "planner")
    )
    (tmp_path / "bus" / "somabus.json").write_bytes(b"")

    receipt = scout.send("planner", "hello")

    assert [delivery.message.id for delivery in planner.inbox.drain()] == [receipt.id]


def test_a_damaged_memory_of_places_does_not_keep_anybody_out(tmp_path):
    """What this machine remembers of buses is a help for bad times; if it is damaged, joining works without it."""
    create_bus(tmp_path / "bus")
    Agent("scout", tmp_path / "bus", home=tmp_path / "home", durability="none")
    for place in (tmp_path / "home" / "places").iterdir():
        place.write_bytes(b"torn")

    assert Agent("scout", tmp_path / "bus", home=tmp_path / "home", durability="none").unread == 0


def test_heartbeats_survive_their_own_reading(scene):
    """What a reader takes from a genuine heartbeat is what its owner wrote."""
    scene.scout.beat()

    body = split(record(scene, "scout", "heartbeat.json").read_bytes()).body

    assert Heartbeat.from_object(parse_object(body)).to_json() == body


def test_an_episode_ends_with_the_next_good_beat(scene):
    """After the owner's next beat nobody is accused any more, and a new fault is a new alert."""
    for _ in range(2):
        scene.scout.beat()
        scene.planner.beat()
        torn_heartbeat(scene, record(scene, "scout", "heartbeat.json"))
        scene.planner.beat()
        scene.later(seconds=HOUR.total_seconds())
    scene.scout.beat()
    quiet = scene.planner.beat().alerts

    total = scene.world.agent("observer").beat().alerts
    assert (quiet, len(total)) == ((), 2)


def test_silence_is_judged_by_the_peers_own_cadence(scene):
    """P10: a peer that declared a day is not silent after six hours."""
    scene.world.agent("slow", every=timedelta(days=1)).beat()

    scene.later(hours=25)

    assert look(scene, "slow").presence is Presence.ON_TIME
