"""Sending: a draft becomes a signed message in the recipient's inbox, or on this machine until the drive is back.

What `send` promises is on the drive when it returns. A message with a `key` is recorded first and written second:
if the power goes in between, the next sending of the same key finds the record, misses the message and writes it,
under the same id, so that even then nobody handles it twice.
"""

import hashlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import ValidationError

from somabus.errors import (
    KeyExistsError,
    KeyMissingError,
    MalformedMessageError,
    ReferenceNotFoundError,
    StoreUnavailableError,
    TrustError,
    UnknownRecipientError,
)
from somabus.model import tree
from somabus.model.draft import Draft
from somabus.model.envelope import Seal, seal_body
from somabus.model.ids import IdMaker, derive_id, is_id, later, milliseconds
from somabus.model.message import Id, Message, Name, Priority, Utc, Value, explain
from somabus.model.names import nearest
from somabus.model.receipt import Receipt, Trace, Whereabouts
from somabus.model.slot import Event, Slot, State, target
from somabus.model.wire import parse_object
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


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A message ready to be written: its key in the store and its bytes."""

    message: Message
    to: str
    key: str
    data: bytes


class Sender:
    """Sends on behalf of one agent.

    Args:
        store: the bus.
        me: the sender's name.
        bus: the id of the bus.
        sign: signs with the agent's key.
        ids: makes ids.
        registry: knows who is there.
        spool: this machine's own disk, for when the drive is away.
        cause: the message being handled now, if any.
        now: the time; the drive's, or this machine's while the drive is away.
        unread: counts the agent's own waiting mail, for the receipt.
    """

    def __init__(
        self,
        store: Store,
        me: str,
        bus: str,
        *,
        sign: Callable[[bytes], bytes],
        ids: IdMaker,
        registry: Registry,
        spool: Spool,
        cause: Callable[[], Message | None],
        now: Callable[[], datetime],
        unread: Callable[[], int | None],
    ) -> None:
        self._store = store
        self._me = me
        self._bus = bus
        self._sign = sign
        self._ids = ids
        self._registry = registry
        self._spool = spool
        self._cause = cause
        self._now = now
        self._unread = unread
        self._tracer = Tracer(store)

    def send(self, draft: Draft, *, spool: bool = False) -> Receipt:
        """Send one message; on return it is on the drive, or, with `spool`, at least on this machine's disk.

        Raises:
            UnknownRecipientError, MessageError: nothing was sent.
            StoreError: nothing is known to have been sent; sending again with a `key` is always safe.
        """
        try:
            self._check([draft])
            if draft.key is not None:
                return self._send_once(draft)
            sealed = self._seal(draft)
            self._store.create_many([(sealed.key, sealed.data)])
        except StoreUnavailableError:
            if not spool:
                raise
            return self._keep(draft)
        return self._receipt(sealed.message.id, draft)

    def send_many(self, drafts: Iterable[Draft]) -> list[Receipt]:
        """Send several messages as one group commit: all of them are on the drive on return.

        Raises:
            UnknownRecipientError, MessageError: nothing was sent.
            StoreError: some may have been sent, none in half.
        """
        drafts = list(drafts)
        self._check(drafts)
        keyed = {n: self._send_once(draft) for n, draft in enumerate(drafts) if draft.key is not None}
        sealed = {n: self._seal(draft) for n, draft in enumerate(drafts) if n not in keyed}
        self._store.create_many([(each.key, each.data) for each in sealed.values()])
        return [keyed.get(n) or self._receipt(sealed[n].message.id, draft) for n, draft in enumerate(drafts)]

    def reply(self, parent: Message, number: int, body: str = "", *, spool: bool = False, **fields: Any) -> Receipt:
        """Answer a message; the same number of the same message has the same id, so it is answered once."""
        reply_id = derive_id(parent.id, f"reply {number} by {self._me}")
        fields.setdefault("kind", "answer")
        draft = Draft(to=parent.sender, body=body, reply_to=parent.id, **fields)
        try:
            self._check([draft])
            sealed = self._seal(draft, message_id=reply_id, parent=parent)
            self._store.create_many([(sealed.key, sealed.data)])
        except StoreUnavailableError:
            if not spool:
                raise
            return self._keep(draft, message_id=reply_id, parent=parent)
        return self._receipt(reply_id, draft)

    def compose(self, draft: Draft, *, channel: str | None = None) -> tuple[Message, bytes]:
        """Return a message for a log, which goes to nobody in particular, and its signed bytes."""
        now = self._now()
        message = self._message(draft, self._ids.make(now), None, now).model_copy(update={"channel": channel})
        return message, seal_body(message.encode(), Seal.MESSAGE, self._sign)

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
        if found is None or found.state not in _WITHDRAWABLE:
            return self._tracer.trace(to, message_id)
        self._check_mine(to, message_id)
        done = tree.done(to, self._store.now().date(), message_id, Event.WITHDRAW)
        assert target(found.state, Event.WITHDRAW) is State.DONE  # noqa: S101 - the table is the law
        with suppress(KeyMissingError):  # Race: taken, or withdrawn by another of our processes; the trace tells.
            self._store.move(found.key, done)
        return self._tracer.trace(to, message_id)

    def flush(self) -> tuple[int, list[str]]:
        """Deliver what this machine kept while the drive was away; return how many, and what had to be refused."""
        sent, refused = 0, []
        for entry in self._spool.entries():
            if not self._registry.knows(entry.to):
                self._spool.refuse(entry.id)
                refused.append(f"{entry.id}: nobody named {entry.to} has joined this bus")
                continue
            record = SentKey(id=entry.id, to=entry.to, sent_at=self._now())
            if entry.sent_key is None or self._recorded(entry.sent_key, record) == entry.id:
                self._store.create_many([(entry.key, entry.document.encode())])
                sent += 1
            self._spool.remove(entry.id)
        return sent, refused

    # -- steps ------------------------------------------------------------------------------------------------

    def _send_once(self, draft: Draft) -> Receipt:
        sealed = self._seal(draft)
        record = SentKey(id=sealed.message.id, to=draft.to, sent_at=sealed.message.created_at)
        first = self._recorded(self._sent_key(draft), record)
        if first != record.id:
            if self._tracer.find(draft.to, first) is not None:
                return self._receipt(first, draft, duplicate=True)
            sealed = self._seal(draft, message_id=first)  # recorded, and never written
        self._store.create_many([(sealed.key, sealed.data)])
        return self._receipt(first, draft)

    def _sent_key(self, draft: Draft) -> str:
        digest = hashlib.sha256(f"{draft.to}\n{draft.key}".encode()).hexdigest()[:32]
        return tree.sent_key(self._me, digest)

    def _recorded(self, where: str, record: SentKey) -> str:
        """Record a key's id, and return the id that counts: the one recorded first."""
        try:
            self._store.create(where, record.to_json())
        except KeyExistsError:
            raw = self._store.read(where, listed=True)
            if raw is None:
                raise StoreUnavailableError(where, "it exists and cannot be read yet") from None
            return SentKey.from_object(parse_object(raw)).id
        return record.id

    def _seal(
        self,
        draft: Draft,
        *,
        message_id: str | None = None,
        parent: Message | None = None,
    ) -> _Sealed:
        now = self._now()
        message = self._message(draft, message_id or self._ids.make(now), parent or self._parent(draft), now)
        data = seal_body(message.encode(), Seal.MESSAGE, self._sign)
        slot = Slot(message.priority.digit, message.id)
        state = State.INBOX
        if draft.not_before is not None:
            slot, state = slot.postponed(milliseconds(later(now, draft.not_before))), State.LATER
        return _Sealed(message, draft.to, f"{tree.box(draft.to, state)}/{slot.name}", data)

    def _message(self, draft: Draft, message_id: str, parent: Message | None, now: datetime) -> Message:
        cause = parent or self._cause()
        refs = {"reply_to": draft.reply_to, "supersedes": draft.supersedes}
        try:
            return Message(
                bus=self._bus,
                id=message_id,
                kind=draft.kind,
                sender=self._me,
                to=(draft.to,) if draft.to else (),
                created_at=now,
                expires_at=None if draft.expires_in is None else later(now, draft.expires_in),
                priority=Priority(draft.priority),
                subject=draft.subject,
                body=draft.body,
                data=draft.data,
                topic=draft.topic,
                refs={name: value for name, value in refs.items() if value is not None},
                thread=parent.thread if parent else message_id,
                hops=cause.hops + 1 if cause else 0,
                origin=cause.origin if cause else message_id,
                key=draft.key,
            )
        except ValidationError as error:
            raise MalformedMessageError(explain(error)) from None
        except ValueError as error:
            raise MalformedMessageError(str(error)) from None

    def _parent(self, draft: Draft) -> Message | None:
        """Return the message that a draft answers.

        Raises:
            ReferenceNotFoundError: neither this agent nor the recipient has a message of that id.
        """
        if draft.reply_to is None:
            return None
        parent = None
        if is_id(draft.reply_to):
            parent = self._tracer.read(self._me, draft.reply_to) or self._tracer.read(draft.to, draft.reply_to)
        if parent is None:
            raise ReferenceNotFoundError("reply_to", draft.reply_to)
        return parent

    def _check(self, drafts: Iterable[Draft]) -> None:
        """Refuse drafts to nobody, and drafts that supersede nothing of ours."""
        for draft in drafts:
            if not self._registry.knows(draft.to):
                raise UnknownRecipientError(draft.to, nearest(draft.to, self._registry.names()))
            if draft.supersedes is not None:
                self._check_mine(draft.to, draft.supersedes)

    def _check_mine(self, to: str, message_id: str) -> None:
        message = self._tracer.read(to, message_id)
        if message is None:
            raise ReferenceNotFoundError("supersedes", message_id)
        if message.sender != self._me:
            raise TrustError(f"{message_id} was sent by {message.sender}, and only its sender may take it back")

    def _keep(self, draft: Draft, *, message_id: str | None = None, parent: Message | None = None) -> Receipt:
        # The drive is away: neither the recipient nor a reference can be looked up; the flush will.
        plain = draft if parent else replace(draft, reply_to=None)
        sealed = self._seal(plain, message_id=message_id, parent=parent)
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
        """Write the receipt for what is on the drive; only now is an older message taken back."""
        old, superseded = None if duplicate else draft.supersedes, None
        if old is not None:
            superseded = self.withdraw(draft.to, old).state is Whereabouts.WITHDRAWN
        return Receipt(
            id=message_id,
            to=draft.to,
            sent_at=self._now(),
            duplicate=duplicate,
            silent_since=self._registry.silent_since(draft.to),
            not_before=None if draft.not_before is None else later(self._now(), draft.not_before),
            supersedes=old,
            superseded=superseded,
            unread=self._unread(),
        )
