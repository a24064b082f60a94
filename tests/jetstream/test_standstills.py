"""P1, P3 on a server: whoever stands still in mid-move while others go on, for as long as he likes, loses nothing."""

import threading
from datetime import timedelta
from typing import NamedTuple

import pytest

from somabus.errors import KeyMissingError, StoreUnavailableError
from somabus.store.nats import NatsStore
from tests.jetstream.standing import StandingLink
from tests.jetstream.waiting import until

MOST = 25
"""No verb asks more; the test makes sure."""


class Outcome(NamedTuple):
    """What came of two that met: whether each was told that it was done, and where the document lies."""

    first: bool
    second: bool
    left: tuple[str, ...]


class Meeting:
    """Two processes that move one document; each can stand still before any of its questions.

    The first stands still; the second goes on to where it stands still itself; the first ends; the second ends.
    """

    def __init__(self, server):
        self.first, self.second = (
            NatsStore(StandingLink([server.url]), "soma", move_takes=timedelta(seconds=takes)) for takes in (30, 0)
        )
        self.first.make()
        self._numbers = iter(range(10_000))

    def meet(self, first, second, at, then):
        """Return the outcome of one meeting, and whether both stood still at all."""
        key = str(next(self._numbers))
        self.first.create(f"in/{key}", b"it")
        told = [False, False]
        go_on, stands = threading.Event(), threading.Event()

        def run(number, store, act):
            try:
                act(store, key)
                told[number] = True
            except KeyMissingError:
                pass

        def stand():
            stands.set()
            assert go_on.wait(30)

        def run_second():
            run(1, self.second, second)
            stands.set()

        def begin():
            beside.start()
            assert stands.wait(30)

        beside = threading.Thread(target=run_second)
        self.first._link.stand(at, begin)
        self.second._link.stand(then, stand)
        run(0, self.first, first)
        stood = self.first._link.asked >= at
        if stood:
            go_on.set()
            beside.join()
            stood = self.second._link.asked >= then
        self.second._link.stand(0, None)
        self.first._link.stand(0, None)
        left = [
            folder for folder in ("in", "out", "done") for name in self.first.list(folder) if name[: len(key)] == key
        ]
        for folder in ("in", "out", "done"):
            for name in self.first.list(folder):
                self.first.delete(f"{folder}/{name}")
        return Outcome(*told, tuple(left)), stood

    def all(self, first, second):
        """Yield the outcome of every meeting of two verbs."""
        for at in range(1, MOST):
            for then in range(1, MOST):
                outcome, stood = self.meet(first, second, at, then)
                if not stood:
                    break
                yield (at, then), outcome
            assert then < MOST - 1
        assert at == MOST - 1

    def close(self):
        self.first.close()
        self.second.close()


@pytest.fixture
def meeting(server):
    """Two processes on one bus."""
    made = Meeting(server)
    yield made
    made.close()


def move(source, target):
    """Return a move of the document, under names of its own."""
    return lambda store, key: store.move(f"{source}/{key}", f"{target}/{key}")


def test_of_two_movers_one_has_it(meeting, fences):
    """Wherever a mover stands still, and wherever the one who takes over does: one document, and one of the two has it.

    A server before 2.12 may leave both, and tell both that they were too late, but never leaves none.
    """
    for where, outcome in meeting.all(move("in", "out"), move("in", "done")):
        if fences:
            assert len(outcome.left) == 1, (where, outcome)
            assert outcome.first + outcome.second == 1, (where, outcome)
            assert outcome.left == (("out",) if outcome.first else ("done",)), (where, outcome)
        else:
            assert outcome.left in {("out",), ("done",), ("out", "done")}, (where, outcome)
            assert not outcome.first or "out" in outcome.left
            assert not outcome.second or "done" in outcome.left


@pytest.mark.slow
def test_what_arrived_may_go_on_at_once(meeting):
    """Wherever a mover stands still, another may move its target on, and stand still as well: the document goes on, once."""
    for where, outcome in meeting.all(move("in", "out"), move("out", "done")):
        assert outcome.left == (("done",) if outcome.second else ("out",)), (where, outcome)
        assert outcome.first, (where, outcome)


@pytest.mark.slow
def test_of_a_move_and_a_deletion_one_is_first(meeting, fences):
    """Wherever a mover stands still while the document is deleted: it is gone, or it has arrived, as the mover was told."""
    for where, outcome in meeting.all(move("in", "out"), lambda store, key: store.delete(f"in/{key}")):
        assert outcome.second
        if fences:
            assert outcome.left == (("out",) if outcome.first else ()), (where, outcome)
        else:
            assert outcome.left in {("out",), ()}, (where, outcome)
            assert not outcome.first or outcome.left == ("out",), (where, outcome)


@pytest.mark.slow
def test_what_arrived_may_be_deleted_at_once(meeting):
    """Wherever a mover stands still while its target is deleted: the document is gone for good, also where it came from."""
    for where, outcome in meeting.all(move("in", "out"), lambda store, key: store.delete(f"out/{key}")):
        assert outcome.left in {(), ("out",)}, (where, outcome)
        assert outcome.first, (where, outcome)


def test_a_target_that_was_held_up_on_its_way_comes_too_late(meeting, fences):
    """A target that a mover has sent, and that comes when another has moved the document, is refused; an old server leaves both."""
    store, link, held = meeting.first, meeting.first._link, []
    store.create("in/a", b"it")
    store.create("out/b", b"")
    ask_all = link.ask_all

    def hold_up(questions):
        if any(each.data == b"it" for each in questions):
            held.extend(questions)
            raise StoreUnavailableError("out/a", "no answer")
        return ask_all(questions)

    link.ask_all = hold_up
    with pytest.raises(StoreUnavailableError):
        store.move("in/a", "out/a")
    link.ask_all = ask_all
    meeting.second.move("in/a", "done/a")

    ask_all(held)

    assert store.read("done/a") == b"it"
    assert store.read("out/a") == (None if fences else b"it")
    assert store.list("in") == []


def test_a_mover_that_slept_through_a_kill_of_the_server_is_too_late(server, fences, meeting):
    """A mover that stands still before its target while another moves the document and the server is killed brings no second one."""
    if not fences:
        pytest.skip("it may leave two")
    meeting.first.create("in/a", b"it")

    def meanwhile():
        meeting.second.move("in/a", "done/a")
        server.kill()
        server.start()
        until(lambda: meeting.second.list("done"), "the server is back")

    tree = meeting.first._tree
    write = tree.write
    tree.write = lambda *args: (meanwhile(), write(*args))[1]
    with pytest.raises(KeyMissingError):
        meeting.first.move("in/a", "out/a")

    assert [meeting.first.list(folder) for folder in ("in", "out", "done")] == [[], [], ["a"]]
