"""Commands for one job: job show, log, attachments, tell, cancel, pause, resume, replay, step."""

from pathlib import Path
from typing import Any, Final

import click

from somabus.agent import Agent
from somabus.cli.group import Context, finish
from somabus.cli.jobs import Shows, act
from somabus.cli.jobview import file_facts, words_of
from somabus.cli.output import Exit
from somabus.cli.work import DATA, data_of
from somabus.errors import ConfigurationError, MalformedMessageError
from somabus.jobs.look import JobFile
from somabus.model.job import OnFailure
from somabus.model.text import ago, line, many
from somabus.model.ticket import JOB_MOVES, JobEvent, JobState
from somabus.model.wire import parse_object

_ENDING: Final = 6
"""So much of an id is the least that names a job."""

_REPLAYED: Final = tuple(state for state, moves in JOB_MOVES.items() if JobEvent.REPLAY in moves)
_JOB: Final = click.argument("job")
_WHY: Final = click.option("--why", default="", help="For whoever looks at it later.")


@click.group("job", cls=Shows, epilog="Example: somabus job show web/0199d8a2-5c00-7000-8000-7c1e99ab02d4")
def job() -> None:
    """Look at one job, or act on it: somabus job JOB.

    JOB is its address as the receipt has it, or the end of its id.
    """


@act(job, "show", "show web/0199d8a2-5c00-7000-8000-7c1e99ab02d4")
@_JOB
def show(context: Context, job: str) -> None:
    """Show a job.

    With why it stands still, its history, its ledger of steps, its children, its attachments and its result.
    """
    agent, job = _named(context, job)
    file, outcome = agent.jobs.file(job), agent.jobs.outcome(job)
    lines = words_of(file, outcome, agent.inbox.now())
    context.out.answer(file_facts(file, outcome), "\n".join(lines), unread=agent.unread)


@act(job, "log", "log web/0199d8a2-5c00-7000-8000-7c1e99ab02d4")
@_JOB
def log(context: Context, job: str) -> None:
    """Print what its handler logged."""
    agent, job = _named(context, job)
    address = agent.jobs.file(job).view.address
    found = agent.jobs.log(address)
    text = "\n".join(line(each, 10_000) for each in found) or "nothing was logged"
    context.out.answer({"job": str(address), "log": found}, text, unread=agent.unread)
    finish(Exit.DONE if found else Exit.NOTHING)


@act(job, "attachments", "attachments web/0199d8a2-5c00-7000-8000-7c1e99ab02d4 report.html --to report.html")
@_JOB
@click.argument("name", required=False)
@click.option(
    "--to", type=click.Path(dir_okay=False, path_type=Path), help="Write it into this file, over what is there."
)
def attachments(context: Context, job: str, name: str | None, to: Path | None) -> None:
    """List what its handler attached.

    With NAME, print that one as it is, or write it into a file.
    """
    agent, job = _named(context, job)
    if name is not None:
        _write(context, agent.jobs.attachment(job, name), name, to)
        return
    found, now = agent.jobs.attachments(agent.jobs.file(job).view.address), agent.inbox.now()
    rows = [(each.name, each.size, each.by, ago(each.at, now)) for each in found]
    facts = {"job": job, "attachments": found}
    columns = ("name", "bytes", "by", "attached")
    context.out.table(facts, columns, rows, empty="nothing was attached", unread=agent.unread)
    finish(Exit.DONE if found else Exit.NOTHING)


@act(job, "tell", "tell web/0199d8a2-5c00-7000-8000-7c1e99ab02d4 'leave the pictures out'")
@_JOB
@click.argument("text")
@DATA
def tell(context: Context, job: str, text: str, data: str | None) -> None:
    """Say something to a job; its handler hears it when it asks."""
    if not text.strip():
        message = "there is nothing to say: give TEXT"
        raise ConfigurationError(message)
    agent, job = _named(context, job)
    number = agent.jobs.tell(job, text, data_of(data))
    context.out.answer({"job": job, "number": number}, f"said to {job} as number {number}", unread=agent.unread)


@act(job, "cancel", "cancel web/0199d8a2-5c00-7000-8000-7c1e99ab02d4 --why 'not needed any more'")
@_JOB
@_WHY
def cancel(context: Context, job: str, why: str) -> None:
    """Cancel a job that has not ended, and all its children."""
    agent, job = _named(context, job)
    done = agent.jobs.cancel(job, why)
    context.out.answer({"cancelled": done}, f"cancelled {', '.join(done)}", unread=agent.unread)


@act(job, "pause", "pause web/0199d8a2-5c00-7000-8000-7c1e99ab02d4")
@_JOB
@_WHY
def pause(context: Context, job: str, why: str) -> None:
    """Set a job aside until it is resumed.

    Whoever works on it stops at its next step.
    """
    agent, job = _named(context, job)
    agent.jobs.pause(job, why)
    context.out.answer(
        {"paused": job}, f"{job} is paused; it goes on with: somabus job resume {job}", unread=agent.unread
    )


@act(job, "resume", "resume web/0199d8a2-5c00-7000-8000-7c1e99ab02d4")
@_JOB
def resume(context: Context, job: str) -> None:
    """Let a job that was set aside go on."""
    agent, job = _named(context, job)
    agent.jobs.resume(job)
    file = agent.jobs.file(job)
    text, doubtful = f"{job} goes on: it is {file.view.state}", [n for n, page in file.steps.items() if page.in_doubt]
    if doubtful:
        word = f"somabus job step {job} {min(doubtful)} --again, or --done JSON"
        text += f"; it will come back to you, for step {min(doubtful)} still waits for your word: {word}"
    facts = {"resumed": job, "state": file.view.state, "in_doubt": doubtful}
    context.out.answer(facts, text, unread=agent.unread)


@act(job, "replay", "replay web/0199d8a2-5c00-7000-8000-7c1e99ab02d4")
@_JOB
@DATA
def replay(context: Context, job: str, data: str | None) -> None:
    """Bring back a job that failed or is dead.

    What its ledger has as done is not done again. With --data, a job of its own is submitted with that instead.
    """
    agent, job = _named(context, job)
    receipt = agent.jobs.replay(job, data_of(data))
    if receipt is not None:
        context.out.answer({"replayed": job, "receipt": receipt}, str(receipt), unread=agent.unread)
        return
    file = agent.jobs.file(job)  # what it waits for may have failed, too
    failed = file.view.state is JobState.FAILED
    first = _failed_before(agent, file) if failed else []
    became = f"failed again at once: {line(file.view.why, 300)}" if failed else f"is back: it is {file.view.state}"
    text = f"{job} {became}" + "".join(f"\nreplay first: somabus job replay {each}" for each in first)
    facts = {"replayed": job, "receipt": None, "state": file.view.state, "replay_first": first}
    context.out.answer(facts, text, unread=agent.unread)
    finish(Exit.REFUSED if failed else Exit.DONE)


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
    agent, job = _named(context, job)
    agent.jobs.decide(job, number, again=again, result=None if done is None else _value(done))
    said = "is taken again" if again else "counts as done"
    text = f"step {number} {said}; the job goes on with: somabus job resume {job}"
    context.out.answer({"job": job, "step": number, "again": again}, text, unread=agent.unread)


# -- steps ----------------------------------------------------------------------------------------------------


def _named(context: Context, job: str) -> tuple[Agent, str]:
    """Return the agent, and the address of the job that is meant: also by the end of its id alone, in any queue."""
    agent = context.agent()
    if "/" in job or len(job) < _ENDING:
        return agent, job
    found = agent.jobs.named(job)
    if len(found) > 1:
        message = f"{line(job)!r} is the end of {len(found)} ids; give more of it: {', '.join(map(str, found[:3]))}"
        raise ConfigurationError(message)
    return agent, str(found[0]) if found else job


def _failed_before(agent: Agent, file: JobFile) -> list[str]:
    """Return the jobs for whose failure a job fails, and which a replay brings back."""
    needs = file.view.opened.job.depends_on if file.view.opened else ()
    children = [str(each.address) for each in file.children if each.state in _REPLAYED]
    views = filter(None, map(agent.jobs.find, dict.fromkeys([*needs, *children])))
    known = [(each, each.opened.job) for each in views if each.state in _REPLAYED and each.opened is not None]
    return [str(each.address) for each, job in known if job.on_failure is OnFailure.FAIL]


def _write(context: Context, content: bytes, name: str, to: Path | None) -> None:
    """Write an attachment where it is wanted; its own name says nothing of where that is."""
    if to is None and context.as_json:
        message = "an attachment is bytes, and no JSON: give --to FILE"
        raise ConfigurationError(message)
    if to is None:
        click.echo(content, nl=False)
        return
    try:
        to.write_bytes(content)
    except OSError as error:
        message = f"--to {to}: {error}"
        raise ConfigurationError(message) from None
    context.out.answer({"name": name, "bytes": len(content), "file": str(to)}, f"{many(len(content), 'byte')} in {to}")


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
