"""P1 across servers: agents on two leaf nodes, the bus on their hub, which is killed and comes back."""

import threading

import pytest

from somabus import Agent, create_bus
from somabus.errors import ConfigurationError, StoreRefusedError, StoreUnavailableError
from somabus.store.nats import Link, NatsStore
from somabus.store.nats.facts import facts_of
from somabus.store.nats.names import takers
from tests.jetstream.waiting import until
from tests.natsserver import free_port, programs


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


@pytest.mark.slow
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


@pytest.mark.slow
def test_two_buses_of_one_name_are_told(servers, hub, store_on, tmp_path):
    """Where two servers that are joined have a stream of one name each, what is written lands in both: that is said, with the step to take."""
    site = leaf_of(servers, hub, jetstream=f'jetstream {{ store_dir: "{tmp_path}/site", domain: site }}\n')
    until(lambda: hub.log().count("Leafnode connection created") >= 1, "the leaf is joined")
    there, here = store_on(hub, "soma"), store_on(site, "soma")

    def heard():
        there.replace("a/0.json", b"")
        return here.list("a") == ["0.json"]

    until(heard, "the site's stream hears the hub's writings")
    through = NatsStore(Link([site.url]), "soma", "hub")
    for store in (there, here, through):
        assert facts_of(store.stream).takers == ("soma@hub", "soma@site")

    with pytest.raises(StoreRefusedError, match="a name of its own"):
        for n in range(100):
            through.create(f"b/{n}.json", b"")
    through.close()


@pytest.mark.slow
def test_a_bus_is_not_made_beside_one_of_its_name(servers, hub, tmp_path):
    """`init` at a site without the domain of the hub, where the bus lies, is refused with what is there, and nothing is made; with the domain it is the bus."""
    site = leaf_of(servers, hub, jetstream=f'jetstream {{ store_dir: "{tmp_path}/site", domain: site }}\n')
    create_bus(f"{hub.url}/soma", home=tmp_path)
    through = NatsStore(Link([site.url]), "soma", "hub")
    until(through.stream.is_there, "the hub is reached")
    until(lambda: takers(through.stream) == ("soma@hub",), "the site hears of the hub's stream")

    with pytest.raises(ConfigurationError, match="soma@hub takes what is written"):
        create_bus(f"{site.url}/soma", home=tmp_path)

    assert not NatsStore(Link([site.url]), "soma").stream.is_there()
    with pytest.raises(ConfigurationError, match="there is a bus at"):
        create_bus(f"{site.url}/soma@hub", home=tmp_path)
    create_bus(f"{site.url}/other", home=tmp_path)
    through.close()


def test_a_domain_that_nobody_answers_for_is_told(servers, hub):
    """A domain that no server has is named in what is said, and is not taken for an empty bus."""
    with pytest.raises(StoreUnavailableError, match="nobody answers there for the domain hbu"):
        create_bus(f"{hub.url}/soma@hbu")


def test_a_stream_is_judged_by_its_own_server(servers, program, tmp_path):
    """Whether deletions are remembered is the hub's matter, where the stream lies, not that of the leaf whom one asks."""
    others = [path for path in programs().values() if path != program]
    if not others:
        pytest.skip("there is one server here")
    port = free_port()
    hub = servers(more=f'leafnodes {{ listen: "127.0.0.1:{port}" }}', jetstream="\n", program=others[0])
    hub.stop()
    hub.configure(
        f'jetstream {{ store_dir: "{hub.folder}/js", domain: hub }}\nleafnodes {{ listen: "127.0.0.1:{port}" }}'
    )
    hub.start()
    hub.leaves_at = port
    leaf = leaf_of(servers, hub)
    until(lambda: hub.log().count("Leafnode connection created") >= 1, "the leaf is joined")
    store = NatsStore(Link([leaf.url]), "soma", "hub")
    until(lambda: store.make() is None, "the hub is reached")

    assert store.stream.known("").remembers == (hub.version >= (2, 11))
    store.create("in/a", b"it")
    store.move("in/a", "out/a")
    assert store.read("out/a") == b"it"
    store.close()


def take(agent):
    """Handle what waits; return the ids."""
    return sorted(delivery.message.id for delivery in agent.inbox.drain() if delivery.ack() is None)
