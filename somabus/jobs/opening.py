"""Opening a job: from untrusted bytes to a job with the trust it deserves, and whether this worker may run it."""

from typing import TYPE_CHECKING, NamedTuple

from somabus.authority import Authority
from somabus.errors import MessageTooLargeError, NotApprovedError
from somabus.model.approval import Covered
from somabus.model.deadletter import Reason
from somabus.model.envelope import Seal, split
from somabus.model.job import ALWAYS_PROTECTED, Job
from somabus.model.trust import Trust
from somabus.model.wire import MAX_DOCUMENT
from somabus.opener import Opener, Proof, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from somabus.approvals import Approvals


class OpenedJob(NamedTuple):
    """A job, and what its signature proves of who submitted it."""

    job: Job
    proof: Proof

    @property
    def sender(self) -> str:
        """How people read the submitter: `name #1a2b3c4d` if proven, `name (unsigned)` and the like if not."""
        mark = f"#{self.proof.short}" if self.proof.trust.proven else f"({self.proof.trust})"
        return f"{self.job.sender} {mark}"


class JobOpener:
    """Opens jobs on behalf of one agent."""

    def __init__(self, me: str, authority: Authority, opener: Opener, approvals: "Callable[[], Approvals]") -> None:
        self._me = me
        self._authority = authority
        self._opener = opener
        self._approvals = approvals

    def open(self, raw: bytes) -> OpenedJob:
        """Read, verify and mark a job.

        Raises:
            MalformedMessageError, MessageTooLargeError, UnsupportedFormatError: no job of format 1.
            StoreUnavailableError: could not look for the submitter's key.
        """
        if len(raw) > MAX_DOCUMENT:
            raise MessageTooLargeError(len(raw), MAX_DOCUMENT)
        envelope = split(raw)
        job = Job.decode(envelope.body)
        return OpenedJob(job, self._opener.prove(job.sender, envelope, Seal.JOB))

    def refusal(self, opened: OpenedJob, queue: str, job_id: str) -> Refusal | None:
        """Say why nobody may run a job that lies in this queue under this id, or None; approvals apart."""
        job, proof, bus = opened.job, opened.proof, self._authority.bus
        if (job.bus, job.queue, job.id) != (bus.bus, queue, job_id):
            said = f"it was submitted as {job.address} on the bus {job.bus}, and lies as {queue}/{job_id} on {bus.bus}"
            return Refusal(Reason.WRONG_ADDRESS, said)
        if proof.trust is Trust.FORGED:
            return Refusal(Reason.FORGED, proof.doubt)
        if proof.trust is Trust.REVOKED:
            return Refusal(Reason.REVOKED, proof.doubt)
        if not self._opener.counts_as(proof.trust):
            said = f"its submitter is {proof.trust}, and this bus acts on {bus.policy.trust} and better"
            return Refusal(Reason.UNTRUSTED, f"{said}: {proof.doubt}" if proof.doubt else said, later=not proof.doubt)
        if job.hops > bus.policy.hop_limit:
            return Refusal(
                Reason.HOPS,
                f"hop {job.hops} of a chain that began with {job.origin}; the limit is {bus.policy.hop_limit}",
            )
        return None

    def protected(self, job: Job) -> bool:
        """Tell whether a job runs only with an operator's approval."""
        return job.name in ALWAYS_PROTECTED or job.name in self._authority.bus.policy.protected

    def awaits_approval(self, opened: OpenedJob) -> bool:
        """Tell whether a job is left where it lies: it was approved for another agent, or nobody answered yet."""
        if not self.protected(opened.job) or opened.proof.trust is Trust.OPERATOR or not opened.job.approval:
            return False
        return self._approvals().awaits(covered(opened.job))

    def uncovered(self, opened: OpenedJob, *, spend: bool) -> Refusal | None:
        """Say why a job may not be run here for want of an approval, or None; `spend` uses it up for this job."""
        if not self.protected(opened.job) or opened.proof.trust is Trust.OPERATOR:
            return None
        try:
            self._approvals().cover(covered(opened.job), spend=spend)
        except NotApprovedError as error:
            return Refusal(Reason.NOT_APPROVED, str(error))
        return None

    def finish(self, job: Job) -> None:
        """Note that a job ran to its end: no copy of it is covered by its approval."""
        if self.protected(job) and job.approval:
            self._approvals().finish(covered(job))


def covered(job: Job) -> Covered:
    """Return what an approval must have been asked for, to the letter."""
    return Covered(
        id=job.id,
        approval=job.approval or "",
        sender=job.sender,
        action=job.name,
        detail=job.note,
        data=job.data,
        called=f"a job {job.name} needs an approval",
        text="note",
    )
