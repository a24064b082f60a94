"""A contender: a queue with a name, a class of durability and its guarantees."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from tests.bench.row import Guarantees

FLOORS: Final = {"none": "floor, none", "file": "floor, file", "full": "floor, full"}
"""The row that a class of durability is compared with."""


class Queue(Protocol):
    """What is asked of all of them. Bodies are ASCII: some carry bytes, some text."""

    def send(self, body: bytes) -> None:
        """Send one message; on return it is as durable as the class says."""

    def send_many(self, bodies: Sequence[bytes]) -> None:
        """Send several as one batch, where it has such a thing."""

    def receive(self) -> bytes | None:
        """Take the next message, and report it as handled; None when nothing waits."""

    def close(self) -> None:
        """End."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One of those who are measured.

    Args:
        name: as in the tables.
        durability: what is forced to the disk: nothing (`none`), the message's file (`file`), all of it (`full`).
        open: opens the queue in a folder, for a role: `consumer`, or `producer-<n>`.
        guarantees: what it gives.
        file_each: it writes a file a message.
        together: several processes may use one queue.
        batches: it has a batch of its own.
        needs: the package that must be installed.
    """

    name: str
    durability: str
    open: Callable[[Path, str], Queue]
    guarantees: Guarantees
    file_each: bool = False
    together: bool = True
    batches: bool = False
    needs: str | None = None

    @property
    def peer(self) -> bool:
        """Whether it is neither the floor nor somabus."""
        return not self.name.startswith(("floor", "somabus"))

    @property
    def base(self) -> str:
        """The row that it is compared with."""
        return FLOORS[self.durability]


class OneByOne:
    """For a queue that has no batch of its own."""

    def send_many(self, bodies: Sequence[bytes]) -> None:
        """Send one after the other."""
        for body in bodies:
            self.send(body)

    def close(self) -> None:
        """Leave the rest to the garbage collector."""
