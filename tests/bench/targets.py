"""The targets: what was promised of the speed, each as checks on what was measured."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tests.bench.queues import ALL as CONTENDERS
from tests.bench.row import COUNTS, Size
from tests.bench.run import Found, Results, Value, over
from tests.bench.works import ALL as WORKS
from tests.bench.works import backlog, batch, beat, broadcast, crowd, mail, memory, nats, registry, start, unread, wake

_FLOOR, _FULL, _BEST = "floor, none", "floor, full", "floor, full, best here"
_PLAIN, _SIGNED = "somabus, unsigned, none", "somabus, signed, none"
_PLAIN_FULL, _SIGNED_FULL = "somabus, unsigned, full", "somabus, signed, full"
_ON_PAR: Final = 0.95


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison: a value out of a run, and what it must be at least or at most; neither for a mere remark.

    What counts is the median over the runs, or with `always` each of them.
    """

    say: str
    value: Value
    least: float | None = None
    most: float | None = None
    always: bool = False

    def found(self, runs: Sequence[Results]) -> Found | None:
        """Return what it was in these runs; None where none of them measured it."""
        return over(runs, self.value)

    def met(self, runs: Sequence[Results]) -> bool | None:
        """Tell whether it is met; None where it was not measured, or is a remark."""
        found = self.found(runs)
        if found is None or (self.least is None and self.most is None):
            return None
        low, high = (found.low, found.high) if self.always else (found.middle, found.middle)
        return (self.least is None or low >= self.least) and (self.most is None or high <= self.most)


@dataclass(frozen=True, slots=True)
class Target:
    """One row of the table: what is done, what was promised, and the works and checks that show it."""

    work: str
    promise: str
    works: tuple[str, ...]
    checks: Callable[[Size], list[Check]]


def rate(work: str, row: str, to: str, figure: str) -> Value:
    """Return how many times the rate of another row a row reaches: above 1 is faster."""
    return lambda results: results.times((work, to, figure), (work, row, figure))


def cost(work: str, row: str, to: str, figure: str, of: str | None = None) -> Value:
    """Return how many times the time of another row a row takes: above 1 is slower."""
    return lambda results: results.times((work, row, figure), (work, to, of or figure))


def beside_fastest(work: str, row: str, figure: str, peers: Callable[[str], bool]) -> Value:
    """Return the smallest ratio of a row's rate to that of a peer: above 1, all of them are slower."""

    def smallest(results: Results) -> float | None:
        ratios = [rate(work, row, peer, figure)(results) for peer in results.names(work) if peers(peer)]
        return min((each for each in ratios if each is not None), default=None)

    return smallest


def value(work: str, row: str, figure: str) -> Value:
    """Return a figure itself."""
    return lambda results: results.middle(work, row, figure)


def worst(work: str, rows: tuple[str, ...], figures: tuple[str, ...]) -> Value:
    """Return the largest value of any round."""

    def largest(results: Results) -> float | None:
        return max(
            (each for row in rows for figure in figures for each in results.values(work, row, figure)), default=None
        )

    return largest


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
    Target("a bus on a server", "what each work takes beside a folder: told, not promised", ("nats",), _server),
    Target("100,000 wait for one agent among 1,000,000 keys of a server", "an inbox costs what is in it, whatever else is on the bus", ("nats crowd",), _keys),
)  # fmt: skip
