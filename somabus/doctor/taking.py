"""The ways to take a name, and the verdict on a race: raced by threads on one machine, and by two machines.

These are the bare system calls, in a probe's own folder: what is asked is whether the drive keeps its word, not
whether the store does.
"""

import errno
import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final, NamedTuple

from somabus.doctor.finding import Finding, Weight
from somabus.doctor.place import get, put
from somabus.store.directory.trouble import NO_LINKS, OCCUPIED

_PASSED_BY: Final = ("ENOENT", "ESTALE", "ETXTBSY")
_LOST: Final = OCCUPIED | {getattr(errno, name) for name in _PASSED_BY if hasattr(errno, name)}
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL


class NoLinksError(OSError):
    """This drive has no hard links."""


class Way(NamedTuple):
    """How a name is taken. `prepare` makes ready what one racer needs; `take` tells whether the drive says yes.

    `fact` is the member of `Drive` that the race settles; `if_broken` how bad two winners are, and why.
    """

    fact: str
    prepare: Callable[[Path, str, int], None]
    take: Callable[[Path, str, int], bool]
    if_broken: Weight
    meaning: str
    step: str = ""


class Taken(NamedTuple):
    """What one racer was told it won, and what it then really had."""

    told: frozenset[int]
    held: frozenset[int]


def run(way: str, folder: Path, me: str, count: int, begin: Callable[[int], None]) -> Taken:
    """Try to take every name, each when `begin` says so.

    Raises:
        NoLinksError: by `link`, where there are none.
    """
    told = set()
    for number in range(count):
        begin(number)
        try:
            if WAYS[way].take(folder, me, number):
                told.add(number)
        except NoLinksError:
            raise
        except OSError as error:
            if error.errno not in _LOST and os.name != "nt":
                raise
    held = {number for number in told if way != "claim" or _reads(_claimed(folder, me, number))}
    return Taken(frozenset(told), frozenset(held))


def verdict(way: str, racers: Collection[Taken], count: int, who: str) -> Finding:
    """Judge a race: each name has exactly one who has it."""
    known = WAYS[way]
    held = [sum(number in each.held for each in racers) for number in range(count)]
    told = [sum(number in each.told for each in racers) for number in range(count)]
    twice, nobody, lied = sum(n > 1 for n in held), held.count(0), sum(n > 1 for n in told)
    shares = " and ".join(str(len(each.held)) for each in racers)
    facts: dict[str, object] = {known.fact: not twice}
    if way == "link":
        facts["hard_links"] = not twice  # links that decide nothing are as good as none: publish by folder
    if twice:
        cause = f"{who}: two winners {twice} times in {count}; {known.meaning}"
        return Finding(way, known.if_broken, "exclusive", cause, known.step, facts)
    if nobody:
        cause = f"{who}: nobody won {nobody} times in {count}; who is refused comes again, so nothing is lost"
        return Finding(way, Weight.NOTE, "exclusive", cause, "", facts)
    if lied:
        cause = f"{who}: both were told that they won {lied} times in {count}, and one had it; a claim is read back"
        return Finding(way, Weight.NOTE, "exclusive", cause, "", facts)
    return Finding(way, Weight.OK, "exclusive", f"{who}: one winner, {count} times ({shares})", "", facts)


def _nothing(_folder: Path, _me: str, _count: int) -> None:
    """A racer needs nothing."""


def _make_source(folder: Path, me: str, _count: int) -> None:
    put(folder / f"{me}.source", me.encode())


def _link(folder: Path, me: str, number: int) -> bool:
    target = folder / f"link.{number}"
    try:
        os.link(folder / f"{me}.source", target)
    except OSError as error:
        if error.errno in NO_LINKS and not os.path.lexists(target):
            raise NoLinksError(error.errno, error.strerror) from error
        raise
    return True


def _mkdir(folder: Path, _me: str, number: int) -> bool:
    (folder / f"folder.{number}").mkdir()
    return True


def _make_entries(folder: Path, me: str, count: int) -> None:
    for number in range(count):
        (folder / f"{me}.{number}").mkdir()
        (folder / f"{me}.{number}" / "entry").write_bytes(me.encode())


def _move_entry(folder: Path, me: str, number: int) -> bool:
    (folder / f"{me}.{number}").rename(folder / f"entry.{number}")
    return True


def _open(folder: Path, _me: str, number: int) -> bool:
    os.close(os.open(folder / f"open.{number}", _NEW))
    return True


def make_letters(folder: Path, count: int) -> None:
    """Make what is claimed; one of the racers does it, before they begin."""
    for number in range(count):
        (folder / f"letter.{number}").write_bytes(b"letter")


def _claimed(folder: Path, me: str, number: int) -> Path:
    return folder / f"letter.{number}.{me}"


def _claim(folder: Path, me: str, number: int) -> bool:
    (folder / f"letter.{number}").rename(_claimed(folder, me, number))
    return True


def _reads(path: Path) -> bool:
    try:
        return bool(get(path))
    except OSError:
        return False


_ELSEWHERE: Final = "keep the bus on another drive, or mount this one with other options; then: somabus doctor"
WAYS: Final[dict[str, Way]] = {
    "link": Way("link_exclusive", _make_source, _link, Weight.WARNING,
                "somabus publishes by folder here from now on"),
    "folder": Way("folder_exclusive", _make_entries, _move_entry, Weight.ERROR,
                  "without hard links, two could own one number of a log or a lease", _ELSEWHERE),
    "mkdir": Way("mkdir_exclusive", _nothing, _mkdir, Weight.NOTE, "somabus decides nothing by mkdir alone"),
    "claim": Way("claims_exclusive", _nothing, _claim, Weight.ERROR, "one message would have two holders", _ELSEWHERE),
    "o_excl": Way("open_exclusive", _nothing, _open, Weight.NOTE,
                  "somabus never relies on it; mind your own scripts"),
}  # fmt: skip
"""Every protocol that the bus could rest on; those whose break is an error are those that it does rest on."""
