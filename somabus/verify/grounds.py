"""What a bus is judged by: who rules it, who is who, and which keys counted once.

It sees the bus with the services of an agent, one that saw what was published last and remembers nothing else.
"""

from contextlib import suppress
from enum import Enum, auto
from typing import Final, NamedTuple, TypeVar

from somabus.authority import BUS, Authority
from somabus.errors import DocumentTooLargeError, MessageError, StoreDamagedError, TrustError
from somabus.identity import Identities, Standing
from somabus.log import Log
from somabus.model import signing, tree
from somabus.model.bus import BUS_FILE, Bus, OperatorKey, succession_fault
from somabus.model.card import Card
from somabus.model.envelope import Envelope, Seal, split
from somabus.model.message import Value
from somabus.model.names import is_name
from somabus.model.revocation import Revocations
from somabus.model.trust import Trust
from somabus.model.wire import parse_object
from somabus.pins import Pins
from somabus.recall import Recall
from somabus.store.memory import MemoryStore
from somabus.store.port import Store

V = TypeVar("V", bound=Value)
_MOST: Final = 100_000


class Held(Enum):
    """What a signature proves.

    That of a key that counts, that an operator has called back, or that its operator has given up for another; or
    nothing, for one of three reasons.
    """

    COUNTS = auto()
    REVOKED = auto()
    GIVEN_UP = auto()
    UNSIGNED = auto()
    UNKNOWN = auto()
    FORGED = auto()


PAST: Final = frozenset([Held.REVOKED, Held.GIVEN_UP])


class Proof(NamedTuple):
    """The same, and in words why it does not count."""

    held: Held
    said: str = ""


class Grounds:
    """Built once for a bus.

    Raises:
        MessageError: somabus.json cannot be read, and without it nothing can be judged.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.told: dict[str, str] = {}
        """What the services refused, by where they met it."""
        self.links: dict[int, str] = {}
        """What is wrong with each version of somabus.json that the history knows, by number."""
        found, home = _parsed(store.read(BUS_FILE) or b""), MemoryStore(store.now)
        self._ever: list[OperatorKey] = []
        self._remember_published(home)
        self.authority = Authority(store, home, found, self._tell)
        recall = Recall(home)
        self.identities = Identities(store, self.authority, Pins(home, recall), recall, self._tell)
        try:
            self.authority.refresh()
        except TrustError as error:
            self.told[BUS_FILE] = error.reason
        self._ever += [each for each in self.bus.operators if each not in self._ever]
        self._standings: dict[str, Standing] = {}

    @property
    def bus(self) -> Bus:
        """What the bus says that holds."""
        return self.authority.bus

    def proof(self, name: str, envelope: Envelope, seal: Seal) -> Proof:
        """Judge whether the signature is that of an agent or an operator of this name."""
        if envelope.signature is None:
            return Proof(Held.UNSIGNED, "it is not signed")
        standing = self.standing(name)
        if any(envelope.verified_by(key, seal) for key in standing.keys):
            return Proof(Held.COUNTS)
        for each in self.authority.revoked_keys(name, self.store.now()):
            if envelope.verified_by(signing.from_text(each.public_key), seal):
                short = signing.short(signing.from_text(each.public_key))
                said = f"it was signed with the key #{short} of {name}, revoked at {each.at:%Y-%m-%d %H:%M} UTC"
                return Proof(Held.REVOKED, f"{said}: {each.why}" if each.why else said)
        past = self.operator_ever(envelope, seal)
        if past is not None and past.name == name:
            return Proof(Held.GIVEN_UP, f"it was signed with the key #{past.short}, which {name} has given up")
        if standing.keys or standing.trust is Trust.REVOKED:
            return Proof(Held.FORGED, f"it was not signed by {name}")
        return Proof(Held.UNKNOWN, f"no card of {name} is here to verify it")

    def standing(self, name: str) -> Standing:
        """Return which keys count for a name now.

        Where a card is not genuine, the key that it carries is taken for its owner's: the fault is told at the card,
        and not at everything that its owner ever wrote.
        """
        if name not in self._standings:
            standing = self.identities.standing(name)
            if not standing.keys and standing.trust is not Trust.REVOKED:
                standing = standing._replace(keys=self._shown(name))
            self._standings[name] = standing
        return self._standings[name]

    def opened(self, raw: bytes, seal: Seal, kind: type[V]) -> V:
        """Return what an operator of now has signed.

        Raises:
            MessageError, TrustError: it is no such document, or nobody did; one who has gone is named.
        """
        try:
            return self.authority.opened(raw, seal, kind)
        except TrustError:
            self.refuse_past(split(raw), seal)
            raise

    def refuse_past(self, envelope: Envelope, seal: Seal) -> None:
        """Name the key of an operator that counts no more.

        Raises:
            TrustError: it is one.
        """
        past = self.operator_ever(envelope, seal)
        if past is not None and past not in self.bus.operators:
            raise TrustError(
                f"it was signed with the key #{past.short} of {past.name}, which is no operator's any more"
            )

    def operator_ever(self, envelope: Envelope, seal: Seal) -> OperatorKey | None:
        """Return the operator, of now or of any version before, who signed a document."""
        return next((each for each in self._ever if envelope.verified_by(each.key, seal)), None)

    def known_key(self, name: str, key: bytes) -> bool:
        """Tell whether a key is or was one of that name's."""
        text = signing.to_text(key)
        revoked = self.authority.revocations.revoked if self.authority.revocations else ()
        return (
            key in self.standing(name).keys
            or any((each.name, each.public_key) == (name, text) for each in self._ever)
            or any((each.agent, each.public_key) == (name, text) for each in revoked)
        )

    def published(self, document: str) -> list[int]:
        """Return the numbers under which a document was ever published."""
        try:
            return Log(self.store, tree.history(document)).after(0, _MOST)
        except StoreDamagedError:
            return []

    def version(self, document: str, number: int) -> bytes | None:
        """Return a document as it was published under a number, or None if that is not there."""
        try:
            return Log(self.store, tree.history(document)).read(number) if number in self.published(document) else None
        except (StoreDamagedError, DocumentTooLargeError):
            return b""

    # -- steps ------------------------------------------------------------------------------------------------

    def _remember_published(self, home: Store) -> None:
        """See what was published last before what lies there now, as one who was here then."""
        proven = self._follow_history()
        if not proven:
            return
        home.create(f"seen/{BUS_FILE}", proven)
        for number in reversed(self.published("revocations")):
            raw = self.version("revocations", number) or b""
            with suppress(MessageError):
                if self.operator_ever(split(raw), Seal.REVOCATIONS) and _list(raw).number == number:
                    home.create(f"seen/{tree.REVOCATIONS}", raw)
                    return

    def _follow_history(self) -> bytes:
        """Go from version to version as far as the signatures lead; nobody else was an operator ever."""
        before, last = None, b""
        for number in self.published(BUS):
            raw = self.version(BUS, number) or b""
            try:
                found = _parsed(raw)
            except MessageError as error:
                self.links[number] = str(error)
                continue
            self.links[number] = _link_fault(number, before, found, split(raw))
            if not self.links[number]:
                before, last = found, raw
                self._ever += [each for each in found.operators if each not in self._ever]
        return last

    def _tell(self, component: str, episode: str, detail: str, evidence: bytes | None = None) -> None:  # noqa: ARG002
        self.told[component] = detail

    def _shown(self, name: str) -> tuple[bytes, ...]:
        try:
            raw = self.store.read(tree.card(name)) if is_name(name) else None
            return () if raw is None else (Card.from_object(parse_object(split(raw).body)).key,)
        except (MessageError, StoreDamagedError, DocumentTooLargeError):
            return ()


def _link_fault(number: int, before: Bus | None, found: Bus, envelope: Envelope) -> str:
    if found.version != number:
        return f"it was made as version {found.version}"
    if before is not None:
        return succession_fault(before, found, envelope)
    if number > 1:
        return "the versions before it are missing"
    return "" if found.signer_of(envelope, Seal.BUS) else "none of the operators that it names signed it"


def _list(raw: bytes) -> Revocations:
    return Revocations.from_object(parse_object(split(raw).body))


def _parsed(raw: bytes) -> Bus:
    return Bus.from_object(parse_object(split(raw).body))
