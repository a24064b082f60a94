"""python-dirq: directory queues, also read by Perl, C and Java. A message is locked by a hard link, or by a folder."""

from pathlib import Path

from tests.bench.queues.contender import Contender, OneByOne
from tests.bench.row import Guarantees

# A lock of a consumer that died goes when somebody calls `purge`, ten minutes later.
_GUARANTEES = Guarantees("yes", "no", "yes, by purge", "not promised")


class Simple(OneByOne):
    """`QueueSimple`: a message is a file."""

    def __init__(self, folder: Path, role: str) -> None:
        from dirq.QueueSimple import QueueSimple

        self._queue = QueueSimple(str(folder / "queue"))

    def send(self, body: bytes) -> None:
        """Add an element."""
        self._queue.add(body)

    def receive(self) -> bytes | None:
        """Lock, get, remove the next of what was listed; list anew once that is used up."""
        for look in (self._queue.next, self._queue.first):
            name = look()
            while name:
                if self._queue.lock(name):
                    body = self._get(name)
                    self._queue.remove(name)
                    return body
                name = self._queue.next()
        return None

    def _get(self, name: str) -> bytes:
        return self._queue.get(name)


class Normal(Simple):
    """`Queue`: a message is a folder with a file for each of its fields."""

    def __init__(self, folder: Path, role: str) -> None:
        from dirq.queue import Queue

        self._queue = Queue(str(folder / "queue"), schema={"body": "binary"})

    def send(self, body: bytes) -> None:
        """Add an element."""
        self._queue.add({"body": body})

    def _get(self, name: str) -> bytes:
        return self._queue.get(name)["body"]


CONTENDERS = (
    Contender("dirq QueueSimple", "none", Simple, _GUARANTEES, file_each=True, needs="dirq"),
    Contender("dirq Queue", "none", Normal, _GUARANTEES, file_each=True, needs="dirq"),
)
