"""Fenced blocks of a Markdown page, and how they are run: in order, each page in its own folder with its own home.

    ```python             runs; what it prints is not compared
    ```console            lines that begin with `$ ` run in sh; the lines below them are not compared
    ```console exact      … and the lines below must be exactly what was printed
    ```console exit=5     … and the last command ends with this exit code; without it, 0 and 3 (nothing waits) are right
    ```toml file=name     is written to that file; so is any other language, `python file=my_agent.py` above all
    ```… no-run           is shown only, as is every language but python and console

The Python blocks of a page are one program: a later block sees the names of those before it. Folder and exported
variables last from one command to the next, and Python sees them, too. A command may go on in the next line after a
backslash or with a here-document; one that ends with `&` runs beside the rest until the page is finished.
"""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import somabus
from tests.guardian import Guardian

PROJECT = Path(__file__).parents[2]
FINE = (0, 3)
_FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```[ ]*$", re.MULTILINE | re.DOTALL)
_HERE = re.compile(r"<<-?\s*(['\"]?)(?P<word>\w+)\1")
_DEADLINE_S = 60
_INTERPRETER = """
import json, os, sys, traceback
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
names = {"__name__": "__main__"}
for line in sys.stdin:
    block = json.loads(line)
    os.environ.clear()
    os.environ.update(block["environment"])
    os.chdir(block["folder"])
    try:
        exec(compile(block["text"], block["place"], "exec"), names)
        said = ""
    except BaseException:
        said = traceback.format_exc()
    print(json.dumps(said), file=answers, flush=True)
"""


class BlockError(AssertionError):
    """A block of a page did not do what the page says."""


@dataclass(frozen=True)
class Block:
    """One fenced block: what the fence says, its text, and the line of the page on which the text begins."""

    language: str
    words: tuple[str, ...]
    text: str
    line: int

    def value(self, name: str) -> str | None:
        """Return what the fence says after `name=`, or None."""
        return next((word.partition("=")[2] for word in self.words if word.startswith(f"{name}=")), None)

    @property
    def unknown(self) -> list[str]:
        """Return the words of the fence that mean nothing."""
        return [word for word in self.words if not re.fullmatch(r"no-run|exact|exit=\d+|file=[\w./-]+", word)]


@dataclass(frozen=True)
class Command:
    """One command of a console block, and what the page shows below it."""

    text: str
    shown: str


def pages() -> list[Path]:
    """Return the pages whose blocks are run: README.md and everything under docs/."""
    return [*PROJECT.glob("README.md"), *sorted((PROJECT / "docs").rglob("*.md"))]


def blocks(page: str) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    found = []
    for each in _FENCE.finditer(page):
        language, *words = each["info"].split() or [""]
        text = re.sub(rf"^{each['indent']}", "", each["text"], flags=re.MULTILINE)
        found.append(Block(language, tuple(words), text, page.count("\n", 0, each.start()) + 2))
    return found


def commands(block: Block) -> list[Command]:
    """Return the commands of a console block, each with the lines that the page shows below it."""
    lines, found = block.text.splitlines(), []
    while lines:
        first = lines.pop(0)
        if not first.startswith("$ "):
            continue
        text = first[2:]
        while text.endswith("\\") and lines:
            text += f"\n{lines.pop(0).removeprefix('> ')}"
        here = _HERE.search(text)
        while here is not None and lines and text.rpartition("\n")[2].strip() != here["word"]:
            text += f"\n{lines.pop(0).removeprefix('> ')}"
        shown = []
        while lines and not lines[0].startswith("$ "):
            shown.append(lines.pop(0))
        found.append(Command(text, "\n".join(shown)))
    return found


class Runner:
    """Runs the blocks of one page; use it in a `with` block, which ends what runs beside.

    Args:
        folder: an empty folder; `work/` in it is where the blocks run, `home/` is their SOMABUS_HOME.
        name: the name of the page, for what goes wrong.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._name = name
        self._state = folder / "state"
        work = folder / "work"
        for each in (self._state, work, folder / "bin"):
            each.mkdir()
        self._folder = str(work)
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("SOMABUS_")},
            "SOMABUS_HOME": str(folder / "home"),
            "HOME": str(folder),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), str(_shim(folder / "bin")), os.environ["PATH"]]),
            "PYTHONPATH": str(Path(somabus.__file__).parents[1]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            "COLUMNS": "120",
        }
        self._python: subprocess.Popen[str] | None = None
        self._beside: list[tuple[subprocess.Popen[bytes], Guardian]] = []

    def run(self, text: str) -> int:
        """Run all blocks of a page in order, and return how many programs, files and commands there were.

        Raises:
            BlockError: one of them failed; it says where, and what was printed.
        """
        ran = 0
        for block in blocks(text):
            if "no-run" in block.words:
                continue
            if block.value("file"):
                path = Path(self._folder, str(block.value("file")))
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block.text, encoding="utf-8")
                ran += 1
            elif block.language == "python":
                self._program(block)
                ran += 1
            elif block.language == "console":
                ran += self._console(block)
        return ran

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for each, guardian in self._beside:
            os.killpg(each.pid, signal.SIGTERM)
            each.wait(_DEADLINE_S)
            guardian.let_go()
        if self._python is not None:
            self._python.kill()
            self._python.communicate()

    def _program(self, block: Block) -> None:
        if self._python is None:
            self._python = subprocess.Popen(
                [sys.executable, "-c", _INTERPRETER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, text=True, env=self._environment,
            )  # fmt: skip
        order: dict[str, Any] = {
            "text": "\n" * (block.line - 1) + block.text,  # so that a traceback names the line of the page
            "place": self._name,
            "environment": self._environment,
            "folder": self._folder,
        }
        assert self._python.stdin is not None
        assert self._python.stdout is not None
        deadline = threading.Timer(_DEADLINE_S, self._python.kill)
        deadline.start()
        self._python.stdin.write(f"{json.dumps(order)}\n")
        self._python.stdin.flush()
        said = self._python.stdout.readline()
        deadline.cancel()
        problem = json.loads(said) if said else f"it did not end within {_DEADLINE_S} s"
        if problem:
            raise BlockError(f"{self._name}, python block at line {block.line}:\n{problem}")

    def _console(self, block: Block) -> int:
        found = commands(block)
        for number, command in enumerate(found, 1):
            if command.text.rstrip().endswith("&"):
                self._start(command.text.rstrip()[:-1])
                continue
            code, printed = self._shell(command.text)
            wanted = block.value("exit") if number == len(found) else None
            self._judge(block, command, code, (int(wanted),) if wanted else FINE, printed)
        return len(found)

    def _judge(self, block: Block, command: Command, code: int, fine: tuple[int, ...], printed: str) -> None:
        where = f"{self._name}, console block at line {block.line}: $ {command.text}"
        if code not in fine:
            raise BlockError(f"{where}\nexit {code}, not {' or '.join(map(str, fine))}\n{printed}")
        if "exact" in block.words and printed.rstrip() != command.shown.rstrip():
            raise BlockError(f"{where}\nprinted:\n{printed}\nthe page shows:\n{command.shown}")

    def _shell(self, text: str) -> tuple[int, str]:
        """Run one command; folder and exported variables are those that it left."""
        left = shlex.quote(str(self._state))
        script = f"{text}\ncode=$?\nenv -0 > {left}/environment\npwd > {left}/folder\nexit $code\n"
        done = subprocess.run(
            ["sh", "-c", script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            cwd=self._folder, env=self._environment, timeout=_DEADLINE_S,
        )  # fmt: skip
        if (self._state / "folder").exists():
            self._folder = (self._state / "folder").read_text(encoding="utf-8").rstrip("\n")
            pairs = (self._state / "environment").read_text(encoding="utf-8").split("\0")
            self._environment = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
        return done.returncode, done.stdout.decode(errors="replace")

    def _start(self, text: str) -> None:
        begun = subprocess.Popen(
            ["sh", "-c", f"exec {text}"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, cwd=self._folder, env=self._environment, start_new_session=True,
        )  # fmt: skip
        self._beside.append((begun, Guardian(begun.pid)))


def _shim(folder: Path) -> Path:
    """Put the command `somabus` of this checkout into a folder, for environments that it is not installed in."""
    script = folder / "somabus"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m somabus "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    return folder
