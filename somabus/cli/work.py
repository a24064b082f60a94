"""Commands for getting work done: submit a job, and work on a queue."""

import re
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import click

from somabus.agent import Agent
from somabus.cli.became import Became
from somabus.cli.group import Context, command
from somabus.cli.jobs import used
from somabus.cli.mail import json_object
from somabus.cli.output import to_json
from somabus.errors import ConfigurationError
from somabus.jobs.submitter import JobReceipt
from somabus.model.job import ALWAYS_PROTECTED, BUILTIN_NAMES, DEFAULT_QUEUE, OnDuplicate, OnFailure
from somabus.model.message import Priority
from somabus.model.schedule import parse_duration
from somabus.model.text import line, many

_SLOTS: Final = re.compile(r"([^=]+)=(\d{1,3})")
_RATE: Final = re.compile(r"([^=]+)=(\d{1,6})/(\S+)")
_QUIET: Final = re.compile(r"(\d\d:\d\d)-(\d\d:\d\d)(?:@(\S+))?")
_BUDGET: Final = re.compile(r"([^=]+)=(\d+(?:\.\d+)?)")


def _span(_context: click.Context, _option: click.Parameter, text: str | None) -> timedelta | None:
    return None if text is None else parse_duration(text)


def _parts(form: re.Pattern[str], text: str, option: str, example: str) -> tuple[Any, ...]:
    found = form.fullmatch(text)
    if found is None:
        message = f"{option} {text!r} cannot be read; write it as in: {option} {example}"
        raise ConfigurationError(message)
    return found.groups()


def _slots(_context: click.Context, _option: click.Parameter, text: str | None) -> tuple[str, int] | None:
    if text is None:
        return None
    key, count = _parts(_SLOTS, text, "--slots", "gpu=2")
    return key, int(count)


def _rate(_context: click.Context, _option: click.Parameter, text: str | None) -> tuple[str, int, timedelta] | None:
    if text is None:
        return None
    key, count, window = _parts(_RATE, text, "--rate", "api=10/1m")
    return key, int(count), parse_duration(window)


def _quiet(_context: click.Context, _option: click.Parameter, text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    return tuple(filter(None, _parts(_QUIET, text, "--quiet", "22:00-07:00@Europe/Berlin")))


def _budget(_context: click.Context, _option: click.Parameter, texts: Iterable[str]) -> dict[str, float]:
    found = (_parts(_BUDGET, text, "--budget", "tokens=50000") for text in texts)
    return {unit: float(amount) for unit, amount in found}


def data_of(text: str | None) -> dict[str, Any] | None:
    """Return the value of --data: a JSON object, that in a file (`@FILE`), or on standard input (`-`)."""
    if text is None:
        return None
    if text == "-":
        return json_object(sys.stdin.read())
    if not text.startswith("@"):
        return json_object(text)
    try:
        return json_object(Path(text[1:]).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        message = f"--data {text}: {error}"
        raise ConfigurationError(message) from None


def _spanning(flag: str, told: str) -> Callable[[Any], Any]:
    return click.option(flag, metavar="SPAN", callback=_span, help=told)


DATA: Final = click.option("--data", metavar="JSON", help="A JSON object; @FILE or - reads it from there.")


@command("submit", 'somabus submit fetch --data \'{"url": "…"}\' --queue web --key page-1 --max-attempts 3')
@click.argument("name")
@DATA
@click.option("--queue", help="Where.  [default: default]")
@click.option("--priority", type=click.Choice([each.value for each in Priority]))
@click.option("--note", help="What it is about, for people; an approval is bound to it.")
@_spanning("--delay", "Begin no earlier.")
@click.option("--key", help="Once for this key; --on-duplicate says what a second one does.")
@click.option("--slot", metavar="CRON", help="Once for each slot of a schedule, whoever submits it: '0 3 * * *'.")
@click.option("--on-duplicate", type=click.Choice([each.value for each in OnDuplicate]))
@click.option("--depends-on", multiple=True, metavar="JOB", help="First this one must complete; several times.")
@click.option("--parent", metavar="JOB", help="The job that waits for this one.")
@click.option("--children", type=click.IntRange(1), help="Begin once so many children have ended.")
@click.option(
    "--on-failure",
    type=click.Choice([each.value for each in OnFailure]),
    help="What becomes of those that wait for it if it does not complete.",
)
@click.option("--max-attempts", type=click.IntRange(1, 1000), help="Fail after so many.  [default: 5]")
@click.option("--max-stalled", type=click.IntRange(0, 1000), help="Set it aside if more workers vanish.  [default: 3]")
@_spanning("--backoff", "Try again after this, then twice as long.  [default: 30s]")
@_spanning("--backoff-cap", "But never longer.  [default: 1h]")
@_spanning("--timeout", "Of one attempt.")
@_spanning("--begin-within", "Fail if it has not begun by then.")
@_spanning("--end-within", "Fail if it has not ended by then.")
@click.option("--tag", "tags", multiple=True, help="Only a worker with this tag takes it; several times.")
@click.option("--skill", "skills", multiple=True, help="Only an agent certified for it takes it; several times.")
@click.option("--worker", metavar="AGENT", help="Only this agent takes it.")
@click.option("--slots", metavar="KEY=N", callback=_slots, help="At most N of KEY at one time.")
@click.option(
    "--rate", metavar="KEY=N/SPAN", callback=_rate, help="At most N of KEY begin within each SPAN of the clock."
)
@click.option("--quiet", metavar="FROM-TO[@ZONE]", callback=_quiet, help="Begin none in these hours: 22:00-07:00.")
@_spanning("--stagger", "Begin at some moment within this, by its key.")
@click.option("--max-waiting", type=click.IntRange(1), metavar="N", help="Refuse it if N wait already.")
@click.option("--budget", multiple=True, metavar="UNIT=N", callback=_budget, help="What its tree of jobs may spend.")
@click.option("--approval", metavar="ID", help="An operator's yes, for a protected name.")
def submit(context: Context, name: str, data: str | None, **fields: Any) -> None:
    """Submit a job.

    It is on the drive when this returns. A worker of the queue runs it, once; whoever submits it need not stay.
    """
    given = {field: value for field, value in fields.items() if value not in (None, (), {})}
    agent = context.agent()
    receipt = agent.submit(name, data_of(data), **given)
    text = "; ".join([str(receipt), *_lacks(agent, receipt, given)])
    context.out.answer({"receipt": receipt, "address": receipt.address}, text, unread=agent.unread)


def _lacks(agent: Agent, receipt: JobReceipt, given: dict[str, Any]) -> Iterator[str]:
    """Say without what no worker runs a job: it is on the drive all the same."""
    protected = receipt.name in ALWAYS_PROTECTED or receipt.name in agent.bus.policy.protected
    if protected and "approval" not in given and not receipt.duplicate:
        detail = shlex.quote(given.get("note") or "what it is for")
        yield (
            f"but it runs with an operator's yes alone: ask for one with somabus ask {receipt.name} --detail {detail} "
            f"and the same --data, and submit it anew with that as --note and --approval ID"
        )


@command("work", "somabus work --queue web --handlers my_jobs.py")
@click.option("--queue", default=DEFAULT_QUEUE, show_default=True, help="Which one.")
@click.option("--tag", "tags", multiple=True, help="What this worker says of itself; several times.")
@click.option(
    "--handlers",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A Python file with a function setup(agent) that registers handlers.",
)
@_spanning("--lease", "How long a job is this worker's if it vanishes.  [default: 1m]")
@click.option("--until-empty", is_flag=True, help="End when no job can be taken now.")
def work(
    context: Context,
    queue: str,
    tags: tuple[str, ...],
    handlers: Path | None,
    lease: timedelta | None,
    *,
    until_empty: bool,
) -> None:
    """Stay, and run one job of a queue after the other.

    Ctrl-C, SIGTERM or a closed terminal stops after the current job; a second signal gives that back at once, and a
    step that it was in waits for your word. For several at a time, start it several times.
    """
    from somabus.cli.signals import stopping

    agent = context.agent()
    if handlers is not None:
        from somabus.cli.scripts import set_up

        set_up(agent, handlers, "--handlers", "agent.handler('fetch')(fetch)")
    worker = agent.worker(queue, tags=tags, lease_for=lease)
    if note := _nobody_submitted(agent, queue):
        click.echo(note, err=True)

    def tell(job: str, said: str) -> None:
        became = Became.of(agent, job, said)
        facts = {"job": job, "state": became.state, "said": became.text}
        click.echo(to_json(facts) if context.as_json else f"{job} {line(became.text, 300)}")

    with stopping("it ends after the job in hand; a second signal gives that back at once") as stop:
        made = worker.drain(stop=stop, on_job=tell) if until_empty else worker.until(stop, tell)
    left = agent.jobs.left_by(queue, {*BUILTIN_NAMES, *agent.job_handlers.functions}, tags) if until_empty else []
    text = "; ".join([many(made, "attempt"), *(line(str(each), 300) for each in left)])
    context.out.answer({"queue": queue, "attempts": made, "left": left}, text, unread=context.unread())


def _nobody_submitted(agent: Agent, queue: str) -> str:
    """Say of an empty queue which others there are: its name may be a typo."""
    if any(agent.jobs.counts(queue).values()):
        return ""
    there = line(", ".join(used(agent)), 300)
    return f"nothing was submitted to {queue} yet" + (f"; there are: {there}" if there else "")
