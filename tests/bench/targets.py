"""The targets: what was promised of the speed, each as checks on what was measured."""

from collections.abc import Callable
from typing import Final

from tests.bench.check import Check, Target, beside_fastest, cost, rate, value, worst
from tests.bench.queues import ALL as CONTENDERS
from tests.bench.row import COUNTS, Size
from tests.bench.run import Value
from tests.bench.works import ALL as WORKS
from tests.bench.works import (
    backlog,
    batch,
    beat,
    broadcast,
    crowd,
    jobs,
    mail,
    memory,
    nats,
    registry,
    start,
    unread,
    wake,
)

_FLOOR, _FULL, _BEST = "floor, none", "floor, full", "floor, full, best here"
_PLAIN, _SIGNED = "somabus, unsigned, none", "somabus, signed, none"
_JOBS: Final = {"somabus, none": _FLOOR, "somabus, full": _FULL}
_PLAIN_FULL, _SIGNED_FULL = "somabus, unsigned, full", "somabus, signed, full"
_ON_PAR: Final = 0.95


def _peers(durability: str, *, file_each: bool = False, claims: bool = False) -> Callable[[str], bool]:
    # A claim keeps others away, so persist-queue's Queue, which only one process may use, has none.
    chosen = {
        each.name
        for each in CONTENDERS
        if each.peer and each.durability == durability
        and (each.file_each or not file_each)
        and ((each.together and each.guarantees.kill.startswith("yes")) or not claims)
    }  # fmt: skip
    return chosen.__contains__


def _scale(work: str, size: Size) -> int:
    return next(each for each in WORKS if each.name == work).scales[size].count


def _send(_: Size) -> list[Check]:
    name, files = mail.LIGHT.name, _peers("none", file_each=True)
    return [
        Check("unsigned / floor", rate(name, _PLAIN, _FLOOR, "send"), least=0.70),
        Check("signed / floor", rate(name, _SIGNED, _FLOOR, "send"), least=0.45),
        Check(
            "unsigned / the fastest peer with a file a message", beside_fastest(name, _PLAIN, "send", files), least=1.0
        ),
        Check("signed / the fastest such peer", beside_fastest(name, _SIGNED, "send", files), least=_ON_PAR),
    ]


def _durable(_: Size) -> list[Check]:
    name = mail.DURABLE.name
    return [
        Check("unsigned / best order here", rate(name, _PLAIN_FULL, _BEST, "send"), least=0.85),
        Check("signed / best order here", rate(name, _SIGNED_FULL, _BEST, "send"), least=0.85),
        Check("signed / the order that holds on every drive", rate(name, _SIGNED_FULL, _FULL, "send")),
    ]


def _batch(_: Size) -> list[Check]:
    name = batch.WORK.name
    gain = lambda results: results.times((name, _SIGNED_FULL, "one by one"), (name, _SIGNED_FULL, "in a batch"))  # noqa: E731
    return [
        Check("a batch / one by one, signed", gain, least=8.0),
        Check("signed / the floor's batch", rate(name, _SIGNED_FULL, _FULL, "in a batch"), least=0.6),
        Check("unsigned / the floor's batch", rate(name, _PLAIN_FULL, _FULL, "in a batch")),
    ]


def _take(_: Size) -> list[Check]:
    name, claims = mail.LIGHT.name, _peers("none", claims=True)
    return [
        Check("signed / floor", rate(name, _SIGNED, _FLOOR, "take"), least=0.30),
        Check("unsigned / floor", rate(name, _PLAIN, _FLOOR, "take"), least=0.60),
        Check(
            "unsigned / the fastest peer with crash-safe claims, for several processes",
            beside_fastest(name, _PLAIN, "take", claims),
            least=1.0,
        ),
    ]


def _backlog(size: Size) -> list[Check]:
    name, lengths = backlog.WORK.name, backlog.backlogs(_scale(backlog.WORK.name, size))
    bus, floor = ([backlog.name(row, each) for each in lengths] for row in (backlog.SOMABUS, backlog.FLOOR))
    firsts = [
        Check(f"first of {waiting:,} / the floor's listing", cost(name, mine, bare, "first", of="listing"), most=1.3)
        for waiting, mine, bare in zip(lengths, bus, floor, strict=True)
    ]
    firsts += [
        Check(f"first of {waiting:,} / the floor's first", cost(name, mine, bare, "first"))
        for waiting, mine, bare in zip(lengths, bus, floor, strict=True)
    ]
    longest = f"next of {lengths[-1]:,} / next of {lengths[0]:,}"
    return [*firsts, Check(longest, cost(name, bus[-1], bus[0], "next"), most=1.5 if len(lengths) > 1 else None)]


def _crowd(_: Size) -> list[Check]:
    checks = []
    for work in (crowd.TWO.name, crowd.FOUR.name):
        checks += [
            Check(f"{work}: unsigned / floor", rate(work, _PLAIN, _FLOOR, "message"), least=0.6),
            Check(f"{work}: signed / floor", rate(work, _SIGNED, _FLOOR, "message"), least=0.6),
        ]
        rows = (_PLAIN, _SIGNED, _PLAIN_FULL, _SIGNED_FULL)
        wrong = worst(work, rows, COUNTS)
        checks.append(Check(f"{work}: lost, twice or errors", wrong, most=0, always=True))
    return checks


def _broadcast(_: Size) -> list[Check]:
    name, peers = broadcast.WORK.name, _peers("none")
    return [
        Check(f"{row} / the fastest peer's copies", beside_fastest(name, row, "broadcast", peers), least=20.0)
        for row in (broadcast.SHARE, broadcast.POST)
    ]


def _unread(size: Size) -> list[Check]:
    posts = _scale(unread.WORK.name, size)
    short, long = (unread.name("somabus", each) for each in (posts, unread.longer(posts)))
    bare = unread.name("bare listings", posts)
    return [
        Check("count / bare listings", cost(unread.WORK.name, short, bare, "count"), most=2.0),
        Check(
            f"a history of {unread.longer(posts):,} / of {posts:,}",
            cost(unread.WORK.name, long, short, "count"),
            most=1.3,
        ),
    ]


def _wake(_: Size) -> list[Check]:
    name = wake.WORK.name
    return [
        Check("p50, ms", value(name, wake.NAME, "p50"), most=1.0),
        Check("p99, ms", value(name, wake.NAME, "p99"), most=5.0),
        Check("idle, % of a core", value(name, wake.NAME, "idle"), most=1.0),
    ]


def _beat(size: Size) -> list[Check]:
    checks, name = [], beat.WORK.name
    for peers in beat.crowds(_scale(name, size)):
        rows = beat.names(peers)[:2]
        checks += [
            Check(f"{peers:,} peers", cost(name, *rows, "beat"), most=1.5),
            Check(f"{peers:,} peers, {beat.BEATEN}", cost(name, *rows, beat.BEATEN, of="beat")),
        ]
    return checks


def _start(_: Size) -> list[Check]:
    name = start.WORK.name
    return [
        Check("import somabus / pydantic and orjson", cost(name, start.IMPORT, start.LIBRARIES, "process"), most=1.3),
        Check("from somabus import Agent / the same", cost(name, start.AGENT, start.LIBRARIES, "process")),
        Check("somabus --version / click's", cost(name, start.VERSION, start.CLICK, "process"), most=1.3),
    ]


def _memory(size: Size) -> list[Check]:
    name, (short, long) = memory.WORK.name, memory.backlogs(_scale(memory.WORK.name, size))
    return [
        Check(f"{long:,} drained, MB", value(name, memory.name(long), "memory"), most=60.0),
        Check(f"{long:,} / {short:,} drained", cost(name, memory.name(long), memory.name(short), "memory"), most=1.1),
    ]


def _registry(_: Size) -> list[Check]:
    name = registry.WORK.name

    def gain(slow: str, quick: str) -> Value:
        return lambda results: results.times((name, registry.NAME, slow), (name, registry.NAME, quick))

    return [
        Check("cold / unchanged", gain(registry.COLD, registry.SAME), least=5.0),
        Check("cold / unchanged, in a later process", gain(registry.COLD, registry.LATER), least=5.0),
        Check("first meeting, each key written down / unchanged", gain(registry.FIRST, registry.SAME)),
    ]


def _jobs(_: Size) -> list[Check]:
    name = jobs.WORK.name
    return [*_beside_floor(name, "submit"), *_beside_floor(name, "run"), _all_once(name, tuple(_JOBS))]


def _jobs_waiting(size: Size) -> list[Check]:
    work, lengths = jobs.WAITING.name, jobs.backlogs(_scale(jobs.WAITING.name, size))
    checks = [each for waiting in lengths for each in _beside_floor(work, "first", waiting)]
    few, many = lengths[0], lengths[-1]
    for row in _JOBS:
        gain = cost(work, jobs.name(row, many), jobs.name(row, few), "next")
        checks.append(Check(f"{row}: next of {many:,} / next of {few:,}", gain))
    return [*checks, _all_once(work, tuple(jobs.name(row, waiting) for row in _JOBS for waiting in lengths))]


def _job_graph(_: Size) -> list[Check]:
    work, figures = jobs.GRAPH.name, ("submit", "run")
    checks = [each for shape in jobs.SHAPES for figure in figures for each in _beside_floor(work, figure, shape)]
    return [*checks, _all_once(work, tuple(jobs.name(row, shape) for row in _JOBS for shape in jobs.SHAPES))]


def _beside_floor(work: str, figure: str, variant: object = None) -> list[Check]:
    """Compare a figure of jobs with the floor's, in each class of durability; nothing was promised."""
    named = (lambda row: row) if variant is None else lambda row: jobs.name(row, variant)
    said = "" if variant is None else f", {jobs.name('', variant).removeprefix(', ')}"
    return [
        Check(f"{figure}{said}: {row} / the floor", rate(work, named(row), named(floor), figure))
        for row, floor in _JOBS.items()
    ]


def _all_once(work: str, rows: tuple[str, ...]) -> Check:
    return Check("lost or twice", worst(work, rows, COUNTS), most=0, always=True)


def _server(_: Size) -> list[Check]:
    name = nats.DAILY.name
    return [
        Check(f"{figure}, {nats.SYNCED} / {nats.FOLDER}", cost(name, nats.SYNCED, nats.FOLDER, figure))
        for figure in ("send", "claim + ack", "unread", "send to seen")
    ]


def _keys(size: Size) -> list[Check]:
    name, (little, much) = nats.CROWD.name, nats.crowd(_scale(nats.CROWD.name, size))
    said = {"list of 100": "list an inbox of 100", "list all": "list the large inbox", "first": "take its first"}
    return [Check(f"{said[figure]}, much / little", cost(name, much, little, figure), most=1.5) for figure in said]


TARGETS: Final = (
    Target("send, durability none, unsigned / signed", "at least 0.70 / 0.45 of the floor's rate; faster than every peer that writes a file a message / at least on par with the fastest", ("mail",), _send),
    Target("send, durability full, one by one", "at least 0.85 of the floor's rate of the best order that survives power cuts here", ("durable mail",), _durable),
    Target("send_many of 100, durability full", "at least 8 times one by one, and at least 0.6 of the floor's batch", ("batches",), _batch),
    Target("claim + read + verify + ack, drained, signed / unsigned", "at least 0.30 / 0.60 of the floor; every peer with crash-safe claims beaten unsigned", ("mail",), _take),
    Target("take the first of 100 / 10,000 / 100,000 waiting", "no more than 1.3 times the floor's listing; next ones independent of the backlog", ("backlog",), _backlog),
    Target("2 producers + 2 consumers, and 4 + 4", "total rate at least 0.6 of the floor with as many processes; nothing lost, nothing twice", ("crowd 2+2", "crowd 4+4"), _crowd),
    Target("share or post to 100 followers", "one write, whatever their number: at least 20 times faster than the fastest peer's 100 copies", ("broadcast",), _broadcast),
    Target("unread count", "under 2 times the bare listing; independent of history", ("unread",), _unread),
    Target("wake: file arrives to handler called, local", "p50 under 1 ms, p99 under 5 ms, under 1 % of a core while idle", ("wake",), _wake),
    Target("beat with nothing to do, 5 / 100 / 1,000 peers", "process start included, at most 1.5 times an interpreter that imports the core dependencies and stats as many files", ("beat",), _beat),
    Target("`import somabus`; `somabus --version`", "under 1.3 times importing pydantic and orjson alone; click's own start-up plus 30 %", ("start",), _start),
    Target("memory of an agent draining 100,000 messages", "flat: under 60 MB, independent of the backlog", ("memory",), _memory),
    Target("registry review, 10,000 heartbeats", "bounded by reading what changed, not by reading all: at least 5 times faster on an unchanged registry than on a cold one", ("registry",), _registry),
    Target("jobs: submit; claim, run and complete", "nothing lost, nothing twice; no rate was promised", ("jobs",), _jobs),
    Target("jobs: take the first of 100 / 100,000 waiting", "the same", ("jobs waiting",), _jobs_waiting),
    Target("jobs: a graph of 10,000, in wide layers and as a chain", "the same, and none before what it needs", ("job graph",), _job_graph),
    Target("a bus on a server", "what each work takes beside a folder: told, not promised", ("nats",), _server),
    Target("100,000 wait for one agent among 1,000,000 keys of a server", "an inbox costs what is in it, whatever else is on the bus", ("nats crowd",), _keys),
)  # fmt: skip
