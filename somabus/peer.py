"""`Peer`: one agent as the registry shows it now, and what its presence is judged by."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import NamedTuple, Self

from somabus.model.card import Card
from somabus.model.envelope import split
from somabus.model.heartbeat import Heartbeat
from somabus.model.presence import Presence
from somabus.model.trust import Trust


class LifeSign(NamedTuple):
    """When an agent was last seen, how often it comes, and whether it said goodbye."""

    at: datetime
    every_s: float
    stopped: bool = False

    @classmethod
    def of(cls, heartbeat: Heartbeat) -> Self:
        """Return what a heartbeat says of it."""
        return cls(heartbeat.written_at, heartbeat.every_s, heartbeat.stopped)

    def words(self) -> tuple[str, str, str]:
        """Write it down."""
        return self.at.isoformat(), repr(self.every_s), "stopped" if self.stopped else ""

    @classmethod
    def parse(cls, at: str, every_s: str, stopped: str) -> Self:
        """Read what was written down."""
        return cls(datetime.fromisoformat(at), float(every_s), bool(stopped))


@dataclass(frozen=True)
class Peer:
    """One agent as the registry shows it now.

    `fault` says what could not be read or verified, and `fault_at` which document; without fault and verdict its card
    is not visible here yet. What was checked is parsed when it is asked for: most who look ask for the verdict alone.
    """

    name: str
    presence: Presence | None
    last_seen: datetime | None = None
    trust: Trust | None = None
    fault: str = ""
    fault_at: str = ""
    card_bytes: bytes | None = field(default=None, repr=False)
    heartbeat_bytes: bytes | None = field(default=None, repr=False)

    @cached_property
    def card(self) -> Card | None:
        """Its card, or None if it could not be read or is not genuine."""
        raw = self.card_bytes
        return None if raw is None else Card.decode(split(raw).body)

    @cached_property
    def heartbeat(self) -> Heartbeat | None:
        """Its last heartbeat, or None if it never beat, or if that one could not be read or is not genuine."""
        raw = self.heartbeat_bytes
        return None if raw is None else Heartbeat.decode(split(raw).body)

    @property
    def short(self) -> str:
        """The first eight hex digits of its key's fingerprint, or nothing if the card could not be read."""
        return self.card.short if self.card else ""

    def __str__(self) -> str:
        return f"{self.name} #{self.short}: {self.presence or self.fault or 'no card yet'}"
