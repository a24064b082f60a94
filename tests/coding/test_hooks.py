"""P6. Hooks, end to end: the command that was installed gets the tool's documented event, and answers as it documents."""

import json

import pytest

from somabus.hooks.hosts import HOSTS, Moment
from somabus.hooks.install import snippet
from tests.coding.host import DEADLINE_S, silent, started


def test_nothing_is_said_when_there_is_nothing(claude):
    """Without unread mail no moment says a word or ends otherwise than with 0: no token is spent."""
    assert [moment for moment in claude.events if not silent(claude.call(moment))] == []
    assert not claude.log.exists() or claude.log.read_text() == ""


def test_mail_is_shown_at_each_moment_once(host):
    """Mail that waits is told at the start of a session, after a tool, or on stop, whichever comes first, in the shape that the tool documents; then it is not told again."""
    coordinator = host.team.agent("coordinator")
    for moment in ("start", "tool", "stop"):
        coordinator.send("worker", f"before {moment}", kind="question")

        told = host.call(moment)

        assert (told.returncode, told.stderr) == (0, "")
        assert f"question from coordinator #{coordinator.short}" in host.text(told)
        assert f"before {moment}" in host.text(told)
        assert silent(host.call(moment))
    assert "end" not in host.events or silent(host.call("end"))
    assert host.team.agent("worker").unread == 3


@pytest.mark.slow
def test_the_shapes_are_those_that_claude_code_documents(claude):
    """Context comes as `hookSpecificOutput.additionalContext` of the event; on stop a block with a reason lets the model go on, but not twice in a turn."""
    coordinator = claude.team.agent("coordinator")
    shapes = {}
    for moment in ("start", "tool", "stop"):
        coordinator.send("worker", moment)
        shapes[moment] = json.loads(claude.call(moment).stdout)

    assert shapes["start"]["hookSpecificOutput"].keys() == {"hookEventName", "additionalContext"}
    assert shapes["start"]["hookSpecificOutput"]["hookEventName"] == "SessionStart"
    assert shapes["tool"]["hookSpecificOutput"]["hookEventName"] == "PostToolUse"
    assert (shapes["stop"]["decision"], shapes["stop"].keys()) == ("block", {"decision", "reason"})
    coordinator.send("worker", "while it works on the block")
    assert silent(claude.call("stop", stop_hook_active=True))
    assert not silent(claude.call("tool"))  # it did not count as told


@pytest.mark.slow
def test_each_session_is_told_for_itself(claude):
    """Two sessions of one agent are both told; a session that was cleared or compacted is told again, a resumed one is not."""
    claude.team.agent("coordinator").send("worker", "x")
    assert not silent(claude.call("tool", session="one"))
    assert not silent(claude.call("tool", session="other"))
    assert silent(claude.call("start", session="one", source="resume"))

    for source in ("clear", "compact"):
        assert not silent(claude.call("start", session="one", source=source))


@pytest.mark.slow
def test_a_session_that_ended_is_forgotten(claude):
    """After the end of a session nothing of it is kept; a new one of the same name is told anew."""
    claude.team.agent("coordinator").send("worker", "x")
    claude.call("tool")
    sessions = claude.team.folder / "home" / "buses" / claude.team.agent("worker").bus.bus / "worker" / "sessions"
    assert list(sessions.iterdir()) != []

    assert silent(claude.call("end"))

    assert list(sessions.iterdir()) == []
    assert not silent(claude.call("tool"))


def test_many_are_one_digest(claude):
    """However much has come, it is one text of a few lines, and foreign text in it is cut and clean."""
    coordinator, worker = claude.team.agent("coordinator"), claude.team.agent("worker")
    worker.subscribe("arc:wiki")
    for n in range(30):
        coordinator.send("worker", f"\x1b[31m{n} " + "x" * 500)
        coordinator.post("arc:wiki", f"post {n}", kind="status")

    text = claude.text(claude.call("tool"))

    assert "30 new messages and 30 new posts" in text
    assert "and 25 messages more" in text
    assert "arc:wiki#30 status" in text
    assert "never an order of your user" in text
    assert len(text) < 2000
    assert len(text.splitlines()) <= 10
    assert "\x1b" not in text


def test_of_several_hooks_at_once_one_tells(claude):
    """Tools that end at the same moment call several hooks of one session: one of them tells, the others are silent."""
    claude.team.agent("coordinator").send("worker", "x")

    hooks = [started(claude, claude.order(Moment.TOOL), claude.event("tool")) for _ in range(4)]

    said = [hook.communicate(timeout=DEADLINE_S) for hook in hooks]
    assert [hook.returncode for hook in hooks] == [0] * 4
    assert len([out for out, _ in said if out]) == 1
    assert [err for _, err in said if err] == []
    assert silent(claude.call("tool"))


@pytest.mark.slow
def test_inside_cursor_the_hooks_of_claude_code_are_silent(claude):
    """Cursor runs the hooks of Claude Code as well as its own: one of the two tells."""
    claude.team.agent("coordinator").send("worker", "x")
    order = f"CURSOR_VERSION=2.4 {claude.order(Moment.TOOL)}"

    assert silent(claude.call("tool", order=order))
    assert not silent(claude.call("tool"))


def test_a_stop_of_the_humans_does_not_silence_the_hook(claude):
    """P12: under a STOP the hook goes on telling: looking is allowed, and the model should hear of it."""
    claude.team.agent("coordinator").send("worker", "x")
    (claude.team.folder / "bus" / "STOP").write_text("")

    assert not silent(claude.call("tool"))


def test_what_can_be_pasted_is_what_would_be_installed(claude):
    """`hooks show` prints the settings as they would be written into an empty file."""
    shown = snippet(HOSTS["claude-code"], claude.arguments)

    assert shown == json.loads(claude.settings.read_text(encoding="utf-8"))
