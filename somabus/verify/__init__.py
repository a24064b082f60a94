"""Judging a tree, or one file, against the format: for writers in other languages, and for drives one doubts.

Nothing is changed. Errors are what readers will set aside or refuse; warnings are what they will put up with.
Certificates and revocations are judged by this machine's clock: asking the drive's would write to the drive.

    tree ──► mail, agents, operators, record: the rules      by what a document says, where it lies, who signed it
                └──► grounds: the operators, the agents      the services, as an agent sees them at its first look
"""

import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from somabus.clock import SystemClock
from somabus.errors import DocumentTooLargeError, MessageError, NotABusError, SomabusError, StoreDamagedError
from somabus.model.bus import BUS_FILE
from somabus.store.directory import DirectoryStore
from somabus.store.directory.store import strangers
from somabus.store.port import Store, is_key
from somabus.verify.alone import judge_document
from somabus.verify.fault import Fault
from somabus.verify.tree import Tree

_PATIENCE_S: Final = 0.2  # what is being replaced is missing for a moment; what is missing is to be told
__all__ = ["Fault", "judge_document", "judge_path", "judge_store"]


def judge_path(path: Path, *, now: Callable[[], datetime] | None = None) -> tuple[list[Fault], int]:
    """Judge a bus, or one file of it; return what is wrong, and how many documents were looked at.

    Args:
        path: the bus, or the file.
        now: another clock than this machine's, for tests.
    """
    now = now or SystemClock().now
    if path.is_file():
        return _judge_file(path, now), 1
    if not (path / BUS_FILE).exists():
        raise NotABusError(str(path))
    faults, looked_at = judge_store(_store(path, now))
    odd = [Fault(where, rule, "look at it; no agent will touch it") for where, rule in strangers(str(path))]
    known = {fault.path for fault in odd}
    faults = [fault for fault in faults if fault.path not in known] + odd
    return sorted(faults, key=lambda fault: fault.path), looked_at


def judge_store(store: Store) -> tuple[list[Fault], int]:
    """Judge a bus, wherever it lies; return what is wrong, and how many documents were looked at."""
    try:
        judge = Tree(store)
    except (MessageError, DocumentTooLargeError, StoreDamagedError) as error:
        return [_no_bus(error)], 1
    return sorted(judge.judge(), key=lambda fault: fault.path), judge.looked_at


def _judge_file(path: Path, now: Callable[[], datetime]) -> list[Fault]:
    """Judge one file: with its bus around it, if it lies in one; else by what it says of itself."""
    path = path.absolute()
    root = next((each for each in path.parents if (each / BUS_FILE).exists()), None)
    key = "" if root is None else path.relative_to(root).as_posix()
    if root is not None and is_key(key) and not key.startswith("tmp/"):
        try:
            return list(Tree(_store(root, now)).document(key))
        except (MessageError, DocumentTooLargeError, StoreDamagedError) as error:
            return [_no_bus(error)]
    alone = "nobody knows here whose it is: the signature was not checked"
    return [
        *judge_document(path.name, path.read_bytes()),
        Fault(path.name, alone, "verify it where it lies", "warning"),
    ]


def _store(root: Path, now: Callable[[], datetime]) -> DirectoryStore:
    writer = f"verify-{uuid.uuid4().hex[:8]}"
    return DirectoryStore(str(root), writer=writer, marker=BUS_FILE, now=now, patience_s=_PATIENCE_S)


def _no_bus(error: SomabusError) -> Fault:
    return Fault(BUS_FILE, str(error), "bring back a copy of it; no agent can start without")
