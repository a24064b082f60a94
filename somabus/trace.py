"""Finding a message: where is it now, in whose hands, and with what end.

It looks by listing; a message that moves while it is looked for is looked for once more.
"""

from typing import NamedTuple

from somabus.endings import done_keys, read_why
from somabus.errors import DocumentTooLargeError, MessageError, StoreDamagedError
from somabus.model import tree
from somabus.model.envelope import split
from somabus.model.ids import from_milliseconds, is_id
from somabus.model.message import Message
from somabus.model.receipt import Trace, Whereabouts
from somabus.model.slot import WHY, Event, Slot, State, done_event
from somabus.store.port import Store

_LIVING = (State.INBOX, State.LATER, State.CLAIMED, State.DEAD)
_ENDS = {
    Event.ACK: Whereabouts.DONE,
    Event.EXPIRE: Whereabouts.EXPIRED,
    Event.WITHDRAW: Whereabouts.WITHDRAWN,
    Event.DUPLICATE: Whereabouts.DONE,
}


class Found(NamedTuple):
    """A message's place; `slot` is None for one that is done."""

    agent: str
    state: State
    folder: str
    name: str
    slot: Slot | None

    @property
    def key(self) -> str:
        """Where to read it."""
        return f"{self.folder}/{self.name}"


class Tracer:
    """Looks through an agent's folders for one id."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, agent: str, message_id: str) -> Found | None:
        """Return where the message lies, or None if none of the agent's folders shows it."""
        if not is_id(message_id):
            return None
        for _ in range(2):  # Race: it may step from a folder not looked at yet into one that was.
            found = self._living(agent, message_id) or self._done(agent, message_id)
            if found is not None:
                return found
        return None

    def read(self, agent: str, message_id: str) -> Message | None:
        """Return the message of an id without verifying it, or None if it is not there or cannot be read."""
        found = self.find(agent, message_id)
        return None if found is None else self.read_at(found)

    def read_at(self, found: Found) -> Message | None:
        """Return the message at a place without verifying it, or None if it is gone or cannot be read."""
        try:
            raw = self._store.read(found.key)
            return None if raw is None else Message.decode(split(raw).body)
        except (MessageError, StoreDamagedError, DocumentTooLargeError):
            return None

    def endings(self, agent: str, ending: str) -> list[str]:
        """Return the ids of the agent's messages that end like this, wherever they lie; by listing alone."""
        names = [name for state in _LIVING for name in self._store.list(tree.box(agent, state))]
        found = {name[2:38] for name in names}
        for day in self._store.list(tree.box(agent, State.DONE)):
            found |= {name[:36] for name in self._store.list(f"{tree.box(agent, State.DONE)}/{day}")}
        return sorted(each for each in found if is_id(each) and each.endswith(ending))

    def trace(self, agent: str, message_id: str) -> Trace:
        """Say where the message is, since or until when, and in whose hands."""
        found = self.find(agent, message_id)
        if found is None:
            return Trace(message_id, agent, Whereabouts.UNKNOWN, detail="not there, or swept after its retention time")
        if found.state is State.DONE:
            event = done_event(found.name) or Event.ACK
            by = None if event is Event.WITHDRAW else agent
            return Trace(message_id, agent, _ENDS[event], day=found.folder.rpartition("/")[2], by=by)
        slot = found.slot or Slot(0, message_id)  # a foreign name, which the reader will set aside
        until = None if slot.until is None else from_milliseconds(slot.until)
        attempt = slot.attempt
        match found.state:
            case State.INBOX:
                return Trace(message_id, agent, Whereabouts.WAITING, attempt=attempt)
            case State.LATER:
                return Trace(
                    message_id,
                    agent,
                    Whereabouts.DELAYED,
                    at=until,
                    attempt=attempt,
                    detail="tried again then",
                )
            case State.CLAIMED:
                detail = "the lease ends then"
                return Trace(message_id, agent, Whereabouts.CLAIMED, at=until, by=agent, attempt=attempt, detail=detail)
            case _:
                return self._dead(found, message_id)

    def _dead(self, found: Found, message_id: str) -> Trace:
        letter = read_why(self._store, found.agent, found.name)
        if letter is None:
            return Trace(message_id, found.agent, Whereabouts.DEAD, by=found.agent)
        said = f"{letter.reason}: {letter.detail}"
        return Trace(
            message_id,
            found.agent,
            Whereabouts.DEAD,
            at=letter.at,
            by=letter.by,
            attempt=letter.attempt,
            detail=said,
        )

    def _living(self, agent: str, message_id: str) -> Found | None:
        for state in _LIVING:
            folder = tree.box(agent, state)
            for name in self._store.list(folder):
                if name[2:38] == message_id and not name.endswith(WHY):
                    return Found(agent, state, folder, name, Slot.parse(name))
        return None

    def _done(self, agent: str, message_id: str) -> Found | None:
        for key, _ in done_keys(self._store, agent, message_id, _ENDS):
            if self._store.read(key) is not None:
                folder, _, name = key.rpartition("/")
                return Found(agent, State.DONE, folder, name, None)
        return None
