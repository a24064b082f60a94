"""Certificates: an operator vouches for an agent's key; and the rotation by which an agent gets a new one."""

from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

from pydantic import Field

from somabus.errors import MessageError
from somabus.model import signing
from somabus.model.envelope import Seal, split
from somabus.model.message import Id, Name, PublicKey, Utc, Value
from somabus.model.wire import parse_object

LONGEST: Final = timedelta(days=90)
_SKEW: Final = timedelta(hours=1)
_Word = Annotated[str, Field(min_length=1, max_length=80)]


class Rotation(Value):
    """An agent's wish for a new key, sealed with the old one: whoever sealed it held both."""

    format: Literal[1] = 1
    bus: Id
    agent: Name
    old_key: PublicKey
    new_key: PublicKey
    asked_at: Utc

    @property
    def old(self) -> bytes:
        """The key that hands over."""
        return signing.from_text(self.old_key)

    @classmethod
    def opened(cls, raw: bytes) -> "Rotation | None":
        """Return a rotation if the old key that it names sealed it, else None."""
        envelope = split(raw)
        try:
            rotation = cls.from_object(parse_object(envelope.body))
        except MessageError:
            return None
        return rotation if envelope.verified_by(rotation.old, Seal.ROTATION) else None


class Previous(Value):
    """The key before this one, good until then; `rotation` is the document by which it handed over."""

    rotation: str = Field(max_length=4000)
    until: Utc


class Certificate(Value):
    """An operator's word that a key is an agent's, for at most 90 days."""

    format: Literal[1] = 1
    bus: Id
    agent: Name
    public_key: PublicKey
    serial: Id
    issued_at: Utc
    not_after: Utc
    operator: Name
    roles: tuple[_Word, ...] = Field(default=(), max_length=64)
    skills: tuple[_Word, ...] = Field(default=(), max_length=64)
    previous: Previous | None = None

    @property
    def key(self) -> bytes:
        """The key that is vouched for."""
        return signing.from_text(self.public_key)

    def fault(self, bus: str, agent: str, now: datetime) -> str:
        """Say why this certificate proves nothing here and now, or nothing if it does."""
        if self.bus != bus:
            return f"the certificate of {agent} was made for another bus, {self.bus}"
        if self.agent != agent:
            return f"the certificate under {agent} was made for {self.agent}"
        if self.not_after - self.issued_at > LONGEST or self.not_after - now > LONGEST + _SKEW:
            return f"the certificate of {agent} claims more than {LONGEST.days} days"
        if self.not_after <= now:
            return f"the certificate of {agent} expired at {self.not_after:%Y-%m-%d %H:%M} UTC"
        return ""

    def predecessor(self) -> bytes | None:
        """Return the key that handed over to this one, by a document that it sealed itself; None if none did."""
        rotation = None if self.previous is None else Rotation.opened(self.previous.rotation.encode())
        if rotation is None:
            return None
        ours = (rotation.bus, rotation.agent, rotation.new_key) == (self.bus, self.agent, self.public_key)
        return rotation.old if ours else None
