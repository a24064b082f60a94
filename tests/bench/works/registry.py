"""The registry: meeting everybody, reviewing all anew with nothing proven, and reviewing what has not changed."""

from functools import partial
from pathlib import Path
from shutil import rmtree

from somabus import Agent, Peer, create_bus
from tests.bench.clock import ms
from tests.bench.neighbours import Neighbours
from tests.bench.row import Row, Scale, Size, Steps, Work

NAME, BARE = "somabus, peers()", "read every heartbeat"
FIRST, COLD, SAME, LATER = "first meeting", "cold", "unchanged", "unchanged, later process"
"""The first meeting writes down each key, durably. Whoever is cold has done so before, and has proven nothing yet."""


def _rows(count: int, folder: Path) -> list[Row]:
    bus = folder / "bus"
    made = create_bus(bus, home=folder / "home")
    Neighbours(bus, made, count)
    return [Row(BARE, partial(_bare, bus, count), BARE), Row(NAME, partial(_run, bus, made.bus, count), BARE)]


def _run(bus: Path, bus_id: str, count: int, folder: Path) -> Steps:
    watcher, home = f"watcher-{folder.parent.name}-{folder.name}", folder / "home"
    start = partial(Agent, watcher, bus, home=home, durability="none")
    agent = start()
    yield
    figures = {FIRST: ms(agent.peers)}
    rmtree(home / "buses" / bus_id / watcher / "recall", ignore_errors=True)  # of few nothing is kept at all
    agent = start()
    figures |= {COLD: ms(agent.peers), SAME: ms(agent.peers)}
    agent, found = start(), list[Peer]()
    figures[LATER] = ms(lambda: found.extend(agent.peers()))
    faults = [str(each) for each in found if each.fault]
    if len(found) <= count or faults:
        message = f"{len(found)} found of {count} and this one; {faults[:3]}"
        raise AssertionError(message)
    return figures


def _bare(bus: Path, count: int, _folder: Path) -> Steps:
    files = [bus / "registry" / f"neighbour-{number}" / "heartbeat.json" for number in range(count)]

    def read() -> None:
        for file in files:
            file.read_bytes()

    yield
    return {figure: ms(read) for figure in (FIRST, COLD, SAME, LATER)}


WORK = Work(
    "registry", "Review everybody: by an agent that meets all for the first time, by one that knows their keys and has proven nothing, and again while nothing has changed.",
    _rows, {Size.TINY: Scale(5, 1), Size.QUICK: Scale(300, 2), Size.FULL: Scale(10_000, 3)},
)  # fmt: skip
