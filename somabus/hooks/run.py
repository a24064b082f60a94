"""One call of a hook: an event comes in, and a reply goes out. Whatever goes wrong, the host's session goes on.

event ─► glance ─► Agent.announce ─► digest ─► Host.reply
                      └─ wrong in any way ─► one line in hooks.log, silence, exit 0
"""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Final

from somabus.agent import Agent
from somabus.announcer import News
from somabus.errors import StoreUnavailableError
from somabus.hooks import glance
from somabus.hooks.digest import digest
from somabus.hooks.hosts import WAIT_FOR_S, Host, Moment, Reply
from somabus.machine import parent_gone
from somabus.model.bus import BUS_FILE
from somabus.model.text import clean

_CLEARED: Final = ("clear", "compact")
_LOG_BYTES: Final = 256 * 1024
_log: Final = logging.getLogger("somabus.hooks")


class Call:
    """One call.

    Args:
        host: which coding agent called.
        order: the command line behind `somabus hook`, under which the glance is remembered.
        raw: what stood on standard input.
        waits: this is the process that waits in the background.
        agent: makes the agent; may fail.
        bus: names the folder of the bus.
        glances: the folder of the glances.
    """

    def __init__(
        self,
        host: Host,
        order: list[str],
        raw: bytes,
        *,
        waits: bool,
        agent: Callable[[], Agent],
        bus: Callable[[], str],
        glances: str,
    ) -> None:
        self._host = host
        self._order = order
        self._raw = raw
        self._waits = waits
        self._agent = agent
        self._bus = bus
        self._glances = glances

    def reply(self) -> Reply:
        """Return what to tell the host; nothing, if nothing is new or something is wrong."""
        try:
            event = json.loads(self._raw)
            moment = self._host.moment(event)
            if moment is None:
                return Reply()
            return self._reply(event, Moment.WAIT if self._waits else moment)
        except Exception as error:  # noqa: BLE001 - never break the host's session, whatever it is
            complain(error)
            return Reply()

    def _reply(self, event: dict[str, Any], moment: Moment) -> Reply:
        agent, session = self._agent(), str(event[self._host.session])
        if moment is Moment.END or (moment is Moment.START and event.get("source") in _CLEARED):
            agent.forget_session(session)
            glance.forget(self._glances, self._order, self._raw)
        if moment is Moment.END or not self._may_tell(moment, event):
            return Reply()
        news = self._news(agent, session, moment)
        return self._host.reply(moment, event, digest(agent.name, news, agent.inbox.now())) if news else Reply()

    def _may_tell(self, moment: Moment, event: dict[str, Any]) -> bool:
        """Tell whether this host would pass a text on now: what is told to nobody must not count as told."""
        return bool(self._host.reply(moment, event, "x") != Reply())

    def _news(self, agent: Agent, session: str, moment: Moment) -> News | None:
        if moment is Moment.WAIT:
            return agent.wait_news(session, WAIT_FOR_S, over=parent_gone())
        try:
            return self._look(agent, session)
        except StoreUnavailableError:
            gone = glance.moved_at([f"{self._bus()}/{BUS_FILE}"])
            if not any(gone.values()):  # not every use of a tool has to wait until that is certain
                self._remember(gone)
            raise

    def _look(self, agent: Agent, session: str) -> News:
        before = glance.moved_at(agent.folders())
        news = agent.announce(session)
        if not news and news.looked:
            self._remember(before)
        return news

    def _remember(self, folders: dict[str, int]) -> None:
        with suppress(OSError):
            glance.remember(self._glances, self._order, self._raw, folders)


@contextmanager
def log_to(folder: Path) -> Iterator[None]:
    """Let what goes wrong meanwhile be a line in `hooks.log` of a folder, half a megabyte at most; never on stderr."""
    log, handler = logging.getLogger("somabus"), _handler(folder)
    before = log.handlers, log.propagate
    log.handlers, log.propagate = [handler], False
    try:
        yield
    finally:
        log.handlers, log.propagate = before
        with suppress(OSError):
            handler.close()


def complain(error: Exception) -> None:
    """Log what went wrong, in one line."""
    _log.warning("%s", " ".join(clean(f"{type(error).__name__}: {error}").split()))


def _handler(folder: Path) -> logging.Handler:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handler = _Lines(folder / "hooks.log", maxBytes=_LOG_BYTES, backupCount=1, encoding="utf-8")
    except OSError:
        return logging.NullHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    return handler


class _Lines(RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name that logging gave it
        """Keep silent: where no line can be written, none can be told of either."""
