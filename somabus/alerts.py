"""Alerts: one log for all (`channels/alerts`), one entry an episode, whoever sees it first.

Before it appends, an agent reads to the end of the log; it then appends under exactly the next number. If somebody
was faster, that entry is read too, and perhaps says the same.
"""

import hashlib
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Final

from somabus.cursors import CursorBook
from somabus.incidents import Tell
from somabus.log import Log
from somabus.model import tree
from somabus.model.message import Message, Priority
from somabus.model.trust import Trust
from somabus.opener import Opened
from somabus.reader import Entry, Reader, Writers
from somabus.store.port import Store

if TYPE_CHECKING:
    from somabus.model.draft import Draft

CHANNEL: Final = "alerts"
_TRIES: Final = 20
_AT_ONCE: Final = 10_000
_EPISODES: Final = 500
_BETWEEN: Final = " | "


class Alerts:
    """Raises and reads alerts on behalf of one agent. While `reading`, raise none: it would be read on the way."""

    def __init__(
        self,
        store: Store,
        reader: Reader,
        cursors: CursorBook,
        compose: "Callable[[Draft], tuple[Message, bytes]]",
        tell: Tell,
    ) -> None:
        self._log = Log(store, tree.ALERTS)
        self._reader = reader
        self._cursors = cursors
        self._compose = compose
        self._tell = tell
        self._fresh: list[Opened] = []
        self.reading = False

    def raise_once(self, component: str, episode: str, severity: str, detail: str) -> bool:
        """Raise an alert, unless somebody has raised it for this episode; tell whether it was raised now."""
        from somabus.model.draft import Draft

        draft = Draft(
            to="",
            kind="alert",
            priority=Priority.HIGH,
            subject=f"{component}: {detail}"[:200],
            data={"component": component, "severity": severity, "detail": detail, "episode": episode},
        )
        for _ in range(_TRIES):
            self._catch_up()
            if self._cursors.alerted.get(_name(component, episode, detail)) == severity:
                return False
            data = self._compose(draft)[1]
            if self._log.append_at(self._cursors.position(tree.ALERTS).at + 1, data):
                return True
        # An entry exists that this machine cannot see yet. Better twice than not at all.
        self._log.append(self._compose(draft)[1])
        return True

    def fresh(self) -> tuple[Opened, ...]:
        """Return the alerts that this agent has not been shown yet."""
        self._catch_up()
        fresh, self._fresh = tuple(self._fresh), []
        return fresh

    def end_episodes(self, components: Collection[str], kind: str) -> None:
        """Forget the episodes of these components that begin like this: the next one is another."""
        for name in list(self._cursors.alerted):
            component, _, episode = name.partition(_BETWEEN)
            if component in components and episode.startswith(kind):
                del self._cursors.alerted[name]

    def _catch_up(self) -> None:
        self.reading = True
        try:
            for entry in self._reader.follow(self._log, self._cursors, _AT_ONCE, Writers(None, CHANNEL)):
                self._learn(entry)
        finally:
            self.reading = False

    def _learn(self, entry: Entry) -> None:
        # Forgeries alone: an agent whose own alerts are not believed would tell of each with the next.
        if entry.opened is not None and entry.opened.trust is Trust.FORGED:
            self._tell(tree.ALERTS, f"{entry.number}: {entry.fault}", f"entry {entry.number}: {entry.fault}")
        if entry.opened is None or entry.fault or entry.opened.message.kind != "alert":
            return
        data = entry.opened.message.data
        known = self._cursors.alerted
        known[_name(data["component"], str(data.get("episode"))[:200], data["detail"])] = data["severity"]
        while len(known) > _EPISODES:
            del known[next(iter(known))]
        self._fresh.append(entry.opened)


def _name(component: str, episode: str, detail: str) -> str:
    """What makes an alert the same: also what it says, or whoever is first could say something harmless of it."""
    return _BETWEEN.join([component, episode, hashlib.sha256(detail.encode(errors="replace")).hexdigest()[:8]])
