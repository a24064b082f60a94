"""One queue's folders of jobs, and the moves between them: the table of `model/ticket.py`, made on a store.

A claim is a rename to a name that carries the holder, and every later move is one from exactly that name: a worker
whose lease was passed on finds no file there, and changes nothing. It knows neither keys nor trust.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from somabus.errors import KeyMissingError, LeaseLostError
from somabus.model import tree
from somabus.model.ids import milliseconds
from somabus.model.ticket import End, JobEvent, JobState, Ticket, job_target
from somabus.store.port import Store

_HOLDER_BYTES: Final = 6
_PAGE: Final = 5_000
_OPEN: Final = (
    JobState.PAUSED, JobState.BLOCKED, JobState.WAITING_CHILDREN, JobState.DELAYED, JobState.WAITING, JobState.ACTIVE,
)  # fmt: skip
"""In the order in which a job goes on: one that is moved while they are listed is met where it comes to."""

_LOOKS: Final = 3


class Lying(NamedTuple):
    """A job that has not ended: in which state, and under which name."""

    state: JobState
    ticket: Ticket


class Shelf:
    """The folders of one queue.

    Args:
        store: the bus.
        queue: its name.
        entropy: random bytes, for holders.
    """

    def __init__(self, store: Store, queue: str, entropy: Callable[[int], bytes]) -> None:
        self._store = store
        self._entropy = entropy
        self.queue = queue
        self.now: Callable[[], datetime] = store.now

    def key(self, state: JobState, name: str) -> str:
        """Return where a job lies."""
        return f"{tree.shelf(self.queue, state)}/{name}"

    def names(self, state: JobState, after: str = "", limit: int | None = None) -> list[str]:
        """Return the names in the folder of a state, those behind `after`, so many at most."""
        return self._store.list(tree.shelf(self.queue, state), after, limit)

    def day(self, state: JobState, day: str) -> list[str]:
        """Return the names of the jobs of a day that have ended like this."""
        return self._store.list(f"{tree.shelf(self.queue, state)}/{day}")

    def walk(self, state: JobState) -> Iterator[str]:
        """Yield the names in the folder of a state, in order, and keep no more than a page of them at a time."""
        after = ""
        while True:
            page = self.names(state, after, _PAGE)
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1]

    def read(self, state: JobState, name: str) -> bytes | None:
        """Return a job as it lies there, or None if it is not there any more."""
        return self._store.read(self.key(state, name))

    def find(self, job: str, hint: str = "") -> Lying | None:
        """Return where a job lies that has not ended, or None if it is nowhere to be seen.

        A job may be moved from a folder not yet listed into one that was: so it is looked for more than once.

        Args:
            job: its id.
            hint: the name that it may still have.
        """
        guess = Ticket.parse(hint)
        if guess is not None and self.read(JobState.BLOCKED, hint) is not None:
            return Lying(JobState.BLOCKED, guess)
        for _ in range(_LOOKS):
            lying = self.find_in(_OPEN, job)
            if lying is not None:
                return lying
        return None

    def find_in(self, states: Iterable[JobState], job: str) -> Lying | None:
        """Return where a job lies in one of these states, as their folders are listed now, or None."""
        for state in states:
            for name in self.names(state):
                if name[2:38] == job and (ticket := Ticket.parse(name)) is not None:
                    return Lying(state, ticket)
        return None

    def open_ids(self) -> frozenset[str]:
        """Return the ids of all that has not ended, and of submits that were begun and not finished.

        All is listed twice: a job that goes back while it is listed is met the second time.
        """
        places = [tree.submitting(self.queue), *(tree.shelf(self.queue, state) for state in _OPEN)]
        return frozenset(name[2:38] for place in (*places, *places) for name in self._store.list(place))

    def ended(self, state: JobState, end: End) -> bytes | None:
        """Return a job that has ended like this, or None."""
        return self._store.read(self.key(state, end.name))

    def move(self, state: JobState, ticket: Ticket, event: JobEvent, to: Ticket, *, durable: bool = True) -> bool:
        """Make one move of the table; False if the file is not there any more."""
        target = job_target(state, event)
        name = to.end.name if target.ended else to.name
        try:
            self._store.move(self.key(state, ticket.name), self.key(target, name), durable=durable)
        except KeyMissingError:
            return False
        return True

    def claim(self, state: JobState, ticket: Ticket, lease_for: timedelta) -> Ticket | None:
        """Take a job by renaming it to a name of one's own; None if it is not there any more."""
        mine = ticket.claimed(self._entropy(_HOLDER_BYTES).hex(), milliseconds(self.now() + lease_for))
        return mine if self.move(state, ticket, JobEvent.CLAIM, mine, durable=False) else None

    def renew(self, ticket: Ticket, lease_for: timedelta) -> Ticket:
        """Make the lease of a job end later.

        Raises:
            LeaseLostError: somebody else has it, or it was cancelled or paused; nothing was changed.
        """
        longer = ticket.renewed(max((ticket.until or 0) + 1, milliseconds(self.now() + lease_for)))
        self.held(ticket, JobEvent.RENEW, longer, durable=False)
        return longer

    def held(self, ticket: Ticket, event: JobEvent, to: Ticket, *, durable: bool = True) -> None:
        """Move a job that one holds.

        Raises:
            LeaseLostError: somebody else has it, or it was cancelled or paused; nothing was changed.
        """
        if not self.move(JobState.ACTIVE, ticket, event, to, durable=durable):
            raise LeaseLostError(ticket.id, ticket.generation)

    def replay(self, state: JobState, end: End, ticket: Ticket) -> bool:
        """Bring back a job that has ended; False if it is not there any more."""
        target = self.key(job_target(state, JobEvent.REPLAY), ticket.name)
        try:
            self._store.move(self.key(state, end.name), target)
        except KeyMissingError:
            return False
        return True
