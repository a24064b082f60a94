"""The revocation list: which keys the operators have called back. It is numbered, and a lower number never counts."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from somabus.model.message import Id, Name, PublicKey, Utc, Value


class Revoked(Value):
    """One key that counts no more from a moment on."""

    agent: Name
    public_key: PublicKey
    at: Utc
    why: str = Field(default="", max_length=200)


class Revocations(Value):
    """All keys called back so far; each list holds all of the one before it."""

    format: Literal[1] = 1
    bus: Id
    number: int = Field(ge=1)
    issued_at: Utc
    operator: Name
    revoked: tuple[Revoked, ...] = ()

    def find(self, public_key: str, now: datetime) -> Revoked | None:
        """Return what is said of a key, or None if it counts."""
        return next((each for each in self.revoked if each.public_key == public_key and each.at <= now), None)

    def of(self, agent: str, now: datetime) -> tuple[Revoked, ...]:
        """Return an agent's keys that count no more."""
        return tuple(each for each in self.revoked if each.agent == agent and each.at <= now)
