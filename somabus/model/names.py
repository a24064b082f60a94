"""Names that are legal path parts on every drive: Linux, macOS, Windows, SMB, NFS.

One rule for agents, leases, kinds and channels, so that a key built from names can never leave the tree,
never collide with another by case, and is never a device on Windows.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from somabus.errors import InvalidNameError

RULE: Final = (
    "1 to 64 of a-z 0-9 . _ - (lower case), starting with a letter or a digit, not ending with a dot, "
    "and no device name of Windows such as con or com1"
)
_LONGEST: Final = 64
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
_DEVICES: Final = frozenset(
    ["con", "prn", "aux", "nul", *(f"com{n}" for n in range(10)), *(f"lpt{n}" for n in range(10))]
)


_SYSTEM: Final = frozenset(["thumbs.db", "desktop.ini"])  # files that Windows puts everywhere; no listing shows them


def is_device(part: str) -> bool:
    """Tell whether Windows would take the path part for a device; an extension does not change that."""
    return part.split(".", 1)[0].lower() in _DEVICES


def is_name(text: str) -> bool:
    """Tell whether the text is a valid name."""
    return isinstance(text, str) and len(text) <= _LONGEST and _fits(text)  # longer ones are not remembered either


@lru_cache(maxsize=4096)  # a fleet has few names, and each message tells several of them
def _fits(text: str) -> bool:
    return _NAME.fullmatch(text) is not None and not text.endswith(".") and not is_device(text) and text not in _SYSTEM


def check_name(text: str) -> str:
    """Return the name unchanged if it is valid.

    Raises:
        InvalidNameError: it is not; the error carries the rule.
    """
    if not is_name(text):
        raise InvalidNameError(text, RULE)
    return text


def channel_folder(channel: str) -> str:
    """Return the folder of a channel: `arc:foo` lies under `arc=foo`, because `:` is no path character on Windows.

    Raises:
        InvalidNameError: a part of the channel's name breaks the rule for names.
    """
    parts = channel.split(":") if isinstance(channel, str) else [channel]
    if len(parts) > 2 or not all(map(is_name, parts)):  # noqa: PLR2004 - one colon, two parts
        raise InvalidNameError(str(channel), f"at most one colon, and each part {RULE}")
    return "=".join(parts)


def channel_of(folder: str) -> str | None:
    """Return the channel whose folder this is, or None if it is no channel's."""
    channel = folder.replace("=", ":")
    try:
        return channel if channel_folder(channel) == folder else None
    except InvalidNameError:
        return None


def nearest(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """Return up to three known names that a person may have meant."""
    import difflib

    return tuple(difflib.get_close_matches(str(name).lower(), list(known), n=3, cutoff=0.5))
