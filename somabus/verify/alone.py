"""Judging one document by what it says of itself, without a bus around it."""

from collections.abc import Iterator
from typing import Final

from somabus.errors import MessageError, TrustError
from somabus.model.approval import Answer, Request, Use
from somabus.model.audit import AuditEntry
from somabus.model.bus import Bus
from somabus.model.card import Card
from somabus.model.certificate import Certificate, Rotation
from somabus.model.creed import Creed
from somabus.model.cursor import Cursors
from somabus.model.deadletter import DeadLetter
from somabus.model.envelope import split
from somabus.model.goal import Goal, Proposal, Work
from somabus.model.heartbeat import Heartbeat
from somabus.model.job import Job
from somabus.model.leases import LeaseRecord
from somabus.model.message import Message, Value
from somabus.model.revocation import Revocations
from somabus.model.stop import Resume, Stop
from somabus.model.wire import MAX_DOCUMENT, parse_object
from somabus.model.work import Bond, Try
from somabus.verify.fault import Fault

SET_ASIDE: Final = "the reader will set it aside; its sender should send it again"
_MARKS: Final[dict[str, type[Value]]] = {
    "event": Try, "ticket": Bond, "queue": Job,
    "act": AuditEntry, "file": DeadLetter, "sender": Message, "serial": Certificate, "new_key": Rotation,
    "public_key": Card, "beat": Heartbeat, "policy": Bus, "revoked": Revocations, "generation": LeaseRecord,
    "logs": Cursors, "range": Stop, "stop": Resume, "state": Goal, "doing": Work, "title": Proposal,
    "action": Request, "granted": Answer, "by": Use,
}  # fmt: skip
"""The member that tells what a document is; the first one that it has counts."""


def judge_document(name: str, raw: bytes) -> Iterator[Fault]:
    """Judge one file by what it says it is."""
    if name.endswith(".md") or raw.rstrip().endswith(b"-->"):
        yield from _judge_values(name, raw)
        return
    try:
        value = parse_object(split(raw).body)
    except MessageError as error:
        yield Fault(name, str(error), SET_ASIDE)
        return
    kind = next((_MARKS[mark] for mark in _MARKS if mark in value), Message)
    try:
        if kind is Message:
            Message.decode(split(raw).body)
        else:
            kind.from_object(value)
    except MessageError as error:
        yield Fault(name, f"as a {kind.__name__.lower()}: {error}", SET_ASIDE)
    for unknown in sorted(set(value) - set(kind.model_fields) - {"signature"}):
        said = f"the member {ascii(unknown)[:60]} is unknown to format 1"
        yield Fault(name, said, "readers skip it; is it misspelt?", "warning")
    if kind is Message and len(raw) > MAX_DOCUMENT:
        yield Fault(name, f"{len(raw):,} bytes, the limit is {MAX_DOCUMENT:,}", SET_ASIDE)


def _judge_values(name: str, raw: bytes) -> Iterator[Fault]:
    try:
        Creed.opened(raw)
    except (MessageError, TrustError) as error:
        yield Fault(name, str(error), "an operator writes it anew with: somabus operator values FILE")
