"""What is told of jobs by the records beside them, as far as it is proven: why it was set aside, what failed."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple

from somabus.jobs.records import Ending, Records
from somabus.model.job import JobAddress
from somabus.model.ticket import End, JobEvent, JobState
from somabus.model.work import Try

_SET_ASIDE: Final = (JobEvent.PAUSE, JobEvent.PARK)


class Lately(NamedTuple):
    """How many jobs have ended within some time, at least so many if not `exact`, and when the last of them did."""

    number: int
    last: datetime | None
    exact: bool = True

    def __str__(self) -> str:
        return f"{self.number:,}" if self.exact else f"at least {self.number:,}"


def believed(records: Records, said: Iterable[Try], generation: int) -> list[Try]:
    """Return of the records of attempts those that whoever they name has signed, of claims that there were."""
    return [each for each in said if each.generation <= generation and records.proven(each)]


def set_aside(records: Records, address: JobAddress, generation: int) -> Try | None:
    """Return with which word a job was set aside, or None if nobody's word is there."""
    said = [each for each in records.tries(address) if each.event in _SET_ASIDE]
    return next(iter(believed(records, said, generation)[::-1]), None)


def why_set_aside(records: Records, address: JobAddress, generation: int) -> str:
    """Return what was said when a job was set aside."""
    said = set_aside(records, address, generation)
    return "nothing says why it was set aside" if said is None else said.error


def why_ended(records: Records, address: JobAddress, ending: Ending) -> str:
    """Return what was said when a job ended otherwise than completed."""
    said = None if ending.state is JobState.COMPLETED else records.last_word(address, ending)
    return said.error if said is not None and records.proven(said) else ""


def lately(
    records: Records, queue: str, state: JobState, names: Iterable[str], since: datetime, *, most: int, in_vain: int
) -> Lately:
    """Count what has ended in a state since then.

    Args:
        records: of all queues.
        queue: of which it is.
        state: that in which they ended.
        names: those of all that did, the one submitted last first.
        since: when the time begins.
        most: at most so many are looked at.
        in_vain: nor any more after so many in a row that ended before: what was submitted before them has, too.
    """
    count, vain, last = 0, 0, None
    for looked, name in enumerate(names):
        if looked >= most or vain >= in_vain:
            return Lately(count, last, exact=False)
        end = End.parse(name)
        said = end and records.last_word(JobAddress(queue, end.id), Ending(state, end, b""))
        vain += 1
        if said is not None and said.at >= since:
            count, vain, last = count + 1, 0, said.at if last is None else max(said.at, last)
    return Lately(count, last)
