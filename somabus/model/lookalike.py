"""Names that a person would take for one another: `planner` and `p1anner`, `scout-1` and `scout1`."""

from collections.abc import Iterable
from typing import Final

_SAME: Final = str.maketrans({"1": "l", "i": "l", "0": "o", "5": "s", "-": None, "_": None, ".": None})


def skeleton(name: str) -> str:
    """Return what is left of a name when look-alikes are written alike (after Unicode TS 39, for our few letters)."""
    return name.translate(_SAME).replace("rn", "m").replace("vv", "w").replace("cl", "d")


def twin_of(name: str, known: Iterable[str]) -> str | None:
    """Return a known name that looks like this one and is another, or None."""
    bones = skeleton(name)
    return next((each for each in sorted(known) if each != name and skeleton(each) == bones), None)


def passes_for(title: str, names: Iterable[str]) -> bool:
    """Tell whether a person would take a title for one of the names."""
    bones = skeleton("".join(title.lower().split()))
    return any(skeleton(each) == bones for each in names)
