"""Opening a message: from untrusted bytes to a message with the trust it deserves.

It knows whose key is whose and the bus's policy; what becomes of a message that may not be acted on is the inbox's.
"""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from somabus.authority import Authority
from somabus.errors import MessageTooLargeError
from somabus.identity import Identities
from somabus.model import signing
from somabus.model.deadletter import Reason
from somabus.model.envelope import Envelope, Seal, split
from somabus.model.kinds import NEVER_MUTED
from somabus.model.message import Message
from somabus.model.trust import Policy, Trust, may_act
from somabus.model.wire import MAX_DOCUMENT


class Opened(NamedTuple):
    """A message with the trust in its origin. `short` belongs to the key that signed it, if that key is the sender's.

    `doubt` says why the sender is not proven; `signed` whether anybody signed it at all; `title` is the display name
    that its card shows now.
    """

    message: Message
    trust: Trust
    short: str
    doubt: str = ""
    signed: bool = True
    title: str = ""

    @property
    def sender(self) -> str:
        """How people read the sender: `name #1a2b3c4d` if proven, `name (unsigned)` and the like if not."""
        mark = f"#{self.short}" if self.trust.proven else f"({self.trust})"
        return f"{self.message.sender} {mark}" + (f" ({self.title})" if self.title else "")


class Proof(NamedTuple):
    """What a signature proves of who wrote a document; the facts of `Opened` without what was written."""

    trust: Trust
    short: str = ""
    doubt: str = ""
    signed: bool = True
    title: str = ""


class Refusal(NamedTuple):
    """Why a message may not be acted on; `later` if that may be a matter of waiting."""

    reason: Reason
    detail: str
    later: bool = False


class Opener:
    """Opens messages on behalf of one agent."""

    def __init__(
        self,
        me: str,
        authority: Authority,
        identities: Identities,
        now: Callable[[], datetime],
        shorts: frozenset[str] = frozenset(),
    ) -> None:
        self._me = me
        self._shorts = shorts
        self._authority = authority
        self._identities = identities
        self._now = now

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
        return Opened(message, *self.prove(message.sender, envelope, Seal.MESSAGE))

    def refusal(self, opened: Opened, *, released: bool = False) -> Refusal | None:
        """Say why this agent may not act on the message, or None if it may.

        Args:
            opened: the message.
            released: a human brought it back, so the loop guard lets it pass.
        """
        message, bus = opened.message, self._authority.bus
        if message.bus != bus.bus:
            return Refusal(Reason.WRONG_ADDRESS, f"it was sent on another bus, {message.bus}")
        if opened.trust is Trust.FORGED:
            return Refusal(Reason.FORGED, opened.doubt)
        if opened.trust is Trust.REVOKED:
            return Refusal(Reason.REVOKED, opened.doubt)
        if self._me not in message.to or message.channel is not None:
            told = message.channel or ", ".join(message.to) or "nobody"
            return Refusal(Reason.WRONG_ADDRESS, f"it was sent to {told}, not to {self._me}")
        short = message.refs.get("short")
        if short is not None and short not in self._shorts:
            return Refusal(Reason.WRONG_ADDRESS, f"it was sent to {self._me} #{short}, and that is not this one's key")
        if not self.counts_as(opened.trust):
            return self._untrusted(opened)
        if message.hops > bus.policy.hop_limit and message.kind not in NEVER_MUTED and not released:
            return Refusal(
                Reason.HOPS,
                f"hop {message.hops} of a chain that began with {message.origin}; the limit is {bus.policy.hop_limit}",
            )
        return None

    def _untrusted(self, opened: Opened) -> Refusal:
        message, policy = opened.message, self._authority.bus.policy.trust
        if opened.signed and opened.trust is Trust.UNSIGNED and not opened.doubt:
            return Refusal(Reason.UNTRUSTED, f"no card of {message.sender} is visible here to verify it", later=True)
        said = f"it is {opened.trust}, and this bus acts on {policy} mail and better"
        if policy is Policy.CERTIFIED:
            said = f"no operator has certified {message.sender}, and this bus acts on certified mail alone"
        return Refusal(Reason.UNTRUSTED, f"{said}: {opened.doubt}" if opened.doubt else said)

    def counts(self, sender: str, envelope: Envelope, seal: Seal) -> bool:
        """Tell whether somebody sealed a document, and this bus acts on what that one says."""
        return self.counts_as(self.prove(sender, envelope, seal).trust)

    def counts_as(self, trust: Trust) -> bool:
        """Tell whether this bus acts on what is trusted so far."""
        return may_act(trust, self._authority.bus.policy.trust)

    def prove(self, sender: str, envelope: Envelope, seal: Seal) -> Proof:
        """Return what the signature of a document proves of who it says it is from, and for which key.

        Raises:
            StoreUnavailableError: could not look for the sender's key.
        """
        if envelope.signature is None:
            if self._authority.operator_keys(sender):
                said = f"it says it is from the operator {sender}, and operators sign"
                return Proof(Trust.FORGED, "", said, signed=False)
            return Proof(Trust.UNSIGNED, signed=False)
        standing, key = self._identities.signer(sender, envelope, seal)
        if key is not None:
            title = self._identities.title(sender)
            return Proof(standing.trust, signing.short(key), standing.fault, title=title)
        for each in self._authority.revoked_keys(sender, self._now()):
            if envelope.verified_by(signing.from_text(each.public_key), seal):
                said = f"the key of {sender} that signed it was revoked at {each.at:%Y-%m-%d %H:%M} UTC"
                return Proof(Trust.REVOKED, "", f"{said}: {each.why}" if each.why else said)
        if not standing.keys and standing.trust is not Trust.REVOKED:
            return Proof(Trust.UNSIGNED, "", standing.fault)
        return Proof(Trust.FORGED, "", f"it says it is from {sender} and was not signed by {sender}'s key")
