"""What open things refer to: it stays, however old it is.

Open is all mail that waits, is delayed, is being handled or lies in the dead letters, of whomever. A message never
changes, so what it refers to is read once and kept at home.
"""

from typing import Final

from pydantic import Field

from somabus.errors import DocumentTooLargeError, MessageError, StoreDamagedError, StoreError
from somabus.model import tree
from somabus.model.envelope import split
from somabus.model.message import Value
from somabus.model.slot import WHY, Slot, State
from somabus.model.wire import parse_object
from somabus.registry import Registry
from somabus.store.port import Store
from somabus.sweep.area import Allowance

_KEPT: Final = "open.json"
_OPEN: Final = (State.INBOX, State.LATER, State.CLAIMED, State.DEAD)
_MOST_KEPT: Final = 10_000


class Known(Value):
    """What open messages refer to, by their ids."""

    refers: dict[str, tuple[str, ...]] = Field(default_factory=dict)


class Held:
    """Looks once a sweep."""

    def __init__(self, store: Store, home: Store, registry: Registry) -> None:
        self._store = store
        self._home = home
        self._registry = registry
        self._held: frozenset[str] | None = None

    def look(self, allowance: Allowance) -> frozenset[str] | None:
        """Return the ids and addresses that open things refer to; None if the allowance ends first.

        Raises:
            StoreUnavailableError: could not look.
        """
        if self._held is None:
            known = self._known()
            found: dict[str, tuple[str, ...]] = {}
            whole = self._collect(known, found, allowance)
            if found != known:
                self._home.replace(_KEPT, Known(refers=dict(list(found.items())[:_MOST_KEPT])).to_json())
            if not whole:
                return None
            self._held = frozenset(each for refers in found.values() for each in refers)
        return self._held

    def _collect(
        self, known: dict[str, tuple[str, ...]], found: dict[str, tuple[str, ...]], allowance: Allowance
    ) -> bool:
        for agent in sorted(self._registry.names()):
            for state in _OPEN:
                folder = tree.box(agent, state)
                for name in _names(self._store, folder):
                    slot = Slot.parse(name)
                    if slot is None or name.endswith(WHY):
                        continue
                    if slot.id not in known and allowance.spent:
                        found |= {each: refers for each, refers in known.items() if each not in found}
                        return False
                    found[slot.id] = known[slot.id] if slot.id in known else self._refers(f"{folder}/{name}")
        return True

    def _refers(self, key: str) -> tuple[str, ...]:
        try:
            raw = self._store.read(key)
            refs = {} if raw is None else parse_object(split(raw).body).get("refs")
        except (MessageError, StoreDamagedError, DocumentTooLargeError):
            return ()  # nobody can follow a reference that cannot be read
        values = refs.values() if isinstance(refs, dict) else ()
        return tuple(each for each in values if isinstance(each, str))

    def _known(self) -> dict[str, tuple[str, ...]]:
        try:
            raw = self._home.read(_KEPT)
            return {} if raw is None else Known.from_object(parse_object(raw)).refers
        except (MessageError, StoreError):
            return {}


def _names(store: Store, folder: str) -> list[str]:
    try:
        return store.list(folder)
    except StoreDamagedError:
        return []  # something stands where a folder should be: no mail, so nothing open
