"""The bus itself: what `somabus.json` at the root of the tree says, for all agents alike.

A bus without operators has version 0 and no signature: what it said at first holds for ever. The first operator makes
it version 1; from then on each version is signed by an operator whom the version before it names.
"""

from datetime import timedelta
from typing import Final, Literal

from pydantic import Field

from somabus.model import signing
from somabus.model.envelope import Envelope, Seal, Verified
from somabus.model.message import Id, Name, PublicKey, Utc, Value
from somabus.model.retention import Retention
from somabus.model.trust import Policy

BUS_FILE: Final = "somabus.json"
COPY_FILE: Final = "copy-of-somabus.json"
"""What it is called in a copy that is no bus."""
MOST_OPERATORS: Final = 32


class BusPolicy(Value):
    """What holds for everybody on this bus.

    `categories`: what approvals may be asked for. `protected`: kinds of mail that are delivered only with one.
    `rate_per_hour`: so much may each agent send to one inbox or post to one channel; 0 is without limit.
    `retention`: how long what is over is kept, and how much room the bus may take.
    """

    trust: Policy = Policy.PINNED
    hop_limit: int = Field(default=16, ge=1, le=10_000)
    staleness_s: float = Field(default=10.0, ge=0, le=3600)
    rate_per_hour: int = Field(default=20_000, ge=0, le=1_000_000_000)
    categories: tuple[Name, ...] = Field(default=("general",), min_length=1, max_length=64)
    protected: tuple[Name, ...] = Field(default=("shell",), max_length=256)
    retention: Retention = Field(default_factory=Retention)

    @property
    def staleness(self) -> timedelta:
        """How old a replaced file may look on another machine; measured up to 10.5 s on SMB."""
        return timedelta(seconds=self.staleness_s)


class OperatorKey(Value):
    """One human who owns the bus. During a rotation a name stands twice, with the old key and the new one."""

    name: Name
    public_key: PublicKey
    since: Utc

    @property
    def key(self) -> bytes:
        """The public key."""
        return signing.from_text(self.public_key)

    @property
    def short(self) -> str:
        """The first eight hex digits of the key's fingerprint."""
        return signing.short(self.key)


class Bus(Value):
    """The identity, the policy and the operators of a bus, as of one version."""

    format: Literal[1] = 1
    bus: Id
    name: str = Field(default="", max_length=80)
    created_at: Utc
    version: int = Field(default=0, ge=0)
    policy: BusPolicy = Field(default_factory=BusPolicy)
    operators: tuple[OperatorKey, ...] = Field(default=(), max_length=MOST_OPERATORS)

    @property
    def owned(self) -> bool:
        """Whether any human owns it."""
        return bool(self.operators)

    def signer_of(
        self, envelope: Envelope, seal: Seal, verified: Verified = Envelope.verified_by
    ) -> OperatorKey | None:
        """Return the operator who sealed a document, or None if none of this version did."""
        return next((each for each in self.operators if verified(envelope, each.key, seal)), None)


def succession_fault(old: Bus, new: Bus, envelope: Envelope) -> str:
    """Say why a version may not follow another, or nothing if it may.

    Args:
        old: the version that holds.
        new: the one after it.
        envelope: the bytes of the new one, and the signature over them.
    """
    if (new.bus, new.created_at) != (old.bus, old.created_at):
        return "it is another bus"
    if new.version != old.version + 1:
        return f"version {new.version} does not follow version {old.version}"
    if not new.owned:
        return "it names no operator"
    if (old if old.owned else new).signer_of(envelope, Seal.BUS) is None:
        return "no operator of the version before it signed it"
    return ""
