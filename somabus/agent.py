"""`Agent`: the parts joined for one named agent. The only place that knows services and adapters."""

import os
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import somabus  # its names are imported at their first use: what a beat does without is named so here
from somabus.assembly import Assembly
from somabus.beat import Budget
from somabus.connection import Connection, connect
from somabus.errors import (
    ConfigurationError,
    MessageError,
    SomabusError,
    StoreDamagedError,
    StoreError,
    StoreUnavailableError,
    TrustError,
    UnknownRecipientError,
)
from somabus.halt import Stopped
from somabus.handlers import ANY, Handlers, acknowledge, echo
from somabus.home import next_signer
from somabus.inbox import LEASE_FOR, Counts
from somabus.jobs.handlers import JobHandlers, checked_lease, checked_tags, named, slot_of
from somabus.lease import Lease
from somabus.membership import Membership
from somabus.model import tree
from somabus.model.bus import Bus
from somabus.model.envelope import Seal, seal_body
from somabus.model.heartbeat import Heartbeat, Outcome
from somabus.model.ids import derive_id
from somabus.model.message import Message
from somabus.model.names import check_name, is_name, nearest
from somabus.model.report import BeatReport
from somabus.model.retry import RetryPolicy
from somabus.model.schedule import DEFAULT, Schedule
from somabus.model.signing import short, to_text
from somabus.model.slot import State
from somabus.model.trust import Trust
from somabus.peer import Peer
from somabus.sweep import Allowance, Sweeper, Swept

if TYPE_CHECKING:
    from somabus.announcer import News
    from somabus.jobs.queues import Jobs
    from somabus.jobs.submitter import JobReceipt
    from somabus.jobs.worker import Worker
    from somabus.model.goal import Proposal, Work

_F = TypeVar("_F", bound=Callable[..., Any])
_COUNT_FOR_S: Final = 1.0
_ANSWER_IN: Final = timedelta(days=1)
__all__ = ["Agent"]


class Agent:
    """One named agent on a bus: its mail, its outbox, its leases and its routine.

    Joins when it is made: the key is made once and stays on this machine, the card is registered on the bus.
    Joining again with the same key is no event.

    Args:
        name: lower case, `[a-z0-9][a-z0-9._-]{0,63}`.
        bus: the shared folder, for instance `X:/soma_network`; a path that holds no bus is refused.
        every: the cadence of the routine: `6h`, a `timedelta`, or a cron expression, in UTC or with a zone behind it.
        display_name: for people.
        skills: what it can do, in words of your choosing. What is not declared stays as the card has it.
        retry: when a message that failed is tried again.
        lease_for: how long a claimed message is this process's alone, unless it extends the lease.
        durability: `full` (a power cut takes nothing that was acknowledged), `file` or `none`.
        home: where the key and the agent's memory lie; must not be on the bus.
        clock: another clock, for tests.
        join: refuse to join if this is false and the name has not joined before, or not from this machine: a typo is
            no new agent, and leaves nothing behind.

    Raises:
        NotABusError: no bus there. NameTakenError: the name belongs to another key. InvalidNameError: no such name.
        NotJoinedError: nobody of that name has joined from here, and `join` is false.
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
            bus = connect(bus, name, home=home, durability=durability, clock=clock, join=join)
        from somabus import __version__

        self.name = name
        self._counted: tuple[float, int | None] = (float("-inf"), None)
        schedule = _schedule(every)
        self.handlers = Handlers()
        self.job_handlers = JobHandlers()
        self._assembled = partial(
            Assembly, name, schedule=schedule, retry=retry or RetryPolicy(), lease_for=lease_for,
            handlers=self.handlers, unread=self._unread_lately, version=__version__,
        )  # fmt: skip
        self._services = self._assembled(bus)
        self.inbox = self._services.inbox
        declared = {
            "display_name": display_name,
            "skills": None if skills is None else tuple(skills),
            "cadence": None if every is None else schedule.text,
            "every_s": None if every is None else schedule.every_s,
        }
        given = {fact: value for fact, value in declared.items() if value is not None}
        self._membership = Membership(self._services, schedule, given, may_join=join)
        if bus.unsafe is not None:
            # The key signs this alarm and nothing else.
            self._services.incidents.tell(f"home of {name}", "key readable by others", str(bus.unsafe))
            raise bus.unsafe
        self._membership.join(must=True)

    # -- sending ----------------------------------------------------------------------------------------------

    def send(self, to: str, body: str = "", *, spool: bool = False, **fields: Any) -> "somabus.Receipt":
        """Send a message; when this returns, it is on the drive.

        Args:
            to: who; somebody who never joined is refused.
            body: Markdown.
            spool: if the drive is away, keep the message on this machine; the next beat delivers it.
            fields: `kind`, `subject`, `data`, `priority`, `expires_in`, `not_before`, `reply_to`, `topic`, `key`,
                `supersedes`, `approval` (or its id), `refs`, `short`: see `Draft`.

        Raises:
            StoppedError: a human stopped this agent, the bus, or this kind of work. Nothing was sent.
            UnknownRecipientError: nobody of that name; carries the nearest names. Nothing was sent.
            MessageError: the message breaks a rule. Nothing was sent.
            RateLimitError: too much went to this inbox lately. Nothing was sent.
            StoreError: nothing is known to have been sent; a second try with the same `key` delivers once.
        """
        if "approval" in fields and isinstance(fields["approval"], somabus.Approval):
            fields["approval"] = fields["approval"].id
        draft = somabus.Draft(to=to, body=body, **fields)
        self._check("Agent.send", draft.kind, even_away=spool)
        return self._services.sender.send(draft, spool=spool)

    def send_many(self, drafts: "Iterable[somabus.Draft]") -> "list[somabus.Receipt]":
        """Send several messages as one group commit; when this returns, all of them are on the drive.

        Raises:
            UnknownRecipientError, MessageError, StoppedError: nothing was sent.
            StoreError: some may have been sent, none in half.
        """
        drafts = list(drafts)
        self._check("Agent.send_many", *(draft.kind for draft in drafts))
        return self._services.sender.send_many(drafts)

    def reply(self, message: Message, body: str = "", **fields: Any) -> "somabus.Receipt":
        """Answer a message that is not in your hands any more; answering twice with the same text sends once."""
        self._check("Agent.reply", str(fields.get("kind", "answer")))
        number = int(derive_id(message.id, f"{body}{fields!r}")[-8:], 16)
        return self._services.sender.reply(message, number, body, **fields)

    def trace(self, receipt: "somabus.Receipt") -> "somabus.Trace":
        """Say where a message is now: waiting, delayed, claimed, done, dead, expired, withdrawn, with when and who."""
        return self._services.sender.trace(receipt.to, receipt.id)

    def withdraw(self, receipt: "somabus.Receipt") -> "somabus.Trace":
        """Take back a message that nobody took yet; the trace says whether it was in time."""
        self._check("Agent.withdraw")
        return self._services.sender.withdraw(receipt.to, receipt.id)

    # -- sharing ----------------------------------------------------------------------------------------------

    def share(self, insight: "somabus.Insight") -> int:
        """Put an insight into the outbox that every peer follows, and return its number there."""
        self._check("Agent.share", "insight")
        _, data = self._services.composer.entry(self._insight(insight))
        return self._services.outbox.share(data)

    def learn(self, topic: str, statement: str, confidence: float = 0.5) -> None:
        """Note an insight on this machine; the next beat shares it. Works while the drive is away."""
        insight = somabus.Insight(topic=topic, statement=statement, confidence=confidence)
        message, data = self._services.composer.entry(self._insight(insight))
        self._services.learnings.note(message, data)

    # -- channels ---------------------------------------------------------------------------------------------

    def post(self, channel: str, body: str = "", **fields: Any) -> "somabus.Receipt":
        """Post to a channel, which the first post makes; when this returns, it is on the drive.

        Whoever the body calls with `@name` gets a copy as mail.

        Args:
            channel: `general`, `arc:<slug>`, `branch:<name>` or a name of your own.
            body: Markdown.
            fields: `kind`, `subject`, `data`, `priority`, `expires_in`, `reply_to`, `topic`, `key`, `supersedes` and
                `refs`: see `Draft`. What they refer to must be there: a post as `arc:wiki#17` or `#17`, mail and
                goals by their ids.

        Raises:
            StoppedError: a human stopped this agent, the bus, or this kind of work. Nothing was posted.
            ReferenceNotFoundError: a reference points at nothing; it carries the value. Nothing was posted.
            InvalidNameError, MessageError, RateLimitError: nothing was posted.
            StoreError: nothing is known to have been posted; a second try with the same `key` posts once.
        """
        draft = somabus.Draft(to="", body=body, **fields)
        self._check("Agent.post", draft.kind)
        return self._services.poster.post(channel, draft)

    def read(self, channels: Iterable[str] | None = None, *, limit: int = 20) -> "somabus.Reading":
        """Read what is new in channels, and move this agent's own cursors behind it; nobody else's.

        Args:
            channels: where; every channel that this agent follows if None.
            limit: at most so many posts, shared fairly among the channels.

        Raises:
            StoreUnavailableError: could not look. This is not "nothing new".
            ReferenceNotFoundError: a channel that nobody has posted to and that this agent does not follow.
        """
        self._check("Agent.read")
        return self.mark_read(self._peek(channels, limit, None))

    def peek(
        self, channels: Iterable[str] | None = None, *, limit: int = 20, after: int | None = None
    ) -> "somabus.Reading":
        """Look at what is new in channels and move nothing; `mark_read` moves the cursors once it was worked through.

        Args:
            channels: where; every channel that this agent follows if None.
            limit: at most so many posts, shared fairly among the channels.
            after: show what stands behind this number instead, read before or not.
        """
        return self._counted_reading(self._peek(channels, limit, after))

    def mark_read(self, reading: "somabus.Reading") -> "somabus.Reading":
        """Move this agent's cursors behind what `peek` returned, and return it with the count of now."""
        self._check("Agent.mark_read")
        self._services.channels.mark(reading)
        return self._counted_reading(reading)

    def subscribe(self, channel: str, *, history: bool = True) -> bool:
        """Follow a channel, which need not be there yet; False if it was followed before.

        Args:
            channel: its name.
            history: whether what was posted before is unread, too.
        """
        self._check("Agent.subscribe")
        return self._services.channels.subscribe(channel, history=history)

    def unsubscribe(self, channel: str) -> bool:
        """Follow a channel no more; False if it was not followed."""
        self._check("Agent.unsubscribe")
        return self._services.channels.unsubscribe(channel)

    def channels(self) -> "tuple[somabus.Channel, ...]":
        """Return every channel with its number of posts, what is unread there, and its last post."""
        return self._services.channels.all()

    def unread_by_channel(self) -> dict[str, int]:
        """Count what is unread in each channel that this agent follows, without opening a post."""
        return self._services.channels.unread_by_channel()

    def arcs(self) -> "tuple[somabus.Arc, ...]":
        """Return the pieces of work that are open, the oldest first: opened by a `brief`, ended by a `closeout`."""
        return self._services.arcs.open()

    def arc(self, name: str) -> "somabus.Arc":
        """Return one piece of work, open or not, with its scratchpad; `name` begins with `arc:`."""
        return self._services.arcs.arc(name)

    def pair(self, partner: str | None, on: str) -> "somabus.Receipt":
        """Declare to work with a partner in a channel; it counts when both have. None ends it.

        Raises:
            UnknownRecipientError: nobody of that name. Nothing was declared.
        """
        self._check("Agent.pair", "pair")
        if partner is not None and not self._services.registry.knows(partner):
            raise UnknownRecipientError(partner, nearest(partner, self._services.registry.names()))
        return self._services.poster.post(on, somabus.Draft(to="", kind="pair", data={"partner": partner}))

    def echo(self, to: str, short: str, payload: dict[str, Any] | None = None) -> "somabus.Receipt":
        """Send an echo to the agent that has both this name and this key; it answers with what it got.

        Raises:
            UnknownRecipientError: nobody has this name, or its key is another one. Nothing was sent.
        """
        self._check("Agent.echo", "echo")
        draft = somabus.Draft(to=to, kind="echo", data=payload or {}, short=short or "")
        return self._services.sender.send(draft)

    def wait(self, timeout: float, *, above: int | None = None) -> int | None:
        """Return how much is unread as soon as it has grown, or None after `timeout` seconds.

        Args:
            timeout: in seconds.
            above: return when there is more than this; the count at the call if None.

        Raises:
            StoreUnavailableError: could not look.
        """
        return self._services.unread.wait(timeout, above)

    def tool(self, function: _F) -> _F:
        """Let the unread count ride on what a function returns, sync or async.

        A dict gains `_inbox_unread`; anything else comes as `result` of a small wrapper, beside `inbox_unread`.
        """
        from somabus.sidechannel import with_unread

        return cast("_F", with_unread(function, self._unread_lately))

    def announce(self, session: str) -> "News":
        """Return what is unread and was not told to this session before; each thing is told to a session once.

        Args:
            session: whatever has a memory of its own, such as one chat with a model.
        """
        return self._services.announcer.news(session)

    def wait_news(self, session: str, timeout: float, *, over: Callable[[], bool] = lambda: False) -> "News | None":
        """Wait for what `announce` returns; None after `timeout` seconds, or once another waits for the session.

        Args:
            session: for whom.
            timeout: in seconds.
            over: asked now and then whether the session is gone.
        """
        return self._services.announcer.wait(session, timeout, os.urandom(8).hex(), over)

    def folders(self) -> tuple[str, ...]:
        """Return the folders of the bus in which something moves when anything comes for this agent.

        For whoever wants to look at no more than their modification times; a hint, like all such times on a drive.
        """
        drive = self._services.connection.drive
        return () if drive is None else tuple(str(drive / key) for key in self._services.places())

    def forget_session(self, session: str) -> None:
        """Forget what a session was told: it has ended, or its memory was cleared."""
        self._services.announcer.forget(session)

    def _peek(self, channels: Iterable[str] | None, limit: int, after: int | None) -> "somabus.Reading":
        if isinstance(channels, str):
            channels = (channels,)
        with suppress(StoreError):
            self._services.authority.refresh()
        return self._services.channels.peek(None if channels is None else tuple(channels), limit, after)

    def _counted_reading(self, reading: "somabus.Reading") -> "somabus.Reading":
        return replace(reading, unread_count=self.unread)

    # -- looking ----------------------------------------------------------------------------------------------

    @property
    def bus(self) -> Bus:
        """The bus: its id, its policy and its operators, as their signatures say that holds."""
        return self._services.authority.bus

    @property
    def connection(self) -> Connection:
        """What this agent stands on: the bus, its home on this machine, its key, its clock."""
        return self._services.connection

    @property
    def schedule(self) -> Schedule:
        """The cadence of the routine, as the agent's card declares it."""
        return self._services.parts.schedule

    def heartbeat(self) -> Heartbeat | None:
        """Return what this agent wrote at its last beat; None if it never beat, or if what lies there is not its own.

        Raises:
            StoreUnavailableError: could not look.
        """
        with suppress(MessageError, TrustError, StoreDamagedError, ValueError):
            return self._services.registry.heartbeat(self.name)
        return None

    @property
    def short(self) -> str:
        """The first eight hex digits of this agent's key fingerprint."""
        return self._membership.card.short

    @property
    def unread(self) -> int:
        """How much waits to be read, counted now: mail, and posts in every channel that this agent follows.

        Raises:
            StoreUnavailableError: could not look. This is not zero.
        """
        count = self._services.unread.count()
        self._counted = (self._services.connection.clock.monotonic(), count)
        return count

    def counts(self) -> Counts:
        """Count what waits, is delayed, claimed and dead, and the unread posts, without opening any of them."""
        return self._services.counts()

    def peers(self) -> tuple[Peer, ...]:
        """Return everybody on the bus, this agent included, with the verdict on each."""
        with suppress(StoreError):
            self._services.authority.refresh()
        return self._services.registry.peers()

    def endings(self, ending: str, *, of: str | None = None) -> list[str]:
        """Return the ids of this agent's messages, or of another's, that end like this, wherever they lie."""
        return self._services.tracer.endings(of or self.name, ending)

    def find(self, message_id: str) -> "somabus.Letter | None":
        """Return one of this agent's own messages by its id, wherever it lies, or None.

        `fault` says why it may not be acted on, or cannot be read: a dead letter stays what it is.
        """
        return self.inbox.find(message_id)

    def due(self) -> bool:
        """Tell whether a beat has something to do: mail waits, something is to be posted, or its slot has come.

        False while a human has stopped it: a beat would do nothing but say so.

        Raises:
            StoreUnavailableError: could not look. This is not "no".
        """
        if self._services.halt.hold() is not None:
            return False
        if self.unread or self._services.learnings.count() or self._services.spool.count():
            return True
        with suppress(SomabusError, ValueError):
            heartbeat = self._services.registry.heartbeat(self.name)
            return heartbeat is None or heartbeat.beat.due_at < self._services.parts.schedule.due(self._now())
        return True

    # -- jobs -------------------------------------------------------------------------------------------------

    def submit(self, name: str, data: dict[str, Any] | None = None, **fields: Any) -> "JobReceipt":
        """Submit a job; when this returns, it is on the drive, and will be run, once, in spite of everything.

        Args:
            name: the handler that runs it.
            data: what the handler gets.
            fields: `queue`, `priority`, `delay`, `not_before`, `key`, `depends_on` (a receipt, or several), `parent`,
                `max_attempts`, `backoff`, `timeout`, `tags` and the others: see `JobDraft`.

        Raises:
            StoppedError: a human stopped this agent, the bus, or this kind of work. Nothing was submitted.
            JobRefusedError: it breaks a rule, or waits for a job that is not there. Nothing was submitted.
            QueueFullError: so many wait already. Nothing was submitted.
            StoreError: nothing is known to have been submitted; a second try with the same `key` submits once.
        """
        draft = somabus.JobDraft(name, data or {}, **fields)
        self._check("Agent.submit", draft.name)
        return self._services.job_services.submitter.submit(draft)

    def submit_many(self, drafts: "Iterable[somabus.JobDraft]") -> "list[JobReceipt]":
        """Submit jobs that may wait for each other by their labels, as one group commit.

        Raises:
            JobRefusedError: one breaks a rule, or they wait for each other in a circle. Nothing was submitted.
            StoppedError, QueueFullError: nothing was submitted.
            StoreError: some may have been submitted; none of them runs before all that wait for it are there.
        """
        drafts = list(drafts)
        self._check("Agent.submit_many", *(draft.name for draft in drafts))
        return self._services.job_services.submitter.submit_many(drafts)

    def handler(
        self, name: str, *, every: str | None = None, data: dict[str, Any] | None = None, **fields: Any
    ) -> Callable[[_F], _F]:
        """Run jobs of a name with a function; it is handed a `JobContext`, and what it returns is the job's result.

        Args:
            name: of the jobs.
            every: a schedule, as `0 3 * * *`: this agent's workers submit one for each slot, whoever of them is first.
            data: what those are given.
            fields: what else holds for them, as `queue`: see `JobDraft`.

        Raises:
            ConfigurationError: there is no name, that is no schedule, the function is no plain one of one argument,
                or the name has a handler already. InvalidNameError: that is no name.
            JobRefusedError: a field is none of a job's.
        """
        name = named(name)  # also of @agent.handler without a name
        slot = slot_of(name, every, fields if data is None else {"data": data, **fields})

        def register(function: _F) -> _F:
            self.job_handlers.add(name, function, slot)
            return function

        return register

    def worker(
        self, queue: str = "default", *, tags: Iterable[str] = (), lease_for: timedelta | None = None
    ) -> "Worker":
        """Return a worker on a queue, with this agent's handlers and the built-in ones (docs/jobs.md).

        Raises:
            ConfigurationError: they are no tags, or the lease is too short. InvalidNameError: that is no queue.
        """
        from somabus.jobs.builtin import BUILTIN
        from somabus.jobs.picker import LEASE_FOR as JOB_LEASE_FOR
        from somabus.jobs.worker import Worker

        return Worker(
            self._services.job_services, check_name(queue), {**BUILTIN, **self.job_handlers.functions},
            slots=self.job_handlers.slots, tags=checked_tags(tags),
            lease_for=JOB_LEASE_FOR if lease_for is None else checked_lease(lease_for),
        )  # fmt: skip

    def work(self, queue: str = "default", *, stop: threading.Event | None = None, tags: Iterable[str] = ()) -> int:
        """Stay, and run one job of a queue after the other, until `stop` is set; return how many attempts were made.

        What goes wrong with the drive, and a human's stop, are waited out.
        """
        return self.worker(queue, tags=tags).until(stop or threading.Event())

    @property
    def jobs(self) -> "Jobs":
        """The queues: look at jobs, cancel, pause, resume and replay them."""
        from somabus.jobs.queues import Jobs

        return Jobs(self._services.job_services)

    # -- leases -----------------------------------------------------------------------------------------------

    def lease(self, name: str, for_: timedelta = timedelta(minutes=10)) -> Lease:
        """Take a named lease; use it in a `with` block, and put its `generation` into what you write.

        Raises:
            LeaseHeldError: somebody else holds it; the error says who and until when.
        """
        self._check("Agent.lease")
        return self._services.parts.leases.take(name, for_)

    # -- what the humans rule ---------------------------------------------------------------------------------

    def stops(self) -> tuple[Stopped, ...]:
        """Return what a human has stopped: the bus, agents, kinds of work; empty if nothing."""
        return self._services.halt.stops()

    def goals(self) -> "somabus.GoalReading":
        """Return the goals that the operators' signatures cover, and report what lies there and is none.

        Raises:
            TrustError: this bus acts on certified agents alone, and this one is not certified.
        """
        return self._services.goals.read()

    def values(self) -> str:
        """Return the humans' values as they signed them, Markdown; empty if there are none.

        Raises:
            TrustError: what stands there is not theirs, or this agent is not certified where that is asked for.
        """
        return self._services.goals.values()

    def propose_goal(self, title: str, body: str = "") -> "Proposal":
        """Ask the humans for a goal. It counts for nothing until an operator activates it."""
        self._check("Agent.propose_goal")
        return self._services.goals.propose(title, body)

    def work_on(
        self, goal: str, doing: str, *, progress: float | None = None, done: bool = False
    ) -> "tuple[Work, ...]":
        """Say what this agent does for a goal and how far it is, and learn who else works on it.

        Args:
            goal: its id.
            doing: in words.
            progress: from 0 to 1, if that can be said.
            done: this agent's part is finished.

        Raises:
            ReferenceNotFoundError: no active goal has this id; nothing was said.
        """
        self._check("Agent.work_on")
        return self._services.goals.work_on(goal, doing, progress, done=done)

    def workers(self, goal: str) -> "tuple[Work, ...]":
        """Return what everybody has said of its work on a goal."""
        return self._services.goals.workers(goal)

    def ask_approval(
        self,
        action: str,
        *,
        detail: str,
        data: dict[str, Any] | None = None,
        category: str = "general",
        to: str | None = None,
        expires_in: timedelta = _ANSWER_IN,
    ) -> "somabus.Approval":
        """Ask the operators before a protected action; silence past the expiry is "no".

        Args:
            action: a word for what is to be done; for protected mail, its kind.
            detail: exactly what, for people; for protected mail, its body.
            data: exactly what, for programs; for protected mail, its data.
            category: one that the bus's policy names.
            to: the agent that will do it; this one if not given.
            expires_in: after that it is "no".

        Raises:
            ConfigurationError: no such category, or nobody who could answer. Nothing was asked.
            UnknownRecipientError: nobody named `to` has joined. Nothing was asked.
            MalformedMessageError: the request breaks a rule.
        """
        self._check("Agent.ask_approval", action)
        if to is not None and is_name(to) and not self._services.registry.knows(to):
            raise UnknownRecipientError(to, nearest(to, self._services.registry.names()))
        return self._services.approvals.ask(action, detail, data or {}, category, to, expires_in)

    def approval(self, approval_id: str) -> "somabus.Approval":
        """Return an approval that was asked for before, in this process or another; its agent alone may use it.

        Raises:
            NotApprovedError: there is no such request, or its agent did not sign it.
        """
        return self._services.approvals.recall(approval_id)

    def rotate(self) -> str:
        """Ask for a new key: it is made here, and used once an operator has certified it; return its short form.

        Until then, and for the overlap that the operator grants, the key of now goes on counting.

        Raises:
            ConfigurationError: the bus has no operator who could certify it.
        """
        from somabus.model.certificate import Rotation

        self._check("Agent.rotate")
        self._services.authority.refresh()
        if not self.bus.owned:
            message = "this bus has no operator who could certify a new key"
            raise ConfigurationError(message)
        standing = self._services.identities.standing(self.name)
        if standing.trust is Trust.REVOKED:
            raise TrustError(
                f"{standing.fault}; a revoked key cannot ask for another: join from another machine, or move this "
                f"agent's folder in the home away ({self._services.connection.home_path}) and join again"
            )
        new = next_signer(self._services.home, os.urandom)
        keys = {"old_key": to_text(self._services.signer.public_key), "new_key": to_text(new.public_key)}
        wish = Rotation(bus=self.bus.bus, agent=self.name, asked_at=self._now(), **keys)
        sealed = seal_body(wish.to_json(), Seal.ROTATION, self._services.signer.sign)
        self._services.store.replace(tree.rotation(self.name), sealed)
        return short(new.public_key)

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
        """Run the routine once: check inbox, process, share learnings, review peers, sweep, heartbeat.

        While a human has stopped it, it counts the mail, writes a heartbeat that says so, and does nothing else.
        Never raises for the drive's sake: a step that fails is in the report, and `could_not_look` says why.
        """
        return self._beat(Budget(messages, seconds), lambda: False)

    def sweep(self, *, rehearse: bool = False, each: Callable[[Swept], None] | None = None) -> tuple[Swept, ...]:
        """Pack and drop what the bus's policy of retention calls over, all of it now; a beat does it in small steps.

        Args:
            rehearse: say what would become of it, and change nothing.
            each: told of every area once it was swept.

        Raises:
            StoppedError: a human stopped this agent or the bus. Nothing was swept; a rehearsal goes on.
            StoreUnavailableError: could not look. What was swept before is swept.
        """
        if not rehearse:
            self._check("Agent.sweep")
        ground = self._services.ground
        sweeper = Sweeper(ground.rehearsed() if rehearse else ground)
        allowance = Allowance(sys.maxsize, float("inf"), self._services.connection.clock.monotonic)
        return tuple(sweeper.step(allowance, force=True, each=each))

    def run(self, stop: threading.Event | None = None, *, on_beat: Callable[[BeatReport], None] | None = None) -> None:
        """Stay: beat on the grid, and handle mail as it comes, until `stop` is set; then say goodbye to the peers."""
        from somabus.stay import Stay

        stop, budget, services = stop or threading.Event(), Budget(), self._services
        tell = on_beat or (lambda _report: None)
        Stay(
            beat=lambda: tell(self._beat(budget, stop.is_set)),
            process=lambda: self._process(budget, stop.is_set),
            wait=lambda seconds: services.store.wait(tree.box(self.name, State.INBOX), seconds),
            schedule=lambda: self.schedule,
            now=self._now,
            monotonic=services.connection.clock.monotonic,
        ).until(stop)
        with suppress(SomabusError):
            self._services.routine.goodbye()

    # -- steps ------------------------------------------------------------------------------------------------

    def _check(self, entry: str, *kinds: str, even_away: bool = False) -> None:
        """Let an entry point pass unless a human has stopped it."""
        try:
            self._services.halt.check(entry, kinds)
        except StoreUnavailableError:
            if not even_away:
                raise

    def _beat(self, budget: Budget, stop: Callable[[], bool]) -> BeatReport:
        if not self._membership.joined:
            try:
                self._membership.join(must=False)
            except SomabusError as error:
                return BeatReport(self.name, 0, Outcome.FAILED, detail=str(error))
        self._take_next_key()
        return self._services.routine.beat(budget, stop)

    def _process(self, budget: Budget, stop: Callable[[], bool]) -> None:
        self._services.routine.process(budget, stop)
        self._services.routine.tidy(budget)

    def _take_next_key(self) -> None:
        """Go over to the key that an operator has certified: the services are built anew around it."""
        with suppress(SomabusError):
            if self._services.next_signer() is not None:
                self._services = self._assembled(self._services.connection._replace(signer=self._services.signer))
                self.inbox = self._services.inbox
                self._membership.moved(self._services)

    def _insight(self, insight: "somabus.Insight") -> "somabus.Draft":
        return somabus.Draft(to="", kind="insight", topic=insight.topic, data=insight.model_dump())

    def _now(self) -> datetime:
        return self._services.now()

    def _unread_lately(self) -> int | None:
        """Count the waiting mail, at most once a second; None if nobody could look."""
        at, count = self._counted
        if self._services.connection.clock.monotonic() - at < _COUNT_FOR_S:
            return count
        with suppress(StoreError):
            return self.unread
        return None


def _schedule(every: str | timedelta | None) -> Schedule:
    if isinstance(every, timedelta):
        every = f"{every // timedelta(milliseconds=1)}ms"
    return Schedule.parse(every or DEFAULT)
