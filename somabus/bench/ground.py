"""Where the bench builds its bus: a scratch folder on a drive, or a scratch stream on a server; gone at the end."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from somabus.bench.bare import Bare
from somabus.model.bus import BUS_FILE
from somabus.site import is_remote, scratch
from somabus.store.directory import DirectoryStore
from somabus.store.directory.trouble import translate
from somabus.store.port import Store

if TYPE_CHECKING:
    from somabus.bench.bareserver import BareServer


class Ground(NamedTuple):
    """A place for a bus. `bare` makes the bare works beside it; `inbox` is where they let something arrive in a box."""

    bus: str
    store: Store
    bare: "Callable[[bytes], Bare | BareServer]"
    inbox: Callable[[str], str]

    @property
    def folder(self) -> Path | None:
        """The folder of the bus, if it is one."""
        return None if is_remote(self.bus) else Path(self.bus)


@contextmanager
def ground_on(where: str, durability: str) -> Iterator[Ground]:
    """Make one, and remove it.

    Raises:
        StoreError: the drive or the server is not there, or lets nobody write.
    """
    with _on_server(where) if is_remote(where) else _in_folder(where, durability) as ground:
        yield ground


@contextmanager
def _in_folder(where: str, durability: str) -> Iterator[Ground]:
    try:
        with TemporaryDirectory(prefix=".somabus-bench-", dir=where) as scratch:
            bus = os.path.join(scratch, "bus")
            with closing(DirectoryStore(bus, writer="bench", marker=BUS_FILE)) as store:
                yield Ground(
                    bus, store, lambda data: Bare(os.path.join(scratch, "bare"), data, durability),
                    lambda box: os.path.join(bus, *box.split("/")),
                )  # fmt: skip
    except OSError as error:
        raise translate(error, where) from error


@contextmanager
def _on_server(where: str) -> Iterator[Ground]:
    with scratch(where, "bench") as (bus, store):
        from somabus.bench.bareserver import BareServer  # once it is known that the extra is there

        name = store.stream.name
        yield Ground(
            bus, store, lambda data: BareServer(store.stream, data), lambda box: f"{name}.k.{box.replace('/', '.')}"
        )
