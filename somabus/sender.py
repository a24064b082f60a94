"""Sending: a message comes into the recipient's inbox, or onto this machine's disk until the drive is back.

What `send` promises is on the drive when it returns. A message with a `key` is recorded first and written second:
if the power goes in between, the next sending of the same key finds the record, misses the message and writes it,
under the same id, so that even then nobody handles it twice. A message is sealed once: what goes to the spool is the
very message that may have reached the drive before it went away.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, Literal

from somabus.composer import Composer, Sealed
from somabus.errors import (
    KeyExistsError,
    KeyMissingError,
    MessageError,
    ReferenceNotFoundError,
    StoreError,
    StoreUnavailableError,
    TrustError,
    UnknownRecipientError,
)
from somabus.model import tree
from somabus.model.address import parse_address
from somabus.model.draft import Draft
from somabus.model.envelope import split
from somabus.model.ids import derive_id, is_id, later
from somabus.model.message import Id, Message, Name, Utc, Value
from somabus.model.names import nearest
from somabus.model.receipt import Receipt, Trace, Whereabouts
from somabus.model.slot import Event, State
from somabus.model.wire import parse_object
from somabus.rates import Rates
from somabus.references import References
from somabus.registry import Registry
from somabus.spool import Spool, SpoolEntry
from somabus.store.port import Store
from somabus.trace import Tracer

_WITHDRAWABLE: Final = (State.INBOX, State.LATER)


class SentKey(Value):
    """The record of a keyed message: which id it got."""

    format: Literal[1] = 1
    id: Id
    to: Name
    sent_at: Utc


class Sender:
    """Sends on behalf of one agent.

    Args:
        store: the bus.
        me: the sender's name.
        composer: makes sealed messages of drafts.
        registry: knows who is there.
        references: knows what can be referred to.
        rates: the brake on floods.
        spool: this machine's own disk, for when the drive is away.
        now: the time; the drive's, or this machine's while the drive is away.
        unread: counts the agent's own waiting mail, for the receipt.
    """

    def __init__(
        self,
        store: Store,
        me: str,
        composer: Composer,
        *,
        registry: Registry,
        references: References,
        rates: Rates,
        spool: Spool,
        now: Callable[[], datetime],
        unread: Callable[[], int | None],
    ) -> None:
        self._store = store
        self._me = me
        self._composer = composer
        self._registry = registry
        self._references = references
        self._rates = rates
        self._spool = spool
        self._now = now
        self._unread = unread
        self._tracer = Tracer(store)

    def send(self, draft: Draft, *, spool: bool = False) -> Receipt:
        """Send one message; on return it is on the drive, or, with `spool`, at least on this machine's disk.

        Raises:
            UnknownRecipientError, MessageError: nothing was sent.
            StoreError: nothing is known to have been sent; sending again with a `key` is always safe.
        """
        return self._send(draft, None, None, spool=spool)

    def send_many(self, drafts: Iterable[Draft]) -> list[Receipt]:
        """Send several messages as one group commit: all of them are on the drive on return.

        Raises:
            UnknownRecipientError, MessageError: nothing was sent.
            StoreError: some may have been sent, none in half.
        """
        drafts = list(drafts)
        for draft in drafts:
            self._check(draft)
        sealed = [self._composer.seal(draft, self._parent(draft)) for draft in drafts]
        for (to, kind), count in Counter((draft.to, draft.kind) for draft in drafts).items():
            self._rates.spend(to, kind, count)
        fresh: dict[str, Sealed] = {}
        counts: list[tuple[str, bool]] = []  # the id that counts, and whether it was sent before
        for draft, each in zip(drafts, sealed, strict=True):
            chosen, duplicate = self._once(draft, each)
            duplicate = duplicate or chosen.message.id in fresh
            counts.append((chosen.message.id, duplicate))
            if not duplicate:
                fresh[chosen.message.id] = chosen
        self._store.create_many([(each.key, each.data) for each in fresh.values()])
        return [
            self._receipt(message_id, draft, duplicate=duplicate)
            for draft, (message_id, duplicate) in zip(drafts, counts, strict=True)
        ]

    def reply(self, parent: Message, number: int, body: str = "", *, spool: bool = False, **fields: Any) -> Receipt:
        """Answer a message; the same number of the same message has the same id, so it is answered once."""
        reply_id = derive_id(parent.id, f"reply {number} by {self._me}")
        fields.setdefault("kind", "answer")
        draft = Draft(to=parent.sender, body=body, reply_to=parent.id, **fields)
        return self._send(draft, parent, reply_id, spool=spool)

    def copy(self, copies: Iterable[Sealed], *, again: bool) -> None:
        """Deliver copies of a post; while the drive is away they are kept on this machine.

        Args:
            copies: sealed under ids that follow from the post's, so that a second delivery is recognised.
            again: some may have been delivered before; those are left out.
        """
        fresh = [
            each
            for each in copies
            if not (again and self._tracer.find(each.message.to[0], each.message.id) is not None)
        ]
        try:
            self._store.create_many([(each.key, each.data) for each in fresh])
        except StoreUnavailableError:
            for each in fresh:
                self._spool.keep(
                    SpoolEntry(id=each.message.id, to=each.message.to[0], key=each.key, document=each.data.decode())
                )

    def trace(self, to: str, message_id: str) -> Trace:
        """Say where a message is now."""
        if self._spool.holds(message_id):
            return Trace(message_id, to, Whereabouts.SPOOLED, detail="on this machine until the drive is back")
        return self._tracer.trace(to, message_id)

    def withdraw(self, to: str, message_id: str) -> Trace:
        """Take back a message that nobody took yet; the trace says whether it was in time.

        The message stays as evidence, under a name that says so.

        Raises:
            TrustError: another agent sent it; nothing was changed.
        """
        found = self._tracer.find(to, message_id)
        message = None if found is None else self._tracer.read_at(found)
        if found is not None and message is not None and found.state in _WITHDRAWABLE:
            self._check_mine(message)
            done = tree.done(to, self._store.now().date(), message_id, Event.WITHDRAW)
            with suppress(KeyMissingError):  # Race: taken, or withdrawn by another of our processes; the trace tells.
                self._store.move(found.key, done)
        return self._tracer.trace(to, message_id)

    def flush(self) -> tuple[int, list[str]]:
        """Deliver what this machine kept while the drive was away; return how many, and what had to be refused."""
        sent, refused = 0, []
        for entry in self._spool.entries():
            if not self._registry.knows(entry.to):
                self._spool.refuse(entry.id)
                refused.append(
                    f"{entry.id}: nobody named {entry.to} has joined this bus; it lies in refused/ of the home"
                )
                continue
            sent += self._deliver(entry)
            self._spool.remove(entry.id)
        return sent, refused

    # -- steps ------------------------------------------------------------------------------------------------

    def _send(self, draft: Draft, parent: Message | None, message_id: str | None, *, spool: bool) -> Receipt:
        try:
            self._check(draft)
            sealed = self._composer.seal(draft, parent or self._parent(draft), message_id=message_id)
            self._rates.spend(draft.to, draft.kind)
        except StoreUnavailableError:
            if not spool:
                raise
            # Neither the recipient nor the references can be looked up now; the references stay in the message.
            return self._keep(draft, self._composer.seal(draft, parent, message_id=message_id))
        try:
            sealed, duplicate = self._once(draft, sealed)
            if not duplicate:
                self._store.create_many([(sealed.key, sealed.data)])
        except StoreUnavailableError:
            if not spool:
                raise
            return self._keep(draft, sealed)
        return self._receipt(sealed.message.id, draft, duplicate=duplicate)

    def _once(self, draft: Draft, sealed: Sealed) -> tuple[Sealed, bool]:
        """Return the message under the id that counts for its key, and whether it was sent before."""
        if draft.key is None:
            return sealed, False
        first = self._recorded(self._sent_key(draft), sealed.message.id, draft.to)
        if first == sealed.message.id:
            return sealed, False
        if self._tracer.find(draft.to, first) is not None or self._spool.holds(first):
            return self._composer.under(sealed, first), True
        return self._composer.under(sealed, first), False  # recorded, and never written

    def _deliver(self, entry: SpoolEntry) -> int:
        """Deliver one message from the spool, unless one of its key was delivered meanwhile."""
        message = Message.decode(split(entry.document.encode()).body)
        sealed = Sealed(message, entry.key, entry.document.encode())
        if entry.sent_key is not None:
            first = self._recorded(entry.sent_key, entry.id, entry.to)
            if first != entry.id and self._tracer.find(entry.to, first) is not None:
                return 0
            sealed = sealed if first == entry.id else self._composer.under(sealed, first)
        self._store.create_many([(sealed.key, sealed.data)])
        old = message.refs.get("supersedes")
        if old is not None:
            with suppress(StoreError, MessageError, TrustError):
                self.withdraw(entry.to, old)
        return 1

    def _sent_key(self, draft: Draft) -> str:
        import hashlib

        digest = hashlib.sha256(f"{draft.to}\n{draft.key}".encode()).hexdigest()[:32]
        return tree.sent_key(self._me, digest)

    def _recorded(self, where: str, message_id: str, to: str) -> str:
        """Record a key's id, and return the id that counts: the one recorded first."""
        try:
            self._store.create(where, SentKey(id=message_id, to=to, sent_at=self._now()).to_json())
        except KeyExistsError:
            raw = self._store.read(where, listed=True)
            if raw is None:
                raise StoreUnavailableError(where, "it exists and cannot be read yet") from None
            return SentKey.from_object(parse_object(raw)).id
        return message_id

    def _parent(self, draft: Draft) -> Message | None:
        """Return the message that a draft answers.

        Raises:
            ReferenceNotFoundError: neither this agent nor the recipient has a message of that id.
        """
        if draft.reply_to is None:
            return None
        address = parse_address(draft.reply_to)
        if address is not None:
            parent = self._references.post(address)
        else:
            parent = self._tracer.read(self._me, draft.reply_to) or self._tracer.read(draft.to, draft.reply_to)
        if parent is None:
            raise ReferenceNotFoundError("reply_to", draft.reply_to)
        return parent

    def _check(self, draft: Draft) -> None:
        """Refuse a draft to nobody, one that supersedes nothing of ours, and one under an approval nobody asked for."""
        if not self._registry.knows(draft.to):
            raise UnknownRecipientError(draft.to, nearest(draft.to, self._registry.names()))
        if draft.short is not None:
            self._check_short(draft.to, draft.short)
        if draft.refs:
            self._references.check(draft.refs)
        if draft.supersedes is not None:
            old = self._tracer.read(draft.to, draft.supersedes)
            if old is None:
                raise ReferenceNotFoundError("supersedes", draft.supersedes)
            self._check_mine(old)
        if draft.approval is not None:
            known = is_id(draft.approval) and self._store.read(tree.approval(draft.approval, "request"), listed=True)
            if not known:
                raise ReferenceNotFoundError("approval", draft.approval)

    def _check_short(self, to: str, short: str) -> None:
        """Refuse a recipient whose key is another than the sender believes."""
        peer = self._registry.peer(to)
        if peer.fault or peer.short != short:
            raise UnknownRecipientError(f"{to} #{short}", (f"{to} #{peer.short}",) if not peer.fault else ())

    def _check_mine(self, message: Message) -> None:
        if message.sender != self._me:
            raise TrustError(f"{message.id} was sent by {message.sender}, and only its sender may take it back")

    def _keep(self, draft: Draft, sealed: Sealed) -> Receipt:
        entry = SpoolEntry(
            id=sealed.message.id,
            to=draft.to,
            key=sealed.key,
            document=sealed.data.decode(),
            sent_key=None if draft.key is None else self._sent_key(draft),
        )
        kept = self._spool.keep(entry)
        return Receipt(kept, draft.to, sealed.message.created_at, duplicate=kept != entry.id, spooled=True)

    def _receipt(self, message_id: str, draft: Draft, *, duplicate: bool = False) -> Receipt:
        """Write the receipt for what is on the drive; what it tells besides is left out if the drive goes away now."""
        old, superseded, silent_since = None if duplicate else draft.supersedes, None, None
        with suppress(StoreError, MessageError, TrustError):
            if old is not None:
                superseded = self.withdraw(draft.to, old).state is Whereabouts.WITHDRAWN
            silent_since = self._registry.silent_since(draft.to)
        return Receipt(
            id=message_id,
            to=draft.to,
            sent_at=self._now(),
            duplicate=duplicate,
            silent_since=silent_since,
            not_before=None if draft.not_before is None else later(self._now(), draft.not_before),
            supersedes=old,
            superseded=superseded,
            unread=self._unread(),
        )
