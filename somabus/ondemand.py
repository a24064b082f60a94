"""The services that a beat with nothing to do does without: each is imported and built when first asked for.

A beat is a process of its own, and most find nothing to do: what they need not load, they need not wait for.
"""

import os
from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from somabus.announcer import Announcer
    from somabus.approvals import Approvals
    from somabus.arcs import Arcs
    from somabus.audit import Audit
    from somabus.authority import Authority
    from somabus.beat import Parts
    from somabus.channel import Channels
    from somabus.composer import Composer
    from somabus.connection import Connection
    from somabus.goals import Goals
    from somabus.halt import Halt
    from somabus.identity import Identities
    from somabus.inbox import Inbox
    from somabus.incidents import Incidents
    from somabus.jobs.desk import Services
    from somabus.model.ids import IdMaker
    from somabus.model.signing import Signer
    from somabus.opener import Opener
    from somabus.poster import Poster
    from somabus.rates import Rates
    from somabus.reader import Reader
    from somabus.references import References
    from somabus.registry import Registry
    from somabus.scratchpad import Scratchpad
    from somabus.sender import Sender
    from somabus.spool import Spool
    from somabus.store.port import Store
    from somabus.trace import Tracer
    from somabus.unread import Unread


class OnDemand:
    """Builds what sends, posts and speaks with the humans, out of the services that are there at any rate."""

    me: str
    connection: "Connection"
    store: "Store"
    home: "Store"
    ids: "IdMaker"
    authority: "Authority"
    identities: "Identities"
    incidents: "Incidents"
    signer: "Signer"
    halt: "Halt"
    registry: "Registry"
    spool: "Spool"
    inbox: "Inbox"
    opener: "Opener"
    reader: "Reader"
    channels: "Channels"
    unread: "Unread"
    parts: "Parts"
    now: Callable[[], datetime]
    unread_lately: Callable[[], int | None]

    @cached_property
    def composer(self) -> "Composer":
        """What makes drafts into sealed messages."""
        from somabus.composer import Composer

        return Composer(
            self.me, self.authority.bus.bus, sign=self.signer.sign, ids=self.ids,
            cause=lambda: self.inbox.chain.cause, now=self.now,
        )  # fmt: skip

    @cached_property
    def rates(self) -> "Rates":
        """The brake on floods."""
        from somabus.rates import Rates

        return Rates(self.connection.forgettable, self.authority, self.now)

    @cached_property
    def references(self) -> "References":
        """What looks whether that is there which a message refers to."""
        from somabus.references import References

        return References(self.store, self.me, self.registry)

    @cached_property
    def sender(self) -> "Sender":
        """What brings messages into inboxes."""
        from somabus.sender import Sender

        return Sender(
            self.store, self.me, self.composer, registry=self.registry, references=self.references, rates=self.rates,
            spool=self.spool, now=self.now, unread=self.unread_lately,
        )  # fmt: skip

    @cached_property
    def audit(self) -> "Audit":
        """What is told when somebody does what nobody may."""
        from somabus.audit import Audit

        return Audit(self.store, self.authority.bus.bus, self.me, self.signer, self.now, self.home)

    @cached_property
    def goals(self) -> "Goals":
        """The humans' goals and values."""
        from somabus.goals import Goals

        return Goals(
            self.store, self.me, authority=self.authority, identities=self.identities,
            sign=self.signer.sign, ids=self.ids, now=self.now, tell=self.incidents.tell,
        )  # fmt: skip

    @cached_property
    def approvals(self) -> "Approvals":
        """What asks the humans, and uses up what they granted."""
        from somabus.approvals import Approvals

        return Approvals(
            self.store, self.home, self.me, authority=self.authority, identities=self.identities, halt=self.halt,
            sign=self.signer.sign, ids=self.ids, now=self.now, monotonic=self.connection.clock.monotonic,
            tell=self.incidents.tell,
        )  # fmt: skip

    @cached_property
    def arcs(self) -> "Arcs":
        """What is open in the channels."""
        from somabus.arcs import Arcs

        return Arcs(
            self.store, self.home, authority=self.authority, reader=self.reader, registry=self.registry,
            channels=self.channels, scratchpad=self.scratchpad,
        )  # fmt: skip

    @cached_property
    def tracer(self) -> "Tracer":
        """What finds a message, wherever it lies."""
        from somabus.trace import Tracer

        return Tracer(self.store)

    @cached_property
    def poster(self) -> "Poster":
        """What puts posts into channels."""
        from somabus.poster import Poster

        return Poster(
            self.store, self.home, self.me, authority=self.authority, composer=self.composer, channels=self.channels,
            reader=self.reader, references=self.references, registry=self.registry, rates=self.rates,
            sender=self.sender, unread=self.unread_lately,
        )  # fmt: skip

    @cached_property
    def announcer(self) -> "Announcer":
        """What tells a session once of what is new."""
        from somabus.announcer import Announcer

        return Announcer(self.home, self.inbox, self.channels, self.unread)

    @cached_property
    def job_services(self) -> "Services":
        """What knows about jobs: submits, works, looks."""
        from somabus.jobs.aside import Aside
        from somabus.jobs.asking import recipient_of
        from somabus.jobs.desk import Services
        from somabus.jobs.drafting import Drafter
        from somabus.jobs.follower import Follower
        from somabus.jobs.ledger import Ledger
        from somabus.jobs.once import Once
        from somabus.jobs.opening import JobOpener
        from somabus.jobs.records import Records
        from somabus.jobs.submitter import Submitter
        from somabus.jobs.workers import Workers

        store, bus, sign = self.store, self.authority.bus.bus, self.signer.sign
        records = Records(store, bus, self.me, counts=self.opener.counts, sign=sign, entropy=os.urandom)
        follower, workers = Follower(records), Workers(store)
        drafter = Drafter(
            bus, self.me, records=records, sign=sign, cause=lambda: self.inbox.chain.cause, now=store.now
        )  # fmt: skip
        submitter = Submitter(
            store, drafter, Once(store, records, follower), records=records, follower=follower, workers=workers,
            ids=self.ids, unread=self.unread_lately,
        )  # fmt: skip
        aside = Aside(
            store, self.me, records, self.opener,
            may_act=lambda opened: self.opener.counts_as(opened.trust), seal=self._job_word,
        )  # fmt: skip
        opener = JobOpener(self.me, self.authority, self.opener, lambda: self.approvals)
        return Services(
            me=self.me, store=store, records=records, follower=follower, opener=opener,
            ledger=Ledger(store, bus, self.me, counts=self.opener.counts, sign=sign),
            submitter=submitter, workers=workers, aside=aside, leases=self.parts.leases, ids=self.ids, now=self.now,
            monotonic=self.connection.clock.monotonic, entropy=os.urandom, send=self._job_mail,
            tell=self.incidents.tell, stopped=self._job_stops, stops=self.halt.stops, skills=self._skills,
            recipient=lambda job: recipient_of(job, opener, self.approvals),
            retention=lambda: self.authority.bus.policy.retention, chain=self.inbox.chain,
        )  # fmt: skip

    def _job_stops(self, entry: str) -> frozenset[str]:
        self.authority.refresh()
        return self.halt.check(entry)

    def _job_word(self, body: str, data: dict[str, Any], job: str) -> bytes:
        """Return what is said to a job, as a sealed message."""
        from somabus.model.draft import Draft

        return self.composer.entry(Draft(to="", body=body, data=data, refs={"job": job}))[1]

    def _job_mail(self, to: str, body: str, **fields: Any) -> Any:
        """Send mail for a job that is at work, unless a human stopped mail of its kind."""
        from somabus.model.draft import Draft

        self.halt.check("Agent.send", [str(fields.get("kind", "note"))])
        return self.sender.send(Draft(to=to, body=body, **fields), spool=True)

    def _skills(self) -> tuple[str, ...]:
        """Return what this agent can do: as the operators certified it; where nobody rules, as its card says."""
        if self.authority.owned:
            certificate = self.identities.standing(self.me).certificate
            return () if certificate is None else certificate.skills
        card = self.identities.card(self.me)
        return () if card is None else card.skills

    def scratchpad(self, arc: str) -> "Scratchpad":
        """Return the scratchpad of an arc."""
        from somabus.scratchpad import Scratchpad

        return Scratchpad(
            arc, store=self.store, me=self.me, reader=self.reader, composer=self.composer,
            leases=self.parts.leases, check=self.halt.check,
        )  # fmt: skip
