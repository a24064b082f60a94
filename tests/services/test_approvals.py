"""No file that somebody leaves in an approval's folder lets anything through that no operator granted."""

import time

import pytest

from somabus.errors import NotApprovedError
from somabus.model import tree
from somabus.model.approval import Use
from somabus.model.ids import uuid7
from somabus.operator import oversight
from somabus.store.directory import DirectoryStore
from somabus.testing import World
from tests.services.court import Court


@pytest.fixture
def court():
    """A bus with the operator anna and the agents scout and planner."""
    return Court("scout", "planner")


def drained(agent):
    """Take what waits, and return the kinds that were delivered."""
    kinds = []
    for delivery in agent.inbox.drain():
        with delivery as message:
            kinds.append(message.kind)
    return kinds


def test_a_granted_message_is_delivered(court):
    """The ordinary way: asked, granted, sent, delivered, and its use lies on the bus."""
    scout, planner = court.world.agent("scout"), court.world.agent("planner")
    approval = scout.ask_approval("shell", detail="ls", to="planner")
    oversight.answer(court.seat(), approval.id, "", granted=True)

    scout.send("planner", "ls", kind="shell", approval=approval.id)

    assert drained(planner) == ["shell"]
    assert approval.state == "used"


@pytest.mark.parametrize("answer", [None, False], ids=["nobody answered", "denied"])
def test_a_use_left_in_the_folder_grants_nothing(court, answer):
    """Whoever writes the record of a use beside a request that nobody granted gets nothing delivered by it."""
    scout, planner = court.world.agent("scout"), court.world.agent("planner")
    approval = scout.ask_approval("shell", detail="rm -rf", to="planner")
    if answer is not None:
        oversight.answer(court.seat(), approval.id, "", granted=answer)
    receipt = scout.send("planner", "rm -rf", kind="shell", approval=approval.id)
    made = Use(bus=court.world.bus.bus, id=approval.id, by="planner", at=court.clock.now(), message=receipt.id)
    court.store.replace(tree.approval(approval.id, "use"), made.to_json())

    assert drained(planner) == []
    assert [letter.reason for letter in planner.inbox.dead()] == ["not approved"]


def test_taking_the_record_of_a_use_away_gains_nothing(court):
    """Whoever used an approval remembers it: with the file gone, neither the agent's act nor a second message passes."""
    scout, planner = court.world.agent("scout"), court.world.agent("planner")
    mine = scout.ask_approval("deploy", detail="v3")
    mail = scout.ask_approval("shell", detail="ls", to="planner")
    for each in (mine, mail):
        oversight.answer(court.seat(), each.id, "", granted=True)
    mine.use()
    scout.send("planner", "ls", kind="shell", approval=mail.id)
    assert drained(planner) == ["shell"]

    for each in (mine, mail):
        court.store.delete(tree.approval(each.id, "use"))
    scout.send("planner", "ls", kind="shell", approval=mail.id)

    with pytest.raises(NotApprovedError, match="it was used before"):
        mine.use()
    assert drained(court.world.agent("planner")) == []


def test_a_use_of_another_message_is_none_for_this_one(court):
    """A second message under the same approval is refused, although the first one was delivered."""
    scout, planner = court.world.agent("scout"), court.world.agent("planner")
    approval = scout.ask_approval("shell", detail="ls", to="planner")
    oversight.answer(court.seat(), approval.id, "", granted=True)
    for _ in range(2):
        scout.send("planner", "ls", kind="shell", approval=approval.id)

    assert drained(planner) == ["shell"]
    assert len(planner.inbox.dead()) == 1


def test_a_folder_that_a_power_cut_left_empty_holds_nobody_up(tmp_path):
    """Asking that was cut off leaves an empty folder at the most, and looking through all approvals passes it by."""
    patience = 0.3
    store = DirectoryStore(str(tmp_path), writer="w", durability="none", patience_s=patience)
    scout = World(store).agent("scout")
    (tmp_path / "approvals" / uuid7(1, bytes(8))).mkdir(parents=True)

    began = time.monotonic()
    found = list(scout._services.approvals.all())

    assert found == []
    assert time.monotonic() - began < patience / 2
