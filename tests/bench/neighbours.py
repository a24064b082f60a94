"""Neighbours: agents that have joined a bus and have beaten just now, made without starting them."""

import os
from datetime import timedelta
from pathlib import Path

from somabus.model import tree
from somabus.model.bus import Bus
from somabus.model.card import Card
from somabus.model.envelope import Seal, seal_body
from somabus.model.heartbeat import Beat, Heartbeat, Outcome
from somabus.model.signing import Signer, to_text
from somabus.store.directory import DirectoryStore

_EVERY_S = 21_600.0


class Neighbours:
    """So many agents on one bus, each with a genuine card and heartbeat."""

    def __init__(self, where: Path, bus: Bus, count: int) -> None:
        self._store = DirectoryStore(str(where), writer="neighbours", durability="none")
        self._bus = bus.bus
        self._number = 1
        self._signers = {f"neighbour-{number}": Signer(os.urandom(32)) for number in range(count)}
        now = self._store.now()
        for name, signer in self._signers.items():
            key = to_text(signer.public_key)
            card = Card(bus=self._bus, name=name, public_key=key, joined_at=now, cadence="6h", every_s=_EVERY_S)
            self._store.create(tree.card(name), seal_body(card.to_json(), Seal.CARD, signer.sign))
            self.beat(name, self._number)

    def beat_all(self) -> None:
        """Let each of them beat once more."""
        self._number += 1
        for name in self._signers:
            self.beat(name, self._number)

    def beat(self, name: str, number: int) -> None:
        """Let one of them beat."""
        now = self._store.now()
        heartbeat = Heartbeat(
            bus=self._bus, agent=name, written_at=now, every_s=_EVERY_S, next_due_at=now + timedelta(hours=6),
            beat=Beat(number=number, due_at=now, started_at=now, finished_at=now, outcome=Outcome.OK),
        )  # fmt: skip
        sign = self._signers[name].sign
        self._store.replace(tree.heartbeat(name), seal_body(heartbeat.to_json(), Seal.HEARTBEAT, sign))
