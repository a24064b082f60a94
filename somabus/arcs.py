"""Arcs: pieces of work that begin with a brief and end with a closeout, and what is open in any channel.

The agenda of a channel is folded from its posts and kept at home, so that each post is folded once; a reading that
meets a channel for the first time looks back a little, a look at the arcs as far as the last brief.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from somabus.authority import Authority
from somabus.channel import Channels
from somabus.errors import DocumentTooLargeError, MessageError, ReferenceNotFoundError, SomabusError, StoreError
from somabus.log import Log
from somabus.model.agenda import Agenda, Word, last_seen
from somabus.model.archive import SEGMENT
from somabus.model.names import channel_folder
from somabus.model.presence import Presence, absence
from somabus.model.wire import parse_object
from somabus.peer import Peer
from somabus.reader import Reader, Writers
from somabus.registry import Registry
from somabus.store.port import Store

if TYPE_CHECKING:
    from somabus.scratchpad import Scratchpad

_LOOK_BACK: Final = 100
_AT_ONCE: Final = 1000
_SAVE_EVERY: Final = 20
_BOUNDS: Final = ("brief", "closeout")
PREFIX: Final = "arc:"


class Arc:
    """One piece of work: who opened it, who owns it, how old it is, what was said last."""

    def __init__(self, name: str, agenda: Agenda, now: datetime, arcs: "Arcs") -> None:
        self._name = name
        self._agenda = agenda
        self._now = now
        self._arcs = arcs

    @property
    def name(self) -> str:
        """Its channel: `arc:wiki`."""
        return self._name

    @property
    def open(self) -> bool:
        """Whether a brief was posted and no closeout after it."""
        return self._agenda.open

    @property
    def brief(self) -> Word | None:
        """The post that opened it last."""
        return self._agenda.brief

    @property
    def owner(self) -> str | None:
        """Who has claimed the brief, or whoever opened it while nobody has."""
        return self._agenda.owner or (self._agenda.brief.sender if self._agenda.brief else None)

    @property
    def claimed(self) -> bool:
        """Whether somebody has claimed the brief."""
        return self._agenda.owner is not None

    @property
    def age(self) -> timedelta | None:
        """How long ago it was opened."""
        return None if self._agenda.brief is None else self._now - self._agenda.brief.at

    @property
    def last(self) -> Word | None:
        """The last post, in a line."""
        return self._agenda.last

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Those who have both declared that they work together here."""
        return self._agenda.pairs

    @property
    def notes(self) -> tuple[str, ...]:
        """Who owes something here and has not beaten for too long, and how the pairs do."""
        return self._arcs.notes_of(self._name, self._agenda)

    @property
    def scratchpad(self) -> "Scratchpad":
        """The text that whoever works on it shares: one owner at a time, history kept."""
        return self._arcs.scratchpad(self._name)


class Arcs:
    """Looks on behalf of one agent."""

    def __init__(
        self,
        store: Store,
        home: Store,
        *,
        authority: Authority,
        reader: Reader,
        registry: Registry,
        channels: Channels,
        scratchpad: Callable[[str], "Scratchpad"],
    ) -> None:
        self._store = store
        self._home = home
        self._authority = authority
        self._reader = reader
        self._registry = registry
        self._channels = channels
        self.scratchpad = scratchpad
        self._kept: dict[str, Agenda] = {}
        self._saved: dict[str, int] = {}

    def open(self) -> tuple[Arc, ...]:
        """Return the arcs that are open, the oldest first."""
        found = [self.arc(name) for name in self._channels.names() if name.startswith(PREFIX)]
        return tuple(sorted((arc for arc in found if arc.open), key=lambda arc: arc.age or timedelta(0), reverse=True))

    def arc(self, name: str) -> Arc:
        """Return an arc, which need not be open.

        Raises:
            ReferenceNotFoundError: the name is none of an arc.
        """
        if not isinstance(name, str) or not name.startswith(PREFIX):
            raise ReferenceNotFoundError("arc", str(name))
        return Arc(name, self.agenda(name, deep=True), self._store.now(), self)

    def agenda(self, channel: str, *, deep: bool = False) -> Agenda:
        """Return what is open in a channel now.

        Args:
            channel: which.
            deep: look back as far as the last brief, however far that is.
        """
        log, writers = self._channels.log(channel), Writers(None, channel)
        agenda = self._kept.get(channel) or self._recalled(channel)
        if agenda is None or (deep and not agenda.complete):
            gone = log.swept(0)
            since = self._since(log, writers, gone, deep=deep)
            agenda = Agenda(since=since, upto=max(since - 1, gone))
        agenda, kept = self._folded(log, writers, agenda)
        self._keep(channel, kept)
        return agenda

    def notes(self, channel: str) -> tuple[str, ...]:
        """Say who owes something in a channel and has not beaten for too long, and how the pairs there do."""
        return self.notes_of(channel, self.agenda(channel))

    def notes_of(self, channel: str, agenda: Agenda) -> tuple[str, ...]:
        """Say the same of an agenda that is at hand."""
        owed: dict[str, list[str]] = {}
        for name, what in agenda.owed(channel):
            owed.setdefault(name, []).append(what)
        late = [f"{said}; it owes {', '.join(owed[name])}" for name in owed if (said := self._absence(name, agenda))]
        pairs = [
            f"{one} and {other} work as a pair: {self._how(one)}, {self._how(other)}" for one, other in agenda.pairs
        ]
        return (*late, *pairs)

    # -- steps ------------------------------------------------------------------------------------------------

    def _folded(self, log: Log, writers: Writers, agenda: Agenda) -> tuple[Agenda, Agenda]:
        """Return the agenda with all that is listed, and the one to keep.

        A number that is missing may be listed later, and a number far ahead may be planted: what stands behind a gap
        is folded anew each time, until a thousand posts of writers' own stand there.
        """
        kept, at, behind = agenda, agenda.upto, None
        while numbers := log.after(at, _AT_ONCE):
            for number in numbers:
                said = self._reader.said(log, number, writers)
                agenda = agenda.skipped(number) if said is None else agenda.after(number, said)
                if behind is None and number != at + 1:
                    behind = 0
                if behind is not None:
                    behind += said is not None
                if behind is None or behind > SEGMENT:
                    kept, behind = agenda, None
                at = number
        return agenda, kept

    def _absence(self, name: str, agenda: Agenda) -> str:
        """Say that somebody has not beaten for too long, by its heartbeat on the bus or the last one posted here."""
        peer, beaten = self._peer(name), agenda.beat_of(name)
        seen = last_seen(beaten, peer.last_seen if peer else None)
        if peer is None or seen is None or peer.presence is Presence.STOPPED:
            return ""
        declared = peer.heartbeat.every_s if peer.heartbeat else peer.card.every_s if peer.card else 0.0
        every_s = beaten.every_s if beaten is not None and beaten.at == seen else declared
        return absence(
            name, last_seen=seen, every_s=every_s, now=self._store.now(), staleness=self._authority.bus.policy.staleness
        )

    def _how(self, name: str) -> str:
        peer = self._peer(name)
        return f"{name} {(peer and peer.presence) or 'not seen'}"

    def _peer(self, name: str) -> Peer | None:
        if not self._registry.knows(name):
            return None
        with suppress(SomabusError):
            return self._registry.peer(name)
        return None

    def _since(self, log: Log, writers: Writers, gone: int, *, deep: bool) -> int:
        """Return the number to begin with: the last brief or closeout, or where a short look back ends.

        What a sweep has dropped is not looked for: on a drive each of those numbers costs the patience for a file.
        """
        tail = log.tail()
        if not deep:
            return max(1, tail - _LOOK_BACK + 1)
        for number in range(tail, gone, -1):
            said = self._reader.said(log, number, writers)
            if said is not None and said.kind in _BOUNDS:
                return number
        return 1

    def _recalled(self, channel: str) -> Agenda | None:
        with suppress(MessageError, DocumentTooLargeError, StoreError):
            raw = self._home.read(_key(channel))
            if raw is not None:
                agenda = Agenda.from_object(parse_object(raw))
                self._saved[channel] = agenda.upto
                return agenda
        return None

    def _keep(self, channel: str, agenda: Agenda) -> None:
        """Remember; on the disk only when enough is new that folding it again would be felt."""
        self._kept[channel] = agenda
        if agenda.upto - self._saved.get(channel, 0) >= _SAVE_EVERY:
            with suppress(StoreError):
                self._home.replace(_key(channel), agenda.to_json())
            self._saved[channel] = agenda.upto


def _key(channel: str) -> str:
    return f"agendas/{channel_folder(channel)}.json"
