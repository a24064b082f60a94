"""P11. Installed, fired, ran and finished are told apart, and the one that is missing is named with the next step."""

from datetime import UTC, datetime, timedelta

import pytest

from somabus.model.firing import Firing, Installation
from somabus.model.heartbeat import Beat, Outcome
from somabus.model.routine import Evidence, judge_away, judge_routine
from somabus.model.schedule import Schedule

DUE = datetime(2026, 1, 5, 12, tzinfo=UTC)
NOW = DUE + timedelta(hours=1)
BEFORE = DUE - timedelta(hours=6)
LOOK = "crontab -l"


def installed(**changed):
    """An installation of long ago."""
    facts = {
        "scheduler": "cron",
        "job": "j",
        "cadence": "6h",
        "log": "/the/log",
        "installed_at": DUE - timedelta(days=9),
    }
    return Installation(**{**facts, **changed})


def fired(at=DUE, **changed):
    """A firing that ended well."""
    facts = {"job": "j", "due_at": at, "fired_at": at, "pid": 7, "ended_at": at + timedelta(seconds=9), "exit_code": 0}
    return Firing(**{**facts, **changed})


def beaten(at=DUE, **changed):
    """A beat that finished."""
    facts = {"number": 7, "due_at": at, "started_at": at, "finished_at": at, "outcome": Outcome.OK}
    return Beat(**{**facts, **changed})


def firing(start):
    """The last start, by the scheduler."""
    return {"fired": start, "started": start}


HAND = fired(job="")
KILLED = {"finished_at": None, "outcome": Outcome.RUNNING}
OPEN = {"ended_at": None, "exit_code": None}
GOOD = {
    "agent": "scout",
    "installation": installed(),
    "there": True,
    "look": LOOK,
    "fired": fired(),
    "started": fired(),
    "beat": beaten(),
    "busy": False,
}
CASES = {
    "all": ({}, "", "", "beat 7 ran at 2026-01-05 12:00 UTC and finished"),
    "all, and it failed": ({"beat": beaten(outcome=Outcome.FAILED)}, "", "", "failed"),
    "nothing": ({"installation": None, **firing(None), "beat": None}, "installed", "somabus schedule install --agent scout", "not scheduled"),
    "beaten by hand": ({"installation": None}, "installed", "somabus schedule install --agent scout", "not scheduled"),
    "taken out by hand": ({"there": False}, "installed", "somabus schedule install --agent scout", "is not there any more"),
    "could not be asked": ({"there": None}, "", "", "finished"),
    "another cadence": ({"installation": installed(cadence="1h")}, "installed", "somabus schedule install --agent scout", "1h"),
    "just installed": (
        {"installation": installed(installed_at=DUE + timedelta(minutes=1)), **firing(None), "beat": None},
        "", "", "next slot 2026-01-05 18:00 UTC",
    ),
    "never fired": ({**firing(None), "beat": None}, "fired", LOOK, "installed at"),
    "fired no more": ({**firing(fired(BEFORE)), "beat": beaten(BEFORE)}, "fired", LOOK, "since 2026-01-05 06:00 UTC"),
    "fired no more, beaten by hand": ({**firing(fired(BEFORE))}, "fired", LOOK, "has not fired"),
    "fired no more, started by hand": ({"fired": fired(BEFORE), "started": HAND}, "fired", LOOK, "a hand started it at 2026-01-05 12:00 UTC"),
    "fired no more, a hand at work": (
        {"fired": fired(BEFORE), "started": fired(job="", **OPEN), "busy": True}, "fired", LOOK, "cron has not fired",
    ),
    "never fired, started by hand": ({"fired": None, "started": HAND}, "fired", LOOK, "since it was installed"),
    "fired before it was installed": (
        {"installation": installed(installed_at=DUE - timedelta(hours=3)), **firing(fired(BEFORE))},
        "fired", LOOK, "since it was installed",
    ),
    "all, and then started by hand": ({"started": fired(DUE, job="", fired_at=DUE + timedelta(minutes=5))}, "", "", "a hand started it at 2026-01-05 12:05"),
    "started by hand, and no beat began": ({"started": fired(NOW, job="", exit_code=4)}, "ran", "/the/log", "a hand started it"),
    "no beat began": ({"beat": beaten(BEFORE), **firing(fired(exit_code=4))}, "ran", "/the/log", "exit code 4"),
    "no beat ever": ({"beat": None, **firing(fired(exit_code=2))}, "ran", "/the/log", "exit code 2"),
    "killed before it": ({"beat": beaten(BEFORE), **firing(fired(**OPEN))}, "ran", "/the/log", "did not end"),
    "killed in it": ({"beat": beaten(**KILLED), **firing(fired(**OPEN))}, "finished", "/the/log", "killed?"),
    "waiting for its turn": ({"beat": beaten(BEFORE), **firing(fired(**OPEN)), "busy": True}, "", "", "is at work"),
    "at work": ({"beat": beaten(**KILLED), **firing(fired(**OPEN)), "busy": True}, "", "", "is at work"),
    "at work for long": ({**firing(fired(BEFORE, **OPEN)), "beat": beaten(BEFORE, **KILLED), "busy": True}, "finished", "process 7", "at work since"),
}  # fmt: skip


def test_the_next_step_runs_the_script_that_was_installed():
    """After a kill the beat that is advised is the installed one, in words for a shell: without its script it would lose mail."""
    entry = installed(script="/my agents/scout.py")

    says = judge_routine(
        Evidence(**{**GOOD, "installation": entry, "beat": beaten(**KILLED)}), Schedule.parse("6h"), NOW
    )

    assert says.next_step.endswith("then: somabus beat --agent scout --script '/my agents/scout.py'")


@pytest.mark.parametrize("case", CASES)
def test_the_missing_fact_is_named(case):
    """Of the four facts the first that is missing is named, in plain words and with what to do about it."""
    changed, missing, step, words = CASES[case]

    says = judge_routine(Evidence(**{**GOOD, **changed}), Schedule.parse("6h"), NOW)

    assert (says.missing, words in says.fact) == (missing, True), says
    assert step in says.next_step
    assert bool(says.missing) == bool(says.next_step)


def test_a_scheduler_has_a_little_time():
    """A few minutes after a slot nobody is accused: a machine may just be waking."""
    evidence = Evidence(**{**GOOD, **firing(fired(BEFORE)), "beat": beaten(BEFORE)})

    assert judge_routine(evidence, Schedule.parse("6h"), DUE + timedelta(minutes=9)).missing == ""
    assert judge_routine(evidence, Schedule.parse("6h"), DUE + timedelta(minutes=11)).missing == "fired"


@pytest.mark.parametrize(
    ("changed", "missing", "words"),
    [
        (firing(fired(exit_code=4)), "", "cron fired at 2026-01-05 12:00 UTC, and it ended with exit code 4"),
        (firing(fired(**OPEN)), "", "it did not end"),
        ({**firing(fired(**OPEN)), "busy": True}, "", "is at work"),
        ({"there": False}, "installed", "is not there any more"),
        (firing(fired(BEFORE)), "fired", "has not fired since"),
        (
            {"installation": installed(installed_at=DUE + timedelta(minutes=1)), **firing(None)},
            "",
            "no slot has come since",
        ),
    ],
)
def test_the_machine_alone_knows_what_fired(changed, missing, words):
    """Without the bus, entry and firing are judged all the same, and it is said that the heartbeat was not seen."""
    says = judge_away(Evidence(**{**GOOD, "beat": None, **changed}), NOW, "the drive is away")

    assert (says.missing, words in says.fact) == (missing, True), says
    assert says.fact.endswith("; could not look at the heartbeat: the drive is away")


def test_who_was_never_scheduled_is_so_without_the_drive():
    """That nothing was installed is known here, and needs no heartbeat."""
    says = judge_away(Evidence(**{**GOOD, "installation": None}), NOW, "the drive is away")

    assert (says.fact, says.planned) == ("not scheduled on this machine", False)
