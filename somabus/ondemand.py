"""The services that a beat with nothing to do does without: each is imported and built when first asked for.

A beat is a process of its own, and most find nothing to do: what they need not load, they need not wait for.
"""

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

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
    from somabus.model.ids import IdMaker
    from somabus.model.signing import Signer
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

    def scratchpad(self, arc: str) -> "Scratchpad":
        """Return the scratchpad of an arc."""
        from somabus.scratchpad import Scratchpad

        return Scratchpad(
            arc, store=self.store, me=self.me, reader=self.reader, composer=self.composer,
            leases=self.parts.leases, check=self.halt.check,
        )  # fmt: skip
