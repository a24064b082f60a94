"""P11. systemd: a timer that catches up, judged by systemd's own tools where they are."""

import shutil
import subprocess
import sys

import pytest

from somabus.errors import SchedulerError
from somabus.scheduler.systemd import Systemd
from somabus.scheduler.tool import Done
from tests.scheduler.plans import HARD, JOB, NOW, Calls, plan

judged = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd's own tools are not here")


def test_the_timer_is_exact_and_catches_up():
    """The times are in UTC, with seconds; a slot that came while the machine was off fires when it is on again."""
    timer = Systemd(Calls()).timer(plan(), NOW)

    assert "OnCalendar=*-*-* 00,06,12,18:00:00 UTC\n" in timer
    assert "Persistent=true\n" in timer


@judged
@pytest.mark.parametrize(
    "every", ["6h", "1m", "7m", "45m", "1w", "0 9 * * 1-5 Europe/Berlin", "10 2 * * * Australia/Lord_Howe"]
)
def test_systemd_finds_the_units_sound(tmp_path, monkeypatch, every):
    """`systemd-analyze verify` has no word against the units, and knows the calendar expression."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))  # the tool asks for it, even where no manager runs
    real = plan(every, python=sys.executable)
    systemd = Systemd(Calls(), tmp_path)
    systemd.install(real, NOW)
    units = [str(tmp_path / f"{JOB}.{kind}") for kind in ("service", "timer")]

    verified = subprocess.run(["systemd-analyze", "verify", "--user", *units], capture_output=True, text=True)
    line = next(each for each in systemd.timer(real, NOW).splitlines() if each.startswith("OnCalendar="))
    calendar = subprocess.run(
        ["systemd-analyze", "calendar", line.removeprefix("OnCalendar=")], capture_output=True, text=True
    )

    assert (verified.returncode, JOB in verified.stderr) == (0, False), verified.stderr
    assert calendar.returncode == 0, calendar.stderr


def test_hard_paths_are_quoted():
    """What systemd would take for its own, %, quotes and backslashes, is escaped; no variable is expanded."""
    start = next(each for each in Systemd(Calls()).service(plan(**HARD)).splitlines() if each.startswith("ExecStart="))

    assert start.startswith('ExecStart=:"/venv/bin/python" ')
    assert '"/mnt/a b/100%% \\"sure\\" $HOME"' in start
    assert '"/home/me/it\'s <mine> & yours\\\\x.py"' in start


def test_installing_twice_is_one_entry_and_removing_leaves_others(tmp_path):
    """Two units, however often it is installed; afterwards the folder has what it had before."""
    (tmp_path / "other.timer").write_text("[Timer]\n")
    systemd = Systemd(Calls(), tmp_path)
    for every in ("6h", "1d"):
        systemd.install(plan(every), NOW)

    assert sorted(each.name for each in tmp_path.iterdir()) == ["other.timer", f"{JOB}.service", f"{JOB}.timer"]
    assert "00:00:00 UTC" in systemd.find(JOB)

    assert systemd.remove(JOB)
    assert [each.name for each in tmp_path.iterdir()] == ["other.timer"]
    assert not systemd.remove(JOB)


def test_without_a_manager_nothing_stays_behind(tmp_path):
    """If the user's manager refuses, no unit is left that would fire some day without anybody's knowing."""
    refusing = Calls(**{"daemon-reload": Done(1, err="Failed to connect to bus")})

    with pytest.raises(SchedulerError, match="Failed to connect"):
        Systemd(refusing, tmp_path).install(plan(), NOW)

    assert list(tmp_path.iterdir()) == []


def test_an_install_that_fails_leaves_the_entry_that_was_there(tmp_path):
    """If the manager refuses the new entry, the old one is there as it was, and is loaded again."""
    Systemd(Calls(), tmp_path).install(plan("1d"), NOW)
    before = {each.name: each.read_text() for each in tmp_path.iterdir()}
    refusing = Calls(restart=Done(1, err="no such thing"))

    with pytest.raises(SchedulerError, match="no such thing"):
        Systemd(refusing, tmp_path).install(plan("6h"), NOW)

    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == before


def test_lingering_is_told():
    """A user's manager ends with his last session: what keeps it is named."""
    assert "--always" in Systemd(Calls()).note(plan())
    assert "loginctl enable-linger" in Systemd(Calls()).note(plan(always=True))
