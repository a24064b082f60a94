"""The coding agents that have hooks: where each keeps its settings, which moments it has, and what it reads back.

    moment     start: a session begins · tool: after each use of a tool · stop: the model wants to end its turn
               wait: in the background while the session idles · end: the session is over

Each shape is as the tool documents it (docs/coding-agents.md names the pages); one class a tool, one table each.
"""

import json
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

WAIT_FOR_S: Final = 8 * 3600
"""How long a waiter stays with an idle session."""

_LOOK_S: Final = 15


class Moment(StrEnum):
    """When a hook is called."""

    START = "start"
    TOOL = "tool"
    STOP = "stop"
    WAIT = "wait"
    END = "end"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a hook says: nothing at all, in most cases."""

    out: str = ""
    err: str = ""
    code: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One hook to be written into the settings: under which event, and with what beside the command."""

    event: str
    moment: Moment
    more: dict[str, Any]
    matcher: str | None = None


@dataclass(frozen=True, slots=True)
class Host:
    """One coding agent.

    `project` and `user` are its settings files, below the project and below the user's folder, of the same name unless
    `user` is given. `session` names the member of an event that tells sessions apart; `first` is what a new settings
    file must hold; `nested` says that each event lists groups of hooks, not hooks.
    """

    name: str
    project: str
    entries: tuple[Entry, ...]
    user: str = ""
    session: str = "session_id"
    first: dict[str, Any] = field(default_factory=dict)
    nested: bool = True

    def settings(self, folder: Path, home: Path, *, user: bool) -> Path:
        """Return the settings file of a project, or of the user."""
        return home / (self.user or self.project) if user else folder / self.project

    def group(self, entry: Entry, command: str) -> dict[str, Any]:
        """Return one hook as it stands in the list of its event."""
        handler = {"type": "command", "command": command, **entry.more} if self.nested else {"command": command}
        if not self.nested:
            return {**handler, **entry.more}
        matcher = {} if entry.matcher is None else {"matcher": entry.matcher}
        return {**matcher, "hooks": [handler]}

    def commands(self, group: Any) -> list[str]:
        """Return the commands of one entry of an event's list, whoever wrote it; an empty text for what has none."""
        found = group.get("hooks") if self.nested and isinstance(group, dict) else [group]
        return [str(each.get("command", "")) if isinstance(each, dict) else "" for each in _listed(found)]

    def moment(self, event: dict[str, Any]) -> Moment | None:
        """Return which moment an event is, or None for one that is not ours."""
        name = event.get("hook_event_name")
        return next((each.moment for each in self.entries if each.event == name), None)

    def reply(self, moment: Moment, event: dict[str, Any], text: str) -> Reply:
        """Return how to tell the model a text at a moment."""
        return _REPLIES[self.name](moment, event, text)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _claude(moment: Moment, event: dict[str, Any], text: str) -> Reply:
    if moment is Moment.WAIT:
        return Reply(err=text, code=2)  # an asyncRewake hook that ends with 2 wakes an idle session
    if moment is Moment.STOP:
        # Once a turn: what comes while the model works on the first block wakes it through the waiter.
        return Reply() if event.get("stop_hook_active") else Reply(json.dumps({"decision": "block", "reason": text}))
    said = {"hookEventName": event["hook_event_name"], "additionalContext": text}
    return Reply(json.dumps({"hookSpecificOutput": said}))


def _cursor(moment: Moment, _: dict[str, Any], text: str) -> Reply:
    return Reply(json.dumps({"followup_message" if moment is Moment.STOP else "additional_context": text}))


_REPLIES: Final = {"claude-code": _claude, "codex": _claude, "gemini-cli": _claude, "cursor": _cursor}
"""Codex and Gemini CLI read the same members as Claude Code, and have no background hooks."""

HOSTS: Final[dict[str, Host]] = {
    host.name: host
    for host in (
        Host(
            name="claude-code",
            project=".claude/settings.local.json",
            user=".claude/settings.json",
            entries=(
                Entry("SessionStart", Moment.START, {"timeout": _LOOK_S}),
                Entry("PostToolUse", Moment.TOOL, {"timeout": _LOOK_S}, matcher="*"),
                Entry("Stop", Moment.STOP, {"timeout": _LOOK_S}),
                Entry("Stop", Moment.WAIT, {"async": True, "asyncRewake": True, "timeout": WAIT_FOR_S + 60}),
                Entry("SessionEnd", Moment.END, {"timeout": _LOOK_S}),
            ),
        ),
        Host(
            name="codex",
            project=".codex/hooks.json",
            entries=(
                Entry("SessionStart", Moment.START, {"timeout": _LOOK_S}),
                Entry("PostToolUse", Moment.TOOL, {"timeout": _LOOK_S}),
                Entry("Stop", Moment.STOP, {"timeout": _LOOK_S}),
            ),
        ),
        Host(
            name="gemini-cli",
            project=".gemini/settings.json",
            entries=(
                Entry("SessionStart", Moment.START, {"timeout": _LOOK_S * 1000}),
                Entry("AfterTool", Moment.TOOL, {"timeout": _LOOK_S * 1000}, matcher=".*"),
                Entry("AfterAgent", Moment.STOP, {"timeout": _LOOK_S * 1000}),
                Entry("SessionEnd", Moment.END, {"timeout": _LOOK_S * 1000}),
            ),
        ),
        Host(
            name="cursor",
            project=".cursor/hooks.json",
            session="conversation_id",
            first={"version": 1},
            nested=False,
            entries=(
                Entry("sessionStart", Moment.START, {"timeout": _LOOK_S}),
                Entry("postToolUse", Moment.TOOL, {"timeout": _LOOK_S}),
                Entry("stop", Moment.STOP, {"timeout": _LOOK_S}),
                Entry("sessionEnd", Moment.END, {"timeout": _LOOK_S}),
            ),
        ),
    )
}
