"""How a bus on a server is named, and what of that may be shown.

    nats://[USER:PASSWORD@]HOST:PORT[,HOST:PORT…]/STREAM[@DOMAIN]

A text that is not wholly an address may have a part of a password anywhere, so nothing of it is shown.
"""

import re
from typing import Final, NamedTuple

_MEANT: Final = re.compile(r"(?i:([a-z][a-z0-9+.-]+)://|(nats|tls):|[\w.-]{2,}:\d{4,5}(?:/|$))")
_HOST: Final = r"(?:[\w.-]+|\[[0-9a-fA-F:.%]+\])(?::\d+)?"
_WORD: Final = r"[A-Za-z0-9_-]{1,32}"
_ADDRESS: Final = (
    rf"(?P<scheme>(?i:nats|tls))://(?:(?P<who>[^@,/?#\[\]]*)@)?(?P<first>{_HOST})(?P<others>(?:,(?:(?P=who)@)?{_HOST})*)"
    rf"(?:/(?P<stream>{_WORD})(?:@(?P<domain>{_WORD}))?)?"
)
_LAST_PORT: Final = 65535


class Remote(NamedTuple):
    """An address, taken apart; what is not named in it is empty.

    `who`: a user and a password, or a token alone.
    """

    scheme: str
    who: tuple[str, ...]
    servers: tuple[str, ...]
    stream: str
    domain: str


def is_remote(text: str) -> bool:
    """Tell whether a text is meant as a bus on a server: everything that looks like an address of the network is."""
    return _MEANT.match(text) is not None


def parse_remote(text: str) -> Remote | None:
    """Take an address apart; None for a text that is none."""
    found = re.fullmatch(_ADDRESS, text)
    if found is None:
        return None
    from urllib.parse import unquote

    servers = tuple(each.rpartition("@")[2] for each in (found["first"] + found["others"]).split(","))
    if any(int(port) > _LAST_PORT for port in re.findall(r":(\d+)(?=,|$)", ",".join(servers))):
        return None
    who = tuple(unquote(each) for each in found["who"].split(":", 1)) if found["who"] else ()
    return Remote(found["scheme"].lower(), who, servers, found["stream"] or "", found["domain"] or "")


def shown(text: str) -> str:
    """Return an address without user and password."""
    remote = parse_remote(text)
    if remote is None:
        meant = _MEANT.match(text)
        scheme = meant and (meant[1] or meant[2])
        return f"{scheme.lower()}://…" if scheme else "…"
    stream = f"{remote.stream}{remote.domain and '@'}{remote.domain}"
    return f"{remote.scheme}://{','.join(remote.servers)}{stream and '/'}{stream}"
