"""What one beat did, step by step: for people as text, for programs as JSON."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from somabus.model import wire
from somabus.model.heartbeat import Outcome


@dataclass(frozen=True, slots=True)
class StepReport:
    """One step of the routine; a step that failed did not keep the others from running."""

    name: str
    ok: bool
    detail: str
    seconds: float
    could_not_look: bool = False


@dataclass(frozen=True, slots=True)
class BeatReport:
    """One run of the routine. `unread` and `dead` are None where nobody could look, which is not zero."""

    agent: str
    number: int
    outcome: Outcome
    due_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    missed: int = 0
    steps: tuple[StepReport, ...] = ()
    handled: int = 0
    failed: int = 0
    set_aside: int = 0
    unread: int | None = None
    dead: int | None = None
    spooled: int = 0
    posted: int = 0
    learned: tuple[dict[str, Any], ...] = ()
    alerts: tuple[dict[str, Any], ...] = ()
    peers: dict[str, str] = field(default_factory=dict)
    checks: dict[str, str] = field(default_factory=dict)
    detail: str = ""

    @property
    def could_not_look(self) -> bool:
        """Whether the drive did not answer for some step."""
        return any(step.could_not_look for step in self.steps)

    def to_json(self) -> bytes:
        """Write the report as one JSON object."""
        return wire.dump(self)

    def __str__(self) -> str:
        lines = [
            f"beat {self.number} of {self.agent}: {self.outcome}" + (f" ({_line(self.detail)})" if self.detail else "")
        ]
        lines += [f"  {'ok ' if step.ok else 'NOT'} {step.name:<16} {_line(step.detail)}" for step in self.steps]
        if self.missed:
            said = "1 beat was" if self.missed == 1 else f"{self.missed} beats were"
            lines.append(f"  {said} missed since the last one")
        if self.set_aside:
            lines.append(f"  {self.set_aside} set aside; look at them with: somabus dead")
        lines += [f"  check {name}: {_line(said)}" for name, said in self.checks.items() if said.startswith("failed")]
        lines += [f"  learned from {each['from']}: {_line(_said(each))}" for each in self.learned]
        lines += [f"  alert: {_line(alert['component'])}: {_line(alert['detail'])}" for alert in self.alerts]
        unread = "unknown, could not look" if self.unread is None else self.unread
        dead = "unknown" if self.dead is None else self.dead
        lines.append(
            f"  unread {unread} · dead letters {dead}" + (f" · spooled {self.spooled}" if self.spooled else "")
        )
        return "\n".join(lines)


def _said(learned: dict[str, Any]) -> str:
    return (
        f"{learned['topic']}: {learned['statement']}"
        if "statement" in learned
        else f"a message of kind {learned['kind']}"
    )


def _line(text: str) -> str:
    return " ".join(text.split())
