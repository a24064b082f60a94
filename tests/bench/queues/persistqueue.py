"""persist-queue: chunks of pickles for one process, and SQLite with and without acknowledgement."""

from pathlib import Path

from tests.bench.queues.contender import Contender, OneByOne
from tests.bench.row import Guarantees


class Files(OneByOne):
    """`Queue`: hundred messages a file; a second process does not see what the first one adds."""

    def __init__(self, folder: Path, role: str) -> None:
        import persistqueue

        self._empty = persistqueue.Empty
        self._queue = persistqueue.Queue(str(folder / "queue"), tempdir=str(folder))

    def send(self, body: bytes) -> None:
        """Put."""
        self._queue.put(body)

    def receive(self) -> bytes | None:
        """Get, and save that it was got."""
        try:
            body = self._queue.get(block=False)
        except self._empty:
            return None
        self._queue.task_done()
        return body


class Rows(Files):
    """`SQLiteQueue`: select, then delete."""

    def __init__(self, folder: Path, role: str) -> None:
        import persistqueue

        self._empty = persistqueue.Empty
        self._queue = persistqueue.SQLiteQueue(str(folder / "queue"), auto_commit=True, multithreading=True)

    def receive(self) -> bytes | None:
        """Get, which deletes."""
        try:
            return self._queue.get(block=False)
        except self._empty:
            return None


class AckRows(Files):
    """`SQLiteAckQueue`: select, then mark, then acknowledge."""

    def __init__(self, folder: Path, role: str) -> None:
        import persistqueue

        self._empty = persistqueue.Empty
        self._queue = persistqueue.SQLiteAckQueue(str(folder / "queue"), multithreading=True)

    def receive(self) -> bytes | None:
        """Get and acknowledge."""
        try:
            body = self._queue.get(block=False)
        except self._empty:
            return None
        self._queue.ack(body)
        return body


# Opening an SQLiteAckQueue brings back what is not acknowledged: also what another consumer is handling.
_FILES, _ROWS = Guarantees("yes", "no", "yes, at a restart", "no"), Guarantees("yes", "yes", "no", "no")
_ACKS = Guarantees("yes", "yes", "yes, at a restart", "no")

CONTENDERS = (
    Contender("persist-queue Queue", "none", Files, _FILES, together=False, needs="persist-queue"),
    Contender("persist-queue SQLiteQueue", "full", Rows, _ROWS, needs="persist-queue"),
    Contender("persist-queue SQLiteAckQueue", "full", AckRows, _ACKS, needs="persist-queue"),
)
