"""What a worker does for its queue beside its jobs: nothing of it is urgent, and any worker may do it.

tidying    drop what ended long ago
slots      submit what comes again and again; the slot is the key, so it is there once, whoever submits it
cut off    go on with submits that were cut off
held up    tell jobs of ends that nobody told them, and end what is too late
gates      drop windows of rates that are over, slots that nobody uses, and workers that vanished long ago
"""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Final

from somabus.errors import JobError, SomabusError, StoppedError
from somabus.jobs.desk import Services
from somabus.jobs.drafting import OLDEST_SLOT
from somabus.jobs.gates import Gates
from somabus.jobs.shelf import Shelf
from somabus.jobs.tidying import TIDIED_EVERY, Tidying
from somabus.model.job import JobDraft
from somabus.model.schedule import Schedule

_AT_FIRST_S: Final = 1.0
_AT_LAST_S: Final = 30.0
_log: Final = logging.getLogger("somabus")


class Chores:
    """The chores of one queue.

    Args:
        services: what stands on the bus.
        shelf: the queue.
        gates: its gates.
        slots: what comes again and again, each with its schedule as `slot`.
    """

    def __init__(self, services: Services, shelf: Shelf, gates: Gates, slots: Iterable[JobDraft]) -> None:
        self._services = services
        self._shelf = shelf
        self._gates = gates
        self._slots = [(each, Schedule.parse(each.slot or "")) for each in slots if each.queue == shelf.queue]
        self._tidying = Tidying(services.store, services.records, shelf, services.retention)
        self._every = _AT_FIRST_S
        self._at = float("-inf")
        self._submitted: dict[tuple[str, str | None], datetime] = {}
        self._tidied_at: datetime | None = None
        self._trouble: dict[str, str] = {}
        self._more = False
        self._all: dict[str, Callable[[frozenset[str]], object]] = {
            "tidying": self._tidy,  # first of all: on a full drive it makes room
            "slots": self._fill, "cut off": self._finish_others, "held up": self._look, "gates": self._sweep,
        }  # fmt: skip

    def due(self, *, idle: bool) -> bool:
        """Tell whether they are to be done again: seldom while there is work, more often while there is none."""
        return self._services.monotonic() >= self._at + (self._every if idle else _AT_LAST_S)

    def do(self) -> bool:
        """Do them; tell whether anything moved, or there is more to look at. One that cannot be done hinders no other.

        Raises:
            StoppedError: a human stopped it. Nothing was moved.
        """
        stopped, self._more = self._services.stopped("Agent.work"), False
        moved = [self._done(name, partial(chore, stopped)) for name, chore in self._all.items()]
        self._at = self._services.monotonic()
        self._every = _AT_FIRST_S if any(moved) else min(2 * self._every, _AT_LAST_S)
        return any(moved) or self._more

    # -- steps ------------------------------------------------------------------------------------------------

    def _done(self, name: str, chore: Callable[[], object]) -> bool:
        """Do one, and tell whether it moved anything; of what hinders it is told once."""
        try:
            moved = bool(chore())
        except StoppedError:
            raise
        except SomabusError as error:
            if self._trouble.get(name) != str(error):
                _log.warning("could not do a chore", extra={"chore": name, "detail": str(error)})
            self._trouble[name] = str(error)
            return False
        self._trouble.pop(name, None)
        return moved

    def _look(self, _: frozenset[str]) -> bool:
        moved, self._more = self._services.follower.look(self._shelf.queue)
        return moved > 0

    def _finish_others(self, _: frozenset[str]) -> int:
        return self._services.submitter.finish_others(self._shelf.queue)

    def _sweep(self, _: frozenset[str]) -> None:
        self._gates.sweep()
        self._services.workers.sweep(self._shelf.queue)

    def _fill(self, stopped: frozenset[str]) -> int:
        """Submit what is to be done in the slots of now; return how many were not there before."""
        new, now = 0, self._shelf.now()
        for draft, schedule in self._slots:
            due = schedule.due(now)
            if self._submitted.get((draft.name, draft.slot)) == due or draft.name in stopped or now - due > OLDEST_SLOT:
                continue
            try:
                new += not self._services.submitter.submit(draft).duplicate
            except JobError as error:  # it is full, say; the next time is soon
                _log.warning("could not submit what was due", extra={"job": draft.name, "detail": str(error)})
            else:
                self._submitted[draft.name, draft.slot] = due
        return new

    def _tidy(self, _: frozenset[str]) -> None:
        now = self._shelf.now()
        if self._tidied_at is None or now - self._tidied_at >= TIDIED_EVERY:
            more = self._tidying.step()
            self._tidied_at = None if more else now
            self._gates.drop_slots()
