"""What the doctor finds: one fact each, its cause in plain words, and the next command."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from somabus.model.text import many


class Weight(StrEnum):
    """How bad it is. A note calls for nothing; a warning for somebody's eye; an error for somebody's hand."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


_ORDER: Final = tuple(Weight)


@dataclass(frozen=True, slots=True)
class Finding:
    """`about` is the agent, the file or the protocol; `learned` are members of `model.drive.Drive`."""

    name: str
    weight: Weight
    about: str
    cause: str
    step: str = ""
    learned: dict[str, Any] = field(default_factory=dict)


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Return them sorted; what is equally bad stays in its order."""
    return sorted(findings, key=lambda each: -_ORDER.index(each.weight))


def unwell(findings: Iterable[Finding]) -> bool:
    """Tell whether anything is worse than a note."""
    return any(_ORDER.index(each.weight) >= _ORDER.index(Weight.WARNING) for each in findings)


def learned(findings: Iterable[Finding]) -> dict[str, Any]:
    """Return all that they say of the drive."""
    return {name: fact for each in findings for name, fact in each.learned.items()}


def summary(findings: Iterable[Finding]) -> str:
    """Say in a line how many there are that somebody should read."""
    tally = Counter(each.weight for each in findings)
    counted = [many(n, weight) for weight in reversed(_ORDER[1:]) if (n := tally[weight])]
    faultless = not (tally[Weight.ERROR] or tally[Weight.WARNING])
    return ", ".join(([] if not (faultless and counted) else ["no faults"]) + counted) or "nothing is wrong"
