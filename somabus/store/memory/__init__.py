"""The reference store, in memory: the promises in their plainest form."""

from somabus.store.memory.store import MemoryStore

__all__ = ["MemoryStore"]
