"""The operator's desk: the bus and a human's own key on this machine, opened together.

It is to an operator what `connect` is to an agent. The key never touches the bus.
"""

import os
from collections.abc import Callable

from somabus.clock import Clock, SystemClock
from somabus.connection import base_of, known, new_writer
from somabus.errors import ConfigurationError, KeyExistsError, MessageError
from somabus.home import Places, check_private, operator_home, operators_here
from somabus.model.bus import Bus
from somabus.model.names import check_name
from somabus.model.signing import SEED_BYTES, Signer
from somabus.operator.people import rotate
from somabus.operator.seat import Seat, take_seat
from somabus.safe import KeyFile, make_key, read_key, unlock
from somabus.site import open_site
from somabus.store.directory import DirectoryStore
from somabus.store.memory import MemoryStore
from somabus.store.port import Store

_KEY = "key"
_NEXT = "key.next"


class Desk:
    """Where an operator's key lies, before it is unlocked.

    Args:
        path: the bus.
        home: where this machine keeps its keys; must not be on the bus.
        clock: another clock, for tests.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, home: str | os.PathLike[str] | None = None, clock: Clock | None = None
    ) -> None:
        self._base, self._writer = base_of(home), new_writer()
        self._homes: dict[str, DirectoryStore] = {}
        self._clock = clock or SystemClock()
        site = open_site(path, self._base, self._writer, clock=clock)
        self.store = site.store
        self.bus: Bus = known(site, Places(self._base, self._writer))

    def names(self) -> list[str]:
        """Return the operators whose keys lie on this machine."""
        return operators_here(self._base, self.bus.bus)

    def new_key(self, name: str, passphrase: str | None) -> KeyFile:
        """Make an operator's key on this machine; None for the passphrase leaves it plain.

        Raises:
            ConfigurationError: there is one of that name; it is untouched.
        """
        home = self._home(check_name(name))
        try:
            home.create(_KEY, make_key(name, passphrase, os.urandom))
        except KeyExistsError:
            message = f"the key of {name} is on this machine already, and was left as it is"
            raise ConfigurationError(message) from None
        return self.key(name)

    def key(self, name: str | None = None) -> KeyFile:
        """Return what a key file says of itself.

        Raises:
            ConfigurationError: there is none, or several and none was named; or others can read it.
        """
        home = self._home(self._only(name))
        check_private(home)
        try:
            return read_key(home.read(_KEY) or b"")
        except MessageError as error:
            message = f"the key file {home.root}/{_KEY} is damaged ({error}); bring back a copy of it"
            raise ConfigurationError(message) from error

    def sit(self, passphrase: Callable[[], str], name: str | None = None) -> Seat:
        """Unlock the key and take the seat.

        Raises:
            ConfigurationError: there is no such key here, or the passphrase is wrong.
            TrustError: the bus is not what its operators signed.
        """
        file = self.key(name)
        return self._seat(file.operator, unlock(file, passphrase))

    def look(self, name: str | None = None) -> Seat:
        """Take a seat to look from, without a passphrase: it signs nothing that anybody believes."""
        here = self.names()
        who = name or (here[0] if len(here) == 1 else "")
        home: Store = self._home(who) if who in here else MemoryStore(self.store.now)
        return self._seat(who or "reader", Signer(os.urandom(SEED_BYTES)), home, tells=False)

    def rotate(self, passphrase: Callable[[], str], name: str | None = None) -> KeyFile:
        """Give the operator a new key, locked as the old one is; cut off, it goes on where it was."""
        file = self.key(name)
        home, said = self._home(file.operator), passphrase() if file.locked else None
        seat = self._seat(file.operator, unlock(file, lambda: said or ""))
        if home.read(_NEXT) is None:
            home.create(_NEXT, make_key(file.operator, said, os.urandom))
        new = unlock(read_key(home.read(_NEXT) or b""), lambda: said or "")

        def promote() -> None:
            home.replace(_KEY, home.read(_NEXT) or b"")
            home.delete(_NEXT)

        rotate(seat, new, promote)
        return self.key(file.operator)

    def _only(self, name: str | None) -> str:
        here = self.names()
        if name in here:
            return name
        ruling = [each for each in here if each in {operator.name for operator in self.bus.operators}]
        if name is None and len(ruling) == 1:
            return ruling[0]  # a key that waits to be admitted is in nobody's way
        if name is None and len(here) == 1:
            return here[0]
        if not here or name is not None:
            who = f"of {name} " if name else ""
            message = f"no operator's key {who}for this bus lies on this machine; make one with: somabus operator init"
            raise ConfigurationError(message)
        message = f"several operators have keys on this machine ({', '.join(here)}); say which with --as NAME"
        raise ConfigurationError(message)

    def _home(self, name: str) -> DirectoryStore:
        # One store a home: what one of two under the same writer's name tidies away, the other is writing.
        if name not in self._homes:
            self._homes[name] = operator_home(self._base, self.bus.bus, name, self._writer)
        return self._homes[name]

    def _seat(self, name: str, signer: Signer, home: Store | None = None, *, tells: bool = True) -> Seat:
        return take_seat(
            store=self.store, home=home or self._home(name), bus=self.bus, name=name, signer=signer, entropy=os.urandom,
            now=self.store.now, monotonic=self._clock.monotonic, tells=tells,
        )  # fmt: skip
