"""P13. Loops end: a chain past the hop limit is parked for a human; alerts and heartbeats are never muted by it."""

from somabus.model.bus import BusPolicy
from somabus.testing import World
from tests.planting import plant


def chatterbox(world, name, other):
    """An agent that answers everything, as models do."""
    agent = world.agent(name)
    agent.on("*")(lambda message: "and what do you think?")
    return agent


def test_two_agents_that_answer_each_other_for_ever_are_stopped():
    """A loop of answers ends at the hop limit: the last message lies in the dead letters, for a human to look at."""
    world = World(policy=BusPolicy(hop_limit=10))
    ann, bob = chatterbox(world, "ann", "bob"), chatterbox(world, "bob", "ann")
    ann.send("bob", "hello", kind="question")
    handled = 0
    for _ in range(50):
        world.clock.advance(minutes=1)
        handled += ann.beat().handled + bob.beat().handled

    parked = [*ann.inbox.dead(), *bob.inbox.dead()]
    assert handled == 11
    assert [letter.reason for letter in parked] == ["too many hops"]


def test_a_loop_cannot_escape_by_sending_anew():
    """A handler that sends a new message instead of replying continues the chain: origin and hops go with it."""
    world = World(policy=BusPolicy(hop_limit=6))
    agents = {name: world.agent(name) for name in ("ann", "bob", "eve")}
    ring = {"ann": "bob", "bob": "eve", "eve": "ann"}

    def pass_on(name):
        return lambda message: agents[name].send(ring[name], "pass it on") and None

    for name in ring:
        agents[name].on("*")(pass_on(name))
    agents["ann"].send("bob", "start")
    handled = 0
    for _ in range(30):
        handled += sum(agent.beat().handled for agent in agents.values())

    assert handled == 7


def test_a_human_can_let_a_parked_message_pass():
    """A message parked for its hops is delivered after a replay."""
    world = World(policy=BusPolicy(hop_limit=3))
    scout, planner = world.agent("scout"), world.agent("planner")
    parked = plant(world, "planner", sender="scout", sign=world.signers["scout"].sign, hops=4)
    assert planner.inbox.claim() is None

    assert planner.inbox.replay(parked)

    assert planner.inbox.claim().message.id == parked
    assert scout.unread == 0  # a bounce would have been the chain's next hop


def test_alerts_and_heartbeats_pass_whatever_their_hops():
    """The guard never silences the kinds that say that something is wrong."""
    world = World(policy=BusPolicy(hop_limit=3))
    world.agent("scout")
    planner = world.agent("planner")
    alert = {"component": "disk", "severity": "critical", "detail": "full"}
    for kind, data in (("alert", alert), ("heartbeat", {}), ("note", {})):
        plant(world, "planner", sender="scout", sign=world.signers["scout"].sign, hops=99, kind=kind, data=data)

    assert sorted(delivery.message.kind for delivery in planner.inbox.drain()) == ["alert", "heartbeat"]


def test_a_bounce_is_never_bounced():
    """A receipt that cannot be handled is set aside without a further receipt."""
    world = World()
    scout, planner = world.agent("scout"), world.agent("planner")
    scout.send("planner", "x")
    planner.inbox.claim().reject("no")
    bounce = scout.inbox.claim()
    assert bounce.message.kind == "receipt"

    bounce.reject("I do not want to know")

    assert planner.unread == 0


def test_answering_the_first_message_again_and_again_is_a_loop_too():
    """A handler that always answers the root of a thread does not reset the count of hops by it."""
    world = World(policy=BusPolicy(hop_limit=6))
    agents = {name: world.agent(name) for name in ("ann", "bob")}
    root = agents["ann"].send("bob", "root").id

    def answer_root(me, other):
        return lambda message: agents[me].send(other, "again", kind="note", reply_to=root) and None

    agents["ann"].on("*")(answer_root("ann", "bob"))
    agents["bob"].on("*")(answer_root("bob", "ann"))

    handled = sum(agent.beat().handled for _ in range(30) for agent in agents.values())

    assert handled == 7
