"""What may never go back: a numbered document that an operator signs and replaces whole.

The highest number that this agent has seen holds, whatever the drive shows later: an older one put back, one that
nobody signed, or none at all. The memory lies in the agent's own home.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from somabus.errors import DocumentTooLargeError, MessageError, StoreDamagedError, TrustError
from somabus.store.port import Store

_SEEN: Final = "seen"


class Numbered(Protocol):
    """A value with a number."""

    @property
    def number(self) -> int:
        """What may never go back."""


T = TypeVar("T", bound=Numbered)


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """What holds now; `fault` says why that is not what the drive shows, and `raw` is what it shows."""

    value: T | None
    fault: str = ""
    raw: bytes | None = None


class Ratchet(Generic[T]):
    """Reads numbered documents of one type.

    Args:
        store: the bus.
        home: this agent's own memory.
        opened: verifies bytes and returns the value; raises TrustError or MessageError.
    """

    def __init__(self, store: Store, home: Store, opened: Callable[[bytes], T]) -> None:
        self._store = store
        self._home = home
        self._opened = opened
        self._known: dict[str, tuple[bytes, T]] = {}

    def seen(self, prefix: str) -> list[str]:
        """Return the keys below a prefix that were ever seen."""
        return [f"{prefix}/{name}" for name in self._home.list(f"{_SEEN}/{prefix}")]

    def read(self, key: str) -> Reading[T]:
        """Return what holds under a key.

        Raises:
            StoreUnavailableError: could not look.
        """
        known = self._remembered(key)
        value = None if known is None else known[1]
        try:
            raw = self._store.read(key, listed=known is not None)
        except (StoreDamagedError, DocumentTooLargeError) as error:
            return Reading(value, str(error))
        if raw is None:
            return Reading(value, "" if value is None else f"{key} was removed; number {value.number} holds")
        if known is not None and known[0] == raw:
            return Reading(value, raw=raw)
        try:
            found = self._opened(raw)
        except (TrustError, MessageError) as error:
            return Reading(value, f"{key}: {error}", raw)
        if value is not None and found.number <= value.number:
            old = "put back" if found.number < value.number else "put beside another of that number"
            return Reading(value, f"{key}: number {found.number} was {old}; number {value.number} holds", raw)
        self._home.replace(f"{_SEEN}/{key}", raw)
        self._known[key] = (raw, found)
        return Reading(found, raw=raw)

    def _remembered(self, key: str) -> tuple[bytes, T] | None:
        if key not in self._known:
            raw = self._home.read(f"{_SEEN}/{key}")
            if raw is None:
                return None
            try:
                self._known[key] = (raw, self._opened(raw))
            except (TrustError, MessageError):
                return None  # an operator who has gone signed it; what holds now was signed anew
        return self._known[key]
