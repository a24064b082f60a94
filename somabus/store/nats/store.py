"""`NatsStore`: the verbs of the port on one JetStream stream, which keeps the last message of each subject.

A document is a message; its revision is the sequence of that message in the stream, so "nobody wrote since" is a
condition that the server judges. A folder is a message too: it is published behind each document, and refused where
it is there already, so that a folder cannot be let go between the two.

How a document is moved, and what a crash leaves after each step:

    1  the source is written again, unchanged, with a mark, if nobody wrote since it was read: one winner
       the document where it was; for half a minute others are told that it is gone, then anybody may move it
    2  the target is written
       two documents; the generation in the name says which of them counts
    3  the source is deleted, if nobody wrote since 1
"""

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from somabus.errors import (
    ConfigurationError,
    DocumentTooLargeError,
    KeyExistsError,
    KeyMissingError,
    NotABusError,
    StoreError,
    StoreFullError,
    StoreRefusedError,
    StoreUnavailableError,
)
from somabus.store.driveclock import DriveClock
from somabus.store.nats.facts import Facts, facts_of
from somabus.store.nats.link import Answer, Link, Question, Refused
from somabus.store.nats.subjects import Subjects
from somabus.store.port import JUNK, MAX_BYTES, check_key

_API: Final = "$JS.API"
_EXPECTED: Final = "Nats-Expected-Last-Subject-Sequence"
_MOVING: Final = "Somabus-Moving"
_NEW: Final = {_EXPECTED: "0"}

_NO_MESSAGE: Final = frozenset([404, 10037, 10043])
_WRITTEN_SINCE: Final = 10071
_NO_STREAM: Final = 10059
_FULL: Final = frozenset([10023, 10047, 10077, 10076, 10113, 10122])
_REFUSED: Final = frozenset([10001, 10002, 10039, 10109])

_MOVE_TAKES: Final = timedelta(seconds=30)
_LOCK_HOLDS: Final = timedelta(seconds=60)
_PAGE: Final = 100_000
_HEADROOM: Final = 4096
"""What a message needs beside its document: the subject and the headers."""

MAX_CONSUMERS: Final = 1000
"""Said to the server, which would otherwise have a limit of its own; somabus makes none."""


class _Found(NamedTuple):
    """A document as the stream has it."""

    data: bytes
    revision: int
    at: datetime
    moving: bool


class NatsStore:
    """A store on a stream. Cheap to make; nobody is called before the first verb.

    Args:
        link: the connection.
        bus: the name of the stream, and the first word of its subjects.
        now: another clock than the server's, for tests.
    """

    def __init__(self, link: Link, bus: str, *, now: Callable[[], datetime] | None = None) -> None:
        self._link = link
        self._bus = bus
        self._subjects = Subjects(bus)
        self._watches: dict[str, _Watch] = {}
        self._clock = DriveClock(self._server_time)
        self.now = now or self._clock.now

    @property
    def link(self) -> Link:
        """The connection, for whoever measures it."""
        return self._link

    @property
    def root(self) -> str:
        """What people call it."""
        return f"{self._link.where}/{self._bus}"

    # -- the verbs --------------------------------------------------------------------------------------------

    def read(self, key: str, *, listed: bool = False) -> bytes | None:  # noqa: ARG002 - nothing is ever late here
        """See `Store.read`."""
        found = self._find(check_key(key))
        if found is not None and len(found.data) > MAX_BYTES:
            raise DocumentTooLargeError(key, f"over {MAX_BYTES:,} bytes")
        return None if found is None else found.data

    def create(self, key: str, data: bytes) -> None:
        """See `Store.create`."""
        if self._write([(check_key(key), data)], _NEW)[0] is None:
            raise KeyExistsError(key)

    def create_many(self, documents: Iterable[tuple[str, bytes]]) -> None:
        """See `Store.create_many`."""
        self._write([(check_key(key), data) for key, data in documents], {})

    def replace(self, key: str, data: bytes) -> None:
        """See `Store.replace`."""
        self._write([(check_key(key), data)], {})

    def move(self, source: str, target: str, *, durable: bool = True) -> None:  # noqa: ARG002 - as durable as the server is
        """See `Store.move`."""
        found = self._find(check_key(source))
        check_key(target)
        if found is None or (found.moving and self.now() - found.at < _MOVE_TAKES):
            raise KeyMissingError(source)
        mark = {_EXPECTED: str(found.revision), _MOVING: "1"}
        (revision,) = self._write([(source, found.data)], mark)  # 1
        if revision is None:
            raise KeyMissingError(source)
        (written,) = self._write([(target, found.data)], {})  # 2
        if not self._remove(revision):  # 3
            if written is not None:
                self._remove(written)  # stalled for so long that another one moved it
            raise KeyMissingError(source)

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        found = self._find(check_key(key))
        while found is not None and not self._remove(found.revision):
            found = self._find(key)  # written anew in between

    def list(self, prefix: str, after: str = "", limit: int | None = None) -> list[str]:
        """See `Store.list`."""
        key = prefix.rstrip("/")
        names = {
            Subjects.name(subject)
            for pattern in self._subjects.one_level(check_key(key) if key else "")
            for subject in self._matching(pattern)
        }
        return sorted(name for name in names if name > after and name.lower() not in JUNK)[:limit]

    def weigh(self, prefix: str) -> int:
        """See `Store.weigh`."""
        key = prefix.rstrip("/")
        alone = self._find(check_key(key)) if key else None
        below = self._subjects.below(key)
        return (len(alone.data) if alone else 0) + sum(self._weights(below))

    def prune(self, prefix: str) -> None:
        """See `Store.prune`."""
        folder = check_key(prefix)
        if self.list(folder):
            return
        found = self._find_at(self._subjects.folder(folder))
        if found is not None:
            self._remove(found.revision)

    def wait(self, prefix: str, timeout: float) -> bool:
        """See `Store.wait`."""
        key = check_key(prefix.rstrip("/"))
        if key not in self._watches:
            self._watches[key] = watch = _Watch()
            watch.end = self._link.listen(self._subjects.below(key), watch.event.set)
            return True
        heard = self._watches[key].event.wait(timeout)
        self._watches[key].event.clear()
        return heard

    @contextmanager
    def lock(self, name: str) -> Iterator[bool]:
        """See `Store.lock`. A holder that died is passed over after a minute; a longer one is not protected."""
        key = f"tmp/locks/{check_key(name)}"
        now = self.now()
        found = self._find(key)
        expected = _NEW if found is None else {_EXPECTED: str(found.revision)}
        free = found is None or now - found.at > _LOCK_HOLDS
        revision = self._write([(key, b"{}")], expected)[0] if free else None
        try:
            yield revision is not None
        finally:
            if revision is not None:
                self._remove(revision)

    def close(self) -> None:
        """End the connection; the store may be used again."""
        for watch in self._watches.values():
            watch.end()
        self._watches.clear()
        self._link.close()

    # -- the stream -------------------------------------------------------------------------------------------

    def make(self, *, replicas: int = 1) -> None:
        """Make the stream of a new bus; one that is a bus's already stays as it is.

        Raises:
            ConfigurationError: a foreign stream has the name; it is untouched.
        """
        wanted = _stream(self._bus, self._subjects.all, replicas)
        try:
            self._api(f"STREAM.CREATE.{self._bus}", wanted)
        except Refused as refused:
            there = self._config()
            if there is None:
                raise self._meaning(refused, self._bus) from refused
            if there.get("metadata", there.get("description")) != wanted.get("metadata", wanted["description"]):
                self._check_ours(there)

    def drop(self) -> None:
        """Remove the stream, and all that is in it; one that is gone already is no error."""
        try:
            self._api(f"STREAM.DELETE.{self._bus}", {})
        except Refused as refused:
            if refused.code != _NO_STREAM:
                raise self._meaning(refused, self._bus) from refused

    def check(self) -> None:
        """Make sure that the bus is there.

        Raises:
            NotABusError: no stream of that name is there. ConfigurationError: it is none of a bus's.
        """
        there = self._config()
        if there is None:
            raise NotABusError(self.root)
        self._check_ours(there)

    def facts(self) -> Facts:
        """Ask the server what it is, and what it has of the bus.

        Raises:
            StoreError: it does not answer, or does not tell us.
        """
        try:
            return facts_of(self._link, self._bus)
        except Refused as refused:
            raise self._meaning(refused, self._bus) from refused

    def _check_ours(self, there: dict[str, Any]) -> None:
        wanted = _stream(self._bus, self._subjects.all, 1)
        wrong = [name for name in ("subjects", "max_msgs_per_subject", "retention") if there.get(name) != wanted[name]]
        if there.get("description") != wanted["description"] or wrong:
            said = f"a stream named {self._bus} is at {self._link.where}, and it is none of somabus's"
            message = f"{said} ({', '.join(wrong) or 'its description'}); choose another name behind the address"
            raise ConfigurationError(message)

    def _config(self) -> dict[str, Any] | None:
        try:
            config: dict[str, Any] = self._api(f"STREAM.INFO.{self._bus}", {})["config"]
        except Refused as refused:
            if refused.code == _NO_STREAM:
                return None
            raise self._meaning(refused, self._bus) from refused
        return config

    # -- steps ------------------------------------------------------------------------------------------------

    def _write(self, documents: Sequence[tuple[str, bytes]], expected: dict[str, str]) -> Sequence[int | None]:
        """Write documents and, behind them, the folders that they lie in; None for each that somebody wrote since."""
        if not documents:
            return []
        most = self._link.most_bytes - _HEADROOM
        for key, data in documents:
            if len(data) > most:
                raise DocumentTooLargeError(key, f"{len(data):,} bytes; this server takes {most:,} (max_payload)")
        questions = [Question(self._subjects.document(key), data, expected or None) for key, data in documents]
        nearest = dict.fromkeys(above[0] for key, _ in documents if (above := self._subjects.folders_above(key)))
        folders = [Question(self._subjects.folder(folder), b"", _NEW) for folder in nearest]
        answers = self._link.ask_all([*questions, *folders])
        for folder, answer in zip(nearest, answers[len(questions) :], strict=True):
            if not isinstance(answer, Refused):
                self._show(folder)
            elif answer.code != _WRITTEN_SINCE:
                raise self._meaning(answer, folder)
        return [self._revision(answer, key) for answer, (key, _) in zip(answers, documents, strict=False)]

    def _show(self, folder: str) -> None:
        """Make a new folder show in those above it, which may be new as well."""
        above = self._subjects.folders_above(folder)
        questions = [Question(self._subjects.folder(each), b"", _NEW) for each in above]
        for answer in self._link.ask_all(questions) if questions else []:
            if isinstance(answer, Refused) and answer.code != _WRITTEN_SINCE:
                raise self._meaning(answer, folder)

    def _revision(self, answer: Answer | Refused, key: str) -> int | None:
        if isinstance(answer, Refused):
            if answer.code == _WRITTEN_SINCE:
                return None
            raise self._meaning(answer, key)
        return int(json.loads(answer.data)["seq"])

    def _find(self, key: str) -> _Found | None:
        return self._find_at(self._subjects.document(key))

    def _find_at(self, subject: str) -> _Found | None:
        try:
            answer = self._link.ask(Question(f"{_API}.DIRECT.GET.{self._bus}.{subject}"))
        except Refused as refused:
            if refused.code in _NO_MESSAGE:
                return None
            raise self._meaning(refused, subject) from refused
        headers = answer.headers
        return _Found(answer.data, int(headers["Nats-Sequence"]), _time(headers["Nats-Time-Stamp"]), _MOVING in headers)

    def _remove(self, revision: int) -> bool:
        """Delete a document of exactly this revision; False if there is none any more."""
        try:
            self._api(f"STREAM.MSG.DELETE.{self._bus}", {"seq": revision, "no_erase": True})
        except Refused as refused:
            if refused.code in _NO_MESSAGE:
                return False
            raise self._meaning(refused, str(revision)) from refused
        return True

    def _matching(self, pattern: str) -> Iterator[str]:
        """Yield the subjects that there are, a page at a time."""
        offset = 0
        while True:
            try:
                asked = {"subjects_filter": pattern, "offset": offset}
                state = self._api(f"STREAM.INFO.{self._bus}", asked)["state"]
            except Refused as refused:
                raise self._meaning(refused, pattern) from refused
            page = state.get("subjects") or {}
            yield from page
            offset += len(page)
            if len(page) < _PAGE:
                return

    def _weights(self, pattern: str) -> Iterator[int]:
        """Yield the size of each document that matches."""
        for subject in self._matching(pattern):
            found = self._find_at(subject)
            if found is not None:
                yield len(found.data)

    def _api(self, what: str, asked: dict[str, Any]) -> dict[str, Any]:
        answer = self._link.ask(Question(f"{_API}.{what}", json.dumps(asked).encode()))
        found: dict[str, Any] = json.loads(answer.data)
        return found

    def _meaning(self, refused: Refused, what: str) -> StoreError:
        """Return the store's error for one of the server's."""
        if refused.code in _FULL:
            return StoreFullError(what, refused.said)
        if refused.code in _REFUSED:
            return StoreRefusedError(what, refused.said)
        return StoreUnavailableError(what, f"{refused.said} [{refused.code}]")

    def _server_time(self) -> float:
        """Ask for the time, by writing a message and reading when the server got it."""
        (answer,) = self._link.ask_all([Question(self._subjects.clock, b"")])
        if isinstance(answer, Refused):
            raise self._meaning(answer, "clock")
        found = self._find_at(self._subjects.clock)
        if found is None:
            raise StoreUnavailableError("clock", "what was written just now is not there")
        return found.at.timestamp()


class _Watch:
    """Who waits below a prefix."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.end: Callable[[], None] = lambda: None


def _stream(bus: str, subjects: str, replicas: int) -> dict[str, Any]:
    """Return the configuration of a bus's stream: the last message of each subject, for ever."""
    return {
        "name": bus, "description": "somabus 1", "subjects": [subjects], "retention": "limits", "discard": "old",
        "max_msgs_per_subject": 1, "max_msgs": -1, "max_bytes": -1, "max_age": 0, "max_msg_size": -1,
        "max_consumers": MAX_CONSUMERS, "storage": "file", "num_replicas": replicas, "allow_direct": True,
        "duplicate_window": 0,
    }  # fmt: skip


def _time(text: str) -> datetime:
    """Read a server's time, which has nanoseconds."""
    stem, _, fraction = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{stem}.{fraction[:6] or '0':0<6}").replace(tzinfo=UTC)
