"""An agent's home: its private key and its memory, on this machine and never on the shared drive.

    <home>/places/<digest of the path>.json     which bus was where, for when the drive is away
    <home>/buses/<bus id>/<agent>/key           the private key, for this user alone
    <home>/buses/<bus id>/<agent>/pins/ spool/ learnings/ refused/

`<home>` is the user's data folder of the operating system, or SOMABUS_HOME.
"""

import contextlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from somabus.errors import ConfigurationError, KeyExistsError, MessageError
from somabus.model import signing
from somabus.model.bus import Bus
from somabus.model.message import Value
from somabus.model.wire import parse_object
from somabus.store.directory import DirectoryStore

_KEY: Final = "key"


class Place(Value):
    """What was at a path when it was last looked at."""

    format: Literal[1] = 1
    path: str
    bus: Bus


def default_home() -> Path:
    """Return the user's data folder for somabus."""
    from platformdirs import user_data_path

    return user_data_path("somabus", appauthor=False)


def check_apart(home: Path, bus: Path) -> None:
    """Make sure that the private keys do not lie on the shared drive.

    Raises:
        ConfigurationError: the home is inside the bus.
    """
    if home.resolve().is_relative_to(bus.resolve()):
        message = f"the home {home} lies inside the bus {bus}; private keys must stay on this machine: set SOMABUS_HOME"
        raise ConfigurationError(message)


class Places:
    """Remembers which bus was at which path."""

    def __init__(self, home: Path, writer: str) -> None:
        self._store = DirectoryStore(str(home), writer=writer, private=True)

    def remember(self, path: str, bus: Bus) -> None:
        """Remember a bus, if anything about it is new."""
        if self.recall(path) != bus:
            self._store.replace(_place(path), Place(path=path, bus=bus).to_json())

    def recall(self, path: str) -> Bus | None:
        """Return the bus that was at a path, or None if none ever was."""
        raw = self._store.read(_place(path))
        try:
            return None if raw is None else Place.from_object(parse_object(raw)).bus
        except MessageError:
            return None  # damaged: it is written anew at the next look


def agent_home(home: Path, bus: str, agent: str, writer: str) -> DirectoryStore:
    """Return the store of one agent's own things."""
    return DirectoryStore(str(home / "buses" / bus / agent), writer=writer, private=True)


def load_signer(store: DirectoryStore, entropy: Callable[[int], bytes]) -> signing.Signer:
    """Return the agent's key, made at the first call and never again.

    Raises:
        ConfigurationError: the key can be read by others, or is damaged; it was not used.
    """
    path = Path(store.root) / _KEY
    if store.read(_KEY) is None:
        with contextlib.suppress(KeyExistsError):  # Race: another process of this agent made it just now.
            store.create(_KEY, signing.to_text(entropy(signing.SEED_BYTES)).encode())
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        message = f"the private key {path} can be read by others; if nobody did, run: chmod 600 {path}"
        raise ConfigurationError(message)
    try:
        return signing.Signer(signing.from_text((store.read(_KEY) or b"").decode().strip()))
    except ValueError as error:
        message = f"the private key {path} is damaged; bring back a copy of it, or delete it and join under a new name"
        raise ConfigurationError(message) from error


def _place(path: str) -> str:
    import hashlib

    return f"places/{hashlib.sha256(path.encode()).hexdigest()[:32]}.json"
