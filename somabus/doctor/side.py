"""One side of an examination by two machines: its talk, its clock, and what it knows of the other's."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from somabus.clock import Clock
from somabus.doctor.talk import Talk

PATIENCE_S: Final = 60.0
LOOK_S: Final = 0.02


@dataclass(slots=True)
class Side:
    """`offset_s` is how far the other machine's clock is ahead, `delay_s` how long a word takes."""

    talk: Talk
    clock: Clock
    other: str
    staleness_s: float
    offset_s: float = 0.0
    delay_s: float = 0.0

    def now(self) -> float:
        """Return the time by this machine's clock."""
        return self.clock.now().timestamp()

    def until(self, at: float) -> None:
        """Wait for a moment by this machine's clock, a minute at most."""
        threading.Event().wait(min(max(0.0, at - self.now()), PATIENCE_S))

    def watch(self, look: Callable[[], bool], rarest_s: float = LOOK_S) -> float | None:
        """Look more and more rarely, and return when it was so, or None if it never was."""
        begun, pause_s = self.clock.monotonic(), LOOK_S
        while self.clock.monotonic() - begun < PATIENCE_S:
            with suppress(OSError):
                if look():
                    return self.now()
            threading.Event().wait(pause_s)
            pause_s = min(pause_s * 2, rarest_s)
        return None
