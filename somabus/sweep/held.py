"""What open things refer to: it stays, however old it is.

Open is all mail that waits, is delayed, is being handled or lies in the dead letters, of whomever. There may be more of
it than one step can read, so a pass goes on where the step before ended, and what it has found is kept at home. What
came since the pass began is read each time.
"""

from collections.abc import Iterator
from typing import Annotated, Final, Literal

from pydantic import Field

from somabus.errors import DocumentTooLargeError, MessageError, StoreDamagedError, StoreError, StoreRefusedError
from somabus.model import tree
from somabus.model.address import parse_address
from somabus.model.envelope import split
from somabus.model.ids import id_time, is_id
from somabus.model.message import Utc, Value
from somabus.model.slot import WHY, Slot, State
from somabus.model.sweeping import EVERY
from somabus.model.wire import parse_object
from somabus.registry import Registry
from somabus.store.port import Store
from somabus.sweep.area import Allowance

_KEPT: Final = "open.json"
_OPEN: Final = (State.INBOX, State.LATER, State.CLAIMED, State.DEAD)
_MOST: Final = 5000
_LONGEST: Final = 150  # of an address


class Pass(Value):
    """How far the look at open mail has come: behind the message at `mark`, or to the end, and what was found."""

    format: Literal[1] = 1
    began: Utc
    mark: str = ""
    whole: bool = False
    refers: tuple[Annotated[str, Field(max_length=_LONGEST)], ...] = Field(default=(), max_length=_MOST)


class Held:
    """Looks on behalf of one sweep."""

    def __init__(self, store: Store, home: Store, registry: Registry) -> None:
        self._store = store
        self._home = home
        self._registry = registry
        self._held: frozenset[str] | None = None

    def look(self, allowance: Allowance) -> frozenset[str] | None:
        """Return the ids and addresses that open things refer to; None if that is not known yet.

        It is not known before a pass has ended, and not where open things refer to more than can be kept.

        Raises:
            StoreUnavailableError: could not look.
        """
        if self._held is None:
            now, found = self._store.now(), self._kept()
            if found is None or not now - EVERY < found.began <= now:
                found = Pass(began=now)
            if not found.whole:
                found = self._go_on(found, allowance)
                self._home.replace(_KEPT, found.to_json())
            if not found.whole or len(found.refers) >= _MOST:
                return None
            fresh = (key for key, slot in self._open("") if id_time(slot.id) >= found.began)
            self._held = frozenset([*found.refers, *(each for key in fresh for each in self._refers(key))])
        return self._held

    def _go_on(self, found: Pass, allowance: Allowance) -> Pass:
        refers, mark = dict.fromkeys(found.refers), found.mark
        for key, _ in self._open(mark):
            if allowance.spent:
                return found.model_copy(update={"mark": mark, "refers": tuple(refers)[:_MOST]})
            refers |= dict.fromkeys(self._refers(key))
            mark = key
        return found.model_copy(update={"mark": mark, "whole": True, "refers": tuple(refers)[:_MOST]})

    def _open(self, mark: str) -> Iterator[tuple[str, Slot]]:
        """Yield the open mail whose place is behind a mark, in the order of the places."""
        for agent in sorted(self._registry.names()):
            for folder in sorted(tree.box(agent, state) for state in _OPEN):
                for name in self._names(folder) if f"{folder}0" > mark else ():  # "0" is the next letter behind "/"
                    slot = None if name.endswith(WHY) else Slot.parse(name)
                    if slot is not None and f"{folder}/{name}" > mark:
                        yield f"{folder}/{name}", slot

    def _names(self, folder: str) -> list[str]:
        try:
            return self._store.list(folder)
        except StoreDamagedError:
            return []  # something stands where a folder should be: no mail, so nothing open

    def _refers(self, key: str) -> list[str]:
        """Return the ids and addresses that a message refers to; one that cannot be read leads nobody anywhere."""
        try:
            raw = self._store.read(key)
            refs = {} if raw is None else parse_object(split(raw).body).get("refs")
        except (MessageError, StoreDamagedError, StoreRefusedError, DocumentTooLargeError):
            return []
        values = [each for each in refs.values() if isinstance(each, str)] if isinstance(refs, dict) else []
        return [each for each in values if is_id(each) or (len(each) <= _LONGEST and parse_address(each, "general"))]

    def _kept(self) -> Pass | None:
        try:
            raw = self._home.read(_KEPT)
            return None if raw is None else Pass.from_object(parse_object(raw))
        except (MessageError, StoreError):
            return None
