"""What has changed on the bus since it was last looked at, as the resources that show it."""

from time import perf_counter
from typing import Final

from somabus.agent import Agent
from somabus.mcp.resources import CHANNELS, INBOX, uri_of

_SHARE: Final = 50.0
"""However many channels it follows, looking takes about one fiftieth of a watcher's time."""


class Watch:
    """Looks on behalf of one agent; one thread at a time."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._seen: dict[str, object] | None = None
        self._cost_s = 0.0

    def begin(self) -> None:
        """Look for the first time, so that all that comes from now on is a change.

        Raises:
            StoreUnavailableError: could not look.
        """
        self._seen = self._look()

    def changed(self, timeout: float) -> tuple[str, ...]:
        """Return the resources that have changed, as soon as some have, or none after `timeout` seconds.

        Raises:
            StoreUnavailableError: could not look.
        """
        before = self._seen if self._seen is not None else self._look()
        self._agent.wait(max(timeout, _SHARE * self._cost_s))
        self._seen = self._look()
        names = {*before, *self._seen}
        return tuple(sorted(name for name in names if before.get(name) != self._seen.get(name)))

    def _look(self) -> dict[str, object]:
        begun = perf_counter()
        posts = self._agent.unread_by_channel()
        each = {uri_of(name): count for name, count in posts.items()}
        mail = tuple(self._agent.inbox.waiting())
        self._cost_s = perf_counter() - begun
        return {INBOX: mail, CHANNELS: tuple(posts.items()), **each}
