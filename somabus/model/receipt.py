"""What a sender gets: the receipt, and where the message is now."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that the message is on the drive, or, if `spooled`, on this machine's own disk.

    `duplicate`: a message with this key had been sent before and was not sent again; `id` is that one's.
    `silent_since`: the recipient's last sign of life, if it is silent by its own cadence.
    `superseded`: whether the message it `supersedes` was withdrawn in time.
    `unread`: how much waits for the sender itself, posts included.

    Of a post, `to` is the channel and `number` its place there; `mentioned`: who also got it as mail; `unknown`: names
    called with `@` that nobody has, each with the nearest; `follows`: whether the sender reads the channel itself;
    `parked`: its chain is too long, readers leave it to a human.
    """

    id: str
    to: str
    sent_at: datetime
    duplicate: bool = False
    spooled: bool = False
    silent_since: datetime | None = None
    not_before: datetime | None = None
    supersedes: str | None = None
    superseded: bool | None = None
    unread: int | None = None
    number: int | None = None
    mentioned: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    follows: bool | None = None
    parked: bool = False

    @property
    def address(self) -> str | None:
        """How a post is referred to, `arc:wiki#17`; None for mail."""
        return None if self.number is None else f"{self.to}#{self.number}"

    def __str__(self) -> str:
        if self.number is not None:
            return self._posted()
        if self.spooled:
            said = f"{self.id} for {self.to} waits on this machine until the drive is back"
        elif self.duplicate:
            said = f"{self.id} had been sent to {self.to} before; nothing was sent twice"
        else:
            said = f"{self.id} lies in the inbox of {self.to}"
        if self.not_before is not None:
            said = f"{self.id} waits for {self.to} until {self.not_before:%Y-%m-%d %H:%M:%S} UTC"
        if self.superseded is False:
            said += f"; {self.supersedes}, which it supersedes, had been taken already"
        if self.silent_since is not None:
            said += f"; {self.to} has been silent since {self.silent_since:%Y-%m-%d %H:%M} UTC"
        return said

    def _posted(self) -> str:
        said = (
            f"{self.address} had been posted before; nothing was posted twice"
            if self.duplicate
            else f"posted as {self.address}"
        )
        said += ", the first post of this channel" if self.number == 1 and not self.duplicate else ""
        said += f"; mentioned {', '.join(self.mentioned)}" if self.mentioned else ""
        said += "".join(f"; nobody is named {each}" for each in self.unknown)
        said += (
            "; you do not follow this channel, so you will not see what is answered there"
            if self.follows is False
            else ""
        )
        return said + ("; parked for a human: its chain of hops is too long" if self.parked else "")


class Whereabouts(StrEnum):
    """Where a message can be."""

    SPOOLED = "spooled"
    WAITING = "waiting"
    DELAYED = "delayed"
    CLAIMED = "claimed"
    DONE = "done"
    DEAD = "dead"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Trace:
    """Where one message is, as the drive shows it now.

    `at` says since when or until when, in the words of `detail`. A message that is done tells its `day`, not its
    minute: the name that proves it was handled follows from its id alone, and has no room for more.
    """

    id: str
    to: str
    state: Whereabouts
    at: datetime | None = None
    day: str | None = None
    by: str | None = None
    attempt: int | None = None
    detail: str = ""

    def __str__(self) -> str:
        when = f" {self.at:%Y-%m-%d %H:%M:%S} UTC" if self.at else f" on {self.day}" if self.day else ""
        who = f" by {self.by}" if self.by else ""
        rest = f": {self.detail}" if self.detail else ""
        return f"{self.id} to {self.to}: {self.state}{when}{who}{rest}"
