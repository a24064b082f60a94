"""Posting: a message is appended to a channel, and whoever its body calls with `@` gets a copy as mail.

Power cut or kill after each step: 1 a record of a key without its post, which the next posting under that key makes
good; 2 the post stands, those whom it calls do not know, and the next posting under its key tells them; 3 the agent's
own post counts as unread. Nothing was acknowledged before the end.
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Literal

from pydantic import Field

from somabus.alerts import CHANNEL as ALERTS
from somabus.authority import Authority
from somabus.channel import Channels
from somabus.composer import Composer, Sealed
from somabus.errors import (
    InvalidNameError,
    KeyExistsError,
    MalformedMessageError,
    StoreError,
    StoreUnavailableError,
)
from somabus.log import Log
from somabus.model import tree
from somabus.model.address import MOST_MENTIONS, Address, mentions
from somabus.model.archive import SEGMENT
from somabus.model.draft import Draft
from somabus.model.ids import derive_id
from somabus.model.kinds import NEVER_MUTED
from somabus.model.message import Id, Message, Value
from somabus.model.names import channel_folder, nearest
from somabus.model.receipt import Receipt
from somabus.model.text import writable
from somabus.model.wire import parse_object
from somabus.rates import Rates
from somabus.reader import Reader, Writers
from somabus.references import References
from somabus.registry import Registry
from somabus.sender import Sender
from somabus.store.port import Store

_COPY_LIMIT = 64 * 1024
_PAUSE_S = 0.01
_PATIENCE = 500
"""So often a process looks whether another one has ended its posting; one that is stuck is not waited for for ever."""


class PostedKey(Value):
    """The record of a keyed post: which id it got, and the last number that stood in the channel before it."""

    format: Literal[1] = 1
    id: Id
    channel: str
    after: int = Field(ge=0)


class Poster:
    """Posts on behalf of one agent."""

    def __init__(
        self,
        store: Store,
        home: Store,
        me: str,
        *,
        authority: Authority,
        composer: Composer,
        channels: Channels,
        reader: Reader,
        references: References,
        registry: Registry,
        rates: Rates,
        sender: Sender,
        unread: Callable[[], int | None],
    ) -> None:
        self._store = store
        self._home = home
        self._me = me
        self._authority = authority
        self._composer = composer
        self._channels = channels
        self._reader = reader
        self._references = references
        self._registry = registry
        self._rates = rates
        self._sender = sender
        self._unread = unread

    def post(self, channel: str, draft: Draft) -> Receipt:
        """Append a post; on return it is on the drive, and so is the mail to all whom it calls.

        Raises:
            InvalidNameError, MessageError, RateLimitError: nothing was posted.
            StoreError: nothing is known to have been posted; posting again with the same `key` posts once.
        """
        draft, parent = self._checked(channel, draft)
        if draft.key is None:
            return self._posted(channel, draft, parent)
        if not writable(draft.key):
            raise MalformedMessageError(f"key: {draft.key!a} cannot be written as UTF-8")
        where = tree.posted_key(self._me, hashlib.sha256(f"{channel}\n{draft.key}".encode()).hexdigest()[:32])
        # Few names for all keys: the file of a lock stays behind for ever. Two keys that share one wait for each other.
        lock = f"post.{where.rpartition('/')[2][:1]}"
        for _ in range(_PATIENCE):
            with self._home.lock(lock) as mine:
                if mine:
                    return self._posted_once(channel, draft, parent, where)
            self._home.wait("tmp", _PAUSE_S)
        raise StoreUnavailableError(where, "another process of this agent is posting with a key, and does not end")

    # -- steps ------------------------------------------------------------------------------------------------

    def _checked(self, channel: str, draft: Draft) -> tuple[Draft, Message | None]:
        channel_folder(channel)
        if channel == ALERTS:
            raise InvalidNameError(channel, "that channel is the alerts' own; choose another one to post to")
        if draft.kind in self._authority.bus.policy.protected:
            raise MalformedMessageError(f"the kind {draft.kind} is protected; send it as mail, with an approval")
        of_mail = [name for name in ("not_before", "short", "approval") if getattr(draft, name)]
        if of_mail:
            raise MalformedMessageError(f"{of_mail[0]} is for mail: a post is there at once, for all who follow")
        if len(mentions(draft.body)) > MOST_MENTIONS:
            raise MalformedMessageError(f"the body calls more than {MOST_MENTIONS} agents; say it once, in the channel")
        named = {"reply_to": draft.reply_to, "supersedes": draft.supersedes}
        wanted = {**draft.refs, **{name: value for name, value in named.items() if value is not None}}
        refs, parent = self._references.check(wanted, channel=channel)
        reply_to, supersedes = refs.pop("reply_to", None), refs.pop("supersedes", None)
        return replace(draft, refs=refs, reply_to=reply_to, supersedes=supersedes), parent

    def _posted(self, channel: str, draft: Draft, parent: Message | None) -> Receipt:
        message, data = self._composer.entry(draft, channel=channel, parent=parent)
        return self._appended(channel, message, data)

    def _posted_once(self, channel: str, draft: Draft, parent: Message | None, where: str) -> Receipt:
        log = self._channels.log(channel)
        record = PostedKey(id=self._composer.new_id(), channel=channel, after=log.tail())
        with suppress(KeyExistsError):
            self._store.create(where, record.to_json())  # 1
        raw = self._store.read(where, listed=True)
        if raw is None:
            raise StoreUnavailableError(where, "it exists and cannot be read yet")
        first = PostedKey.from_object(parse_object(raw))
        there = None if first == record else self._find(log, channel, first, draft.key)
        message, data = self._composer.entry(draft, channel=channel, parent=parent, message_id=first.id)
        if there is None:
            return self._appended(channel, message, data)
        number, message = there
        return self._told(channel, number, message, duplicate=True)

    def _find(self, log: Log, channel: str, record: PostedKey, key: str | None) -> tuple[int, Message] | None:
        """Look for a keyed post among what came after its record was made.

        The record may be planted or of another key; the key in the post is signed.
        """
        at = record.after
        while numbers := log.after(at, SEGMENT):
            for number in numbers:
                said = self._reader.said(log, number, Writers(self._me, channel))
                if said is not None and (said.id, said.key) == (record.id, key):
                    return number, said
            at = numbers[-1]
        return None

    def _appended(self, channel: str, message: Message, data: bytes) -> Receipt:
        self._rates.spend(f"channel {channel}", message.kind)
        for name in self._called(message)[0]:
            self._rates.spend(name, message.kind)
        log, writers = self._channels.log(channel), Writers(None, channel)
        number = log.append(data, lambda each: self._reader.genuine(log, each, writers))  # 2
        return self._told(channel, number, message, duplicate=False)

    def _told(self, channel: str, number: int, message: Message, *, duplicate: bool) -> Receipt:
        """Tell those whom the post calls, and note that it is the agent's own; write the receipt."""
        called, unknown = self._called(message)
        address = Address(channel, number)
        self._sender.copy([self._copy(message, address, name) for name in called], again=duplicate)
        follows: bool | None = None
        with suppress(StoreError):
            follows = self._channels.wrote(channel, number)  # 3
        return Receipt(
            id=message.id, to=channel, sent_at=message.created_at, duplicate=duplicate, number=number,
            mentioned=called, unknown=unknown, follows=follows, unread=self._unread(),
            parked=message.hops > self._authority.bus.policy.hop_limit and message.kind not in NEVER_MUTED,
        )  # fmt: skip

    def _called(self, message: Message) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return those whom a body calls and who are there, and the others, each with the name that was meant."""
        names = [name for name in mentions(message.body) if name != self._me]
        known = tuple(name for name in names if self._registry.knows(name))
        if len(known) == len(names):
            return known, ()
        everybody = self._registry.names()
        near = {name: nearest(name, everybody)[:1] for name in names if name not in known}
        return known, tuple(f"{name} (did you mean {found[0]}?)" if found else name for name, found in near.items())

    def _copy(self, post: Message, address: Address, name: str) -> Sealed:
        """Return the mail that tells somebody of a post; the same post makes the same mail."""
        first = post.subject or " ".join(post.body.split())
        cut = len(post.body.encode()) > _COPY_LIMIT
        draft = Draft(
            to=name,
            body=f"{post.body[:2000]}\n\n… the whole: {address}" if cut else post.body,
            kind="mention",
            subject=f"{address} {first}"[:200],
            data={"channel": address.channel, "number": address.number, "kind": post.kind},
            priority=post.priority,
            expires_in=None if post.expires_at is None else post.expires_at - post.created_at,
            refs={"post": str(address)},
        )
        return self._composer.seal(draft, post, message_id=derive_id(post.id, f"mention {name}"))
