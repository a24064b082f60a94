"""A server in memory, as far as a `Mover` sees it, and threads that take turns: for more interleavings than a real one could play.

The server obeys the rules of JetStream that moves rest on; how the real one does is for the other tests of this folder.
"""

import threading
from collections import defaultdict
from datetime import UTC, datetime

from somabus.store.nats.stream import EXPECTED, OF_SUBJECT, Found

_STICKS = 0.4


class Server:
    """Keeps the last message of each subject, judges conditions, deletes by revision, and forgets when it is killed.

    Args:
        fences: whether it judges a writing by the last message of another subject, as from 2.12 on.
    """

    def __init__(self, *, fences):
        self.fences = fences
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self._last = {}
        self._overwritten = defaultdict(list)
        self._revision = 0

    def find(self, subject):
        """Return the message of a subject, or None."""
        return self._last.get(subject)

    def put(self, subject, data, headers):
        """Write a message; return its revision, or None if the condition in its headers does not hold."""
        judged = self._last.get(headers.get(OF_SUBJECT, subject) if self.fences else subject)
        if EXPECTED in headers and int(headers[EXPECTED]) != (judged.revision if judged else 0):
            return None
        if subject in self._last:
            self._overwritten[subject].append(self._last[subject])
        self._revision += 1
        self._last[subject] = Found(data, self._revision, self.now, headers)
        return self._revision

    def remove(self, revision):
        """Delete the message of a revision; tell whether it was there."""
        for subject, found in self._last.items():
            if found.revision == revision:
                del self._last[subject]
                return True
        return False

    def kill(self):
        """Start again as after kill -9: what was overwritten is there again where the newer message was deleted."""
        for subject, older in self._overwritten.items():
            if older and subject not in self._last:
                self._last[subject] = older.pop()

    def documents(self):
        """Return the keys of all documents."""
        return [subject[2:] for subject in self._last if subject.startswith("k.")]


class Tree:
    """The tree of one process on such a server; `ask(what, do, writes)` puts each question, when and how it likes."""

    def __init__(self, server, ask):
        self._server = server
        self._ask = ask

    def find(self, key):
        """See `Tree.find`."""
        return self._ask(("find", key), lambda: self._server.find(f"k.{key}"))

    def intent(self, key):
        """See `Tree.intent`."""
        return self._ask(("intent", key), lambda: self._server.find(f"m.{key}"))

    def write(self, key, data, headers):
        """See `Tree.write`."""
        return self._ask(("write", key, headers), lambda: self._server.put(f"k.{key}", data, headers), writes=True)

    def intend(self, key, targets, headers):
        """See `Tree.intend`."""
        asked = ("intend", key, targets, headers.get(EXPECTED))
        return self._ask(asked, lambda: self._server.put(f"m.{key}", targets.encode(), headers), writes=True)

    def remove(self, revision, key):
        """See `Tree.remove`."""
        return self._ask(("remove", key, revision), lambda: self._server.remove(revision), writes=True)

    def fences(self, key):
        """See `Tree.fences`."""
        return self._server.fences

    def fence(self, key, intent):
        """See `Tree.fence`."""
        return {EXPECTED: str(intent), OF_SUBJECT: f"m.{key}"}


class Turns:
    """Lets one thread run at a time; chance alone says which, so that a seed plays the same again."""

    def __init__(self, dice):
        self._dice = dice
        self._gates = {}
        self.whose = None

    def play(self, threads, acts):
        """Run all to their end, each at its turns."""
        self._gates = {act: threading.Semaphore(0) for act in acts}
        running = [threads.submit(self._run, act) for act in acts]
        self._give(self._any())
        for each in running:
            each.result()

    def pass_on(self):
        """Stand still for as long as chance has it."""
        me, other = self.whose, self._any()
        if other is not me and self._dice.random() > _STICKS:
            self._give(other)
            self._gates[me].acquire()

    def _run(self, act):
        self._gates[act].acquire()
        try:
            act()
        finally:
            del self._gates[act]
            if self._gates:
                self._give(self._any())

    def _any(self):
        return self._dice.choice(list(self._gates))

    def _give(self, other):
        self.whose = other
        self._gates[other].release()
