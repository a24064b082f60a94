"""P6. Posting: one write for all, references that are checked, and a post under a key is posted once."""

import hashlib
from datetime import timedelta
from threading import Event, Thread

import pytest

from somabus.errors import (
    InvalidNameError,
    MalformedMessageError,
    MessageTooLargeError,
    ReferenceNotFoundError,
    StoppedError,
    StoreUnavailableError,
    UnknownRecipientError,
)
from somabus.model import tree
from somabus.model.bus import BusPolicy
from somabus.operator import direction
from somabus.store.directory import DirectoryStore
from somabus.testing import Crash, Fuse, StoppingStore, World
from tests.services.court import Court


@pytest.fixture
def world():
    """A bus with scout and planner."""
    return World()


@pytest.fixture
def scout(world):
    """One who posts."""
    return world.agent("scout")


@pytest.fixture
def planner(world):
    """One who reads."""
    return world.agent("planner")


def test_the_first_post_makes_the_channel(scout):
    """Nobody has to make a channel: it is there with its first post, and the receipt says so and how to refer to it."""
    assert scout.channels() == ()

    receipt = scout.post("arc:wiki", "## Goal", kind="brief")

    assert (receipt.address, receipt.number, receipt.to) == ("arc:wiki#1", 1, "arc:wiki")
    assert "the first post of this channel" in str(receipt)
    assert [(each.name, each.posts) for each in scout.channels()] == [("arc:wiki", 1)]


def test_a_post_is_one_write_however_many_follow(world, scout):
    """What is posted lies there once; the bus grows by one document, whoever follows the channel."""
    for n in range(20):
        world.agent(f"reader{n}").subscribe("general")
    scout.post("general", "first")
    before = len(list(world.store.list("channels/general/0000000")))
    inboxes = [world.agent(f"reader{n}").counts().mail for n in range(20)]

    scout.post("general", "hello all")

    assert len(world.store.list("channels/general/0000000")) == before + 1
    assert inboxes == [0] * 20


def test_the_receipt_says_whether_answers_will_be_seen(scout):
    """Who posts without following the channel is told, for it would not see what is answered there."""
    assert "you do not follow this channel" in str(scout.post("general", "anybody?"))

    scout.subscribe("general")

    assert "you do not follow" not in str(scout.post("general", "anybody?"))


@pytest.mark.parametrize(
    "name", ["", "Arc:wiki", "arc:", ":wiki", "arc:a:b", "a b", "../x", "con", "arc:con", "x" * 65, "é"]
)
def test_a_malformed_name_is_refused_with_the_rule(world, scout, name):
    """A name that could not be a folder everywhere is refused with the value and the rule, and nothing is made."""
    for act in (lambda: scout.post(name, "x"), lambda: scout.subscribe(name), lambda: scout.peek([name])):
        with pytest.raises(InvalidNameError) as refused:
            act()
        assert refused.value.name == name
        assert refused.value.rule in str(refused.value)

    assert world.store.list("channels") == []


def test_nobody_posts_to_the_alerts(scout):
    """Nobody posts to `alerts` by hand: an alert is raised by somabus, once an episode."""
    with pytest.raises(InvalidNameError, match="alerts"):
        scout.post("alerts", "fire")


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (lambda a: a.post(7, "x"), InvalidNameError),
        (lambda a: a.subscribe(None), InvalidNameError),
        (lambda a: a.peek([7]), InvalidNameError),
        (lambda a: a.arc(7), ReferenceNotFoundError),
        (lambda a: a.pair(7, on="arc:x"), UnknownRecipientError),
        (lambda a: a.post("general", "x", refs={"post": 7}), ReferenceNotFoundError),
        (lambda a: a.post("general", "x", refs={"post": None}), ReferenceNotFoundError),
        (lambda a: a.post("general", "x", reply_to=7), ReferenceNotFoundError),
        (lambda a: a.post("general", "x", key="\ud800"), MalformedMessageError),
        (lambda a: a.post("general", "x", not_before=a.inbox.now()), MalformedMessageError),
        (lambda a: a.post("general", "x", short="01234567"), MalformedMessageError),
        (lambda a: a.post("general", "x", approval="0" * 36), MalformedMessageError),
        (lambda a: a.post("general", "x", expires_in="2d"), MalformedMessageError),
        (lambda a: a.send("scout", "x", expires_in=0), MalformedMessageError),
        (lambda a: a.post("general", "\ud800"), MalformedMessageError),
        (lambda a: a.post("general", "x", priority="loud"), MalformedMessageError),
        (lambda a: a.arc("arc:x").scratchpad.write(7), MalformedMessageError),
    ],
)
def test_what_is_of_the_wrong_type_is_an_error_of_the_tree(world, scout, act, error):
    """Whatever a program hands in by mistake is refused with one of somabus's own errors, and nothing is made."""
    with pytest.raises(error):
        act(scout)

    assert world.store.list("channels") == []


def test_a_body_over_the_limit_is_refused(world, scout):
    """A post larger than a message may be is refused before anything is written."""
    with pytest.raises(MessageTooLargeError):
        scout.post("general", "x" * 300_000)

    assert world.store.list("channels") == []


def test_a_protected_kind_has_no_place_in_a_channel():
    """What takes an approval cannot be slipped into a channel."""
    scout = World(policy=BusPolicy(protected=("shell",))).agent("scout")

    with pytest.raises(MalformedMessageError, match="protected"):
        scout.post("general", "rm -rf", kind="shell")


@pytest.mark.parametrize(
    ("kind", "data", "named"),
    [
        ("heartbeat", {"doing": "x"}, "every_s"),
        ("heartbeat", {"doing": "x", "every_s": 0}, "every_s"),
        ("pair", {}, "partner"),
        ("insight", {"topic": "t"}, "statement"),
        ("brief", {}, "arc"),
        ("closeout", {}, "arc"),
    ],
)
def test_a_kind_with_a_shape_is_checked(scout, kind, data, named):
    """A post whose kind asks for something is refused without it, and the error names it."""
    with pytest.raises(MalformedMessageError, match=named):
        scout.post("general", "x", kind=kind, data=data)


# -- references ----------------------------------------------------------------------------------------------------


def test_references_that_are_there_are_written_whole(world, scout, planner):
    """A post may refer to posts, mail and claims; a bare number belongs to the same channel and is written whole."""
    scout.post("arc:wiki", "do it", kind="brief")
    claim = planner.post("arc:wiki", "mine", kind="claim", refs={"brief": "#1"})
    mail = planner.send("scout", "look")

    receipt = scout.post(
        "arc:wiki", "ok", kind="answer", reply_to="#2", refs={"claim": claim.address, "message": mail.id}
    )

    message = planner.peek(["arc:wiki"], after=receipt.number - 1).posts[0].message
    assert message.refs == {"claim": "arc:wiki#2", "message": mail.id, "reply_to": "arc:wiki#2"}
    assert message.hops == 1


def test_a_goal_and_a_question_can_be_referred_to():
    """A goal that the operators set, and a question by mail or by post, are found by what they are called."""
    court = Court("scout", "planner")
    goal = direction.new_goal(court.seat(), "Index the archive", "all of it")
    scout, planner = court.world.agent("scout"), court.world.agent("planner")
    mail = planner.send("scout", "how far?", kind="question")
    planner.post("arc:wiki", "how far?", kind="question")

    by_mail = scout.post("arc:wiki", "far", refs={"goal": goal.id, "goal_id": goal.id, "question": mail.id})
    scout.post("arc:wiki", "far", refs={"question": "#1"})

    found = [post.message.refs for post in planner.peek(["arc:wiki"], after=by_mail.number - 1)]
    assert found == [{"goal": goal.id, "goal_id": goal.id, "question": mail.id}, {"question": "arc:wiki#1"}]


@pytest.mark.parametrize(
    ("refs", "value"),
    [
        ({"post": "arc:wiki#99"}, "arc:wiki#99"),
        ({"post": "#99"}, "#99"),
        ({"post": "nowhere#1"}, "nowhere#1"),
        ({"claim": "arc:wiki#1"}, "arc:wiki#1"),  # it is a brief
        ({"brief": "general#1"}, "general#1"),
        ({"question": "arc:wiki#1"}, "arc:wiki#1"),
        ({"message": "01a1f9de-1d99-72bc-bdf7-9a7b3e80730a"}, "01a1f9de-1d99-72bc-bdf7-9a7b3e80730a"),
        ({"goal": "01a1f9de-1d99-72bc-bdf7-9a7b3e80730a"}, "01a1f9de-1d99-72bc-bdf7-9a7b3e80730a"),
        ({"goal_id": "7"}, "7"),
        ({"reply_to": "../../x"}, "../../x"),
    ],
)
def test_a_reference_to_nothing_is_refused_with_its_value(scout, refs, value):
    """`reference_not_found`: what is not there cannot be referred to; the error carries the value, and nothing is posted."""
    scout.post("arc:wiki", "do it", kind="brief")

    with pytest.raises(ReferenceNotFoundError) as refused:
        scout.post("arc:wiki", "x", refs=refs)

    assert refused.value.value == value
    assert scout.channels()[0].posts == 1


def test_a_reference_of_an_unknown_name_is_refused(scout):
    """A misspelt name of a reference is not carried along unchecked; the error says which there are."""
    with pytest.raises(MalformedMessageError, match=r"refs\.golas is no reference.*goal"):
        scout.post("general", "x", refs={"golas": "1"})


def test_mail_may_refer_to_a_post(scout, planner):
    """References of mail are checked as those of posts are; an answer by mail continues the post's chain of hops."""
    scout.post("general", "how?", kind="question")

    planner.send("scout", "thus", kind="answer", reply_to="general#1", refs={"question": "general#1"})

    message = scout.inbox.peek()[0].opened.message
    assert (message.hops, message.refs["question"]) == (1, "general#1")
    with pytest.raises(ReferenceNotFoundError):
        planner.send("scout", "x", refs={"post": "general#2"})


# -- keys ----------------------------------------------------------------------------------------------------------


def test_a_key_posts_once(world, scout, planner):
    """Posting the same key to the same channel again posts nothing and returns the first post's number; another channel is another key."""
    first = scout.post("general", "once", key="k")
    planner.post("general", "between")

    again = world.agent("scout").post("general", "once", key="k")
    other = scout.post("other", "once", key="k")

    assert (again.duplicate, again.number, again.id) == (True, first.number, first.id)
    assert "nothing was posted twice" in str(again)
    assert (other.duplicate, [each.posts for each in scout.channels()]) == (False, [2, 1])


def test_a_process_that_posts_under_a_key_waits_for_another_that_does(world, scout):
    """Two processes of one agent that post under one key at once post once: the second waits for the first."""
    home = world.homes["scout"]
    taken = Event()

    class Busy(StoppingStore):
        def lock(self, name):
            taken.set()
            return super().lock(name)

    second = world.agent("scout", home=Busy(home, Fuse()))
    digest = tree.posted_key("scout", hashlib.sha256(b"general\nk").hexdigest()[:32]).rpartition("/")[2]
    with home.lock(f"post.{digest[:1]}") as mine:
        assert mine
        poster = Thread(target=second.post, args=("general", "once"), kwargs={"key": "k"})
        poster.start()
        assert taken.wait(10)
        assert scout.channels() == ()
    poster.join(10)

    assert scout.post("general", "once", key="k").duplicate


def test_keys_leave_few_files_behind(tmp_path, world, scout):
    """However many posts an agent makes under keys of their own, its home keeps no file for each."""
    home = DirectoryStore(str(tmp_path), writer="h", durability="none", now=world.clock.now)
    poster = world.agent("scout", home=home)
    for n in range(40):
        poster.post("general", str(n), key=str(n))

    assert len(list((tmp_path / "tmp" / "locks").iterdir())) <= 16 + 5


def test_a_key_posts_once_wherever_the_first_try_died(world, planner):
    """Killed at any step, a poster that posts again under the same key has posted once, and who was called knows once."""
    at = 0
    while True:
        at += 1
        fuse, channel = Fuse(), f"c{at}"
        world.agent("scout")
        mortal = world.agent(
            "scout", store=StoppingStore(world.store, fuse), home=StoppingStore(world.homes["scout"], fuse)
        )
        fuse.at = fuse.steps + at
        try:
            mortal.post(channel, "@planner look", key="k")
        except Crash:
            died = True
        else:
            died = False

        world.agent("scout").post(channel, "@planner look", key="k")

        reading = planner.peek([channel])
        assert [each.message.body for each in reading.posts] == ["@planner look"], f"killed at step {at}"
        called = [d for d in planner.inbox.drain() if d.message.kind == "mention"]
        assert len(called) == 1, f"killed at step {at}"
        called[0].ack()
        if not died:
            break
    assert at > 10


def test_the_record_of_another_key_loses_no_post(world, scout):
    """A record of a key that somebody put in the place of another's does not make a new post pass for an old one."""
    folder = "messages/scout/keys"
    scout.post("general", "old", key="old")
    (old,) = world.store.list(folder)
    scout.post("general", "gone", key="new")
    (new,) = set(world.store.list(folder)) - {old}
    record = world.store.read(f"{folder}/{old}")
    world.store.replace(f"{folder}/{new}", record)

    receipt = world.agent("scout").post("general", "new", key="new")

    assert (receipt.duplicate, receipt.number) == (False, 3)


def test_a_drive_that_goes_away_is_no_answer(world, scout):
    """While the drive does not answer, a post is refused with "could not", never taken as done."""

    class Away:
        """A store that does not answer."""

        def __getattr__(self, name):
            def away(*_args, **_kwargs):
                raise StoreUnavailableError("x")

            return away if name != "now" else world.store.now

    scout._services.poster._store = Away()
    scout._services.channels._store = Away()

    with pytest.raises(StoreUnavailableError):
        scout.post("general", "x")


def test_expiry_is_enforced_in_channels(world, scout, planner):
    """P9: a post past its expiry is shown as a fault, and no reader acts on it."""
    scout.post("general", "only today", expires_in=timedelta(hours=1))
    world.clock.advance(hours=2)

    reading = planner.peek(["general"])

    assert (reading.posts, reading.faults[0].number) == ((), 1)
    assert "expired" in reading.faults[0].fault


def test_a_stopped_kind_is_not_posted(world, scout):
    """P12: a stop of one kind of work holds for posts of that kind, and for nothing else."""
    world.store.create("STOP.kind.decision", b"")

    with pytest.raises(StoppedError):
        scout.post("general", "so be it", kind="decision")

    assert scout.post("general", "a note").number == 1


def test_nobody_pairs_with_nobody(scout):
    """P8: a partner who never joined is refused with the nearest name."""
    with pytest.raises(UnknownRecipientError, match="scout"):
        scout.pair("scuot", on="arc:wiki")


def test_keys_of_posts_have_a_place_of_their_own(world, scout):
    """The record of a keyed post is created once, under messages/<agent>/keys/, and says which id the post has."""
    receipt = scout.post("general", "x", key="k")

    (name,) = world.store.list("messages/scout/keys")
    assert name.endswith(".post.json")
    assert receipt.id.encode() in (world.store.read(f"messages/scout/keys/{name}") or b"")
    assert tree.posted_key("scout", name.split(".")[0]) == f"messages/scout/keys/{name}"
