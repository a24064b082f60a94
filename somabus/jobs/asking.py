"""What a job asks of its worker, in words and as the command that starts one."""

from somabus.model.job import BUILTIN_NAMES, Job


def asks(job: Job) -> str:
    """Say what a job asks of its worker."""
    parts = [f"tag {each}" for each in job.tags] + [f"skill {each}" for each in job.skills]
    return job.name + (f" with {' and '.join(parts)}" if parts else "") + (f" by {job.worker}" if job.worker else "")


def worker_for(job: Job) -> str:
    """Return the command that starts a worker which takes a job."""
    words = ["somabus", *(["--agent", job.worker] if job.worker else []), "work", "--queue", job.queue]
    words += [word for tag in job.tags for word in ("--tag", tag)]
    return " ".join([*words, *([] if job.name in BUILTIN_NAMES else ["--handlers", "FILE.py"])])
