"""What a user does in a terminal: type a command, read the answer, look at the exit code."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

import somabus
from somabus.cli.group import cli

PROJECT = Path(somabus.__file__).parent.parent
ID = "01a1f9de-1d99-72bc-bdf7-9a7b3e80730a"  # of a message that nobody sent


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON object on standard output."""
        found = json.loads(self.out)
        assert isinstance(found, dict), self.out
        return found

    def __str__(self) -> str:
        return f"exit {self.code}\n{self.out}{self.err}"


class Shell:
    """Runs commands in this process; `fresh` runs one in its own."""

    def __init__(self) -> None:
        self.bus = Path.cwd() / "bus"

    def __call__(self, *order: str, stdin: str | None = None) -> Answer:
        """Run a command; an exception that gets out of it is a bug, and raised here."""
        result = CliRunner().invoke(cli, order, input=stdin, prog_name="somabus")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Answer(result.exit_code, result.stdout, result.stderr)

    def send(self, body: str = "hello", *more: str, to: str = "planner") -> str:
        """Send a message and return its id."""
        return str(self("send", to, body, *more, "--json").json["receipt"]["id"])

    def mail(self, agent: str = "planner", state: str = "inbox") -> list[Path]:
        """Return the files of an agent's messages in a state, in the order of service."""
        return sorted((self.bus / "messages" / agent / state).glob("[0-9]*.json"))


def at_once(orders: Iterable[str]) -> dict[str, Answer]:
    """Run commands in processes of their own, all at the same time, for commands that wait for a drive."""
    begun = {
        order: subprocess.Popen(
            process(*order.split()), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
        )
        for order in orders
    }
    answers = {}
    for order, each in begun.items():
        out, err = each.communicate(timeout=60)
        answers[order] = Answer(each.returncode, out, err)
    return answers


def fresh(*order: str, stdin: str | None = None) -> Answer:
    """Run a command in a process of its own, as a shell does."""
    done = subprocess.run(
        process(*order),
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        env=environment(),
        timeout=60,
    )
    return Answer(done.returncode, done.stdout, done.stderr)


def process(*order: str) -> list[str]:
    """The command line of a fresh process."""
    return [sys.executable, "-m", "somabus", *order]


def environment() -> dict[str, str]:
    """This process's environment, in which a fresh one finds the same somabus."""
    return {**os.environ, "PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1"}
