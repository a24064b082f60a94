"""The glance: has any folder that matters moved since a session was last told that nothing is new?

A hook runs after every use of a tool, and nearly always there is nothing: a glance is a few `stat` calls of a process
that has loaded nothing yet. It is a hint with a short life. Whoever cannot tell looks properly.

The standard library alone, for the sake of the start-up.
"""

import json
import os
import time
from collections.abc import Iterable
from typing import Any, Final

_GOOD_FOR_S: Final = 30.0
_MONTH_S: Final = 30 * 86_400.0
_FOLDER: Final = "glances"


def folder(order: list[str], environment: Any) -> str:
    """Return where glances lie: in the home that a command line or the environment names, or the user's own."""
    if "--home" in order[:-1]:
        home = order[order.index("--home") + 1]
    elif environment.get("SOMABUS_HOME"):
        home = environment["SOMABUS_HOME"]
    else:
        from platformdirs import user_data_dir

        home = user_data_dir("somabus", appauthor=False)
    return os.path.join(home, _FOLDER)


def nothing_moved(where: str, order: list[str], event: bytes) -> bool:
    """Tell whether the last look of this session found nothing, lately, and no folder has moved since.

    Where a session begins or ends its memory may be cleared; that is looked at properly, and so is a bus on a server,
    which has no folders.
    """
    try:
        if str(json.loads(event)["hook_event_name"]).lower().startswith("session"):
            return False
        with open(_file(where, order, event), encoding="utf-8") as file:
            seen = json.load(file)
        fresh = 0 <= time.monotonic() - seen["at"] < _GOOD_FOR_S
        return fresh and bool(seen["folders"]) and bool(seen["folders"] == moved_at(seen["folders"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def remember(where: str, order: list[str], event: bytes, folders: dict[str, int]) -> None:
    """Note that a look found nothing, or no drive, with what the folders showed before that look."""
    path = _file(where, order, event)
    os.makedirs(where, mode=0o700, exist_ok=True)
    aside = f"{path}.{os.getpid()}"
    with open(aside, "w", encoding="utf-8") as file:
        json.dump({"at": time.monotonic(), "folders": folders}, file)
    os.replace(aside, path)


def forget(where: str, order: list[str], event: bytes) -> None:
    """Look properly at the next call; and let go of the glances of sessions that ended a month ago without a word."""
    try:
        os.unlink(_file(where, order, event))
        now = os.stat(where).st_mtime  # that of the file removed just now
        for entry in os.scandir(where):
            if now - entry.stat().st_mtime > _MONTH_S:
                os.unlink(entry.path)
    except OSError:
        return  # Race: another session's hook was faster


def moved_at(folders: Iterable[str]) -> dict[str, int]:
    """Return when a name last came into or left each folder; 0 for one that is not there."""
    return {path: _mtime(path) for path in folders}


def _mtime(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except FileNotFoundError:
        return 0


def _file(where: str, order: list[str], event: bytes) -> str:
    from zlib import crc32

    told = json.loads(event)
    session = str(told.get("session_id") or told.get("conversation_id"))
    name = "".join(each for each in session if each.isalnum() or each == "-")[:80]
    return os.path.join(where, f"{name}.{crc32(repr((order, os.getcwd())).encode()):08x}.json")
