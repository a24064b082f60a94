"""The card: who an agent is. Created once at joining, replaced only by its owner, sealed with its own key."""

from typing import Annotated, Literal, Self

from pydantic import Field

from somabus.model import signing
from somabus.model.message import Id, Name, PublicKey, Utc, Value
from somabus.model.schedule import MAX_EVERY_S
from somabus.model.wire import parse_object


class Card(Value):
    """What everybody may know of an agent. The operator's word on it lies beside it, in certificate.json."""

    format: Literal[1] = 1
    bus: Id
    name: Name
    public_key: PublicKey
    display_name: str = Field(default="", max_length=80)
    joined_at: Utc
    cadence: str = Field(max_length=100)
    every_s: float = Field(gt=0, le=MAX_EVERY_S)
    skills: tuple[Annotated[str, Field(max_length=80)], ...] = Field(default=(), max_length=64)

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Read a card from the bytes that its seal is over.

        Raises:
            MessageError: no card of format 1; the reason names member and rule.
        """
        return cls.from_object(parse_object(body))

    @property
    def key(self) -> bytes:
        """The public key."""
        return signing.from_text(self.public_key)

    @property
    def short(self) -> str:
        """The first eight hex digits of the key's fingerprint."""
        return signing.short(self.key)
