"""What lies beside a job: how its attempts ended, who waits for it, and what it waited for; its steps are in `ledger`.

Everything here is written once, so that a crash leaves a record or none. It decides nothing: that a job has ended is
said by the folder it lies in, and a record of an attempt that another was quicker to end counts for nothing.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, NamedTuple

from somabus.errors import (
    DocumentTooLargeError,
    KeyExistsError,
    MessageError,
    StoreDamagedError,
)
from somabus.jobs.shelf import Shelf
from somabus.model import tree
from somabus.model.envelope import Envelope, Seal, seal_body, split
from somabus.model.ids import is_id
from somabus.model.job import Job, JobAddress
from somabus.model.ticket import End, JobEvent, JobState
from somabus.model.wire import dump, parse_object
from somabus.model.work import MAX_ERROR, Bond, Met, Try, missed_name
from somabus.store.port import Store

_TRY: Final = re.compile(r"(?P<generation>\d{1,9})\.(?P<event>[a-z_]+)\.json")
_ENDS: Final = {
    "complete": JobState.COMPLETED, "fail": JobState.FAILED, "bury": JobState.DEAD, "cancel": JobState.CANCELLED,
}  # fmt: skip
_MISSED: Final = missed_name("")
_LOOKS: Final = 2
"""It may be moved, or end, while it is looked for."""
UNREADABLE: Final = (MessageError, StoreDamagedError, DocumentTooLargeError)


class Ending(NamedTuple):
    """How a job has ended, and the job as it lies there."""

    state: JobState
    end: End
    raw: bytes


class Records:
    """The records of all queues, on behalf of one agent.

    Args:
        store: the bus.
        bus: its id.
        me: the agent.
        counts: tells whether somebody sealed a document, and may be acted on.
        sign: signs with the agent's key.
        entropy: random bytes.
    """

    def __init__(
        self,
        store: Store,
        bus: str,
        me: str,
        *,
        counts: Callable[[str, Envelope, Seal], bool],
        sign: Callable[[bytes], bytes],
        entropy: Callable[[int], bytes],
    ) -> None:
        self._store = store
        self._bus = bus
        self._me = me
        self._counts = counts
        self._sign = sign
        self._entropy = entropy
        self._shelves: dict[str, Shelf] = {}

    def shelf(self, queue: str) -> Shelf:
        """Return the folders of a queue."""
        return self._shelves.setdefault(queue, Shelf(self._store, queue, self._entropy))

    def queues(self) -> list[str]:
        """Return the names of all queues."""
        return self._store.list(tree.QUEUES)

    # -- how attempts ended -----------------------------------------------------------------------------------

    def tried(
        self,
        address: JobAddress,
        generation: int,
        event: JobEvent,
        *,
        attempt: int = 0,
        began_at: datetime | None = None,
        result: Any = None,
        error: str = "",
    ) -> None:
        """Write down how an attempt ends, before it does: what the folder then says has its reason beside it."""
        said = Try(
            bus=self._bus, queue=address.queue, id=address.id, generation=generation, event=event, by=self._me,
            at=self._store.now(), attempt=attempt, began_at=began_at, result=result, error=clean(error),
        )  # fmt: skip
        place = tree.run(*address, _try_name(said))
        self._store.replace(place, seal_body(said.to_json(), Seal.TRY, self._sign))

    def tries(self, address: JobAddress) -> list[Try]:
        """Return how each attempt ended, in order; what cannot be read is left out."""
        found = (self._try(address, name) for name in self._store.list(tree.run(*address)) if _TRY.fullmatch(name))
        return sorted((each for each in found if each is not None), key=lambda each: (each.generation, each.at))

    def events(self, address: JobAddress) -> list[JobEvent]:
        """Return what ended each attempt, in order, by the names of the records alone."""
        known = filter(None, map(_TRY.fullmatch, self._store.list(tree.run(*address))))
        words = [each["event"].upper() for each in sorted(known, key=lambda each: int(each["generation"]))]
        return [JobEvent[word] for word in words if word in JobEvent.__members__]

    def proven(self, said: Try) -> bool:
        """Tell whether the record of an attempt was written by the agent it names."""
        place = tree.run(said.queue, said.id, _try_name(said))
        raw = self._store.read(place)
        return raw is not None and raw.startswith(said.to_json()[:-1]) and self._counts(said.by, split(raw), Seal.TRY)

    def _try(self, address: JobAddress, name: str) -> Try | None:
        with suppress(*UNREADABLE):
            raw = self._store.read(tree.run(*address, name))
            said = None if raw is None else Try.from_object(parse_object(split(raw).body))
            if said is not None and (said.bus, said.queue, said.id, _try_name(said)) == (self._bus, *address, name):
                return said
        return None

    def ending(self, address: JobAddress) -> Ending | None:
        """Return how a job has ended, or None if that cannot be seen: not yet, or there is no such job."""
        shelf = self.shelf(address.queue)
        for name in reversed(self._store.list(tree.run(*address))):
            found = _TRY.fullmatch(name)
            state = None if found is None else _ENDS.get(found["event"])
            if found is None or state is None:
                continue
            end = End(address.id, int(found["generation"]))
            raw = shelf.ended(state, end)
            if raw is not None:
                return Ending(state, end, raw)
        return None

    def job(self, address: JobAddress) -> Job | None:
        """Return a job wherever it lies, verified by nobody; None if it cannot be seen or read."""
        shelf = self.shelf(address.queue)
        with suppress(*UNREADABLE):
            for _ in range(_LOOKS):
                ending = self.ending(address)
                if ending is not None:
                    return decoded(ending.raw)
                lying = shelf.find(address.id)
                raw = None if lying is None else shelf.read(lying.state, lying.ticket.name)
                if raw is not None:
                    return decoded(raw)
        return None

    def state(self, address: JobAddress) -> JobState | None:
        """Return in which state a job is, or None if it cannot be seen."""
        for _ in range(_LOOKS):
            ending = self.ending(address)
            if ending is not None:
                return ending.state
            lying = self.shelf(address.queue).find(address.id)
            if lying is not None:
                return lying.state
        return None

    def is_orphan(self, job: Job) -> bool:
        """Tell whether a job's parent was cancelled, or the root of its tree, and it along with that."""
        above = filter(None, map(JobAddress.parse, filter(None, {job.parent, job.root})))
        endings = filter(None, map(self.ending, above))
        return any(each.state is JobState.CANCELLED for each in endings)

    def last_word(self, address: JobAddress, ending: Ending) -> Try | None:
        """Return the record of the attempt with which a job ended."""
        event = next(event for event, state in _ENDS.items() if state is ending.state)
        return self._try(address, f"{ending.end.generation}.{event}.json")

    # -- who waits for whom -----------------------------------------------------------------------------------

    def bond(self, address: JobAddress, part: str, bond: Bond) -> tuple[str, bytes]:
        """Return the document that says that a job waits for another (`then`), or is its child (`children`)."""
        return f"{tree.run(*address, part)}/{bond.id}.json", bond.to_json()

    def bonds(self, address: JobAddress, part: str) -> Iterator[Bond]:
        """Yield who waits for a job, or its children; what cannot be read is left out."""
        for name in self._store.list(tree.run(*address, part)):
            with suppress(*UNREADABLE):
                raw = self._store.read(f"{tree.run(*address, part)}/{name}", listed=True)
                if raw is not None:
                    yield Bond.from_object(parse_object(raw))

    def children(self, address: JobAddress) -> list[str]:
        """Return the ids of a job's children."""
        names = (name.removesuffix(".json") for name in self._store.list(tree.run(*address, "children")))
        return [name for name in names if is_id(name)]

    def child(self, address: JobAddress, child: str) -> Bond | None:
        """Return the record of a job's child, or None if it cannot be seen or read."""
        with suppress(*UNREADABLE):
            raw = self._store.read(f"{tree.run(*address, 'children')}/{child}.json")
            return None if raw is None else Bond.from_object(parse_object(raw))
        return None

    def meet(self, address: JobAddress, met: Met) -> None:
        """Write down that a dependency or a child has ended; the first word counts."""
        with suppress(KeyExistsError):
            said = dump({"format": 1, "at": self._store.now()})
            self._store.create(f"{tree.run(*address, 'met')}/{met.name}", said)

    def unmeet(self, address: JobAddress) -> None:
        """Forget which dependencies and children did not complete: they may have been replayed since."""
        for each in self.met(address):
            if each.state is not JobState.COMPLETED:
                self._store.delete(f"{tree.run(*address, 'met')}/{each.name}")

    def met(self, address: JobAddress) -> list[Met]:
        """Return which dependencies and children are written down as ended."""
        found = map(Met.parse, self._store.list(tree.run(*address, "met")))
        return [each for each in found if each is not None]

    def missed(self, address: JobAddress, other: str) -> datetime:
        """Write down that what a job waits for was not to be seen, and return when that was written first."""
        place = f"{tree.run(*address, 'met')}/{missed_name(other)}"
        with suppress(KeyExistsError):
            self._store.create(place, dump({"format": 1, "at": self._store.now()}))
        return self._said_at(place)

    def missing(self, address: JobAddress) -> list[str]:
        """Return the ids of what a job waits for and what was not to be seen."""
        names = self._store.list(tree.run(*address, "met"))
        return [name.removesuffix(_MISSED) for name in names if name.endswith(_MISSED)]

    def met_at(self, address: JobAddress, met: Met) -> datetime:
        """Return when it was written down that something ended."""
        return self._said_at(f"{tree.run(*address, 'met')}/{met.name}")

    def _said_at(self, place: str) -> datetime:
        """Return the time in a record that has nothing else; now, for one that cannot be read."""
        with suppress(*UNREADABLE, ValueError):
            raw = self._store.read(place, listed=True)
            at = None if raw is None else parse_object(raw).get("at")
            if isinstance(at, str):
                return datetime.fromisoformat(at)
        return self._store.now()

    def seen(self, address: JobAddress, other: str) -> None:
        """Take back that something was not to be seen."""
        self._store.delete(f"{tree.run(*address, 'met')}/{missed_name(other)}")

    def key_records(self, queue: str, digest: str) -> list[Bond]:
        """Return which jobs were submitted under a key, the first one first; what cannot be read is left out."""
        found = []
        for name in self._store.list(tree.job_key(queue, digest)):
            with suppress(*UNREADABLE):
                raw = self._store.read(f"{tree.job_key(queue, digest)}/{name}", listed=True)
                found.append(Bond.from_object(parse_object(raw or b"")))
        return found


def _try_name(said: Try) -> str:
    return f"{said.generation}.{said.event.name.lower()}.json"


def clean(error: str) -> str:
    """Return what went wrong, so that it can be written and is not too long."""
    return error.encode(errors="backslashreplace").decode()[:MAX_ERROR]


def decoded(raw: bytes) -> Job:
    """Return a job as it lies there, verified by nobody.

    Raises:
        MessageError: it is none.
    """
    return Job.decode(split(raw).body)
