"""Copying a whole bus from one store to another, document by document, and proving that both hold the same.

What is there already, byte for byte, is left alone: a copy that was cut off goes on where it was, and a second one
writes what has changed. Nothing is ever removed at the source. What passes (`tmp`, locks) is not copied.
"""

import hashlib
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from somabus.errors import ConfigurationError, DocumentTooLargeError, StoreDamagedError
from somabus.model.bus import BUS_FILE
from somabus.store.port import Store

_PASSING: Final = ("tmp", "locks")
_BATCH: Final = 100
_BATCH_BYTES: Final = 4 * 1024 * 1024


class Copied(NamedTuple):
    """What a copy did. `digest` stands for all keys and bytes, and is the same for two stores that hold the same."""

    documents: int
    written: int
    removed: int
    digest: str
    left: tuple[str, ...] = ()


def documents(store: Store, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    """Yield every document below a prefix, in the order of the keys; one that goes meanwhile is left out."""
    for name in store.list(prefix):
        key = f"{prefix}/{name}" if prefix else name
        if not prefix and name in _PASSING:
            continue
        data = _read(store, key)
        if data is None:
            yield from documents(store, key)
        else:
            yield key, data


def copy(
    source: Store, target: Store, *, removing: bool = False, seen: Callable[[int], None] = lambda _count: None
) -> Copied:
    """Make the target hold what the source holds.

    Power cut or kill at any line: the target lacks what was not copied yet, and the file that makes it a bus is
    written last, so that nobody works on half a copy. Copying again goes on.

    Args:
        source: the bus; nobody should write to it meanwhile, or the digests will differ.
        target: where to; it may hold an earlier copy, and no other bus.
        removing: take away at the target what the source does not hold (any more).
        seen: told how many documents were dealt with.

    Raises:
        ConfigurationError: the target is another bus; nothing was changed.
        StoreError: one of the two failed; what was copied stays.
    """
    bus = source.read(BUS_FILE)
    there = target.read(BUS_FILE)
    if bus is None or (there is not None and _id(there) != _id(bus)):
        message = f"{'the source is no bus' if bus is None else 'another bus lies at the target'}; nothing was copied"
        raise ConfigurationError(message)
    total = _Total()
    waiting: list[tuple[str, bytes]] = []
    written, kept = 0, set[str]()
    for key, data in documents(source):
        total.add(key, data)
        kept.add(key)
        if key != BUS_FILE and _read(target, key) != data:
            waiting.append((key, data))
            written += 1
        if len(waiting) >= _BATCH or sum(len(each) for _, each in waiting) >= _BATCH_BYTES:
            target.create_many(waiting)
            waiting.clear()
        seen(total.count)
    target.create_many(waiting)
    removed = _remove(target, kept) if removing else 0
    if there != bus:
        target.create_many([(BUS_FILE, bus)])
        written += 1
    return Copied(total.count, written, removed, total.digest())


def digest(store: Store) -> str:
    """Return what stands for all keys and bytes of a bus."""
    total = _Total()
    for key, data in documents(store):
        total.add(key, data)
    return total.digest()


class _Total:
    """Sums up documents in any order: stores list folders and documents in orders of their own."""

    def __init__(self) -> None:
        self.count = 0
        self._sum = 0

    def add(self, key: str, data: bytes) -> None:
        self.count += 1
        one = hashlib.sha256(key.encode() + b"\0" + hashlib.sha256(data).digest()).digest()
        self._sum = (self._sum + int.from_bytes(one)) % (1 << 256)

    def digest(self) -> str:
        return f"{self._sum:064x}"


def _read(store: Store, key: str) -> bytes | None:
    """Return a document, or None where a folder stands, or nothing."""
    try:
        return store.read(key)
    except StoreDamagedError:
        return None
    except DocumentTooLargeError:
        return b""


def _remove(target: Store, kept: set[str]) -> int:
    gone = [key for key, _ in documents(target) if key not in kept and key != BUS_FILE]
    for key in gone:
        target.delete(key)
    return len(gone)


def _id(raw: bytes) -> str:
    from somabus.model.bus import Bus
    from somabus.model.envelope import split
    from somabus.model.wire import parse_object

    return Bus.from_object(parse_object(split(raw).body)).bus
