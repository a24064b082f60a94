"""Announcing: what is unread is told to a session of a coding agent once, and not again.

A session is whatever has a memory of its own: a chat with a model, a terminal. What it was told is kept at home, so
every process that speaks for the session knows of it. Telling marks nothing as read.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import Field

from somabus.channel import Channels
from somabus.errors import (
    DocumentTooLargeError,
    InvalidNameError,
    MessageError,
    ReferenceNotFoundError,
    StoreDamagedError,
    StoreUnavailableError,
)
from somabus.inbox import Inbox
from somabus.letter import Letter
from somabus.model.address import Address, parse_address
from somabus.model.message import Id, Value
from somabus.model.wire import parse_object
from somabus.post import Post
from somabus.store.port import Store
from somabus.unread import Unread

_SAMPLES: Final = 5
_MOST: Final = 10_000


class Told(Value):
    """What one session was told: mail by its ids, posts by the last number of each channel."""

    format: Literal[1] = 1
    mail: tuple[Id, ...] = Field(default=(), max_length=_MOST)
    posts: dict[str, int] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class News:
    """What a session has not been told yet, and how much is unread in all.

    `letters` and `latest` are samples: the first mails in the order of service, the last new post of each channel.
    `looked` is false if another process of the session was looking just then: what is new is told there, if at all.
    """

    unread: int
    mail: int = 0
    posts: int = 0
    letters: tuple[Letter, ...] = ()
    latest: tuple[Post, ...] = ()
    looked: bool = True

    def __bool__(self) -> bool:
        return bool(self.mail or self.posts)


class Announcer:
    """Announces on behalf of one agent."""

    def __init__(self, home: Store, inbox: Inbox, channels: Channels, unread: Unread) -> None:
        self._home = home
        self._inbox = inbox
        self._channels = channels
        self._unread = unread

    def news(self, session: str) -> News:
        """Return what is unread and new to a session, and remember that it was told.

        Of two processes that ask at the same time one is told.

        Raises:
            StoreUnavailableError: could not look. Nothing was told.
        """
        with self._home.lock(f"session.{_digest(session)}") as mine:
            told = self._told(session)
            waiting = self._inbox.waiting()
            known = set(told.mail)
            mail = [each for each in waiting if each not in known]
            counts = self._channels.unread_by_channel()
            posts = {name: new for name, count in counts.items() if count and (new := self._new(name, told))}
            unread = len(waiting) + sum(counts.values())
            if not mine or not (mail or posts):
                return News(unread, looked=mine)
            letters = tuple(each for each in map(self._inbox.find, mail[:_SAMPLES]) if each is not None)
            copied = {said for each in letters if (said := self._copied(each))}
            fresh = {name: [n for n in each if str(Address(name, n)) not in copied] for name, each in posts.items()}
            latest = tuple(self._latest({name: each for name, each in fresh.items() if each}))
            heard = {name: max(numbers) for name, numbers in posts.items()}
            self._remember(session, told, mail=tuple(waiting[-_MOST:]), posts={**told.posts, **heard})
            return News(unread, len(mail), sum(map(len, fresh.values())), letters, latest)

    def wait(self, session: str, timeout: float, waiter: str, over: Callable[[], bool]) -> News | None:
        """Return as soon as there is news, or None after `timeout` seconds, or when a newer waiter has come.

        A drive that goes away is waited for, too.

        Args:
            session: for whom.
            timeout: in seconds.
            waiter: a name that no other process has.
            over: tells whether nobody is there any more to be told.
        """
        self._home.replace(_waiter(session), waiter.encode())
        found: list[News] = []

        def ended() -> bool:
            if over() or self._home.read(_waiter(session)) != waiter.encode():
                return True  # a newer process waits for this session, or the session has ended
            with suppress(StoreUnavailableError):
                found[:] = [news] if (news := self.news(session)) else []
            return bool(found)

        self._unread.until(ended, timeout)
        return found[0] if found else None

    def forget(self, session: str) -> None:
        """Forget what a session was told: it has ended, or its memory was cleared."""
        self._home.delete(_key(session))
        self._home.delete(_waiter(session))

    # -- steps ------------------------------------------------------------------------------------------------

    def _new(self, channel: str, told: Told) -> list[int]:
        return self._channels.ahead(channel, told.posts.get(channel, 0))

    def _copied(self, letter: Letter) -> str:
        """Return the address of the post that a mention calls to; a mail that only names somebody's post hides none."""
        opened = letter.opened
        if opened is None or letter.fault or opened.message.kind != "mention":
            return ""
        address = parse_address(opened.message.refs.get("post") or "")
        if address is None:
            return ""
        with suppress(ReferenceNotFoundError, InvalidNameError):
            post = self._channels.post(address)
            return str(address) if not post.fault and post.sender == opened.sender else ""
        return ""

    def _latest(self, fresh: dict[str, list[int]]) -> Iterator[Post]:
        for name, numbers in list(fresh.items())[:_SAMPLES]:
            with suppress(ReferenceNotFoundError):
                yield self._channels.post(Address(name, numbers[-1]))

    def _told(self, session: str) -> Told:
        try:
            raw = self._home.read(_key(session))
            return Told() if raw is None else Told.from_object(parse_object(raw))
        except (MessageError, StoreDamagedError, DocumentTooLargeError):
            return Told()  # told twice rather than never

    def _remember(self, session: str, told: Told, **change: object) -> None:
        self._home.replace(_key(session), told.model_copy(update=change).to_json())


def _digest(session: str) -> str:
    return hashlib.sha256(str(session).encode(errors="replace")).hexdigest()[:32]


def _key(session: str) -> str:
    return f"sessions/{_digest(session)}.json"


def _waiter(session: str) -> str:
    return f"sessions/{_digest(session)}.waiter"
