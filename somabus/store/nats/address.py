"""Which server, which stream, and who we are there.

    nats://scout:secret@10.0.0.7:4222,10.0.0.8:4222/soma
    nats://127.0.0.1:4222/soma@hub            the stream lies in the JetStream domain `hub`, beyond a leaf node

The way in may stand in the address or, better, in the environment, which no process list shows:

    SOMABUS_NATS_USER, SOMABUS_NATS_PASSWORD      a user and a password
    SOMABUS_NATS_TOKEN                            a token
    SOMABUS_NATS_NKEY                             a file with the seed of an nkey
    SOMABUS_NATS_CREDS                            a credentials file: a JWT and a seed
    SOMABUS_NATS_CA, _CERT, _KEY                  TLS: who may vouch for the server; our own certificate and key
    SOMABUS_NATS_INBOX                            where answers come, if not below `_INBOX.<user>`

Each user has a place of its own for answers, so that a server can keep it from hearing those to others.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from somabus.errors import ConfigurationError
from somabus.model.remote import mistake, parse_remote, shown
from somabus.store.nats.link import Link
from somabus.store.nats.store import NatsStore

_OPTIONS: Final = {
    "USER": "user", "PASSWORD": "password", "TOKEN": "token", "NKEY": "nkeys_seed", "CREDS": "user_credentials",
}  # fmt: skip
_WHO: Final = {0: (), 1: ("token",), 2: ("user", "password")}
_COMES: Final = {
    "USER": "as user {0}, from {1}", "TOKEN": "with the token of {1}", "NKEY": "with the key of {1}={0}",
    "CREDS": "with the credentials of {1}={0}",
}  # fmt: skip
_SETTINGS: Final = frozenset(f"SOMABUS_NATS_{name}" for name in (*_OPTIONS, "CA", "CERT", "KEY", "INBOX"))
_FILES: Final = ("NKEY", "CREDS")
_NEEDS: Final = {"USER": "PASSWORD", "PASSWORD": "USER", "KEY": "CERT"}
_PLACE: Final = re.compile(r"[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64}){0,7}")
_SEED: Final = re.compile(r"-----BEGIN USER NKEY SEED-----\s+(?P<seed>\S+)\s")


def open_store(where: str, environment: Mapping[str, str], *, now: Callable[[], datetime] | None = None) -> NatsStore:
    """Return the store at an address; nobody is called before the first verb.

    Raises:
        ConfigurationError: it is no address, a setting lacks its other half, or a file cannot be used.
    """
    remote = parse_remote(where)
    if remote is None or not remote.stream:
        wrong = mistake(where)
        said = f"{shown(where)} is no bus on a server{wrong and ': '}{wrong}; write nats://HOST:4222/NAME"
        message = f"{said}, the name of letters, digits, _ and -; behind a leaf node NAME@DOMAIN; a password of"
        raise ConfigurationError(
            f"{message} other signs than these goes into SOMABUS_NATS_PASSWORD, or is percent-encoded"
        )
    options, who = _options(environment), _settings_say(environment)
    if "user" not in options and "token" not in options:
        options |= zip(_WHO[len(remote.who)], remote.who, strict=True)
        who = who or _address_says(remote.who)
    if remote.scheme == "tls":
        options.setdefault("tls", _context({}))
    options |= _inbox(environment.get("SOMABUS_NATS_INBOX", ""), options.get("user", ""))
    link = Link([f"nats://{each}" for each in remote.servers], options, shown(where), who or _nobody(environment))
    return NatsStore(link, remote.stream, remote.domain, now=now)


def _options(environment: Mapping[str, str]) -> dict[str, Any]:
    told = {name: environment.get(f"SOMABUS_NATS_{name}", "") for name in (*_OPTIONS, "CA", "CERT", "KEY")}
    for name, other in _NEEDS.items():
        if told[name] and not told[other]:
            message = f"SOMABUS_NATS_{name} says nothing without SOMABUS_NATS_{other}: set both, or none"
            raise ConfigurationError(message)
    for name in _FILES:
        if told[name]:
            _check_key(name, told[name])
    options: dict[str, Any] = {option: told[name] for name, option in _OPTIONS.items() if told[name]}
    if told["CA"] or told["CERT"]:
        options["tls"] = _context(told)
    return options


def _settings_say(environment: Mapping[str, str]) -> str:
    """Say as whom the settings have us come, and which of them; "" if they do not."""
    told = {name: environment.get(f"SOMABUS_NATS_{name}", "") for name in _COMES}
    said = [_COMES[name].format(value, f"SOMABUS_NATS_{name}") for name, value in told.items() if value]
    return f"we came {' and '.join(said)}" if said else ""


def _nobody(environment: Mapping[str, str]) -> str:
    unknown = sorted(each for each in environment if each.startswith("SOMABUS_NATS_") and each not in _SETTINGS)
    said = f", and {', '.join(unknown)} is no setting" if unknown else ""
    step = "SOMABUS_NATS_USER and _PASSWORD, _CREDS, _NKEY or _TOKEN say who we are, or the address"
    return f"we came as nobody{said}; {step}"


def _address_says(who: tuple[str, ...]) -> str:
    said = ("", "with the token in the address", f"as user {who[0]}, from the address" if who else "")[len(who)]
    return said and f"we came {said}"


def _inbox(told: str, user: str) -> dict[str, str]:
    if told and not _PLACE.fullmatch(told):
        message = f"SOMABUS_NATS_INBOX={told!a} is no place for answers: write it as _INBOX.scout"
        raise ConfigurationError(message)
    place = told or f"_INBOX.{user}"
    return {"inbox_prefix": place} if _PLACE.fullmatch(place) else {}


def _check_key(name: str, path: str) -> None:
    """Refuse a file in which there is no seed of a key: the client would say so only when it connects."""
    import nkeys

    try:
        text = Path(path).read_text(encoding="ascii")
        found = None if name == "NKEY" else _SEED.search(text)
        if name == "CREDS" and found is None:
            message = "it is no credentials file, as nsc makes them"
            raise ValueError(message)  # noqa: TRY301 - told like the other ways in which a file cannot be used
        nkeys.from_seed((found["seed"] if found else text.strip()).encode()).wipe()
    except (OSError, ValueError, TypeError, nkeys.NkeysError) as error:
        message = f"SOMABUS_NATS_{name}: {path} holds no key that can be used: {error}"
        raise ConfigurationError(message) from error


def _context(told: Mapping[str, str]) -> Any:
    import ssl

    name, path = "CA", told.get("CA") or None
    try:
        context = ssl.create_default_context(cafile=path)
        if told.get("CERT"):
            name, path = "CERT", told["CERT"]
            context.load_cert_chain(path, told.get("KEY") or None)
    except (OSError, ssl.SSLError) as error:
        with_key = f" with SOMABUS_NATS_KEY={told['KEY']}" if name == "CERT" and told.get("KEY") else ""
        message = f"SOMABUS_NATS_{name}={path}{with_key} cannot be used: {error}"
        raise ConfigurationError(message) from error
    return context
