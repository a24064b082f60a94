"""The floor: the bare system calls for the same work, relative to folders that stay open.

    submit   open tmp/, write, (fsync), close, rename into waiting/, (fsync waiting/)
    run      one sorted listing, used up; rename into active/; open, read, close; write a result as above, into
             results/; rename into done/, (fsync done/)
    graph    all at once: write aside, (one syncfs), rename into waiting/ or blocked/, a name in then/ for each that
             waits for another, (one more syncfs); at each end list who waits, read it, note in met/ what it has met
             if it needs several, and rename it into waiting/ once that is all

What can be found out again after a power cut is not forced to the disk: a claim, and what somebody has met.
"""

import os
from functools import partial
from pathlib import Path
from typing import Final

from tests.bench.queues.floor import sync_file_system
from tests.bench.row import Guarantees
from tests.bench.runners.runner import Candidate, Needs

_BYTES: Final = 640
"""As long as a job of somabus with nothing in it."""
_NAMES_A_FILE: Final = 50_000  # ext4 gives a file 65,000 names


class Floor:
    """System calls as a queue of jobs."""

    def __init__(self, folder: Path, durability: str) -> None:
        self._folder, self._full = folder, durability == "full"
        for place in ("tmp", "waiting", "blocked", "active", "results", "done", "then", "met"):
            (folder / place).mkdir()
        self._tmp, self._waiting, self._blocked, self._active, self._results, self._done = (
            os.open(folder / place, os.O_RDONLY) for place in ("tmp", "waiting", "blocked", "active", "results", "done")
        )
        self._listing: list[str] = []
        self._graph = False

    def submit(self, number: int) -> None:
        """Write aside and rename."""
        self._write(self._waiting, _name(number), _document(number))

    def submit_graph(self, needs: Needs) -> None:
        """Write all aside, rename all, and note who waits for whom."""
        self._graph = True
        for number, each in enumerate(needs):
            os.close(self._aside(_name(number), _document(number, len(each))))
        self._sync_all()
        for number, each in enumerate(needs):
            for need in each:
                os.makedirs(self._folder / "then" / _name(need), exist_ok=True)
                self._touch("then", need, number)
            if len(each) > 1:
                os.mkdir(self._folder / "met" / _name(number))
        for number in reversed(range(len(needs))):
            to = self._blocked if needs[number] else self._waiting
            os.rename(_name(number), _name(number), src_dir_fd=self._tmp, dst_dir_fd=to)
        self._sync_all()

    def fill(self, count: int) -> None:
        """Give the jobs that wait further names."""
        waiting = self._folder / "waiting"
        genuine = [os.fspath(each) for each in waiting.iterdir()]
        for number in range(count):
            os.link(genuine[number // _NAMES_A_FILE], waiting / _name(10**9 + number))

    def run(self, most: int) -> list[int]:
        """Claim, read, write a result, and settle."""
        done: list[int] = []
        while len(done) < most and (name := self._claim()) is not None:
            number, _ = _content(self._active, name)
            done.append(number)
            self._write(self._results, name, _document(number))
            os.rename(name, name, src_dir_fd=self._active, dst_dir_fd=self._done)
            if self._full:
                os.fsync(self._done)
            if self._graph:
                self._tell(name, number)
        return done

    def _claim(self) -> str | None:
        if not self._listing:
            self._listing = sorted(os.listdir(self._waiting), reverse=True)
        if not self._listing:
            return None
        name = self._listing.pop()
        os.rename(name, name, src_dir_fd=self._waiting, dst_dir_fd=self._active)
        return name

    def _tell(self, ended: str, number: int) -> None:
        then = self._folder / "then" / ended
        for name in os.listdir(then) if then.exists() else ():
            waits, needs = _content(self._blocked, name)
            if needs > 1:
                self._touch("met", waits, number)
            if needs == 1 or len(os.listdir(self._folder / "met" / name)) == needs:
                os.rename(name, name, src_dir_fd=self._blocked, dst_dir_fd=self._waiting)

    def _touch(self, place: str, one: int, other: int) -> None:
        os.close(os.open(self._folder / place / _name(one) / _name(other), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))

    def _aside(self, name: str, data: bytes) -> int:
        fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=self._tmp)
        os.write(fd, data)
        return fd

    def _write(self, place: int, name: str, data: bytes) -> None:
        fd = self._aside(name, data)
        if self._full:
            os.fsync(fd)
        os.close(fd)
        os.rename(name, name, src_dir_fd=self._tmp, dst_dir_fd=place)
        if self._full:
            os.fsync(place)

    def _sync_all(self) -> None:
        if self._full:
            sync_file_system(self._tmp)

    def __del__(self) -> None:
        """Close the folders."""
        for fd in (self._tmp, self._waiting, self._blocked, self._active, self._results, self._done):
            os.close(fd)


def _name(number: int) -> str:
    """Return a name as long as a job's."""
    return f"5-{number:036d}.0.0.0.json"


def _document(number: int, needs: int = 0) -> bytes:
    return (b"%012d %06d " % (number, needs)).ljust(_BYTES, b"x")


def _content(place: int, name: str) -> tuple[int, int]:
    fd = os.open(name, os.O_RDONLY, dir_fd=place)
    data = os.read(fd, 1 << 16)
    os.close(fd)
    number, needs, _ = data.split(b" ", 2)
    return int(number), int(needs)


CANDIDATES = tuple(
    Candidate(
        f"floor, {durability}", durability, partial(Floor, durability=durability),
        Guarantees("yes", "yes" if durability == "full" else "no", "-", "-"), graphs=True,
    )
    for durability in ("none", "full")
)  # fmt: skip
