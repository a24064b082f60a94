"""Copying a whole bus from one store to another, document by document.

A place becomes a bus by its `somabus.json`. A copy has that file under another name until a human has stopped the bus
and nothing has changed since: so one bus is never at work in two places, and a copy to look at (a mirror) is no bus.
A bus that is copied over is made none first, before anything else of it changes.
What is there already, byte for byte, is left alone: a copy that was cut off goes on where it was. What
is being written in `tmp` is not copied.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from heapq import merge
from itertools import groupby
from typing import Final, NamedTuple

from somabus.connection import read_bus
from somabus.errors import ConfigurationError, DocumentTooLargeError, StoreDamagedError, StoreUnavailableError
from somabus.model.bus import BUS_FILE, COPY_FILE, Bus
from somabus.model.envelope import split
from somabus.model.stop import Range, scope_of
from somabus.model.text import many
from somabus.model.wire import parse_object
from somabus.store.port import Store

NOTE: Final = "THIS-IS-A-COPY.txt"
_APART: Final = frozenset(["tmp", BUS_FILE, COPY_FILE, NOTE])
_LASTING: Final = re.compile(r"(?:messages/[^/]+/(?!keys/)|channels/).+(?<!\.why)\.json")
"""Messages and posts: what has such a name never changes under it."""
_BEATS: Final = "/heartbeat.json"  # agents beat under a stop, too
_BATCH: Final = 500
_BATCH_BYTES: Final = 4 * 1024 * 1024
_PASSES: Final = 5
_NAMED: Final = 3

Seen = Callable[[int], None]
"""Told how many documents were dealt with."""


class Copied(NamedTuple):
    """What a copy did.

    `digest` stands for all keys and bytes, and is the same for two places that hold the same; it is empty where they
    were not read again. `finished`: the target
    is a bus now. `left`: what lies at the source and is no document that an agent could read; it was not copied.
    """

    documents: int
    written: int
    removed: int
    digest: str
    finished: bool
    left: tuple[str, ...]


def copy(source: Store, target: Store, *, over: bool = False, seen: Seen = lambda _count: None) -> Copied:
    """Make the target hold what the source holds, and make it a bus if the source is stopped.

    Power cut or kill at any line: the target is no bus, or the whole of it. Copying again goes on. Before the target
    becomes a bus it is read once more as a whole, and its digest is the source's.

    Args:
        source: the bus. While it is at work the copy is made ahead, and left unfinished.
        target: nothing, an earlier copy, or this same bus, stopped.
        over: also where the target is this bus and differs: what happened there is undone.
        seen: told how many documents each pass has dealt with.

    Raises:
        ConfigurationError: the target holds something else, is at work, or differs; nothing was changed.
        StoreError: one of the two failed; what was copied stays.
    """
    _may_hold(target, read_bus(source))
    if not over and target.read(BUS_FILE) is not None:
        _refuse_to_undo(_differing(source, target))
    raw = _put_aside(source, target)
    written = removed = 0
    for _ in range(_PASSES):
        stops = _stops(source)
        done = _Pass(source, target, seen)
        done.folder("")
        written, removed = written + done.written, removed + done.removed
        stopped = bool(stops) and _stops(source) == stops
        if not stopped or done.settled:
            break
    same = done.total.hexdigest()
    finished = stopped and done.settled and digest(target) == same
    if finished:
        _make_a_bus(target, raw)
    return Copied(done.count, written, removed, same, finished, tuple(done.left))


def mirror(source: Store, target: Store, *, note: str, again: bool = False, seen: Seen = lambda _count: None) -> Copied:
    """Make the target a copy to look at; what moves on the bus meanwhile is put right by the next one.

    Args:
        source: the bus, at work or not.
        target: nothing, or an earlier copy of the same bus.
        note: what is said to people who find the copy.
        again: the target is as the last mirror left it: what cannot change under its name is not read again.
        seen: told how many documents were dealt with.

    Raises:
        ConfigurationError: the target holds something else, or is a bus; nothing was changed.
        StoreError: one of the two failed; what was copied stays.
    """
    _may_hold(target, read_bus(source), a_bus=False)
    _put_aside(source, target)
    if target.read(NOTE) != note.encode():
        target.replace(NOTE, note.encode())
    done = _Pass(source, target, seen, again=again)
    done.folder("")
    same = "" if again else done.total.hexdigest()
    return Copied(done.count, done.written, done.removed, same, finished=False, left=tuple(done.left))


def digest(store: Store) -> str:
    """Return what stands for all keys and bytes of a bus, or of a copy."""
    total = hashlib.sha256()
    for key, data in documents(store):
        total.update(_said(key, data))
    return total.hexdigest()


def documents(store: Store, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    """Yield every document that is copied, in the order of the keys; what cannot be read is left out."""
    for key in _keys(store, prefix):
        try:
            data = _read(store, key)
        except DocumentTooLargeError:
            continue
        if data is None or _is_folder(store, key):
            yield from documents(store, key)
        else:
            yield key, data


def count(store: Store, prefix: str = "") -> int:
    """Return about how many documents there are, from the listings alone."""
    return sum(1 if key.endswith(".json") else count(store, key) for key in _keys(store, prefix))


class _Pass:
    """One walk over the source, folder by folder; each makes the target's the same."""

    def __init__(self, source: Store, target: Store, seen: Seen, *, again: bool = False) -> None:
        self._source, self._target, self._seen, self._again = source, target, seen, again
        self._waiting: list[tuple[str, bytes]] = []
        self._bytes = 0
        self.count = self.written = self.removed = 0
        self.total = hashlib.sha256()
        self.settled = True
        self.left: list[str] = []

    def folder(self, prefix: str) -> None:
        """Copy what lies below, then take away what does not lie there any more."""
        here, there = list(_keys(self._source, prefix)), set(_keys(self._target, prefix))
        for key in here:
            self._one(key, known=key in there)
        gone = sorted(there.difference(here))
        if gone or not prefix:
            self._write()  # before what has moved is taken away
        for key in gone:
            self._take_away(key)
        self._seen(self.count)

    def _one(self, key: str, *, known: bool) -> None:
        if known and self._again and _LASTING.fullmatch(key):
            self.count += 1
            return
        try:
            data = _read(self._source, key)
        except DocumentTooLargeError:
            self.left.append(key)
            return
        if data is None:
            self._below(key, known=known)
            return
        if _is_folder(self._source, key):
            self.left.append(key)
            self._below(key, known=known)
            return
        self.count += 1
        self.total.update(_said(key, data))
        if not known or self._target.read(key) != data:
            self._waiting.append((key, data))
            self._bytes += len(data)
            self.settled &= key.endswith(_BEATS)
        if len(self._waiting) >= _BATCH or self._bytes >= _BATCH_BYTES:
            self._write()

    def _below(self, key: str, *, known: bool) -> None:
        try:
            empty = not self._source.list(key)
        except StoreDamagedError:  # a link, a pipe
            self.left.append(key)
            return
        if empty and self.settled:  # it may be a document that went on since it was listed, to where we looked before
            self.settled = key in _keys(self._source, key.rpartition("/")[0])
        if known and _read(self._target, key) is not None:
            self._target.delete(key)
            self.removed, self.settled = self.removed + 1, False
        self.folder(key)

    def _write(self) -> None:
        self._target.create_many(self._waiting)
        self.written += len(self._waiting)
        self._waiting, self._bytes = [], 0
        self._seen(self.count)

    def _take_away(self, key: str) -> None:
        if _read(self._target, key) is None:
            for each in list(_keys(self._target, key)):
                self._take_away(each)
            self._target.prune(key)
            return
        self._target.delete(key)
        self.removed += 1
        self.settled = False


def _keys(store: Store, prefix: str) -> Iterator[str]:
    """Yield what lies one level below a folder, sorted; nothing where no folder is."""
    with suppress(StoreDamagedError):
        for name in store.list(prefix):
            if prefix or name not in _APART:
                yield f"{prefix}/{name}" if prefix else name


def _read(store: Store, key: str) -> bytes | None:
    """Return a document, or None where a folder stands, or nothing any more."""
    try:
        return store.read(key)
    except StoreDamagedError:
        return None


def _is_folder(store: Store, key: str) -> bool:
    """Tell whether a folder stands where a document does: a server keeps both, and the folder is the bus's.

    What is named as documents are is none; the others are few.
    """
    return not key.endswith(".json") and any(_keys(store, key))


def _said(key: str, data: bytes) -> bytes:
    return b"%d %s %d %s" % (len(key), key.encode(), len(data), data)


def _stops(store: Store) -> dict[str, bytes]:
    """Return the files with which a human has stopped the whole bus; they are copied as well."""
    names = (name for name in store.list("") if (scope := scope_of(name)) and scope.range is Range.BUS)
    return {name: raw for name in names if (raw := _read(store, name)) is not None}


def _differing(source: Store, target: Store) -> list[str]:
    """Return the keys under which two places do not hold the same."""
    both = merge(documents(source), documents(target), key=lambda each: each[0].split("/"))
    return [key for key, (one, *other) in groupby(both, key=lambda each: each[0]) if other != [one]]


def _refuse_to_undo(keys: list[str]) -> None:
    """Refuse to make the target as the source is where they differ; the keys tell whether anything would be lost."""
    if keys:
        shown = ", ".join([*map(ascii, keys[:_NAMED]), *("…" for _ in keys[_NAMED:][:1])])
        said = f"this bus lies at TO, too, and differs from FROM in {many(len(keys), 'document')}"
        step = "If TO is to become as FROM is: somabus copy FROM TO --over"
        message = f"{said} ({shown}): what happened there would be undone; nothing was copied. {step}"
        raise ConfigurationError(message)


def _may_hold(target: Store, bus: Bus, *, a_bus: bool = True) -> None:
    """Make sure that nothing is lost at the target."""
    at_work, aside = target.read(BUS_FILE), target.read(COPY_FILE)
    there = at_work or aside
    if there is None and any(_keys(target, "")):
        message = "something lies at the target that is no copy of this bus; nothing was copied: choose an empty place"
        raise ConfigurationError(message)
    if there is not None and Bus.from_object(parse_object(split(there).body)).bus != bus.bus:
        message = "another bus lies at the target; nothing was copied: choose an empty place"
        raise ConfigurationError(message)
    if at_work is not None and not (a_bus and _stops(target)):
        step = "stop it there first, if it is to become as it is here" if a_bus else "choose an empty folder"
        message = f"this bus is at work at the target, too, and what happened there would be undone: {step}"
        raise ConfigurationError(message)


def _put_aside(source: Store, target: Store) -> bytes:
    """Make the target no bus, but a copy of this one; return what will make it one."""
    raw, before = source.read(BUS_FILE) or b"", target.read(BUS_FILE)
    if target.read(COPY_FILE) != raw:
        target.replace(COPY_FILE, raw)
    if before is not None:
        target.delete(BUS_FILE)
        try:
            read_bus(source)
        except StoreUnavailableError as error:  # two ways to one place
            target.replace(BUS_FILE, before)
            target.delete(COPY_FILE)
            message = "the source went away as the target was opened: are they one place? nothing was copied"
            raise ConfigurationError(message) from error
    return raw


def _make_a_bus(target: Store, raw: bytes) -> None:
    target.replace(BUS_FILE, raw)
    for name in (COPY_FILE, NOTE):
        target.delete(name)
