"""huey: its tasks, on files behind one lock and on SQLite forced to the disk, executed as its consumer does.

To take a task is to delete it. Its graphs are pipelines, whose tasks are nested in one another in one pickle, and
chords; neither is a task that waits for several others, so it has no row where that is measured.
"""

from functools import partial
from pathlib import Path
from typing import Any

from tests.bench.row import Guarantees
from tests.bench.runners.runner import Candidate


class Tasks:
    """Tasks of one Huey."""

    def __init__(self, huey: Any) -> None:
        self._huey, self._ran = huey, list[int]()
        self._task = huey.task()(self._note)

    def submit(self, number: int) -> None:
        """Enqueue a task."""
        self._task(number)

    def fill(self, count: int) -> None:
        """Enqueue."""
        for number in range(count):
            self._task(10**9 + number)

    def run(self, most: int) -> list[int]:
        """Dequeue and execute, which stores the result."""
        self._ran = []
        while len(self._ran) < most and (task := self._huey.dequeue()) is not None:
            self._huey.execute(task)
        return self._ran

    def _note(self, number: int) -> int:
        self._ran.append(number)
        return number


class Rows(Tasks):
    """`SqliteHuey`."""

    def __init__(self, folder: Path) -> None:
        from huey import SqliteHuey

        self._open = partial(SqliteHuey, "queue", filename=str(folder / "huey.db"), timeout=30)
        super().__init__(self._open(fsync=True))

    def fill(self, count: int) -> None:
        """Enqueue the same task again and again, as one transaction."""
        task = self._huey.serialize_task(self._task.s(10**9))
        with self._huey.storage.db(commit=True) as rows:
            rows.executemany("insert into task (queue, data, priority) values (?, ?, 0)", [("queue", task)] * count)


class Files(Tasks):
    """`FileHuey`."""

    def __init__(self, folder: Path) -> None:
        from huey import FileHuey

        super().__init__(FileHuey("queue", path=str(folder / "huey")))


CANDIDATES = (
    Candidate("huey FileHuey", "none", Files, Guarantees("yes", "no", "no", "not promised"), needs="huey"),
    Candidate("huey SqliteHuey", "full", Rows, Guarantees("yes", "yes", "no", "no"), needs="huey"),
)
