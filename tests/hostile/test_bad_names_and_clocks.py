"""What a wrong name gets, and what happens when a clock is wrong."""

from datetime import timedelta

import pytest

from somabus import Agent, Draft, create_bus
from somabus.beat import Budget
from somabus.errors import InvalidNameError, MessageError, SomabusError, UnknownRecipientError
from somabus.model.ids import derive_id, is_id
from somabus.model.presence import Presence
from somabus.model.receipt import Receipt, Whereabouts
from tests.hostile.scene import snapshot, within_the_tree

NAMES = [
    "../x", "..", ".", "", "/", "/etc/passwd", "C:", "C:\\x", "a/b", "a\nb", "a\x00b", "x" * 300, "con", "nul.txt",
    "COM1", "Planner", "planner ", " planner", "planner.", "pl\u0430nner", "caf\u00e9", "a:b", "*", "~", "-x", "\ud800",
]  # fmt: skip


def _brief(value):
    return ascii(value)[:24]


@pytest.fixture
def joined(tmp_path):
    """A bus that was made and joined as a user does it."""
    create_bus(tmp_path / "bus")
    return Agent("scout", tmp_path / "bus", home=tmp_path / "home", durability="none"), tmp_path


@pytest.mark.parametrize("name", NAMES, ids=_brief)
def test_nobody_joins_under_a_name_that_is_none(name, joined):
    """Joining under a bad name says which rule it breaks."""
    _, path = joined

    with pytest.raises(InvalidNameError):
        Agent(name, path / "bus", home=path / "home", durability="none")


@pytest.mark.parametrize("name", NAMES[::3], ids=_brief)
def test_joining_under_a_bad_name_touches_nothing(name, joined):
    """After a refused joining the disk is as it was, on the bus, in the home and everywhere beside them."""
    _, path = joined
    before = snapshot(path)

    with pytest.raises(SomabusError):
        Agent(name, path / "bus", home=path / "home", durability="none")

    assert snapshot(path) == before


@pytest.mark.parametrize("name", NAMES, ids=_brief)
def test_nothing_is_sent_to_a_name_that_is_none(name, joined):
    """P8: sending to a bad name is refused like sending to nobody, by every way of sending, and touches nothing."""
    scout, path = joined
    before = snapshot(path)

    for send in (
        lambda: scout.send(name, "x"),
        lambda: scout.send(name, "x", key="k"),
        lambda: scout.send(name, "x", spool=True),
        lambda: scout.send_many([Draft("scout"), Draft(name)]),
    ):
        with pytest.raises((UnknownRecipientError, InvalidNameError)):
            send()

    assert snapshot(path) == before


@pytest.mark.parametrize("name", [name for name in NAMES if name != "*"], ids=_brief)
def test_no_lease_and_no_kind_has_a_name_that_is_none(name, joined):
    """Leases, kinds and handlers go by the same rule, and refuse within the tree of errors."""
    scout, path = joined
    before = snapshot(path)

    for act in (
        lambda: scout.lease(name),
        lambda: scout.on(name)(lambda message: None),
        lambda: scout.send("scout", "x", kind=name),
    ):
        with pytest.raises((InvalidNameError, MessageError)):
            act()

    assert snapshot(path) == before


IDS = ["nonsense", "", "../../x", "0" * 36, "01A1F9DE-1D99-72BC-BDF7-9A7B3E80730A", "x" * 300, "\u00e9", "a\nb"]


@pytest.mark.parametrize("text", IDS, ids=_brief)
def test_an_id_that_is_none_is_not_found(text, scene):
    """Looking for what is no id of a message finds nothing, and raises nothing from outside the tree."""
    found = (scene.planner.find(text), scene.planner.inbox.take(text), scene.planner.inbox.replay(text))

    assert found == (None, None, False)


@pytest.mark.parametrize("text", IDS, ids=_brief)
@pytest.mark.parametrize("to", ["planner", "nobody"])
def test_a_receipt_that_is_none_leads_nowhere(to, text, scene):
    """Tracing and withdrawing by a made-up receipt finds nothing, or says within the tree that it is none."""
    receipt = Receipt(text, to, scene.clock.now())

    for look in (scene.scout.trace, scene.scout.withdraw):
        with within_the_tree():
            assert look(receipt).state is Whereabouts.UNKNOWN


@pytest.mark.parametrize("text", IDS, ids=_brief)
@pytest.mark.parametrize("field", ["reply_to", "supersedes"])
def test_a_reference_that_is_none_is_refused_before_sending(field, text, scene):
    """A message that refers to nothing is refused by an error of the tree, and was not sent."""
    with pytest.raises(MessageError):
        scene.scout.send("planner", "x", **{field: text})

    assert scene.planner.unread == 0


SPANS = [timedelta.max, timedelta.min, timedelta(days=3_000_000), timedelta(days=-800_000)]


@pytest.mark.parametrize("span", SPANS, ids=str)
@pytest.mark.parametrize("field", ["expires_in", "not_before"])
def test_a_boundless_span_sends_or_is_refused(field, span, scene):
    """A span that no calendar holds is refused by an error of the tree, or taken for what it means; never dead mail."""
    with within_the_tree():
        scene.scout.send("planner", "x", **{field: span})

    scene.drain()

    assert scene.planner.inbox.dead() == ()


@pytest.mark.parametrize("span", SPANS, ids=str)
def test_a_boundless_lease_is_refused_within_the_tree(span, scene):
    """A lease for longer than any calendar is refused by an error of the tree, or ends at once."""
    with within_the_tree():
        scene.scout.lease("deploy", span).release()


@pytest.mark.parametrize(
    "declared",
    [
        {"display_name": "x" * 81},
        {"display_name": "\ud800"},
        {"skills": ["x" * 81]},
        {"skills": ["x"] * 65},
        {"every": "* * * * *" + " " * 100 + "x"},
        {"every": "0 0 30 2 *"},
        {"every": timedelta(0)},
        {"every": timedelta.max},
        {"every": ""},
        {"every": "\n"},
    ],
    ids=_brief,
)
def test_a_wrong_declaration_is_refused_within_the_tree(declared, joined):
    """Whatever an agent declares of itself, joining works or says within the tree what is wrong."""
    _, path = joined

    with within_the_tree():
        Agent("planner", path / "bus", home=path / "home", durability="none", **declared)


@pytest.mark.parametrize("days", [1, 11, 12, 100, 3000])
def test_a_long_cadence_is_taken_as_it_was_said(days, scene):
    """A cadence given as a span is declared to the second, however long it is."""
    agent = scene.world.agent("slow", every=timedelta(days=days, seconds=1))

    agent.beat()

    peer = next(peer for peer in scene.planner.peers() if peer.name == "slow")
    assert peer.heartbeat.every_s == days * 86400 + 1


@pytest.mark.parametrize("text", ["\ud800", "a\ud800b"], ids=_brief)
@pytest.mark.parametrize("field", ["body", "subject", "topic", "key", "data"])
def test_text_that_is_no_text_is_refused_before_sending(field, text, scene):
    """Half a surrogate pair, which no JSON can carry, is refused by an error of the tree and nothing is sent."""
    with pytest.raises(MessageError):
        scene.scout.send("planner", **{field: {"x": text} if field == "data" else text})

    assert scene.planner.unread == 0


@pytest.mark.parametrize(
    "data", [{"x": 2**64}, {"x": float("nan")}, {1: 2}, {"x": {1, 2}}, {"x": b"b"}, {"x": ...}], ids=repr
)
def test_data_that_is_no_json_is_refused_or_carried_alike(data, scene):
    """Data that JSON cannot carry is refused within the tree; what is sent can be read by its recipient."""
    sent = []
    with within_the_tree(MessageError):
        sent.append(scene.scout.send("planner", data=data).id)

    assert scene.drain() == sent


# -- clocks -----------------------------------------------------------------------------------------------------


def test_ids_go_on_rising_when_the_clock_is_put_back(scene):
    """An agent's ids rise, so its mail is served in the order of sending, also when the clock was put back."""
    first = scene.scout.send("planner", "1").id
    scene.clock.put_back(days=1)

    second = scene.scout.send("planner", "2").id

    assert (first < second, scene.drain()) == (True, [first, second])


def test_a_holder_keeps_its_message_when_the_clock_is_put_back(scene):
    """P3: a claim is neither lost nor doubled by a clock that goes back; its holder can acknowledge it."""
    message_id = scene.good()
    delivery = scene.planner.inbox.claim()
    scene.clock.put_back(hours=5)

    others = scene.drain(scene.world.agent("planner"))
    delivery.extend()
    delivery.ack()

    assert (others, scene.done_names()) == ([], [f"{message_id}.json"])


def test_a_dead_holders_message_comes_back_in_spite_of_the_clock(scene):
    """P1: mail whose holder died is handled again once its lease ended by the clock as it is now."""
    message_id = scene.good()
    scene.planner.inbox.claim()
    scene.clock.put_back(hours=5)

    assert scene.later(hours=5, minutes=11).drain() == [message_id]


def test_delayed_mail_comes_in_spite_of_the_clock(scene):
    """Mail that waits for its time waits longer when the clock is put back, and is not lost."""
    receipt = scene.scout.send("planner", "later", not_before=timedelta(hours=1))
    scene.clock.put_back(days=2)

    handled = [scene.drain(), scene.later(days=2).drain(), scene.later(hours=1).drain()]

    assert handled == [[], [], [receipt.id]]


@pytest.mark.parametrize("hours", [1, 13, 72])
def test_what_was_handled_is_not_handled_again_when_the_clock_is_put_back(hours, scene):
    """P4: a copy of a message that was handled is recognised, also on a day before that of its handling."""
    message_id = scene.new_id()
    raw = scene.signed(message_id)
    scene.plant(f"5-{message_id}.0.json", raw)
    scene.drain()
    scene.clock.put_back(hours=hours)

    scene.plant(f"5-{message_id}.0.json", raw)

    assert scene.drain() == []


@pytest.mark.parametrize("hours", [1, 13, 72])
def test_a_key_delivers_once_when_the_clock_is_put_back(hours, scene):
    """P4: sending the same key twice delivers once, also when the clock was put back in between."""
    scene.scout.send("planner", "pay", key="invoice 7")
    handled = scene.drain()
    scene.clock.put_back(hours=hours)

    again = scene.scout.send("planner", "pay", key="invoice 7")

    assert (len(handled), scene.drain(), again.duplicate) == (1, [], True)


@pytest.mark.parametrize("hours", [1, 13, 72])
def test_a_trace_knows_the_end_when_the_clock_is_put_back(hours, scene):
    """A message that was handled is traced as done, also on a day before that of its handling."""
    receipt = scene.scout.send("planner", "x")
    scene.drain()

    scene.clock.put_back(hours=hours)

    assert scene.scout.trace(receipt).state is Whereabouts.DONE


def test_beats_count_on_and_miss_nothing_when_the_clock_is_put_back(scene):
    """P11: the number of a beat goes on, and beats that lie in the future count as none missed."""
    scene.planner.beat()
    scene.clock.put_back(days=3)

    report = scene.planner.beat()

    assert (report.number, report.missed, report.could_not_look) == (2, 0, False)


def test_a_peer_is_skewed_and_not_silent_when_the_clock_is_put_back(scene):
    """P10: beats that lie ahead of the drive's clock are skewed, and on time again when the clock has caught up."""
    scene.scout.beat()
    scene.clock.put_back(hours=3)
    before = {peer.name: peer.presence for peer in scene.planner.peers()}["scout"]

    after = {peer.name: peer.presence for peer in scene.later(hours=4).planner.peers()}["scout"]

    assert (before, after) == (Presence.SKEWED, Presence.ON_TIME)


def test_a_lease_is_held_and_passed_on_in_spite_of_the_clock(scene):
    """P3: a lease goes on under higher numbers when the clock is put back."""
    first = scene.scout.lease("deploy")
    scene.clock.put_back(days=1)
    first.release()

    with scene.planner.lease("deploy") as second:
        assert second.generation == first.generation + 1


def test_the_next_beat_after_a_killed_one_runs_in_spite_of_the_clock(scene):
    """A beat that died in mid-work on this machine holds up no later beat, also when the clock was put back."""
    scene.good()
    scene.planner.use_builtin_handlers()
    scene.planner._services.routine._take_turn(Budget())  # and dies
    scene.clock.put_back(days=1)

    report = scene.world.agent("planner").beat()

    assert report.detail == ""


@pytest.mark.parametrize("label", ["", "\n", "x" * 1000])
def test_a_derived_id_is_an_id(label):
    """An id that follows from another is an id, whatever the label."""
    assert is_id(derive_id("01a1f9de-1d99-72bc-bdf7-9a7b3e80730a", label))
