"""What an agent has learned and not posted yet: kept on its own disk until the next beat."""

from somabus.errors import DocumentTooLargeError, MessageError, StoreDamagedError
from somabus.model.envelope import split
from somabus.model.message import Message
from somabus.outbox import Outbox
from somabus.store.port import Store

_FOLDER = "learnings"


class Learnings:
    """A queue in a store of the agent's own, oldest first."""

    def __init__(self, home: Store) -> None:
        self._home = home

    def note(self, message: Message, data: bytes) -> None:
        """Keep a signed message; it is on this machine's disk on return."""
        self._home.create_many([(f"{_FOLDER}/{message.id}.json", data)])

    def count(self) -> int:
        """Count what waits to be posted."""
        return len(self._home.list(_FOLDER))

    def post(self, outbox: Outbox) -> int:
        """Share all of them, and return how many; one that cannot be read any more is set aside on this machine."""
        posted = 0
        for name in self._home.list(_FOLDER):
            key = f"{_FOLDER}/{name}"
            try:
                data = self._home.read(key)
                message = None if data is None else Message.decode(split(data).body)
            except (MessageError, StoreDamagedError, DocumentTooLargeError):
                self._home.move(key, f"refused/{name}")
                continue
            if message is not None and data is not None:
                outbox.share_once(message, data)
                posted += 1
            self._home.delete(key)
        return posted
