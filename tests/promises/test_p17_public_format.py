"""P17. The tree is a public format: any language can write it, the docs' own writers are run, and verify judges them."""

import re
import shutil
import subprocess
import typing
from pathlib import Path

import pytest

from somabus import Agent, create_bus
from somabus.jobs.aside import Line, Report, Spent
from somabus.jobs.workers import WorkerRecord
from somabus.model.approval import Answer, Request, Use
from somabus.model.audit import AuditEntry
from somabus.model.bus import Bus
from somabus.model.card import Card
from somabus.model.certificate import Certificate, Rotation
from somabus.model.creed import Creed
from somabus.model.cursor import Cursors
from somabus.model.deadletter import DeadLetter
from somabus.model.envelope import Seal
from somabus.model.goal import Goal, Proposal, Work
from somabus.model.heartbeat import Heartbeat
from somabus.model.job import Job
from somabus.model.leases import LeaseRecord
from somabus.model.revocation import Revocations
from somabus.model.stop import Resume, Stop
from somabus.model.work import Bond, Step, Try
from somabus.poster import PostedKey
from somabus.sender import SentKey
from somabus.verify import judge_path

DOCS = Path(__file__).parents[2] / "docs" / "format.md"


def block(language):
    """The writer that docs/format.md prints in a language."""
    return re.search(rf"<!-- writer -->\n```{language}[^\n]*\n(.*?)```", DOCS.read_text(), re.DOTALL)[1]


DOCUMENTS = {
    "somabus.json": Bus, "card": Card, "heartbeat": Heartbeat, "cursors": Cursors, "lease": LeaseRecord,
    ".why.json": DeadLetter, "certificate": Certificate, "revocations": Revocations, "stop": Stop, "resume": Resume,
    "goal": Goal, "answer": Answer, "values": Creed, "proposal": Proposal, "work": Work, "rotation": Rotation,
    "request": Request, "use": Use, "audit entry": AuditEntry, "keys/…": SentKey, "keys/….post.json": PostedKey,
    "job": Job, "<n>.<event>": Try, "steps/…": Step, "then/…": Bond, "progress.json": Report, "job log": Line, "spent": Spent,
    "worker": WorkerRecord,
}  # fmt: skip
NOT_WRITTEN = {"text", "disk_free_here", "disk_free_drive", "load", "clock_offset_s", "host", "version"}


@pytest.mark.parametrize("label", list(DOCUMENTS))
def test_the_page_shows_every_member_of_every_document(label):
    """A writer in another language finds each member of each document on the page, and none that is not there."""
    page = DOCS.read_text(encoding="utf-8")
    shown = re.search(rf"^{re.escape(label)} +(\{{.*?)(?=^\S|\Z)", page, re.DOTALL | re.MULTILINE)[1]
    members = set(re.findall(r'"([a-z0-9_]+)":', shown)) - {"signature"}
    fields = DOCUMENTS[label].model_fields

    inner = {name for field in fields.values() for name in inner_members(field.annotation)}
    assert set(fields) - members - NOT_WRITTEN == set()
    assert members - set(fields) - inner == set()


def inner_members(kind):
    """The members of the values inside a member, at any depth."""
    found = set(getattr(kind, "model_fields", {}))
    for each in [*typing.get_args(kind), *(field.annotation for field in getattr(kind, "model_fields", {}).values())]:
        found |= inner_members(each)
    return found


@pytest.mark.parametrize("seal", list(Seal))
def test_the_page_names_every_seal(seal):
    """A writer in another language finds the line that each kind of document is signed under."""
    words = seal.removeprefix("somabus ")

    assert f"`{seal}`" in DOCS.read_text() or f"`{words}`" in DOCS.read_text()


def test_a_writer_in_sh_is_understood(tmp_path):
    """The sender in sh from docs/format.md, copied as it stands, delivers to an agent on an open bus."""
    create_bus(tmp_path / "bus", policy="open")
    planner = Agent("planner", bus=tmp_path / "bus", home=tmp_path / "home")
    (tmp_path / "send.sh").write_text(block("sh"))

    for text in ("hello from sh", "and again"):
        done = subprocess.run(
            ["sh", tmp_path / "send.sh", tmp_path / "bus", "cron-host", "planner", text], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr

    assert [f for f in judge_path(tmp_path / "bus")[0] if f.weight == "error"] == []
    seen = sorted((delivery.sender, delivery.message.body) for delivery in planner.inbox.drain())
    assert seen == [("cron-host (unsigned)", "and again"), ("cron-host (unsigned)", "hello from sh")]
    assert planner.inbox.dead() == ()


def test_the_writers_are_short():
    """A sender takes fifteen lines in sh and in PowerShell."""
    for language in ("sh", "powershell"):
        lines = [line for line in block(language).splitlines() if line.strip()]
        assert len(lines) <= 15, f"{language}: {len(lines)}"


@pytest.mark.skipif(shutil.which("pwsh") is None, reason="PowerShell is not installed here")
def test_a_writer_in_powershell_is_understood(tmp_path):
    """The sender in PowerShell from docs/format.md, copied as it stands, delivers to an agent on an open bus."""
    create_bus(tmp_path / "bus", policy="open")
    planner = Agent("planner", bus=tmp_path / "bus", home=tmp_path / "home")
    (tmp_path / "send.ps1").write_text(block("powershell"))

    subprocess.run(
        ["pwsh", tmp_path / "send.ps1", tmp_path / "bus", "task-host", "planner", "hello"], check=True, timeout=60
    )

    assert [delivery.message.body for delivery in planner.inbox.drain()] == ["hello"]


def test_verify_names_file_rule_and_next_step(tmp_path):
    """What a foreign writer got wrong is named: the file, the rule, and what to do."""
    create_bus(tmp_path / "bus", policy="open")
    Agent("planner", bus=tmp_path / "bus", home=tmp_path / "home")
    inbox = tmp_path / "bus" / "messages" / "planner" / "inbox"
    inbox.mkdir(parents=True)
    (inbox / "hello.json").write_text('{"format":1}')

    (fault,) = judge_path(tmp_path / "bus")[0]

    assert fault.path == "messages/planner/inbox/hello.json"
    assert "<id>" in fault.rule
    assert fault.step
