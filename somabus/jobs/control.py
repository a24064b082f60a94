"""What people, and agents on their behalf, do with jobs: cancel, pause, resume, replay, and say what became of a step.

Each is one move of the table; whoever works on the job finds its file gone, and stops.
"""

from datetime import timedelta
from typing import Any, Final

from somabus.errors import JobNotFoundError, JobRefusedError, JobStateError, NoSuchStepError, NotApprovedError
from somabus.jobs.desk import Services
from somabus.jobs.records import decoded
from somabus.jobs.submitter import JobReceipt
from somabus.model.job import Job, JobAddress, JobDraft
from somabus.model.ticket import JOB_MOVES, JobEvent, JobState, Ticket, job_target

_TRIES: Final = 10


class Control:
    """Acts on jobs on behalf of one agent."""

    def __init__(self, services: Services) -> None:
        self._me = services.me
        self._opener = services.opener
        self._records = services.records
        self._ledger = services.ledger
        self._follower = services.follower
        self._submitter = services.submitter

    def cancel(self, address: JobAddress, why: str = "") -> list[str]:
        """Cancel a job that has not ended, and all its children; return what was cancelled.

        Power cut or kill in between: the job is cancelled and some children are not; whoever takes one of them cancels
        it, and said again, it goes on with them.

        Raises:
            JobNotFoundError: no such job. JobStateError: it has ended. Nothing was changed.
        """
        try:
            self._act(address, JobEvent.CANCEL, why or f"{self._me} cancelled it")
        except JobStateError as error:
            left = self._cancel_children(address) if error.state == JobState.CANCELLED else []
            if not left:
                raise
            return left
        return [str(address), *self._cancel_children(address)]

    def pause(self, address: JobAddress, why: str = "") -> None:
        """Set a job aside until it is resumed; whoever works on it stops at its next step.

        Raises:
            JobNotFoundError, JobStateError: nothing was changed.
        """
        self._act(address, JobEvent.PAUSE, why or f"{self._me} paused it")

    def resume(self, address: JobAddress) -> None:
        """Let a job that was set aside go on.

        Raises:
            JobNotFoundError, JobStateError: nothing was changed.
        """
        self._act(address, JobEvent.RESUME, f"{self._me} resumed it")
        job = self._records.job(address)
        if job is not None:
            self._follower.catch_up(job)
        self._follower.settle(address)

    def replay(self, address: JobAddress, data: dict[str, Any] | None = None) -> JobReceipt | None:
        """Bring back a job that failed or is dead; with other data, it is submitted anew as a job of its own.

        Its ledger stays: what was done is not done again.

        Raises:
            JobNotFoundError, JobStateError, JobRefusedError: nothing was changed.
        """
        ending = self._records.ending(address)
        if ending is None:
            raise self._wrong(address, JobEvent.REPLAY)
        if JobEvent.REPLAY not in JOB_MOVES[ending.state]:
            raise JobStateError(str(address), ending.state, "replay", _allowed(JobEvent.REPLAY))
        job = decoded(ending.raw)
        if self._records.is_orphan(job):
            raise JobRefusedError(f"its parent {job.parent} was cancelled, and it along with that; submit it anew")
        if data is not None:
            return self._submitter.submit(_again(job, data))
        ticket = Ticket(job.priority.digit, address.id, ending.end.generation)
        self._records.unmeet(address)
        self._records.tried(address, ending.end.generation, JobEvent.REPLAY, error=f"{self._me} brought it back")
        if not self._records.shelf(address.queue).replay(ending.state, ending.end, ticket):
            raise self._wrong(address, JobEvent.REPLAY)
        self._follower.catch_up(job)
        self._follower.settle(address, ticket.name)
        return None

    def decide(self, address: JobAddress, number: int, *, again: bool, result: Any = None) -> None:
        """Say what became of a step that was left pending: it is to be taken again, or it was done, with this result.

        Raises:
            JobNotFoundError, JobStateError: no such job, or somebody is at it. NoSuchStepError: no such step waits for
                a word. NotApprovedError: a protected step is to be taken once more. Nothing was changed.
        """
        lying = self._records.shelf(address.queue).find(address.id)
        page = self._ledger.pages(address).get(number)
        if lying is None or lying.state is JobState.ACTIVE:
            raise self._wrong(address, None)
        if page is None or page.pending is None or not page.in_doubt:
            raise NoSuchStepError(str(address), number)
        pending = page.pending
        said = self._ledger.word(
            address, number, pending.name, turn=pending.turn, generation=pending.generation
        ).model_copy(update={"result": result})
        if again:
            self._refuse_protected(address)
            self._ledger.allow(said)
        else:
            self._ledger.end(said)

    # -- steps ------------------------------------------------------------------------------------------------

    def _refuse_protected(self, address: JobAddress) -> None:
        """Refuse to have what an operator approved taken once more: it was approved once."""
        job = self._records.job(address)
        if job is None or self._opener.protected(job):
            raise NotApprovedError(
                (job.approval if job else None) or "",
                "what is protected is taken once; ask for another approval and submit it anew",
            )

    def _cancel_children(self, address: JobAddress) -> list[str]:
        """Cancel the children of a job, and theirs; return those that had not ended."""
        cancelled, parents = [], [address]
        while parents:
            for bond in self._records.bonds(parents.pop(), "children"):
                child = JobAddress(bond.queue, bond.id)
                try:
                    self._act(child, JobEvent.CANCEL, f"its parent {address} was cancelled")
                except (JobNotFoundError, JobStateError):
                    pass  # it has ended; its own children may not have
                else:
                    cancelled.append(str(child))
                parents.append(child)
        return cancelled

    def _act(self, address: JobAddress, event: JobEvent, why: str) -> None:
        """Make a move of the table, wherever the job lies; it may be moved meanwhile, so it is tried again."""
        shelf = self._records.shelf(address.queue)
        for _ in range(_TRIES):
            lying = shelf.find(address.id)
            if lying is None or event not in JOB_MOVES[lying.state]:
                break
            if job_target(lying.state, event).ended:
                if self._follower.ended(address, lying, event, why):
                    return
                continue
            self._records.tried(address, lying.ticket.generation, event, attempt=lying.ticket.attempt, error=why)
            if shelf.move(lying.state, lying.ticket, event, lying.ticket.idle()):
                return
        raise self._wrong(address, event)

    def _wrong(self, address: JobAddress, event: JobEvent | None) -> JobNotFoundError | JobStateError:
        lying = self._records.shelf(address.queue).find(address.id)
        ending = None if lying is not None else self._records.ending(address)
        if lying is None and ending is None:
            return JobNotFoundError(str(address))
        state = lying.state if lying is not None else ending.state if ending is not None else JobState.DEAD
        return JobStateError(str(address), state, event or "", _allowed(event) if event else ())


def _allowed(event: JobEvent) -> tuple[str, ...]:
    return tuple(state for state, moves in JOB_MOVES.items() if event in moves)


def _again(job: Job, data: dict[str, Any]) -> JobDraft:
    """Return the draft of a job like this one with other data; who waited for the old one has been told its end."""
    seconds = timedelta(seconds=1)
    return JobDraft(
        job.name, data, queue=job.queue, note=job.note, priority=job.priority, on_failure=job.on_failure,
        max_attempts=job.max_attempts, max_stalled=job.max_stalled, backoff=job.backoff_s * seconds,
        backoff_cap=job.backoff_cap_s * seconds, timeout=None if job.timeout_s is None else job.timeout_s * seconds,
        tags=job.tags, skills=job.skills, worker=job.worker,
        slots=None if job.slots is None else (job.slots.key, job.slots.count),
        rate=None if job.rate is None else (job.rate.key, job.rate.count, job.rate.window_s * seconds),
        quiet=None if job.quiet is None else (job.quiet.begins, job.quiet.ends, job.quiet.zone),
        budget=job.budget, replay_of=str(job.address),
    )  # fmt: skip
