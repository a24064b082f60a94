"""P7, P12 and P14 where the humans rule: whatever lies there, nobody crashes, nobody waits, nobody believes it.

Each document that operators sign, or that agents write under them, is spoiled in every way that a disk or a person
can spoil a file, one at a time. An agent who knew the sound one, one who comes new, and the operator look at it.
"""

import os
from contextlib import suppress

import pytest

from somabus.errors import NotABusError, NotApprovedError, SomabusError, StoppedError
from somabus.model.signing import Signer
from somabus.model.stop import Range, Scope
from somabus.operator import agents, oversight, people
from somabus.verify import judge_path
from tests.hostile.realm import PLACES, SPOILS, Realm
from tests.hostile.scene import within_the_tree

SHARE = 14  # of the ways, every so manyth at each place; all of them in the slow test

pytestmark = pytest.mark.skipif(os.name == "nt", reason="throws things that Windows cannot hold")


@pytest.fixture
def realm(tmp_path):
    """A bus with an operator."""
    return Realm(tmp_path)


def place(realm, name):
    """Return the file of a place."""
    parts = {"request": (realm.asked, "request"), "granted": (realm.granted, "answer"), "use": (realm.used, "use")}
    if name in parts:
        approval, part = parts[name]
        return realm.root / "approvals" / approval.id / f"{part}.json"
    return min(realm.root.glob(name))


def spoil(realm, name, spoils, thrown):
    """Spoil one document in several ways; look, and let the judge look."""
    path = place(realm, name)
    key = path.relative_to(realm.root).as_posix()
    for how in spoils:
        raw, where = path.read_bytes(), f"{name}, {how}"
        with realm.spoiled(path, SPOILS[how]):
            realm.look(where)
            assert realm.added(realm.planner) == {}, where
            entry = path / "entry.json" if path.is_dir() else path  # the operator's look puts back what was published
            changed = not entry.is_file() or path.is_symlink() or entry.read_bytes() != raw
            with within_the_tree(NotABusError, where):
                faults, _ = judge_path(realm.root, now=realm.clock.now)
                told = [fault for fault in faults if fault.path.startswith(key)]
                assert told or not changed or how in ("gone", "renamed"), where
    thrown["what rules"] = thrown.get("what rules", 0) + len(spoils)


@pytest.mark.parametrize("name", PLACES)
def test_whatever_lies_there_nobody_crashes_and_nobody_believes_it(realm, name, thrown):
    """Goals, values, approvals, stops, beats, sending and the operator's looks: an answer, or an error of the tree."""
    spoil(realm, name, list(SPOILS)[PLACES.index(name) % SHARE :: SHARE], thrown)


@pytest.mark.slow
@pytest.mark.parametrize("name", PLACES)
def test_every_way_to_spoil_every_document(realm, name, thrown):
    """The same with all ways at all places."""
    spoil(realm, name, list(SPOILS), thrown)


def test_approved_once_is_done_once_even_if_the_use_is_taken_away(realm):
    """P12: whoever deletes the record of a use has not renewed the approval for the one who used it."""
    place(realm, "use").unlink()
    oversight.resume(realm.sit(), None, "")

    with pytest.raises(NotApprovedError):
        realm.used.use()


def test_a_stop_holds_whatever_happens_to_its_file(realm):
    """P12: a signed stop that was seen, spoiled in any way or taken away, still stops that kind of work."""
    path = place(realm, "STOP.kind.deploy")
    held = []

    for how, spoils in SPOILS.items():
        with realm.spoiled(path, spoils), suppress(SomabusError):
            try:
                realm.planner.send("scout", "v3", kind="deploy")
            except StoppedError:
                held.append(how)

    assert held == list(SPOILS)


@pytest.mark.parametrize("name", ["STOP.kind.nothing", "STOP.agent.nobody"])
def test_a_signed_stop_is_not_lifted_by_renaming_its_file(realm, name):
    """P12: whoever renames a signed stop so that it stops somebody else has lifted nothing."""
    oversight.stop(realm.sit(), Scope(Range.BUS), "fire")
    realm.planner.stops()
    (realm.root / "STOP").rename(realm.root / name)

    with pytest.raises(StoppedError):
        realm.planner.send("scout", "on with it")


def test_mail_by_a_key_that_was_certified_a_moment_ago_is_not_forged(realm):
    """P7: an agent goes over to its new key; who looked at its certificate seconds before takes its mail all the same."""
    realm.scout.send("planner", "before")
    before = [delivery.message.body for delivery in taken(realm.planner)]
    agents.certify(realm.sit(), "scout", expect=realm.new)
    scout = realm.world.agent("scout")  # takes its next key

    scout.send("planner", "after")

    assert (before, [delivery.message.body for delivery in taken(realm.planner)]) == (["before"], ["after"])


def test_an_operators_mail_in_flight_outlives_its_rotation(realm):
    """P7: an answer that anna sent before she rotated her key is hers; the agent who reads it then is not alarmed."""
    oversight.answer(realm.sit(), realm.asked.id, "yes", granted=True)
    new = Signer(os.urandom(32))

    people.rotate(realm.sit(), new, lambda: None)

    kinds = [delivery.message.kind for delivery in taken(realm.scout)]
    assert (kinds.count("decision"), realm.scout.inbox.dead()) == (3, ())


def taken(agent):
    """Handle what waits, and return the deliveries."""
    found = []
    for delivery in agent.inbox.drain():
        with delivery:
            found.append(delivery)
    return found
