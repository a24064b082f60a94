"""What was refused is told: in the audit by each agent that met it, and to all as one alert; once an episode.

Telling must not fail what the agent is doing: while the drive refuses, it is logged and told at the next meeting.
"""

import hashlib
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple, Protocol

from somabus.errors import KeyExistsError, SomabusError
from somabus.store.port import Store

_EPISODES: Final = "episodes"
_log: Final = logging.getLogger("somabus")


class Tell(Protocol):
    """Takes note of something that was refused."""

    def __call__(self, component: str, episode: str, detail: str, evidence: bytes | None = None) -> None:
        """Take note.

        Args:
            component: where it was met, for people.
            episode: what makes it the same thing when it is met again.
            detail: the fact.
            evidence: the bytes that were refused.
        """


class Incident(NamedTuple):
    """One thing that was refused."""

    component: str
    episode: str
    detail: str
    evidence: bytes | None

    @property
    def name(self) -> str:
        """What it is remembered under."""
        return hashlib.sha256(f"{self.component}\n{self.episode}".encode()).hexdigest()[:32]


class Incidents:
    """Tells on behalf of one agent.

    Args:
        home: remembers what was told.
        audit: appends to the audit.
        alert: raises an alert once an episode, whoever met it first.
        busy: whether it must wait; what waits is told by `flush`.
    """

    def __init__(
        self,
        home: Store,
        audit: Callable[[Incident], None],
        alert: Callable[[Incident], None],
        busy: Callable[[], bool] = lambda: False,
    ) -> None:
        self._home = home
        self._audit = audit
        self._alert = alert
        self._busy = busy
        self._told: set[str] = set()
        self._untold: set[str] = set()
        self._waiting: list[Incident] = []
        self._telling = False

    def tell(self, component: str, episode: str, detail: str, evidence: bytes | None = None) -> None:
        """See `Tell`."""
        incident = Incident(component, episode, detail, evidence)
        if incident.name not in self._told:
            self._told.add(incident.name)
            self._waiting.append(incident)
            self.flush()

    def flush(self) -> None:
        """Tell what waits; telling reads the alerts, and may meet the next one there."""
        if self._telling or self._busy():
            return
        self._telling = True
        try:
            while self._waiting:
                self._tell(self._waiting.pop(0))
        finally:
            self._telling = False

    def _tell(self, incident: Incident) -> None:
        """Power cut between the steps: it is told twice; never not at all."""
        try:
            if self._home.read(f"{_EPISODES}/{incident.name}.json") is not None:
                return
            self._audit(incident)
            self._alert(incident)
            with suppress(KeyExistsError):
                self._home.create(f"{_EPISODES}/{incident.name}.json", b"{}")
        except SomabusError as error:
            self._told.discard(incident.name)
            level = logging.DEBUG if incident.name in self._untold else logging.WARNING  # once, however long it lasts
            self._untold.add(incident.name)
            _log.log(
                level, "could not tell of what was refused", extra={"reason": incident.detail, "detail": str(error)}
            )
