"""`Agent`: the parts joined for one named agent. The only place that knows services and adapters."""

import logging
import os
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from somabus import machine
from somabus.alerts import CHANNEL, Alerts
from somabus.beat import Budget, Parts, Routine
from somabus.composer import Composer
from somabus.connection import Connection, connect
from somabus.cursors import CursorBook
from somabus.errors import (
    ConfigurationError,
    MessageError,
    NotJoinedError,
    SomabusError,
    StoreDamagedError,
    StoreError,
    StoreUnavailableError,
    TrustError,
)
from somabus.handlers import ANY, Handlers, acknowledge, echo
from somabus.inbox import LEASE_FOR, Counts, Inbox, Letter
from somabus.learnings import Learnings
from somabus.lease import Lease, Leases
from somabus.model.bus import BUS_FILE
from somabus.model.card import Card
from somabus.model.deadletter import DeadLetter, Reason
from somabus.model.draft import Draft
from somabus.model.heartbeat import Outcome
from somabus.model.ids import IdMaker, derive_id
from somabus.model.kinds import NEVER_BOUNCED, Insight
from somabus.model.message import Message, explain
from somabus.model.names import nearest
from somabus.model.receipt import Receipt, Trace
from somabus.model.report import BeatReport
from somabus.model.retry import RetryPolicy
from somabus.model.schedule import DEFAULT, Schedule
from somabus.model.signing import to_text
from somabus.opener import Opener
from somabus.outbox import Outbox
from somabus.pins import Pins
from somabus.registry import Peer, Registry
from somabus.sender import Sender
from somabus.spool import Spool
from somabus.trace import Tracer

_F = TypeVar("_F", bound=Callable[..., Any])
_COUNT_FOR_S: Final = 1.0
_GLANCE_S: Final = 1.0
_LOOK_EVERY_S: Final = 10.0
_log: Final = logging.getLogger("somabus")
__all__ = ["Agent"]


class Agent:
    """One named agent on a bus: its mail, its outbox, its leases and its routine.

    Joins when it is made: the key is made once and stays on this machine, the card is registered on the bus.
    Joining again with the same key is no event.

    Args:
        name: lower case, `[a-z0-9][a-z0-9._-]{0,63}`.
        bus: the shared folder, for instance `X:/soma_network`; a path that holds no bus is refused.
        every: the cadence of the routine: `6h`, a `timedelta`, or a cron expression in UTC.
        display_name: for people.
        skills: what it can do, in words of your choosing. What is not declared stays as the card has it.
        retry: when a message that failed is tried again.
        lease_for: how long a claimed message is this process's alone, unless it extends the lease.
        durability: `full` (a power cut takes nothing that was acknowledged), `file` or `none`.
        home: where the key and the agent's memory lie; must not be on the bus.
        clock: another clock, for tests.
        join: refuse to join if this is false and the name has not joined before: a typo is no new agent.

    Raises:
        NotABusError: no bus there. NameTakenError: the name belongs to another key. InvalidNameError: no such name.
        NotJoinedError: nobody of that name has joined, and `join` is false.
        ConfigurationError: a setting is wrong. StoreError: the drive does not answer, or cannot be written.
    """

    def __init__(
        self,
        name: str,
        bus: str | os.PathLike[str] | Connection,
        *,
        every: str | timedelta | None = None,
        display_name: str | None = None,
        skills: Iterable[str] | None = None,
        retry: RetryPolicy | None = None,
        lease_for: timedelta = LEASE_FOR,
        durability: str = "full",
        home: str | os.PathLike[str] | None = None,
        clock: Any = None,
        join: bool = True,
    ) -> None:
        if not isinstance(bus, Connection):
            bus = connect(bus, name, home=home, durability=durability, clock=clock)
        self.name = name
        self.bus = bus.bus
        self.handlers = Handlers()
        self._connection = bus
        self._store = bus.store
        self._ids = IdMaker(os.urandom)
        self._counted: tuple[float, int | None] = (float("-inf"), None)
        self._schedule = _schedule(every)
        self._registry = Registry(bus.store, bus.bus, Pins(bus.home))
        declared = {"display_name": display_name, "skills": None if skills is None else tuple(skills)}
        self._declared: dict[str, Any] = {name: value for name, value in declared.items() if value is not None}
        if every is not None:
            self._declared.update(cadence=self._schedule.text, every_s=self._schedule.every_s)
        self._card = self._new_card()
        self._build(retry or RetryPolicy(), lease_for)
        self._joined = False
        self._may_join = join
        self._join(must=True)

    # -- sending ----------------------------------------------------------------------------------------------

    def send(self, to: str, body: str = "", *, spool: bool = False, **fields: Any) -> Receipt:
        """Send a message; when this returns, it is on the drive.

        Args:
            to: who; somebody who never joined is refused.
            body: Markdown.
            spool: if the drive is away, keep the message on this machine; the next beat delivers it.
            fields: `kind`, `subject`, `data`, `priority`, `expires_in`, `not_before`, `reply_to`, `topic`, `key`,
                `supersedes`: see `Draft`.

        Raises:
            UnknownRecipientError: nobody of that name; carries the nearest names. Nothing was sent.
            MessageError: the message breaks a rule. Nothing was sent.
            StoreError: nothing is known to have been sent; a second try with the same `key` delivers once.
        """
        return self._sender.send(Draft(to=to, body=body, **fields), spool=spool)

    def send_many(self, drafts: Iterable[Draft]) -> list[Receipt]:
        """Send several messages as one group commit; when this returns, all of them are on the drive.

        Raises:
            UnknownRecipientError, MessageError: nothing was sent.
            StoreError: some may have been sent, none in half.
        """
        return self._sender.send_many(drafts)

    def reply(self, message: Message, body: str = "", **fields: Any) -> Receipt:
        """Answer a message that is not in your hands any more; answering twice with the same text sends once."""
        number = int(derive_id(message.id, f"{body}{fields!r}")[-8:], 16)
        return self._sender.reply(message, number, body, **fields)

    def trace(self, receipt: Receipt) -> Trace:
        """Say where a message is now: waiting, delayed, claimed, done, dead, expired, withdrawn, with when and who."""
        return self._sender.trace(receipt.to, receipt.id)

    def withdraw(self, receipt: Receipt) -> Trace:
        """Take back a message that nobody took yet; the trace says whether it was in time."""
        return self._sender.withdraw(receipt.to, receipt.id)

    # -- sharing ----------------------------------------------------------------------------------------------

    def share(self, insight: Insight) -> int:
        """Put an insight into the outbox that every peer follows, and return its number there."""
        message, data = self._composer.entry(_insight(insight))
        return self._outbox.share(message, data)

    def learn(self, topic: str, statement: str, confidence: float = 0.5) -> None:
        """Note an insight on this machine; the next beat shares it. Works while the drive is away."""
        message, data = self._composer.entry(_insight(Insight(topic=topic, statement=statement, confidence=confidence)))
        self._parts.learnings.note(message, data)

    # -- looking ----------------------------------------------------------------------------------------------

    @property
    def short(self) -> str:
        """The first eight hex digits of this agent's key fingerprint."""
        return self._card.short

    @property
    def unread(self) -> int:
        """How much mail waits, counted now.

        Raises:
            StoreUnavailableError: could not look. This is not zero.
        """
        count = self.inbox.unread()
        self._counted = (self._connection.clock.monotonic(), count)
        return count

    def counts(self) -> Counts:
        """Count what waits, is delayed, claimed and dead, without opening a file."""
        return self.inbox.counts()

    def peers(self) -> tuple[Peer, ...]:
        """Return everybody on the bus, this agent included, with the verdict on each."""
        return self._registry.peers()

    def endings(self, ending: str, *, of: str | None = None) -> list[str]:
        """Return the ids of this agent's messages, or of another's, that end like this, wherever they lie."""
        return Tracer(self._store).endings(of or self.name, ending)

    def find(self, message_id: str) -> Letter | None:
        """Return one of this agent's own messages by its id, wherever it lies, or None.

        `fault` says why it may not be acted on, or cannot be read: a dead letter stays what it is.
        """
        return self.inbox.find(message_id)

    def due(self) -> bool:
        """Tell whether a beat has something to do: mail waits, something is to be posted, or its slot has come.

        Raises:
            StoreUnavailableError: could not look. This is not "no".
        """
        if self.inbox.unread() or self._parts.learnings.count() or self._parts.spool.count():
            return True
        with suppress(SomabusError, ValueError):
            heartbeat = self._registry.heartbeat(self.name)
            return heartbeat is None or heartbeat.beat.due_at < self._schedule.due(self._now())
        return True

    # -- leases -----------------------------------------------------------------------------------------------

    def lease(self, name: str, for_: timedelta = timedelta(minutes=10)) -> Lease:
        """Take a named lease; use it in a `with` block, and put its `generation` into what you write.

        Raises:
            LeaseHeldError: somebody else holds it; the error says who and until when.
        """
        return self._parts.leases.take(name, for_)

    # -- the routine ------------------------------------------------------------------------------------------

    def on(self, kind: str) -> Callable[[_F], _F]:
        """Handle messages of a kind; `*` handles the rest. Mail that nothing handles stays waiting and is counted."""

        def register(handler: _F) -> _F:
            self.handlers.add(kind, handler)
            return handler

        return register

    def check(self, function: _F) -> _F:
        """Run the function at every beat as a health check; what it returns, or raises, stands in the heartbeat."""
        self.handlers.checks[function.__name__] = function
        return function

    def use_builtin_handlers(self) -> None:
        """Answer `echo`, and acknowledge everything else that has no handler: what `somabus beat` does by itself."""
        if not self.handlers.handles("echo"):
            self.handlers.add("echo", echo)
        if not self.handlers.handles(ANY):
            self.handlers.add(ANY, acknowledge)

    def beat(self, *, messages: int = 100, seconds: float = 300.0) -> BeatReport:
        """Run the routine once: check inbox, process, share learnings, review peers, heartbeat.

        Never raises for the drive's sake: a step that fails is in the report, and `could_not_look` says why.
        """
        return self._beat(Budget(messages, seconds), lambda: False)

    def run(self, stop: threading.Event | None = None, *, on_beat: Callable[[BeatReport], None] | None = None) -> None:
        """Stay: beat on the grid, and handle mail as it comes, until `stop` is set; then say goodbye to the peers."""
        stop = stop or threading.Event()
        budget = Budget()
        tell = on_beat or (lambda _report: None)
        next_beat, next_look = self._now(), 0.0
        monotonic = self._connection.clock.monotonic
        while not stop.is_set():
            try:
                if self._now() >= next_beat:
                    next_beat = self._schedule.next(self._now())
                    tell(self._beat(budget, stop.is_set))
                left = (next_beat - self._now()).total_seconds()
                woken = self._store.wait(f"messages/{self.name}/inbox", max(0.0, min(left, _GLANCE_S)))
                if woken or monotonic() >= next_look:  # retries and ended leases wake nobody
                    next_look = monotonic() + _LOOK_EVERY_S
                    self._routine.process(budget, stop.is_set)
            except SomabusError as error:
                _log.warning("could not process mail", extra={"detail": str(error)})
                stop.wait(_GLANCE_S)  # the beat on the grid reports it
        with suppress(SomabusError):
            self._routine.goodbye()

    # -- composition ------------------------------------------------------------------------------------------

    def _build(self, retry: RetryPolicy, lease_for: timedelta) -> None:
        bus, me, store, home = self.bus, self.name, self._store, self._connection.home
        opener = Opener(me, bus, self._registry)
        spool, cursors = Spool(home), CursorBook(store, me, self._connection.signer)
        self.inbox = Inbox(
            store,
            me,
            opener,
            entropy=os.urandom,
            retry=retry,
            lease_for=lease_for,
            reply=self._reply,
            on_dead=self._on_dead,
        )
        self._composer = Composer(
            me,
            bus.bus,
            sign=self._connection.signer.sign,
            ids=self._ids,
            cause=lambda: self.inbox.chain.cause,
            now=self._now,
        )
        self._sender = Sender(
            store,
            me,
            self._composer,
            registry=self._registry,
            spool=spool,
            now=self._now,
            unread=self._unread_lately,
        )
        self._outbox = Outbox(store, me, bus, opener)
        self._alerts = Alerts(store, self._outbox, cursors, lambda draft: self._composer.entry(draft, channel=CHANNEL))
        self._parts = Parts(
            me=me,
            bus=bus.bus,
            store=store,
            home=home,
            inbox=self.inbox,
            sender=self._sender,
            registry=self._registry,
            outbox=self._outbox,
            alerts=self._alerts,
            cursors=cursors,
            learnings=Learnings(home),
            spool=spool,
            leases=Leases(store, me, f"{self._connection.machine} {os.getpid()}", bus.policy.staleness),
            handlers=self.handlers,
            schedule=self._schedule,
            staleness=bus.policy.staleness,
            sign=self._connection.signer.sign,
            now=self._now,
            monotonic=self._connection.clock.monotonic,
            vitals=self._vitals,
            same_machine=lambda holder: holder.startswith(f"{self._connection.machine} "),
        )
        self._routine = Routine(self._parts)

    def _join(self, *, must: bool) -> None:
        """Register the card; while the drive is away, put it off to the next beat."""
        try:
            if not (self._may_join or self._registry.knows(self.name)):
                raise NotJoinedError(self.name, nearest(self.name, self._registry.names()))
            self._card = self._registry.join(self._wished_card(), self._connection.signer.sign)
            self._joined = True
        except StoreUnavailableError:
            if must and self._connection.drive.joinpath(BUS_FILE).exists():
                raise
        self._schedule = self._parts.schedule = Schedule.parse(self._card.cadence)

    def _new_card(self) -> Card:
        facts: dict[str, Any] = {
            "bus": self.bus.bus,
            "name": self.name,
            "public_key": to_text(self._connection.signer.public_key),
            "joined_at": self._now(),
            "cadence": self._schedule.text,
            "every_s": self._schedule.every_s,
        }
        try:
            card = Card(**{**facts, **self._declared})
            card.to_json()
        except ValidationError as error:
            message = f"the card of {self.name}: {explain(error)}"
            raise ConfigurationError(message) from None
        except TypeError as error:
            message = f"the card of {self.name} cannot be written: {error}"
            raise ConfigurationError(message) from None
        return card

    def _wished_card(self) -> Card:
        """Return the card as it is, changed in what was declared now."""
        with suppress(MessageError, TrustError, StoreDamagedError):
            there = self._registry.card(self.name)
            if there is not None and there.key == self._card.key:
                return there.model_copy(update=self._declared)
        return self._card

    def _beat(self, budget: Budget, stop: Callable[[], bool]) -> BeatReport:
        if not self._joined:
            try:
                self._join(must=False)
            except SomabusError as error:
                return BeatReport(self.name, 0, Outcome.FAILED, detail=str(error))
        return self._routine.beat(budget, stop)

    def _now(self) -> datetime:
        try:
            return self._store.now()
        except StoreError:
            return self._connection.clock.now()  # the drive is away: this machine's clock is all there is

    def _unread_lately(self) -> int | None:
        """Count the waiting mail, at most once a second; None if nobody could look."""
        at, count = self._counted
        if self._connection.clock.monotonic() - at < _COUNT_FOR_S:
            return count
        with suppress(StoreError):
            return self.unread
        return None

    def _vitals(self) -> dict[str, Any]:
        from somabus import __version__

        offset = (self._connection.clock.now() - self._now()).total_seconds()
        return machine.vitals(self._connection.home_path, self._connection.drive, __version__, offset)

    def _reply(self, parent: Message, number: int, body: str, **fields: Any) -> Receipt:
        return self._sender.reply(parent, number, body, spool=True, **fields)

    def _on_dead(self, letter: DeadLetter, message: Message | None) -> None:
        """Tell the sender of a dead letter, and everybody of a forged one."""
        if letter.reason is Reason.FORGED:
            self._parts.cursors.load()
            self._alerts.raise_once(f"inbox of {self.name}", f"forged {letter.id}", "error", letter.detail)
            self._parts.cursors.save()
        elif message is not None and self._may_bounce(letter, message):
            data = {
                "message": message.id,
                "outcome": "dead",
                "reason": str(letter.reason),
                "detail": letter.detail[:500],
            }
            subject = f"set aside by {self.name}: {letter.reason}"
            self._sender.reply(message, 0, letter.detail[:500], kind="receipt", subject=subject, data=data)

    def _may_bounce(self, letter: DeadLetter, message: Message) -> bool:
        """Bounce to a proven sender; never a chain that was parked, or the bounce would be its next hop."""
        silent = letter.reason in (Reason.UNTRUSTED, Reason.WRONG_ADDRESS, Reason.HOPS)
        return message.kind not in NEVER_BOUNCED and not silent and self._registry.knows(message.sender)


def _schedule(every: str | timedelta | None) -> Schedule:
    if isinstance(every, timedelta):
        every = f"{every // timedelta(milliseconds=1)}ms"
    return Schedule.parse(every or DEFAULT)


def _insight(insight: Insight) -> Draft:
    return replace(Draft(to="", kind="insight", topic=insight.topic), data=insight.model_dump())
