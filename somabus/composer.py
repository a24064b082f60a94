"""Composing: a draft becomes a message with its place in the chain of causes, and sealed bytes with a name.

It touches nothing: where the bytes go, and whether they may, is the sender's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from somabus.delivery import Cause
from somabus.errors import MalformedMessageError
from somabus.model import tree
from somabus.model.draft import Draft
from somabus.model.envelope import Seal, seal_body
from somabus.model.ids import IdMaker, is_id, later, milliseconds
from somabus.model.message import Message, Priority, explain
from somabus.model.slot import Slot, State


@dataclass(frozen=True, slots=True)
class Sealed:
    """A message ready to be written: its key in the store and its bytes."""

    message: Message
    key: str
    data: bytes


class Composer:
    """Composes on behalf of one agent.

    Args:
        me: the sender's name.
        bus: the id of the bus.
        sign: signs with the agent's key.
        ids: makes ids.
        cause: the message or job being handled now, if any.
        now: the time; the drive's, or this machine's while the drive is away.
    """

    def __init__(
        self,
        me: str,
        bus: str,
        *,
        sign: Callable[[bytes], bytes],
        ids: IdMaker,
        cause: Callable[[], Cause | None],
        now: Callable[[], datetime],
    ) -> None:
        self._me = me
        self._bus = bus
        self._sign = sign
        self._ids = ids
        self._cause = cause
        self._now = now

    def seal(self, draft: Draft, parent: Message | None, *, message_id: str | None = None) -> Sealed:
        """Return the sealed message of a draft, and the name it gets in the recipient's folder.

        Args:
            draft: what to say.
            parent: the message that it answers, where that could be looked up.
            message_id: the id it must have; a new one if none is given.

        Raises:
            MessageError: the draft breaks a rule.
        """
        now = self._now()
        message = self._message(draft, message_id or self._ids.make(now), parent, now)
        slot, state = Slot(message.priority.digit, message.id), State.INBOX
        if draft.not_before is not None:
            slot, state = slot.postponed(milliseconds(later(now, draft.not_before))), State.LATER
        return Sealed(message, f"{tree.box(draft.to, state)}/{slot.name}", self._bytes(message))

    def under(self, sealed: Sealed, message_id: str) -> Sealed:
        """Return the same message under another id, for one whose id was recorded before."""
        was = sealed.message
        changed = {"id": message_id, "thread": message_id if was.thread == was.id else was.thread}
        changed["origin"] = message_id if was.origin == was.id else was.origin
        message = was.model_copy(update=changed)
        return Sealed(message, sealed.key.replace(was.id, message_id), self._bytes(message))

    def entry(
        self,
        draft: Draft,
        *,
        channel: str | None = None,
        parent: Message | None = None,
        message_id: str | None = None,
    ) -> tuple[Message, bytes]:
        """Return a message for a log, which goes to nobody in particular, and its sealed bytes."""
        now = self._now()
        made = self._message(draft, message_id or self._ids.make(now), parent, now)
        message = made.model_copy(update={"channel": channel})
        return message, self._bytes(message)

    def new_id(self) -> str:
        """Return an id that nothing has yet."""
        return self._ids.make(self._now())

    def _bytes(self, message: Message) -> bytes:
        return seal_body(message.encode(), Seal.MESSAGE, self._sign)

    def _message(self, draft: Draft, message_id: str, parent: Message | None, now: datetime) -> Message:
        # The longer of the two chains counts: answering the first message of a thread again and again, while
        # handling a later one, is a loop like any other.
        chains: list[Cause] = [each for each in (parent, self._cause()) if each is not None]
        cause = max(chains, key=lambda each: each.hops, default=None)
        named = {"reply_to": draft.reply_to, "supersedes": draft.supersedes}
        refs = {**draft.refs, **named, "approval": draft.approval, "short": draft.short}
        answered = draft.reply_to if draft.reply_to and is_id(draft.reply_to) else message_id
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
                thread=parent.thread if parent else answered,
                hops=cause.hops + 1 if cause else 0,
                origin=cause.origin if cause else message_id,
                key=draft.key,
            )
        except ValidationError as error:
            raise MalformedMessageError(explain(error)) from None
        except ValueError as error:
            raise MalformedMessageError(str(error)) from None
