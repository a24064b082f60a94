"""The beat with nothing to do, as a scheduler starts it: a process that imports, looks, writes one heartbeat and ends."""

import re
from functools import partial
from importlib.metadata import requires
from pathlib import Path
from statistics import median
from typing import Final

from somabus import Agent, create_bus
from somabus.model import tree
from tests.bench.clock import ms
from tests.bench.neighbours import Neighbours
from tests.bench.process import run
from tests.bench.row import Row, Scale, Size, Steps, Work

_MODULES: Final = {"pynacl": "nacl.signing", "watchdog": "watchdog.observers"}
"""What is imported of a package whose name is not its module's, or whose top module holds nothing."""
BEATEN: Final = "all have beaten since"


def names(peers: int) -> tuple[str, str, str]:
    """Return the names of the rows: the command's, the bare process's, and that of a beat in a process that stays."""
    said = f"{peers:,} peers"
    return f"somabus beat, {said}", f"imports and stats, {said}", f"Agent.beat, {said}"


def crowds(most: int) -> tuple[int, ...]:
    """Return how many peers there are."""
    return tuple(each for each in (5, 100, 1000) if each <= most)


def core() -> list[str]:
    """Return the modules of what somabus depends on at any rate."""
    found = [re.split(r"[^A-Za-z0-9_-]", each)[0] for each in requires("somabus") or [] if ";" not in each]
    return [_MODULES.get(name.lower(), name) for name in found]


def _rows(most: int, folder: Path) -> list[Row]:
    rows = []
    for peers in crowds(most):
        bus, home = folder / f"bus-{peers}", folder / f"home-{peers}"
        neighbours = Neighbours(bus, create_bus(bus, home=home), peers)
        agent = Agent("scout", bus, home=home, durability="none")
        for _ in range(2):  # the first one meets everybody, and the sweep has its first look
            agent.beat()
        command, bare, warm = names(peers)
        rows += [
            Row(bare, partial(_bare, bus, peers), bare),
            Row(command, partial(_command, bus, home, neighbours), bare, "none"),
            Row(warm, partial(_warm, agent), bare, "none"),
        ]
    return rows


def _command(bus: Path, home: Path, neighbours: Neighbours, _folder: Path) -> Steps:
    env = {"SOMABUS_BUS": str(bus), "SOMABUS_HOME": str(home), "SOMABUS_AGENT": "scout", "SOMABUS_DURABILITY": "none"}
    order = partial(run, "-m", "somabus", "beat", **env)
    order()  # compiles what was not compiled yet, and reads what the last round left
    yield
    figures = {"beat": ms(order)}
    yield  # until the other rows have had their turn with nothing to do
    neighbours.beat_all()
    return {**figures, BEATEN: ms(order)}


def _bare(bus: Path, peers: int, folder: Path) -> Steps:
    files = [str(bus / tree.heartbeat(f"neighbour-{number}")) for number in range(peers)]
    code = f"import os, {', '.join(core())}\nfor file in open({str(folder / 'files')!r}): os.stat(file[:-1])"
    (folder / "files").write_text("".join(f"{file}\n" for file in files))
    run("-c", code)
    yield
    return {"beat": ms(partial(run, "-c", code))}


def _warm(agent: Agent, _folder: Path) -> Steps:
    agent.beat()  # reads what the last round left
    yield
    return {"beat": median(ms(agent.beat) for _ in range(3))}


WORK = Work(
    "beat", "A beat with nothing to do, process start included, and one after all peers have beaten; beside an interpreter that imports what somabus depends on and stats the peers' heartbeats.",
    _rows, {Size.TINY: Scale(5, 1), Size.QUICK: Scale(100, 3), Size.FULL: Scale(1000, 11)},
)  # fmt: skip
