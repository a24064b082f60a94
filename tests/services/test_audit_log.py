"""The audit of many: no number is left out or given twice, and what is done to the log later is told."""

import os
import subprocess
import sys
import threading

import pytest

from somabus.audit import Audit
from somabus.errors import StoreUnavailableError
from somabus.model import tree
from somabus.model.audit import Head
from somabus.model.signing import Signer
from somabus.model.wire import parse_object
from somabus.store.directory import DirectoryStore
from somabus.store.memory import MemoryStore
from somabus.testing import HandClock
from tests.model.examples import ID, NOW

CLOCK = HandClock()


def audit(store, name="anna", home=None, signer=True):
    """Return one who appends."""
    return Audit(store, ID, name, Signer(os.urandom(32)) if signer else None, lambda: NOW, home)


def key(number):
    """Return where an entry lies."""
    return f"{tree.AUDIT}/0000000/{number:010d}.json"


def faults(who):
    """Return what the check says, by number."""
    return {each.number: each.fault for each in who.check() if each.fault}


@pytest.fixture
def store():
    """A bus in memory."""
    return MemoryStore(CLOCK.now)


@pytest.fixture
def five(store):
    """A log of five entries, and a reader who has seen them."""
    anna = audit(store, home=MemoryStore(CLOCK.now))
    for n in range(5):
        anna.append("certify", f"agent {n}")
    assert faults(anna) == {}
    return anna


RACER = """
import os, sys
from tests.services.test_audit_log import audit
from somabus.store.directory import DirectoryStore
store = DirectoryStore(sys.argv[1], writer=sys.argv[2], durability="none")
who = audit(store, sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
print([who.append("certify", sys.argv[2]) for _ in range(int(sys.argv[3]))])
"""


def test_two_processes_and_three_threads_at_once_leave_no_gap_and_no_fork(tmp_path):
    """Whoever appends at the same moment: each entry has its own number, the chain is whole, and nothing is lost."""
    each, threads, processes = 12, 3, 2
    started = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, str(tmp_path), f"process{n}", str(each)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [os.getcwd(), os.environ.get("PYTHONPATH")]))},
        )
        for n in range(processes)
    ]  # fmt: skip
    for process in started:
        assert process.stdout.readline() == "ready\n"
    numbers = []

    def run(name):
        who = audit(DirectoryStore(str(tmp_path), writer=name, durability="none"), name)
        numbers.extend(who.append("certify", name) for _ in range(each))

    racers = [threading.Thread(target=run, args=(f"thread{n}",)) for n in range(threads)]
    for process in started:
        process.stdin.write("\n")
        process.stdin.flush()
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    for process in started:
        numbers += parse_object(b'{"n":' + process.communicate()[0].encode() + b"}")["n"]

    reader = audit(DirectoryStore(str(tmp_path), writer="reader", durability="none"), "reader")
    entries = list(reader.check())
    assert [entry.fault for entry in entries if entry.fault] == []
    assert sorted(numbers) == [entry.number for entry in entries] == list(range(1, each * (threads + processes) + 1))


def test_an_entry_says_who_did_what_to_whom(store):
    """Name, act, subject, detail and the digest of the evidence stand there, signed."""
    assert audit(store).append("refused", "inbox of scout", "forged", evidence=b"bytes") == 1

    entry = next(iter(audit(store).check())).entry

    assert (entry.by, entry.act, entry.subject, entry.detail) == ("anna", "refused", "inbox of scout", "forged")
    assert store.read(entry.evidence) == b"bytes"
    assert entry.key is not None


def test_the_same_evidence_is_kept_once(store):
    """A forgery met by ten agents lies there once."""
    for _ in range(3):
        audit(store).append("refused", "x", evidence=b"bytes")

    assert len(store.list("audit/evidence")) == 1


def test_too_much_is_cut_and_what_cannot_be_written_is_spelled(store):
    """Nothing that a stranger writes keeps an attempt out of the audit."""
    audit(store, signer=False).append("a" * 500, "\ud800" * 500, "x" * 9000, evidence=b"y" * 200_000)

    entry = next(iter(audit(store).check())).entry

    assert (len(entry.act), len(entry.subject), len(entry.detail)) == (80, 300, 2000)
    assert len(store.read(entry.evidence)) == 64 * 1024


def test_what_is_changed_is_told_with_its_number(five, store):
    """One letter in the third entry: the third is named."""
    store.replace(key(3), store.read(key(3)).replace(b"agent 2", b"agent 9"))

    assert faults(five)[3] == "it was changed: its signature does not fit"


@pytest.mark.parametrize("number", [1, 3, 5])
def test_what_is_removed_is_told_with_its_number(five, store, number):
    """Also the last one, by whoever has seen it."""
    store.delete(key(number))

    assert set(faults(five)) == {number}


def test_a_hole_that_the_next_entry_fills_is_told(five, store):
    """The next to append gets the number of the entry that was removed; the one after it tells."""
    store.delete(key(3))

    assert audit(store, "bert").append("policy", "x") == 3

    assert set(faults(five)) == {4}
    assert set(faults(audit(store, "newcomer"))) == {4}


def test_an_end_that_was_cut_off_and_written_over_is_told(five, store):
    """Whoever has seen the end knows that another entry stands there now, how ever many were appended since."""
    store.delete(key(4))
    store.delete(key(5))
    for _ in range(4):
        five.append("policy", "x")

    assert faults(five) == {5: "it is not the entry that stood here before"}


def test_one_who_appends_to_a_cut_log_does_not_forget_what_stood_there(five, store):
    """Writing is no looking: the memory of the end stays until a check finds the log sound."""
    store.delete(key(5))
    five.append("policy", "x")
    five.append("policy", "y")

    assert set(faults(five)) == {5}
    assert set(faults(five)) == {5}


def test_a_log_that_was_taken_away_whole_is_told(five, store):
    """All five are missing, each under its number."""
    for number in range(1, 6):
        store.delete(key(number))

    assert set(faults(five)) == {1, 2, 3, 4, 5}


def test_the_memory_goes_on_with_a_sound_log(five):
    """After more entries the end that is remembered is the new one."""
    five.append("policy", "x")
    assert faults(five) == {}

    assert Head.from_object(parse_object(five._home.read("audit.json"))).number == 6


def test_a_damaged_memory_remembers_nothing(five):
    """A broken file at home accuses nobody."""
    five._home.replace("audit.json", b"{")

    assert faults(five) == {}


@pytest.mark.parametrize("raw", [b"", b"{}", b"x" * 2_000_000], ids=["empty", "{}", "huge"])
def test_what_is_no_entry_is_told_and_holds_nobody_up(five, store, raw):
    """A foreign file under a number is named, and appending goes on behind it."""
    store.replace(key(5), raw)

    assert audit(store, "bert").append("policy", "x") == 6
    assert 5 in faults(five)


def test_could_not_look_is_not_a_sound_audit(tmp_path):
    """While the drive is away neither appending nor checking pretends anything."""
    (tmp_path / "marker").touch()
    who = audit(DirectoryStore(str(tmp_path), writer="w", marker="marker", durability="none"))
    who.append("policy", "x")
    (tmp_path / "marker").unlink()
    (tmp_path / "audit").rename(tmp_path / "away")

    with pytest.raises(StoreUnavailableError):
        who.append("policy", "y")
    with pytest.raises(StoreUnavailableError):
        list(who.check())
