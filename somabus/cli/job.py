"""Commands for one job: job show, log, tell, cancel, pause, resume, replay, step."""

import json
from datetime import datetime
from typing import Any, Final

import click

from somabus.agent import Agent
from somabus.cli.group import Context, finish
from somabus.cli.jobs import Shows, act, facts_of
from somabus.cli.output import Exit
from somabus.cli.work import DATA, data_of
from somabus.errors import ConfigurationError, JobNotFoundError, MalformedMessageError
from somabus.jobs.look import JobFile, JobView
from somabus.model.job import JobAddress
from somabus.model.text import ago, line, many
from somabus.model.ticket import JobState
from somabus.model.wire import parse_object
from somabus.model.work import Page

_JOB: Final = click.argument("job")
_WHY: Final = click.option("--why", default="", help="For whoever looks at it later.")


@click.group("job", cls=Shows, epilog="Example: somabus job show web/0199d8a2-5c00-7000-8000-7c1e99ab02d4")
def job() -> None:
    """Look at one job, or act on it: somabus job JOB.

    JOB is its address as the receipt has it, or the id of one in the queue named default.
    """


@act(job, "show", "show web/0199d8a2-5c00-7000-8000-7c1e99ab02d4")
@_JOB
def show(context: Context, job: str) -> None:
    """Show a job.

    With its history, its ledger of steps, its children, its progress and its result.
    """
    agent = context.agent()
    file = agent.jobs.file(job)
    outcome, now = agent.jobs.outcome(file.view.address), agent.inbox.now()
    facts = {
        "job": facts_of(file.view), "tries": file.tries,
        "steps": [{"number": number, **page._asdict(), "in_doubt": page.in_doubt}
                  for number, page in sorted(file.steps.items())],
        "children": [str(each) for each in file.children], "progress": file.progress, "spent": file.spent,
        "outcome": outcome,
    }  # fmt: skip
    lines = [*_spec(file.view, now), *_life(file)]
    if outcome is not None and not outcome.failed:
        lines.append(f"result    {line(json.dumps(outcome.result, ensure_ascii=False), 1000)}")
    context.out.answer(facts, "\n".join(lines), unread=agent.unread)


@act(job, "log", "log web/0199d8a2-5c00-7000-8000-7c1e99ab02d4")
@_JOB
def log(context: Context, job: str) -> None:
    """Print what its handler logged."""
    agent = context.agent()
    address = _there(agent, job)
    found = agent.jobs.log(address)
    text = "\n".join(line(each, 10_000) for each in found) or "nothing was logged"
    context.out.answer({"job": str(address), "log": found}, text, unread=agent.unread)
    finish(Exit.DONE if found else Exit.NOTHING)


@act(job, "tell", "tell web/0199d8a2-5c00-7000-8000-7c1e99ab02d4 'leave the pictures out'")
@_JOB
@click.argument("text")
@DATA
def tell(context: Context, job: str, text: str, data: str | None) -> None:
    """Say something to a job; its handler hears it when it asks."""
    agent = context.agent()
    number = agent.jobs.tell(job, text, data_of(data))
    context.out.answer({"job": job, "number": number}, f"said to {job} as number {number}", unread=agent.unread)


@act(job, "cancel", "cancel web/0199d8a2-5c00-7000-8000-7c1e99ab02d4 --why 'not needed any more'")
@_JOB
@_WHY
def cancel(context: Context, job: str, why: str) -> None:
    """Cancel a job that has not ended, and all its children."""
    agent = context.agent()
    done = agent.jobs.cancel(job, why)
    context.out.answer({"cancelled": done}, f"cancelled {', '.join(done)}", unread=agent.unread)


@act(job, "pause", "pause web/0199d8a2-5c00-7000-8000-7c1e99ab02d4")
@_JOB
@_WHY
def pause(context: Context, job: str, why: str) -> None:
    """Set a job aside until it is resumed.

    Whoever works on it stops at its next step.
    """
    agent = context.agent()
    agent.jobs.pause(job, why)
    context.out.answer(
        {"paused": job}, f"{job} is paused; it goes on with: somabus job resume {job}", unread=agent.unread
    )


@act(job, "resume", "resume web/0199d8a2-5c00-7000-8000-7c1e99ab02d4")
@_JOB
def resume(context: Context, job: str) -> None:
    """Let a job that was set aside go on."""
    agent = context.agent()
    agent.jobs.resume(job)
    view = agent.jobs.find(job)
    state = view and view.state
    context.out.answer({"resumed": job, "state": state}, f"{job} goes on: it is {state}", unread=agent.unread)


@act(job, "replay", "replay web/0199d8a2-5c00-7000-8000-7c1e99ab02d4")
@_JOB
@DATA
def replay(context: Context, job: str, data: str | None) -> None:
    """Bring back a job that failed or is dead.

    What its ledger has as done is not done again. With --data, a job of its own is submitted with that instead.
    """
    agent = context.agent()
    receipt = agent.jobs.replay(job, data_of(data))
    text = f"{job} is back" if receipt is None else str(receipt)
    context.out.answer({"replayed": job, "receipt": receipt}, text, unread=agent.unread)


@act(job, "step", "step web/0199d8a2-5c00-7000-8000-7c1e99ab02d4 3 --again")
@_JOB
@click.argument("number", type=click.IntRange(1))
@click.option("--again", is_flag=True, help="It did not take effect: take it.")
@click.option("--done", metavar="JSON", help="It took effect, and this is its result.")
def step(context: Context, job: str, number: int, done: str | None, *, again: bool) -> None:
    """Say what became of a step that nobody knows about.

    A worker vanished in the middle of the step, so the job waits for your word. Let it go on with: somabus job resume.
    """
    if again == (done is not None):
        message = "say which: --again, it did not take effect, or --done JSON, it did, and this is its result"
        raise ConfigurationError(message)
    agent = context.agent()
    agent.jobs.decide(job, number, again=again, result=None if done is None else _value(done))
    said = "is taken again" if again else "counts as done"
    text = f"step {number} {said}; the job goes on with: somabus job resume {job}"
    context.out.answer({"job": job, "step": number, "again": again}, text, unread=agent.unread)


# -- steps ----------------------------------------------------------------------------------------------------


def _there(agent: Agent, job: str) -> JobAddress:
    view = agent.jobs.find(job)
    if view is None:
        raise JobNotFoundError(job)
    return view.address


def _value(text: str) -> Any:
    try:
        found = parse_object(f'{{"result":{text}}}'.encode())
    except MalformedMessageError as error:
        found, why = {}, error.reason
    else:
        why = "more than one value"
    if set(found) != {"result"}:
        message = f"--done {line(text)!r}: {why}; write one JSON value such as null, 3 or {{}}"
        raise ConfigurationError(message)
    return found["result"]


def _spec(view: JobView, now: datetime) -> list[str]:
    """Say what a job is, and where it is."""
    until = {JobState.DELAYED: "due", JobState.ACTIVE: "its lease ends"}.get(view.state)
    tried = [many(view.failed, "failure")] * bool(view.failed) + [f"stalled {view.stalled} times"] * bool(view.stalled)
    due = [f"{until} {ago(view.until, now)}"] if until and view.until else []
    lines = [f"job       {view.address}", f"state     {', '.join([view.state, *tried, *due])}"]
    if view.opened is None:
        return [*lines, f"fault     {line(view.fault, 300)}"]
    spec = view.opened.job
    asked = {"tags": spec.tags, "skills": spec.skills, "worker": spec.worker, "key": spec.key}
    facts = {
        "name": spec.name,
        "submitted": f"{ago(view.submitted_at, now)} by {view.opened.sender}, {spec.priority}",
        "note": line(spec.note, 1000),
        "data": line(json.dumps(spec.data, ensure_ascii=False), 1000) if spec.data else "",
        "after": ", ".join(spec.depends_on),
        "parent": spec.parent or "",
        "asks for": ", ".join(f"{name} {value if isinstance(value, str) else ' '.join(value)}"
                              for name, value in asked.items() if value),
    }  # fmt: skip
    return [*lines, *(f"{name:<10}{value}" for name, value in facts.items() if value)]


def _life(file: JobFile) -> list[str]:
    """Say how a job came to where it is."""
    lines = []
    if file.progress is not None:
        lines.append(f"progress  {file.progress.fraction:.0%} {line(file.progress.note, 200)}".rstrip())
    for each in file.tries:
        why = f": {line(each.error, 300)}" if each.error else ""
        lines.append(f"history   {each.at:%Y-%m-%d %H:%M:%S} {each.event} by {each.by}{why}")
    lines += [f"step      {number} {_page(file, number, page)}" for number, page in sorted(file.steps.items())]
    lines += [f"child     {each}" for each in file.children]
    lines += [f"spent     {amount:g} {line(unit)}" for unit, amount in file.spent.items()]
    return lines


def _page(file: JobFile, number: int, page: Page) -> str:
    known = page.done or page.pending
    name = line(known.name) if known else "?"
    if page.done is not None:
        return f"{name}: done by {page.done.by}"
    if not page.in_doubt:
        return f"{name}: to be taken again"
    if file.view.state is not JobState.PAUSED:
        return f"{name}: begun"
    return (
        f"{name}: begun, and nobody knows whether it took effect; look, then say: "
        f"somabus job step {file.view.address} {number} --again, or --done JSON"
    )
