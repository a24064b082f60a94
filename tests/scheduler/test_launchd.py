"""P11. launchd: a property list that parses back to what was planned."""

import plistlib
from zoneinfo import ZoneInfo

import pytest

from somabus.errors import SchedulerError
from somabus.scheduler.launchd import Launchd
from somabus.scheduler.tool import Done
from tests.scheduler.plans import HARD, JOB, NOW, Calls, plan


def launchd(calls=None, folder=None, zone="Europe/Berlin"):
    """The launchd of a user on a machine in a zone."""
    return Launchd(501, calls or Calls(), folder, lambda at: at.astimezone(ZoneInfo(zone)))


def test_the_list_says_what_was_planned():
    """Label and command are the plan's, whatever stands in the paths, and the times are those of both seasons."""
    hard = plan(**HARD)

    facts = plistlib.loads(launchd().render(hard, NOW).encode())

    assert facts["Label"] == JOB
    assert tuple(facts["ProgramArguments"]) == hard.command
    assert [each["Hour"] for each in facts["StartCalendarInterval"]] == [1, 2, 7, 8, 13, 14, 19, 20]
    assert {each["Minute"] for each in facts["StartCalendarInterval"]} == {0}
    assert "RunAtLoad" not in facts


@pytest.mark.parametrize(
    ("every", "when"),
    [
        ("1h", {"StartCalendarInterval": [{"Minute": 0}]}),
        ("30m", {"StartCalendarInterval": [{"Minute": 0}, {"Minute": 30}]}),
        ("7m", {"StartInterval": 60}),
    ],
)
def test_every_hour_needs_no_hours(every, when):
    """What comes in each hour is said by minutes alone; what comes at any minute, by an interval."""
    facts = plistlib.loads(launchd().render(plan(every), NOW).encode())

    assert {name: facts[name] for name in facts if name.startswith("Start")} == when


def test_installing_twice_is_one_entry(tmp_path):
    """What is loaded is taken out first: launchd refuses a label that it knows."""
    calls = Calls()
    for every in ("6h", "1d"):
        launchd(calls, tmp_path).install(plan(every), NOW)

    (path,) = tmp_path.iterdir()
    assert [order[1] for order in calls.orders] == ["bootout", "bootstrap"] * 2
    assert calls.orders[-1] == ["launchctl", "bootstrap", "gui/501", str(path)]
    assert launchd(calls, tmp_path).remove(JOB)
    assert list(tmp_path.iterdir()) == []
    assert not launchd(calls, tmp_path).remove(JOB)


def test_a_label_that_is_not_loaded_is_no_error(tmp_path):
    """The first installation has nothing to take out."""
    launchd(Calls(bootout=Done(3, err="No such process")), tmp_path).install(plan(), NOW)

    assert len(list(tmp_path.iterdir())) == 1


def test_what_launchd_refuses_is_not_left_behind(tmp_path):
    """If it cannot be loaded, the file is as it was: none, or the one before."""
    with pytest.raises(SchedulerError, match="Bootstrap failed"):
        launchd(Calls(bootstrap=Done(5, err="Bootstrap failed: 5")), tmp_path).install(plan(), NOW)

    assert list(tmp_path.iterdir()) == []
