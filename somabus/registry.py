"""Who is on the bus, and how each of them does. A heartbeat counts only if its owner sealed it."""

from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from somabus.authority import Authority
from somabus.errors import (
    KeyExistsError,
    LookalikeNameError,
    MalformedMessageError,
    MessageError,
    NameTakenError,
    StoreDamagedError,
    StoreError,
    StoreUnavailableError,
    TrustError,
)
from somabus.identity import Identities
from somabus.model import tree
from somabus.model.card import Card
from somabus.model.envelope import Seal, seal_body, split
from somabus.model.heartbeat import Heartbeat
from somabus.model.lookalike import twin_of
from somabus.model.names import is_name
from somabus.model.presence import Presence, judge_presence
from somabus.peer import LifeSign, Peer
from somabus.recall import UNTOLD, Stamps
from somabus.store.port import Store

_LOOKED_RECENTLY: Final = timedelta(seconds=30)
_OTHER_KEY: Final = "its key is not the one seen first; nobody believes it until a human decides"


class Registry:
    """Reads everybody's cards and heartbeats; writes its own agent's."""

    def __init__(self, store: Store, authority: Authority, identities: Identities) -> None:
        self._store = store
        self._authority = authority
        self._identities = identities
        self._recall = identities.recall
        self._known: set[str] = set()
        self._looked: dict[str, tuple[datetime, Peer]] = {}

    def names(self) -> frozenset[str]:
        """Return the names of all who have joined."""
        return self._identities.names()

    def knows(self, name: str) -> bool:
        """Tell whether an agent of that name has joined; a name once seen is not looked for again."""
        if name not in self._known and is_name(name):
            with suppress(StoreDamagedError):  # a file stands there: nobody joined
                if "card.json" in self._store.list(f"{tree.REGISTRY}/{name}"):
                    self._known.add(name)
        return name in self._known

    def card(self, name: str) -> Card | None:
        """Return the card of a name, checked against its own seal; see `Identities.card`."""
        return self._identities.card(name)

    def heartbeat(self, name: str) -> Heartbeat | None:
        """Return the last heartbeat that the agent itself wrote, or None if it never beat.

        Raises:
            MessageError, TrustError, StoreError: there is one, and it cannot be read or is not genuine.
        """
        raw = self._identities.read(tree.heartbeat(name))
        return None if raw is None else self._opened(name, raw)[1]

    def peer(self, name: str) -> Peer:
        """Return what is known of one agent now; what cannot be read becomes its `fault`, not an error.

        Raises:
            StoreUnavailableError: could not look at all.
        """
        return self._judged(name, UNTOLD)

    def peers(self, *, but: str = "") -> tuple[Peer, ...]:
        """Return everybody but one, sorted by name; what stands still is not read again, now or by the next process.

        Nobody is called at fault for what was not read just now; who accuses somebody of silence asks for `peer`.

        Raises:
            StoreUnavailableError: could not look at all.
        """
        names = sorted(self.names() - {but})
        stamps = self._identities.stamps(names)
        found = (self._judged(name, stamps) for name in names)
        peers = tuple(self.peer(each.name) if each.fault else each for each in found)
        self._identities.keep()
        return peers

    def silent_since(self, name: str) -> datetime | None:
        """Return a silent agent's last sign of life, or None; the answer may be half a minute old."""
        now = self._store.now()
        known = self._looked.get(name)
        if known is None or not timedelta(0) <= now - known[0] < _LOOKED_RECENTLY:
            known = self._looked[name] = (now, self.peer(name))
        peer = known[1]
        return peer.last_seen if peer.presence is Presence.SILENT else None

    def join(self, card: Card, sign: Callable[[bytes], bytes]) -> Card:
        """Register a card, or bring the registered one up to date; the owner of a name is whoever was first.

        Raises:
            NameTakenError: the name belongs to another key; its card is untouched.
            LookalikeNameError: the name looks like one that is there; nothing was registered.
        """
        sealed = seal_body(card.to_json(), Seal.CARD, sign)
        if not self.knows(card.name):
            self._check_name(card.name)
        if self._store.read(tree.card(card.name)) is None:  # on a full drive whoever is known can still look
            with suppress(KeyExistsError):
                self._store.create(tree.card(card.name), sealed)
                return card
        there = self._owned(card)
        if there is card or _changed(there, card):
            kept = card.model_copy(update={"joined_at": there.joined_at})
            self._store.replace(tree.card(card.name), seal_body(kept.to_json(), Seal.CARD, sign))
            return kept
        return there

    def write_heartbeat(self, heartbeat: Heartbeat, sign: Callable[[bytes], bytes]) -> None:
        """Replace the agent's own heartbeat."""
        self._store.replace(tree.heartbeat(heartbeat.agent), seal_body(heartbeat.to_json(), Seal.HEARTBEAT, sign))

    def _judged(self, name: str, stamps: Stamps) -> Peer:
        card, at = None, tree.card(name)
        try:
            carried = self._identities.carried(name, stamps)
            if carried is None:
                return Peer(name, None)  # joining just now, or its card is not visible here yet
            card, key = carried
            standing = self._identities.standing(name, stamps)
            if key not in standing.keys:
                standing = self._identities.look_again(name)  # a certificate may be remembered from before it came
            if key not in standing.keys:
                fault = standing.fault or _OTHER_KEY
                return Peer(name, None, trust=standing.trust, fault=fault, fault_at=at, card_bytes=card)
            at = tree.heartbeat(name)
            heartbeat, sign = self._life_sign(name, stamps, standing.keys)
        except StoreUnavailableError:
            raise
        except (MessageError, TrustError, StoreError, ValueError) as error:
            return Peer(name, None, fault=str(error), fault_at=at, card_bytes=card)
        if sign is None:
            joined = Card.decode(split(card).body)
            sign = LifeSign(joined.joined_at, joined.every_s)
        verdict = judge_presence(
            last_seen=sign.at,
            every_s=sign.every_s,
            stopped=sign.stopped,
            now=self._store.now(),
            staleness=self._authority.bus.policy.staleness,
        )
        return Peer(name, verdict, sign.at, standing.trust, card_bytes=card, heartbeat_bytes=heartbeat)

    def _life_sign(
        self, name: str, stamps: Stamps, keys: Collection[bytes]
    ) -> tuple[bytes, LifeSign] | tuple[None, None]:
        """Return a heartbeat as it lies there, checked like `heartbeat`, and what it says of its writer's life."""
        where = tree.heartbeat(name)
        raw = self._identities.read(where, stamps)
        if raw is None:
            return None, None
        key, *words = self._recall.found(where, raw) or ("",)
        if words and bytes.fromhex(key) in keys:
            return raw, LifeSign.parse(*words)
        raw, heartbeat = self._opened(name, raw)
        return raw, LifeSign.of(heartbeat)

    def _opened(self, name: str, raw: bytes) -> tuple[bytes, Heartbeat]:
        """Return a heartbeat as it was read, or read once more, and what it says."""
        where = tree.heartbeat(name)
        key = self._identities.writer(name, where, raw, Seal.HEARTBEAT)
        if key is None:
            # Race: sshfs shows what was replaced just now once cut off at its old length, and whole at the next look.
            raw = self._identities.read(where) or raw
            key = self._identities.writer(name, where, raw, Seal.HEARTBEAT)
        if key is None:
            raise TrustError(f"the heartbeat of {name} was not written by {name}")
        heartbeat = Heartbeat.decode(split(raw).body)
        if (heartbeat.agent, heartbeat.bus) != (name, self._authority.bus.bus):
            raise TrustError(f"the heartbeat of {name} was made for {heartbeat.agent} on {heartbeat.bus}")
        self._recall.learn(where, raw, key, *LifeSign.of(heartbeat).words())
        return raw, heartbeat

    def _check_name(self, name: str) -> None:
        operators = {each.name: each.short for each in self._authority.bus.operators}
        if name in operators:
            raise NameTakenError(name, operators[name])
        twin = twin_of(name, self.names() | operators.keys())
        if twin is not None:
            raise LookalikeNameError(name, twin)

    def _owned(self, mine: Card) -> Card:
        try:
            there = self.card(mine.name)
        except (MalformedMessageError, TrustError) as error:
            if mine.key in self._identities.standing(mine.name).keys:
                return mine  # ours by what was seen or certified before: what lies there is replaced
            raise StoreDamagedError(tree.card(mine.name), str(error)) from error
        if there is None:
            raise StoreUnavailableError(tree.card(mine.name), "it exists and cannot be read yet")
        if there.key != mine.key and not self._may_follow(mine, there):
            raise NameTakenError(mine.name, there.short)
        return there

    def _may_follow(self, mine: Card, there: Card) -> bool:
        """Tell whether a card of another key may take the place: that key was called back, or handed over to this."""
        if mine.key in self._identities.standing(mine.name).keys:
            return True
        return self._authority.revoked(there.key, self._store.now()) is not None


def _changed(there: Card, mine: Card) -> bool:
    facts = ("public_key", "display_name", "cadence", "every_s", "skills")
    return any(getattr(there, fact) != getattr(mine, fact) for fact in facts)
