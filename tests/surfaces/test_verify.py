"""`verify` judges a tree or one file, changes nothing, and says for each fault what is wrong and what to do."""

import json
import os
import shutil

import pytest

from somabus.cli.output import Exit
from tests.surfaces.conftest import machine, on_a_bus


def faults(shell, *order):
    """Return what `verify` finds, by path; each path at most once."""
    answer = shell("verify", *order, "--json")
    return {each["path"]: each for each in answer.json["faults"]}


def relative(shell, path):
    """Return a path as `verify` names it."""
    return path.relative_to(shell.bus).as_posix()


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A tree in which everything has happened once: mail in every state, logs, keys, leases, heartbeats."""
    with pytest.MonkeyPatch.context() as patch:
        machine(tmp_path_factory.mktemp("original"), patch)
        team = on_a_bus(patch)
        for name in ("scout", "planner"):
            team("beat", "--agent", name)
        for body in ("done", "rejected", "waits"):
            team.send(body)
        team.send("later", "--not-before", "1h")
        team.send("keyed", "--key", "k", "--kind", "echo")
        team("read", "--agent", "planner")
        for n in range(3):
            team("share", "topic", f"statement {n}")
        team("send", "scout", "for the beat", "--agent", "planner")
        team("beat")
        return team.bus


@pytest.fixture
def busy(shell, original, monkeypatch):
    """A shell beside a copy of that tree, on a machine that has none of its agents' keys."""
    shutil.copytree(original, shell.bus)
    monkeypatch.setenv("SOMABUS_BUS", str(shell.bus))
    return shell


def test_a_good_tree_has_no_fault(busy):
    """Whatever somabus itself wrote is of format 1: exit 0, and the number of documents that were looked at."""
    answer = busy("verify")

    assert answer.code == Exit.DONE, answer
    assert "documents, all of format 1" in answer.out


def test_everything_is_looked_at(busy):
    """The number of documents is the number of files outside tmp/."""
    files = [path for path in busy.bus.rglob("*") if path.is_file() and "tmp" not in path.relative_to(busy.bus).parts]

    assert busy("verify", "--json").json["documents"] == len(files)


def test_nothing_is_changed(busy):
    """Judging leaves every byte and every name as it was."""

    def state():
        return {path: path.read_bytes() for path in busy.bus.rglob("*.json")}

    before = state()
    busy("verify")

    assert state() == before


def test_the_tree_may_be_named_or_be_the_bus_of_the_settings(busy, monkeypatch):
    """`verify PATH` needs no settings; `verify` judges the bus that they name."""
    named = busy("verify", "--json").json
    monkeypatch.delenv("SOMABUS_BUS")

    assert busy("verify", str(busy.bus), "--json").json == named


def torn(shell):
    """A message of which only the beginning reached the drive."""
    path = shell.mail()[0]
    path.write_bytes(path.read_bytes()[:100])
    return path, "no JSON"


def empty(shell):
    """A message without a byte, as after a power cut without fsync."""
    path = shell.mail()[0]
    path.write_bytes(b"")
    return path, "empty"


def wrong_id(shell):
    """A message under another one's name."""
    path = shell.mail()[0]
    first = path.name[2]
    wrong = path.with_name(f"{path.name[:2]}{'1' if first == '0' else '0'}{path.name[3:]}")
    return path.rename(wrong), "the name says"


def forged(shell):
    """A message that was changed after it was signed."""
    path = shell.mail()[0]
    path.write_bytes(path.read_bytes().replace(b'"kind":"note"', b'"kind":"goal"'))
    return path, "not signed by scout"


def unsigned(shell):
    """A message without a signature."""
    path = shell.mail()[0]
    value = json.loads(path.read_bytes())
    del value["signature"]
    path.write_text(json.dumps(value))
    return path, "not signed"


def misdirected(shell):
    """A copy of planner's message in scout's inbox."""
    path = shell.mail()[0]
    other = shell.bus / "messages" / "scout" / "inbox"
    other.mkdir(parents=True, exist_ok=True)
    return path.rename(other / path.name), "sent to planner"


def doubled(shell):
    """A member that stands twice."""
    path = shell.mail()[0]
    path.write_bytes(path.read_bytes().replace(b'"kind":', b'"kind":"note","kind":', 1))
    return path, "twice"


def foreign_name(shell):
    """A file that somebody put into an inbox."""
    path = shell.bus / "messages" / "planner" / "inbox" / "notes.txt"
    path.write_text("hello")
    return path, "the name is none of"


def unreadable_name(shell):
    """A name that no drive-independent key can have."""
    path = shell.bus / "messages" / "planner" / "inbox" / "ä.json"
    path.write_text("{}")
    return path, "no reader sees"


def link(shell):
    """A symbolic link in an inbox."""
    path = shell.bus / "messages" / "planner" / "inbox" / shell.mail()[0].name.replace(".0.json", ".1.json")
    path.symlink_to("/etc/hostname")
    return path, "link"


def linked_folder(shell):
    """An agent's folder that is a link to somewhere else."""
    path = shell.bus / "messages" / "elsewhere"
    path.symlink_to("/tmp")
    return path, "link"


def changed_card(shell):
    """A card whose skills somebody else wrote."""
    path = shell.bus / "registry" / "scout" / "card.json"
    path.write_bytes(path.read_bytes().replace(b'"skills":[]', b'"skills":["root"]'))
    return path, "sealed"


def copied_heartbeat(shell):
    """Another agent's heartbeat under this one's name."""
    path = shell.bus / "registry" / "scout" / "heartbeat.json"
    path.write_bytes((shell.bus / "registry" / "planner" / "heartbeat.json").read_bytes())
    return path, "not written by scout"


def damaged_cursors(shell):
    """A cursor file that is no JSON."""
    path = shell.bus / "registry" / "scout" / "cursors.json"
    path.write_text("nothing")
    return path, "no JSON"


def damaged_lease(shell):
    """A lease's record that is none."""
    path = next((shell.bus / "leases").rglob("*.json"))
    path.write_text('{"format":1}')
    return path, "name"


def future(shell):
    """A document of a format that does not exist yet."""
    path = shell.mail()[0]
    path.write_bytes(path.read_bytes().replace(b'{"format":1', b'{"format":2'))
    return path, "format"


DAMAGE = [
    torn, empty, wrong_id, forged, unsigned, misdirected, doubled, foreign_name, unreadable_name, link, linked_folder,
    changed_card, copied_heartbeat, damaged_cursors, damaged_lease, future,
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_each_kind_of_damage_is_found_and_named(busy, damage):
    """A damaged tree is exit 6; the fault names the file, what is wrong and what to do; no other file looks bad."""
    path, word = damage(busy)

    answer = busy("verify", "--json")

    found = answer.json["faults"]
    assert answer.code == Exit.UNWELL
    assert {each["path"] for each in found} == {relative(busy, path)}
    assert any(word in each["rule"] for each in found), found
    assert all(each["step"] for each in found)


@pytest.mark.parametrize("damage", [link, linked_folder], ids=lambda damage: damage.__name__)
def test_a_link_is_told_once(busy, damage):
    """One fault is one row, and its advice is not to do what was just done."""
    damage(busy)

    told = busy("verify", "--json").json["faults"]

    assert len(told) == 1
    assert "somabus verify" not in told[0]["rule"]


def test_a_hole_in_a_log_is_a_warning(busy):
    """A number that is missing is told with the number readers wait for; nobody's mail is in danger: exit 0."""
    log = busy.bus / "messages" / "scout" / "outbox" / "0000000"
    (log / "0000000002.json").unlink()

    answer = busy("verify", "--json")

    (fault,) = answer.json["faults"]
    assert answer.code == Exit.DONE
    assert (fault["path"], fault["weight"]) == (relative(busy, log / "0000000003.json"), "warning")
    assert "from 2" in fault["rule"]


def test_an_entry_in_the_wrong_segment_is_found(busy):
    """A log entry where its number does not belong is not found by readers: exit 6."""
    log = busy.bus / "messages" / "scout" / "outbox"
    (log / "0000007").mkdir()
    (log / "0000000" / "0000000003.json").rename(log / "0000007" / "0000000003.json")

    assert "segment 0000000" in faults(busy)["messages/scout/outbox/0000007/0000000003.json"]["rule"]


@pytest.mark.parametrize(
    "name", ["card (1).json", "card.sync-conflict-20261120.json", "card (scout's conflicted copy).json"]
)
def test_a_copy_made_by_a_sync_tool_is_named_as_one(busy, name):
    """A bus in a synchronised folder is a mistake that loses mail; its traces are called by their name."""
    card = busy.bus / "registry" / "scout" / "card.json"
    (card.parent / name).write_bytes(card.read_bytes())

    answer = faults(busy)[f"registry/scout/{name}"]

    assert "sync tool" in answer["rule"]
    assert answer["weight"] == "warning"


def test_a_sync_copy_in_an_inbox_is_named_as_one(busy):
    """A copied message is called by its cause, too."""
    path = busy.mail()[0]
    copy = path.with_name(f"{path.stem} (1).json")
    copy.write_bytes(path.read_bytes())

    assert "sync tool" in faults(busy)[relative(busy, copy)]["rule"]


@pytest.mark.parametrize(
    "place", ["readme.txt", "registry/notes.md", "messages/planner/other/x.json", "channels/x.json"]
)
def test_what_has_no_place_in_the_format_is_a_warning(busy, place):
    """A file that no agent reads is told and harms nobody: exit 0."""
    (busy.bus / place).parent.mkdir(parents=True, exist_ok=True)
    (busy.bus / place).write_text("{}")

    answer = busy("verify", "--json")

    assert answer.code == Exit.DONE
    assert [(each["path"], each["weight"]) for each in answer.json["faults"]] == [(place, "warning")]


@pytest.mark.parametrize("name", [".DS_Store", ".nfs0001", "tmp/left/0"])
def test_what_systems_leave_behind_is_no_fault(busy, name):
    """Hidden files of an operating system and debris under tmp/ are not worth a line."""
    (busy.bus / name).parent.mkdir(exist_ok=True)
    (busy.bus / name).write_text("x")

    assert faults(busy) == {}


@pytest.mark.parametrize("name", ["Thumbs.db", "desktop.ini"])
def test_what_windows_leaves_behind_is_no_fault(busy, name):
    """A person who opened the folder in Windows Explorer has damaged nothing."""
    (busy.bus / name).write_text("x")

    assert busy("verify").code == Exit.DONE


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are made on POSIX only")
def test_a_pipe_does_not_hang_the_judge(busy):
    """A named pipe in the tree is found, not waited for."""
    os.mkfifo(busy.bus / "registry" / "pipe")

    assert "registry/pipe" in faults(busy)


def test_a_damaged_bus_file_is_a_fault_like_any_other(busy):
    """The most important file of the tree, damaged: exit 6, and the answer names it."""
    (busy.bus / "somabus.json").write_text("{")

    answer = busy("verify")

    assert answer.code == Exit.UNWELL
    assert "somabus.json" in answer.out + answer.err


def test_a_damaged_tree_is_told_in_words(busy):
    """For a person, each fault is a row with path, weight, what is wrong and the next step."""
    torn(busy)

    told = busy("verify").out

    for word in ("path", "weight", "what is wrong", "next step", "error", "no JSON", "send it again"):
        assert word in told


def test_one_file_is_judged_without_its_bus(busy, home, monkeypatch):
    """A writer in another language checks one document anywhere: exit 0 for a good one."""
    monkeypatch.delenv("SOMABUS_BUS")
    copy = home / "mine.json"
    copy.write_bytes(busy.mail()[0].read_bytes())

    answer = busy("verify", str(copy), "--json")

    (warning,) = answer.json["faults"]
    assert (answer.code, answer.json["documents"], warning["weight"]) == (Exit.DONE, 1, "warning")
    assert "signature was not checked" in warning["rule"]


@pytest.mark.parametrize("place", ["somabus.json", "registry/scout/card.json", "registry/scout/heartbeat.json"])
def test_every_kind_of_document_may_be_judged_alone(busy, place):
    """Cards, heartbeats and the bus's own file are recognised by what they say."""
    assert busy("verify", str(busy.bus / place), "--json").json["faults"] == []


def test_one_bad_file_is_judged(busy):
    """A torn document alone is exit 6, with its name and what is wrong."""
    path, word = torn(busy)

    answer = busy("verify", str(path), "--json")

    assert answer.code == Exit.UNWELL
    (fault,) = answer.json["faults"]
    assert fault["path"] == path.relative_to(busy.bus).as_posix()
    assert word in fault["rule"]


def test_a_forged_file_is_told_where_it_lies(busy):
    """One file in a bus is judged with its bus: a byte changed in a signed message is seen."""
    path = busy.mail()[0]
    path.write_bytes(path.read_bytes().replace(b'"subject":""', b'"subject":"!"'))

    answer = busy("verify", str(path), "--json")

    assert answer.code == Exit.UNWELL
    assert "not signed by" in answer.json["faults"][0]["rule"]


def test_a_misspelt_member_is_a_warning(busy, home):
    """A writer who misspells a member learns it: readers would skip it without a word."""
    path = home / "mine.json"
    path.write_bytes(busy.mail()[0].read_bytes().replace(b'"topic":', b'"topik":'))

    fault = busy("verify", str(path), "--json").json["faults"][0]

    assert fault["weight"] == "warning"
    assert "topik" in fault["rule"]
