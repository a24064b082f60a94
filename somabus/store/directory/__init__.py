"""The default store: a directory, local or on a network drive, shared by any number of machines."""

from somabus.store.directory.store import DirectoryStore, Durability

__all__ = ["DirectoryStore", "Durability"]
