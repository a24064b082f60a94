"""Where a bus is and who we are on it: the stores, the bus's own facts and the agent's key, opened together."""

import os
from dataclasses import dataclass
from pathlib import Path

from somabus.clock import Clock, SystemClock
from somabus.errors import (
    ConfigurationError,
    DocumentTooLargeError,
    KeyExistsError,
    MessageError,
    NotABusError,
    StoreDamagedError,
    StoreUnavailableError,
)
from somabus.home import Places, agent_home, check_apart, default_home, load_signer
from somabus.model.bus import BUS_FILE, Bus, BusPolicy
from somabus.model.ids import IdMaker
from somabus.model.names import check_name
from somabus.model.signing import Signer
from somabus.model.trust import Policy
from somabus.model.wire import parse_object
from somabus.store.directory import DirectoryStore
from somabus.store.port import Store


@dataclass(frozen=True, slots=True)
class Connection:
    """Everything an agent stands on. `drive` and `home_path` are for looking at the space left."""

    store: Store
    home: Store
    bus: Bus
    signer: Signer
    clock: Clock
    machine: str
    drive: Path
    home_path: Path


def create_bus(
    path: str | os.PathLike[str],
    name: str = "",
    policy: str = "pinned",
    *,
    anew: bool = False,
    home: str | os.PathLike[str] | None = None,
    **rules: float,
) -> Bus:
    """Make a new bus in a folder; on return it is there for good.

    Args:
        path: the folder; it is made if it is missing.
        name: for people.
        policy: `pinned` (only mail signed by a remembered key is acted on) or `open` (also unsigned mail).
        anew: also where this machine knows a bus that is not there now.
        home: where this machine remembers its buses.
        rules: `hop_limit`, `staleness_s`.

    Raises:
        ConfigurationError: there is a bus already, or a rule is none; nothing was changed.
        StoreError: the folder cannot be written.
    """
    unknown = sorted(set(rules) - set(BusPolicy.model_fields))
    if unknown:
        message = f"{', '.join(unknown)}: no rule of a bus; there are hop_limit and staleness_s"
        raise ConfigurationError(message)
    store = DirectoryStore(os.fspath(path), writer=_writer())
    root = Path(path).absolute()
    if not anew and not (root / BUS_FILE).exists() and known_bus(root, home) is not None:
        said = f"this machine knows a bus at {root}, and it is not there now: is the drive away?"
        message = f"{said} If it is gone for good: somabus init --anew"
        raise ConfigurationError(message)
    try:
        info = Bus(
            bus=IdMaker(os.urandom).make(SystemClock().now()),
            name=name,
            created_at=SystemClock().now(),
            policy=BusPolicy(trust=Policy(policy), **rules),
        )
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
    try:
        store.create(BUS_FILE, info.to_json())
    except KeyExistsError as error:
        message = f"there is a bus at {os.fspath(path)!r} already; it is unchanged: join it with: somabus join NAME"
        raise ConfigurationError(message) from error
    finally:
        store.close()
    return info


def known_bus(path: str | os.PathLike[str], home: str | os.PathLike[str] | None = None) -> Bus | None:
    """Return the bus that this machine last saw at a path, or None if it never saw one there."""
    base = _base(home)
    return Places(base, _writer()).recall(str(Path(path).absolute())) if base.is_dir() else None


def connect(
    path: str | os.PathLike[str],
    agent: str,
    *,
    home: str | os.PathLike[str] | None = None,
    durability: str = "full",
    clock: Clock | None = None,
) -> Connection:
    """Open a bus for an agent. While the drive is away, what is known of it from before is used.

    Raises:
        NotABusError: the path holds no bus and never did.
        ConfigurationError: a setting is wrong, or the agent's key is not safe.
        StoreUnavailableError: the drive does not answer, and this machine has not seen the bus before.
    """
    check_name(agent)
    root, base = (
        Path(path).absolute(),
        Path(home or os.environ.get("SOMABUS_HOME") or default_home()).absolute(),
    )
    check_apart(base, root)
    writer = _writer()
    try:
        store = DirectoryStore(
            str(root), writer=writer, marker=BUS_FILE, durability=durability, now=clock.now if clock else None
        )
    except ValueError:
        message = f"durability {durability!r} is none of full, file, none"
        raise ConfigurationError(message) from None
    bus = _known(store, Places(base, writer), str(root))
    mine = agent_home(base, bus.bus, agent, writer)
    signer = load_signer(mine, os.urandom)
    return Connection(store, mine, bus, signer, clock or SystemClock(), _machine(base), root, base)


def _known(store: DirectoryStore, places: Places, path: str) -> Bus:
    try:
        bus = read_bus(store)
    except StoreUnavailableError:
        recalled = places.recall(path)
        if recalled is not None:
            return recalled
        if not Path(path).exists() or Path(path).is_dir():
            raise NotABusError(path) from None
        raise
    places.remember(path, bus)
    return bus


def read_bus(store: Store) -> Bus:
    """Read what a bus says of itself.

    Raises:
        StoreUnavailableError: it is not there now.
        StoreDamagedError: it is there and is no such file.
    """
    try:
        raw = store.read(BUS_FILE)
        if raw is None:
            raise StoreUnavailableError(BUS_FILE, "not there")
        return Bus.from_object(parse_object(raw))
    except (MessageError, DocumentTooLargeError) as error:
        raise StoreDamagedError(BUS_FILE, str(error)) from error


def _base(home: str | os.PathLike[str] | None) -> Path:
    return Path(home or os.environ.get("SOMABUS_HOME") or default_home()).absolute()


def _writer() -> str:
    return f"{os.getpid()}-{os.urandom(4).hex()}"


def _machine(home: Path) -> str:
    """A word for this machine and user: two with one home are one machine."""
    import uuid

    return f"{uuid.getnode():012x}-{uuid.uuid5(uuid.NAMESPACE_URL, str(home)).hex[:8]}"
