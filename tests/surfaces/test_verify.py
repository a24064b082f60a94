"""`verify` judges a tree or one file, changes nothing, and says for each fault what is wrong and what to do."""

import json
import os
import re
import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from somabus import Agent, Insight, create_bus
from somabus.cli.output import Exit
from somabus.desk import Desk
from somabus.model import signing
from somabus.model.bus import BUS_FILE
from somabus.model.envelope import Seal, seal_body, split
from somabus.model.signing import Signer, to_text
from somabus.model.stop import Range, Scope
from somabus.model.wire import dump
from somabus.operator import agents as vouching
from somabus.operator import direction, oversight, people
from somabus.store.directory import DirectoryStore
from somabus.verify import judge_path, judge_store
from tests.lying import lying
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
    files = [path for path in lying(busy.bus) if path.is_file()]

    assert busy("verify", "--json").json["documents"] == len(files)


def test_nothing_is_changed(busy):
    """Judging leaves every byte and every name as it was."""

    def state():
        return {path: path.read_bytes() for path in lying(busy.bus) if path.is_file()}

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


# -- what the humans rule ---------------------------------------------------------------------------------------


class Ruled:
    """A bus with an operator, in which everything has happened once that operators and agents do under them."""

    def __init__(self, root, keys):
        self.root = root
        self.keys = keys  # by name: signers, for writing what nobody of somabus would write

    def faults(self, now=None):
        """Return what is wrong, by path; each path at most once."""
        found, _ = judge_path(self.root, now=now)
        by_path = {each.path: each for each in found}
        assert len(by_path) == len(found), found
        return by_path

    def one(self, pattern):
        """Return the one file that a pattern finds, or the first of several."""
        return min(self.root.glob(pattern))

    def rewrite(self, pattern, seal, signer, **changed):
        """Change members of a document and seal it anew with somebody's key, or with none."""
        path = self.one(pattern)
        value = json.loads(split(path.read_bytes()).body)
        body = dump({**value, **changed})
        path.write_bytes(body if signer is None else seal_body(body, seal, self.keys[signer].sign))
        return path


@pytest.fixture(scope="module")
def realm(tmp_path_factory):
    """Certificates, a rotation, a goal with work, a proposal, values, an approval, a stop, an audit with evidence."""
    base = tmp_path_factory.mktemp("realm")
    root, home, desk_home = base / "bus", base / "home", base / "desk"
    create_bus(root, home=home)

    def agent(name):
        return Agent(name, root, home=home, durability="none")

    scout, planner = agent("scout"), agent("planner")
    old = scout._services.signer
    desk = Desk(root, home=desk_home)
    desk.new_key("anna", None)
    seat = desk.sit(lambda: "")
    first = seat.signer
    people.found(seat)
    vouching.certify(seat, "scout")
    vouching.certify(seat, "planner")
    people.set_policy(seat, categories=("general", "deploy"))
    planner.share(Insight(topic="smb", statement="it is slow", confidence=1))
    scout.beat()
    planner.send("scout", "before the rotation")
    scout.send("planner", "before the rotation")
    vouching.certify(seat, "scout", expect=scout.rotate())
    scout = agent("scout")
    scout.beat()
    goal = direction.new_goal(seat, "Index the archive", "")
    planner.propose_goal("More tea")
    scout.work_on(goal.id, "the SMB part")
    direction.set_values(seat, "# Be kind")
    approval = scout.ask_approval("deploy", detail="v3", category="deploy")
    seat = desk.sit(lambda: "")  # as the next command does
    oversight.answer(seat, approval.id, "ok", granted=True)
    approval.use()
    oversight.stop(seat, Scope(Range.BUS), "a try")
    oversight.resume(seat, Scope(Range.BUS), "it was one")
    oversight.stop(seat, Scope(Range.KIND, "deploy"), "not today")
    seat.audit.append("refused", "inbox of scout", "a forged letter", evidence=b"dear scout")
    scout.use_builtin_handlers()
    scout.beat()
    desk.rotate(lambda: "")
    keys = {"scout": scout._services.signer, "planner": planner._services.signer, "anna": desk.sit(lambda: "").signer,
            "scout before": old, "anna before": first, "stranger": Signer(bytes(32))}  # fmt: skip
    return Ruled(root, keys)


@pytest.fixture
def ruled(realm, tmp_path):
    """A copy of that bus."""
    shutil.copytree(realm.root, tmp_path / "bus")
    return Ruled(tmp_path / "bus", realm.keys)


def test_a_ruled_bus_has_no_fault(ruled):
    """What operators and agents under them wrote is of format 1, to the last file: no fault and no warning."""
    found, looked_at = judge_path(ruled.root)
    files = [path for path in lying(ruled.root) if path.is_file()]

    assert found == []
    assert looked_at == len(files)


@pytest.mark.parametrize(
    "pattern",
    ["somabus.json", "values.md", "STOP.kind.deploy", "operator/revocations.json", "operator/history/*/*/*.json",
     "operator/resumed/*.json", "registry/scout/*.json", "goals/*.json", "goals/*/scout.json", "goals/proposed/*.json",
     "approvals/*/*.json", "audit/*/*1.json"],
)  # fmt: skip
def test_each_document_of_a_ruled_bus_may_be_judged_alone(ruled, pattern, tmp_path):
    """One file in its bus has no fault, and away from it none but that nobody knows whose it is."""
    for path in ruled.root.glob(pattern):
        away = tmp_path / f"away-{path.name}"
        shutil.copy(path, away)

        there, _ = judge_path(path)
        (alone,), _ = judge_path(away)

        assert there == []
        assert (alone.weight, alone.rule.split(":")[0]) == ("warning", "nobody knows here whose it is")


def spoil(path, old, new):
    """Replace bytes in a file."""
    raw = path.read_bytes()
    assert old in raw
    path.write_bytes(raw.replace(old, new, 1))
    return path


ID_ELSEWHERE = "01a1f9de-1d99-72bc-bdf7-9a7b3e80730a"
SPOILED = {
    "a policy that nobody signed": (lambda r: spoil(r.one("somabus.json"), b'"hop_limit":16', b'"hop_limit":99'),
        "no operator signed a new version"),
    "an older version put back": (lambda r: replaced(r, "somabus.json", "operator/history/bus/*/*2.json"),
        "put back to version 2"),
    "an operator smuggled into the history": (lambda r: r.rewrite("operator/history/bus/*/*4.json", Seal.BUS,
        "stranger", name="ours"), "no operator of the version before it signed it"),
    "an older list of revoked keys put back": (lambda r: replaced(r, "operator/revocations.json",
        "operator/history/revocations/*/*1.json"), "not an operator's|number 1|no operator's any more"),
    "an empty list sealed by an agent": (lambda r: r.rewrite("operator/revocations.json", Seal.REVOCATIONS, "scout",
        revoked=[]), "not signed by an operator"),
    "a version that no operator signed": (lambda r: spoil(r.one("operator/history/values/*/*1.json"),
        b"Be kind", b"Be rude"), "not the one that was signed"),
    "a resume by a stranger": (lambda r: r.rewrite("operator/resumed/*.json", Seal.RESUME, "stranger"),
        "not signed by an operator"),
    "a resume of another stop": (lambda r: r.rewrite("operator/resumed/*.json", Seal.RESUME, "anna",
        stop=ID_ELSEWHERE), "lifts the stop"),
    "a certificate by an agent": (lambda r: r.rewrite("registry/planner/certificate.json", Seal.CERTIFICATE, "scout"),
        "not signed by an operator"),
    "a certificate for another": (lambda r: replaced(r, "registry/planner/certificate.json",
        "registry/scout/certificate.json"), "was made for scout"),
    "a certificate for a year": (lambda r: r.rewrite("registry/planner/certificate.json", Seal.CERTIFICATE, "anna",
        not_after="2099-01-01T00:00:00Z"), "more than 90 days"),
    "a certificate of another bus": (lambda r: r.rewrite("registry/planner/certificate.json", Seal.CERTIFICATE,
        "anna", bus=ID_ELSEWHERE), "another bus"),
    "a certificate by a key that was given up": (lambda r: r.rewrite("registry/planner/certificate.json",
        Seal.CERTIFICATE, "anna before"), "no operator's any more"),
    "a rotation that the old key did not seal": (lambda r: r.rewrite("registry/scout/rotation.json", Seal.ROTATION,
        "planner"), "not sealed with the key that hands over"),
    "a rotation by a key of nobody": (lambda r: r.rewrite("registry/scout/rotation.json", Seal.ROTATION, "stranger",
        old_key=to_text(r.keys["stranger"].public_key)), "is none of scout"),
    "cursors sealed by another": (lambda r: r.rewrite("registry/scout/cursors.json", Seal.CURSORS, "planner"),
        "not signed by scout"),
    "cursors without a seal": (lambda r: r.rewrite("registry/scout/cursors.json", Seal.CURSORS, None), "not signed"),
    "a goal by an agent": (lambda r: r.rewrite("goals/*.json", Seal.GOAL, "scout", title="Obey scout"),
        "not signed by an operator"),
    "a goal under an older number": (lambda r: r.rewrite("goals/*.json", Seal.GOAL, "anna", version=1),
        "number 1 stands here, and number 2"),
    "another goal of that number": (lambda r: r.rewrite("goals/*.json", Seal.GOAL, "anna", title="Other"),
        "not what was published"),
    "a goal put back": (lambda r: replaced(r, "goals/*.json", "operator/history/goal.*/*/*1.json"), "no operator's any"),
    "work in another's name": (lambda r: r.rewrite("goals/*-*/scout.json", Seal.WORK, "planner"),
        "not signed by scout"),
    "a proposal in another's name": (lambda r: r.rewrite("goals/proposed/*.json", Seal.PROPOSAL, "scout"),
        "not signed by planner"),
    "values that somebody edited": (lambda r: spoil(r.one("values.md"), b"Be kind", b"Be rude"),
        "not the one that was signed"),
    "a request in another's name": (lambda r: r.rewrite("approvals/*/request.json", Seal.REQUEST, "planner"),
        "not signed by scout"),
    "an answer by an agent": (lambda r: r.rewrite("approvals/*/answer.json", Seal.ANSWER, "scout"),
        "not signed by an operator"),
    "an answer to another wording": (lambda r: r.rewrite("approvals/*/answer.json", Seal.ANSWER, "anna",
        request="0" * 64), "another wording"),
    "a use by another": (lambda r: r.rewrite("approvals/*/use.json", Seal.USE, "planner", by="planner"),
        "granted to scout"),
    "evidence that was changed": (lambda r: spoil(r.one("audit/evidence/*"), b"dear", b"Dear"), "digest differs"),
    "a file that is none": (lambda r: spoil(r.one("goals/proposed/*.json"), b'{"format":1', b'{"format":1,"format":1'),
        "twice"),
}  # fmt: skip


def replaced(ruled, pattern, by):
    """Put the bytes of one file over those of another."""
    path = ruled.one(pattern)
    path.write_bytes(ruled.one(by).read_bytes())
    return path


@pytest.mark.parametrize("case", list(SPOILED))
def test_what_no_operator_or_owner_wrote_is_an_error(ruled, case):
    """Each document of a ruled bus that is not what it should be is named, with what is wrong and what to do."""
    spoiling, word = SPOILED[case]
    path = spoiling(ruled).relative_to(ruled.root).as_posix()

    found = ruled.faults()

    also = {each for each in found if each != path}
    assert found[path].weight == "error"
    assert any(each in found[path].rule for each in word.split("|")), found[path]
    assert found[path].step
    assert all(each.startswith(("approvals/", "somabus.json")) for each in also), also


@pytest.mark.parametrize(
    ("pattern", "path"),
    [("values.md", None), ("goals/*.json", None), ("audit/0000000/*3.json", None),
     ("operator/history/bus/*/*2.json", "operator/history/bus/0000000/0000000003.json")],
)  # fmt: skip
def test_what_was_taken_away_is_missed(ruled, pattern, path):
    """A document that operators published, and an entry of the audit, cannot vanish without a word."""
    gone = ruled.one(pattern)
    gone.unlink()

    found = ruled.faults()

    missed = found[path or gone.relative_to(ruled.root).as_posix()]
    assert "missing" in missed.rule or "does not follow" in missed.rule


def test_a_list_of_revoked_keys_that_vanished_with_its_history_is_missed(ruled):
    """On a bus with operators there is such a list, be it empty: without it no certificate counts."""
    (ruled.root / "operator/revocations.json").unlink()
    shutil.rmtree(ruled.root / "operator/history/revocations")

    found = ruled.faults()

    assert "missing" in found["operator/revocations.json"].rule


def test_a_changed_entry_of_the_audit_is_named_and_so_is_the_break(ruled):
    """The chain: an altered entry is told by its own signature, a rewritten one by the entry after it."""
    ruled.rewrite("audit/0000000/*3.json", Seal.AUDIT, "anna before", detail="nothing happened")

    found = ruled.faults()

    assert list(found) == ["audit/0000000/0000000004.json"]
    assert "does not follow number 3" in found["audit/0000000/0000000004.json"].rule


def test_an_entry_that_a_stranger_signed_in_an_operators_name_is_a_warning(ruled):
    """The audit is open to all; a key that was never the teller's is told."""
    last = max(ruled.root.glob("audit/0000000/*.json"))
    ruled.rewrite(
        last.relative_to(ruled.root).as_posix(), Seal.AUDIT, "stranger", key=to_text(ruled.keys["stranger"].public_key)
    )

    (fault,) = ruled.faults().values()

    assert (fault.weight, "one of anna" in fault.rule) == ("warning", True)


@pytest.mark.parametrize("content", ["", "fire!", "{}", "folder", "huge", "link"])
@pytest.mark.parametrize("name", ["STOP", "stop.txt", "STOP.agent.scout"])
def test_a_stop_made_by_hand_is_told_and_is_no_error(ruled, name, content):
    """Whatever a file named STOP holds, it stops: one warning says that no operator signed it."""
    path = ruled.root / name
    match content:
        case "folder":
            path.mkdir()
        case "huge":
            path.write_bytes(b"x" * 2_000_000)
        case _:
            path.write_text(content)

    (fault,) = ruled.faults().values()

    assert (fault.path, fault.weight) == (name, "warning")
    assert "by hand" in fault.rule
    assert "resume" in fault.step


def test_a_signed_stop_under_another_name_is_told(ruled):
    """A stop of one kind of work, copied to stop the bus, stops the bus; the judge says that it was not signed so."""
    shutil.copy(ruled.root / "STOP.kind.deploy", ruled.root / "STOP")

    (fault,) = ruled.faults().values()

    assert fault.path == "STOP"
    assert "signed to stop work of kind deploy" in fault.rule


def test_a_certificate_that_ran_out_is_a_warning(ruled):
    """Ninety days later, nobody has broken anything: each certificate is to be renewed, with the command for it."""
    later = datetime.now(UTC) + timedelta(days=91)

    found = ruled.faults(now=lambda: later)

    renewals = {path: each for path, each in found.items() if path.endswith("certificate.json")}
    assert sorted(renewals) == ["registry/planner/certificate.json", "registry/scout/certificate.json"]
    assert all(each.weight == "warning" and "expired" in each.rule for each in renewals.values())
    assert "operator certify scout" in renewals["registry/scout/certificate.json"].step


def test_mail_signed_before_a_rotation_counts_within_the_overlap_and_is_named_after_it(ruled):
    """A key that handed over counts for the overlap; what still waits after it will be refused, and the key is named."""
    waiting = ruled.one("messages/planner/inbox/*.json").relative_to(ruled.root).as_posix()
    later = datetime.now(UTC) + timedelta(days=8)

    before, after = ruled.faults(), ruled.faults(now=lambda: later)

    assert waiting not in before
    assert after[waiting].weight == "error"
    assert f"#{signing.short(ruled.keys['scout before'].public_key)} of scout, revoked" in after[waiting].rule


def test_what_a_revoked_key_signed_is_named(ruled):
    """After a revocation: what waits is an error, what was handled a warning, and both name the key."""
    raw = ruled.one("operator/history/revocations/*/*.json").read_bytes()
    there = json.loads(raw)
    key = to_text(ruled.keys["planner"].public_key)
    gone = {"agent": "planner", "public_key": key, "at": "2026-01-01T00:00:00Z", "why": "stolen"}
    number = len(list(ruled.root.glob("operator/history/revocations/*/*.json"))) + 1
    there.pop("signature")
    made = dump({**there, "number": number, "revoked": [gone]})
    for path in ("operator/revocations.json", f"operator/history/revocations/0000000/{number:010d}.json"):
        (ruled.root / path).write_bytes(seal_body(made, Seal.REVOCATIONS, ruled.keys["anna"].sign))
    done = ruled.one("messages/scout/done/*/*.json")
    waits = ruled.root / "messages/scout/inbox" / f"5-{done.stem}.0.json"
    shutil.copy(done, waits)

    found = ruled.faults()

    said = {path: each.weight for path, each in found.items() if "stolen" in each.rule}
    assert said[waits.relative_to(ruled.root).as_posix()] == "error"
    assert said[done.relative_to(ruled.root).as_posix()] == "warning"
    assert said["registry/planner/certificate.json"] == "warning"
    assert all(each.weight == "warning" for path, each in found.items() if "/inbox/" not in path)


def test_on_a_certified_bus_waiting_mail_of_the_uncertified_is_an_error(ruled):
    """Where only certified mail is acted on, the judge names what its reader will set aside."""
    version = len(list(ruled.root.glob("operator/history/bus/*/*.json"))) + 1
    there = json.loads((ruled.root / "somabus.json").read_bytes())
    there.pop("signature")
    made = dump({**there, "version": version, "policy": {**there["policy"], "trust": "certified"}})
    for path in ("somabus.json", f"operator/history/bus/0000000/{version:010d}.json"):
        (ruled.root / path).write_bytes(seal_body(made, Seal.BUS, ruled.keys["anna"].sign))
    (ruled.root / "registry/planner/certificate.json").unlink()
    done = ruled.one("messages/scout/done/*/*.json")
    shutil.copy(done, ruled.root / "messages/scout/inbox" / f"5-{done.stem}.0.json")

    (fault,) = ruled.faults().values()

    assert (fault.path, fault.weight) == (f"messages/scout/inbox/5-{done.stem}.0.json", "error")
    assert "nobody has certified planner" in fault.rule


def test_judging_writes_nothing_below_the_bus(ruled):
    """Not even under tmp/: a drive that is read-only can be judged."""
    before = {path: path.stat().st_mtime_ns for path in [ruled.root, *ruled.root.rglob("*")]}

    judge_path(ruled.root)

    assert {path: path.stat().st_mtime_ns for path in [ruled.root, *ruled.root.rglob("*")]} == before


class _Counting:
    """A store that counts what is read and listed."""

    def __init__(self, store):
        self._store = store
        self.read_keys, self.listed = Counter(), Counter()

    def __getattr__(self, name):
        return getattr(self._store, name)

    def read(self, key, **options):
        self.read_keys[key] += 1
        return self._store.read(key, **options)

    def list(self, prefix, *options):
        self.listed[prefix] += 1
        return self._store.list(prefix, *options)


def test_a_look_at_a_document_is_one_read(busy):
    """No document is taken for a folder, and none is read twice: on a server each look is a round trip."""
    store = _Counting(DirectoryStore(str(busy.bus), writer="t", marker=BUS_FILE))

    judge_store(store)

    mail = {
        key: count for key, count in store.read_keys.items() if re.match("messages/.+/(inbox|later|dead|done)/", key)
    }
    assert len(mail) > 5
    assert set(mail.values()) == {1}
    assert [key for key in store.listed if key.endswith(".json")] == []


def test_a_folder_that_is_named_as_a_document_is_walked(busy):
    """What lies in a folder whose name ends as a document's does is judged; an empty one is nothing."""
    (busy.bus / "messages" / "planner" / "inbox" / "empty.json").mkdir()
    (busy.bus / "goals" / "x.json").mkdir(parents=True)
    (busy.bus / "goals" / "x.json" / "y").write_text("hidden")

    assert list(faults(busy)) == ["goals/x.json/y"]
