"""Opening a message: from untrusted bytes to a message with the trust it deserves.

It knows the registry's keys and the bus's policy; what becomes of a message that may not be acted on is the inbox's.
"""

from dataclasses import dataclass
from enum import Enum, auto

from somabus.errors import MessageTooLargeError
from somabus.model import signing
from somabus.model.bus import Bus
from somabus.model.deadletter import Reason
from somabus.model.envelope import Envelope, Seal, split
from somabus.model.kinds import NEVER_MUTED
from somabus.model.message import Message
from somabus.model.trust import Trust, may_act
from somabus.model.wire import MAX_DOCUMENT
from somabus.registry import Registry


class Doubt(Enum):
    """Why an origin could not be proven."""

    NONE = auto()
    NO_SIGNATURE = auto()
    NO_KEY = auto()
    NOT_BY_THIS_KEY = auto()


@dataclass(frozen=True, slots=True)
class Opened:
    """A message with the trust in its origin. `short` belongs to the key that counts for the sender's name."""

    message: Message
    trust: Trust
    doubt: Doubt
    short: str

    @property
    def sender(self) -> str:
        """How people read the sender: `name #1a2b3c4d` if proven, `name (unsigned)` or `name (forged)` if not."""
        mark = f"#{self.short}" if self.trust not in (Trust.UNSIGNED, Trust.FORGED) else f"({self.trust})"
        return f"{self.message.sender} {mark}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a message may not be acted on; `later` if that may be a matter of waiting."""

    reason: Reason
    detail: str
    later: bool = False


class Opener:
    """Opens messages on behalf of one agent."""

    def __init__(self, me: str, bus: Bus, registry: Registry) -> None:
        self._me = me
        self._bus = bus
        self._registry = registry

    def open(self, raw: bytes) -> Opened:
        """Read, verify and mark a message.

        Raises:
            MalformedMessageError, MessageTooLargeError, UnsupportedFormatError: no message of format 1.
            StoreUnavailableError: could not look for the sender's key.
        """
        if len(raw) > MAX_DOCUMENT:
            raise MessageTooLargeError(len(raw), MAX_DOCUMENT)
        envelope = split(raw)
        message = Message.decode(envelope.body)
        doubt, key = self._doubt(message.sender, envelope)
        trust = {
            Doubt.NONE: Trust.PINNED,
            Doubt.NO_SIGNATURE: Trust.UNSIGNED,
            Doubt.NO_KEY: Trust.UNSIGNED,
            Doubt.NOT_BY_THIS_KEY: Trust.FORGED,
        }[doubt]
        return Opened(message, trust, doubt, signing.short(key) if key else "")

    def refusal(self, opened: Opened, *, released: bool = False) -> Refusal | None:
        """Say why this agent may not act on the message, or None if it may.

        Args:
            opened: the message.
            released: a human brought it back, so the loop guard lets it pass.
        """
        message, policy = opened.message, self._bus.policy
        if message.bus != self._bus.bus:
            return Refusal(Reason.WRONG_ADDRESS, f"it was sent on another bus, {message.bus}")
        if opened.trust is Trust.FORGED:
            return Refusal(
                Reason.FORGED,
                f"it says it is from {message.sender} and was not signed by {message.sender}'s key",
            )
        if self._me not in message.to or message.channel is not None:
            told = message.channel or ", ".join(message.to) or "nobody"
            return Refusal(Reason.WRONG_ADDRESS, f"it was sent to {told}, not to {self._me}")
        if not may_act(opened.trust, policy.trust):
            if opened.doubt is Doubt.NO_KEY:
                return Refusal(
                    Reason.UNTRUSTED, f"no card of {message.sender} is visible here to verify it", later=True
                )
            return Refusal(
                Reason.UNTRUSTED, f"it is {opened.trust}, and this bus acts on {policy.trust} mail and better"
            )
        if message.hops > policy.hop_limit and message.kind not in NEVER_MUTED and not released:
            return Refusal(
                Reason.HOPS,
                f"hop {message.hops} of a chain that began with {message.origin}; the limit is {policy.hop_limit}",
            )
        return None

    def _doubt(self, sender: str, envelope: Envelope) -> tuple[Doubt, bytes | None]:
        if envelope.signature is None:
            return Doubt.NO_SIGNATURE, None
        key = self._registry.proven_key(sender)
        if key is None:
            return Doubt.NO_KEY, None
        if envelope.verified_by(key, Seal.MESSAGE):
            return Doubt.NONE, key
        return Doubt.NOT_BY_THIS_KEY, key
