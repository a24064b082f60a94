"""P7 and P10 at little cost: what was proven once is not proven again, and what was remembered speaks for no key."""

from collections import Counter
from datetime import timedelta

import pytest

from somabus.errors import StoreFullError
from somabus.model import signing, tree
from somabus.model.envelope import Seal
from somabus.model.presence import Presence
from somabus.model.trust import Trust
from somabus.operator import agents
from tests.services.court import Court

MANY = 20
NAMES = [f"agent-{number}" for number in range(MANY)]


@pytest.fixture
def court():
    """A bus with the operator anna and many agents, each of which has beaten."""
    found = Court(*NAMES)
    for name in NAMES:
        found.world.agent(name).beat()
    return found


@pytest.fixture
def proven(monkeypatch):
    """Which signatures were computed, by what they seal."""
    count, verifies = Counter(), signing.verifies

    def counted(key, data, signature):
        count[Seal(data.partition(b"\n")[0].decode())] += 1
        return verifies(key, data, signature)

    monkeypatch.setattr(signing, "verifies", counted)
    return count


def review(court, name="agent-1", *, home=None):
    """Look at everybody, as a new process of that agent does; return what it found, by name."""
    court.clock.advance(minutes=1)
    return {peer.name: peer for peer in court.world.agent(name, home=home).peers()}


def test_the_next_process_proves_what_has_changed_and_nothing_else(court, proven):
    """Each beat of cron is a new process: it computes one signature for the one peer that has beaten since."""
    review(court)
    court.world.agent("agent-2").beat()
    proven.clear()
    found = review(court)

    assert (proven[Seal.CARD], proven[Seal.HEARTBEAT]) == (0, 1)
    assert all(peer.presence is Presence.ON_TIME for peer in found.values())


def test_who_meets_everybody_lists_everybody_once(court, monkeypatch):
    """What a newcomer pays grows with the number of agents, not with its square: nobody is compared with each other one."""
    listed, there = [], court.store.list

    def counted(prefix, *args, **kwargs):
        listed.append(prefix)
        return there(prefix, *args, **kwargs)

    newcomer = court.world.agent("newcomer")
    monkeypatch.setattr(court.store, "list", counted)
    assert len(newcomer.peers()) == MANY + 1

    assert 1 <= listed.count(tree.REGISTRY) <= 2


def test_a_review_that_finds_nothing_new_writes_nothing(court):
    """A beat with nothing to do costs the disk of this machine nothing for the sake of the peers."""
    review(court)
    before = court.world.homes["agent-1"].read("recall/0")
    assert before

    court.world.homes["agent-1"].replace = None  # whoever writes now fails
    review(court)


def test_a_heartbeat_that_was_changed_is_noticed_whatever_is_remembered(court):
    """One letter of a heartbeat that was found good before makes it nobody's."""
    review(court)
    raw = court.store.read(tree.heartbeat("agent-2"))
    court.store.replace(tree.heartbeat("agent-2"), raw.replace(b'"number":1', b'"number":2'))

    found = review(court)

    assert "was not written by agent-2" in found["agent-2"].fault
    assert found["agent-3"].presence is Presence.ON_TIME


def test_what_one_has_sealed_is_not_anothers(court):
    """A heartbeat that was found good of one agent is not good in the place of another's."""
    review(court)
    court.store.replace(tree.heartbeat("agent-2"), court.store.read(tree.heartbeat("agent-3")))

    assert "was not written by agent-2" in review(court)["agent-2"].fault


def test_a_revoked_key_counts_no_more_at_once_whatever_is_remembered(court):
    """What a key has sealed was remembered as proven; once an operator has called the key back, it counts no more."""
    agents.certify(court.seat(), "agent-2")
    review(court)
    assert review(court)["agent-2"].trust is Trust.CERTIFIED

    agents.revoke(court.seat(), "agent-2", "stolen")

    found = review(court)["agent-2"]
    assert (found.presence, found.trust) == (None, Trust.REVOKED)
    assert "stolen" in found.fault


def test_a_certificate_that_has_run_out_counts_no_more_whatever_is_remembered(court):
    """That an operator signed it stays true; that it counts does not."""
    agents.certify(court.seat(), "agent-2", valid_for=timedelta(days=2))
    assert review(court)["agent-2"].trust is Trust.CERTIFIED

    court.clock.advance(days=3)

    assert review(court)["agent-2"].trust is Trust.PINNED


@pytest.mark.parametrize("damage", [b"", b"x", b"\0" * 4096, b"\xff" * 31], ids=len)
def test_a_damaged_memory_is_made_good(court, damage, proven):
    """What cannot be used is proven again; nothing is believed for it, and the next process has it back."""
    review(court)
    court.world.homes["agent-1"].replace("recall/0", damage)

    assert all(peer.presence is Presence.ON_TIME for peer in review(court).values())
    proven.clear()
    review(court)
    assert proven[Seal.CARD] == proven[Seal.HEARTBEAT] == 0


def test_a_full_disk_costs_time_and_nothing_else(court, monkeypatch):
    """Where nothing can be remembered, everybody is judged all the same."""
    review(court)
    home = court.world.homes["agent-1"]
    home.delete("recall/0")

    def full(key, _data):
        raise StoreFullError(key, "no space")

    monkeypatch.setattr(home, "replace", full)
    assert all(peer.presence is Presence.ON_TIME for peer in review(court).values())
