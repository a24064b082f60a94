r"""values.md: the humans' values, as Markdown that anybody can read, with the operator's signature in its last line.

# What we stand for
…
<!-- somabus {"format":1,"bus":"…","version":3, … ,"sha256":"<of the text above>","signature":"…"} -->
"""

import hashlib
import re
from typing import Final, Literal, Self

from pydantic import Field

from somabus.errors import MalformedMessageError, TrustError
from somabus.model.envelope import Envelope, split
from somabus.model.message import Id, Name, Utc, Value
from somabus.model.wire import parse_object

_LAST_LINE: Final = re.compile(rb"\n<!-- somabus (\{[^\n]*\}) -->\s*\Z")
MAX_VALUES: Final = 200_000


class Creed(Value):
    """What the last line of values.md says; it binds the text above it by digest."""

    format: Literal[1] = 1
    bus: Id
    version: int = Field(ge=1)
    at: Utc
    operator: Name
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    text: str = Field(default="", exclude=True)

    @property
    def number(self) -> int:
        """What may never go back."""
        return self.version

    @classmethod
    def opened(cls, raw: bytes) -> tuple[Self, Envelope]:
        """Return what the file says, and the envelope of its last line; the signature is not judged here.

        Raises:
            MessageError: no such file. TrustError: the text is not the one that was signed.
        """
        found = _LAST_LINE.search(raw)
        if found is None:
            raise MalformedMessageError("values.md does not end with an operator's signature")
        envelope, text = split(found[1]), raw[: found.start()]
        creed = cls.from_object({**parse_object(envelope.body), "text": ""})
        if digest(text) != creed.sha256:
            raise TrustError("the text of values.md is not the one that was signed")
        return creed.model_copy(update={"text": text.decode(errors="replace")}), envelope


def digest(text: bytes) -> str:
    """Return the digest that binds a text."""
    return hashlib.sha256(text).hexdigest()


def written(text: bytes, sealed: bytes) -> bytes:
    """Return the whole file: the text, and its sealed last line."""
    return b"%s\n<!-- somabus %s -->\n" % (text, sealed)
