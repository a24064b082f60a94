"""The record of a lease on a named resource: who holds it until when, under which number."""

import hashlib
import re
from datetime import datetime, timedelta
from typing import Final, Literal

from pydantic import Field

from somabus.model.message import Name, Utc, Value

_SLOT: Final = re.compile(r"slot-[0-9a-f]{16}-\d{1,2}")


class LeaseRecord(Value):
    """One generation of a lease. The highest generation counts; a released one counts as ended."""

    format: Literal[1] = 1
    name: Name
    generation: int = Field(ge=1)
    agent: Name
    holder: str = Field(max_length=200)
    taken_at: Utc
    ends_at: Utc
    released: bool = False

    def free(self, now: datetime, staleness: timedelta) -> bool:
        """Tell whether another may take the next generation; a renewal that is not visible here yet is waited for."""
        return self.released or now - self.ends_at >= staleness


def slot_name(key: str, number: int) -> str:
    """Return the name of the lease on one slot of a key: so many jobs of the key are worked on as there are numbers."""
    return f"slot-{hashlib.sha256(key.encode()).hexdigest()[:16]}-{number}"


def is_slot_name(name: str) -> bool:
    """Tell whether a lease of this name is one on a slot."""
    return _SLOT.fullmatch(name) is not None
