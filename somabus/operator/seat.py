"""The seat of one operator: the bus, the key, and the two things that every act needs, a record and a winner."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from somabus.audit import Audit
from somabus.authority import BUS, Authority
from somabus.errors import (
    ConfigurationError,
    DocumentTooLargeError,
    MessageError,
    StoreDamagedError,
    StoreRefusedError,
    TrustError,
)
from somabus.identity import Identities
from somabus.incidents import Incident, Incidents
from somabus.log import Log
from somabus.model import tree
from somabus.model.bus import BUS_FILE, Bus, succession_fault
from somabus.model.creed import Creed
from somabus.model.envelope import Seal, seal_body, split
from somabus.model.ids import IdMaker
from somabus.model.message import Value
from somabus.model.signing import Signer
from somabus.model.wire import parse_object
from somabus.pins import Pins
from somabus.recall import Recall
from somabus.store.port import Store

_MOST: Final = 100_000


@dataclass(slots=True, eq=False, repr=False)
class Seat:
    """What an operator acts from; built by `take_seat`.

    `home` is the operator's own memory, on the operator's machine.
    """

    store: Store
    home: Store
    name: str
    signer: Signer
    authority: Authority
    identities: Identities
    audit: Audit
    ids: IdMaker
    now: Callable[[], datetime]
    monotonic: Callable[[], float]

    @property
    def bus(self) -> Bus:
        """What the bus says that holds."""
        return self.authority.bus

    def must_own(self) -> None:
        """Make sure that the bus names this operator and this key; complete what power cut off before.

        Raises:
            ConfigurationError: it does not; nothing was done.
        """
        self.look()
        if self.signer.public_key not in self.authority.operator_keys(self.name):
            raise ConfigurationError(
                f"{self.name} is no operator of this bus with the key of this machine; "
                "an operator admits another with: somabus operator add NAME KEY"
            )
        there: bytes | None = None
        with suppress(StoreDamagedError, DocumentTooLargeError, StoreRefusedError):
            there = self.store.read(BUS_FILE)
        if there != self.authority.raw and self.authority.raw is not None:
            self.store.replace(BUS_FILE, self.authority.raw)  # what was put there instead, nobody believes

    def look(self) -> None:
        """Look what holds now, and put in place what an operator published and power kept from its place."""
        self.authority.refresh()
        while self.complete(BUS, self.bus.version, BUS_FILE, Seal.BUS):
            before = self.bus.version
            self.authority.refresh()
            if self.bus.version == before:
                break  # on a drive that shows an old file for a while
        there = self.authority.revocations
        if self.complete("revocations", there.number if there else 0, tree.REVOCATIONS, Seal.REVOCATIONS):
            self.authority.refresh()

    def sealed(self, value: Value, seal: Seal) -> bytes:
        """Return a document with this operator's signature."""
        return seal_body(value.to_json(), seal, self.signer.sign)

    def publish(self, document: str, number: int, key: str, raw: bytes, seal: Seal) -> None:
        """Make a numbered document hold: of two operators at the same moment one wins.

        What lies under the number and is no operator's was planted to be in the way, and is written over.
        Power cut after each step: 1 the number is taken, and whoever comes next completes it; 2 done.

        Raises:
            ConfigurationError: another change came first; it holds, and this one was not made.
        """
        log = Log(self.store, tree.history(document))
        if not log.append_at(number, raw):  # 1
            first = _read(log, number)
            if self._genuine(first, seal, number) and first != raw:
                self.store.replace(key, first)
                raise ConfigurationError(
                    f"another change of the {document} came first, as number {number}, and holds; look and repeat yours"
                )
            with suppress(StoreDamagedError, StoreRefusedError):  # a folder, or another user's: it is in nobody's way
                self.store.replace(log.key(number), raw)
        self.store.replace(key, raw)  # 2
        self.complete(document, number, key, seal)  # another operator may have come by between 1 and 2

    def complete(self, document: str, number: int, key: str, seal: Seal) -> bool:
        """Put the last version after a number in its place, if it was published and is not there; tell if it was so."""
        log, last = Log(self.store, tree.history(document)), b""
        for each in log.after(number, _MOST):
            raw = _read(log, each)
            if each != number + 1 or not self._genuine(raw, seal, each):
                break
            number, last = each, raw
            if seal is Seal.BUS:
                break  # who may sign the next one, this one says
        if last:
            self.store.replace(key, last)
        return bool(last)

    def _genuine(self, raw: bytes, seal: Seal, number: int) -> bool:
        """Tell whether a document is the version of that number, by an operator; values.md has its own envelope."""
        with suppress(MessageError, TrustError):
            envelope = Creed.opened(raw)[1] if seal is Seal.VALUES else split(raw)
            value = parse_object(envelope.body)
            if value.get("number", value.get("version")) != number or value.get("bus") != self.bus.bus:
                return False
            if seal is Seal.BUS:
                return not succession_fault(self.bus, Bus.from_object(value), envelope)
            return self.bus.signer_of(envelope, seal) is not None
        return False


def _read(log: Log, number: int) -> bytes:
    """Read an entry; whatever cannot be read is nobody's."""
    with suppress(StoreDamagedError, DocumentTooLargeError, StoreRefusedError):
        return log.read(number) or b""
    return b""


def take_seat(
    *,
    store: Store,
    home: Store,
    bus: Bus,
    name: str,
    signer: Signer,
    entropy: Callable[[int], bytes],
    now: Callable[[], datetime],
    monotonic: Callable[[], float],
    tells: bool = True,
) -> Seat:
    """Join the parts of a seat.

    With `tells` false it is a seat to look from, and what does not hold is not written into the audit.

    Raises:
        TrustError: the bus is not what its operators signed.
    """
    incidents = Incidents(
        home,
        audit=lambda each: _note(audit, each) if tells else None,
        alert=lambda _each: None,  # the one who is alerted sits here
    )
    authority = Authority(store, home, bus, incidents.tell)
    audit = Audit(store, bus.bus, name, signer, now, home, author_fault=authority.author_fault)
    authority.refresh()
    recall = Recall(home)
    identities = Identities(store, authority, Pins(home, recall), recall, incidents.tell)
    return Seat(
        store=store, home=home, name=name, signer=signer, authority=authority, identities=identities, audit=audit,
        ids=IdMaker(entropy), now=now, monotonic=monotonic,
    )  # fmt: skip


def _note(audit: Audit, incident: Incident) -> None:
    audit.append("refused", incident.component, incident.detail, evidence=incident.evidence)
