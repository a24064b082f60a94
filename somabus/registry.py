"""Who is on the bus, with which key, and how each of them does.

A card is sealed with the key it carries, so nobody can change one member of it; that the key is the name's own is
what pins are for. A heartbeat counts only if its owner sealed it.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from somabus.errors import (
    DocumentTooLargeError,
    KeyExistsError,
    MalformedMessageError,
    MessageError,
    NameTakenError,
    StoreDamagedError,
    StoreError,
    StoreUnavailableError,
    TrustError,
)
from somabus.model import tree
from somabus.model.bus import Bus
from somabus.model.card import Card
from somabus.model.envelope import Seal, seal_body, split
from somabus.model.heartbeat import Heartbeat
from somabus.model.names import is_name
from somabus.model.presence import Presence, judge_presence
from somabus.model.wire import parse_object
from somabus.pins import Pins
from somabus.store.port import Store

_LOOKED_RECENTLY: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Peer:
    """One agent as the registry shows it now.

    `fault` says what could not be read or verified; without fault and verdict its card is not visible here yet.
    """

    name: str
    presence: Presence | None
    last_seen: datetime | None = None
    card: Card | None = None
    heartbeat: Heartbeat | None = None
    fault: str = ""

    @property
    def short(self) -> str:
        """The first eight hex digits of its key's fingerprint, or nothing if the card could not be read."""
        return self.card.short if self.card else ""

    def __str__(self) -> str:
        return f"{self.name} #{self.short}: {self.presence or self.fault or 'no card yet'}"


class Registry:
    """Reads everybody's cards and heartbeats; writes its own agent's."""

    def __init__(self, store: Store, bus: Bus, pins: Pins) -> None:
        self._store = store
        self._bus = bus
        self._pins = pins
        self._known: set[str] = set()
        self._cards: dict[str, tuple[bytes, Card]] = {}
        self._looked: dict[str, tuple[datetime, Peer]] = {}

    def names(self) -> frozenset[str]:
        """Return the names of all who have joined."""
        return frozenset(name for name in self._store.list(tree.REGISTRY) if is_name(name))

    def knows(self, name: str) -> bool:
        """Tell whether an agent of that name has joined; a name once seen is not looked for again."""
        if name not in self._known and is_name(name):
            with suppress(StoreDamagedError):  # a file stands there: nobody joined
                if "card.json" in self._store.list(f"{tree.REGISTRY}/{name}"):
                    self._known.add(name)
        return name in self._known

    def card(self, name: str) -> Card | None:
        """Return the card of a name, checked against its own seal, or None if there is none.

        Raises:
            MessageError, TrustError, StoreError: there is one, and it cannot be read or is not genuine.
        """
        raw = self._store.read(tree.card(name))
        if raw is None:
            return None
        known = self._cards.get(name)
        if known is not None and known[0] == raw:
            return known[1]
        envelope = split(raw)
        card = Card.from_object(parse_object(envelope.body))
        if (card.name, card.bus) != (name, self._bus.bus):
            raise TrustError(f"the card of {name} was made for {card.name} on the bus {card.bus}")
        if not envelope.verified_by(card.key, Seal.CARD):
            raise TrustError(f"the card of {name} is not sealed with its own key")
        self._cards[name] = (raw, card)
        return card

    def key_of(self, name: str) -> bytes | None:
        """Return the key that counts for a name: the remembered one, or the card's, which is remembered from now on."""
        key = self._pins.key(name)
        if key is None:
            card = self.card(name)
            if card is not None:
                key = self._pins.remember(name, card.key, self._store.now())
        return key

    def proven_key(self, name: str) -> bytes | None:
        """Return the key that counts for a name, or None if its card is missing, damaged or not genuine.

        Raises:
            StoreError: the drive, or this machine's own disk, could not be read or written: that proves nothing.
        """
        try:
            return self.key_of(name)
        except (MessageError, TrustError, StoreDamagedError, DocumentTooLargeError):
            return None

    def heartbeat(self, name: str) -> Heartbeat | None:
        """Return the last heartbeat that the agent itself wrote, or None if it never beat.

        Raises:
            MessageError, TrustError, StoreError: there is one, and it cannot be read or is not genuine.
        """
        raw = self._store.read(tree.heartbeat(name))
        if raw is None:
            return None
        key = self.key_of(name)
        envelope = split(raw)
        if key is None or not envelope.verified_by(key, Seal.HEARTBEAT):
            raise TrustError(f"the heartbeat of {name} was not written by {name}")
        heartbeat = Heartbeat.from_object(parse_object(envelope.body))
        if (heartbeat.agent, heartbeat.bus) != (name, self._bus.bus):
            raise TrustError(f"the heartbeat of {name} was made for {heartbeat.agent} on {heartbeat.bus}")
        return heartbeat

    def peer(self, name: str) -> Peer:
        """Return what is known of one agent now; what cannot be read becomes its `fault`, not an error.

        Raises:
            StoreUnavailableError: could not look at all.
        """
        card: Card | None = None
        try:
            card = self.card(name)
            if card is None:
                return Peer(name, None)  # joining just now, or its card is not visible here yet
            if self._pins.key(name) not in (None, card.key):
                return Peer(
                    name,
                    None,
                    card=card,
                    fault="its key is not the one seen first; nobody believes it until a human decides",
                )
            heartbeat = self.heartbeat(name)
        except StoreUnavailableError:
            raise
        except (MessageError, TrustError, StoreError, ValueError) as error:
            return Peer(name, None, card=card, fault=str(error))
        seen = heartbeat.written_at if heartbeat else card.joined_at
        verdict = judge_presence(
            last_seen=seen,
            every_s=heartbeat.every_s if heartbeat else card.every_s,
            stopped=heartbeat.stopped if heartbeat else False,
            now=self._store.now(),
            staleness=self._bus.policy.staleness,
        )
        return Peer(name, verdict, seen, card, heartbeat)

    def peers(self) -> tuple[Peer, ...]:
        """Return everybody, sorted by name."""
        return tuple(self.peer(name) for name in sorted(self.names()))

    def silent_since(self, name: str) -> datetime | None:
        """Return a silent agent's last sign of life, or None; the answer may be half a minute old."""
        now = self._store.now()
        looked, peer = self._looked.get(name, (now - _LOOKED_RECENTLY * 2, Peer(name, None)))
        if not timedelta(0) <= now - looked < _LOOKED_RECENTLY:
            peer = self.peer(name)
            self._looked[name] = (now, peer)
        return peer.last_seen if peer.presence is Presence.SILENT else None

    def join(self, card: Card, sign: Callable[[bytes], bytes]) -> Card:
        """Register a card, or bring the registered one up to date; the owner of a name is whoever was first.

        Raises:
            NameTakenError: the name belongs to another key; its card is untouched.
        """
        sealed = seal_body(card.to_json(), Seal.CARD, sign)
        try:
            self._store.create(tree.card(card.name), sealed)
        except KeyExistsError:
            there = self._owned(card)
            if _changed(there, card):
                kept = card.model_copy(update={"joined_at": there.joined_at, "certificate": there.certificate})
                self._store.replace(tree.card(card.name), seal_body(kept.to_json(), Seal.CARD, sign))
                return kept
            return there
        return card

    def write_heartbeat(self, heartbeat: Heartbeat, sign: Callable[[bytes], bytes]) -> None:
        """Replace the agent's own heartbeat."""
        self._store.replace(tree.heartbeat(heartbeat.agent), seal_body(heartbeat.to_json(), Seal.HEARTBEAT, sign))

    def _owned(self, mine: Card) -> Card:
        try:
            there = self.card(mine.name)
        except (MalformedMessageError, TrustError) as error:
            raise StoreDamagedError(tree.card(mine.name), str(error)) from error
        if there is None:
            raise StoreUnavailableError(tree.card(mine.name), "it exists and cannot be read yet")
        if there.key != mine.key:
            raise NameTakenError(mine.name, there.short)
        return there


def _changed(there: Card, mine: Card) -> bool:
    facts = ("display_name", "cadence", "every_s", "skills")
    return any(getattr(there, fact) != getattr(mine, fact) for fact in facts)
