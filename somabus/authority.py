"""Who may say what holds: the operators of the bus, as this agent has come to know them.

    somabus.json ──► version by version, each signed by an operator of the one before
    operator/revocations.json ──► which keys count no more; its number never goes back

A writer to the drive can change every file there, so nothing on the drive is believed for standing there: the first
look is remembered at home, and from then on a signature leads from each version to the next.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeVar

from somabus.errors import DocumentTooLargeError, MessageError, StoreDamagedError, StoreRefusedError, TrustError
from somabus.incidents import Tell
from somabus.log import Log
from somabus.model import signing, tree
from somabus.model.bus import BUS_FILE, Bus, OperatorKey, succession_fault
from somabus.model.envelope import Envelope, Seal, Verified, split
from somabus.model.message import Value
from somabus.model.revocation import Revocations, Revoked
from somabus.model.wire import parse_object
from somabus.ratchet import Numbered, Ratchet
from somabus.store.port import Store

if TYPE_CHECKING:
    from somabus.model.audit import AuditEntry

V = TypeVar("V", bound=Value)
N = TypeVar("N", bound=Numbered)


BUS: Final = "bus"
_SEEN: Final = f"seen/{BUS_FILE}"


class Authority:
    """Knows the operators and the policy that hold, and who was revoked.

    Args:
        store: the bus.
        home: this agent's own memory.
        bus: what this machine knows of the bus: what it said when it was connected to, or before.
        tell: told of everything that was refused.
    """

    def __init__(self, store: Store, home: Store, bus: Bus, tell: Tell) -> None:
        self._store = store
        self._home = home
        self._tell = tell
        self._raw: bytes | None = home.read(_SEEN)
        self.bus = bus if self._raw is None else _parsed(self._raw)
        self._revocations = self.ratchet(
            lambda raw: Revocations.from_object(parse_object(split(raw).body)),
            lambda raw: self.opened(raw, Seal.REVOCATIONS, Revocations),
        )
        self._list: Revocations | None = None
        self._past: tuple[int, tuple[OperatorKey, ...]] | None = None

    @property
    def raw(self) -> bytes | None:
        """The version that holds, as it was signed."""
        return self._raw

    @property
    def owned(self) -> bool:
        """Whether the bus has operators, and so certificates and a revocation list."""
        return self.bus.owned

    def refresh(self) -> None:
        """Look what holds now; what is not signed as it must be changes nothing, and is told.

        Raises:
            StoreUnavailableError: could not look; what held before holds.
            TrustError: the bus says that it has operators and carries no signature of theirs.
        """
        self._refresh_bus()
        if self.owned:
            reading = self._revocations.read(tree.REVOCATIONS)
            self._list = reading.value
            fault = reading.fault or ("" if reading.value else f"{tree.REVOCATIONS} is missing")
            if fault:
                self._tell("revocation list", fault, fault, reading.raw)

    def opened(self, raw: bytes, seal: Seal, kind: type[V], verified: Verified = Envelope.verified_by) -> V:
        """Return what an operator of this bus has signed.

        Raises:
            MessageError: it is no such document.
            TrustError: no operator signed it, another one than it names, or it was made for another bus.
        """
        envelope = split(raw)
        value = kind.from_object(parse_object(envelope.body))
        what = seal.removeprefix("somabus ").removesuffix(" 1")
        if getattr(value, "bus", self.bus.bus) != self.bus.bus:
            raise TrustError(f"the {what} was made for another bus, {getattr(value, 'bus', '')}")
        signer = self.bus.signer_of(envelope, seal, verified)
        if signer is None:
            raise TrustError(f"the {what} is not signed by an operator of this bus")
        told = getattr(value, "operator", getattr(value, "by", signer.name))
        if told != signer.name:
            raise TrustError(f"the {what} says it is by {told} and was signed by {signer.name}")
        return value

    def ratchet(self, parsed: Callable[[bytes], N], opened: Callable[[bytes], N]) -> Ratchet[N]:
        """Return a reader of documents that operators sign and whose number never goes back; see `Ratchet`."""
        return Ratchet(self._store, self._home, parsed=parsed, opened=opened, epoch=lambda: self.bus.version)

    def revoked(self, key: bytes, now: datetime) -> Revoked | None:
        """Return what is said of a key that counts no more, or None if it counts."""
        return None if self._list is None else self._list.find(signing.to_text(key), now)

    def revoked_keys(self, agent: str, now: datetime) -> tuple[Revoked, ...]:
        """Return an agent's keys that count no more."""
        return () if self._list is None else self._list.of(agent, now)

    @property
    def revocations(self) -> Revocations | None:
        """The list that holds; None if none was ever seen, and then no certificate counts."""
        return self._list

    def operator_keys(self, name: str) -> tuple[bytes, ...]:
        """Return the keys of an operator of that name; none if nobody of that name is one."""
        return tuple(each.key for each in self.bus.operators if each.name == name) if self.owned else ()

    def author_fault(self, entry: "AuditEntry") -> str:
        """Say why an entry of the audit is not an operator's although it says so, or nothing."""
        from somabus.model.audit import NOT_OPERATORS

        if entry.act in NOT_OPERATORS and entry.by not in {each.name for each in self._ever()}:
            return ""
        if entry.act in NOT_OPERATORS and entry.key is None:
            return ""
        keys = {each.public_key for each in self._ever() if each.name == entry.by}
        if entry.key in keys:
            return ""
        return f"it says it is by {entry.by}, and no key that {entry.by} ever had as an operator signed it"

    def ever_signed(self, envelope: Envelope, seal: Seal) -> bool:
        """Tell whether anybody who was an operator once sealed a document: its number was seen, and counts on."""
        return any(envelope.verified_by(each.key, seal) for each in self._ever())

    def _ever(self) -> tuple[OperatorKey, ...]:
        """Return everybody who was an operator in any version up to the one that holds."""
        if self._past is None or self._past[0] != self.bus.version:
            self._past = (self.bus.version, self._history())
        return self._past[1]

    def _history(self) -> tuple[OperatorKey, ...]:
        """Go back from the version that holds: the one before must name who signed it."""
        found, log = list(self.bus.operators), Log(self._store, tree.history(BUS))
        newer, raw = self.bus, self._raw
        while raw is not None and newer.version > 1:
            older_raw = self._link(log, newer.version - 1)
            try:
                older = None if older_raw is None else _parsed(older_raw)
            except MessageError:
                break
            if older is None or succession_fault(older, newer, split(raw)):
                break
            found += [each for each in older.operators if each not in found]
            newer, raw = older, older_raw
        return tuple(found)

    # -- version by version -----------------------------------------------------------------------------------

    def _refresh_bus(self) -> None:
        self._take_up()
        try:
            raw = self._store.read(BUS_FILE, listed=self._raw is not None)
            if raw is None or raw == self._raw:
                return  # a store without it says so itself
            found = _parsed(raw)
        except (MessageError, StoreDamagedError, StoreRefusedError, DocumentTooLargeError) as error:
            self._refuse(f"{BUS_FILE} cannot be read: {error}", None)
            return
        if found == self.bus and self._raw is None:
            self._meet(found, raw)
        elif found.version <= self.bus.version:
            self._refuse(_not_newer(self.bus, found), raw)
        else:
            self._follow(found, raw)

    def _take_up(self) -> None:
        """Take up what another process of this agent has seen meanwhile."""
        raw = self._home.read(_SEEN)
        if raw is not None and raw != self._raw:
            seen = _parsed(raw)
            if self._raw is None or seen.version > self.bus.version:
                self.bus, self._raw = seen, raw

    def _meet(self, found: Bus, raw: bytes) -> None:
        """Believe the first look, as long as it fits itself."""
        if found.owned and found.signer_of(split(raw), Seal.BUS) is None:
            raise TrustError(f"{BUS_FILE} names operators and is not signed by any of them; nothing was believed")
        self._accept(found, raw)

    def _follow(self, found: Bus, raw: bytes) -> None:
        """Go from the version that holds to the one found, as far as the signatures lead."""
        history = Log(self._store, tree.history(BUS))
        for version in range(self.bus.version + 1, found.version + 1):
            link = raw if version == found.version else self._link(history, version)
            try:
                fault = "it is missing" if link is None else succession_fault(self.bus, _parsed(link), split(link))
            except MessageError as error:
                fault = str(error)
            if link is None or fault:
                self._refuse(f"version {version} of {BUS_FILE}: {fault}; version {self.bus.version} holds", link)
                return
            self._accept(_parsed(link), link)

    def _link(self, history: Log, version: int) -> bytes | None:
        """Read a version that a listing shows; one that is not there is not waited for."""
        with suppress(StoreDamagedError, DocumentTooLargeError, StoreRefusedError):
            return history.read(version) if history.after(version - 1, 1) == [version] else None
        return None

    def _accept(self, bus: Bus, raw: bytes) -> None:
        self._home.replace(_SEEN, raw)
        self.bus, self._raw = bus, raw

    def _refuse(self, fault: str, raw: bytes | None) -> None:
        self._tell(BUS_FILE, fault, fault, raw)


def _parsed(raw: bytes) -> Bus:
    return Bus.from_object(parse_object(split(raw).body))


def _not_newer(bus: Bus, found: Bus) -> str:
    if found.version < bus.version:
        return f"{BUS_FILE} was put back to version {found.version}; version {bus.version} holds"
    return f"{BUS_FILE} was changed and no operator signed a new version; what it said before holds"
