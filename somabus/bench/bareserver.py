"""The bare requests: what the works of the bus would cost a server if nobody had to agree on anything."""

import itertools
import threading
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Final

from somabus.bench.bare import BEAT_LOOKS, PEEK
from somabus.store.nats.stream import Stream
from somabus.store.nats.talk import Question

_PATIENCE_S: Final = 10.0
_ARRIVES_AFTER_S: Final = 0.002


class BareServer:
    """The requests alone, below a subject of the same stream."""

    def __init__(self, stream: Stream, data: bytes) -> None:
        self.data = data
        self._stream = stream
        self._numbers = itertools.count()
        self._heard = threading.Event()
        stream.link.listen(self.path("watched", "*"), self._heard.set)
        self.write, self.sync = "a publish that is acknowledged", ""
        self.reads, self.drains, self.arrives = "a get", "a get, a publish, a delete by number", "a publish"
        self.waits = "a subscription"

    def close(self) -> None:
        """Do nothing: it all ends with the store's connection."""

    def path(self, folder: str, name: str = "") -> str:
        """Return the subject of a document, as the store names it."""
        return f"{self._stream.name}.k.bare.{folder}.{name}"

    def send(self, count: int = 1) -> None:
        """Publish so many messages at once."""
        names = [f"5-{next(self._numbers):036d}" for _ in range(count)]
        self._stream.put([Question(self.path("inbox", name), self.data) for name in names])

    def drain(self) -> Iterator[None]:
        """Read, publish anew and delete one message a step, from one listing."""
        for subject in sorted(self._list("inbox")):
            found = self._stream.find(subject, "")
            if found is not None:
                self._stream.put([Question(subject.replace(".inbox.", ".done."), found.data)])
                self._stream.remove(found.revision, "")
            yield

    def peek(self) -> None:
        """List the inbox and read its first messages."""
        for subject in sorted(self._list("inbox"))[:PEEK]:
            self._stream.find(subject, "")

    def look(self, folders: tuple[str, ...]) -> None:
        """List folders, and nothing else."""
        for folder in folders:
            self._list(folder)

    def beat(self) -> None:
        """List what a beat cannot do without, and publish one message."""
        self.look(BEAT_LOOKS)
        self._stream.put([Question(self.path("registry", "heartbeat"), self.data)])

    def wait(self) -> None:
        """Return when a message has come to `watched`, or after some patience."""
        self._heard.wait(_PATIENCE_S)
        self._heard.clear()

    def wake(self, folder: str, wait: Callable[[], object]) -> float:
        """Let a message arrive below a subject where somebody waits; return the seconds until the waiter is back."""
        arrived_at: list[float] = []
        published: list[int | None] = []
        subject = f"{folder}.5-{next(self._numbers):036d}"

        def arrive() -> None:
            arrived_at.append(perf_counter())
            published.extend(self._stream.put([Question(subject, self.data)]))

        sender = threading.Timer(_ARRIVES_AFTER_S, arrive)
        sender.start()
        while not arrived_at:  # a waiter may wake for nothing, and does at its first call
            wait()
        passed = perf_counter() - arrived_at[0]
        sender.join()
        self._stream.remove(published[0] or 0, "")
        return passed

    def _list(self, folder: str) -> list[str]:
        return list(self._stream.subjects(self.path(folder, "*"), ""))
