"""How a scheduler's own tool is run, and what all schedulers have in common."""

import getpass
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from somabus.errors import SchedulerError
from somabus.scheduler.plan import Plan

_PATIENCE_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Done:
    """How a tool ended, and what it printed."""

    code: int
    out: bytes = b""
    err: str = ""


Run = Callable[[Sequence[str], bytes], Done]
"""Runs a tool with an input and returns how it ended."""


def run(order: Sequence[str], given: bytes = b"") -> Done:
    """Run a tool; it is not waited for for ever.

    Raises:
        SchedulerError: it is not there, or does not answer.
    """
    try:
        done = subprocess.run(  # noqa: S603 - a list, no shell
            list(order), input=given, capture_output=True, timeout=_PATIENCE_S, check=False
        )
    except FileNotFoundError as error:
        raise SchedulerError(order[0], "is not installed here") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SchedulerError(order[0], f"does not answer: {error}") from error
    return Done(done.returncode, done.stdout, done.stderr.decode(errors="replace"))


def user() -> str:
    """Return the name of this user, who may have none in a container."""
    with suppress(KeyError, OSError, ImportError):
        return getpass.getuser()
    return "nobody"


def must(order: Sequence[str], done: Done) -> Done:
    """Return what a tool did, if it did it.

    Raises:
        SchedulerError: it ended with another code than 0.
    """
    if done.code:
        said = done.err.strip() or done.out.decode(errors="replace").strip()
        raise SchedulerError(order[0], f"said no ({done.code}): {said}")
    return done


class Scheduler(Protocol):
    """One scheduler of a machine. It knows entries by their job's name, and touches no other."""

    name: str

    def render(self, plan: Plan, now: datetime) -> str:
        """Return the entry as text, and touch nothing."""

    def by_hand(self, plan: Plan) -> str:
        """Return how a human who has the rendered entry puts it where it belongs."""

    def install(self, plan: Plan, now: datetime) -> None:
        """Make the entry be there as planned; the one before it, if any, is replaced.

        Raises:
            SchedulerError: it is as it was.
        """

    def remove(self, job: str) -> bool:
        """Take the entry away, and nothing else; False if there was none."""

    def find(self, job: str) -> str:
        """Return the entry as it stands; empty if there is none."""

    def start(self, job: str) -> None:
        """Start what the entry says now, as the scheduler would, and do not wait for its end."""

    def look(self, job: str) -> str:
        """Return what a human types to see the scheduler's own view."""

    def note(self, plan: Plan) -> str:
        """Return what a human should know or do beside, or an empty text."""
