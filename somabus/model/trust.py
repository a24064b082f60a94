"""How far the origin of a message is proven, and what a bus's policy lets an agent act on."""

from enum import StrEnum
from typing import Final


class Trust(StrEnum):
    """From the strongest to the weakest. `operator` and `certified` need certificates; see docs/promises.md P7."""

    OPERATOR = "operator"
    CERTIFIED = "certified"
    PINNED = "pinned"
    UNSIGNED = "unsigned"
    FORGED = "forged"


class Policy(StrEnum):
    """What a bus accepts: `open` also unsigned mail, `pinned` only mail signed by a remembered key."""

    OPEN = "open"
    PINNED = "pinned"


_ORDER: Final = list(Trust)
_WEAKEST: Final = {Policy.OPEN: Trust.UNSIGNED, Policy.PINNED: Trust.PINNED}


def may_act(trust: Trust, policy: Policy) -> bool:
    """Tell whether a message of this trust may be acted on. Forged mail never may."""
    return _ORDER.index(trust) <= _ORDER.index(_WEAKEST[policy])
