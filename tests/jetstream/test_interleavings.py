"""P1, P3 on a server: movers and deleters that meet in any order, die, stand still and hear nothing, as chance has it.

Each seed is a story of the real `Mover` on a server in memory. One that fails is told in the message, and its seed plays it again.
"""

import itertools
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest

from somabus.errors import KeyMissingError, StoreUnavailableError
from somabus.store.nats.moving import TAKES, Mover
from somabus.testing import Crash
from tests.jetstream.imagined import Server, Tree, Turns

SEEDS = 1000
WORKERS, PROCESSES, ACTS, TRIES = 4, 3, 3, 3
TROUBLE, DIES, JUMPS, ARRIVES, KILLED, DELETES = 0.06, 0.02, 0.12, 0.15, 0.01, 0.25


class Worker:
    """One thread of a process: it moves and deletes what it knows of, and tries again where it could not look."""

    def __init__(self, number, story, mover):
        self.number = number
        self.deleting = ""
        self._story = story
        self._mover = mover

    def __call__(self):
        """Do all that it does, unless it dies."""
        try:
            for _ in range(ACTS):
                key = self._story.a_place()
                if self._story.dice.random() < self._story.deletes:
                    self._delete(key)
                else:
                    self._move(key, self._story.new_place())
        except Crash:
            self._story.tell("dies")

    def _move(self, key, target):
        try:
            told = self._until_answered(partial(self._mover.move, key, target))
        except KeyMissingError:
            told = "gone"
        self._story.end(told, key, target)

    def _delete(self, key):
        self.deleting = key
        told = self._until_answered(partial(self._mover.delete, key))
        if told == "done" and self._story.deleted.get(key) == self.number:
            self._story.end("deleted", key, self._story.moved_on(key))
        self.deleting = ""

    def _until_answered(self, act):
        for _ in range(TRIES):
            try:
                act()
            except StoreUnavailableError:
                self._story.tell("could not look")
            else:
                return "done"
        return "given up"


class Story:
    """What happens to one document."""

    def __init__(self, seed, *, fences):
        self.dice = random.Random(seed)
        self.deletes = DELETES * (seed % 2)
        self.ends = []
        self.deleted = {}
        self.lost = False
        self.left = []
        self._kills = KILLED * (seed % 3 == 0)
        self._server = Server(fences=fences)
        self._server.put("k.in", b"it", {})
        self._names = (f"t{number}" for number in itertools.count())
        self._newest = "in"
        self._came_from = {}
        self._late = []
        self._turns = Turns(self.dice)
        self._told = []

    def __str__(self):
        return "\n".join(" ".join(map(str, line)) for line in self._told)

    def play(self, threads):
        """Let the workers meet, and what is still on its way arrive; then let one who meets nobody move what is left."""
        movers = [self._process(self._ask) for _ in range(PROCESSES)]
        self._turns.play(threads, [Worker(number, self, self.dice.choice(movers)) for number in range(WORKERS)])
        while self._late:
            self._arrive()
        self.left = self._server.documents()
        self._server.now += TAKES
        for key in self.left:
            try:
                self._process(self._ask_at_once).move(key, f"{key}!")
            except KeyMissingError:
                self.tell("gone", key)

    def a_place(self):
        """Return where a document lies, or will perhaps."""
        return self.dice.choice([*self._server.documents(), self._newest])

    def new_place(self):
        """Return a name that nobody has used."""
        self._newest = next(self._names)
        return self._newest

    def tell(self, *what):
        """Write down what happens."""
        self._told.append((self._turns.whose.number, *what))

    def end(self, *what):
        """Write down what a worker is told in the end."""
        self.tell(*what)
        self.ends.append(self._told[-1])

    def moved_on(self, key):
        """Return where a document was moved from here."""
        return {target for target, source in self._came_from.items() if source == key}

    def _way(self, key):
        """Return the places where the document at a key has been."""
        return {key} | (self._way(self._came_from[key]) if key in self._came_from else set())

    def _process(self, ask):
        return Mover(Tree(self._server, ask), lambda: self._server.now)

    def _ask(self, what, do, *, writes=False):
        """Put a question after a while, and let go wrong what can."""
        self._turns.pass_on()
        self._meanwhile()
        if self.dice.random() < DIES:
            raise Crash
        asked = partial(self._do, self._turns.whose.number, self._turns.whose.deleting, what, do)
        if self.dice.random() >= TROUBLE:
            return asked()
        trouble = self.dice.choice(["answer lost", "late", "not done"]) if writes else "not done"
        self.tell(trouble, *what)
        if trouble == "answer lost":
            asked()
        elif trouble == "late":
            self._late.append(asked)
        raise StoreUnavailableError(what[1], trouble)

    def _ask_at_once(self, what, do, *, writes=False):
        return self._do("last", "", what, do)

    def _meanwhile(self):
        if self.dice.random() < JUMPS:
            self._server.now += timedelta(seconds=40)
            self.tell("40 s later")
        if self._late and self.dice.random() < ARRIVES:
            self._arrive()
        if self.dice.random() < self._kills:
            self._server.kill()
            self.tell("kill -9")

    def _arrive(self):
        self._late.pop(self.dice.randrange(len(self._late)))()

    def _do(self, who, deleting, what, do):
        """Let the server do it, and see whether the last copy goes of what nobody deletes."""
        before = self._server.documents()
        answer = do()
        self._told.append((who, *what, "->", answer))
        verb, key, *rest = what
        if verb == "write" and answer is not None:
            self._came_from[key] = rest[0]["Somabus-From"].split(" ", 1)[1]
        if verb == "remove" and answer and key == deleting:
            self.deleted[key] = who
        if before and not self._server.documents():
            # Of the two copies that an old server may leave, either is the document that was deleted.
            self.lost |= not (before[0] in self.deleted if self._server.fences else self.deleted)
        return answer

    def wrong_with_a_fence(self):
        """Return what must not be, where the server knows the condition of a move."""
        there = self._server.documents()
        moved = [key for _, told, key, _ in self.ends if told == "done"]
        if len(there) != 1 and not self.deleted:
            yield f"once more, and there are {there}"
        if len(there) > 1:
            yield f"two documents: {there}"
        if len(moved) != len(set(moved)):
            yield "two have moved one document"
        for _, told, key, target in self.ends:
            if told == "gone" and target in self.left:
                yield f"whoever moved it to {target} was told that it is gone"
            if told == "deleted" and any(not target & self._way(each) for each in there):
                yield f"behind the deletion of {key} there are {there}"


@pytest.mark.parametrize("fences", [True, False], ids=["from 2.12", "before 2.12"])
@pytest.mark.parametrize("seeds", [
    pytest.param(range(SEEDS), id="some"),
    pytest.param(range(SEEDS, 52 * SEEDS), id="many", marks=pytest.mark.slow),
])  # fmt: skip
def test_whatever_happens_one_document_counts(seeds, fences):
    """However movers and deleters meet: no document is lost; from 2.12 on one mover has it and knows it, and what was deleted stays so."""
    with ThreadPoolExecutor(WORKERS) as threads:
        for seed in seeds:
            story = Story(seed, fences=fences)
            story.play(threads)
            wrong = ["the last copy is gone"] if story.lost else []
            if fences:
                wrong += story.wrong_with_a_fence()
            assert not wrong, f"seed {seed}: {wrong}\n{story}"
