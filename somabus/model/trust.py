"""How far the origin of a message is proven, and what a bus's policy lets an agent act on."""

from enum import StrEnum
from typing import Final


class Trust(StrEnum):
    """From the strongest to the weakest.

    `operator`: signed by a human who owns the bus. `certified`: signed by a key that an operator vouches for.
    `pinned`: by the key first seen under that name. `revoked`: by a key that an operator has called back.
    """

    OPERATOR = "operator"
    CERTIFIED = "certified"
    PINNED = "pinned"
    UNSIGNED = "unsigned"
    REVOKED = "revoked"
    FORGED = "forged"

    @property
    def proven(self) -> bool:
        """Whether the sender is known to be who it says."""
        return self in (Trust.OPERATOR, Trust.CERTIFIED, Trust.PINNED)


class Policy(StrEnum):
    """What a bus accepts: `open` also unsigned mail, `pinned` signed mail, `certified` mail of certified keys alone."""

    OPEN = "open"
    PINNED = "pinned"
    CERTIFIED = "certified"


_ORDER: Final = list(Trust)
_WEAKEST: Final = {
    Policy.OPEN: Trust.UNSIGNED,
    Policy.PINNED: Trust.PINNED,
    Policy.CERTIFIED: Trust.CERTIFIED,
}


def may_act(trust: Trust, policy: Policy) -> bool:
    """Tell whether a message of this trust may be acted on. Revoked and forged mail never may."""
    return _ORDER.index(trust) <= _ORDER.index(_WEAKEST[policy])
