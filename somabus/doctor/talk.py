"""Two machines talk over the drive that they examine: numbered words, each a file that is written once.

Each word is written under two names. One of them is looked for by listing alone and the other by opening alone: on
NFS a name that was asked for too early stays unseen for half a minute, on sshfs it is the listing that is that late,
and whichever eye is quicker wins. Every wait has a deadline.
"""

import contextlib
import os
import threading
from pathlib import Path
from typing import Any, Final

from somabus.clock import Clock
from somabus.doctor.place import Tell, get, put
from somabus.errors import MessageError, NoAnswerError
from somabus.model import wire
from somabus.model.wire import parse_object
from somabus.store.directory.trouble import translate

_LISTED: Final = "listed"
_OPENED: Final = "opened"
_SHORTEST_S: Final = 0.004
_LONGEST_S: Final = 0.1


class Talk:
    """One side of a conversation in one folder.

    Args:
        folder: of this conversation alone.
        me: a word for this side.
        other: a word for the other side.
        clock: measures the waiting.
        wait_s: how long the other one may take for a word.
        tell: told while we wait.
    """

    def __init__(self, folder: Path, me: str, other: str, clock: Clock, wait_s: float, tell: Tell) -> None:
        self.folder = folder
        self._me = me
        self._other = other
        self._clock = clock
        self._wait_s = wait_s
        self._tell = tell
        self._said = 0
        self._heard = 0

    def say(self, **facts: Any) -> None:
        """Say the next word."""
        data = wire.dump(facts)
        for eye in (_OPENED, _LISTED):
            path = self.folder / f"{self._me}.{self._said}.{eye}"
            try:
                put(path, data)
            except OSError as error:
                raise translate(error, path.name) from error
        self._said += 1

    def hear(self, what: str, wait_s: float | None = None) -> dict[str, Any]:
        """Return the other side's next word.

        Raises:
            NoAnswerError: it did not come in time.
        """
        begun, wait_s = self._clock.monotonic(), wait_s or self._wait_s
        pause, pause_s = threading.Event(), _SHORTEST_S
        while (passed := self._clock.monotonic() - begun) < wait_s:
            word = self._look()
            if word is not None:
                self._heard += 1
                return word
            self._tell(what, passed, wait_s)
            pause.wait(pause_s)
            pause_s = min(pause_s * 1.1, _LONGEST_S)
        raise NoAnswerError(self.folder.name, f"waited {wait_s:.0f} s for: {what}")

    def _look(self) -> dict[str, Any] | None:
        name = f"{self._other}.{self._heard}"
        with contextlib.suppress(OSError, MessageError):
            return parse_object(get(self.folder / f"{name}.{_OPENED}"))
        with contextlib.suppress(OSError, MessageError):
            if f"{name}.{_LISTED}" in os.listdir(self.folder):
                return parse_object(get(self.folder / f"{name}.{_LISTED}"))
        return None
