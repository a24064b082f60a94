"""P16: `somabus doctor` finds what is wrong with a bus, says why and what to do, and puts right only what is safe."""

import os
import re
import shutil
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from somabus import Agent
from somabus.clock import SystemClock
from somabus.doctor.finding import Finding, Weight, summary
from somabus.doctor.visit import Visit
from somabus.model.slot import Slot
from somabus.testing import HandClock

DAY_S = 86_400
HOLDER = "0123456789ab"
ROOMY = NamedTuple("Usage", [("total", int), ("free", int)])(2**40, 2**39)


@pytest.fixture
def visit(team, home):
    """A doctor on the team's bus."""
    return Visit(str(team.bus), os.environ["SOMABUS_HOME"], usage=lambda _: ROOMY)


def bus(visit, **how):
    """What the doctor finds on the bus, apart from the note that nothing is scheduled on a machine of tests."""
    return [each for each in visit.bus(**how) if (each.name, each.weight) != ("schedule", Weight.NOTE)]


def planner(team, clock=None):
    """The agent planner, by a clock that is turned by hand if need be."""
    return Agent("planner", team.bus, durability="none", every="1h", clock=clock)


def stuck_claim(team):
    """Planner took a message three days ago, and died."""
    team.send()
    (waiting,) = team.mail()
    ended = int((SystemClock().now().timestamp() - 3 * DAY_S) * 1000)
    (team.bus / "messages/planner/claimed").mkdir(exist_ok=True)
    waiting.rename(team.bus / "messages/planner/claimed" / Slot.parse(waiting.name).claimed(HOLDER, ended).name)


def dead_letter(team):
    """Planner refused a message."""
    team.send()
    planner(team).inbox.claim().reject("no such index")
    for receipt in (team.bus / "messages/scout/inbox").glob("*.json"):
        receipt.unlink()


def silent_agent(team):
    """Planner beat three days ago for the last time."""
    clock = HandClock(SystemClock().now() - timedelta(days=3))
    planner(team, clock).beat()


def late_agent(team):
    """Planner, who beats every hour, did so two and a half hours ago."""
    planner(team, HandClock(SystemClock().now() - timedelta(hours=2.5))).beat()


def failed_beat(team):
    """A step of planner's beat failed: while it ran, a file stood where its outbox should be."""
    agent, blocked = planner(team), team.bus / "messages/planner/outbox"
    agent.learn("smb", "links hold")
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.write_bytes(b"")
    agent.beat()
    blocked.unlink()


def missed_beats(team):
    """Planner's machine slept for five hours."""
    clock = HandClock(SystemClock().now().replace(minute=0, second=1) - timedelta(hours=5))
    planner(team, clock).beat()
    clock.advance(hours=5)
    planner(team, clock).beat()


def skewed_clock(team):
    """Planner's machine is a day ahead of the drive."""
    planner(team, HandClock(SystemClock().now() + timedelta(days=1))).beat()


def unfinished_beat(team):
    """Planner was killed in the middle of a beat, three hours ago."""
    clock = HandClock(SystemClock().now() - timedelta(hours=3))
    agent = Agent("planner", team.bus, durability="none", every="6h", clock=clock)
    agent.on("note")(lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    team.send()
    with pytest.raises(KeyboardInterrupt):
        agent.beat()
    for left in (team.bus / "messages/planner/claimed").glob("*.json"):
        left.unlink()


def old_debris(team, name="4711-abcdef01"):
    """A writer was killed a month ago."""
    folder = team.bus / "tmp" / name
    folder.mkdir(parents=True)
    (folder / "0").write_bytes(b"half")
    month_ago = SystemClock().now().timestamp() - 30 * DAY_S
    for path in (folder / "0", folder):
        os.utime(path, (month_ago, month_ago))
    return folder


def damaged_file(team):
    """Somebody wrote over planner's card."""
    (team.bus / "registry/planner/heartbeat.json").write_bytes(b"{ half a hea")


def conflict_copy(team):
    """The bus lies in a folder that a sync tool copies."""
    shutil.copy(team.bus / "registry/planner/card.json", team.bus / "registry/planner/card (1).json")


def link_in_the_tree(team):
    """Somebody put a link where mail should be."""
    (team.bus / "messages/planner/inbox").mkdir(parents=True, exist_ok=True)
    (team.bus / "messages/planner/inbox/link.json").symlink_to("/etc/hostname")


def stop(team):
    """A human stopped the bus."""
    (team.bus / "STOP").write_text("the index is on fire")


def open_key(team):
    """Planner's key can be read by all who are on this machine."""
    (key,) = Path(os.environ["SOMABUS_HOME"]).glob("buses/*/planner/key")
    key.chmod(0o644)


def junk(team):
    """Somebody left a file of another kind."""
    (team.bus / "notes.txt").write_text("hello")


def revoked_agent(team):
    """An operator called planner's key back."""
    team("operator", "init", "anna", "--no-passphrase")
    team("operator", "revoke", "planner", "--why", "stolen")


def nobody_works(team):
    """A job is submitted, and no worker lives."""
    team("submit", "echo", "--queue", "web")


def paused_job(team):
    """A human set a job aside and forgot it."""
    job = team("submit", "echo", "--queue", "web", "--json").json["address"]
    team("job", "pause", job)


def dead_job(team):
    """Somebody asked for a shell without an approval."""
    team("submit", "shell", "--queue", "web")
    team("work", "--queue", "web", "--until-empty")


PLANTED = {
    nobody_works: ("wedged queue", Weight.WARNING, "web", "1 job waits: no worker lives", "somabus work --queue web"),
    paused_job: ("wedged queue", Weight.WARNING, "web", "waits for a human: scout paused it", "jobs list web --state paused"),
    dead_job: ("failed jobs", Weight.WARNING, "web", "1 job dead", "jobs list web --state dead"),
    stuck_claim: ("stuck claim", Weight.WARNING, "planner", "the oldest 3 days ago", "somabus beat"),
    dead_letter: ("dead letter", Weight.WARNING, "planner", "1, rejected; the handler refused", "somabus dead"),
    silent_agent: ("silent agent", Weight.WARNING, "planner", "not beaten in 3 days", "somabus beat"),
    late_agent: ("late agent", Weight.NOTE, "planner", "not beaten in", "somabus beat"),
    failed_beat: ("failed beat", Weight.WARNING, "planner", "a step of it failed", "somabus beat"),
    missed_beats: ("missed beats", Weight.WARNING, "planner", "missed 4 beats before beat 2", "somabus status"),
    skewed_clock: ("skewed clock", Weight.WARNING, "planner", "future of the drive's clock", "time server"),
    unfinished_beat: ("unfinished beat", Weight.WARNING, "planner", "did not finish", "somabus beat"),
    old_debris: ("debris", Weight.NOTE, "tmp", "writers that were killed: 1 folder, ", "somabus doctor --fix"),
    damaged_file: ("damage", Weight.ERROR, "registry/planner/heartbeat.json", "no JSON", "writes it anew"),
    conflict_copy: ("conflict copy", Weight.WARNING, "registry/planner/card (1).json", "sync tool", "remove the copy"),
    link_in_the_tree: ("damage", Weight.ERROR, "messages/planner/inbox/link.json", "symbolic link", "look at it"),
    stop: ("stop", Weight.WARNING, "the whole bus", "stopped the whole bus", "somabus resume"),
    open_key: ("open key", Weight.ERROR, "planner/key", "others on this machine can read", "somabus doctor --fix"),
    junk: ("damage", Weight.NOTE, "notes.txt", "no document of format 1", "look at it"),
    revoked_agent: ("damage", Weight.NOTE, "registry/planner/card.json", "revoked", "join with a new key"),
}  # fmt: skip


def test_a_healthy_bus_is_called_healthy(team, visit):
    """Nothing is found where nothing is wrong: after ordinary use there is neither error nor warning nor note."""
    team.send()
    planner(team).beat()

    assert bus(visit) == []
    assert [each for each in visit.drive() if each.weight in (Weight.WARNING, Weight.ERROR)] == []


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_a_planted_fault_is_found_and_nothing_else(team, visit, plant):
    """Each fault is named once, with its cause and the next command, and no other fault is."""
    plant(team)

    found = bus(visit)

    name, weight, about, cause, step = PLANTED[plant]
    assert [(each.name, each.weight) for each in found] == [(name, weight)], found
    assert (about in found[0].about, cause in found[0].cause, step in found[0].step) == (True, True, True), found


def test_an_agent_that_is_not_scheduled_here_is_noted(team, visit):
    """For each agent whose key is on this machine it is said that nothing wakes it, and what to type."""
    notes = [(each.about, each.weight, each.step) for each in visit.bus() if each.name == "schedule"]

    assert notes == [(name, Weight.NOTE, f"somabus schedule install --agent {name}") for name in ("planner", "scout")]


def test_a_bus_near_its_budget_is_found(team, visit):
    """Before the room that the policy gives is used up, the doctor says how much is taken and how to see what stays."""
    team("operator", "init", "anna", "--no-passphrase")
    planner(team).beat()
    team("operator", "policy", "--keep", "budget_bytes=1000")

    found = [each for each in visit.bus() if each.name == "room"]

    step = "see what stays: somabus sweep --rehearse --agent NAME"
    assert [(each.weight, each.step) for each in found] == [(Weight.ERROR, step)]


@pytest.mark.parametrize(("free", "weight"), [(100 * 2**20, Weight.WARNING), (2**20, Weight.ERROR)])
def test_a_full_drive_is_found(team, visit, free, weight):
    """Before nothing is left to write on, the doctor says so."""
    tight = Visit(visit.path, visit.home, usage=lambda _: ROOMY._replace(free=free))

    found = [each for each in tight.drive() if each.name == "space"]

    assert [(each.weight, each.step) for each in found] == [(weight, "make room on the drive")]


def test_every_command_that_is_advised_exists(team, visit):
    """What a finding tells to type next can be typed."""
    from somabus.cli.group import _MODULES

    for plant in PLANTED:
        if plant is not revoked_agent:
            plant(team)

    steps = [each.step for each in bus(visit)]

    advised = {word for step in steps for word in re.findall(r"somabus ([a-z]+)", step)}
    assert advised
    assert advised <= set(_MODULES)


# -- the command ----------------------------------------------------------------------------------------------


def test_the_command_ends_with_0_where_nothing_is_wrong(team):
    """A healthy bus on a good drive: exit code 0, and the unread mail is counted as everywhere."""
    answer = team("doctor")

    assert answer.code == 0, answer
    assert "unread 0" in answer.out
    assert "no faults, 2 notes\n" in answer.out  # nothing is scheduled on a machine of tests


def test_findings_are_counted_in_a_line():
    """The last line says how many faults and notes there are, and that nothing is wrong where that is so."""

    def said(**tally):
        weights = [Weight(name) for name, count in tally.items() for _ in range(count)]
        return summary([Finding("x", weight, "bus", "y") for weight in weights])

    assert said(ok=3) == "nothing is wrong"
    assert said(ok=1, note=1) == "no faults, 1 note"
    assert said(note=2, warning=1, error=2) == "2 errors, 1 warning, 2 notes"


def test_the_command_ends_with_6_and_names_the_worst_first(team):
    """The exit code is that of the worst finding, which stands in the first line."""
    stop(team)
    damaged_file(team)

    answer = team("doctor", "--json")

    assert answer.code == 6
    weights = [each["weight"] for each in answer.json["findings"]]
    assert weights[:2] == ["error", "warning"]
    assert weights == sorted(weights, key=["error", "warning", "note", "ok"].index)


def test_a_drive_that_is_away_is_not_called_empty(team):
    """Could not look is exit code 4, and nothing is made on the empty mount point."""
    team.bus.rename(team.bus.with_name("away"))
    team.bus.mkdir()

    answer = team("doctor")

    assert answer.code == 4, answer
    assert f"could not look at '{team.bus}'" in answer.err
    assert "is it mounted?" in answer.err
    assert list(team.bus.iterdir()) == []


def test_a_folder_that_never_was_a_bus_is_wrong_usage(team, tmp_path):
    """Exit code 2, and nothing is made in it."""
    other = tmp_path / "other"
    other.mkdir()

    assert team("doctor", "--bus", str(other)).code == 2
    assert list(other.iterdir()) == []


def test_a_bus_whose_own_file_is_damaged_is_told_with_its_remedy(team):
    """Without somabus.json no agent starts; the doctor still examines the drive, and says what to bring back."""
    (team.bus / "somabus.json").write_text("{ half")

    answer = team("doctor", "--json")

    (worst, *rest) = answer.json["findings"]
    assert (answer.code, worst["name"], worst["about"]) == (6, "damage", "somabus.json"), answer
    assert "bring back a copy" in worst["step"]
    assert {"link", "claim", "lock"} <= {each["name"] for each in rest}


def test_one_who_answers_does_nothing_else(team):
    """--answer with --fix or --with is refused as wrong usage, and so is a time to wait where nobody is waited for."""
    assert team("doctor", "--for", "1s").code == 2
    assert team("doctor", "--answer", "--fix").code == 2
    assert team("doctor", "--answer", "--with", "planner").code == 2


def test_an_unknown_other_is_refused_with_the_nearest_name(team):
    """P8: nobody waits for somebody who has not joined."""
    answer = team("doctor", "--with", "planer")

    assert (answer.code, "did you mean planner?" in answer.err) == (5, True), answer
    assert "sent" not in answer.err


def test_nobody_asks_and_nobody_answers(team):
    """Each side gives up after the time it was given, with exit code 4 and what to type on the other machine."""
    asked, answered = (
        team("doctor", "--with", "planner", "--for", "200ms"),
        team("doctor", "--answer", "--for", "200ms"),
    )

    assert (asked.code, "somabus doctor --answer --agent planner" in asked.out) == (4, True), asked
    assert (answered.code, "somabus doctor --with scout" in answered.err) == (4, True), answered
    assert ("--with" in asked.out, "--answer" in answered.err) == (False, False), "each is told one thing to type"


# -- fix ------------------------------------------------------------------------------------------------------


def everything(folder):
    """Every file below a folder, with its bytes and its mode."""
    return {
        path: (path.read_bytes(), path.stat().st_mode)
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def test_fix_puts_right_only_what_is_safe_and_does_it_once(team, visit):
    """Old debris and an open key are put right; every other fault stays as it is; the second time nothing is left to do."""
    for plant in (stuck_claim, silent_agent, damaged_file, conflict_copy, junk, open_key):
        plant(team)
    old, before = old_debris(team), everything(team.bus)

    first, second = bus(visit, fix=True), bus(visit, fix=True)

    assert sorted(each.about.split("/")[-1] for each in first if each.name == "fixed") == ["4711-abcdef01", "key"]
    assert "removed what a killed writer left there, 1 file" in [each.cause for each in first]
    assert "somabus rotate --agent planner" in [each.step for each in first]
    assert [each for each in second if each.name in ("fixed", "debris", "open key")] == []
    assert not old.exists()
    (key,) = Path(os.environ["SOMABUS_HOME"]).glob("buses/*/planner/key")
    assert key.stat().st_mode & 0o777 == 0o600
    after = everything(team.bus)
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    assert changed == {old / "0"}


def test_fix_leaves_what_a_living_writer_may_need(team, visit):
    """A fresh file in an old folder, an old file in a fresh folder, a link, a lock: none of them is touched."""
    fresh = old_debris(team, "fresh-file")
    (fresh / "1").write_bytes(b"being written")
    young = old_debris(team, "fresh-folder")
    os.utime(young)
    linked = old_debris(team, "with-link")
    (linked / "link").symlink_to("/etc/hostname")
    month_ago = SystemClock().now().timestamp() - 30 * DAY_S
    os.utime(linked / "link", (month_ago, month_ago), follow_symlinks=False)
    os.utime(linked, (month_ago, month_ago))
    locks = old_debris(team, "locks")
    before = everything(team.bus)

    found = bus(visit, fix=True)

    assert found == []
    assert everything(team.bus) == before
    assert [each.exists() for each in (fresh, young, locks)] == [True] * 3
    assert (linked / "link").is_symlink()


def test_fix_does_nothing_while_a_human_has_stopped_the_bus(team, visit):
    """P12: under a STOP the doctor looks, changes nothing, and says so of each thing that it would have put right."""
    old = old_debris(team)
    stop(team)

    found = bus(visit, fix=True)

    assert old.exists()
    assert sorted(each.name for each in found) == ["debris", "stop"]
    (debris,) = (each for each in found if each.name == "debris")
    assert "it was left as it is, for a human has stopped the bus" in debris.cause
    assert debris.step == "when it may go on: somabus resume, then somabus doctor --fix"
