"""What a job asks of its worker, in words and as the command that starts one; and whom an approval names for it."""

from typing import TYPE_CHECKING

from somabus.errors import NotApprovedError
from somabus.model.job import BUILTIN_NAMES, Job

if TYPE_CHECKING:
    from somabus.approvals import Approvals
    from somabus.jobs.opening import JobOpener


def asks(job: Job) -> str:
    """Say what a job asks of its worker."""
    parts = [f"tag {each}" for each in job.tags] + [f"skill {each}" for each in job.skills]
    return job.name + (f" with {' and '.join(parts)}" if parts else "") + (f" by {job.worker}" if job.worker else "")


def worker_for(job: Job) -> str:
    """Return the command that starts a worker which takes a job; a skill is not told, the agent must have it."""
    words = ["somabus", *(["--agent", job.worker] if job.worker else []), "work", "--queue", job.queue]
    words += [word for tag in job.tags for word in ("--tag", tag)]
    words += [] if job.name in BUILTIN_NAMES else ["--handlers", "FILE.py"]
    skills = f", as an agent with the skill {' and '.join(job.skills)} (somabus peers)" if job.skills else ""
    return " ".join(words) + skills


def recipient_of(job: Job, opener: "JobOpener", approvals: "Approvals") -> str | None:
    """Return who alone may run a protected job, by the approval that it names; None if it is for anybody, or nobody."""
    if job.approval is None or not opener.protected(job):
        return None
    try:
        return approvals.recipient(job.approval)
    except NotApprovedError:
        return None
