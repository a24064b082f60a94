"""Where a bus is and who we are on it: the stores, the bus's own facts and the agent's key, opened together."""

import os
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from pydantic import ValidationError

from somabus.clock import Clock, SystemClock
from somabus.errors import (
    ConfigurationError,
    DocumentTooLargeError,
    KeyExistsError,
    MessageError,
    NotABusError,
    NotJoinedError,
    StoreDamagedError,
    StoreUnavailableError,
    TrustError,
    UnsafeKeyError,
)
from somabus.home import Places, agent_home, agents_here, check_private, default_home, load_signer
from somabus.model.bus import BUS_FILE, Bus, BusPolicy
from somabus.model.envelope import Seal, split
from somabus.model.ids import IdMaker
from somabus.model.message import explain
from somabus.model.names import check_name, nearest
from somabus.model.signing import Signer
from somabus.model.trust import Policy
from somabus.model.wire import parse_object
from somabus.site import Ask, Site, address_of, at_once, is_remote, lies_at, new_ground, open_site
from somabus.store.directory import Durability
from somabus.store.port import Store

T = TypeVar("T")
_RULES: Final = ("hop_limit", "staleness_s", "rate_per_hour", "retention")


class Connection(NamedTuple):
    """Everything an agent stands on. `drive` and `home_path` are for looking at the space left; `ask` before that.

    A bus on a server has no `drive`.

    `unsafe`: others can read the key; the agent raises the alarm and does nothing else. `forgettable`: the home once
    more, for what may be gone after a power cut, and so is written without waiting for the disk.
    """

    store: Store
    home: Store
    forgettable: Store
    bus: Bus
    signer: Signer
    clock: Clock
    machine: str
    drive: Path | None
    home_path: Path
    unsafe: UnsafeKeyError | None = None
    ask: Ask = at_once


def create_bus(
    path: str | os.PathLike[str],
    name: str = "",
    policy: str = "pinned",
    *,
    anew: bool = False,
    home: str | os.PathLike[str] | None = None,
    **rules: Any,
) -> Bus:
    """Make a new bus in a folder; on return it is there for good.

    Args:
        path: the folder; it is made if it is missing.
        name: for people.
        policy: `pinned` (only mail signed by a remembered key is acted on) or `open` (also unsigned mail).
        anew: also where this machine knows a bus that is not there now.
        home: where this machine remembers its buses.
        rules: `hop_limit`, `staleness_s`, `rate_per_hour`, `retention` (a `Retention`, or its rules by name).

    Raises:
        ConfigurationError: there is a bus already, or a copy of one, or a rule is none; nothing was changed.
        StoreError: the folder cannot be written.
    """
    if policy == Policy.CERTIFIED:
        message = "a new bus has no operator who could certify; make it, then: somabus operator init, operator policy"
        raise ConfigurationError(message)
    unknown = sorted(set(rules) - set(_RULES))
    if unknown:
        message = f"{', '.join(unknown)}: no rule of a bus; there are {', '.join(_RULES)}"
        raise ConfigurationError(message)
    try:
        info = Bus(
            bus=IdMaker(os.urandom).make(SystemClock().now()),
            name=name,
            created_at=SystemClock().now(),
            policy=BusPolicy(trust=Policy(policy), **rules),
        )
    except ValidationError as error:
        raise ConfigurationError(explain(error)) from None
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
    where = address_of(path)
    if not lies_at(path, new_writer()) and not anew and known_bus(path, home) is not None:
        said = f"this machine knows a bus at {where}, and it is not there now: is the drive away?"
        message = f"{said} If it is gone for good: somabus init --anew"
        raise ConfigurationError(message)
    store = new_ground(path, new_writer())
    try:
        store.create(BUS_FILE, info.to_json())
    except KeyExistsError as error:
        shown = where if is_remote(path) else os.fspath(path)
        said = f"there is a bus at {shown!r} already; it is unchanged: join it with: somabus join NAME"
        message = f"{said}; what holds on it, its operator changes with: somabus operator policy, and --keep"
        raise ConfigurationError(message) from error
    finally:
        store.close()
    return info


def known_bus(path: str | os.PathLike[str], home: str | os.PathLike[str] | None = None) -> Bus | None:
    """Return the bus that this machine last saw at a path, or None if it never saw one there."""
    base = base_of(home)
    return Places(base, new_writer()).recall(address_of(path)) if base.is_dir() else None


def connect(
    path: str | os.PathLike[str],
    agent: str,
    *,
    home: str | os.PathLike[str] | None = None,
    durability: str = "full",
    clock: Clock | None = None,
    join: bool = True,
) -> Connection:
    """Open a bus for an agent. While the drive is away, what is known of it from before is used.

    The agent's key is made if it is missing and `join` is true; if not, nothing is written before the key was found.

    Raises:
        NotABusError: the path holds no bus and never did.
        NotJoinedError: no key of that agent is on this machine, and `join` is false.
        ConfigurationError: a setting is wrong, or the agent's key is not safe.
        StoreUnavailableError: the drive does not answer, and this machine has not seen the bus before.
    """
    check_name(agent)
    base, writer = base_of(home), new_writer()
    places = Places(base, writer)
    site = open_site(path, base, writer, durability=durability, clock=clock)
    bus, news = _looked(site, places)
    here = agents_here(base, bus.bus)
    if not join and agent not in here:
        raise NotJoinedError(agent, nearest(agent, here), str(base))
    if news:
        places.remember(site.address, bus)
    mine = agent_home(base, bus.bus, agent, writer)
    signer, unsafe = load_signer(mine, os.urandom), None
    try:
        check_private(mine)
    except UnsafeKeyError as error:
        unsafe = error
    forgettable = agent_home(base, bus.bus, agent, f"{writer}-f", Durability.NONE)
    return Connection(
        site.store, mine, forgettable, bus, signer, clock or SystemClock(), _machine(base), site.drive, base, unsafe,
        site.ask,
    )  # fmt: skip


def open_bus(path: str | os.PathLike[str], *, home: str | os.PathLike[str] | None = None) -> Store:
    """Open the store of a bus, to look at all of it; nothing is written there.

    Raises:
        NotABusError: there is none and never was.
        StoreUnavailableError: the drive or the server does not answer.
    """
    base, writer = base_of(home), new_writer()
    site = open_site(path, base, writer)
    known(site, Places(base, writer))
    return site.store


def known(site: Site, places: Places) -> Bus:
    """Return the bus at a place, or what this machine remembers of it while the drive is away.

    Raises:
        NotABusError: there is none and never was.
        TrustError: another bus lies where one with operators was.
    """
    bus, news = _looked(site, places)
    if news:
        places.remember(site.address, bus)
    return bus


def _looked(site: Site, places: Places) -> tuple[Bus, bool]:
    """Return the bus at a place, and whether this machine may remember that; see `known`."""
    before = places.recall(site.address)
    try:
        raw = _read(site.store)
        bus = _parsed(raw)
    except StoreDamagedError:
        if before is None:
            raise
        return before, False  # the authority refuses what lies there, and tells
    except StoreUnavailableError:
        if before is not None:
            return before, False
        if not site.may_hold_a_bus():
            raise NotABusError(site.address) from None
        raise
    if before is not None and before.owned and before.bus != bus.bus:
        raise TrustError(
            f"at {site.address} lay the bus {before.bus}, which has operators, and now another one, {bus.bus}; "
            f"if a human replaced it on purpose, remove {places.where(site.address)} and try again"
        )
    if not _proven(before, bus, raw):
        return before or bus, False  # the authority follows it, or refuses and tells
    return bus, True


def _proven(before: Bus | None, bus: Bus, raw: bytes) -> bool:
    """Tell whether this machine may remember what it found: signed by whom it knows, and not an older version."""
    if bus == before:
        return True
    knows = before if before is not None and before.owned else bus
    if knows.owned and knows.signer_of(split(raw), Seal.BUS) is None:
        return False
    return before is None or not before.owned or bus.version >= before.version


def read_bus(store: Store) -> Bus:
    """Read what a bus says of itself.

    Raises:
        StoreUnavailableError: it is not there now.
        StoreDamagedError: it is there and is no such file.
    """
    return _parsed(_read(store))


def _read(store: Store) -> bytes:
    try:
        raw = store.read(BUS_FILE)
    except DocumentTooLargeError as error:
        raise StoreDamagedError(BUS_FILE, str(error)) from error
    if raw is None:
        raise StoreUnavailableError(BUS_FILE, "not there")
    return raw


def _parsed(raw: bytes) -> Bus:
    try:
        return Bus.from_object(parse_object(split(raw).body))
    except MessageError as error:
        raise StoreDamagedError(BUS_FILE, str(error)) from error


def base_of(home: str | os.PathLike[str] | None) -> Path:
    """Return where this machine keeps its keys and its memory."""
    return Path(home or os.environ.get("SOMABUS_HOME") or default_home()).absolute()


def new_writer() -> str:
    """Return a name that nobody else writes under."""
    return f"{os.getpid()}-{os.urandom(4).hex()}"


def _machine(home: Path) -> str:
    """A word for this machine and user: two with one home are one machine."""
    import uuid

    return f"{uuid.getnode():012x}-{uuid.uuid5(uuid.NAMESPACE_URL, str(home)).hex[:8]}"
