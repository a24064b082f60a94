"""Channels: numbered logs that many write and many read, each reader with a cursor of its own.

A post is never taken: reading it moves the reader's cursor and nobody else's, and looking moves nothing. What is
unread is the difference of two numbers, found by listing; no post is opened to count it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from somabus.alerts import CHANNEL as ALERTS
from somabus.cursors import CursorBook
from somabus.errors import ReferenceNotFoundError
from somabus.incidents import Tell
from somabus.log import Log
from somabus.model import tree
from somabus.model.archive import SEGMENT
from somabus.model.cursor import Position
from somabus.model.names import channel_folder, channel_of
from somabus.model.trust import Trust
from somabus.reader import Ahead, Entry, Reader, Writers
from somabus.store.port import Store

if TYPE_CHECKING:
    from somabus.model.address import Address
    from somabus.post import Channel, Post, Reading

_OWN: Final = frozenset([ALERTS])
"""Channels with a protocol of their own: the routine writes there, and anybody may read."""


class Channels:
    """Reads on behalf of one agent.

    Args:
        store: the bus.
        me: the agent's name.
        reader: judges entries.
        cursors: how far the agent has read.
        notes: what to say of those who owe something in a channel.
        tell: told of forged posts.
    """

    def __init__(
        self,
        store: Store,
        me: str,
        *,
        reader: Reader,
        cursors: CursorBook,
        notes: Callable[[str], tuple[str, ...]],
        tell: Tell,
    ) -> None:
        self._store = store
        self._me = me
        self._reader = reader
        self._cursors = cursors
        self._notes = notes
        self._tell = tell
        self._logs: dict[str, Log] = {}

    # -- what there is ----------------------------------------------------------------------------------------

    def log(self, channel: str) -> Log:
        """Return the log of a channel; one a channel, for it remembers where it ends.

        Raises:
            InvalidNameError: a part of the channel's name breaks the rule for names.
        """
        if channel not in self._logs:
            self._logs[channel] = Log(self._store, tree.channel(channel))
        return self._logs[channel]

    def names(self) -> list[str]:
        """Return the channels that somebody has posted to, sorted; that of the alerts is the routine's own."""
        found = (channel_of(folder) for folder in self._store.list(tree.CHANNELS))
        return sorted(name for name in found if name is not None and name not in _OWN)

    def all(self) -> "tuple[Channel, ...]":
        """Return every channel that there is or that this agent follows."""
        self._cursors.load()
        own = {name for name in _OWN if self._last(name)}
        return tuple(self._channel(name) for name in sorted({*self.names(), *own, *self._cursors.subscribed}))

    def post(self, address: "Address") -> "Post":
        """Return one post.

        Raises:
            ReferenceNotFoundError: none stands there.
        """
        log = self.log(address.channel)
        if address.number not in log.after(address.number - 1, 1):
            raise ReferenceNotFoundError("post", str(address))
        return self._post(address.channel, self._reader.entry(log, address.number, Writers(None, address.channel)))

    # -- following --------------------------------------------------------------------------------------------

    @property
    def subscribed(self) -> tuple[str, ...]:
        """The channels that this agent follows."""
        self._cursors.load()
        return self._cursors.subscribed

    def subscribe(self, channel: str, *, history: bool) -> bool:
        """Follow a channel, which need not be there yet; False if it was followed before."""
        channel_folder(channel)
        self._cursors.load()
        if not self._cursors.subscribe(channel, follow=True):
            return False
        if not history:
            self._cursors.move(self._place(channel), Position(at=self._last(channel)))
        for number in self._written(channel) if history else ():
            self._cursors.wrote(self._place(channel), number)
        self._cursors.save()
        return True

    def unsubscribe(self, channel: str) -> bool:
        """Follow a channel no more; False if it was not followed. Where the agent had read to stays known."""
        channel_folder(channel)
        self._cursors.load()
        changed = self._cursors.subscribe(channel, follow=False)
        self._cursors.save()
        return changed

    def unread(self) -> int:
        """Count what is unread in all channels that this agent follows, without opening a post."""
        return sum(self.unread_by_channel().values())

    def unread_by_channel(self) -> dict[str, int]:
        """Count the same for each of them."""
        return {channel: self._waiting(channel) for channel in self.subscribed}

    def places(self) -> tuple[str, ...]:
        """Return the folders into which the next post of a followed channel comes."""
        return tuple(place for channel in self.subscribed for place in self.log(channel).places())

    def ahead(self, channel: str, after: int) -> list[int]:
        """Return the numbers that are unread in a channel and stand past a number, a thousand at most."""
        log, position = self.log(channel), self._position(channel)
        start = max(position.at, after)
        count = min(SEGMENT, log.waiting(start, self._genuine(channel)))
        return [number for number in log.after(start, count) if number not in position.mine] if count else []

    def wrote(self, channel: str, number: int) -> bool:
        """Take note of a post of this agent's own, which is not unread to it; tell whether it follows the channel."""
        self._cursors.load()
        follows = channel in self._cursors.subscribed
        if follows:
            self._cursors.wrote(self._place(channel), number)
            self._cursors.save()
        return follows

    # -- reading ----------------------------------------------------------------------------------------------

    def peek(self, channels: tuple[str, ...] | None, limit: int, after: int | None = None) -> "Reading":
        """Look, and move no cursor.

        Args:
            channels: where; all that this agent follows if None.
            limit: at most so many posts, shared fairly among the channels that have some.
            after: look past this number instead of past the cursor; such a reading marks nothing as read.
        """
        from somabus.post import Reading

        self._cursors.load()
        names = self._cursors.subscribed if channels is None else tuple(dict.fromkeys(channels))
        for name in names:
            self._check(name)
        starts = {name: self._start(name, after) for name in names}
        positions: dict[str, Position] = {}
        left = sorted(names, key=lambda name: self.log(name).waiting(starts[name].at))  # the short ones leave more over
        posts: list[Post] = []
        for rank, name in enumerate(left):
            share = max(1, (limit - len(posts)) // (len(left) - rank))
            ahead, found = self._look(name, starts[name], share) if len(posts) < limit else (None, [])
            # Who looks behind a number wants all that stands there; what is new to a reader is what others wrote.
            everything = (
                after is not None or name in _OWN
            )  # an alert is nobody's post: it is news to its raiser's human
            posts += [each for each in found if everything or each.fault or each.message.sender != self._me]
            if ahead is not None and after is None:
                positions[name] = ahead.position
        posts.sort(key=lambda each: (each.channel, each.number))
        seen = {each.channel for each in posts}
        return Reading(
            posts=tuple(each for each in posts if not each.fault),
            faults=tuple(each for each in posts if each.fault),
            notes=tuple(note for name in names if name in seen or channels is not None for note in self._notes(name)),
            positions=positions,
        )

    def mark(self, reading: "Reading") -> None:
        """Move this agent's cursors behind what a look has found. They never go back."""
        self._cursors.load()
        for name, position in reading.positions.items():
            self._cursors.move(self._place(name), position)
        self._cursors.save()
        for each in reading.faults:
            if each.opened is not None and each.opened.trust is Trust.FORGED:
                self._tell(
                    tree.channel(each.channel), f"{each.number}: {each.fault}", f"post {each.address}: {each.fault}"
                )

    # -- steps ------------------------------------------------------------------------------------------------

    def _check(self, channel: str) -> None:
        """Refuse a channel that nobody has posted to and that this agent does not follow: it is a typo."""
        folder, known = channel_folder(channel), channel in _OWN or channel in self._cursors.subscribed
        if not known and folder not in self._store.list(tree.CHANNELS):
            raise ReferenceNotFoundError("channel", channel)

    def _place(self, channel: str) -> str:
        """Return the name of a channel's cursor; the one of a log of alerts is the routine's, which must miss none."""
        path = self.log(channel).path
        return f"{path}/read" if channel in _OWN else path

    def _position(self, channel: str) -> Position:
        return self._cursors.position(self._place(channel))

    def _start(self, channel: str, after: int | None) -> Position:
        return self._position(channel) if after is None else Position(at=max(0, after))

    def _waiting(self, channel: str) -> int:
        log, position = self.log(channel), self._position(channel)
        waiting = log.waiting(position.at, self._genuine(channel))
        return waiting - sum(number <= position.at + waiting for number in position.mine)

    def _written(self, channel: str) -> list[int]:
        """Return what this agent posted before it followed a channel: that is nothing unread."""
        log, writers = self.log(channel), Writers(None, channel)
        past = () if channel in _OWN else log.after(self._position(channel).at, SEGMENT)
        said = ((number, self._reader.said(log, number, writers)) for number in past)
        return [number for number, each in said if each is not None and each.sender == self._me]

    def _look(self, channel: str, start: Position, limit: int) -> "tuple[Ahead, list[Post]]":
        """Read past a position. What this agent wrote itself is passed over, unless it is looked at on purpose."""
        log, writers = self.log(channel), Writers(None, channel)
        seen, ahead = start.hole, self._reader.ahead(log, start, limit + len(start.mine), writers)
        if ahead.position.hole is not None and (seen is None or seen.number != ahead.position.hole.number):
            # Race: a listing made while others post may show a number and not the one before it; the next one shows it.
            seen, ahead = ahead.position.hole, self._reader.ahead(log, start, limit + len(start.mine), writers)
        numbers = [number for number in ahead.numbers if number not in start.mine]
        if len(numbers) > limit:
            ahead = ahead._replace(position=Position(at=numbers[limit] - 1))
        entries = [*ahead.lost, *(self._reader.entry(log, number, writers) for number in numbers[:limit])]
        hole = ahead.position.hole
        told = {entry.number for entry in ahead.lost}
        if hole is not None and seen is not None and hole.number == seen.number and hole.number not in told:
            behind = f"it is missing, and waited for; look at what stands behind it with after={hole.number}"
            entries.append(Entry(log.path, hole.number, None, behind))
        return ahead, [self._post(channel, entry) for entry in entries]

    def _post(self, channel: str, entry: Entry) -> "Post":
        from somabus.post import Post

        return Post(channel, entry.number, entry.opened, entry.fault)

    def _channel(self, name: str) -> "Channel":
        from somabus.post import Channel

        log, follows = self.log(name), name in self._cursors.subscribed
        number = self._last(name)
        last = self._post(name, self._reader.entry(log, number, Writers(None, name))) if number else None
        return Channel(name, number, follows, self._waiting(name) if follows else None, last)

    def _last(self, channel: str) -> int:
        return self.log(channel).last(self._genuine(channel))

    def _genuine(self, channel: str) -> Callable[[int], bool]:
        log, writers = self.log(channel), Writers(None, channel)
        return lambda number: self._reader.genuine(log, number, writers)
