"""The channel of the alerts: written by the routine, read by anybody."""

import pytest

from somabus.model import tree
from somabus.testing import World


@pytest.fixture
def world():
    """A bus without agents."""
    return World()


@pytest.fixture
def alerted(world):
    """An agent that has raised an alert itself, and one that has not read it."""
    scout = world.agent("scout")
    scout._services.incidents.tell("queue web", "parked 1", "a job waits for a human")
    return scout, world.agent("planner")


def test_alerts_are_read_like_a_channel(alerted):
    """`read(["alerts"])` shows each alert once, also to the agent that raised it, and `peek` moves nothing."""
    for agent in alerted:
        assert [each.message.data["detail"] for each in agent.peek(["alerts"])] == ["a job waits for a human"]
        assert [each.message.subject for each in agent.read(["alerts"])] == ["queue web: a job waits for a human"]
        assert list(agent.read(["alerts"])) == []


def test_nothing_new_among_the_alerts_is_no_typo(world):
    """On a bus on which nobody has raised an alert, there is nothing to read; that is no error."""
    assert list(world.agent("scout").read(["alerts"])) == []


def test_whoever_follows_the_alerts_counts_them_and_loses_no_other_channel(alerted):
    """To follow `alerts` makes them unread as posts are, and every other channel is read on."""
    scout, planner = alerted
    scout.post("arc:wiki", "the archive is complete")
    planner.subscribe("arc:wiki")

    assert planner.subscribe("alerts")
    assert planner.unread_by_channel() == {"alerts": 1, "arc:wiki": 1}
    assert {each.channel for each in planner.read()} == {"alerts", "arc:wiki"}
    assert planner.unread_by_channel() == {"alerts": 0, "arc:wiki": 0}


def test_channels_lists_the_alerts_once_there_are_some(alerted):
    """`channels()` names `alerts` with its count; a bus without alerts lists nothing."""
    listed = {each.name: each.posts for each in alerted[1].channels()}

    assert listed == {"alerts": 1}
    assert World().agent("scout").channels() == ()


def test_reading_hides_no_alert_from_the_routine(alerted):
    """A person who has read the alerts takes none from the next beat: its report has them still."""
    planner = alerted[1]
    planner.read(["alerts"])

    before = planner._services.channels._cursors.position(tree.ALERTS).at
    assert before == 0
    assert [each["detail"] for each in planner.beat().alerts] == ["a job waits for a human"]
