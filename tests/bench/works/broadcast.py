"""Broadcast: one thing said to a hundred followers. A peer writes a hundred copies; a shared log is written once."""

from functools import partial
from pathlib import Path

from somabus import Agent, Insight, create_bus
from tests.bench.clock import us
from tests.bench.neighbours import Neighbours
from tests.bench.queues import contender, installed
from tests.bench.queues.contender import Contender
from tests.bench.row import Row, Scale, Size, Steps, Work
from tests.bench.works.mail import body

FOLLOWERS = 100
SHARE, POST = "somabus, share", "somabus, post"


def _rows(count: int, _folder: Path) -> list[Row]:
    base, mine = "floor, none", contender("somabus, signed, none").guarantees
    rows = [
        Row(SHARE, partial(_share, count), base, "none", mine),
        Row(POST, partial(_post, count), base, "none", mine),
    ]
    others = [each for each in installed() if each.durability == "none" and not each.name.startswith("somabus")]
    return rows + [Row(each.name, partial(_copies, each, count), base, "none", each.guarantees) for each in others]


def _agent(folder: Path) -> Agent:
    bus = create_bus(folder / "bus", home=folder / "home")
    Neighbours(folder / "bus", bus, FOLLOWERS)
    return Agent("producer", folder / "bus", home=folder / "home", durability="none")


def _share(count: int, folder: Path) -> Steps:
    agent, insight = _agent(folder), Insight(topic="speed", statement=body(0).decode(), confidence=0.5)
    agent.share(insight)

    def shares() -> None:
        for _ in range(count):
            agent.share(insight)

    yield
    return {"broadcast": us(shares, count)}


def _post(count: int, folder: Path) -> Steps:
    agent, text = _agent(folder), body(0).decode()
    agent.post("general", text)

    def posts() -> None:
        for _ in range(count):
            agent.post("general", text)

    yield
    return {"broadcast": us(posts, count)}


def _copies(each: Contender, count: int, folder: Path) -> Steps:
    yield  # only now: a hundred queues of each at a time would be too many open files
    places = [folder / str(number) for number in range(FOLLOWERS)]
    for place in places:
        place.mkdir()
    queues = [each.open(place, "producer-0") for place in places]
    text = body(0)
    for queue in queues:
        queue.send(text)

    def copies() -> None:
        for _ in range(count):
            for queue in queues:
                queue.send(text)

    taken = us(copies, count)
    for queue in queues:
        queue.close()
    return {"broadcast": taken}


WORK = Work(
    "broadcast", f"Say one thing to {FOLLOWERS} followers, one thing after the other in one process: the peers and the floor send {FOLLOWERS} copies.",
    _rows, {Size.TINY: Scale(1, 1), Size.QUICK: Scale(5, 2), Size.FULL: Scale(20, 9)},
)  # fmt: skip
