"""Whose key is it: which keys count for a name, and how far each is proven.

    operator     the name is an operator's, as the bus says that holds
    certified    an operator's certificate names the key, and the key seen before handed over to it or was called back
    pinned       the key first seen under the name
    revoked      an operator called it back

A card is sealed with the key it carries, so nobody can change one member of it; that the key is the name's own is
what pins and certificates are for. A name that looks like a known one is not pinned: it takes a certificate.
"""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from somabus.authority import Authority
from somabus.certificates import Certificates
from somabus.errors import DocumentTooLargeError, MessageError, StoreDamagedError, StoreRefusedError, TrustError
from somabus.incidents import Tell
from somabus.model import tree
from somabus.model.card import Card
from somabus.model.envelope import Envelope, Seal, split
from somabus.model.lookalike import Lookalikes
from somabus.model.names import is_name
from somabus.model.trust import Trust
from somabus.pins import Pins
from somabus.recall import UNTOLD, Recall, Stamps
from somabus.store.port import Store

if TYPE_CHECKING:
    from somabus.model.certificate import Certificate

_LOOK_SOON: Final = timedelta(seconds=1)


class Standing(NamedTuple):
    """Which keys count for a name now, the newest first, and what they prove; `fault` says why there is none."""

    keys: tuple[bytes, ...]
    trust: Trust
    fault: str = ""
    certificate: "Certificate | None" = None


class _Listed(NamedTuple):
    """Everybody's names as they were listed, and who looks like whom."""

    at: datetime
    names: frozenset[str]
    lookalikes: Lookalikes


class Identities:
    """Knows on behalf of one agent who is who."""

    def __init__(self, store: Store, authority: Authority, pins: Pins, recall: Recall, tell: Tell) -> None:
        self._store = store
        self._authority = authority
        self._pins = pins
        self.recall = recall
        self._tell = tell
        self._listed: _Listed | None = None
        self._cards: dict[str, tuple[bytes, Card]] = {}
        self._certificates = Certificates(store, authority, recall)
        self._titles: dict[str, tuple[datetime, str]] = {}

    def names(self) -> frozenset[str]:
        """Return the names of all who have joined."""
        return frozenset(name for name in self._store.list(tree.REGISTRY) if is_name(name))

    def stamps(self, names: Collection[str]) -> Stamps:
        """Ask once what stands still of the documents of these names; who is handed the answer reads all others."""
        places = (tree.card, tree.heartbeat, *([tree.certificate] if self._authority.owned else []))
        keys = [place(name) for name in names for place in places]
        return {**dict(zip(keys, self._store.stamps(keys), strict=True)), **self._pins.stamps(names)}

    def read(self, where: str, stamps: Stamps = UNTOLD) -> bytes | None:
        """Return a document of the registry."""
        return self.recall.read(self._store, where, stamps)

    def card(self, name: str) -> Card | None:
        """Return the card of a name, checked against its own seal, or None if there is none.

        A card that has not changed is verified once.

        Raises:
            MessageError, TrustError, StoreError: there is one, and it cannot be read or is not genuine.
        """
        raw = self.read(tree.card(name))
        if raw is None:
            return None
        known = self._cards.get(name)
        if known is None or known[0] != raw:
            known = self._cards[name] = (raw, self._checked(name, raw))
        return known[1]

    def carried(self, name: str, stamps: Stamps = UNTOLD) -> tuple[bytes, bytes] | None:
        """Return a card as it lies there, checked like `card`, and its key; one that is known is not parsed."""
        where = tree.card(name)
        raw = self.read(where, stamps)
        if raw is None:
            return None
        found = self.recall.found(where, raw)
        return raw, bytes.fromhex(found[0]) if found else self._checked(name, raw).key

    def _checked(self, name: str, raw: bytes) -> Card:
        card = Card.decode(split(raw).body)
        if (card.name, card.bus) != (name, self._authority.bus.bus):
            raise TrustError(f"the card of {name} was made for {card.name} on the bus {card.bus}")
        if not self.recall.holds(tree.card(name), raw, card.key, Seal.CARD):
            raise TrustError(f"the card of {name} is not sealed with its own key")
        return card

    def writer(self, name: str, where: str, raw: bytes, seal: Seal) -> bytes | None:
        """Return the key that counts for a name and sealed what was read there, or None; see `Recall.holds`."""
        return self._sealer(name, lambda key: self.recall.holds(where, raw, key, seal))[1]

    def signed_by(self, name: str, envelope: Envelope, seal: Seal) -> bool:
        """Tell whether a key that counts for a name sealed a document; looked again before it is denied."""
        return self.signer(name, envelope, seal)[1] is not None

    def signer(self, name: str, envelope: Envelope, seal: Seal) -> tuple[Standing, bytes | None]:
        """Return what counts for a name, and the key of it that sealed a document, or None if none did."""
        return self._sealer(name, lambda key: envelope.verified_by(key, seal))

    def _sealer(self, name: str, sealed: Callable[[bytes], bool]) -> tuple[Standing, bytes | None]:
        """Look for the key; before something is called false, a certificate half a minute old is looked at anew."""
        standing = self.standing(name)
        key = next(filter(sealed, standing.keys), None)
        if key is None and self._certificates.forget(name):
            standing = self.standing(name)
            key = next(filter(sealed, standing.keys), None)
        return standing, key

    def standing(self, name: str, stamps: Stamps = UNTOLD) -> Standing:
        """Return which keys count for a name.

        A name seen for the first time is pinned to its card's key. A card that is missing, damaged or not genuine
        makes a standing without keys.

        Raises:
            StoreError: the drive, or this machine's own disk, could not be read or written: that proves nothing.
        """
        mine = self._authority.operator_keys(name)
        if mine:
            return Standing(mine, Trust.OPERATOR)
        try:
            if self._authority.owned:
                return self._owned_standing(name, stamps)
            key = self._pins.key(name, stamps) or self._first_seen(name)
        except (MessageError, TrustError, StoreDamagedError, StoreRefusedError, DocumentTooLargeError) as error:
            return Standing((), Trust.UNSIGNED, str(error))
        return Standing((), Trust.UNSIGNED) if key is None else Standing((key,), Trust.PINNED)

    def look_again(self, name: str) -> Standing:
        """Return which keys count for a name, by what lies there now."""
        self._certificates.forget(name)
        return self.standing(name)

    def title(self, name: str) -> str:
        """Return the display name that a card shows now, unless somebody else has a name that looks like it."""
        now = self._store.now()
        at, title = self._titles.get(name, (None, ""))
        if at is not None and timedelta(0) <= now - at < _LOOK_SOON:
            return title
        try:
            card = self.card(name)
        except (MessageError, TrustError, StoreDamagedError, StoreRefusedError, DocumentTooLargeError):
            card = None
        title = card.display_name if card else ""
        if title and (self._operators().read_as(title, of=name) or self._lookalikes(name).read_as(title, of=name)):
            title = ""
        self._titles[name] = (now, title)
        return title

    def pinned(self, name: str) -> bytes | None:
        """Return the key remembered for a name."""
        return self._pins.key(name)

    def keep(self) -> None:
        """Remember at home what was read and proven; called by whoever has met everybody."""
        self.recall.keep()

    # -- certificates -----------------------------------------------------------------------------------------

    def _owned_standing(self, name: str, stamps: Stamps) -> Standing:
        now = self._store.now()
        pin = self._pins.key(name, stamps)
        certificate, fault = self._certificate(name, now, stamps)
        if certificate is not None and not fault:
            fault = self._hand_over(name, pin, certificate, now)
        if certificate is not None and not fault:
            return Standing(self._with_previous(certificate, now), Trust.CERTIFIED, "", certificate)
        key = pin or self._first_seen(name)
        revoked = None if key is None else self._authority.revoked(key, now)
        if revoked is not None:
            return Standing((), Trust.REVOKED, _called_back(name, revoked.at, revoked.why))
        return Standing((), Trust.UNSIGNED, fault) if key is None else Standing((key,), Trust.PINNED, fault)

    def _certificate(self, name: str, now: datetime, stamps: Stamps = UNTOLD) -> "tuple[Certificate | None, str]":
        """Return the certificate of a name if it counts now, or why it does not."""
        looked = self._certificates.look(name, now, stamps)
        certificate, fault = looked.certificate, looked.fault
        if certificate is not None and not fault:
            fault = certificate.fault(self._authority.bus.bus, name, now) or self._uncounted(certificate, now)
        if fault and stamps:  # nobody is accused of what was not read just now
            self._certificates.forget(name)
            return self._certificate(name, now)
        if fault:
            self._tell(name, f"fault: {fault}"[:200], fault, looked.raw)
        return (None if fault else certificate), fault

    def _uncounted(self, certificate: "Certificate", now: datetime) -> str:
        if self._authority.revocations is None:
            return f"{tree.REVOCATIONS} is missing, so no certificate counts"
        revoked = self._authority.revoked(certificate.key, now)
        return "" if revoked is None else _called_back(certificate.agent, revoked.at, revoked.why)

    def _hand_over(self, name: str, pin: bytes | None, certificate: "Certificate", now: datetime) -> str:
        """Pin a certified key; where another was pinned, only if that one handed over or was called back."""
        if pin == certificate.key:
            return ""
        handed_over = pin is not None and self._certificates.predecessor(name) == pin
        if pin is not None and not handed_over and self._authority.revoked(pin, now) is None:
            fault = f"the certificate of {name} names another key than the one seen first, which handed nothing over"
            self._tell(name, f"fault: {fault}"[:200], fault, None)
            return fault
        self._pins.succeed(name, certificate.key, now)
        return ""

    def _with_previous(self, certificate: "Certificate", now: datetime) -> tuple[bytes, ...]:
        previous, old = certificate.previous, self._certificates.predecessor(certificate.agent)
        if previous is None or old is None or previous.until <= now or self._authority.revoked(old, now):
            return (certificate.key,)
        return certificate.key, old

    # -- the first sight of a name ----------------------------------------------------------------------------

    def _first_seen(self, name: str) -> bytes | None:
        card = self.card(name)
        if card is None:
            return None
        self._refuse_lookalike(card)
        return self._pins.remember(name, card.key, self._store.now())

    def _refuse_lookalike(self, card: Card) -> None:
        twin = self._operators().twin_of(card.name) or self._lookalikes(card.name).twin_of(card.name)
        if twin is None or self._came_first(card, twin):
            return
        fault = f"the name {card.name} looks like {twin}, who was here before; an operator must certify it"
        refusal = TrustError(fault)
        self._tell(card.name, f"fault: {refusal}"[:200], str(refusal), self._store.read(tree.card(card.name)))
        raise refusal

    def _operators(self) -> Lookalikes:
        return Lookalikes(each.name for each in self._authority.bus.operators)

    def _lookalikes(self, name: str) -> Lookalikes:
        """Return who looks like whom, listed at most a second ago and after this name had come.

        One who meets everybody at once need not list everybody for each of them.
        """
        now, listed = self._store.now(), self._listed
        if listed is None or name not in listed.names or not timedelta(0) <= now - listed.at < _LOOK_SOON:
            names = self.names()
            listed = self._listed = _Listed(now, names, Lookalikes(names))
        return listed.lookalikes

    def _came_first(self, card: Card, twin: str) -> bool:
        """Tell whether a card is older than its twin; the one already pinned here is older, whatever cards say."""
        if self._authority.operator_keys(twin) or self._pins.key(twin) is not None:
            return False
        try:
            if self._authority.owned and self._certificate(twin, self._store.now())[0] is not None:
                return False
            other = self.card(twin)
        except (MessageError, TrustError, StoreDamagedError, StoreRefusedError, DocumentTooLargeError):
            return True
        return other is None or card.joined_at < other.joined_at


def _called_back(name: str, at: datetime, why: str) -> str:
    return f"the key of {name} was revoked at {at:%Y-%m-%d %H:%M} UTC" + (f": {why}" if why else "")
