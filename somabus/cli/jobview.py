"""One job in words: what it is, where it is and why, and how it came there."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from somabus.jobs.look import JobFile, JobView
from somabus.jobs.outcome import Outcome
from somabus.model.job import Job
from somabus.model.text import ago, line, many, times
from somabus.model.ticket import JobState
from somabus.model.work import Page

_UNTIL: Final = {JobState.DELAYED: "due", JobState.ACTIVE: "its lease ends"}
_MOST: Final = 1000


def facts_of(view: JobView) -> dict[str, Any]:
    """Return what a program reads of a job."""
    return {
        "address": str(view.address), "state": view.state, "generation": view.generation, "failed": view.failed,
        "stalled": view.stalled, "until": view.until, "submitted_at": view.submitted_at, "fault": view.fault,
        "why": view.why, "sender": view.opened and view.opened.sender, "spec": view.opened and view.opened.job,
    }  # fmt: skip


def file_facts(file: JobFile, outcome: Outcome | None) -> dict[str, Any]:
    """Return what a program reads of a job and all that lies beside it."""
    steps = [
        {"number": number, **page._asdict(), "in_doubt": page.in_doubt} for number, page in sorted(file.steps.items())
    ]
    return {
        "job": facts_of(file.view), "cause": file.cause, "worker": file.worker, "tries": file.tries, "steps": steps,
        "doubt": file.doubt, "unproven": file.unproven,
        "children": [{**each._asdict(), "address": str(each.address)} for each in file.children],
        "progress": file.progress, "spent": file.spent,
        "attachments": file.attachments, "outcome": outcome,
    }  # fmt: skip


def words_of(file: JobFile, outcome: Outcome | None, now: datetime) -> Iterator[str]:
    """Yield the lines that a person reads; what is long is cut, and whole in the facts."""
    view = file.view
    yield f"job       {view.address}"
    yield f"state     {', '.join(_state(file, now))}"
    if file.cause is not None:
        yield f"because   {line(str(file.cause), _MOST)}"
    if view.opened is None:
        yield f"fault     {line(view.fault, 300)}"
    else:
        facts = {**_spec(view, view.opened.job, view.opened.sender, now), "asks for": _asks(view.opened.job)}
        yield from (f"{name:<10}{value}" for name, value in facts.items() if value)
    yield from _life(file)
    if outcome is not None and not outcome.failed:
        yield f"result    {_json(outcome.result)}"


def _json(value: Any) -> str:
    return line(json.dumps(value, ensure_ascii=False), _MOST)


def _state(file: JobFile, now: datetime) -> Iterator[str]:
    view = file.view
    yield str(view.state) + (f" with {file.worker}" if file.worker else "")
    if view.failed:
        yield many(view.failed, "failure")
    if view.stalled:
        yield f"stalled {times(view.stalled)}: a worker had it and vanished"
    if view.until is not None and view.state in _UNTIL:
        yield f"{_UNTIL[view.state]} {ago(view.until, now)}"


def _spec(view: JobView, job: Job, sender: str, now: datetime) -> dict[str, str]:
    return {
        "name": job.name,
        "submitted": f"{ago(view.submitted_at, now)} by {sender}, {job.priority}",
        "note": line(job.note, _MOST),
        "data": _json(job.data) if job.data else "",
        "after": line(", ".join(job.depends_on), _MOST),
        "parent": job.parent or "",
    }


def _asks(job: Job) -> str:
    """Say what must hold before it begins, and how long it may take."""
    asked = {
        "tags": " ".join(job.tags),
        "skills": " ".join(job.skills),
        "worker": job.worker,
        "key": job.key,
        "children": job.children or "",
        "slots": job.slots and f"{job.slots.key}={job.slots.count}",
        "rate": job.rate and f"{job.rate.key}={job.rate.count}/{job.rate.window_s:g}s",
        "quiet": job.quiet and f"{job.quiet.begins}-{job.quiet.ends}@{job.quiet.zone}",
        "begin by": job.begin_by and f"{job.begin_by:%Y-%m-%d %H:%M:%S} UTC",
        "end by": job.end_by and f"{job.end_by:%Y-%m-%d %H:%M:%S} UTC",
        "timeout": job.timeout_s and f"{job.timeout_s:g}s",
        "budget": " ".join(f"{unit}={amount:g}" for unit, amount in job.budget.items()),
        "approval": job.approval,
    }
    return line(", ".join(f"{name} {value}" for name, value in asked.items() if value), _MOST)


def _life(file: JobFile) -> Iterator[str]:
    """Say how a job came to where it is."""
    if file.progress is not None:
        yield f"progress  {file.progress.fraction:.0%} {line(file.progress.note, 200)}".rstrip()
    for each in file.tries:
        why = f": {line(each.error, 300)}" if each.error else ""
        yield f"history   {each.at:%Y-%m-%d %H:%M:%S} {each.event} by {each.by}{why}"
    if file.unproven:
        yield f"history   {many(file.unproven, 'record')} left out: not signed by whom it names, or of no claim"
    if came_back := _unrecorded(file):
        waited = ", waited for its children" if file.children else ""
        yield f"history   {times(came_back)} put off{waited}, or its worker vanished"
    for number, page in sorted(file.steps.items()):
        yield f"step      {number} {_page(file, number, page)}"
    if file.doubt:
        yield f"ledger    {line(file.doubt, 300)}"
    yield from (f"child     {each.address} {each.name} {each.state or 'not to be seen'}" for each in file.children)
    yield from (f"attached  {line(each.name, 200)} ({many(each.size, 'byte')})" for each in file.attachments)
    yield from (f"spent     {amount:g} {line(unit)}" for unit, amount in file.spent.items())


def _unrecorded(file: JobFile) -> int:
    """Count the claims that ended without a record; each has a generation, and the one that lasts is no secret."""
    lasts = {file.view.generation} if file.view.state is JobState.ACTIVE else set()
    return file.view.generation - len({each.generation for each in file.tries if each.generation} | lasts)


def _page(file: JobFile, number: int, page: Page) -> str:
    known = page.done or page.pending
    name = line(known.name) if known else "?"
    if page.done is not None:
        told = page.pending is not None and page.pending.by != page.done.by  # of a job that was set aside
        return f"{name}: done{': so said' if told else ' by'} {page.done.by}"
    if not page.in_doubt:
        return f"{name}: to be taken again"
    if file.view.state is not JobState.PAUSED:
        return f"{name}: begun"
    return (
        f"{name}: begun, and nobody knows whether it took effect; look, then say: "
        f"somabus job step {file.view.address} {number} --again, or --done JSON"
    )
