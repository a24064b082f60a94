"""P16: two machines examine their drive together, over nothing but that drive."""

import os
import threading

import pytest

from somabus import Agent, create_bus
from somabus.clock import SystemClock
from somabus.doctor.between import Plan, answer, session
from somabus.doctor.finding import Weight
from somabus.doctor.talk import Talk
from somabus.doctor.visit import Visit
from somabus.errors import NoAnswerError, SomabusError, UnsupportedFormatError
from somabus.model.drive import Drive
from somabus.testing import HandClock
from tests.model.examples import NOW


@pytest.fixture
def machines(tmp_path):
    """A bus that scout joined from one machine and planner from another, and a visit from each."""
    bus, homes = tmp_path / "bus", (tmp_path / "a", tmp_path / "b")
    create_bus(bus)
    for name, home in zip(("scout", "planner"), homes, strict=True):
        Agent(name, bus=bus, home=home, durability="none")
    here, there = (Visit(str(bus), str(home), client=lambda _, home=home: home.name) for home in homes)
    return bus, here, there


@pytest.mark.slow
def test_both_machines_learn_what_holds_between_them(machines):
    """One asks and one answers: each verdict is found, the session's folder is gone, and both remember the drive."""
    bus, here, there = machines
    answered = []
    other = threading.Thread(target=lambda: answered.append(there.answer("planner", wait_s=30)))
    other.start()

    here.drive()
    found = list(here.between("scout", "planner", wait_s=30))
    other.join()

    names = ["clocks", "link", "folder", "mkdir", "claim", "o_excl", "new name", "replaced", "locks", "events"]
    assert [each.name for each in found] == names
    assert [each for each in found if each.weight in (Weight.WARNING, Weight.ERROR)] == []
    (asker, known) = answered[0]
    mine = here._drives().recall(str(bus))
    assert mine.hard_links
    assert (asker, known.against, mine.against) == ("scout", "scout", "planner")
    assert (known.locks_across, known.native_events, known.link_exclusive) == (True, True, True)
    for fact in ("kind", "network", "replaced_s", "appears_listed_s", "appears_opened_s", "claims_exclusive"):
        assert getattr(known, fact) == getattr(mine, fact), fact
    assert [each.name for each in (bus / "tmp").iterdir() if each.name.startswith("doctor=")] == []


def test_two_homes_on_one_machine_are_one_machine(machines):
    """Who answers on the same machine proves nothing about two: both are told so, and neither remembers anything."""
    bus, *visits = machines
    here, there = (Visit(each.path, each.home) for each in visits)
    before = here._drives().recall(str(bus))
    answered = []
    other = threading.Thread(target=lambda: answered.append(there.answer("planner", wait_s=30)))
    other.start()

    found = list(here.between("scout", "planner", wait_s=30))
    other.join()

    assert [(each.name, each.weight) for each in found] == [("machines", Weight.WARNING)]
    assert answered == [("scout", None)]
    assert [each._drives().recall(str(bus)) for each in (here, there)] == [before, Drive()]
    assert list((bus / "tmp").glob("doctor=*")) == []


def hand_talk(folder, me, other, wait_s=5.0):
    """One side of a conversation by the system's clock."""
    return Talk(folder, me, other, SystemClock(), wait_s, lambda *_: None)


@pytest.mark.parametrize("hidden", ["opened", "listed"])
def test_a_word_is_heard_by_the_eye_that_sees_it(tmp_path, hidden):
    """Where a new name is not seen by opening yet, or not by listing, the other look finds the word."""
    hand_talk(tmp_path, "a", "b").say(n=1)
    (tmp_path / f"a.0.{hidden}").unlink()

    assert hand_talk(tmp_path, "b", "a").hear("a word") == {"n": 1}


def test_half_a_word_is_no_word(tmp_path):
    """P2: what is not complete yet is looked at again, and not believed."""
    (tmp_path / "a.0.opened").write_bytes(b'{"n":')

    with pytest.raises(NoAnswerError):
        hand_talk(tmp_path, "b", "a", wait_s=0.05).hear("a word")


def planned(bus, **changes):
    """Leave a plan for planner on the drive, as scout's doctor does."""
    plan = Plan(asker="scout", other="planner", began_at=NOW, staleness_s=10, rounds=("clock",))
    folder = bus / "tmp" / session("scout", "planner", "0" * 12)
    folder.mkdir(parents=True)
    hand_talk(folder, "a", "b").say(**plan.model_copy(update=changes).model_dump(mode="json"))
    return folder


def test_an_old_question_is_not_answered(machines):
    """P9: who was killed while asking is not answered an hour later."""
    bus, _, _ = machines
    planned(bus)
    clock = HandClock(NOW)
    clock.advance(hours=1)
    with pytest.raises(NoAnswerError):
        answer(
            bus / "tmp",
            "planner",
            client="b",
            clock=SystemClock(),
            drive_now=clock.now,
            wait_s=0.2,
            tell=lambda *_: None,
        )


def test_a_plan_of_a_later_version_is_refused(machines):
    """An answerer that does not know a round says so at once, and does nothing of it."""
    bus, _, _ = machines
    folder = planned(bus, rounds=("clock", "teleport"))
    before = sorted(each.name for each in folder.iterdir())
    with pytest.raises(UnsupportedFormatError, match="teleport"):
        answer(
            bus / "tmp", "planner", client="b", clock=SystemClock(), drive_now=lambda: NOW, wait_s=5, tell=lambda *_: None
        )  # fmt: skip

    assert sorted(each.name for each in folder.iterdir()) == before


@pytest.mark.parametrize("word", [{}, {"left": "x", "came": 1}, {"left": [], "came": 1}])
def test_a_word_that_makes_no_sense_is_the_others_fault(machines, word):
    """Whoever writes nonsense into the conversation ends it with an error that says so, and not with a bug of ours."""
    bus, here, _ = machines
    told = []

    def liar():
        (folder,) = until(lambda: list((bus / "tmp").glob("doctor=scout=planner=*")))
        talk = hand_talk(folder, "b", "a", wait_s=20)
        talk.hear("the plan")
        talk.say()
        talk.hear("a clock")
        (folder / "b.1.opened").write_bytes(str(word).replace("'", '"').encode())
        told.append(word)

    other = threading.Thread(target=liar)
    other.start()

    with pytest.raises(SomabusError):
        list(here.between("scout", "planner", wait_s=3))
    other.join()
    assert told == [word]


def until(look):
    """Wait for what another thread shall make."""
    pause = threading.Event()
    while not (found := look()):
        pause.wait(0.01)
    return found


@pytest.mark.skipif(os.name == "nt", reason="links of POSIX")
def test_a_conversation_leads_nowhere_else(machines, tmp_path):
    """P2: neither the folder of a session, nor that of a round, nor a file in it is followed out of the bus."""
    bus, _, there = machines
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "file").write_text("precious")
    (bus / "tmp").mkdir(exist_ok=True)
    (bus / "tmp" / session("scout", "planner", "1" * 12)).symlink_to(victim)
    with pytest.raises(NoAnswerError):
        there.answer("planner", wait_s=0.3)
    folder = planned(bus, began_at=there._seat().store.now())
    (folder / "0").symlink_to(victim)
    (folder / ".b.0.opened.new").symlink_to(victim / "file")

    with pytest.raises(SomabusError):
        there.answer("planner", wait_s=5)

    assert {each.name: each.read_text() for each in victim.iterdir()} == {"file": "precious"}


def test_one_of_two_machines_of_an_agent_answers(machines):
    """Where an agent runs on two machines, the second one lets the first one answer."""
    bus, _, there = machines
    (planned(bus, began_at=there._seat().store.now()) / "answered").mkdir()

    with pytest.raises(NoAnswerError, match="nobody asked"):
        there.answer("planner", wait_s=0.3)


def test_the_one_who_waits_is_told_how_long(tmp_path):
    """While nobody answers the wait is told, with its deadline."""
    told = []
    talk = hand_talk(tmp_path, "b", "a", wait_s=0.05)
    talk._tell = lambda *facts: told.append(facts)

    with pytest.raises(NoAnswerError):
        talk.hear("the plan")

    assert {(what, whole) for what, _, whole in told} == {("the plan", 0.05)}
