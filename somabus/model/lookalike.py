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


class Lookalikes:
    """The names of one listing, found by what they look like: it costs one walk, however often it is asked."""

    def __init__(self, names: Iterable[str]) -> None:
        self._alike: dict[str, list[str]] = {}
        for name in sorted(names):
            self._alike.setdefault(skeleton(name), []).append(name)

    def twin_of(self, name: str) -> str | None:
        """Return a name that looks like this one and is another, or None."""
        return self._first_but(name, skeleton(name))

    def read_as(self, title: str, *, of: str) -> str | None:
        """Return a name for which a person would take the title of somebody else, or None.

        Letters of other scripts look like ours, too.
        """
        plain = unicodedata.normalize("NFKD", title).casefold().translate(_FOREIGN)
        return self._first_but(of, skeleton("".join(c for c in plain if c.isascii() and c.isprintable() and c != " ")))

    def _first_but(self, name: str, bones: str) -> str | None:
        return next((each for each in self._alike.get(bones, ()) if each != name), None)


def twin_of(name: str, known: Iterable[str]) -> str | None:
    """Return a known name that looks like this one and is another, or None."""
    return Lookalikes(known).twin_of(name)
