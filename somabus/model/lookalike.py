"""Names that a person would take for one another: `planner` and `p1anner`, `scout-1` and `scout1`."""

import unicodedata
from collections.abc import Iterable
from typing import Final

_SAME: Final = str.maketrans({"1": "l", "i": "l", "0": "o", "5": "s", "-": None, "_": None, ".": None})
# Letters of the Cyrillic and Greek alphabets that look like Latin ones (Unicode TS 39, confusables).
_FOREIGN: Final = str.maketrans("аеорсухіјѕһԁԛԝкмтвнгпοαρτυνκιω", "aeopcyxijshdqwkmtbhrnoaptuvkiw")


def skeleton(name: str) -> str:
    """Return what is left of a name when look-alikes are written alike (after Unicode TS 39, for our few letters)."""
    return name.translate(_SAME).replace("rn", "m").replace("vv", "w").replace("cl", "d")


def twin_of(name: str, known: Iterable[str]) -> str | None:
    """Return a known name that looks like this one and is another, or None."""
    bones = skeleton(name)
    return next((each for each in sorted(known) if each != name and skeleton(each) == bones), None)


def passes_for(title: str, names: Iterable[str]) -> bool:
    """Tell whether a person would take a title for one of the names: letters of other scripts look like ours, too."""
    plain = unicodedata.normalize("NFKD", title).casefold().translate(_FOREIGN)
    bones = skeleton("".join(each for each in plain if each.isascii() and each.isprintable() and each != " "))
    return any(skeleton(each) == bones for each in names)
