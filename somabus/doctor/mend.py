"""What may be put right without asking, a closed list: no mail, no document, nothing that a writer may still need."""

import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from somabus.doctor.debris import clear, debris
from somabus.doctor.finding import Finding, Weight
from somabus.doctor.ward import Ward, open_keys
from somabus.model.text import many

_PRIVATE: Final = stat.S_IRUSR | stat.S_IWUSR


def mend(ward: Ward) -> Iterator[Finding]:
    """Put right what may be, and say what was done; where nothing is wrong nothing is said."""
    for name, remedy in REMEDIES.items():
        try:
            yield from remedy(ward)
        except OSError as error:
            yield Finding(name, Weight.WARNING, "fix", f"could not be put right: {error.strerror or error}", "by hand")


def _clear(ward: Ward) -> Iterator[Finding]:
    if ward.root is None:
        return
    now = ward.seat.store.now().timestamp()
    for each in debris(ward.root, now):
        said = f"removed what a killed writer left there, {many(clear(each, now), 'file')}"
        yield Finding("fixed", Weight.NOTE, f"tmp/{each.folder.name}", said)


def _close(ward: Ward) -> Iterator[Finding]:
    for key in open_keys(ward.home, ward.seat.bus.bus):
        key.chmod(_PRIVATE)
        said = "made it readable by this user alone; whoever could read it until now may have a copy"
        yield Finding("fixed", Weight.WARNING, str(key), said, _anew(ward, key))


def _anew(ward: Ward, key: Path) -> str:
    """Say how whose key it is gets another one."""
    kinds = {"buses": f"somabus rotate --agent {key.parent.name}", "operators": "somabus operator rotate"}
    return kinds.get(key.relative_to(ward.home).parts[0], "remove it: the next somabus mcp makes another one")


REMEDIES: Final[dict[str, Callable[[Ward], Iterator[Finding]]]] = {"debris": _clear, "open key": _close}
