"""What an agent has not read: one number over its mail and every channel that it follows, never narrowed by a filter.

Counting lists names and opens nothing but the agent's own cursors; it does not grow with what was read before.
"""

from collections.abc import Callable
from typing import Final

from somabus.channel import Channels
from somabus.inbox import Inbox
from somabus.store.port import Store

_GLANCE_S: Final = 1.0
_SHARE: Final = 50.0
"""While it waits, an agent counts for about one fiftieth of its time, however many channels it follows."""


class Unread:
    """Counts on behalf of one agent."""

    def __init__(self, store: Store, me: str, inbox: Inbox, channels: Channels, monotonic: Callable[[], float]) -> None:
        self._store = store
        self._place = f"messages/{me}/inbox"
        self._inbox = inbox
        self._channels = channels
        self._monotonic = monotonic

    def count(self) -> int:
        """Count now.

        Raises:
            StoreUnavailableError: could not look. This is not zero.
        """
        return self._inbox.unread() + self._channels.unread()

    def wait(self, timeout: float, above: int | None = None) -> int | None:
        """Return the count as soon as it has grown, or None after `timeout` seconds.

        Mail wakes at once where the drive gives events; a post is seen at the next count, a second later or so.

        Args:
            timeout: in seconds.
            above: what is known already; the count at the call if None.
        """
        known = [self.count() if above is None else above]
        grown: list[int] = []

        def over() -> bool:
            now = self.count()
            grown[:] = [now] if now > known[0] else []
            known[0] = min(known[0], now)  # somebody reads meanwhile: what comes then is growth again
            return bool(grown)

        self.until(over, timeout)
        return grown[0] if grown else None

    def until(self, over: Callable[[], bool], timeout: float) -> None:
        """Look whether it is over whenever something may have come, for `timeout` seconds at most."""
        end = self._monotonic() + timeout
        while True:
            begun = self._monotonic()
            if over():
                return
            now = self._monotonic()
            if now >= end:
                return
            self._store.wait(self._place, min(end - now, max(_GLANCE_S, _SHARE * (now - begun))))
