"""somabus as a contender: signed on the default bus, and unsigned on an `open` one."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from somabus import Agent, Delivery, Draft, create_bus
from somabus.errors import ConfigurationError
from tests.bench.queues.contender import Contender
from tests.bench.row import Guarantees

TO = "consumer"


class Bus:
    """A bus as a queue: the role is the agent's name, and all mail goes to the agent `consumer`.

    The brake on floods is as by default; a work that sends more than that in an hour makes its bus before.
    """

    def __init__(self, folder: Path, role: str, durability: str, *, signed: bool) -> None:
        where, home = folder / "bus", folder / "home"
        with suppress(ConfigurationError):  # it is there already
            create_bus(where, policy="pinned" if signed else "open", home=home)
        if role != TO:
            Agent(TO, where, home=home, durability=durability)
        self.agent = Agent(role, where, home=home, durability=durability)
        self._waiting: Iterator[Delivery] = iter(())
        if not signed:
            leave_unsigned(self.agent)

    def send(self, body: bytes) -> None:
        """Send."""
        self.agent.send(TO, body.decode())

    def send_many(self, bodies: Sequence[bytes]) -> None:
        """Send as one group commit."""
        self.agent.send_many([Draft(TO, body.decode()) for body in bodies])

    def receive(self) -> bytes | None:
        """Claim, read, verify and acknowledge the next of a drain; drain anew once it has ended."""
        delivery = next(self._waiting, None)
        if delivery is None:
            self._waiting = self.agent.inbox.drain()
            delivery = next(self._waiting, None)
        if delivery is None:
            return None
        delivery.ack()
        return delivery.message.body.encode()

    def close(self) -> None:
        """End the drain."""
        self._waiting = iter(())


def leave_unsigned(agent: Agent) -> None:
    """Let an agent send as a foreign program without a key does, which an `open` bus acts on."""
    agent._services.composer._bytes = lambda message: message.encode()


def _bus(durability: str, *, signed: bool) -> Contender:
    return Contender(
        f"somabus, {'signed' if signed else 'unsigned'}, {durability}", durability,
        partial(Bus, durability=durability, signed=signed),
        Guarantees("yes", "yes" if durability == "full" else "no", "yes", "yes"), file_each=True, batches=True,
    )  # fmt: skip


CONTENDERS = tuple(_bus(durability, signed=signed) for durability in ("none", "full") for signed in (False, True))
