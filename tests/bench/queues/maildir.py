"""`mailbox.Maildir` of the standard library: the oldest of them. It has no claim: two consumers get the same message."""

import mailbox
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tests.bench.queues.contender import Contender, OneByOne
from tests.bench.row import Guarantees


class Maildir(OneByOne):
    """A message is a file in new/; to handle it is to remove it."""

    def __init__(self, folder: Path, role: str) -> None:
        self._box = mailbox.Maildir(folder / "box", factory=None)
        self._keys: Iterator[str] = iter(())

    def send(self, body: bytes) -> None:
        """Add a message with no header but an empty line."""
        self._box.add(b"\n" + body)

    def receive(self) -> bytes | None:
        """Read and remove."""
        for _ in range(2):
            for key in self._keys:
                with suppress(KeyError):  # another consumer has removed it
                    body = self._box.get_bytes(key)
                    self._box.remove(key)
                    return body.strip()
            self._keys = iter(sorted(self._box.keys()))
        return None


CONTENDERS = (
    Contender("mailbox.Maildir", "file", Maildir, Guarantees("yes", "no", "yes", "no claim"), file_each=True),
)
