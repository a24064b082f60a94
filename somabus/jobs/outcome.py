"""How a job ended, for whoever waited for it."""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from somabus.errors import MessageError
from somabus.jobs.records import Ending, Records, decoded
from somabus.model.job import JobAddress, OnFailure
from somabus.model.ticket import JobState

_NOTHING: Final = "nothing says why"
_LAGS_AT_MOST: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended. `proven`: its worker signed that. `child`: which child of its parent it is."""

    id: str
    queue: str
    name: str
    state: JobState
    result: Any = None
    error: str = ""
    by: str = ""
    on_failure: OnFailure = OnFailure.FAIL
    proven: bool = False
    child: int = 0

    @property
    def failed(self) -> bool:
        """Whether it did not complete."""
        return self.state is not JobState.COMPLETED

    @property
    def address(self) -> str:
        """How the job is referred to: `queue/id`."""
        return f"{self.queue}/{self.id}"


def outcome_of(records: Records, address: JobAddress) -> Outcome | None:
    """Return how a job ended, or None if it has not."""
    ending = records.ending(address)
    return None if ending is None else _outcome(records, address, ending)


def outcomes(records: Records, parent: JobAddress) -> list[Outcome]:
    """Return how those of a job's children ended that have ended, in the order of their submit.

    Of one that was tidied away long ago, what its parent was told is all that is known.
    """
    met, now, found = {each.id: each for each in records.met(parent)}, records.shelf(parent.queue).now(), []
    for bond in records.bonds(parent, "children"):
        outcome, told = outcome_of(records, JobAddress(bond.queue, bond.id)), met.get(bond.id)
        if outcome is None and told is not None and now - records.met_at(parent, told) > _LAGS_AT_MOST:
            outcome = Outcome(bond.id, bond.queue, "", told.state, error=_NOTHING, on_failure=told.policy)
        found += [] if outcome is None else [outcome]
    return sorted(found, key=lambda each: (each.child, each.id))


def _outcome(records: Records, address: JobAddress, ending: Ending) -> Outcome:
    name, on_failure, child = "", OnFailure.FAIL, 0
    with suppress(MessageError):
        job = decoded(ending.raw)
        name, on_failure, child = job.name, job.on_failure, job.child
    said = records.last_word(address, ending)
    known = Outcome(*address[::-1], name, ending.state, error=_NOTHING, on_failure=on_failure, child=child)
    if said is None:
        return known
    if not records.proven(said):  # marked, and not acted on: anybody may have written it
        return replace(known, by=said.by, error=f"{said.by} did not sign what is written there")
    return replace(known, result=said.result, error=said.error, by=said.by, proven=True)
