"""litequeue: SQLite in WAL mode, with a status a message. What a dead consumer locked is locked for ever."""

from pathlib import Path

from tests.bench.queues.contender import Contender, OneByOne
from tests.bench.row import Guarantees


class Rows(OneByOne):
    """`LiteQueue`."""

    def __init__(self, folder: Path, role: str) -> None:
        from litequeue import LiteQueue

        self._queue = LiteQueue(folder / "queue.db", timeout=30)

    def send(self, body: bytes) -> None:
        """Put."""
        self._queue.put(body.decode())

    def receive(self) -> bytes | None:
        """Pop and mark as done."""
        message = self._queue.pop()
        if message is None:
            return None
        self._queue.done(message.message_id)
        return message.data.encode()


CONTENDERS = (Contender("litequeue", "none", Rows, Guarantees("yes", "no", "by hand", "no"), needs="litequeue"),)
