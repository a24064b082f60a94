r"""Seal and open: sign what is stored, verify what is stored.

    {"format":1, … ,"hops":0,"signature":"<86 characters>"}\n
    └──────── body, closed again by } ──┘└──── suffix ─────┘

The signed bytes are the kind's line (`somabus message 1\n`) and the body. A reader cuts the suffix off the bytes
it read, verifies, and parses exactly the bytes it verified: no canonical form that two writers could see
differently. The line keeps a card from passing as a message.
"""

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Final, NamedTuple

from somabus.model import signing

_SUFFIX: Final = re.compile(rb',"signature":"([A-Za-z0-9_-]{86})"\}\s*\Z')
_SUFFIX_REACH: Final = 160  # the suffix, and the blanks a foreign writer may leave behind it


class Seal(StrEnum):
    """What kind of document a signature is for."""

    MESSAGE = "somabus message 1"
    CARD = "somabus card 1"
    HEARTBEAT = "somabus heartbeat 1"
    CURSORS = "somabus cursors 1"
    BUS = "somabus bus 1"
    CERTIFICATE = "somabus certificate 1"
    REVOCATIONS = "somabus revocations 1"
    ROTATION = "somabus rotation 1"
    STOP = "somabus stop 1"
    RESUME = "somabus resume 1"
    GOAL = "somabus goal 1"
    VALUES = "somabus values 1"
    PROPOSAL = "somabus proposal 1"
    WORK = "somabus work 1"
    REQUEST = "somabus approval request 1"
    ANSWER = "somabus approval answer 1"
    USE = "somabus approval use 1"
    AUDIT = "somabus audit 1"
    JOB = "somabus job 1"
    TRY = "somabus job try 1"
    STEP = "somabus job step 1"


class Envelope(NamedTuple):
    """The body as stored, and the signature over it, or None where there is none."""

    body: bytes
    signature: bytes | None

    def verified_by(self, public_key: bytes, seal: Seal) -> bool:
        """Tell whether this key sealed exactly this body as this kind of document."""
        return self.signature is not None and signing.verifies(public_key, _signed(self.body, seal), self.signature)


Verified = Callable[[Envelope, bytes, Seal], bool]
"""Tells whether a key sealed a document; `Envelope.verified_by`, or what remembers its answers."""


def seal_body(body: bytes, seal: Seal, sign: Callable[[bytes], bytes]) -> bytes:
    """Return the document: the JSON object `body` with its signature as last member."""
    signature = signing.to_text(sign(_signed(body, seal)))
    return b'%s,"signature":"%s"}' % (body[:-1], signature.encode())


def split(raw: bytes) -> Envelope:
    """Take a document apart into body and signature; nothing is judged or parsed."""
    found = _SUFFIX.search(raw, max(0, len(raw) - _SUFFIX_REACH))
    if found is None:
        return Envelope(body=raw.rstrip(), signature=None)
    try:
        signature = signing.from_text(found[1].decode())
    except ValueError:
        return Envelope(body=raw.rstrip(), signature=None)
    return Envelope(body=raw[: found.start()] + b"}", signature=signature)


def _signed(body: bytes, seal: Seal) -> bytes:
    return seal.encode() + b"\n" + body
