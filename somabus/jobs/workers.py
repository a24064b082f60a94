"""Who works on a queue: each worker writes now and then that it is there, and what it takes.

    queues/<queue>/workers/<agent>.<holder>.json    replaced whole by that worker alone

A hint for people and receipts; which job a worker gets is decided by claims alone.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final, Literal

from pydantic import Field

from somabus.errors import DocumentTooLargeError, MessageError, StoreDamagedError, StoreError
from somabus.model import tree
from somabus.model.job import Job, Terms
from somabus.model.message import Name, Utc, Value
from somabus.model.wire import parse_object
from somabus.store.port import Store

SAID_EVERY: Final = timedelta(seconds=30)
_LIVE_FOR: Final = 4 * SAID_EVERY
_KNOWN_FOR: Final = timedelta(seconds=1)


class WorkerRecord(Value):
    """One worker, as it said last. `names`: the handlers it has. `doing`: the job that it has been at for long."""

    format: Literal[1] = 1
    agent: Name
    holder: str = Field(max_length=100)
    seen_at: Utc
    names: tuple[Name, ...] = Field(default=(), max_length=1000)
    tags: tuple[Name, ...] = Field(default=(), max_length=32)
    skills: tuple[str, ...] = Field(default=(), max_length=200)
    doing: str = Field(default="", max_length=200)

    def lives(self, now: datetime) -> bool:
        """Tell whether it said so lately."""
        return now - self.seen_at < _LIVE_FOR

    def able(self, job: Job) -> bool:
        """Tell whether it may take a job, by what it says of itself."""
        return fits(job, self.agent, self.names, self.tags, self.skills)


def fits(job: Job | Terms, agent: str, names: Iterable[str], tags: Iterable[str], skills: Iterable[str]) -> bool:
    """Tell whether a worker takes a job: it has its handler, all its tags and skills, and is the one it is for."""
    return (
        (job.worker is None or job.worker == agent)
        and job.name in names
        and set(job.tags) <= set(tags)
        and set(job.skills) <= set(skills)
    )


class Workers:
    """The workers of all queues."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, tuple[datetime, list[WorkerRecord]]] = {}

    def live(self, queue: str) -> list[WorkerRecord]:
        """Return the workers of a queue that said lately that they are there."""
        now = self._store.now()
        return [each for each in self._all(queue) if each.lives(now)]

    def able(self, job: Job) -> int:
        """Count the live workers that may take a job, as they were a moment ago."""
        now, known = self._store.now(), self._known.get(job.queue)
        if known is None or not timedelta(0) <= now - known[0] < _KNOWN_FOR:
            known = self._known[job.queue] = now, self.live(job.queue)
        return sum(each.able(job) for each in known[1])

    def say(self, queue: str, record: WorkerRecord) -> None:
        """Write that a worker is there."""
        self._store.replace(tree.worker(queue, f"{record.agent}.{record.holder}"), record.to_json())

    def leave(self, queue: str, record: WorkerRecord) -> None:
        """Take back that a worker is there."""
        self._store.delete(tree.worker(queue, f"{record.agent}.{record.holder}"))

    def _all(self, queue: str) -> Iterable[WorkerRecord]:
        for name in self._store.list(tree.worker(queue)):
            with suppress(MessageError, StoreDamagedError, DocumentTooLargeError):
                raw = self._store.read(f"{tree.worker(queue)}/{name}", listed=True)
                if raw is not None:
                    yield WorkerRecord.from_object(parse_object(raw))

    def sweep(self, queue: str) -> None:
        """Drop what workers that vanished have left."""
        now = self._store.now()
        for each in self._all(queue):
            if now - each.seen_at > 100 * _LIVE_FOR:
                self.leave(queue, each)


class Presence:
    """One worker's sign of life: said now and then between its jobs, and by whoever keeps a job while it takes long."""

    def __init__(self, workers: Workers, queue: str, monotonic: Callable[[], float]) -> None:
        self._workers = workers
        self._queue = queue
        self._monotonic = monotonic
        self._said_at: float | None = None

    @property
    def due(self) -> bool:
        """Whether it was said so long ago that it is to be said again."""
        return self._said_at is None or self._monotonic() - self._said_at >= SAID_EVERY.total_seconds()

    def say(self, record: WorkerRecord) -> None:
        """Say that it is there; where that cannot be written, it is said the next time."""
        self._said_at = self._monotonic()
        with suppress(StoreError):
            self._workers.say(self._queue, record)

    def leave(self, record: WorkerRecord) -> None:
        """Take back that it is there, if it was said."""
        if self._said_at is not None:
            self._said_at = None
            with suppress(StoreError):
                self._workers.leave(self._queue, record)
