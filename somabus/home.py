"""An agent's home: its private key and its memory, on this machine and never on the shared drive.

    <home>/places/<digest of the path>.json     which bus was where, for when the drive is away
    <home>/drives/<digest of the path>.json     what was measured of the drive there
    <home>/buses/<bus id>/<agent>/key           the private key, for this user alone
    <home>/buses/<bus id>/<agent>/key.next      the key that it asks an operator to certify
    <home>/buses/<bus id>/<agent>/key.was       the public half of the key before
    <home>/buses/<bus id>/<agent>/recall/       what lay in the registry at the last look; may be deleted
    <home>/buses/<bus id>/<agent>/pins/ seen/ stops/ approvals/ episodes/ spool/ learnings/ refused/
    <home>/operators/<bus id>/<operator>/key    a human's private key, and that one's memory beside it

`<home>` is the user's data folder of the operating system, or SOMABUS_HOME.
"""

import contextlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from somabus.errors import ConfigurationError, KeyExistsError, MessageError, UnsafeKeyError
from somabus.model import signing
from somabus.model.bus import Bus
from somabus.model.drive import Drive
from somabus.model.message import Value
from somabus.model.wire import parse_object
from somabus.store.directory import DirectoryStore, Durability
from somabus.store.port import Store

_KEY: Final = "key"
_NEXT: Final = "key.next"
_WAS: Final = "key.was"
_MCP: Final = "mcp-token"


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

    def where(self, path: str) -> str:
        """Return the file that remembers a path."""
        return str(Path(self._store.root) / _place(path))

    def recall(self, path: str) -> Bus | None:
        """Return the bus that was at a path, or None if none ever was."""
        raw = self._store.read(_place(path))
        try:
            return None if raw is None else Place.from_object(parse_object(raw)).bus
        except MessageError:
            return None  # damaged: it is written anew at the next look


class Drives:
    """Remembers what was measured of the drive at a path."""

    def __init__(self, home: Path, writer: str) -> None:
        self._store = DirectoryStore(str(home), writer=writer, private=True)

    def remember(self, path: str, drive: Drive) -> None:
        """Remember it."""
        self._store.replace(_place(path, "drives"), drive.to_json())

    def recall(self, path: str) -> Drive:
        """Return what is known; of a drive that was never measured that is nothing."""
        raw = self._store.read(_place(path, "drives"))
        try:
            return Drive() if raw is None else Drive.from_object(parse_object(raw))
        except MessageError:
            return Drive()  # damaged: the next `somabus doctor` writes it anew


def agent_home(
    home: Path, bus: str, agent: str, writer: str, durability: Durability = Durability.FULL
) -> DirectoryStore:
    """Return the store of one agent's own things."""
    return DirectoryStore(str(home / "buses" / bus / agent), writer=writer, private=True, durability=durability)


def operator_home(home: Path, bus: str, operator: str, writer: str) -> DirectoryStore:
    """Return the store of one operator's own things."""
    return DirectoryStore(str(home / "operators" / bus / operator), writer=writer, private=True)


def agents_here(home: Path, bus: str) -> list[str]:
    """Return the agents of a bus whose keys lie on this machine."""
    return _keyed(home / "buses" / bus)


def operators_here(home: Path, bus: str) -> list[str]:
    """Return the operators of a bus whose keys lie on this machine."""
    return _keyed(home / "operators" / bus)


def _keyed(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir() if (each / _KEY).exists()) if folder.is_dir() else []


def load_signer(store: DirectoryStore, entropy: Callable[[int], bytes]) -> signing.Signer:
    """Return the agent's key, made at the first call and never again.

    Raises:
        ConfigurationError: the key is damaged.
    """
    if store.read(_KEY) is None:
        with contextlib.suppress(KeyExistsError):  # Race: another process of this agent made it just now.
            store.create(_KEY, signing.to_text(entropy(signing.SEED_BYTES)).encode())
    try:
        return _signer(store.read(_KEY) or b"")
    except ValueError as error:
        path = Path(store.root) / _KEY
        message = f"the private key {path} is damaged; bring back a copy of it, or delete it and join under a new name"
        raise ConfigurationError(message) from error


def mcp_token(home: Path, entropy: Callable[[int], bytes]) -> str:
    """Return the token of this user's MCP servers, made at the first call; it lies in `mcp-token`, for this user alone.

    Raises:
        UnsafeKeyError: others can read it; it was not used.
    """
    store = DirectoryStore(str(home), writer=f"token-{entropy(4).hex()}", private=True)
    try:
        with contextlib.suppress(KeyExistsError):
            store.create(_MCP, signing.to_text(entropy(signing.SEED_BYTES)).encode())
        check_private(store, _MCP)
        return (store.read(_MCP, listed=True) or b"").decode().strip()
    finally:
        store.close()


def check_private(store: DirectoryStore, name: str = _KEY) -> None:
    """Make sure that a private key is for this user alone.

    Raises:
        UnsafeKeyError: others can read it; it was not used.
    """
    path = Path(store.root) / name
    if os.name == "posix" and path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise UnsafeKeyError(str(path))


def next_signer(home: Store, entropy: Callable[[int], bytes]) -> signing.Signer:
    """Return the agent's next key, made at the first call; it is used once an operator has certified it."""
    if home.read(_NEXT) is None:
        with contextlib.suppress(KeyExistsError):
            home.create(_NEXT, signing.to_text(entropy(signing.SEED_BYTES)).encode())
    return _signer(home.read(_NEXT) or b"")


def waiting_signer(home: Store) -> signing.Signer | None:
    """Return the next key if there is one."""
    raw = home.read(_NEXT)
    return None if raw is None else _signer(raw)


def promote_key(home: Store) -> None:
    """Make the next key the key. Power cut in between: both files hold the same key, and it is done again."""
    raw, old = home.read(_NEXT), home.read(_KEY)
    if raw is None:
        return
    if old is not None and old != raw:
        home.replace(_WAS, signing.to_text(_signer(old).public_key).encode())
    home.replace(_KEY, raw)
    home.delete(_NEXT)


def former_keys(home: Store) -> list[bytes]:
    """Return the public key that the agent had before: what that one sealed for itself is its own."""
    raw = home.read(_WAS)
    return [] if raw is None else [signing.from_text(raw.decode().strip())]


def _signer(raw: bytes) -> signing.Signer:
    return signing.Signer(signing.from_text(raw.decode().strip()))


def _place(path: str, folder: str = "places") -> str:
    import hashlib

    return f"{folder}/{hashlib.sha256(path.encode()).hexdigest()[:32]}.json"
