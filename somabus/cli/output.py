"""Everything the command prints, and the exit codes.

    0  done, or: something waits
    1  a bug in somabus
    2  wrong usage or settings
    3  nothing waits
    4  could not look or write: the drive is away, full or read-only; nothing is known to be lost
    5  refused: unknown recipient, name taken, not trusted, malformed, held by another
    6  not well: a step of the beat failed, or `verify` or `doctor` found faults
    7  busy: another beat of this agent is running, or somebody else is taking what waits
    8  stopped by a human, or not approved: nothing was done; what waits goes on waiting
  130  stopped by Ctrl-C

"Nothing waits", "could not look" and "refused" are never the same number. Foreign text goes to a terminal without its
control characters, so no message can paint over what stands there.
"""

import os
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from enum import IntEnum
from typing import Any, Final

import click

from somabus.errors import (
    ConfigurationError,
    InvalidKeyError,
    InvalidNameError,
    KeyMissingError,
    NotApprovedError,
    SomabusError,
    StoppedError,
    StoreDamagedError,
    StoreError,
)
from somabus.model.text import clean, line

_ACTED_ON: Final = re.compile("[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")

_PLAIN: Final = re.compile(r"[A-Za-z0-9_.:/\\-]+")


class Exit(IntEnum):
    """The exit codes."""

    DONE = 0
    BUG = 1
    USAGE = 2
    NOTHING = 3
    AWAY = 4
    REFUSED = 5
    UNWELL = 6
    BUSY = 7
    HELD = 8
    STOPPED = 130


def code_of(error: SomabusError) -> Exit:
    """Return the exit code for an error."""
    if isinstance(error, ConfigurationError | InvalidNameError | InvalidKeyError):
        return Exit.USAGE
    if isinstance(error, StoppedError | NotApprovedError):
        return Exit.HELD
    if isinstance(error, StoreDamagedError):
        return Exit.UNWELL
    if isinstance(error, KeyMissingError):
        return Exit.REFUSED  # we did look
    return Exit.AWAY if isinstance(error, StoreError) else Exit.REFUSED


class Output:
    """Prints answers, for people or as JSON, and the unread count with each."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def answer(self, facts: dict[str, Any], text: str, *, unread: int | None = None) -> None:
        """Print one answer."""
        if self.as_json:
            click.echo(to_json({**{k: plain(v) for k, v in facts.items()}, "unread": unread}))
            return
        if text:
            click.echo(clean(text))
        self._unread(unread)

    def table(
        self,
        facts: dict[str, Any],
        columns: Sequence[str],
        rows: Iterable[Sequence[object]],
        *,
        empty: str,
        note: str = "",
        unread: int | None = None,
    ) -> None:
        """Print rows as a table, or say in words that there are none; `note` stands below."""
        if self.as_json:
            self.answer(facts, "", unread=unread)
            return
        rows = list(rows)
        if rows:
            _print_table(columns, rows)
        else:
            click.echo(empty)
        if note:
            click.echo(clean(note))
        self._unread(unread)

    @contextmanager
    def busy(self, work: str) -> Iterator[Callable[[str], None]]:
        """Show on a terminal that something takes its time; what is yielded tells how far it is."""
        from rich.console import Console

        console = Console(stderr=True)
        if self.as_json or not console.is_terminal:
            yield lambda _said: None
            return
        with console.status(f"{work} …") as status:
            yield lambda said: status.update(f"{work} {clean(said)} …")

    def error(self, error: SomabusError) -> None:
        """Print an error, to stderr."""
        if self.as_json:
            facts = {"error": type(error).__name__, "message": str(error), "exit": int(code_of(error))}
            click.echo(to_json(facts), err=True)
        else:
            click.echo(clean(f"somabus: {error}"), err=True)

    def _unread(self, unread: int | None) -> None:
        if unread is not None:
            click.echo(f"unread {unread}")


def typed(text: str, *, windows: bool = os.name == "nt") -> str:
    """Write one word of a command line that somebody will paste into a shell: quoted, where it needs to be."""
    if windows:  # cmd and PowerShell both take double quotes, and no name of a file has one
        return text if _PLAIN.fullmatch(text) else f'"{text}"'
    return shlex.quote(text)


def to_json(value: Any) -> str:
    """Write JSON for a terminal: characters that some terminals act on are escaped."""
    from somabus.model import wire

    return _ACTED_ON.sub(lambda found: f"\\u{ord(found[0]):04x}", wire.dump(value).decode())


def plain(value: Any) -> Any:
    """Turn a value into what JSON can hold."""
    from dataclasses import asdict, is_dataclass

    from pydantic import BaseModel

    if isinstance(value, BaseModel):
        return value.model_dump()
    if is_dataclass(value) and not isinstance(value, type):
        return {name: plain(each) for name, each in asdict(value).items()}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, dict):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(each) for each in value]
    return value.total_seconds() if isinstance(value, timedelta) else value


def _print_table(columns: Sequence[str], rows: list[Sequence[object]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(line(str(cell), 200)) for cell in row))
    width = None if sys.stdout.isatty() else 200
    Console(width=width, highlight=False, soft_wrap=False).print(table)
