"""P8. Nobody writes to nobody: the unknown are refused with the nearest names, the silent are told on the receipt."""

from datetime import timedelta

import pytest

from somabus import Agent, Draft, create_bus
from somabus.errors import NotJoinedError, ReferenceNotFoundError, UnknownRecipientError
from somabus.testing import World


@pytest.mark.parametrize("name", ["planer", "Planner", "planner ", "../planner", "C:", "x" * 300, "a\nb", "con", ""])
def test_an_unknown_recipient_is_refused(name):
    """Mail to a name that nobody joined under is refused, and nothing is written anywhere."""
    world = World()
    scout = world.agent("scout")
    world.agent("planner")
    before = dict(world.store._documents)

    with pytest.raises(UnknownRecipientError) as refused:
        scout.send(name, "x")

    assert world.store._documents == before
    if name in ("planer", "Planner"):
        assert refused.value.near == ("planner",)
        assert "planner" in str(refused.value)


def test_one_unknown_recipient_stops_the_whole_batch():
    """A batch with one wrong name sends nothing, so that it can be corrected and sent again."""
    world = World()
    scout, planner = world.agent("scout"), world.agent("planner")

    with pytest.raises(UnknownRecipientError):
        scout.send_many([Draft("planner", "x"), Draft("nobody", "y")])

    assert planner.unread == 0


def test_a_silent_recipient_is_accepted_and_told():
    """Mail to an agent that has gone silent is kept for it, and the receipt says since when it is silent."""
    world = World()
    scout, planner = world.agent("scout"), world.agent("planner", every="1h")
    planner.beat()
    seen = world.clock.now()
    assert scout.send("planner", "x").silent_since is None

    world.clock.advance(hours=5)
    receipt = scout.send("planner", "y")

    assert receipt.silent_since - seen < timedelta(seconds=1)
    assert "silent since" in str(receipt)
    assert planner.unread == 2


def test_a_late_joiner_is_found():
    """An agent that joins after the sender started can be written to at once."""
    world = World()
    scout = world.agent("scout")
    with pytest.raises(UnknownRecipientError):
        scout.send("planner", "x")
    world.agent("planner")

    assert scout.send("planner", "x").id


@pytest.mark.parametrize("reply_to", ["01a1f9de-1d99-72bc-bdf7-9a7b3e80730a", "nonsense", "../../etc/passwd"])
def test_a_reference_to_nothing_is_refused(reply_to):
    """An answer to a message that does not exist is refused, and the error names the value."""
    world = World()
    scout, planner = world.agent("scout"), world.agent("planner")

    with pytest.raises(ReferenceNotFoundError) as refused:
        scout.send("planner", "x", kind="answer", reply_to=reply_to)

    assert refused.value.value == reply_to
    assert planner.unread == 0


def test_a_typo_is_no_new_agent(tmp_path):
    """A command given in a name that never joined is refused with the nearest names, and nobody new is on the bus."""
    create_bus(tmp_path / "bus")
    Agent("planner", bus=tmp_path / "bus", home=tmp_path / "home")

    with pytest.raises(NotJoinedError) as refused:
        Agent("plannner", bus=tmp_path / "bus", home=tmp_path / "home", join=False)

    assert refused.value.near == ("planner",)
    assert [path.name for path in (tmp_path / "bus" / "registry").iterdir()] == ["planner"]


def lying_in(folder):
    """All that lies there, but for what is being written aside."""
    return sorted(each for each in folder.rglob("*") if "tmp" not in each.relative_to(folder).parts)


@pytest.mark.parametrize(("name", "home"), [("plannner", "home"), ("planner", "homme")])
def test_a_typo_leaves_nothing_behind(tmp_path, name, home):
    """A mistyped name or home makes no key and no folder: nothing is written before it is known that the agent has joined from here."""
    create_bus(tmp_path / "bus")
    Agent("planner", bus=tmp_path / "bus", home=tmp_path / "home")
    before = lying_in(tmp_path)

    with pytest.raises(NotJoinedError, match=f"no key of '{name}' for this bus lies in .*{home}: "):
        Agent(name, bus=tmp_path / "bus", home=tmp_path / home, join=False)

    assert lying_in(tmp_path) == before


def test_an_agent_that_is_known_here_needs_no_drive_to_be_found(tmp_path):
    """While the drive is away an agent that has joined from this machine still works, and a typo is still none."""
    create_bus(tmp_path / "bus")
    Agent("planner", bus=tmp_path / "bus", home=tmp_path / "home")
    (tmp_path / "bus").rename(tmp_path / "away")

    planner = Agent("planner", bus=tmp_path / "bus", home=tmp_path / "home", join=False)

    planner.learn("smb", "links hold")
    with pytest.raises(NotJoinedError):
        Agent("plannner", bus=tmp_path / "bus", home=tmp_path / "home", join=False)
