"""The watch outside the bus: which slots were served, who was silent, and which alerts that calls for.

It knows the grid as arithmetic on hours, and none of the code that it judges.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

SLOT = timedelta(hours=6)
STALENESS = timedelta(seconds=10)
SILENT = 4 * SLOT + STALENESS
LATE = 1.5 * SLOT + STALENESS
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Seen:
    """The last heartbeat of an agent on the drive."""

    number: int
    slot: int
    at: datetime


@dataclass
class Watch:
    """Takes note of beats."""

    last: dict[str, Seen] = field(default_factory=dict)
    missed: int = 0
    counted: int = 0
    accused: set[tuple[str, int]] = field(default_factory=set)
    maybe: set[tuple[str, int]] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def missed_before(self, name, now):
        """Return how many slots have gone by without a heartbeat of this agent."""
        last = self.last.get(name)
        return max(0, slot(now) - last.slot - 1) if last and last.number else 0

    def silent(self, name, now):
        """Return whom this agent must find silent now, each with its last beat; nobody if it was overdue itself."""
        mine = self.last[name]
        if self.missed_before(name, now) or (mine.number and now - mine.at > LATE):
            return set()
        return {(each, seen.number) for each, seen in self.last.items() if each != name and now - seen.at > SILENT}

    def beaten(self, name, report, now):
        """Compare what a finished beat says with what the scheduler knows."""
        expected = self.missed_before(name, now)
        self.missed += expected
        self.counted += report.missed
        if report.missed != expected:
            self.faults.append(f"{name} at {now}: counted {report.missed} missed beats, not {expected}")
        self.accused |= self.silent(name, now)
        self.last[name] = Seen(report.number, slot(now), now)

    def missed_in_a_crash(self, name, counted, at):
        """Compare what the heartbeat of a beat says that did not live to report."""
        expected = self.missed_before(name, at)
        self.missed += expected
        self.counted += counted
        if counted != expected:
            self.faults.append(f"{name} died at {at}: counted {counted} missed beats, not {expected}")

    def alerts(self, raised):
        """Return what is wrong with the alerts that were raised: missing, doubled, or for nothing."""
        found, called_for = Counter(raised), {(name, f"silent after beat {number}") for name, number in self.accused}
        perhaps = {(name, f"silent after beat {number}") for name, number in self.maybe}
        wrong = [f"no alert: {each}" for each in called_for - found.keys()]
        wrong += [f"{count} alerts: {each}" for each, count in found.items() if count > 1]
        return wrong + [f"an alert for nothing: {each}" for each in found.keys() - called_for - perhaps]


def slot(at):
    """Return the number of the slot of the grid that a moment belongs to."""
    return (at - _EPOCH) // SLOT
