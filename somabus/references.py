"""References: what a message refers to must be there when it is written.

A post is named by its address, `arc:wiki#17`, or `#17` within its own channel; all else by its id. What is found is
not judged but for its kind: a reader judges for itself.
"""

from typing import Final, NamedTuple

from somabus.errors import (
    DocumentTooLargeError,
    MalformedMessageError,
    MessageError,
    ReferenceNotFoundError,
    StoreDamagedError,
)
from somabus.log import Log
from somabus.model import tree
from somabus.model.address import Address, parse_address
from somabus.model.envelope import split
from somabus.model.ids import is_id
from somabus.model.message import Message
from somabus.registry import Registry
from somabus.store.port import Store
from somabus.trace import Tracer

_KINDS: Final[dict[str, str | None]] = {
    "reply_to": None, "supersedes": None, "post": None, "message": None, "claim": "claim", "brief": "brief",
    "question": "question", "goal": "goal", "goal_id": "goal",
}  # fmt: skip
"""The references there are, and of which kind that must be to which each points, where that matters."""


class Checked(NamedTuple):
    """References as they are written down, and the message that `reply_to` names."""

    refs: dict[str, str]
    parent: Message | None


class References:
    """Looks on behalf of one agent."""

    def __init__(self, store: Store, me: str, registry: Registry) -> None:
        self._store = store
        self._me = me
        self._registry = registry
        self._tracer = Tracer(store)

    def check(self, refs: dict[str, str], *, channel: str | None = None) -> Checked:
        """Return the references with whole addresses.

        Args:
            refs: what to look for, by name.
            channel: where a bare `#17` belongs.

        Raises:
            ReferenceNotFoundError: one points at nothing; it carries the name and the value.
            MalformedMessageError: no reference has such a name.
        """
        unknown = sorted(set(refs) - set(_KINDS))
        if unknown:
            known = ", ".join(_KINDS)
            raise MalformedMessageError(f"refs.{unknown[0]} is no reference that is known; there are {known}")
        found = {name: self._checked(name, value, channel) for name, value in refs.items()}
        parent = found["reply_to"][1] if "reply_to" in found else None
        return Checked({name: value for name, (value, _) in found.items()}, parent)

    def _checked(self, name: str, value: str, channel: str | None) -> tuple[str, Message | None]:
        wanted = _KINDS[name]
        if not isinstance(value, str):
            raise ReferenceNotFoundError(f"refs.{name}", str(value))
        if wanted == "goal":
            if not is_id(value) or self._store.read(tree.goal(value), listed=False) is None:
                raise ReferenceNotFoundError(f"refs.{name}", value)
            return value, None
        address = parse_address(value, channel)
        found = self.post(address) if address else self._mail(value)
        if found is None or (wanted is not None and found.kind != wanted):
            raise ReferenceNotFoundError(f"refs.{name}", value)
        return str(address or value), found

    def post(self, address: Address) -> Message | None:
        """Return the message that stands at an address, without verifying it, or None."""
        log = Log(self._store, tree.channel(address.channel))
        if address.number not in log.after(address.number - 1, 1):  # a listing: it may have been looked for too early
            return None
        try:
            raw = log.read(address.number)
            return None if raw is None else Message.decode(split(raw).body)
        except (MessageError, StoreDamagedError, DocumentTooLargeError):
            return None

    def _mail(self, message_id: str) -> Message | None:
        """Return a message of an id: this agent's own first, then whosever box it lies in."""
        if not is_id(message_id):
            return None
        others = sorted(self._registry.names() - {self._me})
        return next((found for name in (self._me, *others) if (found := self._tracer.read(name, message_id))), None)
