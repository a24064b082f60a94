"""P11 at the command line: install, show, run-now, remove, what a scheduler starts, and what `status` says of it.

The crontab here is a file, kept by a stand-in for the tool; the real daemons are in tests/labs/test_schedules.py.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest

from somabus import Agent
from somabus.scheduler import standing
from tests.surfaces.shell import at_once, environment, fresh, process

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the stand-in is a script of sh")
CRONTAB = """#!/bin/sh
case $1 in
  -l) cat "$TABLE" 2>/dev/null || { echo "no crontab for me" >&2; exit 1; } ;;
  -) cat > "$TABLE" ;;
  -r) rm "$TABLE" ;;
esac
"""
DEADLINE_S = 60
THEIRS = "5 4 * * * /bin/true\n"


@pytest.fixture
def table(home, monkeypatch):
    """The file that holds the crontab on this machine; there is none yet."""
    tools = home / "tools"
    tools.mkdir()
    (tools / "crontab").write_text(CRONTAB)
    (tools / "crontab").chmod(0o755)
    (home / "table").write_text(THEIRS)
    monkeypatch.setenv("TABLE", str(home / "table"))
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    return home / "table"


@pytest.fixture(autouse=True)
def _its_turn(monkeypatch):
    """Have whoever starts in this process start at once, also right before a slot of the day, which it would wait for."""
    for wait in ("_until_turn", "_until_slot"):
        monkeypatch.setattr(f"somabus.scheduler.serve.{wait}", lambda *_: 0.0)


def until(look, what):
    """Wait for something that another process does."""
    deadline, pause = time.monotonic() + DEADLINE_S, Event()
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {DEADLINE_S} s: {what}"
        pause.wait(0.05)
    return found


def scheduled(*more):
    """The order that a scheduler is given, with a log in the working folder."""
    return ("beat", "--scheduled", "--log", "logs/x.log", *more)


def schedule_finding(team):
    """What the doctor finds of scout's schedule."""
    findings = team("doctor", "--json").json["findings"]
    return next(each for each in findings if (each["name"], each["about"]) == ("schedule", "scout"))


def test_install_show_remove(team, table):
    """Installing makes an entry, showing shows it, removing takes it away; the rest of the crontab stays as it was."""
    installed = team("schedule", "install", "--every", "1d", "--with", "cron", "--json")
    shown = team("schedule", "show", "--json")

    assert installed.code == 0, installed
    assert table.read_text().startswith(THEIRS + "0 ")
    assert shown.json["entry"] == table.read_text().splitlines()[1]
    assert shown.json["standing"]["missing"] == ""
    assert team("status", "--json").json["schedule"]["missing"] == ""

    assert team("schedule", "remove", "--json").json["removed"] is True
    assert table.read_text() == THEIRS
    assert team("schedule", "show").code == 3
    assert "has no" in team("schedule", "remove", "--with", "cron").out


def test_installing_again_updates_the_one_entry(team, table):
    """The second installation replaces the first, and the card says the cadence that was given last."""
    team("schedule", "install", "--every", "1d", "--with", "cron")
    team("schedule", "install", "--cron", "0 9 * * 1-5", "--zone", "Europe/Berlin", "--with", "cron")

    assert table.read_text().count("--scheduled") == 1
    card = next(each for each in team("peers", "--json").json["peers"] if each["name"] == "scout")["card"]
    assert card["cadence"] == "0 9 * * 1-5 Europe/Berlin"


def test_installing_again_keeps_what_is_not_given(team, table, monkeypatch):
    """The script, the scheduler and --always stay; another script replaces it, --no-script drops it, and each is said."""
    for name in ("my.py", "other.py"):
        Path(name).write_text("def setup(agent): pass\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(Path.cwd() / "config"))
    (Path.cwd() / "tools" / "systemctl").write_text("#!/bin/sh\n")
    (Path.cwd() / "tools" / "systemctl").chmod(0o755)
    team("schedule", "install", "--every", "1d", "--with", "systemd", "--always", "--script", "my.py")

    kept = team("schedule", "install")
    other = team("schedule", "install", "--script", "other.py")
    dropped = team("schedule", "install", "--no-script", "--no-always")

    assert f"runs {Path('my.py').resolve()}" in kept.out
    assert "enable-linger" in kept.out
    assert f"runs {Path('other.py').resolve()}" in other.out
    assert "no script: mail is acknowledged unread" in dropped.out
    assert "enable-linger" not in dropped.out
    assert table.read_text() == THEIRS
    (unit,) = Path("config/systemd/user").glob("*.service")
    assert "--script" not in unit.read_text()


def test_the_script_stays_when_the_entry_is_made_again(team, table):
    """What `status` advises after a change of cadence makes the entry with the script that it had."""
    import shlex

    Path("my.py").write_text("def setup(agent): pass\n")
    team("schedule", "install", "--every", "1d", "--with", "cron", "--script", "my.py")
    team("join", "scout", "--every", "1h")

    step = team("status", "--json").json["schedule"]["next_step"]
    assert team(*shlex.split(step)[1:]).code == 0

    assert "my.py" in table.read_text()
    assert team("status", "--json").json["schedule"]["missing"] == ""


def test_printing_touches_nothing(team, table):
    """--print shows the entry with the cadence that was asked for, and neither crontab, card nor record is changed."""
    before = {path: path.read_bytes() for path in sorted(Path.cwd().parent.rglob("*")) if path.is_file()}

    answer = team("schedule", "install", "--every", "1h", "--with", "cron", "--print")

    assert "* * * *" in answer.out
    assert {path: path.read_bytes() for path in sorted(Path.cwd().parent.rglob("*")) if path.is_file()} == before


@pytest.mark.parametrize(
    ("tool", "enable"),
    [
        ("cron", "crontab -e"),
        ("systemd", "systemctl --user enable --now"),
        ("launchd", "launchctl bootstrap"),
        ("windows", "schtasks /create"),
    ],
)
def test_what_is_printed_is_the_entry_alone(team, tool, enable):
    """Standard output is the entry and can go into a file as it is; how to install it by hand stands beside."""
    import plistlib
    from xml.etree import ElementTree as ET

    whole = {
        "cron": lambda text: text.count("\n") == 1,
        "systemd": lambda text: all(each[:1] in "[#" or "=" in each for each in text.split("\n")),
        "launchd": lambda text: plistlib.loads(text.encode()),
        "windows": ET.fromstring,
    }

    answer = team("schedule", "install", "--every", "1d", "--with", tool, "--print")

    assert answer.code == 0
    assert whole[tool](answer.out) is not False
    assert "unread" not in answer.out
    assert enable in answer.err


def test_each_unit_of_systemd_names_its_file(team, monkeypatch):
    """Its two files are printed as one text: a comment at the head of each names the one it is for."""
    answer = team("schedule", "install", "--every", "1d", "--with", "systemd", "--print")

    heads = [each for each in answer.out.splitlines() if each.startswith("# ")]
    assert [Path(each[2:]).suffix for each in heads] == [".service", ".timer"]
    assert all(Path(each[2:]).is_absolute() and each[2:] in answer.err for each in heads)


def test_paths_in_the_entry_are_absolute(team, table):
    """A scheduler has no working folder: bus, home, script, log and interpreter stand in the entry from the root on."""
    Path("my.py").write_text("def setup(agent): pass\n")

    entry = team("--bus", "bus", "schedule", "install", "--script", "my.py", "--with", "cron", "--print").out
    words = entry.split()

    for option in ("--bus", "--home", "--script", "--log"):
        assert Path(words[words.index(option) + 1]).is_absolute()
    assert Path(words[5]).is_absolute()


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ("--every 6h --cron '0 9 * * *'", "one of them"),
        ("--script bus/somabus.json --no-script", "one of them"),
        ("--every 6h --zone Europe/Berlin", "without --cron"),
        ("--cron 6h", "five fields"),
        ("--cron '0 9 * * *' --zone Europe/Nowhere", "no time zone"),
        ("--cron '0 9 * * *' --zone ''", "--zone is empty"),
        ("--every 5s", "somabus run"),
    ],
)
def test_what_cannot_be_scheduled_is_refused(team, table, order, words):
    """Contradictions and cadences that no scheduler knows are exit 2, with what to write instead; nothing changes."""
    import shlex

    answer = team("schedule", "install", "--with", "cron", *shlex.split(order))

    assert (answer.code, words in answer.err) == (2, True), answer
    assert table.read_text() == THEIRS
    card = next(each for each in team("peers", "--json").json["peers"] if each["name"] == "scout")["card"]
    assert card["cadence"] == "6h"


def test_a_scheduler_that_is_not_here_is_told(team, monkeypatch):
    """Without the tool the answer names it, and the way to see what it would have been given."""
    monkeypatch.setenv("PATH", "")

    answer = team("schedule", "install", "--with", "cron")

    assert answer.code == 2
    assert "crontab is not installed here" in answer.err
    assert "--print" in answer.err
    assert team("status").code == 0


def test_standing_asks_no_more_than_there_is(team, table, monkeypatch):
    """If the scheduler cannot be asked any more, what the machine remembers counts, and nothing fails."""
    team("schedule", "install", "--every", "1d", "--with", "cron")
    monkeypatch.setenv("PATH", "")
    scout = Agent("scout", bus="bus", join=False)

    assert standing(scout).missing == ""


def test_an_entry_that_was_taken_out_by_hand_is_missed(team, table):
    """If somebody empties the crontab, `status` says that the entry is gone, and how to make it again."""
    team("schedule", "install", "--every", "1d", "--with", "cron")
    table.write_text(THEIRS)

    said = team("status").out

    assert team("schedule", "show").code == 6
    assert schedule_finding(team)["weight"] == "warning"
    assert "not there any more; next: somabus schedule install --agent scout" in said


def test_an_entry_for_another_cadence_is_a_warning(team, table):
    """If the card says another cadence than the entry fires for, `schedule show` is unwell and the doctor warns."""
    team("schedule", "install", "--every", "1d", "--with", "cron")
    assert team("schedule", "show").code == 0

    team("join", "scout", "--every", "1h")

    assert team("schedule", "show").code == 6
    assert schedule_finding(team)["weight"] == "warning"


def test_an_agent_that_was_never_scheduled_is_a_note(team, table):
    """Who never installed a schedule may be run by hand: `schedule show` finds nothing, and the doctor notes it."""
    assert team("schedule", "show").code == 3
    assert schedule_finding(team)["weight"] == "note"


def test_changing_the_scheduler_leaves_one_entry(team, table, monkeypatch):
    """Who goes over to another scheduler has the entry there, and no longer in the one before."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(Path.cwd() / "config"))
    (Path.cwd() / "tools" / "systemctl").write_text("#!/bin/sh\n")
    (Path.cwd() / "tools" / "systemctl").chmod(0o755)
    team("schedule", "install", "--every", "1d", "--with", "cron")

    assert team("schedule", "install", "--with", "systemd").code == 0

    assert table.read_text() == THEIRS
    assert len(list(Path("config/systemd/user").glob("somabus-scout-*.timer"))) == 1


def test_a_scheduler_that_refuses_leaves_the_entry_that_is_there(team, table, monkeypatch):
    """Who cannot go over to another scheduler keeps the entry in the one he has."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(Path.cwd() / "config"))
    (Path.cwd() / "tools" / "systemctl").write_text("#!/bin/sh\necho 'no bus' >&2\nexit 1\n")
    (Path.cwd() / "tools" / "systemctl").chmod(0o755)
    team("schedule", "install", "--every", "1d", "--with", "cron")

    answer = team("schedule", "install", "--with", "systemd")

    assert (answer.code, "no bus" in answer.err) == (2, True), answer
    assert table.read_text().count("--scheduled") == 1
    assert team("schedule", "show", "--json").json["standing"]["missing"] == ""


def test_run_now_starts_what_is_installed(team, table):
    """The very line of the crontab is run, as poor in environment as cron is; the beat is on the bus, its words in the log."""
    team("schedule", "install", "--every", "1m", "--with", "cron")

    assert team("schedule", "run-now").code == 0
    until(lambda: Agent("scout", bus="bus", join=False).heartbeat(), "a heartbeat")

    until(lambda: team("schedule", "show", "--json").json["firing"]["ended_at"], "an end")
    (log,) = Path(os.environ["SOMABUS_HOME"], "logs").iterdir()
    assert "beat 1 of scout: ok" in log.read_text()
    assert team("schedule", "show", "--json").json["firing"]["exit_code"] == 0


def test_cron_is_not_credited_with_what_somabus_started(team, table):
    """Where no cron runs, run-now starts the line by itself, and says so: that is no proof that cron fires."""
    team("schedule", "install", "--every", "1m", "--with", "cron")

    assert "somabus started" in team("schedule", "run-now").out

    until(lambda: team("schedule", "show", "--json").json["firing"]["ended_at"], "an end")
    assert team("schedule", "show", "--json").json["firing"]["job"] == ""
    assert "a hand started it" in team("schedule", "show").out


def test_installing_under_a_stop_says_that_it_holds(team, table):
    """Who installs while a human's stop holds learns at once why nothing is going to happen."""
    team("stop", "--why", "fire")

    answer = team("schedule", "install", "--with", "cron")
    other = team("schedule", "install", "--every", "1d")

    assert answer.code == 0
    assert next(each for each in answer.out.splitlines() if each.startswith("STOPPED")).count("fire") == 1
    assert "--scheduled" in table.read_text()
    assert (other.code, "somabus stops" in other.err) == (8, True)  # the card is not changed under a stop


def test_run_now_without_an_entry_is_told(team):
    """Who has nothing installed is told what to type first."""
    answer = team("schedule", "run-now")

    assert (answer.code, "schedule install" in answer.err) == (2, True)


def test_each_slot_is_served_once(team):
    """What a scheduler starts beats for its slot; started again, it says so in the log and ends with exit 0."""
    team("join", "scout", "--every", "1w")

    first, second = team(*scheduled()), team(*scheduled())

    assert (first.code, second.code, first.out + second.out) == (0, 0, "")
    log = Path("logs/x.log").read_text()
    assert log.count("beat 1 of scout: ok") == 1
    assert re.search(r"the slot \S+ 00:00 UTC was served before; next slot \S+ 00:00 UTC$", log)
    told = team("beat", "--scheduled", "--json").json
    served, coming = (datetime.fromisoformat(told[each]) for each in ("served", "next_slot"))
    assert coming - served == timedelta(weeks=1)
    assert served <= datetime.now(UTC) < coming


def test_a_stopped_beat_leaves_its_slot_open(team):
    """What a stop held up is done by the next start after `resume`, in the same slot."""
    team("join", "scout", "--every", "1w")
    team("stop")
    held = team(*scheduled())
    team("resume")

    again = team(*scheduled())

    assert (held.code, again.code) == (8, 0)
    assert "beat 2 of scout: ok" in Path("logs/x.log").read_text()


def test_what_goes_wrong_stands_in_the_log(team):
    """A scheduler has no terminal: the error is in the log, the exit code is what it always is, and so on record."""
    Path("bad.py").write_text("raise RuntimeError('broken')\n")

    answer = team(*scheduled("--script", "bad.py"))

    assert answer.code == 2
    assert "RuntimeError: broken" in Path("logs/x.log").read_text()
    assert team("schedule", "show", "--json").json["firing"]["exit_code"] == 2


@pytest.mark.slow
def test_a_drive_that_is_away_is_on_record(team, table):
    """While the drive is away the firing is known all the same, and the fact that no beat began."""
    team("schedule", "install", "--every", "1w", "--with", "cron")
    os.rename("bus", "away")

    answer = fresh(*scheduled())

    os.rename("away", "bus")
    says = team("schedule", "show", "--json").json
    assert answer.code == says["firing"]["exit_code"] == 4
    assert says["standing"]["missing"] == "ran"
    assert "schedule remove" not in says["standing"]["next_step"]


@pytest.mark.slow
@pytest.mark.parametrize("order", ["schedule show", "status"])
def test_what_the_machine_knows_is_told_while_the_drive_is_away(team, table, order):
    """Entry, last firing and its exit code are the machine's own: they are told, and that the heartbeat was not seen."""
    team("schedule", "install", "--every", "1w", "--with", "cron")
    os.rename("bus", "away")
    fresh(*scheduled())

    words, program = at_once([order, f"{order} --json"]).values()  # each waits for the drive

    assert (words.code, program.code) == (4, 4), words
    assert "ended with exit code 4; could not look at the heartbeat" in words.out
    assert "somabus: could not look" in words.err
    told = program.json
    assert "exit code 4" in told.get("standing", told.get("schedule"))["fact"]
    if order == "schedule show":
        assert told["entry"] in table.read_text()
        assert told["firing"]["exit_code"] == 4


def test_a_script_that_is_away_is_on_record(team):
    """A script may lie on the drive, too: that it is missing is told in the log, and the firing is on record."""
    answer = team(*scheduled("--script", "gone/my.py"))

    assert answer.code == team("schedule", "show", "--json").json["firing"]["exit_code"] == 2
    assert "gone/my.py" in Path("logs/x.log").read_text()


def test_removing_works_while_the_drive_is_away(team, table):
    """A schedule can be taken out when the drive is gone for good."""
    team("schedule", "install", "--every", "1w", "--with", "cron")
    shutil.rmtree("bus")

    assert team("schedule", "remove").code == 0
    assert table.read_text() == THEIRS


def test_a_beat_that_was_killed_is_told(team, table):
    """After a kill -9 in a handler `status` says that the beat began and did not finish, and where to look."""
    team("schedule", "install", "--every", "1w", "--with", "cron")
    Path("slow.py").write_text(
        "import pathlib, threading\n"
        "def setup(agent):\n"
        "    @agent.on('note')\n"
        "    def wait(message):\n"
        "        pathlib.Path('begun').touch()\n"
        "        threading.Event().wait(60)\n"
    )
    team.send(to="scout")
    order = process(*scheduled("--script", "slow.py"))
    begun = subprocess.Popen(order, env=environment())
    until(lambda: Path("begun").exists(), "the handler")
    assert "is at work" in team("status").out

    begun.send_signal(signal.SIGKILL)
    begun.wait(DEADLINE_S)

    says = team("status", "--json").json["schedule"]
    assert says["missing"] == "finished"
    assert "did not finish: killed?" in says["fact"]
    assert "logs" in says["next_step"]


def test_a_schedule_that_did_not_fire_is_told(team, table):
    """If the scheduler lets slots go by, the one command that shows its own view is named."""
    team("schedule", "install", "--every", "1m", "--with", "cron")
    (record,) = Path(os.environ["SOMABUS_HOME"]).rglob("schedule.json")
    year = datetime.now(UTC).year
    record.write_text(record.read_text().replace(f'"installed_at":"{year}', f'"installed_at":"{year - 1}'))

    says = team("status", "--json").json["schedule"]

    assert says["missing"] == "fired"
    assert "crontab -l" in says["next_step"]
