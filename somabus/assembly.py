"""The services of one agent, joined. It knows every service and no adapter; `Agent` is the face before it."""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from somabus import machine
from somabus.alerts import CHANNEL, Alerts
from somabus.authority import Authority
from somabus.beat import Parts, Routine
from somabus.box import Box
from somabus.channel import Channels
from somabus.connection import Connection
from somabus.cursors import CursorBook
from somabus.errors import StoreError, StoreUnavailableError
from somabus.guard import Guard
from somabus.halt import Halt
from somabus.handlers import Handlers
from somabus.home import former_keys, promote_key, waiting_signer
from somabus.identity import Identities
from somabus.inbox import Counts, Inbox
from somabus.incidents import Incident, Incidents
from somabus.learnings import Learnings
from somabus.lease import Leases
from somabus.model import signing, tree
from somabus.model.deadletter import DeadLetter, Reason
from somabus.model.ids import IdMaker
from somabus.model.kinds import NEVER_BOUNCED
from somabus.model.message import Message
from somabus.model.retry import RetryPolicy
from somabus.model.schedule import Schedule
from somabus.model.signing import Signer
from somabus.model.slot import State
from somabus.model.trust import Policy
from somabus.ondemand import OnDemand
from somabus.opener import Opener
from somabus.outbox import Outbox
from somabus.pins import Pins
from somabus.reader import Reader
from somabus.recall import Recall
from somabus.registry import Registry
from somabus.spool import Spool
from somabus.sweep import Ground, Sweeper
from somabus.unread import Unread

if TYPE_CHECKING:
    from somabus.model.receipt import Receipt

_SILENT: Final = frozenset([Reason.UNTRUSTED, Reason.REVOKED, Reason.WRONG_ADDRESS, Reason.HOPS])
_TOLD: Final = frozenset([Reason.FORGED, Reason.REVOKED, Reason.WRONG_ADDRESS, Reason.NOT_APPROVED])
"""Dead letters that are attempts, and so stand in the audit and are alerted."""


class Assembly(OnDemand):
    """Builds the services in the order in which they need each other; what most beats need not, on demand.

    Args:
        me: the agent's name.
        connection: what it stands on.
        schedule: its cadence.
        retry: when a message that failed is tried again.
        lease_for: how long a claim lasts.
        handlers: what handles which kind of mail.
        unread: counts the waiting mail, for receipts.
        version: of this package, for the heartbeat.
    """

    def __init__(
        self,
        me: str,
        connection: Connection,
        *,
        schedule: Schedule,
        retry: RetryPolicy,
        lease_for: timedelta,
        handlers: Handlers,
        unread: Callable[[], int | None],
        version: str,
    ) -> None:
        self.me = me
        self._version, self.unread_lately = version, unread
        self.connection = connection
        self.store, self.home = connection.store, connection.home
        self.ids = IdMaker(os.urandom)
        self.handlers = handlers
        self._built = False
        self._rule()
        self._mail(retry, lease_for)
        self._sharing()
        self._channels()
        self.routine = Routine(self._parts(schedule))
        self._built = True
        self.incidents.flush()

    def now(self) -> datetime:
        """Return the drive's time, or this machine's while the drive is away."""
        try:
            return self.store.now()
        except StoreError:
            return self.connection.clock.now()

    # -- in order ---------------------------------------------------------------------------------------------

    def _rule(self) -> None:
        """Who rules, who is who, and whether anybody has stopped it."""
        bus = self.connection.bus
        self.incidents = Incidents(
            self.home, self._audit_incident, self._alert_incident, busy=lambda: not self._built or self.alerts.reading
        )
        tell = self.incidents.tell
        self.authority = Authority(self.store, self.home, bus, tell)
        with suppress(StoreError):  # the drive is away; what is remembered holds
            self.authority.refresh()
        recall = Recall(self.connection.forgettable, self._version)
        self.identities = Identities(self.store, self.authority, Pins(self.home, recall), recall, tell)
        self.signer = self._signer()
        self.keys = [self.signer.public_key, *former_keys(self.home)]
        self.halt = Halt(self.store, self.home, self.me, self.authority, tell)
        self.registry = Registry(self.store, self.authority, self.identities)

    def next_signer(self) -> Signer | None:
        """Return the agent's next key if there is one and an operator has certified it."""
        following = waiting_signer(self.home)
        if following is None:
            return None
        with suppress(StoreError):  # the drive is away; the key of now will do
            certificate = self.identities.look_again(self.me).certificate
            if certificate is not None and certificate.key == following.public_key:
                return following
        return None

    def _signer(self) -> Signer:
        """Return the agent's key: the next one as soon as it is certified."""
        following = self.next_signer()
        if following is None:
            return self.connection.signer
        promote_key(self.home)
        return following

    def _mail(self, retry: RetryPolicy, lease_for: timedelta) -> None:
        shorts = frozenset(signing.short(key) for key in self.keys)
        self.opener = Opener(self.me, self.authority, self.identities, self.now, shorts)
        self.spool = Spool(self.home)
        box = Box(self.store, self.me, entropy=os.urandom, retry=retry, lease_for=lease_for, on_dead=self._on_dead)
        guard = Guard(self.authority, self.halt, lambda: self.approvals)
        self.inbox = Inbox(self.store, self.me, self.opener, box=box, reply=self.reply, guard=guard)

    def _sharing(self) -> None:
        self.learnings = Learnings(self.home)
        self.cursors = CursorBook(self.store, self.home, self.me, self.signer, also=self.keys[1:])
        self.reader = Reader(self.store, self.authority, self.opener)
        self.outbox = Outbox(self.store, self.me, self.reader)
        self.alerts = Alerts(
            self.store,
            self.reader,
            self.cursors,
            lambda draft: self.composer.entry(draft, channel=CHANNEL),
            tell=self.incidents.tell,
        )

    def _channels(self) -> None:
        """Channels, and the one count over everything unread."""
        self.channels = Channels(
            self.store, self.me, reader=self.reader, cursors=self.cursors,
            notes=self._notes, tell=self.incidents.tell,
        )  # fmt: skip
        self.unread = Unread(self.store, self.me, self.inbox, self.channels, self.connection.clock.monotonic)

    def _notes(self, channel: str) -> tuple[str, ...]:
        return self.arcs.notes(channel)

    def places(self) -> tuple[str, ...]:
        """Return where something moves when anything comes for this agent, or its cursors do."""
        boxes = (tree.box(self.me, state) for state in (State.INBOX, State.LATER, State.CLAIMED))
        return (f"{tree.REGISTRY}/{self.me}", *boxes, *self.channels.places())

    def counts(self) -> Counts:
        """Count what lies where, mail and posts."""
        return replace(self.inbox.counts(), posts=self.channels.unread())

    def _parts(self, schedule: Schedule) -> Parts:
        staleness = self.authority.bus.policy.staleness
        leases = Leases(self.store, self.me, f"{self.connection.machine} {os.getpid()}", staleness)
        self.ground = Ground(
            me=self.me, store=self.store, home=self.home, authority=self.authority, identities=self.identities,
            registry=self.registry, channels=self.channels, arcs=lambda: self.arcs, alerts=self.alerts,
            cursors=self.cursors, leases=leases,
        )  # fmt: skip
        self.parts = Parts(
            me=self.me, bus=self.authority.bus.bus, store=self.store, home=self.home, authority=self.authority,
            halt=self.halt, incidents=self.incidents, inbox=self.inbox, counts=self.counts,
            flush=self._flush, registry=self.registry, outbox=self.outbox, alerts=self.alerts,
            cursors=self.cursors, learnings=self.learnings, spool=self.spool,
            leases=leases, sweeper=Sweeper(self.ground),
            handlers=self.handlers, schedule=schedule, staleness=staleness, sign=self.signer.sign, now=self.now,
            monotonic=self.connection.clock.monotonic, vitals=self._vitals,
            same_machine=lambda holder: holder.startswith(f"{self.connection.machine} "),
        )  # fmt: skip
        return self.parts

    # -- between the services ---------------------------------------------------------------------------------

    def reply(self, parent: Message, number: int, body: str, **fields: Any) -> "Receipt":
        """Answer a message that is being handled."""
        with suppress(StoreUnavailableError):  # while the drive is away it is spooled, and the next beat looks
            self.halt.check("Delivery.reply", [str(fields.get("kind", "answer"))])
        return self.sender.reply(parent, number, body, spool=True, **fields)

    def _on_dead(self, letter: DeadLetter, message: Message | None) -> None:
        """Tell the sender of a dead letter; tell the humans and all others of an attempt."""
        attempt = letter.reason in _TOLD or (letter.reason is Reason.UNTRUSTED and self._strict())
        if attempt:
            self.incidents.tell(f"inbox of {self.me}", f"{letter.reason} {letter.id}", letter.detail)
        if letter.reason is not Reason.FORGED and message is not None and self._may_bounce(letter, message):
            data = {
                "message": message.id,
                "outcome": "dead",
                "reason": str(letter.reason),
                "detail": letter.detail[:500],
            }
            subject = f"set aside by {self.me}: {letter.reason}"
            self.sender.reply(message, 0, letter.detail[:500], kind="receipt", subject=subject, data=data)

    def _strict(self) -> bool:
        return self.authority.bus.policy.trust is Policy.CERTIFIED

    def _may_bounce(self, letter: DeadLetter, message: Message) -> bool:
        """Bounce to a proven sender; never a chain that was parked, or the bounce would be its next hop."""
        if message.kind in NEVER_BOUNCED or letter.reason in _SILENT:
            return False
        return self.registry.knows(message.sender)

    def _audit_incident(self, incident: Incident) -> None:
        self.audit.append("refused", incident.component, incident.detail, evidence=incident.evidence)

    def _alert_incident(self, incident: Incident) -> None:
        self.cursors.load()
        self.alerts.raise_once(incident.component[:200], incident.episode[:200], "error", incident.detail[:1000])
        self.cursors.save()

    def _flush(self) -> tuple[int, list[str]]:
        return self.sender.flush()

    def _vitals(self) -> dict[str, Any]:
        offset = (self.connection.clock.now() - self.now()).total_seconds()
        drive: int | None = None
        place = self.connection.drive
        if place is not None:
            with suppress(StoreUnavailableError):
                drive = self.connection.ask(lambda: machine.free(place), "tmp")
        return machine.vitals(self.connection.home_path, drive, self._version, offset)
