"""P13. A flood is braked at its sender, place by place, whichever of its processes sends."""

import pytest

from somabus import Draft
from somabus.errors import RateLimitError
from somabus.model.bus import BusPolicy
from somabus.testing import World


def send_until_refused(agent, most=100, to="planner"):
    """Send until it is refused; return how many went out, and the refusal."""
    for n in range(most):
        try:
            agent.send(to, str(n))
        except RateLimitError as error:
            return n, error
    return most, None


@pytest.fixture
def world():
    """A bus on which sixty an hour may go to one place."""
    world = World(policy=BusPolicy(rate_per_hour=60))
    for name in ("scout", "planner", "worker"):
        world.agent(name)
    return world


def test_too_much_to_one_inbox_is_refused_and_says_from_when_on(world):
    """The error names the place, the rule and from when on more may go; nothing of what was refused was sent, and other places are free."""
    scout = world.agent("scout")

    sent, error = send_until_refused(scout)

    assert (sent, error.place, error.per_hour) == (60, "planner", 60)
    assert error.again_at > world.clock.now()
    assert world.agent("planner").unread == 60
    assert scout.send("worker", "still free").to == "worker"

    world.clock.advance(minutes=1)
    assert send_until_refused(scout)[0] == 1


def test_a_channel_is_a_place_of_its_own(world):
    """Posts are counted by channel, and a flood in one leaves mail and other channels free."""
    scout = world.agent("scout")
    with pytest.raises(RateLimitError, match="channel general"):
        for n in range(100):
            scout.post("general", str(n))

    assert scout.channels()[0].posts == 60
    assert scout.post("other", "free").number == 1


def test_a_call_counts_as_mail(world):
    """Posts that call an agent flood its inbox no more than mail does: what would is refused, and nothing of it is posted."""
    scout = world.agent("scout")
    send_until_refused(scout)

    with pytest.raises(RateLimitError) as refused:
        scout.post("general", "@planner look")

    assert (refused.value.place, scout.channels()) == ("planner", ())
    assert scout.post("general", "nobody is called").number == 1


def test_several_processes_share_one_measure(world):
    """An agent that floods from one short process after another is braked as well."""
    sent = sum(send_until_refused(world.agent("scout"), most=7)[0] for _ in range(20))

    assert sent == 60


def test_a_batch_counts_all_its_messages(world):
    """A group commit is measured by what is in it."""
    scout = world.agent("scout")
    scout.send_many([Draft("planner", str(n)) for n in range(59)])

    assert send_until_refused(scout)[0] == 1


def test_alarms_and_signs_of_life_pass(world):
    """What must never be muted is never braked."""
    scout = world.agent("scout")
    send_until_refused(scout)

    alert = {"component": "drive", "severity": "warning", "detail": "full"}
    assert scout.send("planner", kind="alert", data=alert).to == "planner"
    for _ in range(61):
        scout.post("general", kind="heartbeat", data={"doing": "x", "every_s": 60})
    assert scout.post("general", "still free").number == 62


def test_the_default_is_generous():
    """Ten thousand messages in one second are no flood by default; with 0 there is no limit."""
    assert BusPolicy().rate_per_hour == 20_000
    world = World(policy=BusPolicy(rate_per_hour=0))
    world.agent("planner")

    assert send_until_refused(world.agent("scout"), most=200) == (200, None)


def test_a_clock_that_is_put_back_opens_no_gate(world):
    """Setting the clock back neither refills the measure nor closes it for ever."""
    scout = world.agent("scout")
    send_until_refused(scout)
    world.clock.put_back(hours=5)
    assert send_until_refused(scout)[0] == 0

    world.clock.advance(minutes=2)
    assert send_until_refused(scout)[0] >= 1


def test_a_damaged_measure_is_begun_anew(world):
    """A file that cannot be read brakes nobody for ever."""
    send_until_refused(world.agent("scout"))
    world.homes["scout"].replace("rates.json", b"garbage")

    assert world.agent("scout").send("planner", "x").to == "planner"
