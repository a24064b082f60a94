"""Where a bus lies: a shared folder, or a stream of a NATS server. The only place that chooses between stores.

X:/soma_network                    a folder; on a network mount each call has a deadline
nats://10.0.0.7:4222/soma          the stream `soma`; several servers with commas, `tls://` for TLS
nats://127.0.0.1:4222/soma@hub     the stream `soma` of the domain `hub`, through a leaf node
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TypeVar

from somabus.clock import Clock
from somabus.errors import (
    ConfigurationError,
    IsACopyError,
    NotABusError,
    SomabusError,
    StoreError,
    StoreUnavailableError,
)
from somabus.home import Drives, Places, check_apart
from somabus.model import remote
from somabus.model.bus import BUS_FILE, COPY_FILE
from somabus.store.directory import DirectoryStore
from somabus.store.directory.mount import mount_of
from somabus.store.port import Store

if TYPE_CHECKING:
    from somabus.store.deadline import Deadline
    from somabus.store.nats import NatsStore
    from somabus.store.nats.facts import Facts

T = TypeVar("T")
_NEEDS: Final = (
    "a bus on a NATS server needs an extra: pip install 'somabus[nats]', or from a checkout pip install '.[nats]'"
)


class Ask(Protocol):
    """Makes a call that may touch the drive, by itself or with a deadline."""

    def __call__(self, call: Callable[[], T], what: str) -> T:
        """Return what the call returns.

        Raises:
            StoreUnavailableError: the drive does not answer.
        """


def at_once(call: Callable[[], T], what: str) -> T:  # noqa: ARG001 - a local drive does not hang
    """Make a call by itself."""
    return call()


class Site(NamedTuple):
    """Where a bus lies: what it is remembered as, its store, and the folder if it is one.

    `ask`: makes calls beside the store's own that touch the same drive. `check`: asks a server what it has there.
    `facts`: asks it how it does; a drive cannot be asked.
    """

    address: str
    store: Store
    drive: Path | None = None
    ask: Ask = at_once
    check: Callable[[], None] = lambda: None
    facts: "Callable[[], Facts] | None" = None

    def may_hold_a_bus(self) -> bool:
        """Tell whether a bus that cannot be read may be there all the same: its drive or its server may be away.

        Raises:
            NotABusError: the server answers, and has none, or a copy lies there.
            ConfigurationError: the server has something else.
        """
        if self.drive is None:
            self.check()
        with suppress(StoreError):
            if self.store.read(COPY_FILE) is not None:
                raise IsACopyError(self.address)
        if self.drive is None:
            return True
        folder = self.drive
        with suppress(OSError):  # a mount whose server is away cannot even be looked at
            return not self.ask(lambda: not folder.exists() or folder.is_dir(), self.address)
        return True


def new_ground(where: str | os.PathLike[str], writer: str) -> "DirectoryStore | NatsStore":
    """Return the store in which a new bus may be made: a folder as it is, or a stream that is made if it is missing.

    Raises:
        ConfigurationError: a foreign stream has the name, here or at a server that is joined to this one.
        StoreError: the server does not answer.
    """
    if not is_remote(where):
        return DirectoryStore(os.fspath(where), writer=writer)
    store = _nats(str(where), None)
    try:
        store.claim()
    except SomabusError:
        store.close()
        raise
    return store


def lies_at(where: str | os.PathLike[str], writer: str) -> bool:
    """Tell whether a bus lies there; nothing is made.

    Raises:
        IsACopyError: a copy of a bus lies there. ConfigurationError: a foreign stream has the name.
        StoreError: the server does not answer.
    """
    if not is_remote(where):
        return _holds_a_bus(DirectoryStore(os.fspath(where), writer=writer), where)
    store = _nats(str(where), None)
    try:
        store.check()
    except NotABusError:
        return False
    else:
        return _holds_a_bus(store, where)
    finally:
        store.close()


def _holds_a_bus(store: Store, where: str | os.PathLike[str]) -> bool:
    if store.read(COPY_FILE) is not None:
        raise IsACopyError(address_of(where))
    return store.read(BUS_FILE) is not None


@contextmanager
def scratch(where: str, kind: str, *, keep: bool = False) -> "Iterator[tuple[str, NatsStore]]":
    """Yield a new stream on a server, as address and store; it is removed at the end, or kept.

    The address may name a stream of that server, or none.

    Raises:
        StoreError: the server does not answer, or lets us make none.
    """
    address = remote.with_stream(where, f"{kind}-{os.urandom(6).hex()}")
    store = _nats(address, None)
    store.make()
    try:
        yield address, store
    finally:
        if not keep:
            store.stream.drop()
        store.close()


def address_of(where: str | os.PathLike[str]) -> str:
    """Return what a bus is remembered as: an absolute path, or an address without user and password."""
    return remote.shown(str(where)) if is_remote(where) else str(Path(where).absolute())


def is_remote(where: str | os.PathLike[str]) -> bool:
    """Tell whether a bus lies on a server."""
    return remote.is_remote(str(where))


def check_separate(one: str, other: str) -> None:
    """Make sure that of two places neither lies in the other: a copy in there would be copied, too, for ever.

    Raises:
        ConfigurationError: it does.
    """
    here, there = address_of(one), address_of(other)
    if here != there and (is_remote(one) or is_remote(other)):
        return
    if here == there or _lies_in(Path(here), Path(there)) or _lies_in(Path(there), Path(here)):
        message = f"{here} and {there} lie in one another; nothing was copied: choose a place apart"
        raise ConfigurationError(message)


def _lies_in(inner: Path, outer: Path) -> bool:
    with suppress(OSError):  # what cannot be looked at cannot be copied, and tells so itself
        inner = inner.resolve()
        return outer.exists() and any(each.exists() and each.samefile(outer) for each in (inner, *inner.parents))
    return False


def open_site(
    where: str | os.PathLike[str], base: Path, writer: str, *, durability: str = "full", clock: Clock | None = None
) -> Site:
    """Open the place of a bus; nothing is written, and on a server nobody is called yet.

    Args:
        where: the folder, or the server's address.
        base: this machine's home; a folder that is a bus must not hold it.
        writer: a word that no other process uses.
        durability: what a power cut may take; a server has its own.
        clock: another clock than the store's, for tests.

    Raises:
        ConfigurationError: a setting is wrong, or the home lies on the bus.
        StoreUnavailableError: the drive does not answer.
    """
    now = clock.now if clock else None
    return _remote(str(where), now) if is_remote(where) else _folder(where, base, writer, durability, now)


def _remote(where: str, now: Any) -> Site:
    store = _nats(where, now)
    store.only_with(BUS_FILE)
    from somabus.store.nats.facts import facts_of  # once it is known that the extra is there

    return Site(address_of(where), store, check=store.check, facts=lambda: facts_of(store.stream))


def _nats(where: str, now: Any) -> "NatsStore":
    try:
        import nats  # noqa: F401 - is the extra there?
    except ImportError as error:
        raise ConfigurationError(_NEEDS) from error
    from somabus.store.nats import open_store

    return open_store(where, os.environ, now=now)


def _folder(where: str | os.PathLike[str], base: Path, writer: str, durability: str, now: Any) -> Site:
    root = Path(where).absolute()
    deadline = _deadline() if mount_of(root).network else None
    ask: Ask = at_once if deadline is None else deadline.ask
    try:
        ask(lambda: check_apart(base, root), str(root))
    except StoreUnavailableError:
        if Places(base, writer).recall(str(root)) is None:  # a bus that was seen there before was apart
            raise
    try:
        disk = DirectoryStore(
            str(root), writer=writer, marker=BUS_FILE, durability=durability, now=now,
            drive=Drives(base, writer).recall(str(root)),
        )  # fmt: skip
    except ValueError:
        message = f"durability {durability!r} is none of full, file, none"
        raise ConfigurationError(message) from None
    store: Store = disk if deadline is None else _with_deadline(disk, deadline)
    return Site(str(root), store, root, ask)


def _deadline() -> "Deadline":
    from somabus.store.deadline import Deadline  # local drives, which do not hang, need none

    return Deadline()


def _with_deadline(disk: DirectoryStore, deadline: "Deadline") -> Store:
    from somabus.store.deadline import DeadlineStore

    def close(last: Callable[[], None]) -> None:
        with suppress(StoreUnavailableError, RuntimeError):  # no thread can be begun when the interpreter ends
            deadline.ask(last, "tmp")

    disk.closing(close)
    return DeadlineStore(disk, deadline)
