"""P17. The tree is a public format: any language can write it, the docs' own writers are run, and verify judges them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from somabus import Agent, create_bus
from somabus.verify import judge_path

DOCS = Path(__file__).parents[2] / "docs" / "format.md"


def block(language):
    """The writer that docs/format.md prints in a language."""
    return re.search(rf"<!-- writer -->\n```{language}[^\n]*\n(.*?)```", DOCS.read_text(), re.DOTALL)[1]


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
