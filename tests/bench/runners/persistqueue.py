"""persist-queue: no jobs but messages, so that the handler is called here, and nothing keeps its result."""

from pathlib import Path

from tests.bench.row import Guarantees
from tests.bench.runners.runner import Candidate


class Files:
    """`Queue`: hundred messages a file; for one process."""

    def __init__(self, folder: Path) -> None:
        import persistqueue

        self._empty, self._ran = persistqueue.Empty, list[int]()
        self._queue = persistqueue.Queue(str(folder / "queue"), tempdir=str(folder))

    def submit(self, number: int) -> None:
        """Put."""
        self._queue.put(number)

    def fill(self, count: int) -> None:
        """Put."""
        for number in range(count):
            self._queue.put(10**9 + number)

    def run(self, most: int) -> list[int]:
        """Get, call the handler, and save that it was got."""
        self._ran = []
        try:
            while len(self._ran) < most:
                number = self._queue.get(block=False)
                self._note(number)
                self._settle(number)
        except self._empty:
            pass
        return self._ran

    def _settle(self, _number: int) -> None:
        self._queue.task_done()

    def _note(self, number: int) -> int:
        self._ran.append(number)
        return number


class AckRows(Files):
    """`SQLiteAckQueue`: select, then mark, then acknowledge."""

    def __init__(self, folder: Path) -> None:
        import persistqueue

        self._empty, self._ran = persistqueue.Empty, list[int]()
        self._queue = persistqueue.SQLiteAckQueue(str(folder / "queue"), multithreading=True)

    def fill(self, count: int) -> None:
        """Put, without waiting for the disk each time."""
        self._queue._putter.execute("pragma synchronous = off")
        super().fill(count)
        self._queue._putter.execute("pragma synchronous = full")

    def _settle(self, number: int) -> None:
        self._queue.ack(number)


# Opening an SQLiteAckQueue brings back what is not acknowledged: also what another worker is at.
CANDIDATES = (
    Candidate("persist-queue Queue", "none", Files, Guarantees("yes", "no", "yes, at a restart", "no"), needs="persist-queue"),
    Candidate("persist-queue SQLiteAckQueue", "full", AckRows, Guarantees("yes", "yes", "yes, at a restart", "no"), needs="persist-queue"),
)  # fmt: skip
