"""Starting: importing the package, and the command's `--version`, each beside an interpreter that must do as much."""

from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

from tests.bench.clock import ms
from tests.bench.process import run
from tests.bench.row import Row, Scale, Size, Steps, Work

EMPTY, IMPORT, AGENT, LIBRARIES = (
    "python, nothing",
    "import somabus",
    "from somabus import Agent",
    "import pydantic, orjson",
)
VERSION, CLICK = "somabus --version", "a click command --version"

_CLICK: Final = """
import click

@click.group()
@click.version_option(version="1")
def command():
    pass

command(["--version"])
"""
_ORDERS: Final = {
    EMPTY: (("-c", "pass"), EMPTY),
    LIBRARIES: (("-c", "import pydantic, orjson"), LIBRARIES),
    IMPORT: (("-c", IMPORT), LIBRARIES),
    AGENT: (("-c", AGENT), LIBRARIES),
    CLICK: (("-c", _CLICK), CLICK),
    VERSION: (("-m", "somabus", "--version"), CLICK),
}


def _rows(times: int, _folder: Path) -> list[Row]:
    return [Row(name, partial(_run, order, times), base) for name, (order, base) in _ORDERS.items()]


def _run(order: tuple[str, ...], times: int, _folder: Path) -> Steps:
    run(*order)  # compiles what was not compiled yet
    took: list[float] = []
    for _ in range(times):
        yield
        took.append(ms(partial(run, *order)))
    return {"process": median(took)}


WORK = Work(
    "start", "Start an interpreter, import or answer, and end.",
    _rows, {Size.TINY: Scale(1, 1), Size.QUICK: Scale(2, 3), Size.FULL: Scale(5, 7)},
)  # fmt: skip
