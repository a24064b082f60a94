"""The link to a server: one line at a time, for callers in any thread who wait for their answers."""

import itertools
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from somabus.store.nats.line import Line, Listeners
from somabus.store.nats.talk import Answer, Question, Refused

_AT_ONCE: Final = 500  # a server drops API requests beyond ten thousand in flight
_BYTES_AT_ONCE: Final = 1_000_000
_LONGEST_S: Final = 90.0
"""The line itself gives up before; see there."""


class Link:
    """Asks questions over a connection that is made at the first one; a child of a fork makes its own.

    Args:
        servers: their addresses.
        options: who we are, as nats-py's `connect` takes it: user, password, token, nkey, credentials, tls.
        bus: the address of what is asked for there, for errors; without a password.
        who: as whom we come, for errors.
    """

    def __init__(
        self, servers: Iterable[str], options: Mapping[str, Any] | None = None, bus: str = "", who: str = ""
    ) -> None:
        self._servers = list(servers)
        self._who = who
        self.bus = bus
        self._options = dict(options or {})
        self._listeners: Listeners = {}
        self._numbers = itertools.count()
        self._own()

    def _own(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._line: Line | None = None
        self._ending: Callable[[], object] = lambda: None

    @property
    def where(self) -> str:
        """The servers, for errors; never a password."""
        return ", ".join(server.rpartition("@")[2] for server in self._servers)

    def server(self) -> tuple[str, int, bool]:
        """Return the server's version, how large a message it takes, and whether nobody on the way can read along.

        Raises:
            StoreUnavailableError: the server is away.
        """
        line = self.begin()
        return line.run(line.server())

    def ask(self, question: Question) -> Answer:
        """Return the server's answer.

        Raises:
            Refused: it said no.
            StoreUnavailableError: no answer came; what was asked may be done or not.
            StoreRefusedError: it does not let us do that.
        """
        (answer,) = self.ask_all([question])
        if isinstance(answer, Refused):
            raise answer
        return answer

    def ask_all(self, questions: Iterable[Question]) -> list[Answer | Refused]:
        """Return the answers to many questions, asked in this order, many at once.

        Raises:
            StoreUnavailableError, StoreRefusedError: see `ask`; each may be done or not.
        """
        answers: list[Answer | Refused] = []
        for several in _portions(questions):
            line = self.begin()
            answers += line.run(line.ask_all(several), _LONGEST_S)
        return answers

    def ask_everybody(self, question: Question, within_s: float) -> list[Answer | Refused]:
        """Return all answers that come within a time: where servers are joined, more than one may think itself asked.

        Raises:
            StoreUnavailableError: the server is away.
        """
        line = self.begin()
        return line.run(line.ask_everybody(question, within_s))

    def listen(self, subject: str, heard: Callable[[], None]) -> None:
        """Call `heard`, from another thread, whenever something is published or may have been missed, until closed.

        Raises:
            StoreUnavailableError: the server is away; nobody listens.
        """
        line = self.begin()
        line.run(line.listen(subject, heard))
        self._listeners[next(self._numbers)] = subject, heard

    def begin(self) -> Line:
        """Return the line; a new one that begins to connect where there is none, or where it has ended."""
        if self._pid != os.getpid():
            self._inherited = self._line  # the parent's, alive there: to collect it here would disturb it
            self._own()
        with self._lock:
            if self._line is None or self._line.over:
                self._ending()
                self._line = Line(self._servers, self._options, self._listeners, self.bus or self.where, self._who)
                self._ending = weakref.finalize(self, self._line.end)
            return self._line

    def close(self) -> None:
        """End the connection; the next question makes another one. Nobody listens any more."""
        self._listeners.clear()
        with self._lock:
            self._line = None
            self._ending()


def _portions(questions: Iterable[Question]) -> Iterator[list[Question]]:
    """Cut many questions into portions that a server takes at once."""
    portion: list[Question] = []
    size = 0
    for question in questions:
        portion.append(question)
        size += len(question.data)
        if len(portion) >= _AT_ONCE or size >= _BYTES_AT_ONCE:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion
