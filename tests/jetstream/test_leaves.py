"""P1 across servers: agents on two leaf nodes, the bus on their hub, which is killed and comes back."""

import threading

import pytest

from somabus import Agent, create_bus
from somabus.errors import StoreUnavailableError
from tests.jetstream.waiting import until
from tests.natsserver import free_port


@pytest.fixture
def hub(servers):
    """A server that keeps the bus, in a domain of its own."""
    port = free_port()
    hub = servers(jetstream="", more=f'leafnodes {{ listen: "127.0.0.1:{port}" }}')
    hub.stop()
    hub.configure(
        f'jetstream {{ store_dir: "{hub.folder}/js", domain: hub }}\nleafnodes {{ listen: "127.0.0.1:{port}" }}'
    )
    hub.start()
    hub.leaves_at = port
    return hub


def leaf_of(servers, hub, jetstream=""):
    """Start a leaf node of a hub."""
    remote = f'leafnodes {{ reconnect: 1, remotes: [ {{ url: "nats-leaf://127.0.0.1:{hub.leaves_at}" }} ] }}'
    return servers(jetstream=jetstream, more=remote)


def test_agents_on_two_leaves_reach_each_other_through_the_hub(servers, hub, tmp_path):
    """Messages cross and wake; while the hub is dead each side keeps its mail, and when it is back everything arrives, once."""
    left = leaf_of(servers, hub)
    right = leaf_of(servers, hub, jetstream=f'jetstream {{ store_dir: "{tmp_path}/right", domain: right }}\n')
    until(lambda: hub.log().count("Leafnode connection created") >= 2, "both leaves are joined")
    create_bus(f"{hub.url}/soma", home=tmp_path)
    scout = Agent("scout", bus=f"{left.url}/soma@hub", home=tmp_path / "left", every="1h")
    planner = Agent("planner", bus=f"{right.url}/soma@hub", home=tmp_path / "right", every="1h")

    sent = {scout.send("planner", str(n)).id for n in range(20)}
    got = take(planner)
    assert got == sorted(sent)
    store = planner._services.store
    while store.wait("messages/planner/inbox", 0):
        pass
    waker = threading.Timer(0.05, lambda: scout.send("planner", "wake"))
    waker.start()
    assert store.wait("messages/planner/inbox", 20)
    waker.join()
    assert len(take(planner)) == 1

    hub.kill()
    kept = [scout.send("planner", "kept", spool=True), planner.send("scout", "kept", spool=True)]
    assert [receipt.spooled for receipt in kept] == [True, True]
    with pytest.raises(StoreUnavailableError):
        planner.inbox.counts()
    hub.start()

    until(lambda: scout.beat().outcome == planner.beat().outcome == "ok", "both beats find the hub")
    until(lambda: (scout.unread, planner.unread) == (1, 1), "all of it is delivered")
    assert (take(planner), take(scout)) == ([kept[0].id], [kept[1].id])


def take(agent):
    """Handle what waits; return the ids."""
    return sorted(delivery.message.id for delivery in agent.inbox.drain() if delivery.ack() is None)
