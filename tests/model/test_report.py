"""The report of a beat: the same facts for people and for programs."""

import pytest

from somabus.model import wire
from somabus.model.heartbeat import Outcome
from somabus.model.report import BeatReport, StepReport
from tests.model.examples import NOW

GOOD, BAD = StepReport("inbox", True, "2 taken", 0.1), StepReport("review", False, "no drive", 0.2, could_not_look=True)


def report(**facts):
    """Return a report of these facts."""
    return BeatReport(agent="scout", number=7, outcome=Outcome.OK, **facts)


def test_not_known_is_not_nought():
    """Where nobody could look, the report says so, and shows no zero."""
    assert "unread unknown, could not look · dead letters unknown" in str(report())
    assert "unread 0 · dead letters 0" in str(report(unread=0, dead=0))


def test_each_step_is_told_whether_it_worked():
    """A step that failed stands out, and the others are still shown."""
    lines = str(report(steps=(GOOD, BAD))).splitlines()

    assert [line.split()[:2] for line in lines[1:3]] == [["ok", "inbox"], ["NOT", "review"]]


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        ({"missed": 1}, "  1 beat was missed since the last one"),
        ({"missed": 3}, "  3 beats were missed since the last one"),
        ({"alerts": ({"component": "drive", "detail": "full"},)}, "  alert: drive: full"),
        ({"unread": 1, "dead": 2, "spooled": 4}, "  unread 1 · dead letters 2 · spooled 4"),
        ({"detail": "STOP"}, "beat 7 of scout: ok (STOP)"),
        ({}, "beat 7 of scout: ok"),
    ],
)
def test_what_needs_attention_has_its_line(facts, line):
    """Missed beats, alerts and mail that waits on this machine are said, each in its line."""
    assert line in str(report(**facts)).splitlines()


def test_nothing_is_said_of_what_did_not_happen():
    """A quiet beat is two lines."""
    assert len(str(report(unread=0, dead=0)).splitlines()) == 2


@pytest.mark.parametrize(("steps", "blind"), [((), False), ((GOOD,), False), ((GOOD, BAD), True)])
def test_one_blind_step_makes_the_report_say_so(steps, blind):
    """Programs can ask in one place whether the drive answered."""
    assert report(steps=steps).could_not_look is blind


def test_programs_get_the_same_facts():
    """As JSON the report holds every fact, with null for what is not known."""
    value = wire.parse_object(report(steps=(BAD,), started_at=NOW, spooled=4).to_json())

    assert (value["agent"], value["outcome"], value["unread"], value["spooled"]) == ("scout", "ok", None, 4)
    assert value["started_at"] == "2026-01-05T12:00:00Z"
    assert value["steps"] == [
        {"name": "review", "ok": False, "detail": "no drive", "seconds": 0.2, "could_not_look": True}
    ]
