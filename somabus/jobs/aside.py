"""What is said beside a job: its progress, its log, its attachments, what is said to it, and what its tree has spent.

None of it decides anything about the job, but for what a tree has spent: that is a numbered log in which each entry
carries the sum, so that of two who spend at once one is told of the other.
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from somabus.errors import KeyExistsError, StoreDamagedError, StoreUnavailableError
from somabus.jobs.records import UNREADABLE, Records, clean
from somabus.log import Log
from somabus.model import tree
from somabus.model.job import Job, JobAddress
from somabus.model.message import Name, Utc, Value
from somabus.model.wire import parse_object
from somabus.opener import Opener
from somabus.store.port import Store

MAX_LINES: Final = 1000
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


class Attachment(Value):
    """A file that was kept with a job; `name` is the handler's word for it, and no path."""

    format: Literal[1] = 1
    name: Annotated[str, Field(max_length=200)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    size: int = Field(ge=0)
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
        self._logged: tuple[JobAddress, Log, int] | None = None

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
        """Write a line into a job's log, which takes `MAX_LINES`; the last of them says that it is full.

        Where the log ends is looked up once for each job: one job after the other writes here.
        """
        if self._logged is None or self._logged[0] != address:
            log = Log(self._store, tree.run(*address, "log"))
            self._logged = address, log, log.tail()
        _, log, end = self._logged
        if end >= MAX_LINES:
            return
        text = clean(line) if end + 1 < MAX_LINES else f"the log is full: a job may write {MAX_LINES:,} lines"
        said = Line(generation=generation, line=text, by=self._me, at=self._store.now())
        self._logged = address, log, log.append(said.to_json())

    def lines(self, address: JobAddress, after: int = 0) -> list[Line]:
        """Return a job's log."""
        return [Line.from_object(parse_object(raw)) for _, raw in self._entries(tree.run(*address, "log"), after)]

    def attach(self, address: JobAddress, name: str, digest: str, content: bytes) -> None:
        """Keep a file with a job: its content under its digest, then a record of its name; the last counts."""
        with suppress(KeyExistsError):
            self._store.create(tree.run(*address, f"files/{digest}"), content)
        record = Attachment(name=clean(name)[:200], sha256=digest, size=len(content), by=self._me, at=self._store.now())
        self._store.replace(_record_of(address, record.name), record.to_json())

    def attachments(self, address: JobAddress) -> "list[Attachment]":
        """Return what was kept with a job, by name."""
        found = []
        for name in self._store.list(tree.run(*address, "files")):
            if name.endswith(".json"):
                with suppress(*UNREADABLE):
                    raw = self._store.read(tree.run(*address, f"files/{name}"), listed=True)
                    found.append(Attachment.from_object(parse_object(raw or b"")))
        return sorted(found, key=lambda each: each.name)

    def attachment(self, address: JobAddress, name: str) -> bytes | None:
        """Return the content of what was kept with a job under a name, or None if nothing was.

        Raises:
            StoreDamagedError: it is not what was kept. StoreUnavailableError: it cannot be read yet.
        """
        record = next((each for each in self.attachments(address) if each.name == name), None)
        if record is None:
            return None
        place = tree.run(*address, f"files/{record.sha256}")
        content = self._store.read(place, listed=True)
        if content is None:
            raise StoreUnavailableError(place, "it was kept and cannot be read yet")
        if hashlib.sha256(content).hexdigest() != record.sha256:
            raise StoreDamagedError(place, "its content is not what its name says")
        return content

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

    def spend(self, job: Job, amounts: dict[str, float]) -> tuple[str, str, float, float, float] | None:
        """Count what a job spends, or return what a `BudgetError` says: nothing was counted."""
        budget, log = self._budget(job), Log(self._store, tree.run(*job.tree, "spent"))
        for _ in range(_TRIES):
            number = log.tail()
            sums = self._sums(log, number)
            wanted = {unit: sums.get(unit, 0.0) + amount for unit, amount in amounts.items()}
            for unit, total in wanted.items():
                if unit in budget and total > budget[unit]:
                    return str(job.tree), unit, sums.get(unit, 0.0), budget[unit], amounts.get(unit, 0.0)
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


def _record_of(address: JobAddress, name: str) -> str:
    """Return where the record of a name lies; one content may have several."""
    return tree.run(*address, f"files/{hashlib.sha256(name.encode()).hexdigest()}.json")
