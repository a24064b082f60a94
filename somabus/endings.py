"""How messages end: the names under which one is done, and the record beside a dead letter."""

from collections.abc import Iterable, Iterator

from somabus.errors import DocumentTooLargeError, MessageError, StoreDamagedError
from somabus.model import tree
from somabus.model.deadletter import DeadLetter
from somabus.model.slot import WHY, Event, State
from somabus.model.wire import parse_object
from somabus.store.port import Store


def done_keys(store: Store, agent: str, message_id: str, events: Iterable[Event]) -> Iterator[tuple[str, Event]]:
    """Yield the keys under which a message may be done, on the days that there are, latest first."""
    earliest = tree.earliest_end(message_id, store.now())
    for day in reversed(store.list(tree.box(agent, State.DONE))):
        if day < earliest:
            return
        for event in events:
            yield tree.done(agent, day, message_id, event), event


def read_why(store: Store, agent: str, name: str) -> DeadLetter | None:
    """Return the record beside a dead letter, or None if there is none or it cannot be read."""
    try:
        raw = store.read(f"{tree.box(agent, State.DEAD)}/{name}{WHY}")
        if raw is None:
            return None
        # The record is not signed: under which name it was found is certain, what it says of that is not.
        return DeadLetter.from_object(parse_object(raw)).model_copy(update={"file": name})
    except (MessageError, StoreDamagedError, DocumentTooLargeError):
        return None
