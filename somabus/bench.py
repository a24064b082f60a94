"""The bench: what each work of the bus costs on one drive, beside the bare system calls that it needs there.

    somabus   send        send        send  …     step by step in turn, so that a busy moment of the machine
    bare            send        send        …     or the drive falls on both; the medians are compared

It makes a bus of its own in a scratch folder on the drive and removes it again; nobody's mail is touched.
Times are this hour's, ratios travel better. It uses the bus as an agent does, and no service from inside.
"""

import ctypes
import itertools
import os
import select
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, sleep
from typing import Final

from somabus.agent import Agent
from somabus.connection import connect, create_bus
from somabus.model import tree
from somabus.model.bus import BUS_FILE
from somabus.model.draft import Draft
from somabus.model.envelope import Seal, seal_body, split
from somabus.model.message import Message
from somabus.model.slot import State
from somabus.store.directory import DirectoryStore
from somabus.store.directory.trouble import translate

_BODY: Final = "0123456789abcdef" * 64
_BATCH: Final = 100
_PEEK: Final = 20
_REPEATS: Final = 20
_BOXES: Final = ("inbox", "later", "claimed")
_ROOT: Final = ("root",)
_BEAT_LOOKS: Final = (*_BOXES, "dead", "registry", "outbox", "alerts")
_SYNCED: Final = ("inbox", "done", "registry")
_ARRIVES_AFTER_S: Final = 0.002
_PATIENCE_S: Final = 10.0
_IN_MOVED_TO: Final = 0x80  # inotify(7)


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


def measure(folder: Path, *, messages: int, rounds: int, durability: str) -> list[Row]:
    """Measure the drive that a folder lies on, and leave nothing behind on it, not even after an error.

    Args:
        folder: any folder on the drive; a hidden scratch folder is made in it and removed at the end.
        messages: how many of 1 KiB wait in the inbox that is looked at and drained.
        rounds: how often everything is measured; the medians are over the steps of all rounds.
        durability: `full`, `file` or `none`, for the bus and for the bare system calls alike.

    Raises:
        ConfigurationError: no such durability.
        StoreError: the drive cannot be written, or went away; there is no result.
    """
    steps: dict[tuple[str, str], list[tuple[float, float]]] = {}
    try:
        with (
            TemporaryDirectory(prefix=".somabus-bench-", dir=folder) as scratch,
            TemporaryDirectory(prefix="somabus-bench-home-") as home,
            closing(_Course(Path(scratch), Path(home), durability)) as course,
        ):
            # The first time of everything makes folders and imports libraries, which is nobody's daily cost.
            for each in course.works(1, 1):
                list(each.steps())
            for _ in _counted(rounds):
                for each in course.works(messages, _REPEATS):
                    steps.setdefault((each.work, each.calls), []).extend(each.steps())
    except OSError as error:
        raise translate(error, os.fspath(folder)) from error
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
    """A bus with two agents, the bare folders beside it, and every work on both."""

    def __init__(self, root: Path, home: Path, durability: str) -> None:
        bus = root / "bus"
        create_bus(bus, "bench")
        joined = connect(bus, "scout", home=home, durability=durability)
        self._signer = joined.signer
        self._scout = Agent("scout", joined)
        self._planner = Agent("planner", bus, home=home, durability=durability)
        self._store = DirectoryStore(str(bus), writer="bench", marker=BUS_FILE, durability=durability)
        self._scout.send("planner", _BODY)
        (delivery,) = self._planner.inbox.drain()
        delivery.ack()
        self._message = delivery.message
        self._bare = _Bare(str(root / "bare"), self._seal(), durability)

    def close(self) -> None:
        self._store.close()
        self._bare.close()

    def works(self, messages: int, repeats: int) -> Iterator[_Work]:
        """Yield the works of one round; each is to be done before the next is asked for."""
        yield from self._mail(messages, repeats)
        yield from self._routine(repeats)
        yield from self._seals(repeats)

    def _mail(self, n: int, repeats: int) -> Iterator[_Work]:
        bare, scout, inbox, batch = self._bare, self._scout, self._planner.inbox, min(_BATCH, n)
        send = _timed(lambda: scout.send("planner", _BODY))
        yield _Work("send", send, _timed(bare.send), n, f"{bare.write}{bare.sync}")
        send = _timed(lambda: scout.send_many([Draft("planner", _BODY)] * batch))
        calls = f"{bare.write}{bare.sync and f'; one{bare.sync[1:]}'}; per message of {batch}"
        yield _Work("send_many", send, _timed(lambda: bare.send(batch)), n // batch, calls, per=batch)
        peek, calls = _timed(lambda: inbox.peek(_PEEK)), f"a listing; open, read, close of up to {_PEEK}"
        yield _Work("peek", peek, _timed(bare.peek), repeats, calls)
        look = _timed(lambda: bare.look(_BOXES))
        yield _Work("unread", _timed(inbox.unread), look, repeats, f"{len(_BOXES)} listings")
        look = _timed(lambda: bare.look(_ROOT))
        yield _Work("stops", _timed(scout.stops), look, repeats, "a listing of the root")
        # The one listing falls into the first step, on both sides, and so not into the median.
        waiting, files = inbox.drain(), bare.drain()
        settle, calls = _timed(lambda: next(waiting).ack()), f"rename, open, read, close, rename{bare.sync}"
        yield _Work("claim + ack", settle, _timed(lambda: next(files)), n + n // batch * batch, calls)

    def _routine(self, repeats: int) -> Iterator[_Work]:
        bare, box = self._bare, tree.box("scout", State.INBOX)
        calls = f"{len(_BEAT_LOOKS)} listings; {bare.write}{bare.sync}"
        yield _Work("beat", _timed(self._scout.beat), _timed(bare.beat), repeats, calls)
        here, there = os.path.join(self._store.root, *box.split("/")), bare.path("watched")

        def wake() -> float:
            return bare.wake(here, lambda: self._store.wait(box, _PATIENCE_S))

        calls = f"rename; {bare.waits}"
        yield _Work("wake", wake, lambda: bare.wake(there, bare.wait), repeats, calls)

    def _seals(self, repeats: int) -> Iterator[_Work]:
        from nacl.signing import VerifyKey

        data, sign, key = self._bare.data, self._signer.sign, self._signer.public_key
        signature, verify = sign(data), VerifyKey(key).verify
        yield _Work("seal", _timed(self._seal), _timed(lambda: sign(data)), repeats, "nacl sign")

        def open_() -> tuple[bool, Message]:
            envelope = split(data)
            return envelope.verified_by(key, Seal.MESSAGE), Message.decode(envelope.body)

        yield _Work("open", _timed(open_), _timed(lambda: verify(data, signature)), repeats, "nacl verify")

    def _seal(self) -> bytes:
        return seal_body(self._message.encode(), Seal.MESSAGE, self._signer.sign)


class _Bare:
    """The system calls alone, in folders of their own, forced to the disk as far as the bus does it."""

    def __init__(self, root: str, data: bytes, durability: str) -> None:
        self.data = data
        self._root = root
        self._numbers = itertools.count()
        for folder in (*_BEAT_LOOKS, *_ROOT, "done", "tmp", "watched"):
            os.makedirs(self.path(folder))
        synced = _SYNCED if durability == "full" and os.name != "nt" else ()
        self._folders = {folder: os.open(self.path(folder), os.O_RDONLY) for folder in synced}
        self._sync_files = durability != "none"
        self._events = _inotify(self.path("watched"))
        self.write = f"open, write,{' fsync,' if self._sync_files else ''} close, rename"
        self.sync = ", fsync folder" if synced else ""
        self.waits = "a listing every ms" if self._events is None else "inotify select, read; a listing"

    def close(self) -> None:
        for fd in (*self._folders.values(), self._events):
            if fd is not None:
                os.close(fd)

    def path(self, folder: str, name: str = "") -> str:
        return f"{self._root}{os.sep}{folder}{os.sep}{name}"

    def send(self, count: int = 1) -> None:
        """Write files aside, rename them into the inbox, and sync the inbox once."""
        for name in [self._aside() for _ in range(count)]:
            os.rename(self.path("tmp", name), self.path("inbox", name))
        self._sync("inbox")

    def drain(self) -> Iterator[None]:
        """Claim, read and settle one file a step, from one listing."""
        for name in sorted(os.listdir(self.path("inbox"))):
            os.rename(self.path("inbox", name), self.path("claimed", name))
            self._read(self.path("claimed", name))
            os.rename(self.path("claimed", name), self.path("done", name))
            self._sync("done")
            yield

    def peek(self) -> None:
        """List the inbox and read its first files."""
        for name in sorted(os.listdir(self.path("inbox")))[:_PEEK]:
            self._read(self.path("inbox", name))

    def look(self, folders: tuple[str, ...]) -> None:
        for folder in folders:
            os.listdir(self.path(folder))

    def beat(self) -> None:
        """List what a beat cannot do without, and replace one file."""
        self.look(_BEAT_LOOKS)
        os.replace(self.path("tmp", self._aside()), self.path("registry", "heartbeat.json"))
        self._sync("registry")

    def wait(self) -> None:
        """Return when a file has come to `watched`, or after some patience."""
        until = perf_counter() + _PATIENCE_S
        if self._events is not None and select.select([self._events], [], [], _PATIENCE_S)[0]:
            os.read(self._events, 1 << 12)
        while not os.listdir(self.path("watched")) and perf_counter() < until:
            sleep(0.001)

    def wake(self, folder: str, wait: Callable[[], object]) -> float:
        """Let a file arrive in a folder where somebody waits; return the seconds until the waiter is back."""
        os.makedirs(folder, exist_ok=True)
        name = self._aside()
        arrived_at: list[float] = []

        def arrive() -> None:
            arrived_at.append(perf_counter())
            os.rename(self.path("tmp", name), f"{folder}{os.sep}{name}")

        sender = threading.Timer(_ARRIVES_AFTER_S, arrive)
        sender.start()
        while not arrived_at:  # a waiter may wake for nothing, and does at its first call
            wait()
        passed = perf_counter() - arrived_at[0]
        sender.join()
        os.unlink(f"{folder}{os.sep}{name}")
        return passed

    def _aside(self) -> str:
        """Write a file under tmp/ and return its name, as long as a message's."""
        name = f"5-{next(self._numbers):036d}.0.json"
        fd = os.open(self.path("tmp", name), os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        os.write(fd, self.data)
        if self._sync_files:
            os.fsync(fd)
        os.close(fd)
        return name

    def _read(self, path: str) -> None:
        fd = os.open(path, os.O_RDONLY)
        os.read(fd, 1 << 16)
        os.close(fd)

    def _sync(self, folder: str) -> None:
        if folder in self._folders:
            with suppress(OSError):  # some network clients cannot, and the bus lives with it
                os.fsync(self._folders[folder])


def _timed(step: Callable[[], object]) -> Callable[[], float]:
    """Return the step as one that says how many seconds it took."""

    def run() -> float:
        begun = perf_counter()
        step()
        return perf_counter() - begun

    return run


def _inotify(folder: str) -> int | None:
    """Return what can be read once a file was moved into the folder, or None where there is no inotify."""
    try:
        libc = ctypes.CDLL(None)
        fd: int = libc.inotify_init1(os.O_CLOEXEC)
        libc.inotify_add_watch(fd, os.fsencode(folder), _IN_MOVED_TO)
    except (AttributeError, TypeError):
        return None
    return None if fd < 0 else fd


def _counted(rounds: int) -> Iterable[int]:
    """Count the rounds, and show on a terminal how far it is, drawing only between them."""
    if not sys.stderr.isatty():
        return range(rounds)
    from rich.console import Console
    from rich.progress import track

    on = Console(stderr=True)
    return track(range(rounds), "measuring", console=on, transient=True, auto_refresh=False)
