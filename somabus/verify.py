"""Judging a tree, or one file, against the format: for writers in other languages, and for drives one doubts.

Nothing is changed. Errors are what readers will set aside or refuse; warnings are what they will put up with.
"""

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from somabus.errors import MessageError, NotABusError, SomabusError
from somabus.model.bus import BUS_FILE, Bus
from somabus.model.card import Card
from somabus.model.cursor import Cursors
from somabus.model.deadletter import DeadLetter
from somabus.model.envelope import Seal, split
from somabus.model.heartbeat import Heartbeat
from somabus.model.leases import LeaseRecord
from somabus.model.message import Message, Value
from somabus.model.names import RULE, is_name
from somabus.model.slot import WHY, Slot, State
from somabus.model.trust import Policy
from somabus.model.wire import MAX_DOCUMENT, parse_object
from somabus.sender import SentKey
from somabus.store.directory import DirectoryStore
from somabus.store.directory.store import strangers
from somabus.store.port import Store, is_key

_LOG_ENTRY: Final = re.compile(
    r"(?P<log>messages/[^/]+/outbox|channels/[^/]+)/(?P<segment>\d{7})/(?P<number>\d{10})\.json"
)
_BOXED: Final = re.compile(r"messages/(?P<agent>[^/]+)/(?P<state>inbox|later|claimed|dead)/(?P<name>[^/]+)")
_DONE: Final = re.compile(r"messages/(?P<agent>[^/]+)/done/\d{4}-\d\d-\d\d/(?P<id>[0-9a-f-]{36})(\.[a-z]+)?\.json")
_SYNC_TOOL: Final = re.compile(r"\(\d+\)|conflicted copy|sync-conflict", re.IGNORECASE)
_SYNC: Final = "a copy made by a sync tool; a bus must lie on a drive, not in a synchronised folder"
_SET_ASIDE: Final = "the reader will set it aside; its sender should send it again"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is not as the format has it."""

    path: str
    rule: str
    step: str
    weight: str = "error"


def judge_path(path: Path) -> tuple[list[Fault], int]:
    """Judge a bus, or one file of it; return what is wrong, and how many documents were looked at."""
    if path.is_file():
        return _judge_file(path), 1
    if not (path / BUS_FILE).exists():
        raise NotABusError(str(path))
    store = DirectoryStore(str(path), writer=f"verify-{uuid.uuid4().hex[:8]}", marker=BUS_FILE)
    try:
        judge = _Judge(store)
    except MessageError as error:
        return [Fault(BUS_FILE, str(error), "bring back a copy of it; no agent can start without")], 1
    odd = [Fault(where, rule, "look at it; no agent will touch it") for where, rule in strangers(str(path))]
    known = {fault.path for fault in odd}
    faults = [fault for fault in judge.tree() if fault.path not in known] + odd
    return sorted(faults, key=lambda fault: fault.path), judge.looked_at


def _judge_file(path: Path) -> list[Fault]:
    """Judge one file: with its bus around it, if it lies in one; else by what it says of itself."""
    path = path.absolute()
    root = next((each for each in path.parents if (each / BUS_FILE).exists()), None)
    key = "" if root is None else path.relative_to(root).as_posix()
    if root is not None and is_key(key) and not key.startswith("tmp/"):
        return list(_Judge(DirectoryStore(str(root), writer="verify", marker=BUS_FILE)).document(key))
    alone = "nobody knows here whose it is: the signature was not checked"
    return [
        *judge_document(path.name, path.read_bytes()),
        Fault(path.name, alone, "verify it where it lies", "warning"),
    ]


def judge_document(name: str, raw: bytes) -> Iterator[Fault]:
    """Judge one file by what it says it is, without a bus around it."""
    try:
        value = parse_object(split(raw).body)
    except MessageError as error:
        yield Fault(name, str(error), _SET_ASIDE)
        return
    kinds: dict[str, type[Value]] = {
        "sender": Message,
        "public_key": Card,
        "beat": Heartbeat,
        "policy": Bus,
        "generation": LeaseRecord,
    }
    kind = next((kinds[mark] for mark in kinds if mark in value), Message)
    try:
        if kind is Message:
            Message.decode(split(raw).body)
        else:
            kind.from_object(value)
    except MessageError as error:
        yield Fault(name, f"as a {kind.__name__.lower()}: {error}", _SET_ASIDE)
    for unknown in sorted(set(value) - set(kind.model_fields) - {"signature"}):
        yield Fault(
            name,
            f"the member {ascii(unknown)[:60]} is unknown to format 1",
            "readers skip it; is it misspelt?",
            "warning",
        )
    if kind is Message and len(raw) > MAX_DOCUMENT:
        yield Fault(name, f"{len(raw):,} bytes, the limit is {MAX_DOCUMENT:,}", _SET_ASIDE)


class _Judge:
    """Walks one bus."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._keys: dict[str, bytes | None] = {}
        self._bus = Bus.from_object(parse_object(store.read(BUS_FILE) or b""))
        self._last: dict[str, int] = {}
        self.looked_at = 0

    def tree(self) -> list[Fault]:
        """Judge every document of the bus."""
        return [fault for key in self._walk("") for fault in self.document(key)]

    def _walk(self, prefix: str) -> Iterator[str]:
        for name in self._store.list(prefix):
            key = f"{prefix}/{name}" if prefix else name
            if key == "tmp":
                continue
            try:
                below = self._store.list(key)
            except SomabusError:
                yield key  # a file
                continue
            if "entry.json" in below:
                yield key  # an entry of a drive without hard links
            else:
                yield from self._walk(key)

    def document(self, key: str) -> Iterator[Fault]:
        """Judge one document."""
        self.looked_at += 1
        try:
            raw = self._store.read(key)
        except SomabusError as error:
            yield Fault(key, str(error), "remove it, or ask who put it there")
            return
        if raw is None:
            return  # it moved while we walked
        judge = self._rule_for(key)
        if judge is None:
            rule = _SYNC if _SYNC_TOOL.search(key) else "no document of format 1 has this place"
            yield Fault(key, rule, "look at it; no agent will touch it", "warning")
            return
        yield from judge(key, raw)

    def _rule_for(self, key: str) -> Callable[[str, bytes], Iterator[Fault]] | None:
        parts = key.split("/")
        plain: dict[str, type[Value]] = {"cursors.json": Cursors}
        if key == BUS_FILE:
            return self._value(Bus)
        if parts[0] == "registry" and len(parts) == 3:  # noqa: PLR2004 - registry/<name>/<file>
            sealed = {"card.json": self._card, "heartbeat.json": self._heartbeat}
            return sealed.get(parts[2]) or (self._value(plain[parts[2]]) if parts[2] in plain else None)
        if parts[0] == "leases" and len(parts) == 3:  # noqa: PLR2004 - leases/<name>/<number>
            return self._value(LeaseRecord)
        if _LOG_ENTRY.fullmatch(key):
            return self._entry
        if parts[0] == "messages" and parts[2:3] == ["keys"]:
            return self._value(SentKey)
        if _BOXED.fullmatch(key):
            return self._value(DeadLetter) if key.endswith(WHY) else self._boxed
        return self._done if _DONE.fullmatch(key) else None

    def _value(self, kind: type[Value]) -> Callable[[str, bytes], Iterator[Fault]]:
        def judge(key: str, raw: bytes) -> Iterator[Fault]:
            try:
                kind.from_object(parse_object(raw))
            except MessageError as error:
                yield Fault(key, str(error), "its owner writes it anew, or a person removes it")

        return judge

    def _card(self, key: str, raw: bytes) -> Iterator[Fault]:
        name = key.split("/")[1]
        if not is_name(name):
            yield Fault(key, f"{name!r} is no valid name: {RULE}", "the agent must join under another name")
        try:
            card = Card.from_object(parse_object(split(raw).body))
        except MessageError as error:
            yield Fault(key, str(error), "nobody believes this agent; it must join again")
            return
        if (card.name, card.bus) != (name, self._bus.bus):
            yield Fault(key, f"it was made for {card.name} on the bus {card.bus}", "remove it; it is a copy")
        if not split(raw).verified_by(card.key, Seal.CARD):
            yield Fault(
                key,
                "it is not sealed with the key it carries",
                "somebody changed it; the agent must join again",
            )

    def _heartbeat(self, key: str, raw: bytes) -> Iterator[Fault]:
        name = key.split("/")[1]
        yield from self._value(Heartbeat)(key, split(raw).body)
        owner = self._key_of(name)
        if owner is None or not split(raw).verified_by(owner, Seal.HEARTBEAT):
            yield Fault(key, f"it was not written by {name}", "readers ignore it; the agent's next beat replaces it")

    def _boxed(self, key: str, raw: bytes) -> Iterator[Fault]:
        found = _BOXED.fullmatch(key)
        assert found is not None  # noqa: S101 - the rule was chosen by this pattern
        slot = Slot.parse(found["name"])
        if found["state"] == "dead":
            return  # set aside for a reason that stands beside it
        if slot is None or not slot.fits(State(found["state"])):
            none = "the name is none of <priority digit>-<id>.<generation>.json"
            yield Fault(key, _SYNC if _SYNC_TOOL.search(found["name"]) else none, _SET_ASIDE)
            return
        yield from self._message(key, raw, found["agent"], slot)

    def _done(self, key: str, raw: bytes) -> Iterator[Fault]:
        yield from self._message(key, raw, key.split("/")[1], None)

    def _message(self, key: str, raw: bytes, agent: str, slot: Slot | None) -> Iterator[Fault]:
        yield from judge_document(key, raw)
        try:
            message = Message.decode(split(raw).body)
        except MessageError:
            return  # said already
        if message.bus != self._bus.bus or agent not in message.to:
            yield Fault(key, f"it was sent to {', '.join(message.to)} on the bus {message.bus}", _SET_ASIDE)
        if slot is not None and slot.id != message.id:
            yield Fault(key, f"the name says {slot.id}, the message {message.id}", _SET_ASIDE)
        if slot is not None and slot.digit != message.priority.digit:
            said = f"the name's digit is {slot.digit}, that of {message.priority} is {message.priority.digit}"
            yield Fault(key, said, "it is served at the name's place", "warning")
        yield from self._signature(key, raw, message.sender)

    def _entry(self, key: str, raw: bytes) -> Iterator[Fault]:
        found = _LOG_ENTRY.fullmatch(key)
        assert found is not None  # noqa: S101 - the rule was chosen by this pattern
        number, log = int(found["number"]), found["log"]
        if int(found["segment"]) != number // 1000:
            yield Fault(
                key,
                f"number {number} belongs into the segment {number // 1000:07d}",
                "readers do not find it there",
            )
        if number != self._last.get(log, 0) + 1:
            yield Fault(
                key,
                f"the numbers before it are missing, from {self._last.get(log, 0) + 1}",
                "readers wait for them, then step over",
                "warning",
            )
        self._last[log] = number
        try:
            message = Message.decode(split(raw).body)
        except MessageError as error:
            yield Fault(key, str(error), "readers step over it")
            return
        yield from self._signature(key, raw, message.sender)

    def _signature(self, key: str, raw: bytes, sender: str) -> Iterator[Fault]:
        envelope, owner = split(raw), self._key_of(sender)
        if envelope.signature is None:
            refused = self._bus.policy.trust is not Policy.OPEN
            step = f"this bus acts on {self._bus.policy.trust} mail and better"
            yield Fault(key, "it is not signed", step, "error" if refused else "warning")
        elif owner is None:
            yield Fault(key, f"no card of {sender} is here to verify it", f"{sender} must join")
        elif not envelope.verified_by(owner, Seal.MESSAGE):
            yield Fault(key, f"it was not signed by {sender}", "do not act on it; find out who wrote it")

    def _key_of(self, name: str) -> bytes | None:
        if name not in self._keys:
            raw = self._store.read(f"registry/{name}/card.json") if is_name(name) else None
            try:
                self._keys[name] = None if raw is None else Card.from_object(parse_object(split(raw).body)).key
            except MessageError:
                self._keys[name] = None
        return self._keys[name]
