"""P14, P7: what bad mail gets. One bad message between two good ones, whatever is wrong with it, blocks nobody.

The rows stand in `mailcases`; each test here asks one thing of every row.
"""

import contextlib
import errno
import os
import re
from datetime import timedelta

import pytest

from somabus.errors import StoreUnavailableError, TrustError
from somabus.model.deadletter import Reason
from somabus.model.envelope import Seal
from somabus.model.heartbeat import Outcome
from somabus.model.receipt import Receipt, Whereabouts
from somabus.testing import FailingFiles
from somabus.verify import judge_path
from tests.hostile.mailcases import CASES, DEAD, EVERY, FORGED_ONES, PEEKED
from tests.hostile.scene import HOUR, Scene, within_the_tree


def between(scene, case):
    """Lay the case between two good neighbours; return their ids, its id and its file's name."""
    first, bad, last = scene.new_id(), scene.new_id(), scene.new_id()
    name = case.lay(scene, bad)
    for good in (first, last):
        scene.plant(f"5-{good}.0.json", scene.signed(good))
    return (first, last), bad, name


# -- every row --------------------------------------------------------------------------------------------------


def shared(rows, turn):
    """Return the rows, two of three marked slow: by turns, so that each row has a third of the questions at once."""
    return [
        row if not (number + turn) % 3 else pytest.param(*row.values, marks=[*row.marks, pytest.mark.slow], id=row.id)
        for number, row in enumerate(rows)
    ]


@pytest.mark.parametrize("case", shared(EVERY, 1))
def test_neighbours_are_handled_in_one_drain(case, scene):
    """Mail before and behind a bad message is handled in the same drain, and nothing is raised."""
    neighbours, _, _ = between(scene, case)

    handled = scene.drain()

    assert tuple(handled) == neighbours


@pytest.mark.parametrize("case", shared(EVERY, 2))
def test_it_ends_where_it_can_be_found(case, scene):
    """A bad message is kept: in the dead letters under its reason, or in done/ under a name that says how it ended."""
    _, bad, _ = between(scene, case)

    scene.drain()

    if case.reason is None:
        assert f"{bad}{case.mark}.json" in scene.done_names()
    else:
        assert [letter.reason for letter in scene.planner.inbox.dead()] == [case.reason]


@pytest.mark.parametrize("case", DEAD)
def test_the_record_names_value_and_rule(case, scene):
    """The dead letter's detail says what was found and which rule it breaks."""
    between(scene, case)

    scene.drain()

    assert re.search(case.says, " ".join(letter.detail for letter in scene.planner.inbox.dead()))


@pytest.mark.parametrize("case", shared(EVERY, 3))
def test_a_proven_sender_is_told_and_nobody_else(case, scene):
    """A sender who is proven gets a receipt with the reason; nobody gets one for mail that another may have made."""
    between(scene, case)

    scene.drain()

    assert [reason for _, reason in scene.receipts()] == ([str(case.reason)] if case.told else [])


@pytest.mark.parametrize("case", [row for row in EVERY if row.values[0].told])
def test_the_receipt_can_be_acted_on(case, scene):
    """The receipt of a set-aside message reaches its sender's handlers like any mail."""
    between(scene, case)
    scene.drain()

    told = scene.drain(scene.scout)

    assert len(told) == 1


@pytest.mark.parametrize("case", FORGED_ONES)
def test_forged_mail_raises_one_alert(case, scene):
    """Everybody on the bus hears of a forged message, exactly once."""
    between(scene, case)

    scene.drain()

    assert [alert["component"] for alert in scene.alerts()] == ["inbox of planner"]


@pytest.mark.parametrize("case", [case.param() for case in CASES if not case.alerted])
def test_other_bad_mail_alarms_nobody(case, scene):
    """Only a forgery is everybody's affair."""
    between(scene, case)

    scene.drain()

    assert scene.alerts() == []


@pytest.mark.parametrize("case", shared(EVERY, 4))
def test_it_is_counted(case, scene):
    """Before, the bad message counts as waiting like its neighbours; afterwards as a dead letter, or not at all."""
    between(scene, case)
    before = scene.planner.counts()

    scene.drain()

    after = scene.planner.counts()
    assert (before.waiting, after.unread, after.dead) == (3, 0, 0 if case.reason is None else 1)


@pytest.mark.parametrize("case", PEEKED)
def test_peek_shows_its_fault(case, scene):
    """Looking shows the bad message with what is wrong with it."""
    _, _, name = between(scene, case)

    letters = {letter.name: letter for letter in scene.planner.inbox.peek()}

    assert re.search(case.peeks, letters[name].fault)


@pytest.mark.parametrize("case", shared(EVERY, 5))
def test_peek_takes_nothing(case, scene):
    """Looking leaves every file where it is, and good mail has no fault."""
    neighbours, _, _ = between(scene, case)
    before = scene.names("inbox")

    letters = scene.planner.inbox.peek()

    sound = [letter.opened.message.id for letter in letters if letter.opened and not letter.fault]
    assert (scene.names("inbox"), set(neighbours) <= set(sound)) == (before, True)


@pytest.mark.parametrize("case", shared(EVERY, 6))
def test_a_second_drain_finds_nothing(case, scene):
    """What was set aside stays aside: nothing comes again, also not after the leases have ended."""
    between(scene, case)
    scene.drain()

    again = scene.drain() + scene.later(hours=2).drain()

    assert again == []


@pytest.mark.parametrize("case", shared(EVERY, 7))
def test_a_beat_is_not_disturbed(case, scene):
    """A routine with a bad message in its inbox handles the good ones and reports every step as done."""
    between(scene, case)
    scene.planner.use_builtin_handlers()

    report = scene.planner.beat()

    assert (report.handled, report.outcome, report.unread) == (2, Outcome.OK, 0), str(report)


@pytest.mark.parametrize("case", shared(EVERY, 8))
def test_nothing_outside_the_bus_is_touched(case, scene):
    """Whatever a bad message points at outside the bus stays as it was."""
    between(scene, case)
    before = scene.outside()

    scene.drain()
    scene.planner.beat()

    assert scene.outside() == before


# -- what does not fit into a row -------------------------------------------------------------------------------


def test_the_report_counts_what_was_set_aside(scene):
    """A beat that set mail aside says so, and how many."""
    scene.plant(f"5-{scene.new_id()}.0.json", b"torn")
    scene.good()
    scene.planner.use_builtin_handlers()

    report = scene.planner.beat()

    assert report.set_aside == 1


def test_unsigned_mail_is_delivered_and_marked_on_an_open_bus(open_scene):
    """Where the policy lets unsigned mail in, it comes with the mark that it is unsigned."""
    message_id = open_scene.new_id()
    open_scene.plant(f"5-{message_id}.0.json", open_scene.unsigned(message_id))

    senders = [delivery.sender for delivery in open_scene.planner.inbox.drain()]

    assert senders == ["scout (unsigned)"]


def test_forged_mail_is_refused_on_an_open_bus(open_scene):
    """No policy lets a wrong signature in."""
    message_id = open_scene.new_id()
    open_scene.plant(f"5-{message_id}.0.json", open_scene.signed(message_id, by="mallory"))

    handled = open_scene.drain()

    assert (handled, [each.reason for each in open_scene.planner.inbox.dead()]) == ([], [Reason.FORGED])


def test_an_unknown_sender_is_waited_for_and_then_set_aside(scene):
    """Mail of a sender whose card is not here yet waits as long as any failed mail, then it is set aside."""
    message_id = scene.new_id()
    scene.plant(f"5-{message_id}.0.json", scene.signed(message_id, sender="ghost"))

    handled = [scene.later(hours=2).drain() for _ in range(6)]

    reasons = [(letter.reason, letter.detail) for letter in scene.planner.inbox.dead()]
    assert (handled, reasons) == ([[]] * 6, [(Reason.UNTRUSTED, "no card of ghost is visible here to verify it")])


def test_an_unknown_sender_who_joins_is_heard(scene):
    """Mail that came before its sender's card is handled once the card is there."""
    message_id = scene.new_id()
    scene.world.connection("ghost")
    scene.plant(f"5-{message_id}.0.json", scene.signed(message_id, by="ghost", sender="ghost"))
    scene.drain()

    scene.world.agent("ghost")

    assert scene.later(hours=2).drain() == [message_id]


def unreadable(tmp_path, code):
    """Return a bus where reading one message fails with an error number, and a good message behind it."""
    refused = []
    files = FailingFiles(lambda step, path: code if step == "read" and any(one in path for one in refused) else None)
    scene = Scene(tmp_path, files=files)
    refused.append(scene.good())
    return scene, scene.good()


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM, errno.ENXIO], ids=errno.errorcode.get)
def test_a_file_that_may_not_be_read_blocks_nobody(code, tmp_path):
    """Mail that this user may not read, or that is no file, holds up no other mail, in any drain."""
    scene, good = unreadable(tmp_path, code)

    handled = scene.drain() + scene.later(hours=2).drain()

    assert handled == [good]


def test_a_bad_sector_is_not_met_for_ever(tmp_path):
    """A message that can never be read is tried as often as any other, and then stands in the dead letters."""
    scene, _ = unreadable(tmp_path, errno.EIO)

    for _ in range(12):
        with contextlib.suppress(StoreUnavailableError):
            scene.later(hours=2).drain()

    assert (scene.planner.counts().claimed, scene.planner.counts().dead) == (0, 1)


def test_an_attempt_number_at_the_end_of_a_life_is_survived(scene):
    """A file name with any generation leads to a delivery whose handler may fail like any other."""
    message_id = scene.new_id()
    scene.plant(f"5-{message_id}.999.json", scene.signed(message_id))

    for delivery in scene.planner.inbox.drain():
        with delivery:
            raise RuntimeError

    counts = scene.planner.counts()
    assert counts.delayed + counts.dead == 1


def test_the_highest_generation_has_one_holder(scene):
    """P3: a message at the last generation that a name can carry is nobody else's while its lease runs."""
    message_id = scene.new_id()
    scene.plant(f"5-{message_id}.999999999.json", scene.signed(message_id))
    first = scene.planner.inbox.claim()

    scene.drain(scene.world.agent("planner"))

    counts = scene.planner.counts()
    assert (first is None, counts.dead) in ((True, 1), (False, 0))


def test_copies_of_one_message_have_one_holder(scene):
    """P3: of three files of one message, one is delivered; the others wait for the outcome."""
    message_id = scene.new_id()
    for name in ("1-{}.0.json", "5-{}.0.json", "5-{}.3.json"):
        scene.plant(name.format(message_id), scene.signed(message_id))

    held = list(scene.planner.inbox.drain())

    assert len(held) == 1


def test_a_message_is_not_suppressed_by_another_of_its_id(scene):
    """P1: whoever sends under the id of somebody else's message does not make that message vanish unhandled."""
    receipt = scene.scout.send("planner", "the order")
    forged = scene.signed(receipt.id, by="mallory", sender="mallory", body="nothing", priority="urgent")
    scene.plant(f"1-{receipt.id}.0.json", forged)

    bodies = []
    for _ in range(2):  # a drain gives out one message of an id; the next one gives out the other
        for delivery in scene.planner.inbox.drain():
            with delivery as message:
                bodies.append(message.body)

    letters = [letter.sender for letter in scene.planner.inbox.dead()]
    assert "the order" in bodies or "scout" in letters


def test_nobody_takes_back_the_mail_of_another(scene):
    """P9: withdrawing and superseding are the sender's; another agent cannot make my message go away."""
    receipt = scene.scout.send("planner", "the order")

    with pytest.raises(TrustError):
        scene.mallory.send("planner", "ignore it", supersedes=receipt.id)
    with pytest.raises(TrustError):
        scene.mallory.withdraw(Receipt(receipt.id, "planner", scene.clock.now()))

    assert scene.scout.trace(receipt).state is Whereabouts.WAITING


def test_a_lease_without_end_does_not_hide_a_message(scene):
    """P1: a name under claimed/ that promises a lease for ever keeps nobody's mail from being handled."""
    message_id = scene.new_id()
    scene.plant(f"5-{message_id}.1.999999999999999.0123456789ab.json", scene.signed(message_id), "claimed")

    handled = scene.later(days=30).drain()

    assert handled == [message_id] or scene.planner.counts().dead == 1


@pytest.mark.parametrize("state", ["later", "claimed"])
@pytest.mark.parametrize("name", ["hello.txt", "5-x.0.json", "5-{}.0.json", "5-{} - Copy.json"])
def test_a_bad_name_is_set_aside_wherever_mail_lies(state, name, scene):
    """What has no name of ours under later/ or claimed/ is set aside too, and does not stay for ever."""
    scene.plant(name.format(scene.new_id()), scene.signed(scene.new_id()), state)
    good = scene.good()

    handled = scene.drain()

    reasons = [letter.reason for letter in scene.planner.inbox.dead()]
    assert (handled, reasons, scene.names(state)) == ([good], [Reason.BAD_NAME], [])


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
@pytest.mark.parametrize(
    "name", ["caf\u00e9.json", "5-{} \u2013 Kopie.json", "x" * 240, "con.json", "a\tb", "a:b", "x. "], ids=ascii
)
def test_mail_that_no_key_can_name_is_told(name, scene):
    """A file in the inbox whose name is no part of a key is seen by no agent, and named by `somabus verify`."""
    scene.plant(name.format(scene.new_id()), scene.signed(scene.new_id()))

    faults, _ = judge_path(scene.root)

    assert [fault.path.startswith("messages/planner/inbox/") for fault in faults if fault.weight == "error"] == [True]


def test_a_folder_for_the_day_does_not_condemn_good_mail(scene):
    """P14: where done/ itself is damaged, good mail is not set aside as if it were at fault."""
    (scene.box("done") / "2026-01-05").write_text("a file where a folder belongs")
    scene.good()

    with within_the_tree():
        scene.drain()

    assert scene.planner.inbox.dead() == ()


# -- dead letters -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["torn", "empty", "folder", "huge", "binary", "another shape", "a wrong time"])
def test_a_damaged_record_hides_no_dead_letter(what, scene):
    """Dead letters are listed even where the record that says why cannot be read."""
    scene.plant(f"5-{scene.new_id()}.0.json", b"torn")
    scene.drain()
    record = next(scene.box("dead").glob("*.why.json"))
    record.unlink()
    damage(record, what)

    letters = scene.planner.inbox.dead()

    assert [letter.file + ".why.json" for letter in letters] == [record.name]


@pytest.mark.parametrize("name", ["hello.txt", "New Folder", "5-x.json", "x.why.json.why.json"])
def test_a_stranger_among_the_dead_letters_is_survived(name, scene):
    """Whatever lies in dead/ is listed and counted alike, and replaying an unknown id answers False."""
    scene.plant(name, b"x", "dead")

    letters, count = scene.planner.inbox.dead(), scene.planner.counts().dead

    assert (len(letters), scene.planner.inbox.replay(scene.new_id())) == (count, False)


@pytest.mark.parametrize("evil", ["../../../x", "a/b", "x/../../y", "nonsense", ""])
def test_a_replay_goes_nowhere_else(evil, scene):
    """A record that lies about the id cannot send a replayed letter out of the inbox."""
    scene.plant(f"5-{scene.new_id()}.0.json", b"torn")
    scene.drain()
    record = next(scene.box("dead").glob("*.why.json"))
    raw = record.read_bytes()
    record.write_bytes(re.sub(rb'"id":"[^"]*"', b'"id":"%s"' % evil.encode(), raw))
    letter = scene.planner.inbox.dead()[0]

    with within_the_tree():
        scene.planner.inbox.replay(letter.file)

    here = scene.names("inbox") + scene.names("dead")
    assert [re.fullmatch(r"5-[0-9a-f-]{36}\.[0-9a-f.]+\.json", name) is not None for name in here] == [True]


# -- loops ------------------------------------------------------------------------------------------------------


def answer_for_ever(scene, kind):
    """Let scout and planner answer each other until nothing moves any more; return how many were handled."""
    rounds = 0
    scene.scout.send("planner", "who is it?", kind=kind, data={"component": "x", "severity": "info", "detail": "d"})
    for _ in range(60):
        moved = 0
        for agent in (scene.planner, scene.scout):
            for delivery in agent.inbox.drain():
                with delivery as message:
                    if message.kind == kind:
                        delivery.reply("and you?", kind=kind, data=message.data)
                        moved += 1
        rounds += moved
        if not moved:
            break
    return rounds


def test_a_loop_is_parked_at_the_limit(scene):
    """P13: two agents that answer each other for ever are stopped after the limit of hops, and a human finds it."""
    rounds = answer_for_ever(scene, "note")

    dead = [*scene.planner.inbox.dead(), *scene.scout.inbox.dead()]
    assert (rounds, [letter.reason for letter in dead]) == (17, [Reason.HOPS])


@pytest.mark.parametrize("kind", ["alert", "heartbeat"])
def test_alarms_are_never_muted(kind, scene):
    """P13: alerts and heartbeats pass at any number of hops."""
    rounds = answer_for_ever(scene, kind)

    assert rounds >= 60


def test_a_parked_chain_that_is_replayed_passes(scene):
    """P13: what a human brings back from the dead letters is delivered, over the limit or not."""
    message_id = scene.new_id()
    scene.plant(f"5-{message_id}.0.json", scene.signed(message_id, hops=17))
    scene.drain()

    scene.planner.inbox.replay(message_id)

    assert scene.drain() == [message_id]


def test_sealed_with_a_key_of_no_use_is_forged_not_raised(scene):
    """A card whose public key is no point of the curve makes nobody's mail proven, and raises nothing."""
    card = scene.root / "registry" / "weird" / "card.json"
    card.parent.mkdir()
    genuine = (scene.root / "registry" / "scout" / "card.json").read_bytes()
    card.write_bytes(re.sub(rb'"public_key":"[^"]*"', b'"public_key":"%s"' % (b"A" * 43), genuine))
    message_id = scene.new_id()
    scene.plant(f"5-{message_id}.0.json", scene.signed(message_id, sender="weird", seal=Seal.MESSAGE))

    assert scene.drain() == []


def test_mail_for_an_hour_is_not_obeyed_after_it(scene):
    """P9: mail with an expiry that waited too long is kept as expired and handled by nobody."""
    receipt = scene.scout.send("planner", "now or never", expires_in=HOUR - timedelta(seconds=1))

    scene.later(hours=1)

    assert (scene.drain(), scene.scout.trace(receipt).state) == ([], Whereabouts.EXPIRED)


def damage(path, what):
    """Put something broken at a path."""
    match what:
        case "folder":
            path.mkdir()
        case "link":
            path.symlink_to(path.with_name("nowhere"))
        case "huge":
            path.write_bytes(b'{"format":1,"x":"' + b"x" * (1 << 21) + b'"}')
        case "binary":
            path.write_bytes(bytes(range(256)))
        case "torn":
            path.write_bytes(b'{"format":1,"rea')
        case "another shape":
            path.write_bytes(b'{"format":1,"file":[1],"logs":7,"bus":null}')
        case "a wrong time":
            path.write_bytes(b'{"format":1,"at":"0001-01-01T00:00:00+10:00","created_at":"0001-01-01T00:00:00+10:00"}')
        case _:
            path.write_bytes(b"")
