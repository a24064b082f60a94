"""How a post is named, and whom a body names: `arc:wiki#17`, and `@worker`."""

import re
from typing import Final, NamedTuple

from somabus.errors import InvalidNameError
from somabus.model.names import channel_folder, is_name

_ADDRESS: Final = re.compile(r"(?P<channel>[^#\s]*)#(?P<number>[1-9][0-9]{0,9})", re.ASCII)
_CODE: Final = re.compile(
    r"^ {0,3}(?:```[^`\n]*$.*?(?:^ {0,3}```|\Z)|~~~.*?(?:^ {0,3}~~~|\Z))"  # blocks, to the end if nothing closes them
    r"|```.*?```|``[^\n]+?``|`[^`\n]*`",
    re.DOTALL | re.MULTILINE,
)
_MENTION: Final = re.compile(r"(?<![a-zA-Z0-9@./+-])(?<!\w_)@([a-z0-9][a-z0-9._-]{0,63})(?![a-z0-9_-])", re.ASCII)
MOST_MENTIONS: Final = 50


class Address(NamedTuple):
    """Where a post stands: its channel and its number there."""

    channel: str
    number: int

    def __str__(self) -> str:
        return f"{self.channel}#{self.number}"


def parse_address(text: str, here: str | None = None) -> Address | None:
    """Read `arc:wiki#17`, or `#17` of the channel `here`; None for a text that is no address."""
    found = _ADDRESS.fullmatch(text)
    channel = (found["channel"] or here) if found else None
    if found is None or channel is None:
        return None
    try:
        channel_folder(channel)
    except InvalidNameError:
        return None
    return Address(channel, int(found["number"]))


def mentions(body: str) -> tuple[str, ...]:
    """Return the names that a Markdown body calls with `@`, each once, in order; what stands in code calls nobody."""
    if "@" not in body:
        return ()
    called = (each.rstrip(".-_") for each in _MENTION.findall(_CODE.sub(" ", body)))
    return tuple(dict.fromkeys(name for name in called if is_name(name)))
