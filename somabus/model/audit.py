"""The audit's entries, and what a broken chain of them looks like.

Each entry carries its own number and the SHA-256 of the entry before it, so that none can be taken out, changed or
put in without the next one telling.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Literal, NamedTuple

from pydantic import Field

from somabus.errors import MessageError
from somabus.model import signing
from somabus.model.envelope import Seal, split
from somabus.model.message import Id, Name, PublicKey, Utc, Value
from somabus.model.wire import parse_object

FIRST: Final = ""
CHANGED: Final = "it was changed"
NOT_OPERATORS: Final = frozenset(["refused", "stop by hand"])
"""What others than operators write into the audit."""
_MAX_DETAIL: Final = 2000


class AuditEntry(Value):
    """One act of an operator, or one refused attempt, told by the one who did it or met it."""

    format: Literal[1] = 1
    bus: Id
    number: int = Field(ge=1)
    previous: str = Field(pattern="^([0-9a-f]{64})?$")
    at: Utc
    by: Name
    key: PublicKey | None = None
    act: str = Field(min_length=1, max_length=80)
    subject: str = Field(default="", max_length=300)
    detail: str = Field(default="", max_length=_MAX_DETAIL)
    evidence: str = Field(default="", max_length=300)


class Head(Value):
    """The last entry that a reader has seen: what is missing or another one later was cut off or changed."""

    format: Literal[1] = 1
    number: int = Field(default=0, ge=0)
    digest: str = FIRST


class Checked(NamedTuple):
    """One entry as the check saw it; `fault` says what is wrong with it or with its place."""

    number: int
    entry: AuditEntry | None
    fault: str = ""


def digest(raw: bytes) -> str:
    """Return what the next entry says of this one."""
    return hashlib.sha256(raw).hexdigest()


def opened(raw: bytes) -> tuple[AuditEntry, str]:
    """Return an entry, and what is wrong with its signature if it carries one.

    Raises:
        MessageError: it is no entry.
    """
    envelope = split(raw)
    entry = AuditEntry.from_object(parse_object(envelope.body))
    if entry.key is None:
        return entry, ""  # its agent had no key that it could use; readers show it as unsigned
    signed = envelope.verified_by(signing.from_text(entry.key), Seal.AUDIT)
    return entry, "" if signed else f"{CHANGED}: its signature does not fit"


def check(
    found: Iterable[tuple[int, bytes | None]],
    head: Head,
    author_fault: Callable[[AuditEntry], str] = lambda _entry: "",
) -> Iterator[Checked]:
    """Judge a chain, entry by entry, and against the last one that this reader has seen before.

    Args:
        found: the numbers from 1 on with their bytes, None where there are none.
        head: what was seen at an earlier time.
        author_fault: says why an entry is not by whom it says, or nothing.
    """
    previous: str | None = FIRST
    last = 0
    for number, raw in found:
        last = number
        if raw is None:
            yield Checked(number, None, "it is missing: it was removed")
            previous = None
            continue
        checked = _judged(number, raw, previous, head)
        if checked.entry is not None and not checked.fault:
            checked = checked._replace(fault=author_fault(checked.entry))
        yield checked
        previous = digest(raw)
    for number in range(last + 1, head.number + 1):
        yield Checked(number, None, "it is missing: it was there before and was removed")


def _judged(number: int, raw: bytes, previous: str | None, head: Head) -> Checked:
    try:
        entry, fault = opened(raw)
    except MessageError as error:
        return Checked(number, None, f"{CHANGED}: {error}")
    if not fault:
        if entry.number != number:
            fault = f"it was made as number {entry.number}"
        elif previous is not None and entry.previous != previous:
            fault = f"it does not follow number {number - 1} as that stands there now: one of the two was altered"
        elif number == head.number and digest(raw) != head.digest:
            fault = "it is not the entry that stood here before"
    return Checked(number, entry, fault)
