"""What one machine can find out about the server that a bus lies on: looks at what the server says, and two tries.

A server needs none of the tries that a drive does: it decides all races itself.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from statistics import median
from typing import TYPE_CHECKING, Final

from somabus.clock import Clock
from somabus.doctor.finding import Finding, Weight
from somabus.doctor.place import spoken
from somabus.errors import StoreRefusedError
from somabus.model.bus import BUS_FILE
from somabus.model.presence import SKEW_TOLERANCE
from somabus.model.text import many
from somabus.store.port import MAX_BYTES, Store

if TYPE_CHECKING:  # it needs an extra, and a bus in a folder is examined without
    from somabus.store.nats.facts import Facts

_TIMES: Final = 20
_TRIED: Final = (2, 9)
_LOSES: Final = ((2, 10, 20), (2, 10, 22))
_MESSAGE: Final = 300 * 1024  # the largest message with what is around it
_SCALE: Final = "see docs/scale.md"
_HERE: Final = ("127.", "localhost", "[::1]")
_FILLING: Final = 0.8
_FULL: Final = 0.95


def examine(facts: "Facts", store: Store, clock: Clock, name: str) -> Iterator[Finding]:
    """Make every look. `name` is a word for what is written and removed again below `tmp`.

    Raises:
        StoreError: the server does not answer, or does not tell us.
    """
    yield _speed(facts, store, clock, name)
    for look in LOOKS:
        yield from look(facts)
    yield _time(facts, store, clock)


def _speed(facts: "Facts", store: Store, clock: Clock, name: str) -> Finding:
    key, speed = f"tmp/{name}/probe.json", f"answers in {_ms(_median(clock, lambda: store.read(BUS_FILE)))}"
    with suppress(StoreRefusedError):  # an agent need not be allowed to write there
        speed += f", writes in {_ms(_median(clock, lambda: store.replace(key, b'{}')))}"
        store.delete(key)
        store.prune(f"tmp/{name}")
    domain = f", domain {facts.domain}" if facts.domain else ""
    said = f"nats-server {facts.version} with JetStream{domain}; {speed}"
    return Finding("server", Weight.OK, facts.where, said)


def _version(facts: "Facts") -> Iterator[Finding]:
    version = tuple(int(each) for each in re.findall(r"\d+", facts.version)[:3])
    if _LOSES[0] <= version <= _LOSES[1]:
        said = f"nats-server {facts.version} can lose a whole stream; 2.10.23 mended that"
        yield Finding("version", Weight.ERROR, facts.where, said, "bring the server up to date")
    elif version < _TRIED:
        said = f"somabus was tried with nats-server 2.9.10 and later, and this is {facts.version}"
        yield Finding("version", Weight.WARNING, facts.where, said, "bring the server up to date")


def _stream(facts: "Facts") -> Iterator[Finding]:
    holds = f"{facts.messages:,} documents and folders, {facts.bytes / 2**20:,.1f} MiB"
    said = f"{facts.storage} storage, {many(facts.replicas, 'replica')}; {holds}"
    yield Finding("stream", Weight.OK, facts.stream, said)
    if facts.storage != "file":
        said = "the bus lies in the server's memory: a restart loses all of it"
        yield Finding(
            "durability", Weight.ERROR, facts.stream, said, f"copy it to a stream that is kept in files; {_SCALE}"
        )
    for replica in facts.behind:
        said = f"its replica {replica} is away or not up to date"
        yield Finding("replica", Weight.WARNING, facts.stream, said, "look at that server")


def _durability(facts: "Facts") -> Iterator[Finding]:
    if facts.storage == "file" and facts.replicas == 1:
        said = (
            "one server keeps the bus, and tells nobody how often it syncs: by default every 2 minutes, and a power cut"
        )
        said += " takes what was acknowledged since"
        yield Finding(
            "durability",
            Weight.NOTE,
            facts.stream,
            said,
            f"sync_interval: always, or 3 replicas; if it is so, nothing; {_SCALE}",
        )


def _limits(facts: "Facts") -> Iterator[Finding]:
    if facts.most_bytes < MAX_BYTES + 4096:
        weight = Weight.WARNING if facts.most_bytes < _MESSAGE else Weight.NOTE
        said = (
            f"it takes {facts.most_bytes:,} bytes at once; a document may have {MAX_BYTES:,}, and some more around it"
        )
        yield Finding("payload", weight, facts.where, said, "max_payload: 2MB in the server's configuration")
    for used, limit, what in (
        (facts.bytes, facts.stream_limit, "the stream"), (facts.account_bytes, facts.account_limit, "the account"),
    ):  # fmt: skip
        if limit and used > limit * _FILLING:
            weight = Weight.ERROR if used > limit * _FULL else Weight.WARNING
            said = f"{what} takes {used / 2**20:,.0f} of {limit / 2**20:,.0f} MiB; then nobody can send"
            yield Finding("room", weight, facts.where, said, "raise the limit, or let less stay: docs/retention.md")


def _names(facts: "Facts") -> Iterator[Finding]:
    if len(facts.takers) > 1:
        said = (
            f"{' and '.join(facts.takers)} take what is written to this bus: servers that are joined hear one another"
        )
        yield Finding("name", Weight.ERROR, facts.stream, said, f"give each bus a name of its own; {_SCALE}")


def _secrecy(facts: "Facts") -> Iterator[Finding]:
    if not facts.secret and not facts.where.startswith(_HERE):
        said = "without TLS: mail is signed, and whoever is on the way can read it, and a password"
        yield Finding("tls", Weight.NOTE, facts.where, said, f"tls://{facts.where}/{facts.stream}; {_SCALE}")


def _time(facts: "Facts", store: Store, clock: Clock) -> Finding:
    offset_s = (clock.now() - store.now()).total_seconds()
    said = f"this machine's clock is {spoken(abs(offset_s))} {'behind' if offset_s < 0 else 'before'} the server's"
    if abs(offset_s) > SKEW_TOLERANCE.total_seconds():
        return Finding("clock", Weight.WARNING, facts.where, said, "set this machine's clock by a time server")
    return Finding("clock", Weight.OK, facts.where, said)


def _median(clock: Clock, step: Callable[[], object]) -> float:
    def once() -> float:
        begun = clock.monotonic()
        step()
        return clock.monotonic() - begun

    return median(once() for _ in range(_TIMES))


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


LOOKS: "Final[tuple[Callable[[Facts], Iterator[Finding]], ...]]" = (
    _version,
    _stream,
    _durability,
    _limits,
    _names,
    _secrecy,
)
