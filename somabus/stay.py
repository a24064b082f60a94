"""Staying: a process that lives for days, beats on the grid, and handles mail as it comes.

It keeps nothing from one turn to the next but three times, and ends only when it is told to: within the message that
is being handled, nothing is cut off. What goes wrong is logged when it begins, not every second while it lasts.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from somabus.errors import SomabusError, StoppedError
from somabus.model.schedule import Schedule

_GLANCE_S: Final = 1.0
_LOOK_EVERY_S: Final = 10.0
_log: Final = logging.getLogger("somabus")


@dataclass(slots=True, eq=False, repr=False)
class Stay:
    """One long-lived agent.

    `beat` runs the routine, `process` handles what waits, `wait` returns True within so many seconds if mail may have
    come.
    """

    beat: Callable[[], None]
    process: Callable[[], None]
    wait: Callable[[float], bool]
    schedule: Callable[[], Schedule]
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    _next_look: float = 0.0
    _trouble: str = ""

    def until(self, stop: threading.Event) -> None:
        """Stay until `stop` is set."""
        next_beat = self.now()
        while not stop.is_set():
            try:
                now = self.now()
                due, next_beat = now >= next_beat, self.schedule().next(now)
                if due:
                    self.beat()
                left_s = (next_beat - self.now()).total_seconds()
                self._look(self.wait(max(0.0, min(left_s, _GLANCE_S))))
                self._trouble = ""
            except SomabusError as error:
                self._tell(error)
                stop.wait(_GLANCE_S)  # it stays, and goes on when the drive is back or the stop is lifted

    def _look(self, woken: bool) -> None:
        """Handle mail if any may have come; retries and ended leases wake nobody, so now and then also if not."""
        if woken or self.monotonic() >= self._next_look:
            self.process()
            self._next_look = self.monotonic() + _LOOK_EVERY_S

    def _tell(self, error: SomabusError) -> None:
        self._next_look = 0.0
        kind = type(error).__name__
        if kind != self._trouble:
            said = "stopped" if isinstance(error, StoppedError) else "could not process mail"
            _log.warning(said, extra={"detail": str(error)})
        self._trouble = kind
