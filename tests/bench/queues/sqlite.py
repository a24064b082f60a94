"""SQLite in WAL mode by hand, as one would write it on one machine: a lease a message, a transaction a step."""

import sqlite3
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from time import monotonic

from tests.bench.queues.contender import Contender
from tests.bench.row import Guarantees

_TABLE = "create table if not exists mail (id integer primary key, body blob not null, leased_until real, done integer not null default 0)"
_INDEX = "create index if not exists waiting on mail (id) where done = 0"
_CLAIM = """
    update mail set leased_until = :until
    where id = (select id from mail where done = 0 and (leased_until is null or leased_until < :now) order by id limit 1)
    returning id, body
"""
_LEASE_S = 600.0


class Rows:
    """A table."""

    def __init__(self, folder: Path, role: str, synchronous: str) -> None:
        self._db = sqlite3.connect(folder / "mail.db", timeout=30, isolation_level=None)
        for statement in ("pragma journal_mode = wal", f"pragma synchronous = {synchronous}", _TABLE, _INDEX):
            self._db.execute(statement)

    def send(self, body: bytes) -> None:
        """Insert."""
        self._db.execute("insert into mail (body) values (?)", (body,))

    def send_many(self, bodies: Sequence[bytes]) -> None:
        """Insert in one transaction."""
        self._db.execute("begin immediate")
        self._db.executemany("insert into mail (body) values (?)", [(body,) for body in bodies])
        self._db.execute("commit")

    def receive(self) -> bytes | None:
        """Lease and mark as done, in two transactions: the work would come between them."""
        now = monotonic()
        found = self._db.execute(_CLAIM, {"now": now, "until": now + _LEASE_S}).fetchall()
        if not found:
            return None
        ((number, body),) = found
        self._db.execute("update mail set done = 1 where id = ?", (number,))
        return body

    def close(self) -> None:
        """Close."""
        self._db.close()


CONTENDERS = tuple(
    Contender(
        f"SQLite WAL {synchronous} by hand", durability, partial(Rows, synchronous=synchronous),
        Guarantees("yes", power_cut, "yes, by lease", "no"), batches=True,
    )
    for synchronous, durability, power_cut in (("normal", "none", "no"), ("full", "full", "yes"))
)  # fmt: skip
