"""One JetStream stream that keeps the last message of each subject: what a server does for a store.

A message's revision is its sequence in the stream, so "nobody wrote since" is a condition that the server judges.
"""

import json
import re
import time
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from somabus.errors import ConfigurationError, NotABusError, StoreRefusedError, StoreUnavailableError
from somabus.store.nats.link import Link
from somabus.store.nats.talk import (
    NAME_TAKEN,
    NO_STREAM,
    NOBODY,
    WRITTEN_SINCE,
    Answer,
    Question,
    Refused,
    meaning,
    no_jetstream,
)

EXPECTED: Final = "Nats-Expected-Last-Subject-Sequence"
OF_SUBJECT: Final = "Nats-Expected-Last-Subject-Sequence-Subject"
NEW: Final = {EXPECTED: "0"}
_DESCRIPTION: Final = "somabus 1"
_PAGE: Final = 100_000
_MAX_CONSUMERS: Final = 1000
_BELIEVED_S: Final = 60.0
_NAMES_DIFFER: Final = "among servers that are joined, each bus needs a name of its own"
_NUMBER: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
_UNLIMITED: Final = ("max_msgs", "max_bytes", "max_age")


class Known(NamedTuple):
    """What was seen of a stream: whether there is one copy, and its server's version, which it says from 2.11 on."""

    one_copy: bool
    version: tuple[int, ...] = ()

    @property
    def remembers(self) -> bool:
        """Whether the server writes down what was deleted."""
        return bool(self.version)

    @property
    def fences(self) -> bool:
        """Whether it judges a writing by the last message of another subject."""
        return self.version >= (2, 12)


class Found(NamedTuple):
    """A message as the stream has it."""

    data: bytes
    revision: int
    at: datetime
    headers: dict[str, str]


class Stream:
    """The stream of one bus.

    Args:
        link: the connection.
        name: of the stream, and the first word of its subjects.
        domain: the JetStream domain that it lies in, where servers are joined as leaf nodes.
        monotonic: seconds that only grow.
    """

    def __init__(
        self, link: Link, name: str, domain: str = "", *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.link = link
        self.name = name
        self._monotonic = monotonic
        self._seen: tuple[float, Known] | None = None
        self._domain = self._answers = domain
        self._api = f"$JS.{domain}.API" if domain else "$JS.API"
        self.where = link.bus or f"{link.where}/{name}{domain and '@'}{domain}"

    # -- messages ---------------------------------------------------------------------------------------------

    def find(self, subject: str, what: str) -> Found | None:
        """Return the message of a subject, or None."""
        return self.find_all([subject], what)[0]

    def find_all(self, subjects: Iterable[str], what: str) -> list[Found | None]:
        """Return the messages of several subjects."""
        ask, read = (self._nearest, _direct) if self.known(what).one_copy else (self._leader, _by_leader)
        answers = self.link.ask_all([ask(each, what) for each in subjects])
        return [self._found(answer, read, what) for answer in answers]

    def put(self, questions: Sequence[Question]) -> list[int | None]:
        """Write messages; return the revision of each, or None if somebody wrote since the expected one."""
        answers = self.link.ask_all(questions)
        return [self._revision(answer, each.what) for answer, each in zip(answers, questions, strict=True)]

    def remove(self, revision: int, what: str) -> bool:
        """Delete a message of exactly this revision; False if there is none any more."""
        asked = {"seq": revision, "no_erase": self.known(what).remembers}
        try:
            self.ask(f"STREAM.MSG.DELETE.{self.name}", asked, what)
        except Refused as refused:
            if refused.nothing_there:
                return False
            raise meaning(refused, what, self.where) from refused
        return True

    def subjects(self, pattern: str, what: str) -> Iterator[str]:
        """Yield the subjects that match, from as many pages as there are."""
        offset = 0
        while True:
            try:
                state = self.ask(
                    f"STREAM.INFO.{self.name}", {"subjects_filter": pattern, "offset": offset}, what
                )["state"]  # fmt: skip
            except Refused as refused:
                raise meaning(refused, what, self.where) from refused
            page = state.get("subjects") or {}
            yield from page
            offset += len(page)
            if len(page) < _PAGE:
                return

    def time(self, subject: str) -> float | None:
        """Return the server's time: when it got a message that is written now; None where that is not allowed."""
        try:
            self.put([Question(subject, what=self.where)])
        except StoreRefusedError:
            return None
        found = self.find(subject, self.where)
        if found is None:
            raise StoreUnavailableError(self.where, "what was written just now is not there")
        return found.at.timestamp()

    def takers(self, subject: str, within_s: float) -> list[str]:
        """Write once, and return the streams that took it, each with its domain; none where that is not allowed."""
        answers = self.link.ask_everybody(Question(subject, what=self.where), within_s)
        took = [json.loads(each.data) for each in answers if isinstance(each, Answer)]
        return sorted(f"{each['stream']}@{each.get('domain', '')}".rstrip("@") for each in took)

    def ask(self, what: str, asked: dict[str, Any], key: str) -> dict[str, Any]:
        """Ask JetStream itself.

        Raises:
            Refused: it said no. StoreUnavailableError: nobody is there who could.
        """
        try:
            answer = self.link.ask(Question(f"{self._api}.{what}", json.dumps(asked).encode(), what=key))
        except Refused as refused:
            raise no_jetstream(key, self.where, self._domain) if refused.code == NOBODY else refused from None
        found: dict[str, Any] = json.loads(answer.data)
        return found

    def known(self, what: str) -> Known:
        """Return what was seen of the stream, no longer than a minute ago.

        Of several copies the leader's alone is new. A server before 2.10 forgets deletions when it is killed, unless
        it has to overwrite the bytes; which one the stream lies on, it says itself from 2.11.
        """
        now = self._monotonic()
        if self._seen is None or now - self._seen[0] >= _BELIEVED_S:
            there = self._configured()
            if there is None:
                raise StoreUnavailableError(what, f"{self.link.where} has no stream {self.name}")
            version = str((there.get("metadata") or {}).get("_nats.ver", ""))
            self._seen = now, Known(there.get("num_replicas", 1) == 1, tuple(map(int, _NUMBER.findall(version))))
        return self._seen[1]

    def _nearest(self, subject: str, what: str) -> Question:
        return Question(f"{self._api}.DIRECT.GET.{self.name}.{subject}", what=what)

    def _leader(self, subject: str, what: str) -> Question:
        asked = json.dumps({"last_by_subj": subject})
        return Question(f"{self._api}.STREAM.MSG.GET.{self.name}", asked.encode(), what=what)

    def _found(self, answer: Answer | Refused, read: Callable[[Answer], Found], what: str) -> Found | None:
        if not isinstance(answer, Refused):
            return read(answer)
        if answer.nothing_there:
            return None
        raise meaning(answer, what, self.where)

    def _revision(self, answer: Answer | Refused, what: str) -> int | None:
        if isinstance(answer, Refused):
            if answer.code in WRITTEN_SINCE:
                return None
            raise meaning(answer, what, self.where)
        said = json.loads(answer.data)
        where = said.get("domain", "")
        if said["stream"] != self.name or where != (self._answers or where):
            there = f"{said['stream']}@{where}"
            raise StoreRefusedError(what, f"{there} took it as well as {self.where}; {_NAMES_DIFFER}")
        self._answers = where
        return int(said["seq"])

    # -- the stream itself ------------------------------------------------------------------------------------

    def make(self) -> None:
        """Make the stream of a new bus; one that is a bus's already stays as it is.

        Raises:
            ConfigurationError: a foreign stream has the name; it is untouched.
        """
        try:
            self.ask(f"STREAM.CREATE.{self.name}", _configuration(self.name), self.where)
        except Refused as refused:
            if refused.code not in NAME_TAKEN:
                raise meaning(refused, self.where, self.where) from refused
            there = self._configured()
            if there is None:
                message = f"another stream at {self.link.where} has the subjects {self.name}.>; choose another name"
                raise ConfigurationError(message) from refused
            self._check_ours(there)

    def is_there(self) -> bool:
        """Tell whether a stream has the name, whosever it is."""
        return self._configured() is not None

    def drop(self) -> None:
        """Remove the stream and all that is in it; one that is gone already is no error."""
        try:
            self.ask(f"STREAM.DELETE.{self.name}", {}, self.where)
        except Refused as refused:
            if refused.code != NO_STREAM:
                raise meaning(refused, self.where, self.where) from refused

    def check(self) -> None:
        """Make sure that the bus is there.

        Raises:
            NotABusError: no stream of that name is there. ConfigurationError: it is none of a bus's.
        """
        there = self._configured()
        if there is None:
            raise NotABusError(self.where)
        self._check_ours(there)

    def _configured(self) -> dict[str, Any] | None:
        try:
            there: dict[str, Any] = self.ask(f"STREAM.INFO.{self.name}", {}, self.where)["config"]
        except Refused as refused:
            if refused.code == NO_STREAM:
                return None
            raise meaning(refused, self.where, self.where) from refused
        return there

    def _check_ours(self, there: dict[str, Any]) -> None:
        """Refuse a stream that is none of a bus's, or that would drop documents to make room for others."""
        wanted = _configuration(self.name)
        same = ("description", "subjects", "max_msgs_per_subject", "retention", "allow_direct")
        wrong = [name for name in same if there.get(name) != wanted[name]]
        if there.get("discard") != "new":
            wrong += [name for name in _UNLIMITED if there.get(name, 0) > 0]
        if there.get("max_age", 0) > 0:
            wrong.append("max_age")
        if wrong:
            said = f"a stream named {self.name} is at {self.link.where}, and it is none of somabus's"
            message = f"{said} ({', '.join(dict.fromkeys(wrong))}); choose another name behind the address"
            raise ConfigurationError(message)


def _configuration(name: str) -> dict[str, Any]:
    """Return what a bus's stream is: the last message of each subject, for ever; a full one refuses.

    The number of consumers is said, for a server that is not told has a limit of its own; somabus makes none.
    """
    return {
        "name": name, "description": _DESCRIPTION, "subjects": [f"{name}.>"], "retention": "limits", "discard": "new",
        "max_msgs_per_subject": 1, "max_msgs": -1, "max_bytes": -1, "max_age": 0, "max_msg_size": -1,
        "max_consumers": _MAX_CONSUMERS, "storage": "file", "num_replicas": 1, "allow_direct": True,
        "duplicate_window": 0,
    }  # fmt: skip


def _direct(answer: Answer) -> Found:
    headers = dict(answer.headers)
    return Found(answer.data, int(headers["Nats-Sequence"]), _time(headers["Nats-Time-Stamp"]), headers)


def _by_leader(answer: Answer) -> Found:
    message = json.loads(answer.data)["message"]
    lines = b64decode(message.get("hdrs", "")).decode(errors="replace").splitlines()
    headers = dict(line.split(": ", 1) for line in lines if ": " in line)
    return Found(b64decode(message.get("data", "")), message["seq"], _time(message["time"]), headers)


def _time(text: str) -> datetime:
    """Read a server's time, which has nanoseconds."""
    stem, _, fraction = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{stem}.{fraction[:6] or '0':0<6}").replace(tzinfo=UTC)
