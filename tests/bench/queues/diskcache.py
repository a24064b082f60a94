"""diskcache: a deque in SQLite. To take is to delete."""

from pathlib import Path

from tests.bench.queues.contender import Contender, OneByOne
from tests.bench.row import Guarantees


class Rows(OneByOne):
    """`Deque`."""

    def __init__(self, folder: Path, role: str) -> None:
        from diskcache import Deque

        self._deque = Deque(directory=str(folder / "deque"))

    def send(self, body: bytes) -> None:
        """Append."""
        self._deque.append(body)

    def receive(self) -> bytes | None:
        """Pop from the left."""
        try:
            return self._deque.popleft()
        except IndexError:
            return None


CONTENDERS = (Contender("diskcache.Deque", "none", Rows, Guarantees("yes", "no", "no", "no"), needs="diskcache"),)
