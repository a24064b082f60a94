"""What a judge finds, and the document in which it is found."""

from dataclasses import dataclass, field
from re import Match


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is not as the format has it."""

    path: str
    rule: str
    step: str
    weight: str = "error"


@dataclass(frozen=True, slots=True)
class Paper:
    """One document where it lies; `part` holds the parts of its place by name."""

    key: str
    raw: bytes
    part: Match[str] = field(repr=False)

    def fault(self, rule: str, step: str) -> Fault:
        """Return what readers will set aside or refuse."""
        return Fault(self.key, rule, step)

    def warning(self, rule: str, step: str) -> Fault:
        """Return what readers will put up with."""
        return Fault(self.key, rule, step, "warning")
