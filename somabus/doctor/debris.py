"""What a writer left under tmp/ when it was killed, and how it is known that nobody is writing it.

Only what is older than days counts, by the drive's clock: a folder's time is the server's, and it changes with every
file that is made in it. A file is written and published within seconds; the slowest writer that would still come
back gets an error at its next step, and has acknowledged nothing.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

OLD_S: Final = 3 * 86_400.0
_KEPT: Final = frozenset(["locks"])


class Debris(NamedTuple):
    """One writer's folder, with everything in it, deepest first; `age_s` is that of its youngest part."""

    folder: Path
    parts: tuple[Path, ...]
    age_s: float


def debris(root: Path, now: float) -> Iterator[Debris]:
    """Yield what is old under tmp/; links and what else is no folder of a writer are left to a person.

    Raises:
        OSError: could not look.
    """
    for each in sorted(_entries(root / "tmp")):
        if each.name in _KEPT or not stat.S_ISDIR(each.lstat().st_mode):
            continue
        with suppress(FileNotFoundError):  # its writer has just gone
            parts = tuple(_parts(each))
            age_s = now - max(part.lstat().st_mtime for part in (*parts, each))
            if age_s > OLD_S and all(_plain(part) for part in parts):
                yield Debris(each, parts, age_s)


def clear(found: Debris, now: float) -> int:
    """Remove it, as far as each part still is old; return how many files went."""
    gone = 0
    for part in (*found.parts, found.folder):
        with suppress(OSError):
            seen = part.lstat()
            if stat.S_ISDIR(seen.st_mode):
                part.rmdir()  # refuses where a writer has come back
            elif now - seen.st_mtime > OLD_S:
                part.unlink()
                gone += 1
    return gone


def _parts(folder: Path) -> Iterator[Path]:
    for each in _entries(folder):
        if stat.S_ISDIR(each.lstat().st_mode):
            yield from _parts(each)
        yield each


def _entries(folder: Path) -> list[Path]:
    try:
        return [folder / name for name in os.listdir(folder)]
    except FileNotFoundError:
        return []


def _plain(path: Path) -> bool:
    mode = path.lstat().st_mode
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)
