"""What a reader of channels is given: a post, a reading of several, a channel as it stands."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from somabus.model.address import Address
from somabus.model.cursor import Position
from somabus.model.message import Message
from somabus.opener import Opened


@dataclass(frozen=True, slots=True)
class Post:
    """One post as a reader sees it. `fault` says why it may not be acted on, is missing, or could not be read."""

    channel: str
    number: int
    opened: Opened | None
    fault: str = ""

    @property
    def address(self) -> str:
        """How it is referred to: `arc:wiki#17`."""
        return str(Address(self.channel, self.number))

    @property
    def message(self) -> Message:
        """The message; only a post without a fault is sure to have one."""
        assert self.opened is not None  # noqa: S101 - see above
        return self.opened.message

    @property
    def sender(self) -> str:
        """The sender as people read it: `scout #1a2b3c4d`, from the key, never from the body."""
        return self.opened.sender if self.opened else "?"


@dataclass(frozen=True, slots=True)
class Reading:
    """What one look at channels has found, in the order of channel and number.

    `posts` may be acted on; `faults` are numbers that are missing, cannot be read or are not from whom they say.
    `unread_count` is global, over mail and every subscribed channel, whatever this look was at; None if nobody could
    count. `notes` say who owes something here and has not beaten for too long, and who works as a pair.
    """

    posts: tuple[Post, ...] = ()
    faults: tuple[Post, ...] = ()
    unread_count: int | None = None
    notes: tuple[str, ...] = ()
    positions: dict[str, Position] = field(default_factory=dict, repr=False)

    def __iter__(self) -> Iterator[Post]:
        return iter(self.posts)

    def __len__(self) -> int:
        return len(self.posts)


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel as it stands now. `unread` is None for one that this agent does not follow."""

    name: str
    posts: int
    subscribed: bool
    unread: int | None
    last: Post | None

    @property
    def last_at(self) -> datetime | None:
        """When the last post was written, as its writer had the drive's time."""
        return None if self.last is None or self.last.opened is None else self.last.opened.message.created_at
