"""huey: the storages under its tasks, a file a task behind one lock, or SQLite. To take is to delete."""

from pathlib import Path

from tests.bench.queues.contender import Contender, OneByOne
from tests.bench.row import Guarantees


class Files(OneByOne):
    """`FileStorage`."""

    def __init__(self, folder: Path, role: str) -> None:
        from huey.storage import FileStorage

        self._storage = FileStorage("queue", str(folder / "huey"))

    def send(self, body: bytes) -> None:
        """Enqueue."""
        self._storage.enqueue(body)

    def receive(self) -> bytes | None:
        """Dequeue."""
        body = self._storage.dequeue()
        return None if body is None else bytes(body)


class Rows(Files):
    """`SqliteStorage`, forced to the disk."""

    def __init__(self, folder: Path, role: str) -> None:
        from huey.storage import SqliteStorage

        self._storage = SqliteStorage("queue", str(folder / "huey.db"), fsync=True, timeout=30)


CONTENDERS = (
    Contender("huey FileStorage", "none", Files, Guarantees("yes", "no", "no", "not promised"), file_each=True, needs="huey"),
    Contender("huey SqliteStorage", "full", Rows, Guarantees("yes", "yes", "no", "no"), needs="huey"),
)  # fmt: skip
