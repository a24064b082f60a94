"""What became of the job that a worker had: its state, and what was said, in one line."""

from datetime import datetime
from typing import Final, NamedTuple

from somabus.agent import Agent
from somabus.jobs.look import JobView
from somabus.model.text import ago
from somabus.model.ticket import JobState

GIVEN_BACK: Final = "given back"
_SAYS_ALL: Final = {JobState.COMPLETED: "completed", JobState.WAITING_CHILDREN: "waits for its children"}


class Became(NamedTuple):
    """The state that a job is in after an attempt, None if it cannot be seen, and a line for people."""

    state: JobState | None
    text: str

    @classmethod
    def of(cls, agent: Agent, job: str, said: str) -> "Became":
        """Look where a job lies of which its worker said what came of its attempt."""
        if said == "completed":
            return cls(JobState.COMPLETED, said)
        view = agent.jobs.find(job)
        if view is None:
            return cls(None, said)
        if said == "lost":
            return cls(view.state, f"lost: it is {_lost(agent, view)}")
        if said == GIVEN_BACK:
            return cls(view.state, _given_back(agent, view))
        return cls(view.state, _SAYS_ALL.get(view.state) or _settled(view, said, agent.inbox.now()))


def _settled(view: JobView, said: str, now: datetime) -> str:
    """Say in which state it is, and what the worker said of that, or else what is written down."""
    why = said.removeprefix("failed").removeprefix(": ") or view.why
    if view.state is JobState.DELAYED and said.startswith("failed"):
        return f"failed, again {ago(view.until, now)}: {why}"
    return said if view.state in (JobState.DELAYED, JobState.WAITING, JobState.ACTIVE) else f"{view.state}: {why}"


def _lost(agent: Agent, view: JobView) -> str:
    """Say of an attempt that was lost how: it was set aside or ended by another, or passed on."""
    last = agent.jobs.file(view.address).tries[-1:]
    if view.state in (JobState.ACTIVE, JobState.WAITING) or not last:
        return f"{view.state} again; its lease had ended, and another has taken it"
    return f"{view.state}: {last[0].error}" if last[0].error else str(view.state)


def _given_back(agent: Agent, view: JobView) -> str:
    """Say whether it was, and whether a step that was cut off waits for a word."""
    if view.state is JobState.ACTIVE:
        return f"could not be given back; another takes it once its lease ends, {ago(view.until, agent.inbox.now())}"
    doubtful = [number for number, page in agent.jobs.file(view.address).steps.items() if page.in_doubt]
    word = f"somabus job step {view.address} {min(doubtful, default=0)} --again, or --done JSON"
    waits = f"; step {min(doubtful)} was cut off, and waits for your word: {word}" if doubtful else ""
    return f"given back: it is {view.state}{waits}"
