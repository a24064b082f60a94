"""The bus itself: what `somabus.json` at the root of the tree says, for all agents alike."""

from datetime import timedelta
from typing import Any, Final, Literal

from pydantic import Field

from somabus.model.message import Id, Utc, Value
from somabus.model.trust import Policy

BUS_FILE: Final = "somabus.json"


class BusPolicy(Value):
    """What holds for everybody on this bus."""

    trust: Policy = Policy.PINNED
    hop_limit: int = Field(default=16, ge=1, le=10_000)
    staleness_s: float = Field(default=10.0, ge=0, le=3600)

    @property
    def staleness(self) -> timedelta:
        """How old a replaced file may look on another machine; measured up to 10.5 s on SMB."""
        return timedelta(seconds=self.staleness_s)


class Bus(Value):
    """The identity and the policy of a bus; `operators` is the room for the humans' keys."""

    format: Literal[1] = 1
    bus: Id
    name: str = Field(default="", max_length=80)
    created_at: Utc
    policy: BusPolicy = Field(default_factory=BusPolicy)
    operators: tuple[dict[str, Any], ...] = ()
