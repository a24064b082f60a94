"""P5 on a server: whatever becomes of it, each call ends in time, with an answer or with "could not look"."""

import asyncio
import gc
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from somabus import Agent, create_bus
from somabus.errors import StoreUnavailableError
from somabus.model.receipt import Whereabouts
from somabus.store.nats import Link, NatsStore
from somabus.store.nats import line as lines
from tests.jetstream.waiting import until

SOON_S = 8.0
AT_ONCE_S = 3.0
"""For twenty calls, of which each would take half a second if it waited."""


@pytest.fixture
def quick(monkeypatch):
    """A line that loses its patience soon."""
    monkeypatch.setattr(lines, "_ANSWER_S", 0.5)
    monkeypatch.setattr(lines, "_PATIENCE_S", 0.5)


def seconds(act):
    """Return how long a call took that could not look."""
    began = time.monotonic()
    with pytest.raises(StoreUnavailableError):
        act()
    return time.monotonic() - began


def threads():
    """The threads of lines that are alive."""
    return [each for each in threading.enumerate() if each.name == "somabus nats"]


def test_no_server_is_told_in_time_and_then_at_once(servers, store_on, quick):
    """Where no server answers a call fails after a moment, the next ones at once, and all is well when it is there."""
    server = servers()
    store = store_on(server)
    store.create("a.json", b"1")
    store.close()
    server.stop()

    assert 0.3 < seconds(lambda: store.read("a.json")) < SOON_S
    assert sum(seconds(lambda: store.read("a.json")) for _ in range(20)) < AT_ONCE_S

    server.start()
    until(lambda: store.read("a.json") == b"1", "it is read")


@pytest.mark.slow
@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_question_to_a_line_that_ends_is_told_at_once(server, monkeypatch):
    """A question that is handed over in the very moment in which the loop ends is told so, and does not wait out its time."""
    line = lines.Line([server.url], {}, {}, server.url)
    close, ends, handed = line._loop.close, threading.Event(), threading.Event()

    def closing():
        ends.set()
        assert handed.wait(10)
        close()

    def handing(*args):
        try:
            return hand(*args)
        finally:
            handed.set()

    line._loop.close = closing
    line.end()
    assert ends.wait(10)
    hand = asyncio.run_coroutine_threadsafe
    monkeypatch.setattr(asyncio, "run_coroutine_threadsafe", handing)

    assert seconds(lambda: line.run(line.server())) < AT_ONCE_S
    line._thread.join(10)
    gc.collect()


def test_a_server_that_is_restarted_is_found_again(server, store, monkeypatch):
    """A restart is waited out: the call in between succeeds, and nobody above notices."""
    monkeypatch.setattr(lines, "_PATIENCE_S", 20.0)
    store.create("a.json", b"1")
    server.kill()
    server.start()

    assert store.read("a.json") == b"1"


def test_whoever_waits_for_an_answer_is_told_when_the_server_dies(server, store):
    """A question that is open when the connection breaks ends then, not when its time is over."""
    store.read("a.json")
    server.pause()
    took = []
    asker = threading.Thread(target=lambda: took.append(seconds(lambda: store.replace("a.json", b"1"))))
    asker.start()
    until(lambda: store._link.begin()._waiting, "the question is on its way")
    server.kill()
    asker.join(20)

    assert took[0] < 5


def test_a_server_that_hangs_costs_one_patience(server, store, quick):
    """A server that says nothing is found out once; until it answers again every call fails at once; then all is well."""
    store.create("a.json", b"1")
    server.pause()

    assert 0.4 < seconds(lambda: store.read("a.json")) < SOON_S
    assert sum(seconds(lambda n=n: store.create(f"{n}.json", b"")) for n in range(20)) < AT_ONCE_S

    server.resume()
    until(lambda: store.read("a.json") == b"1", "it is read")
    assert store.list("") == ["a.json"], "what was told to have failed was not done later"


def test_mail_waits_on_this_machine_while_the_server_is_away(server, tmp_path, quick):
    """P1: a send that cannot reach the server is kept at home, and the beat after its return delivers it."""
    bus = f"{server.url}/soma"
    create_bus(bus, home=tmp_path)
    scout, planner = (Agent(name, bus=bus, home=tmp_path) for name in ("scout", "planner"))
    server.kill()

    receipt = scout.send("planner", "kept", spool=True)

    assert receipt.spooled
    assert scout.trace(receipt).state is Whereabouts.SPOOLED
    server.start()
    until(lambda: scout.beat().outcome == "ok" and planner.unread == 1, "it is delivered")


def test_what_comes_while_the_connection_is_broken_is_not_slept_over(server, store_on):
    """A waiter is woken when the connection is back, for nobody knows what came meanwhile, and hears what comes then."""
    store = store_on(server, "soma")
    other = store_on(server, "soma")
    assert store.wait("box", 0)
    while store.wait("box", 0):
        pass
    server.kill()
    assert store.wait("box", 0) in (True, False)
    while store.wait("box", 0.2):
        pass
    server.start()

    assert store.wait("box", 20)
    until(lambda: not store.wait("box", 0.2), "the wake is used up")
    waker = threading.Timer(0.05, lambda: other.create("box/1.json", b""))
    waker.start()
    assert store.wait("box", 20)
    waker.join()


@pytest.mark.slow
def test_a_connection_that_the_server_closes_is_made_anew(servers, store_on, monkeypatch):
    """A client that reads too slowly is thrown out by the server: the waiter is woken, and the next call succeeds."""
    server = servers(more='write_deadline: "100ms"\nmax_pending: 4MB')
    store, other = store_on(server, "soma"), store_on(server, "soma")
    store.wait("box", 0)
    while store.wait("box", 0.05):
        pass
    first = store._link.begin()
    asleep = threading.Event()
    first._loop.call_soon_threadsafe(lambda: asleep.set() or time.sleep(1.5))
    asleep.wait(5)
    for n in range(40):
        other.replace(f"box/{n}.json", b"x" * 500_000)

    assert store.wait("box", 20)
    until(lambda: len(store.list("box")) == 40, "all of it is seen")
    until(lambda: "Slow Consumer" in server.log(), "the server threw it out")
    until(lambda: not store.wait("box", 0.1), "the wakes are used up")
    other.create("box/last.json", b"")
    assert store.wait("box", 20)


@pytest.mark.slow
def test_a_server_that_stops_for_good_leaves_one_line_in_the_log(server, store, quick, caplog):
    """No storm: however long it is away, what is wrong is logged once, without a traceback."""
    caplog.set_level(logging.INFO)
    store.read("a.json")
    server.stop()
    for _ in range(10):
        seconds(lambda: store.read("a.json"))
        threading.Event().wait(0.15)

    assert 1 <= len(caplog.records) <= 4, [each.getMessage() for each in caplog.records]
    assert not [each for each in caplog.records if each.exc_info or each.levelno > logging.INFO]


def test_threads_end_with_their_store(server, store_on):
    """Closing ends the thread and the connection, twice as well; a store that nobody holds any more ends by itself."""
    gc.collect()
    before = len(threads())
    store = store_on(server)
    assert len(threads()) == before + 1
    store.close()
    store.close()
    assert len(threads()) == before

    forgotten = NatsStore(Link([server.url]), "forgotten")
    forgotten.make()
    assert len(threads()) == before + 1
    del forgotten
    gc.collect()
    until(lambda: len(threads()) == before, "its thread ended")
    assert store.list("") == [], "a store that was closed may be used again"


def test_a_second_ctrl_c_ends_without_a_word(server):
    """Ctrl-C while the end of the process waits for the connection to end is no traceback: there is nothing left to do."""
    line = lines.Line([server.url], {}, {}, server.url)
    line.run(line.server())
    join = line._thread.join

    def interrupted(_patience_s):
        raise KeyboardInterrupt

    line._thread.join = interrupted
    line.end()
    join(10)
    assert not line._thread.is_alive()


PROGRAM = """
import logging, sys
from somabus.store.nats import Link, NatsStore
# Under -X dev asyncio warns of whatever takes a tenth of a second, as all does on a busy machine.
logging.getLogger("asyncio").addFilter(lambda record: not record.getMessage().startswith("Executing "))
store = NatsStore(Link([sys.argv[1]]), "soma")
store.make()
store.wait("box", 0)
{end}
"""
ENDS = {
    "it ends without closing": "store.replace('a.json', b'1')",
    "it ends while the server is away": (
        "sys.stdin.readline(); print('up', flush=True); sys.stdin.readline()\n"
        "try: store.read('a.json')\nexcept Exception as error: print(type(error).__name__)"
    ),
    "it is left by an error": "raise SystemExit(0)",
}


@pytest.mark.parametrize(
    "end",
    [pytest.param(end, id=name, marks=[pytest.mark.slow] if "away" in name else []) for name, end in ENDS.items()],
)  # who waits for a server is for the slow run
def test_a_process_ends_quietly_and_soon(server, end):
    """The interpreter ends whatever the connection does, with no word on stderr."""
    process = subprocess.Popen(
        [sys.executable, "-X", "dev", "-c", PROGRAM.format(end=end), server.url],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    if "readline" in end:
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "up\n"
        server.pause()
        server.kill()
    _, err = process.communicate("\n", timeout=40)

    assert process.returncode == 0, err
    assert err == ""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
def test_a_child_of_a_fork_makes_a_connection_of_its_own(server, store):
    """A forked child reads and writes over its own connection; the parent's goes on when the child has ended."""
    script = """
import os, sys
from somabus.store.nats import Link, NatsStore
store = NatsStore(Link([sys.argv[1]]), "soma")
store.make()
store.wait("box", 0)
store.create("parent.json", b"1")
child = os.fork()
if child == 0:
    store.create("box/child.json", store.read("parent.json") + b"2")
    store.close()
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
child = os.fork()
if child == 0:
    del store
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
assert store.wait("box", 20)
assert store.read("box/child.json") == b"12"
print(store.list(""))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, server.url], capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "['box', 'parent.json']\n"


def test_a_server_that_takes_another_s_port_is_not_taken_for_it(servers):
    """The tests' own promise: a server that comes up on a port that another has taken is told, and nothing is tried on the wrong one."""
    first, second = servers(), servers()
    second.stop()
    second.port, second._always = first.port, second._always.replace(second.address, first.address)
    second.configure("")

    with pytest.raises(AssertionError, match="address already in use"):
        second.start()


def test_a_server_ends_with_the_tests_that_are_killed(tmp_path, program):
    """The tests' own promise: a test process that is killed with -9 leaves no server behind."""
    begin = "import sys; from tests.natsserver import NatsServer; s = NatsServer(sys.argv[1], program=sys.argv[2])"
    tests = subprocess.Popen(
        [sys.executable, "-c", f"{begin}; print(s.port, flush=True); sys.stdin.read()", str(tmp_path), program],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    port = int(tests.stdout.readline())
    socket.create_connection(("127.0.0.1", port)).close()

    tests.kill()
    tests.communicate()

    def gone():
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port)).close()
            return False
        return True

    until(gone, "the server ended")
