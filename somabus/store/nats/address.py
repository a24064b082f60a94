"""Which server, which stream, and who we are there.

    nats://scout:secret@10.0.0.7:4222,10.0.0.8:4222/soma

The way in may stand in the address or, better, in the environment, which no process list shows:

    SOMABUS_NATS_USER, SOMABUS_NATS_PASSWORD      a user and a password
    SOMABUS_NATS_TOKEN                            a token
    SOMABUS_NATS_NKEY                             a file with the seed of an nkey
    SOMABUS_NATS_CREDS                            a credentials file: a JWT and a seed
    SOMABUS_NATS_CA, _CERT, _KEY                  TLS: who may vouch for the server; our own certificate and key
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from somabus.errors import ConfigurationError
from somabus.store.nats.link import Link
from somabus.store.nats.store import NatsStore

_SERVER: Final = re.compile(r"[\w.-]*(:\d+)?|\[[0-9a-fA-F:.%]+\](:\d+)?")
_STREAM: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")
_OPTIONS: Final = {
    "USER": "user", "PASSWORD": "password", "TOKEN": "token", "NKEY": "nkeys_seed", "CREDS": "user_credentials",
}  # fmt: skip


def open_store(where: str, environment: Mapping[str, str], *, now: Callable[[], datetime] | None = None) -> NatsStore:
    """Return the store at an address; nobody is called before the first verb.

    Raises:
        ConfigurationError: it is no address, or a file that it needs is not there.
    """
    scheme, _, rest = where.partition("://")
    servers, _, stream = rest.rpartition("/")
    if not servers or not _STREAM.fullmatch(stream):
        rule = "write nats://HOST:4222/NAME, the name of letters, digits, _ and -"
        message = f"{shown(where)!r} is no address of a bus: {rule}"
        raise ConfigurationError(message)
    if "…" in shown(where):
        message = (
            f"{shown(where)!r}: no server has such a name; a password with a comma or an @ goes into the environment"
        )
        raise ConfigurationError(f"{message}: SOMABUS_NATS_USER and _PASSWORD")
    options = _options(environment)
    if scheme == "tls" or "tls" in options:
        options["tls"] = options.get("tls") or _context({})
    return NatsStore(Link([f"nats://{each}" for each in servers.split(",")], options), stream, now=now)


def shown(where: str) -> str:
    """Return an address without user and password, and without what cannot be the name of a server."""
    scheme, _, rest = where.partition("://")
    servers, slash, stream = rest.rpartition("/")
    if not slash:
        servers, stream = rest, ""
    hosts = (each.rpartition("@")[2] for each in servers.split(","))
    return f"{scheme}://{','.join(each if _SERVER.fullmatch(each) else '…' for each in hosts)}{slash}{stream}"


def _options(environment: Mapping[str, str]) -> dict[str, Any]:
    told = {name: environment.get(f"SOMABUS_NATS_{name}", "") for name in (
        "USER", "PASSWORD", "TOKEN", "NKEY", "CREDS", "CA", "CERT", "KEY",
    )}  # fmt: skip
    options: dict[str, Any] = {option: told[name] for name, option in _OPTIONS.items() if told[name]}
    if told["CA"] or told["CERT"]:
        options["tls"] = _context(told)
    return options


def _context(told: Mapping[str, str]) -> Any:
    import ssl

    try:
        context = ssl.create_default_context(cafile=told.get("CA") or None)
        if told.get("CERT"):
            context.load_cert_chain(told["CERT"], told.get("KEY") or None)
    except (OSError, ssl.SSLError) as error:
        message = f"SOMABUS_NATS_CA, _CERT or _KEY cannot be used: {error}"
        raise ConfigurationError(message) from error
    return context
