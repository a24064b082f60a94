"""What is said beside a job: its progress, its log, its attachments, what is said to it, and what its tree has spent.

None of it decides anything about the job, but for what a tree has spent: that is a numbered log in which each entry
carries the sum, so that of two who spend at once one is told of the other.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from somabus.errors import KeyExistsError, StoreUnavailableError
from somabus.jobs.records import UNREADABLE, Records, clean
from somabus.log import Log
from somabus.model import tree
from somabus.model.job import Job, JobAddress
from somabus.model.message import Name, Utc, Value
from somabus.model.wire import dump, parse_object
from somabus.opener import Opener
from somabus.store.port import Store

_TRIES: Final = 1000


class Report(Value):
    """How far a job is, as its worker said last."""

    format: Literal[1] = 1
    generation: int
    fraction: float = Field(ge=0, le=1)
    note: Annotated[str, Field(max_length=1000)] = ""
    by: Name
    at: Utc


class Line(Value):
    """A line of a job's log."""

    format: Literal[1] = 1
    generation: int
    line: Annotated[str, Field(max_length=10_000)]
    by: Name
    at: Utc


class Spent(Value):
    """One act of spending; `sums` is what the tree has spent with it."""

    format: Literal[1] = 1
    job: str
    amounts: dict[str, float]
    sums: dict[str, float]
    by: Name
    at: Utc


@dataclass(frozen=True, slots=True)
class Said:
    """Something that was said to a job, and by whom, as proven by its signature."""

    number: int
    body: str
    data: dict[str, Any]
    sender: str
    at: datetime


class Aside:
    """Speaks and listens beside jobs, on behalf of one agent.

    Args:
        store: the bus.
        me: the agent.
        records: what else lies beside jobs.
        opener: verifies what is said.
        may_act: tells whether what was opened may be acted on.
        seal: makes what is said to a job a sealed message.
    """

    def __init__(
        self,
        store: Store,
        me: str,
        records: Records,
        opener: Opener,
        *,
        may_act: Callable[[Any], bool],
        seal: Callable[[str, dict[str, Any], str], bytes],
    ) -> None:
        self._store = store
        self._me = me
        self._records = records
        self._opener = opener
        self._may_act = may_act
        self._seal = seal

    def report(self, address: JobAddress, generation: int, fraction: float, note: str) -> None:
        """Say how far a job is."""
        said = Report(
            generation=generation, fraction=fraction, note=clean(note)[:1000], by=self._me, at=self._store.now()
        )
        self._store.replace(tree.run(*address, "progress.json"), said.to_json())

    def progress(self, address: JobAddress) -> Report | None:
        """Return how far a job is, if its worker ever said."""
        with suppress(*UNREADABLE):
            raw = self._store.read(tree.run(*address, "progress.json"))
            return None if raw is None else Report.from_object(parse_object(raw))
        return None

    def log(self, address: JobAddress, generation: int, line: str) -> None:
        """Write a line into a job's log."""
        said = Line(generation=generation, line=clean(line), by=self._me, at=self._store.now())
        Log(self._store, tree.run(*address, "log")).append(said.to_json())

    def lines(self, address: JobAddress, after: int = 0) -> list[Line]:
        """Return a job's log."""
        return [Line.from_object(parse_object(raw)) for _, raw in self._entries(tree.run(*address, "log"), after)]

    def attach(self, address: JobAddress, name: str, digest: str, content: bytes) -> None:
        """Keep a file with a job: its content under its digest, and a record of its name."""
        with suppress(KeyExistsError):
            self._store.create(tree.run(*address, f"files/{digest}"), content)
        record = dump(
            {"format": 1, "name": clean(name)[:200], "sha256": digest, "by": self._me, "at": self._store.now()}
        )
        with suppress(KeyExistsError):
            self._store.create(tree.run(*address, f"files/{digest}.json"), record)

    def attachments(self, address: JobAddress) -> list[dict[str, Any]]:
        """Return the records of a job's files."""
        found = []
        for name in self._store.list(tree.run(*address, "files")):
            if name.endswith(".json"):
                with suppress(*UNREADABLE):
                    raw = self._store.read(tree.run(*address, f"files/{name}"), listed=True)
                    found.append(parse_object(raw or b""))
        return found

    def tell(self, address: JobAddress, body: str, data: dict[str, Any]) -> int:
        """Say something to a job, and return its number there."""
        return Log(self._store, tree.run(*address, "said")).append(self._seal(body, data, str(address)))

    def said(self, address: JobAddress, after: int = 0) -> tuple[Said, ...]:
        """Return what was said to a job, if it is proven by whom, and was said to this one."""
        found = []
        for number, raw in self._entries(tree.run(*address, "said"), after):
            with suppress(*UNREADABLE):
                opened = self._opener.open(raw)
                message = opened.message
                if self._may_act(opened) and message.refs.get("job") == str(address):
                    found.append(Said(number, message.body, message.data, opened.sender, message.created_at))
        return tuple(found)

    def spend(self, job: Job, amounts: dict[str, float]) -> tuple[str, str, float, float] | None:
        """Count what a job spends, or return whose tree has spent how much of what: nothing was counted."""
        budget, log = self._budget(job), Log(self._store, tree.run(*job.tree, "spent"))
        for _ in range(_TRIES):
            number = log.tail()
            sums = self._sums(log, number)
            wanted = {unit: sums.get(unit, 0.0) + amount for unit, amount in amounts.items()}
            for unit, total in wanted.items():
                if unit in budget and total > budget[unit]:
                    return str(job.tree), unit, sums.get(unit, 0.0), budget[unit]
            entry = Spent(
                job=str(job.address), amounts=amounts, sums={**sums, **wanted}, by=self._me, at=self._store.now()
            )
            if log.append_at(number + 1, entry.to_json()):
                return None
        raise StoreUnavailableError(log.path, f"{_TRIES} others were faster")

    def spent(self, job: Job) -> dict[str, float]:
        """Return what the tree of a job has spent, by unit."""
        log = Log(self._store, tree.run(*job.tree, "spent"))
        return self._sums(log, log.tail())

    # -- steps ------------------------------------------------------------------------------------------------

    def _budget(self, job: Job) -> dict[str, float]:
        """Return what a tree may spend: what the job at its root says, not what a child says of itself."""
        if job.root is None:
            return job.budget
        root = self._records.job(job.tree)
        return job.budget if root is None else root.budget

    def _sums(self, log: Log, number: int) -> dict[str, float]:
        if number == 0:
            return {}
        raw = self._store.read(log.key(number), listed=True)
        if raw is None:
            raise StoreUnavailableError(log.key(number), "it exists and cannot be read yet")
        return Spent.from_object(parse_object(raw)).sums

    def _entries(self, path: str, after: int) -> list[tuple[int, bytes]]:
        log, found = Log(self._store, path), []
        for number in range(after + 1, log.tail() + 1):
            raw = self._store.read(log.key(number), listed=True)
            if raw is not None:
                found.append((number, raw))
        return found
