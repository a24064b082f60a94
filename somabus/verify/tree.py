"""The walk over a bus, and the table that says by which rule each place is judged."""

import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from somabus.errors import MessageError, SomabusError, StoreDamagedError, TrustError
from somabus.jobs.aside import Attachment, Line, Report, Spent
from somabus.jobs.workers import WorkerRecord
from somabus.model.archive import SEGMENT
from somabus.model.bus import BUS_FILE
from somabus.model.leases import LeaseRecord
from somabus.model.message import Value
from somabus.model.stop import scope_of
from somabus.model.wire import parse_object
from somabus.model.work import Bond
from somabus.poster import PostedKey
from somabus.sender import SentKey
from somabus.store.port import Store
from somabus.verify import agents, archives, jobs, mail, operators
from somabus.verify.alone import SET_ASIDE
from somabus.verify.fault import Fault, Paper
from somabus.verify.grounds import Grounds
from somabus.verify.record import Chain, evidence

Judge = Callable[[Grounds, Paper], Iterator[Fault]]
Read = bytes | SomabusError | None
"""A document, or why it cannot be read, or None where there is none."""

_AGAIN: Final = "its owner writes it anew, or a person removes it"
_ANEW: Final = "no reader counts it; an operator signs it anew"
_OVER: Final = "readers step over it"
_NO_PLACE: Final = "no document of format 1 has this place"
_LOOK: Final = "look at it; no agent will touch it"
_ID: Final = r"(?P<id>[0-9a-f-]{36})"
_CHAINS: Final = frozenset(["audit", "operator/history/bus"])
_RUN: Final = rf"queues/(?P<queue>[^/]+)/runs/{_ID}"
_LOG: Final = r"(?P<log>messages/[^/]+/outbox|channels/(?P<channel>[^/]+)(/scratchpad)?)"
_NUMBER: Final = r"(?P<segment>\d{7})/(?P<number>\d{10})\.json"


class Rule(NamedTuple):
    """How the documents of one place are judged, and what to do with one that cannot even be read."""

    place: re.Pattern[str]
    judge: Judge
    step: str


_STOP: Final = Rule(re.compile(r".+"), operators.stop, _AGAIN)


def _value(kind: type[Value]) -> Judge:
    def judge(_: Grounds, paper: Paper) -> Iterator[Fault]:
        kind.from_object(parse_object(paper.raw))
        yield from ()

    return judge


def _rules(chain: Chain) -> tuple[Rule, ...]:
    table: tuple[tuple[str, Judge, str], ...] = (
        (re.escape(BUS_FILE), operators.bus, "bring back a copy of it; no agent can start without"),
        (r"operator/revocations\.json", operators.revocations, _ANEW),
        (rf"operator/resumed/{_ID}\.json", operators.resume, _ANEW),
        (rf"(?P<log>operator/history/(?P<document>bus|revocations|values|goal\.[0-9a-f-]{{36}}))/{_NUMBER}",
         operators.version, "readers cannot follow; bring back a copy of it"),
        (rf"goals/{_ID}\.json", operators.goal, _ANEW),
        (r"values\.md", operators.values, _ANEW),
        (rf"approvals/{_ID}/answer\.json", operators.answer, _ANEW),
        (r"registry/(?P<agent>[^/]+)/card\.json", agents.card, "nobody believes this agent; it must join again"),
        (r"registry/(?P<agent>[^/]+)/certificate\.json", agents.certificate, _ANEW),
        (r"registry/(?P<agent>[^/]+)/rotation\.json", agents.rotation, _AGAIN),
        (r"registry/(?P<agent>[^/]+)/heartbeat\.json", agents.heartbeat, _AGAIN),
        (r"registry/(?P<agent>[^/]+)/cursors\.json", agents.cursors, _AGAIN),
        (rf"goals/proposed/{_ID}\.json", agents.proposal, _AGAIN),
        (rf"goals/{_ID}/(?P<agent>[^/]+)\.json", agents.work, _AGAIN),
        (rf"approvals/{_ID}/request\.json", agents.request, "nobody can approve it; its agent asks again"),
        (rf"approvals/{_ID}/use\.json", agents.use, "the approval is spent all the same; its agent asks again"),
        (rf"(?P<log>audit)/{_NUMBER}", chain.entry, _OVER),
        (r"audit/evidence/(?P<digest>[0-9a-f]{64})", evidence, _LOOK),
        (rf"{_LOG}/{_NUMBER}", mail.entry, _OVER),
        (rf"{_LOG}/archive/(?P<first>\d{{10}})-(?P<last>\d{{10}})\.gz", archives.archive, _LOOK),
        (rf"{_LOG}/archive/\d{{10}}-\d{{7}}999\.gone", archives.mark, _LOOK),
        (r"channels/(?P<channel>[^/]+)/scratchpad\.md", mail.text, _LOOK),
        (r"messages/(?P<agent>[^/]+)/(?P<state>inbox|later|claimed|dead)/(?P<name>[^/]+)", mail.boxed, _AGAIN),
        (rf"messages/(?P<agent>[^/]+)/done/\d{{4}}-\d\d-\d\d/{_ID}(\.[a-z]+)?\.json", mail.done, SET_ASIDE),
        (r"messages/[^/]+/keys/[0-9a-f]{32}\.post\.json", _value(PostedKey), _AGAIN),
        (r"messages/[^/]+/keys/.+", _value(SentKey), _AGAIN),
        (r"leases/[^/]+/[^/]+", _value(LeaseRecord), _AGAIN),
        (rf"queues/(?P<queue>[^/]+)/(?P<state>{jobs.OPEN}|submitting)/(?P<name>[^/]+)", jobs.open_job, jobs.ASIDE),
        (r"queues/(?P<queue>[^/]+)/(?P<state>completed|failed|cancelled)/(?P<day>[^/]+)/(?P<name>[^/]+)",
         jobs.ended_job, _LOOK),
        (r"queues/[^/]+/dead/(?P<day>[^/]+)/(?P<name>[^/]+)", jobs.dead_job, _LOOK),  # its run says why
        (r"queues/[^/]+/dropping/[^/]+", jobs.anything, _LOOK),
        (rf"{_RUN}/(?P<generation>\d+)\.(?P<event>[a-z]+)\.json", jobs.attempt, _OVER),
        (rf"{_RUN}/steps/(?P<name>[^/]+)", jobs.step, "the job waits until a person has mended it"),
        (rf"{_RUN}/(then|children)/(?P<other>[0-9a-f-]{{36}})\.json", jobs.bond, _OVER),
        (rf"{_RUN}/met/(?P<name>[^/]+)", jobs.met, _OVER),
        (rf"{_RUN}/progress\.json", _value(Report), _OVER),
        (rf"{_RUN}/files/(?P<digest>[0-9a-f]{{64}})", evidence, _LOOK),
        (rf"{_RUN}/files/[0-9a-f]{{64}}\.json", _value(Attachment), _OVER),
        (rf"(?P<log>{_RUN}/log)/{_NUMBER}", _value(Line), _OVER),
        (rf"(?P<log>{_RUN}/spent)/{_NUMBER}", _value(Spent), "nobody of its tree can spend; look at it"),
        (rf"(?P<log>{_RUN}/said)/{_NUMBER}", mail.entry, _OVER),
        (r"queues/[^/]+/keys/[0-9a-f]{32}/\d{9}\.json", _value(Bond), _AGAIN),
        (r"queues/[^/]+/workers/[^/]+\.json", _value(WorkerRecord), _AGAIN),
        (r"queues/[^/]+/rates/[^/]+/\d+-\d+/\d+\.json", jobs.anything, _OVER),
    )  # fmt: skip
    return tuple(Rule(re.compile(place), judge, step) for place, judge, step in table)


class Tree:
    """Walks one bus."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._grounds = Grounds(store)
        self._chain = Chain(self._grounds)
        self._rules = _rules(self._chain)
        self._last: dict[str, int] = {}
        self.looked_at = 0

    def judge(self) -> list[Fault]:
        """Judge every document of the bus, and what should be there and is not."""
        found = [fault for key, read in self._walk("") for fault in (*self._told(key, read), *self._hole(key))]
        return [*found, *self._chain.gaps(), *operators.absent(self._grounds)]

    def document(self, key: str) -> Iterator[Fault]:
        """Judge one document."""
        yield from self._told(key, self._read(key))

    def _told(self, key: str, read: Read) -> Iterator[Fault]:
        self.looked_at += 1
        if isinstance(read, SomabusError):
            if not _stops(key):
                yield Fault(key, str(read), "remove it, or ask who put it there")
                return
            read = b""  # it stops all the same
        if read is not None:  # else it moved while we walked
            yield from self._judged(key, read)

    def _judged(self, key: str, raw: bytes) -> Iterator[Fault]:
        for rule in (_STOP,) if _stops(key) else self._rules:
            found = rule.place.fullmatch(key)
            if found is not None:
                paper = Paper(key, raw, found)
                try:
                    yield from (*_misplaced(paper), *rule.judge(self._grounds, paper))
                except MessageError as error:
                    yield paper.fault(str(error), rule.step)
                except TrustError as error:
                    yield paper.fault(error.reason, rule.step)
                return
        yield Fault(key, mail.SYNC if mail.SYNC_TOOL.search(key) else _NO_PLACE, _LOOK, "warning")

    def _walk(self, prefix: str) -> Iterator[tuple[str, Read]]:
        """Yield every document below a folder, as it was read: most names tell that they are none of a folder."""
        for name in self._store.list(prefix):
            key = f"{prefix}/{name}" if prefix else name
            if key == "tmp":
                continue
            read = self._read(key) if key.endswith(".json") or _stops(key) else None
            if _stops(key) or not _may_be_a_folder(read):
                yield key, read
            else:
                yield from self._below(key)

    def _below(self, key: str) -> Iterator[tuple[str, Read]]:
        try:
            below = self._store.list(key)
        except SomabusError:
            yield key, self._read(key)  # a file
            return
        if below and "entry.json" not in below:  # that one is an entry of a drive without hard links
            yield from self._walk(key)
            return
        read = self._read(key)
        if below or not _may_be_a_folder(read):  # else it is an empty folder
            yield key, read

    def _read(self, key: str) -> Read:
        try:
            return self._store.read(key)
        except SomabusError as error:
            return error

    def _hole(self, key: str) -> Iterator[Fault]:
        """Tell of numbers that are missing before an entry of a log; in the chains, they are told by the next link."""
        found = next((each for rule in self._rules if (each := rule.place.fullmatch(key))), None)
        parts = {} if found is None else found.groupdict()
        if "number" not in parts or parts["log"] in _CHAINS:
            return
        number, log = int(parts["number"]), parts["log"]
        last = self._last[log] if log in self._last else archives.before(self._grounds, log, number)
        if number not in (last, last + 1):  # an entry that is archived may lie there still
            said = f"the numbers before it are missing, from {last + 1}"
            yield Fault(key, said, "readers wait for them, then step over", "warning")
        self._last[log] = number


def _misplaced(paper: Paper) -> Iterator[Fault]:
    """Tell of an entry that lies in another segment than its number says."""
    parts = paper.part.groupdict()
    if "segment" in parts and int(parts["segment"]) != int(parts["number"]) // SEGMENT:
        said = f"number {int(parts['number'])} belongs into the segment {int(parts['number']) // SEGMENT:07d}"
        yield paper.fault(said, "readers do not find it there")


def _may_be_a_folder(read: Read) -> bool:
    return read is None or isinstance(read, StoreDamagedError)


def _stops(key: str) -> bool:
    return "/" not in key and scope_of(key) is not None
