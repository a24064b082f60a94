"""Writing hooks into a tool's settings: what is the user's stays as it is, byte for byte; done again, nothing changes.

A hook is ours by its command, which calls `somabus hook` for that tool. Power cut: the file is replaced whole.
"""

import os
import shlex
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from somabus.errors import ConfigurationError
from somabus.hooks import jsontext
from somabus.hooks.hosts import Entry, Host, Moment

_HOOKS: Final = "hooks"
_OURS: Final = "somabus hook"


@dataclass(frozen=True, slots=True)
class Change:
    """What would be, or was, done to a settings file; `text` is what it holds then."""

    path: Path
    text: str
    added: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def any(self) -> bool:
        """Whether anything is different then."""
        return bool(self.added or self.replaced or self.removed)


def command(host: Host, moment: Moment, arguments: list[str]) -> str:
    """Return the command line of a hook, with this interpreter's own path: a hook has no environment to rely on.

    A waiter takes the place of the shell that runs it, for it ends when its parent does, and that must be the host.
    """
    waits = ["--wait"] if moment is Moment.WAIT else []
    line = [sys.executable, "-m", "somabus", "hook", host.name, *arguments, *waits]
    if os.name == "nt":
        return subprocess.list2cmdline(line)
    return ("exec " if waits else "") + shlex.join(line)


def installed(host: Host, path: Path, arguments: list[str]) -> Change:
    """Return the change that brings the hooks of a host up to date.

    Raises:
        ConfigurationError: the settings are no JSON, or of another shape; nothing was changed.
    """
    text = _read(path)
    settings = jsontext.parsed(text, str(path))
    added, replaced = [], []
    for name, value in host.first.items():
        if name not in settings:
            text = jsontext.added(text, (name,), value)
    for entry in host.entries:
        there = _groups(jsontext.parsed(text, str(path)), entry.event, path)
        wanted = host.group(entry, command(host, entry.moment, arguments))
        place = _place(host, there, entry)
        if place is None:
            text = jsontext.added(text, (_HOOKS, entry.event, -1), wanted)
            added.append(f"{entry.event} ({entry.moment})")
            continue
        now = there[place[0]]
        if len(place) > 1:
            now, wanted = now[_HOOKS][place[-1]], wanted[_HOOKS][0]
        if now != wanted:
            text = jsontext.replaced(text, (_HOOKS, entry.event, *place), wanted)
            replaced.append(f"{entry.event} ({entry.moment})")
    return Change(path, text, tuple(added), tuple(replaced))


def uninstalled(host: Host, path: Path) -> Change:
    """Return the change that takes the hooks of a host away again, and nothing else."""
    text = _read(path)
    removed = []
    for entry in host.entries:
        there = _groups(jsontext.parsed(text, str(path)), entry.event, path)
        place = _place(host, there, entry)
        if place is not None:
            text = jsontext.removed(text, (_HOOKS, entry.event, *place))
            removed.append(f"{entry.event} ({entry.moment})")
    return Change(path, text, removed=tuple(removed))


def snippet(host: Host, arguments: list[str]) -> dict[str, Any]:
    """Return the hooks as a settings file that has nothing else, to be pasted by hand."""
    hooks: dict[str, list[Any]] = {}
    for entry in host.entries:
        hooks.setdefault(entry.event, []).append(host.group(entry, command(host, entry.moment, arguments)))
    return {**host.first, _HOOKS: hooks}


def apply(change: Change) -> None:
    """Replace the settings file whole; a link is followed, so that it stays one.

    Raises:
        ConfigurationError: it cannot be written; it is as it was.
    """
    path = change.path.resolve()
    aside = path.with_name(f"{path.name}.somabus-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = path.stat().st_mode if path.exists() else None
        with aside.open("w", encoding="utf-8", newline="") as file:
            file.write(change.text)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            aside.chmod(mode & 0o7777)
        aside.replace(path)
    except OSError as error:
        with suppress(OSError):
            aside.unlink()
        message = f"{path} cannot be written ({error.strerror}); it is as it was"
        raise ConfigurationError(message) from error


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path} cannot be read: {error}"
        raise ConfigurationError(message) from error


def _groups(settings: dict[str, Any], event: str, path: Path) -> list[Any]:
    hooks = settings.get(_HOOKS, {})
    groups = hooks.get(event, []) if isinstance(hooks, dict) else None
    if not isinstance(groups, list):
        message = f"{path}: hooks.{event} is no list in an object, so nothing was changed; mend it: somabus hooks show"
        raise ConfigurationError(message)
    return groups


def _place(host: Host, groups: list[Any], entry: Entry) -> tuple[Any, ...] | None:
    """Return where ours lies in the list of an event: a group, or one hook of a group that the user has added to."""
    for number, group in enumerate(groups):
        commands = host.commands(group)
        for rank, each in enumerate(commands):
            if _is_ours(host, each, entry):
                return (number,) if len(commands) == 1 else (number, _HOOKS, rank)
    return None


def _is_ours(host: Host, line: str, entry: Entry) -> bool:
    """Tell whether a command is ours, for the same moment; several moments may share an event."""
    words = line.replace('"', "").replace("'", "").split()
    return f"{_OURS} {host.name}" in " ".join(words) and ("--wait" in words) == (entry.moment is Moment.WAIT)
