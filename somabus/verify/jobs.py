"""Judging jobs, in the folders of their states, and what lies beside them."""

from collections.abc import Iterator
from typing import Final

from somabus.errors import MessageError
from somabus.model.envelope import Seal, split
from somabus.model.job import Job
from somabus.model.ticket import ENDED, End, JobState, Ticket
from somabus.model.wire import parse_object
from somabus.model.work import Bond, Met, Step, Try, step_of
from somabus.verify.alone import judge_document
from somabus.verify.fault import Fault, Paper
from somabus.verify.grounds import PAST, Grounds, Held
from somabus.verify.mail import SYNC, SYNC_TOOL, signature

OPEN: Final = "|".join(state for state in JobState if state not in ENDED)
ASIDE: Final = "a worker will set it aside; its submitter should submit it again"
_OVER: Final = "readers step over it"


def open_job(grounds: Grounds, paper: Paper) -> Iterator[Fault]:
    """Judge a job that has not ended: its name, whose it is, and whether it may be run."""
    name, state = paper.part["name"], paper.part["state"]
    ticket = Ticket.parse(name)
    if ticket is None or not (state == "submitting" or ticket.fits(JobState(state))):
        none = "the name is none of <priority digit>-<id>.<generation>.<failed>.<stalled>.json"
        yield paper.fault(SYNC if SYNC_TOOL.search(name) else none, ASIDE)
        return
    yield from _job(grounds, paper, ticket.id, ticket.digit, waits=True)


def ended_job(grounds: Grounds, paper: Paper) -> Iterator[Fault]:
    """Judge a job that has ended, in the folder of the day of its id."""
    end = End.parse(paper.part["name"])
    if end is None or end.day != paper.part["day"]:
        yield paper.fault("the name is none of <day of the id>/<id>.<generation>.json", "readers do not find it there")
        return
    yield from _job(grounds, paper, end.id, None, waits=False)


def dead_job(_: Grounds, paper: Paper) -> Iterator[Fault]:
    """Judge a job that was set aside: it may be anything, and is told of if it is no job."""
    end = End.parse(paper.part["name"])
    if end is None or end.day != paper.part["day"]:
        yield paper.fault("the name is none of <day of the id>/<id>.<generation>.json", "readers do not find it there")
    try:
        Job.decode(split(paper.raw).body)
    except MessageError as error:
        yield paper.warning(str(error), "it was set aside, and nobody runs it; remove it if nobody misses it")


def attempt(grounds: Grounds, paper: Paper) -> Iterator[Fault]:
    """Judge the record of an attempt: it says where it lies, and whoever it names has sealed it."""
    envelope = split(paper.raw)
    said = Try.from_object(parse_object(envelope.body))
    place = (paper.part["queue"], paper.part["id"], int(paper.part["generation"]), paper.part["event"])
    if said.bus != grounds.bus.bus or (said.queue, said.id, said.generation, said.event.name.lower()) != place:
        yield paper.fault(f"it was made for {said.queue}/{said.id} on the bus {said.bus}", _OVER)
    proof = grounds.proof(said.by, envelope, Seal.TRY)
    if proof.held is not Held.COUNTS:
        tell = paper.warning if proof.held in PAST else paper.fault
        yield tell(proof.said, "the job has ended as its folder says; who ended it, and why, is not proven")


def step(_: Grounds, paper: Paper) -> Iterator[Fault]:
    """Judge a page of the ledger."""
    found = step_of(paper.part["name"])
    if found is None:
        yield paper.warning("the name is none of <number>.<pending, done or again>.json", _OVER)
        return
    if Step.from_object(parse_object(paper.raw)).number != found[0]:
        yield paper.fault("the number in it is another one than its name's", "look at it; the handler is told of this")


def bond(_: Grounds, paper: Paper) -> Iterator[Fault]:
    """Judge the record of a job that waits for another, or is its child."""
    if Bond.from_object(parse_object(paper.raw)).id != paper.part["other"]:
        yield paper.fault("the id in it is another one than its name's", _OVER)


def met(_: Grounds, paper: Paper) -> Iterator[Fault]:
    """Judge the record of an end: its name says all."""
    if Met.parse(paper.part["name"]) is None:
        yield paper.warning("the name is none of <id>.<state>.<policy>.json", _OVER)


def anything(_grounds: Grounds, _paper: Paper) -> Iterator[Fault]:
    """Find no fault: what stands in it does not count."""
    yield from ()


# -- steps ------------------------------------------------------------------------------------------------


def _job(grounds: Grounds, paper: Paper, job_id: str, digit: int | None, *, waits: bool) -> Iterator[Fault]:
    yield from judge_document(paper.key, paper.raw)
    try:
        job = Job.decode(split(paper.raw).body)
    except MessageError:
        return  # said already
    if (job.bus, job.queue, job.id) != (grounds.bus.bus, paper.part["queue"], job_id):
        yield paper.fault(f"it was submitted as {job.address} on the bus {job.bus}", ASIDE)
    if digit is not None and job.priority.digit != digit:
        said = f"the name's digit is {digit}, that of {job.priority} is {job.priority.digit}"
        yield paper.warning(said, "it is served at the name's place")
    yield from signature(grounds, paper, job.sender, Seal.JOB, waits=waits)
