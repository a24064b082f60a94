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
_PORT: Final = re.compile(r":([^:\]]*)(?=,|$)")
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
    return _MEANT.match(text.lstrip()) is not None


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


def mistake(text: str) -> str:
    """Say what is wrong with a text that is meant as an address, and nothing of it; "" if that is not plain."""
    scheme, _, rest = text.partition("://")
    hosts, _, path = rest.partition("/")
    hosts, stream = hosts.rpartition("@")[2], path.partition("@")[0]
    mistakes = (
        (re.search(r"\s", text), "there is a blank in it"),
        ("\\" in text, "it has backslashes where slashes belong"),
        (scheme.lower() not in {"nats", "tls"}, "it does not begin with nats:// or tls://"),
        ("://" in rest, "nats:// stands once, in front; more hosts follow with commas"),
        (not hosts, "no host comes behind nats://"),
        (any(map(_is_no_port, _PORT.findall(hosts))), f"a port is no number from 1 to {_LAST_PORT}"),
        (not stream, "no name of a stream comes behind the host"),
        (not re.fullmatch(_WORD, stream), "its stream's name has other signs, or more than 32"),
    )
    return next((said for wrong, said in mistakes if wrong), "")


def _is_no_port(text: str) -> bool:
    return not (re.fullmatch(r"[0-9]{1,5}", text) and 0 < int(text) <= _LAST_PORT)


def with_stream(text: str, stream: str) -> str:
    """Return an address with another stream, in the same domain, or the text itself if it is none."""
    remote = parse_remote(text)
    if remote is None:
        return text
    servers = text.rpartition("/")[0] if remote.stream else text
    return f"{servers}/{stream}{remote.domain and '@'}{remote.domain}"


def shown(text: str) -> str:
    """Return an address without user and password."""
    remote = parse_remote(text)
    if remote is None:
        meant = _MEANT.match(text.lstrip())
        scheme = meant and (meant[1] or meant[2])
        return f"{scheme.lower()}://…" if scheme else "…"
    stream = f"{remote.stream}{remote.domain and '@'}{remote.domain}"
    return f"{remote.scheme}://{','.join(remote.servers)}{stream and '/'}{stream}"
