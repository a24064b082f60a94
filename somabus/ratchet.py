"""What may never go back: a numbered document that an operator signs and replaces whole.

The highest number that this agent has seen holds, whatever the drive shows later: an older one put back, one that
nobody signed, or none at all. The memory lies in the agent's own home.
"""

from collections.abc import Callable
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from somabus.errors import DocumentTooLargeError, MessageError, StoreDamagedError, StoreRefusedError, TrustError
from somabus.store.port import Store

_SEEN: Final = "seen"


class Numbered(Protocol):
    """A value with a number."""

    @property
    def number(self) -> int:
        """What may never go back."""


T = TypeVar("T", bound=Numbered)


class Reading(NamedTuple, Generic[T]):
    """What holds now; `fault` says why that is not what the drive shows, and `raw` is what it shows.

    `number` is the highest ever seen, whoever signed it.
    """

    value: T | None
    fault: str = ""
    raw: bytes | None = None
    number: int = 0


class _Known(NamedTuple, Generic[T]):
    """What was seen last: its bytes, its number, and its value as long as its signer counts."""

    raw: bytes
    number: int
    value: T | None
    epoch: int


class Ratchet(Generic[T]):
    """Reads numbered documents of one type.

    Args:
        store: the bus.
        home: this agent's own memory.
        parsed: returns the value of bytes, whoever signed them; raises MessageError or TrustError.
        opened: the same, and verifies who signed them.
        epoch: changes when the operators change, and with them who may sign.
    """

    def __init__(
        self,
        store: Store,
        home: Store,
        *,
        parsed: Callable[[bytes], T],
        opened: Callable[[bytes], T],
        epoch: Callable[[], int],
    ) -> None:
        self._store = store
        self._home = home
        self._parsed = parsed
        self._opened = opened
        self._epoch = epoch
        self._known: dict[str, _Known[T]] = {}

    def seen(self, prefix: str) -> list[str]:
        """Return the keys below a prefix that were ever seen."""
        return [f"{prefix}/{name}" for name in self._home.list(f"{_SEEN}/{prefix}")]

    def read(self, key: str) -> Reading[T]:
        """Return what holds under a key.

        Raises:
            StoreUnavailableError: could not look.
        """
        known = self._remembered(key)
        reading = self._read(key, known)
        seen = max(known.number if known else 0, reading.value.number if reading.value else 0)
        return reading._replace(number=seen)

    def _read(self, key: str, known: _Known[T] | None) -> Reading[T]:
        value = None if known is None else known.value
        try:
            raw = self._store.read(key)
            if raw is None and known is not None and self._listed(key):
                raw = self._store.read(key, listed=True)  # being replaced just now
        except (StoreDamagedError, StoreRefusedError, DocumentTooLargeError) as error:
            return Reading(value, str(error))
        if raw is None:
            return Reading(value, "" if known is None else f"{key} was removed; number {known.number} was seen before")
        if known is not None and known.raw == raw:
            gone = "" if value is not None else f"{key}: who signed it is no operator of this bus any more"
            return Reading(value, gone, raw)
        try:
            found = self._opened(raw)
        except (TrustError, MessageError) as error:
            return Reading(value, f"{key}: {error}", raw)
        if known is not None and found.number <= known.number:
            old = "put back" if found.number < known.number else "put beside another of that number"
            return Reading(value, f"{key}: number {found.number} was {old}; number {known.number} was seen before", raw)
        self._home.replace(f"{_SEEN}/{key}", raw)
        self._known[key] = _Known(raw, found.number, found, self._epoch())
        return Reading(found, raw=raw)

    def _listed(self, key: str) -> bool:
        folder, _, name = key.rpartition("/")
        return name in self._store.list(folder)

    def _remembered(self, key: str) -> _Known[T] | None:
        known, epoch = self._known.get(key), self._epoch()
        # Another process of this agent may have seen a later one.
        raw = self._home.read(f"{_SEEN}/{key}")
        if raw is None:
            return None
        if known is None or known.epoch != epoch or known.raw != raw:
            known = self._known[key] = self._recalled(raw, epoch)
        return known

    def _recalled(self, raw: bytes, epoch: int) -> _Known[T]:
        """Take up what was remembered; what cannot be read there any more is met anew."""
        try:
            number = self._parsed(raw).number
        except (TrustError, MessageError):
            return _Known(raw, 0, None, epoch)
        try:
            return _Known(raw, number, self._opened(raw), epoch)
        except (TrustError, MessageError):
            return _Known(raw, number, None, epoch)  # who signed it has gone; its number counts all the same
