"""`NatsStore`: the verbs of the port on one stream of JetStream."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from somabus.errors import (
    DocumentTooLargeError,
    KeyExistsError,
    KeyMissingError,
    StoreRefusedError,
    StoreUnavailableError,
)
from somabus.store.driveclock import DriveClock
from somabus.store.nats.link import Link
from somabus.store.nats.moving import TAKES, Mover
from somabus.store.nats.names import claim
from somabus.store.nats.stream import EXPECTED, NEW, Stream
from somabus.store.nats.subjects import Subjects
from somabus.store.nats.talk import Question
from somabus.store.nats.tree import Tree
from somabus.store.port import MAX_BYTES, check_key, is_part

_LOCK_HOLDS: Final = timedelta(seconds=60)


class NatsStore:
    """A store on a stream. Cheap to make; nobody is called before the first verb.

    Args:
        link: the connection.
        bus: the name of the stream, and the first word of its subjects.
        domain: the JetStream domain of the stream, where servers are joined as leaf nodes.
        now: another clock than the server's, for tests.
        move_takes: how long a move may take before others may finish it.
    """

    def __init__(
        self,
        link: Link,
        bus: str,
        domain: str = "",
        *,
        now: Callable[[], datetime] | None = None,
        move_takes: timedelta = TAKES,
    ) -> None:
        self._link = link
        self._subjects = Subjects(bus)
        self._stream = self.stream = Stream(link, bus, domain)
        self._tree = Tree(self._stream, self._subjects)
        self._marker = ""
        self._watches: dict[str, threading.Event] = {}
        self._clock = DriveClock(lambda: self._stream.time(self._subjects.clock))
        self._mover = Mover(self._tree, self._clock.now, move_takes)
        self.now = now or self._clock.now
        self.make = self._stream.make
        self.claim = partial(claim, self._stream)
        self.check = self._stream.check

    def read(self, key: str, *, listed: bool = False) -> bytes | None:  # noqa: ARG002 - nothing is ever late here
        """See `Store.read`."""
        found = self._tree.find(check_key(key))
        if found is not None and len(found.data) > MAX_BYTES:
            raise DocumentTooLargeError(key, f"over {MAX_BYTES:,} bytes")
        return None if found is None else found.data

    def stamps(self, keys: Sequence[str]) -> list[str | None]:
        """See `Store.stamps`. To ask for a revision costs a server as much as to read."""
        return [None for key in keys if check_key(key)]

    def create(self, key: str, data: bytes) -> None:
        """See `Store.create`."""
        with self._tidy([check_key(key)]):
            revision = self._tree.write(key, data, NEW)
        if revision is None:
            raise KeyExistsError(key)

    def create_many(self, documents: Iterable[tuple[str, bytes]]) -> None:
        """See `Store.create_many`.

        What lies there already, byte for byte, is left alone, for its answer may have been lost; see `moving`.
        """
        batch = [(check_key(key), data) for key, data in documents]
        if not batch:
            return
        with self._tidy(key for key, _ in batch):
            revisions = self._tree.write_all(batch, NEW)
        there = [each for each, revision in zip(batch, revisions, strict=True) if revision is None]
        found = self._tree.find_all([key for key, _ in there])
        other = [each for each, before in zip(there, found, strict=True) if before is None or before.data != each[1]]
        if other:
            self._tree.write_all(other, {})

    def replace(self, key: str, data: bytes) -> None:
        """See `Store.replace`."""
        with self._tidy([check_key(key)]):
            self._tree.write(key, data, {})

    def move(self, source: str, target: str, *, durable: bool = True) -> None:  # noqa: ARG002 - as durable as the server is
        """See `Store.move`.

        A folder may stand where a document is meant, as on a drive: it arrives as an empty document, so that whoever
        finds nothing in it sets it aside, and nobody meets it for ever.
        """
        with self._tidy([check_key(target)]):
            try:
                self._mover.move(check_key(source), target)
            except KeyMissingError:
                if not self._tree.folders.take(source):
                    raise
                self._tree.write(target, b"", NEW)

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        self._mover.delete(check_key(key))

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> list[str]:
        """See `Store.list`."""
        folder = _folder(prefix)
        names = self._tree.folders.names(folder)
        if self._marker not in names and (not folder or not names):
            self._require_marker()
        return sorted(name for name in names if name > after and is_part(name))[:limit]

    def only_with(self, marker: str) -> None:
        """From now on take the stream for the bus only while this document is there: else nothing is known.

        A stream that was made a moment ago, and a copy that is not finished, are empty or half, and no bus.
        """
        self._marker = check_key(marker)

    @contextmanager
    def _tidy(self, keys: Iterable[str]) -> Iterator[None]:
        """Leave no folder to be seen that was shown for documents which the server then refused."""
        try:
            yield
        except (StoreRefusedError, DocumentTooLargeError):
            self._tree.folders.tidy(keys)
            raise

    def _require_marker(self) -> None:
        if self._marker and self._tree.find(self._marker) is None:
            raise StoreUnavailableError(self._marker, f"no bus at {self._stream.where} now")

    def weigh(self, prefix: str) -> int:
        """See `Store.weigh`."""
        key = _folder(prefix)
        alone = self._tree.find(key) if key else None
        return (len(alone.data) if alone else 0) + sum(self._tree.weights(key))

    def prune(self, prefix: str) -> None:
        """See `Store.prune`."""
        self._tree.folders.let_go(check_key(prefix))

    def wait(self, prefix: str, timeout: float) -> bool:
        """See `Store.wait`. A connection that breaks, ends or comes back wakes as well."""
        key = check_key(prefix.rstrip("/"))
        if key not in self._watches:
            changed = threading.Event()
            self._link.listen(self._subjects.below(key), changed.set)
            self._watches[key] = changed
            return True
        self._link.begin()
        changed = self._watches[key]
        heard = changed.wait(timeout)
        changed.clear()
        return heard

    @contextmanager
    def lock(self, name: str) -> Iterator[bool]:
        """See `Store.lock`. A holder that died is passed over after a minute; a longer one is not protected."""
        subject, now = self._subjects.lock(check_key(name)), self._clock.now()
        found = self._stream.find(subject, name)
        expected = NEW if found is None else {EXPECTED: str(found.revision)}
        free = found is None or now - found.at > _LOCK_HOLDS
        revision = self._stream.put([Question(subject, b"", expected, name)])[0] if free else None
        try:
            yield revision is not None
        finally:
            if revision is not None:
                with suppress(StoreUnavailableError):  # it is passed over after a minute
                    self._stream.remove(revision, name)

    def close(self) -> None:
        """End the connection; the store may be used again."""
        self._watches.clear()
        self._link.close()


def _folder(prefix: str) -> str:
    key = prefix.rstrip("/")
    return check_key(key) if key else ""
