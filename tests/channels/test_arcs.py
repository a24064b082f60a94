"""P6, P10. Arcs: who opened a piece of work, who owns it, who is late with it, and the text that they share."""

from datetime import timedelta

import pytest

from somabus.errors import LeaseHeldError, MessageTooLargeError, ReferenceNotFoundError, StaleVersionError
from somabus.testing import World


@pytest.fixture
def world():
    """A bus on which coordinator has opened arc:wiki."""
    world = World()
    world.agent("worker", every="5m")
    world.agent("coordinator", every="5m").post("arc:wiki", "## Goal: index the wiki", kind="brief")
    return world


def test_a_brief_opens_and_a_closeout_ends(world):
    """An arc is open from its brief to its closeout; a new brief opens it again."""
    coordinator = world.agent("coordinator")
    assert [arc.name for arc in coordinator.arcs()] == ["arc:wiki"]

    coordinator.post("arc:wiki", "done", kind="closeout")
    assert coordinator.arcs() == ()
    assert not coordinator.arc("arc:wiki").open

    coordinator.post("arc:wiki", "once more", kind="brief")
    assert [arc.brief.line for arc in coordinator.arcs()] == ["once more"]


def test_the_first_claim_owns_the_work(world):
    """The brief belongs to the first who claims it; until then its author stands for it. Everybody sees the same."""
    world.clock.advance(minutes=10)
    worker = world.agent("worker")
    (arc,) = worker.arcs()
    assert (arc.owner, arc.claimed, arc.age) == ("coordinator", False, timedelta(minutes=10))

    worker.post("arc:wiki", "mine", kind="claim", refs={"brief": "#1"})
    world.agent("late").post("arc:wiki", "mine, too", kind="claim")

    for name in ("worker", "coordinator", "late"):
        (arc,) = world.agent(name).arcs()
        assert (arc.owner, arc.claimed, arc.last.line) == ("worker", True, "mine, too")


def test_arcs_are_found_however_long_ago_they_began(world):
    """An agent that sees an arc for the first time finds its brief behind hundreds of posts, and a later process knows it."""
    coordinator = world.agent("coordinator")
    world.agent("worker").post("arc:wiki", "mine", kind="claim")
    for n in range(300):
        coordinator.post("arc:wiki", f"step {n}", kind="status")
    newcomer = world.agent("newcomer")
    newcomer.peek(["arc:wiki"])  # a short look back, which does not reach the brief

    assert [(arc.owner, arc.last.number) for arc in newcomer.arcs()] == [("worker", 302)]
    coordinator.post("arc:wiki", "more", kind="status")
    assert [arc.last.number for arc in world.agent("newcomer").arcs()] == [303]


def test_a_forged_brief_opens_nothing(world):
    """What is not from whom it says has no part in what is open."""
    raw = world.store.read("channels/arc=wiki/0000000/0000000001.json").replace(b"index the wiki", b"burn the wiki!")
    world.store.create("channels/arc=other/0000000/0000000001.json", raw)

    assert [arc.name for arc in world.agent("worker").arcs()] == ["arc:wiki"]


def test_a_number_planted_far_ahead_hides_nothing(world):
    """What is open follows from the posts: a worthless file with a high number stands in front of none of them."""
    coordinator = world.agent("coordinator")
    for n in range(30):
        coordinator.post("arc:wiki", f"step {n}", kind="status")
    world.store.create("channels/arc=wiki/0000000/0000000900.json", b"junk")
    assert [arc.owner for arc in world.agent("worker").arcs()] == ["coordinator"]

    world.agent("worker").post("arc:wiki", "mine", kind="claim")
    assert [(arc.owner, arc.claimed) for arc in world.agent("late").arcs()] == [("worker", True)]
    world.agent("worker").post("arc:wiki", "done", kind="closeout")
    assert world.agent("late").arcs() == world.agent("worker").arcs() == ()


def test_a_post_that_is_listed_late_counts(world):
    """On a drive that lists a later post first, the earlier one has its part in what is open as soon as it is listed."""
    late, where = world.agent("late"), "channels/arc=wiki/0000000/0000000002.json"
    world.agent("worker").post("arc:wiki", "mine", kind="claim")
    for n in range(30):
        world.agent("coordinator").post("arc:wiki", f"step {n}", kind="status")
    raw = world.store.read(where)
    world.store.delete(where)
    assert [arc.claimed for arc in late.arcs()] == [False]

    world.store.create(where, raw)

    assert [arc.owner for arc in late.arcs()] == [arc.owner for arc in world.agent("late").arcs()] == ["worker"]


def test_an_expired_brief_is_still_the_brief(world):
    """What is open is the same for all readers, whenever they read: expiry forbids to act, it changes no history."""
    coordinator = world.agent("coordinator")
    coordinator.post("arc:soon", "today only", kind="brief", expires_in=timedelta(hours=1))
    early = {arc.name for arc in world.agent("early").arcs()}
    world.clock.advance(hours=2)

    assert early == {arc.name for arc in world.agent("late").arcs()} == {"arc:wiki", "arc:soon"}


@pytest.mark.parametrize("name", ["general", "branch:x", "wiki"])
def test_only_an_arc_is_one(world, name):
    """A name without `arc:` is no arc."""
    with pytest.raises(ReferenceNotFoundError, match=name):
        world.agent("worker").arc(name)


# -- who is late ---------------------------------------------------------------------------------------------------


def beat(world, *names):
    """Let agents beat."""
    for name in names:
        world.agent(name).beat()


def test_a_worker_that_owes_and_does_not_beat_is_named_in_every_reading(world):
    """Whoever owns a brief or was asked a question, and has not beaten for longer than its own cadence allows, is named to all who read the channel."""
    coordinator, worker = world.agent("coordinator"), world.agent("worker")
    beat(world, "worker", "coordinator")
    worker.post("arc:wiki", "mine", kind="claim")
    coordinator.post("arc:wiki", "@worker how far?", kind="question")
    world.clock.advance(minutes=7)
    assert coordinator.peek(["arc:wiki"]).notes == ()

    world.clock.advance(minutes=5)

    told = "worker has not beaten in 12 minutes; it owes the work on arc:wiki#1, an answer to arc:wiki#3"
    assert coordinator.peek(["arc:wiki"]).notes == (told,)
    assert coordinator.read(["arc:wiki"]).notes == (told,)
    assert world.agent("newcomer").peek(["arc:wiki"]).notes == (told,)
    assert coordinator.arc("arc:wiki").notes == (told,)

    beat(world, "worker")
    assert coordinator.peek(["arc:wiki"]).notes == ()


def test_an_answer_pays_the_debt(world):
    """A question that was answered, and a brief that was closed, are owed by nobody."""
    coordinator, worker = world.agent("coordinator"), world.agent("worker")
    coordinator.post("arc:wiki", "@worker?", kind="question")
    world.clock.advance(hours=2)
    assert "an answer to arc:wiki#2" in coordinator.peek(["arc:wiki"]).notes[0]

    worker.post("arc:wiki", "yes", kind="answer", reply_to="#2")

    assert coordinator.peek(["arc:wiki"]).notes == ()


def test_a_posted_heartbeat_counts_with_its_own_cadence(world):
    """A heartbeat in the channel is a sign of life, and says within what time the next one comes."""
    coordinator, worker = world.agent("coordinator"), world.agent("worker")
    worker.post("arc:wiki", "mine", kind="claim")
    worker.post("arc:wiki", kind="heartbeat", data={"doing": "a long index", "every_s": 3600})
    world.clock.advance(hours=1)
    assert coordinator.peek(["arc:wiki"]).notes == ()

    world.clock.advance(hours=1)

    assert coordinator.peek(["arc:wiki"]).notes == ("worker has not beaten in 2 hours; it owes the work on arc:wiki#1",)


def test_who_said_goodbye_is_not_accused(world):
    """P10: an agent that has stopped on purpose is not late."""
    coordinator, worker = world.agent("coordinator"), world.agent("worker")
    worker.post("arc:wiki", "mine", kind="claim")
    worker.beat()
    worker._services.routine.goodbye()
    world.clock.advance(hours=5)

    assert coordinator.peek(["arc:wiki"]).notes == ()


# -- pairs ---------------------------------------------------------------------------------------------------------


def test_a_pair_takes_two(world):
    """Two agents work as a pair when both have declared it; then every reading shows their presence side by side. Either may end it."""
    coordinator, worker = world.agent("coordinator"), world.agent("worker")
    worker.pair("coordinator", on="arc:wiki")
    assert coordinator.arc("arc:wiki").pairs == ()

    coordinator.pair("worker", on="arc:wiki")

    assert coordinator.arc("arc:wiki").pairs == (("coordinator", "worker"),)
    said = "coordinator and worker work as a pair: coordinator on time, worker on time"
    assert world.agent("reader").peek(["arc:wiki"]).notes == (said,)
    worker.pair(None, on="arc:wiki")
    assert coordinator.arc("arc:wiki").pairs == ()


# -- the scratchpad ------------------------------------------------------------------------------------------------


def test_a_scratchpad_has_one_owner_at_a_time(world):
    """Who writes owns the text for a while; another is refused with who and until when, and may write after the release or the end."""
    mine, theirs = (
        world.agent("worker").arc("arc:wiki").scratchpad,
        world.agent("coordinator").arc("arc:wiki").scratchpad,
    )
    assert (mine.read().number, mine.read().text, mine.owner()) == (0, "", None)

    mine.write("one")
    with pytest.raises(LeaseHeldError, match="worker"):
        theirs.write("two")
    assert (theirs.read().text, theirs.owner()) == ("one", "worker")

    mine.release()
    assert theirs.write("two").number == 2
    world.clock.advance(minutes=11)
    assert mine.write("three").number == 3


def test_every_version_is_kept_with_who_wrote_it(world):
    """The history has every version, signed; nothing that was written is lost."""
    worker = world.agent("worker")
    pad = worker.arc("arc:wiki").scratchpad
    for text in ("a", "b", "c"):
        pad.write(text)

    assert [(each.number, each.text, each.by) for each in pad.history()] == [
        (n, text, f"worker #{worker.short}") for n, text in enumerate("abc", 1)
    ]
    assert world.store.read("channels/arc=wiki/scratchpad.md") == b"c"


def test_nobody_writes_over_what_he_has_not_read(world):
    """A text that is based on an older version is refused, and nothing is written."""
    pad = world.agent("worker").arc("arc:wiki").scratchpad
    pad.write("one")
    pad.write("two", based_on=1)

    with pytest.raises(StaleVersionError) as refused:
        pad.write("three", based_on=1)

    assert (refused.value.based_on, refused.value.newest, pad.read().text) == (1, 2, "two")


def test_the_same_agent_may_go_on_in_another_process(world):
    """The owner is the agent, not its process: a restarted one writes on at once."""
    world.agent("worker").arc("arc:wiki").scratchpad.write("one")

    assert world.agent("worker", machine="there").arc("arc:wiki").scratchpad.write("two").number == 2


def test_a_forged_version_is_passed_over(world):
    """P7: a version that somebody altered is no version; the text for people is never read back."""
    pad = world.agent("worker").arc("arc:wiki").scratchpad
    pad.write("one")
    raw = pad._store.read("channels/arc=wiki/scratchpad/0000000/0000000001.json")
    world.store.create("channels/arc=wiki/scratchpad/0000000/0000000002.json", raw.replace(b"one", b"two"))
    world.store.replace("channels/arc=wiki/scratchpad.md", b"three")

    assert pad.read().text == "one"
    assert [each.number for each in pad.history()] == [1]


def test_a_text_over_the_limit_is_refused(world):
    """A text larger than a message may be is refused before anything is taken or written."""
    pad = world.agent("worker").arc("arc:wiki").scratchpad

    with pytest.raises(MessageTooLargeError):
        pad.write("x" * 300_000)

    assert (pad.owner(), pad.read().number) == (None, 0)


def test_the_name_of_an_arc_may_be_as_long_as_any(world):
    """The lease of a scratchpad has a name that fits, however long the arc's name is."""
    name = f"arc:{'x' * 64}"
    world.agent("worker").post(name, "go", kind="brief")

    assert world.agent("worker").arc(name).scratchpad.write("text").number == 1
