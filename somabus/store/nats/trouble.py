"""What the client tells of trouble: whom it concerns, and a line for people.

It tells a server's refusals in lower case, subjects as well; so they are compared in lower case, and not shown.
"""

import re
import ssl
from typing import Final, NamedTuple

from somabus.errors import NotLetInError, StoreUnavailableError, UnfitServerError

_DENIED: Final = re.compile(r'permissions violation for (publish|subscription) to "([^"]*)"')
_SHUT_OUT: Final = re.compile(r"authorization|authentication")
_NOBODY: Final = ("Connect call failed", "TimeoutError")
_LISTS: Final = "docs/nats-permissions.md has the lists of users"
_OTHER_NAME: Final = (62, 64)  # OpenSSL's numbers: the certificate is for another name, or another number
_WHOSE: Final = "write the name that it is for into the address"
_VOUCHES: Final = "SOMABUS_NATS_CA=FILE says who may vouch for it"
_OURS: Final = "SOMABUS_NATS_CERT and _KEY name ours"


class Trouble(NamedTuple):
    """What was told.

    `unsaid` and `unheard`: a subject that we may not publish or hear, in lower case. `lasts`: no later try helps.
    """

    said: str
    unsaid: str = ""
    unheard: str = ""
    shut_out: bool = False
    lasts: bool = False

    def out(self, inbox: str, who: str) -> "Trouble":
        """Say why the server is of no use to us, who came as `who`, and whose answers would come below `inbox`."""
        said = f"{who}; it says {self.said}" if who else self.said
        if self.unheard:
            said = f'this user may not subscribe to "{inbox}.>", where answers come (SOMABUS_NATS_INBOX); {_LISTS}'
        return self._replace(said=said, shut_out=True)

    def error(self, what: str, where: str) -> StoreUnavailableError:
        """Return what is raised for something that was asked of a server."""
        if self.shut_out:
            return NotLetInError(where, self.said)
        if self.lasts:
            return UnfitServerError(where, self.said)
        said = self.said or "no server answers there"
        return StoreUnavailableError(what, said if what == where else f"{where}: {said}")


NONE: Final = Trouble("")


def understood(error: Exception) -> Trouble:
    """Return what an error of the client tells."""
    if isinstance(error, ssl.SSLError):
        return _of_tls(error)
    said = str(error).removeprefix("nats: ") or type(error).__name__
    if any(each in said for each in _NOBODY):
        return Trouble("no server answers there")
    denied = _DENIED.search(said.lower())
    if denied is None:
        return Trouble(said, shut_out=_SHUT_OUT.search(said.lower()) is not None)
    return Trouble(said, unsaid=denied[2]) if denied[1] == "publish" else Trouble(said, unheard=denied[2])


def _of_tls(error: ssl.SSLError) -> Trouble:
    if isinstance(error, ssl.SSLCertVerificationError):
        step = _WHOSE if error.verify_code in _OTHER_NAME else _VOUCHES
        return Trouble(f"its certificate is not believed here: {error.verify_message}; {step}", lasts=True)
    if "certificate required" in str(error):
        return Trouble(f"it asks for a certificate of ours, and got none that it believes; {_OURS}", lasts=True)
    return Trouble(error.strerror or str(error), lasts=not error.errno)


def may_not(subject: str, who: str) -> str:
    """Say that we, who came as `who`, may not write a subject, and what to do about it."""
    said = f'this user may not publish "{subject}"' + (f"; {who}" if who else "")
    return f"{said}; if it is another agent's, come as that one; if it should, add that to its list: {_LISTS}"
