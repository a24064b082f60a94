"""The registry: reviewing everybody for the first time, again in the same process, and again in a new one."""

from functools import partial
from pathlib import Path

from somabus import Agent, Peer, create_bus
from tests.bench.clock import ms
from tests.bench.neighbours import Neighbours
from tests.bench.row import Row, Scale, Size, Steps, Work

NAME, BARE = "somabus, peers()", "read every heartbeat"


def _rows(count: int, folder: Path) -> list[Row]:
    bus = folder / "bus"
    Neighbours(bus, create_bus(bus, home=folder / "home"), count)
    return [Row(BARE, partial(_bare, bus, count), BARE), Row(NAME, partial(_run, bus, count), BARE)]


def _run(bus: Path, count: int, folder: Path) -> Steps:
    watcher = f"watcher-{folder.parent.name}-{folder.name}"
    agent = Agent(watcher, bus, home=folder / "home", durability="none")
    yield
    figures = {"cold": ms(agent.peers), "unchanged": ms(agent.peers)}
    later = Agent(watcher, bus, home=folder / "home", durability="none")
    found: list[Peer] = []
    figures["unchanged, later process"] = ms(lambda: found.extend(later.peers()))
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
    return {"cold": ms(read), "unchanged": ms(read), "unchanged, later process": ms(read)}


WORK = Work(
    "registry", "Review everybody: by an agent that knows nobody yet, and again while nothing has changed.",
    _rows, {Size.TINY: Scale(5, 1), Size.QUICK: Scale(300, 2), Size.FULL: Scale(10_000, 3)},
)  # fmt: skip
