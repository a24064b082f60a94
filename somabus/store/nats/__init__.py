"""The store on NATS JetStream: a bus for machines that share no drive. It needs the extra `somabus[nats]`."""

from somabus.store.nats.address import open_store
from somabus.store.nats.link import Link
from somabus.store.nats.store import NatsStore

__all__ = ["Link", "NatsStore", "open_store"]
