"""Judging the audit: the chain as a whole, each entry's signature, and the evidence beside it."""

from collections.abc import Iterator
from typing import Final

from somabus.audit import Audit
from somabus.model import signing, tree
from somabus.model.archive import SEGMENT
from somabus.model.audit import AuditEntry, Checked, digest
from somabus.verify.fault import Fault, Paper
from somabus.verify.grounds import Grounds

_CUT: Final = 64 * 1024
_STEP: Final = "somebody changed the audit; compare with a copy, and see: somabus audit"
_UNSIGNED: Final = "a stop or resume before the bus had operators is not; if that was you, nothing: somabus audit"


class Chain:
    """The audit of one bus, checked once, when the first of its entries is judged."""

    def __init__(self, grounds: Grounds) -> None:
        self._grounds = grounds
        self._checked: dict[int, Checked] | None = None

    def entry(self, _: Grounds, paper: Paper) -> Iterator[Fault]:
        """Judge an entry: its place in the chain, and whose key it carries."""
        each = self.checked.get(int(paper.part["number"]))
        if each is None:
            yield paper.fault("no reader finds it here", _STEP)
        elif each.entry is None or each.fault:
            yield paper.fault(each.fault, _STEP)
        else:
            yield from self._author(paper, each.entry)

    def gaps(self) -> Iterator[Fault]:
        """Find the numbers that are missing."""
        for each in self.checked.values():
            if each.entry is None and each.fault.startswith("it is missing"):
                yield Fault(f"{tree.AUDIT}/{each.number // SEGMENT:07d}/{each.number:010d}.json", each.fault, _STEP)

    def _author(self, paper: Paper, entry: AuditEntry) -> Iterator[Fault]:
        if entry.bus != self._grounds.bus.bus:
            yield paper.fault(f"it was made on another bus, {entry.bus}", _STEP)
        elif entry.key is None:
            yield paper.warning("it is not signed, and anybody may have written it", _UNSIGNED)
        elif not self._grounds.known_key(entry.by, signing.from_text(entry.key)):
            yield paper.warning(f"nothing here says that the key which signed it is one of {entry.by}", _STEP)

    @property
    def checked(self) -> dict[int, Checked]:
        """Every number with what is wrong with it."""
        if self._checked is None:
            grounds = self._grounds
            audit = Audit(grounds.store, grounds.bus.bus, "verify", None, grounds.store.now, None)
            self._checked = {each.number: each for each in audit.check()}
        return self._checked


def evidence(_: Grounds, paper: Paper) -> Iterator[Fault]:
    """Judge kept bytes: they have the digest that is their name, unless they were cut at the limit."""
    if digest(paper.raw) != paper.part["digest"] and len(paper.raw) != _CUT:
        yield paper.fault("its bytes are not those that were kept: the digest differs", _STEP)
