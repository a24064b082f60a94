"""The store on NATS JetStream."""

from somabus.store.nats.link import Link
from somabus.store.nats.store import NatsStore

__all__ = ["Link", "NatsStore"]
