"""Operators and agents on one bus in memory: what the tests of the services begin with."""

import os

from somabus.model.bus import BUS_FILE
from somabus.model.signing import Signer
from somabus.operator.people import found
from somabus.operator.seat import take_seat
from somabus.store.memory import MemoryStore
from somabus.testing import World


class Told(list):
    """Takes note of what was refused: (component, detail)."""

    def __call__(self, component, episode, detail, evidence=None):
        """See `Tell`."""
        self.append((component, detail))


class Court:
    """A bus with the operator anna; more seats are taken by name."""

    def __init__(self, *agents, founded=True):
        self.world = World()
        self.store, self.clock = self.world.store, self.world.clock
        self.homes = {}
        self.signers = {}
        for name in agents:
            self.world.agent(name)
        if founded:
            found(self.seat("anna"))

    def home(self, name):
        """Return the memory of an operator or of a reader: it outlives its process."""
        return self.homes.setdefault(name, MemoryStore(self.clock.now))

    def seat(self, name="anna", *, store=None, home=None):
        """Take an operator's seat, as a new process does."""
        self.signers.setdefault(name, Signer(os.urandom(32)))
        return take_seat(
            store=store or self.store, home=home or self.home(name), bus=self.world.bus, name=name,
            signer=self.signers[name], entropy=os.urandom, now=self.clock.now, monotonic=self.clock.monotonic,
        )  # fmt: skip

    def put_back(self, key=BUS_FILE):
        """Remember what a key says now; calling the result puts it there again."""
        raw = self.store.read(key)
        return lambda: self.store.replace(key, raw)


def audited(store_or_seat, act):
    """Return the subjects of the audit's entries of an act, and make sure that the chain is whole."""
    entries = list(store_or_seat.audit.check())
    assert [each.fault for each in entries if each.fault] == []
    return [each.entry.subject for each in entries if each.entry.act == act]
