"""The bench: what each work of the bus costs on one drive, beside the bare system calls that it needs there.

On a server: beside the bare requests.

    somabus   send        send        send  …     step by step in turn, so that a busy moment of the machine
    bare            send        send        …     or the drive falls on both; the medians are compared

It makes a bus of its own in a scratch folder on the drive, or a stream, and removes it again; nobody's mail is touched.
Times are this hour's, ratios travel better. It uses the bus as an agent does, and no service from inside.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from somabus.agent import Agent
from somabus.bench.bare import BEAT_LOOKS, BOXES, PEEK, ROOT, timed
from somabus.bench.channels import CHANNELS, History
from somabus.bench.ground import Ground, ground_on
from somabus.connection import connect, create_bus
from somabus.model import tree
from somabus.model.draft import Draft
from somabus.model.envelope import Seal, seal_body, split
from somabus.model.message import Message
from somabus.model.slot import State

_BODY: Final = "0123456789abcdef" * 64
_BATCH: Final = 100
_REPEATS: Final = 20
_LONGER: Final = 10
_PATIENCE_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Row:
    """One work: its median beside that of its bare calls, in microseconds; `bare` names those calls."""

    work: str
    us: float
    bare_us: float
    bare: str

    @property
    def ratio(self) -> float:
        """How many times its bare system calls the work costs."""
        return self.us / self.bare_us


def measure(where: str | os.PathLike[str], *, messages: int, rounds: int, durability: str) -> list[Row]:
    """Measure the drive that a folder lies on, and leave nothing behind on it, not even after an error.

    Args:
        where: any folder on the drive, in which a hidden scratch folder is made and removed at the end; or the address
            of a bus on a server, beside which a scratch stream is made.
        messages: how many of 1 KiB wait in the inbox that is looked at and drained, and stand in each channel; others
            have ten times as many.
        rounds: how often everything is measured; the medians are over the steps of all rounds.
        durability: `full`, `file` or `none`, for the bus and for the bare system calls alike; a server has its own.

    Raises:
        ConfigurationError: no such durability.
        StoreError: the drive or the server cannot be written, or went away; there is no result.
    """
    steps: dict[tuple[str, str], list[tuple[float, float]]] = {}
    with (
        ground_on(os.fspath(where), durability) as ground,
        TemporaryDirectory(prefix="somabus-bench-home-") as home,
        closing(_Course(ground, Path(home), durability, messages)) as course,
    ):
        # The first time of everything makes folders and imports libraries, which is nobody's daily cost.
        for each in course.works(1, 1):
            list(each.steps())
        for _ in _counted(rounds):
            for each in course.works(messages, _REPEATS):
                steps.setdefault((each.work, each.calls), []).extend(each.steps())
    return [
        Row(work, median(us for us, _ in pairs), median(bare for _, bare in pairs), calls)
        for (work, calls), pairs in steps.items()
    ]


@dataclass(frozen=True, slots=True)
class _Work:
    """One work, by the bus and bare: steps that return the seconds they took; a step does it `per` times."""

    work: str
    mine: Callable[[], float]
    bare: Callable[[], float]
    times: int
    calls: str
    per: int = 1

    def steps(self) -> Iterator[tuple[float, float]]:
        """Do both in turn, and yield the microseconds of each."""
        for _ in range(self.times):
            yield self.mine() * 1e6 / self.per, self.bare() * 1e6 / self.per


class _Course:
    """A bus with two agents, the bare folders beside it, and every work on both.

    How long histories are read is measured in folders alone.
    """

    def __init__(self, ground: Ground, home: Path, durability: str, history: int) -> None:
        bus = ground.bus
        create_bus(bus, "bench")
        joined = connect(bus, "scout", home=home, durability=durability)
        self._signer = joined.signer
        self._scout = Agent("scout", joined)
        self._planner = Agent("planner", bus, home=home, durability=durability)
        self._ground = ground
        self._scout.send("planner", _BODY)
        (delivery,) = self._planner.inbox.drain()
        delivery.ack()
        self._message = delivery.message
        self._bare = ground.bare(self._seal())
        self._histories = [
            History(ground.folder, home, self._scout, posts=posts, durability=durability)
            for posts in (history, _LONGER * history)
            if ground.folder is not None
        ]

    def close(self) -> None:
        self._bare.close()

    def works(self, messages: int, repeats: int) -> Iterator[_Work]:
        """Yield the works of one round; each is to be done before the next is asked for."""
        yield from self._mail(messages, repeats)
        yield from self._routine(repeats)
        yield from self._channels(repeats)
        yield from self._seals(repeats)

    def _mail(self, n: int, repeats: int) -> Iterator[_Work]:
        bare, scout, inbox, batch = self._bare, self._scout, self._planner.inbox, min(_BATCH, n)
        send = timed(lambda: scout.send("planner", _BODY))
        yield _Work("send", send, timed(bare.send), n, f"{bare.write}{bare.sync}")
        send = timed(lambda: scout.send_many([Draft("planner", _BODY)] * batch))
        calls = f"{bare.write}{bare.sync and f'; one{bare.sync[1:]}'}; per message of {batch}"
        yield _Work("send_many", send, timed(lambda: bare.send(batch)), n // batch, calls, per=batch)
        peek, calls = timed(lambda: inbox.peek(PEEK)), f"a listing; {bare.reads} of up to {PEEK}"
        yield _Work("peek", peek, timed(bare.peek), repeats, calls)
        look = timed(lambda: bare.look(BOXES))
        yield _Work("unread", timed(inbox.unread), look, repeats, f"{len(BOXES)} listings")
        look = timed(lambda: bare.look(ROOT))
        yield _Work("stops", timed(scout.stops), look, repeats, "a listing of the root")
        # The one listing falls into the first step, on both sides, and so not into the median.
        waiting, files = inbox.drain(), bare.drain()
        settle, calls = timed(lambda: next(waiting).ack()), f"{bare.drains}{bare.sync}"
        yield _Work("claim + ack", settle, timed(lambda: next(files)), n + n // batch * batch, calls)

    def _routine(self, repeats: int) -> Iterator[_Work]:
        bare, box = self._bare, tree.box("scout", State.INBOX)
        calls = f"{len(BEAT_LOOKS)} listings; {bare.write}{bare.sync}"
        yield _Work("beat", timed(self._scout.beat), timed(bare.beat), repeats, calls)
        here, there, store = self._ground.inbox(box), bare.path("watched")[:-1], self._ground.store

        def wake() -> float:
            return bare.wake(here, lambda: store.wait(box, _PATIENCE_S))

        calls = f"{bare.arrives}; {bare.waits}"
        yield _Work("wake", wake, lambda: bare.wake(there, bare.wait), repeats, calls)

    def _channels(self, repeats: int) -> Iterator[_Work]:
        bare, scout = self._bare, self._scout
        post, calls = timed(lambda: scout.post("general", _BODY)), f"{bare.write}{bare.sync}"
        yield _Work("post", post, timed(bare.send), repeats, calls)
        for each in self._histories:
            each.refill(repeats)
            count, of = timed(self._counter(each)), f"{CHANNELS} channels of {each.posts:,}"
            yield _Work(f"count, {of}", count, timed(each.look), repeats, "listings of the last segments")
            calls = "a listing; open, read, close; open, write, close, rename"
            yield _Work(f"read one, {of}", timed(each.read), timed(each.read_bare), repeats, calls)

    def _counter(self, history: History) -> Callable[[], int]:
        return lambda: history.agent.unread

    def _seals(self, repeats: int) -> Iterator[_Work]:
        from nacl.signing import VerifyKey

        data, sign, key = self._bare.data, self._signer.sign, self._signer.public_key
        signature, verify = sign(data), VerifyKey(key).verify
        yield _Work("seal", timed(self._seal), timed(lambda: sign(data)), repeats, "nacl sign")

        def open_() -> tuple[bool, Message]:
            envelope = split(data)
            return envelope.verified_by(key, Seal.MESSAGE), Message.decode(envelope.body)

        yield _Work("open", timed(open_), timed(lambda: verify(data, signature)), repeats, "nacl verify")

    def _seal(self) -> bytes:
        return seal_body(self._message.encode(), Seal.MESSAGE, self._signer.sign)


def _counted(rounds: int) -> Iterable[int]:
    """Count the rounds, and show on a terminal how far it is, drawing only between them."""
    if not sys.stderr.isatty():
        return range(rounds)
    from rich.console import Console
    from rich.progress import track

    on = Console(stderr=True)
    return track(range(rounds), "measuring", console=on, transient=True, auto_refresh=False)
