"""What the client tells of trouble: whom it concerns, and a line for people.

It tells a server's refusals in lower case, subjects as well; so they are compared in lower case, and not shown.
"""

import re
from typing import Final, NamedTuple

_DENIED: Final = re.compile(r'permissions violation for (publish|subscription) to "([^"]*)"')
_SHUT_OUT: Final = re.compile(r"authorization|authentication")
_NOBODY: Final = ("Connect call failed", "TimeoutError")
_LISTS: Final = "docs/nats-permissions.md has the lists of users"
_WHO_WE_ARE: Final = "SOMABUS_NATS_USER and _PASSWORD, _CREDS, _NKEY or _TOKEN say who we are, or the address"


class Trouble(NamedTuple):
    """What was told. `unsaid` and `unheard`: a subject that we may not publish or hear, in lower case."""

    said: str
    unsaid: str = ""
    unheard: str = ""
    shut_out: bool = False

    def why_out(self, inbox: str) -> str:
        """Say why the server is of no use to us, whose answers would come below `inbox`."""
        if not self.unheard:
            return f"{self.said}; {_WHO_WE_ARE}"
        return f'this user may not subscribe to "{inbox}.>", where answers come (SOMABUS_NATS_INBOX); {_LISTS}'


def understood(error: Exception) -> Trouble:
    """Return what an error of the client tells."""
    said = str(error).removeprefix("nats: ") or type(error).__name__
    if any(each in said for each in _NOBODY):
        return Trouble("no server answers there")
    denied = _DENIED.search(said.lower())
    if denied is None:
        return Trouble(said, shut_out=_SHUT_OUT.search(said.lower()) is not None)
    return Trouble(said, unsaid=denied[2]) if denied[1] == "publish" else Trouble(said, unheard=denied[2])


def may_not(subject: str) -> str:
    """Say that we may not write a subject, and what to do about it."""
    return f'this user may not publish "{subject}"; if it should, add that to its list: {_LISTS}'
