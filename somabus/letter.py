"""A letter: a message of an inbox that somebody looked at."""

from dataclasses import dataclass

from somabus.model.slot import State
from somabus.opener import Opened


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that was looked at and not taken. `fault` says why it may not be acted on, or could not be read."""

    name: str
    state: State
    opened: Opened | None
    fault: str = ""
