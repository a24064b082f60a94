"""`agent.jobs`: the queues as one agent sees them; looking, and acting on one job."""

from collections.abc import Iterable
from typing import Any

from somabus.errors import JobNotFoundError, JobStateError, ReferenceNotFoundError
from somabus.jobs.aside import Attachment
from somabus.jobs.control import Control
from somabus.jobs.desk import Services
from somabus.jobs.look import JobFile, JobView, Look, QueueStats
from somabus.jobs.outcome import Outcome, outcome_of
from somabus.jobs.standstill import Cause, Ground
from somabus.jobs.submitter import JobReceipt
from somabus.jobs.workers import WorkerRecord
from somabus.model.job import DEFAULT_QUEUE, JobAddress
from somabus.model.names import check_name
from somabus.model.ticket import JobState

Where = str | JobReceipt | JobAddress


class Jobs:
    """The queues of a bus. A job is named by its receipt, its address `queue/id`, or its id in the default queue."""

    def __init__(self, services: Services) -> None:
        self._services = services
        ground = Ground(
            services.store, services.records, services.workers, services.leases, services.stops, services.recipient
        )
        self._look = Look(ground, services.ledger, services.opener, services.aside)
        self._control = Control(services)

    # -- looking ----------------------------------------------------------------------------------------------

    def queues(self) -> list[str]:
        """Return the names of all queues."""
        return self._look.queues()

    def all(
        self, queue: str = DEFAULT_QUEUE, state: JobState | str = JobState.WAITING, limit: int = 100
    ) -> list[JobView]:
        """Return the jobs of a queue in a state, in the order of service; of those that ended, the last first."""
        return list(self._look.jobs(check_name(queue), JobState(state), limit))

    def find(self, job: Where) -> JobView | None:
        """Return one job, wherever it lies, or None if there is none."""
        return self._look.find(address_of(job))

    def named(self, ending: str) -> list[JobAddress]:
        """Return the jobs, in all queues, whose id ends like this."""
        return self._look.named(ending)

    def file(self, job: Where) -> JobFile:
        """Return one job with its history, its ledger, its children and its progress.

        Raises:
            JobNotFoundError: there is none.
        """
        found = self._look.file(address_of(job))
        if found is None:
            raise JobNotFoundError(str(address_of(job)))
        return found

    def outcome(self, job: Where) -> Outcome | None:
        """Return how a job ended, with its result; None if it has not."""
        return outcome_of(self._services.records, address_of(job))

    def counts(self, queue: str = DEFAULT_QUEUE) -> dict[JobState, int]:
        """Return how many jobs of a queue are in which state; of one that is not there all are 0."""
        return self._look.counts(check_name(queue))

    def stats(self, queue: str = DEFAULT_QUEUE) -> QueueStats:
        """Return a queue in numbers, and why it stands still, if it does; of one that is not there all are 0."""
        return self._look.stats(check_name(queue))

    def log(self, job: Where) -> list[str]:
        """Return the lines that a job's handler logged."""
        return [each.line for each in self._services.aside.lines(address_of(job))]

    def attachments(self, job: Where) -> list[Attachment]:
        """Return what a job's handler has attached, by name."""
        return self._services.aside.attachments(address_of(job))

    def attachment(self, job: Where, name: str) -> bytes:
        """Return the content of what a job's handler has attached under a name, as it attached it.

        Raises:
            ReferenceNotFoundError: nothing of that name was attached. StoreDamagedError: it is not what was attached.
        """
        found = self._services.aside.attachment(address_of(job), name)
        if found is None:
            raise ReferenceNotFoundError("attachment", name)
        return found

    def standing(self, queue: str = DEFAULT_QUEUE) -> tuple[list[Cause], list[Cause]]:
        """Return what of a queue's jobs failed within a day or is dead, and why it stands still, if it does."""
        return self._look.standing(check_name(queue))

    def left_by(self, queue: str, names: Iterable[str], tags: Iterable[str] = ()) -> list[Cause]:
        """Return what a worker of this agent with these handlers and tags leaves lying in a queue, and why."""
        me, now, skills = self._services.me, self._services.store.now(), self._services.skills()
        worker = WorkerRecord(agent=me, holder="", seen_at=now, names=tuple(names), tags=tuple(tags), skills=skills)
        return self._look.left_by(check_name(queue), worker)

    # -- acting -----------------------------------------------------------------------------------------------

    def cancel(self, job: Where, why: str = "") -> list[str]:
        """Cancel a job that has not ended, and all its children; return what was cancelled.

        Raises:
            JobNotFoundError, JobStateError: nothing was changed. StoppedError: a human stopped this agent.
        """
        self._services.stopped("Jobs.cancel")
        return self._control.cancel(address_of(job), why)

    def pause(self, job: Where, why: str = "") -> None:
        """Set a job aside until it is resumed; whoever works on it stops at its next step.

        Raises:
            JobNotFoundError, JobStateError: nothing was changed. StoppedError: a human stopped this agent.
        """
        self._services.stopped("Jobs.pause")
        self._control.pause(address_of(job), why)

    def resume(self, job: Where) -> None:
        """Let a job that was set aside go on.

        Raises:
            JobNotFoundError, JobStateError: nothing was changed. StoppedError: a human stopped this agent.
        """
        self._services.stopped("Jobs.resume")
        self._control.resume(address_of(job))

    def replay(self, job: Where, data: dict[str, Any] | None = None) -> JobReceipt | None:
        """Bring back a job that failed or is dead; with other data, it is submitted anew as a job of its own.

        Raises:
            JobNotFoundError, JobStateError: nothing was changed. StoppedError: a human stopped this agent.
        """
        self._services.stopped("Jobs.replay")
        return self._control.replay(address_of(job), data)

    def decide(self, job: Where, step: int, *, again: bool, result: Any = None) -> None:
        """Say what became of a step that was left pending: take it again, or it was done, with this result.

        Raises:
            NoSuchStepError: no such step waits for a word. StoppedError: a human stopped this agent.
        """
        self._services.stopped("Jobs.decide")
        self._control.decide(address_of(job), step, again=again, result=result)

    def tell(self, job: Where, body: str, data: dict[str, Any] | None = None) -> int:
        """Say something to a job; its handler hears it by `ctx.inbox()`.

        Raises:
            JobNotFoundError, JobStateError: there is none, or it has ended. StoppedError: a human stopped this agent.
        """
        self._services.stopped("Jobs.tell")
        view = self.find(job)
        if view is None:
            raise JobNotFoundError(str(address_of(job)))
        if view.state.ended:
            raise JobStateError(str(view.address), view.state, "tell")
        return self._services.aside.tell(address_of(job), body, data or {})


def address_of(job: Where) -> JobAddress:
    """Return where a job is to be looked for.

    Raises:
        JobNotFoundError: that is no address of a job.
    """
    if isinstance(job, JobAddress):
        return job
    if isinstance(job, JobReceipt):
        return JobAddress(job.queue, job.id)
    found = JobAddress.parse(job)
    if found is None:
        raise JobNotFoundError(job)
    return found
