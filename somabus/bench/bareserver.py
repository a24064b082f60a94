"""The bare requests: what the works of the bus would cost a server if nobody had to agree on anything."""

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Final

from somabus.bench.bare import BEAT_LOOKS, PEEK
from somabus.store.nats.link import Answer, Link, Question, Refused

_PATIENCE_S: Final = 10.0
_ARRIVES_AFTER_S: Final = 0.002


class BareServer:
    """The requests alone, below a subject of the same stream."""

    def __init__(self, link: Link, stream: str, data: bytes) -> None:
        self.data = data
        self._link, self._stream = link, stream
        self._numbers = itertools.count()
        self._heard = threading.Event()
        self._end = link.listen(self.path("watched", "*"), self._heard.set)
        self.write, self.sync = "a publish that is acknowledged", ""
        self.reads, self.drains, self.arrives = "a get", "a get, a publish, a delete by number", "a publish"
        self.waits = "a subscription"

    def close(self) -> None:
        """End the subscription."""
        self._end()

    def path(self, folder: str, name: str = "") -> str:
        """Return the subject of a document, as the store names it."""
        return f"{self._stream}.k.bare.{folder}.{name}"

    def send(self, count: int = 1) -> None:
        """Publish so many messages at once."""
        self._ask([Question(self.path("inbox", f"5-{next(self._numbers):036d}"), self.data) for _ in range(count)])

    def drain(self) -> Iterator[None]:
        """Read, publish anew and delete one message a step, from one listing."""
        for subject in sorted(self._list("inbox")):
            found = self._get(subject)
            self._ask([Question(subject.replace(".inbox.", ".done."), found.data)])
            self._delete(int(found.headers["Nats-Sequence"]))
            yield

    def peek(self) -> None:
        """List the inbox and read its first messages."""
        for subject in sorted(self._list("inbox"))[:PEEK]:
            self._get(subject)

    def look(self, folders: tuple[str, ...]) -> None:
        """List folders, and nothing else."""
        for folder in folders:
            self._list(folder)

    def beat(self) -> None:
        """List what a beat cannot do without, and publish one message."""
        self.look(BEAT_LOOKS)
        self._ask([Question(self.path("registry", "heartbeat"), self.data)])

    def wait(self) -> None:
        """Return when a message has come to `watched`, or after some patience."""
        self._heard.wait(_PATIENCE_S)
        self._heard.clear()

    def wake(self, folder: str, wait: Callable[[], object]) -> float:
        """Let a message arrive below a subject where somebody waits; return the seconds until the waiter is back."""
        arrived_at: list[float] = []
        published: list[Answer] = []
        subject = f"{folder}.5-{next(self._numbers):036d}"

        def arrive() -> None:
            arrived_at.append(perf_counter())
            published.extend(self._ask([Question(subject, self.data)]))

        sender = threading.Timer(_ARRIVES_AFTER_S, arrive)
        sender.start()
        while not arrived_at:  # a waiter may wake for nothing, and does at its first call
            wait()
        passed = perf_counter() - arrived_at[0]
        sender.join()
        self._delete(json.loads(published[0].data)["seq"])
        return passed

    def _list(self, folder: str) -> list[str]:
        asked = json.dumps({"subjects_filter": self.path(folder, "*")}).encode()
        (answer,) = self._ask([Question(f"$JS.API.STREAM.INFO.{self._stream}", asked)])
        return list(json.loads(answer.data)["state"].get("subjects") or ())

    def _delete(self, sequence: int) -> None:
        asked = json.dumps({"seq": sequence, "no_erase": True}).encode()
        self._ask([Question(f"$JS.API.STREAM.MSG.DELETE.{self._stream}", asked)])

    def _get(self, subject: str) -> Answer:
        return self._ask([Question(f"$JS.API.DIRECT.GET.{self._stream}.{subject}")])[0]

    def _ask(self, questions: list[Question]) -> list[Answer]:
        answers = []
        for answer in self._link.ask_all(questions):
            if isinstance(answer, Refused):
                raise answer
            answers.append(answer)
        return answers
