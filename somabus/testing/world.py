"""A whole bus with agents, for tests: in memory, or on any store that is handed in."""

import os
from pathlib import Path
from typing import Any

from somabus.agent import Agent
from somabus.connection import Connection
from somabus.model.bus import BUS_FILE, Bus, BusPolicy
from somabus.model.ids import IdMaker
from somabus.model.signing import Signer
from somabus.store.memory import MemoryStore
from somabus.store.port import Store
from somabus.testing.clock import HandClock


class World:
    """One bus, one clock, and for each agent a key and a home that outlive its crashes.

    Args:
        store: where the bus lies; in memory if none is given.
        clock: turned by hand; the bus in memory goes by it.
        policy: what holds on this bus.
    """

    def __init__(
        self, store: Store | None = None, clock: HandClock | None = None, policy: BusPolicy | None = None
    ) -> None:
        self.clock = clock or HandClock()
        self.store: Store = store or MemoryStore(self.clock.now)
        self.bus = Bus(
            bus=IdMaker(os.urandom).make(self.clock.now()),
            created_at=self.clock.now(),
            policy=policy or BusPolicy(),
        )
        self.store.create(BUS_FILE, self.bus.to_json())
        self.homes: dict[str, MemoryStore] = {}
        self.signers: dict[str, Signer] = {}

    def connection(
        self, name: str, *, store: Store | None = None, home: Store | None = None, machine: str = "here"
    ) -> Connection:
        """Return what an agent of that name stands on: its own key and home, on this bus."""
        self.homes.setdefault(name, MemoryStore(self.clock.now))
        self.signers.setdefault(name, Signer(os.urandom(32)))
        return Connection(
            store=store or self.store,
            home=home or self.homes[name],
            forgettable=home or self.homes[name],
            bus=self.bus,
            signer=self.signers[name],
            clock=self.clock,
            machine=machine,
            drive=Path(),
            home_path=Path(),
        )

    def agent(
        self,
        name: str,
        *,
        store: Store | None = None,
        home: Store | None = None,
        machine: str = "here",
        **declared: Any,
    ) -> Agent:
        """Return an agent; calling again is the same agent in a new process."""
        return Agent(name, self.connection(name, store=store, home=home, machine=machine), **declared)
