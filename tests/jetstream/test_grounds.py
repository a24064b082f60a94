"""P5, P12 on a server: a stream is the bus only while it says so itself, and what is known of it is looked at again."""

import pytest

from somabus import Agent, create_bus
from somabus.audit import Audit
from somabus.copying import copy
from somabus.errors import ConfigurationError, NotABusError, StoreUnavailableError
from somabus.model.bus import BUS_FILE
from somabus.model.ids import IdMaker
from somabus.model.stop import Range, Scope
from somabus.operator.oversight import resume_by_hand, stop_by_hand
from somabus.store.directory import DirectoryStore
from tests.jetstream.waiting import until

ACTS = {
    "claim": lambda agent: agent.inbox.claim(),
    "drain": lambda agent: list(agent.inbox.drain()),
    "send": lambda agent: agent.send("scout", "to a copy"),
    "unread": lambda agent: agent.unread,
    "counts": lambda agent: agent.inbox.counts(),
    "post": lambda agent: agent.post("arc:wiki", "to a copy"),
}


@pytest.fixture
def address(server):
    """The address of a bus."""
    return f"{server.url}/soma"


def test_a_stream_without_the_marker_is_no_bus(store):
    """A root that does not show the marker, and an empty folder where it is not, are "could not look", never "nothing is there"."""
    store.create("in/a.json", b"1")
    store.only_with(BUS_FILE)
    for folder in ("", "none"):
        with pytest.raises(StoreUnavailableError, match="no bus at"):
            store.list(folder)

    store.create(BUS_FILE, b"{}")

    assert store.list("") == ["in", BUS_FILE]
    assert store.list("none") == []


@pytest.mark.parametrize(
    "begun", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["an agent at work", "a new process"]
)
def test_nobody_acts_in_a_copy_that_is_not_finished(address, store_on, server, tmp_path, begun):
    """P3, P5: a bus went to a folder, its old stream is gone, and a copy back is made ahead: whoever knew the bus at that address does nothing in the copy."""
    create_bus(address, home=tmp_path)
    scout, planner = (Agent(name, bus=address, home=tmp_path) for name in ("scout", "planner"))
    scout.send("planner", "once")
    planner.unread  # noqa: B018 - it is at work
    store, folder = store_on(server, "soma", anew=False), DirectoryStore(str(tmp_path / "bus"), writer="copy")
    store.create("STOP", b"")
    assert copy(store, folder).finished
    folder.delete("STOP")
    store.stream.drop()
    store.make()
    assert not copy(folder, store).finished
    before = store.list("messages/planner/inbox"), store.list("messages")

    agent = planner if begun else Agent("planner", bus=address, home=tmp_path)
    for name, act in ACTS.items():
        with pytest.raises(StoreUnavailableError):
            pytest.fail(f"{name}: {act(agent)}")

    assert (store.list("messages/planner/inbox"), store.list("messages")) == before
    assert [each.message.body for each in Agent("planner", bus=tmp_path / "bus", home=tmp_path).inbox.drain()] == [
        "once"
    ]


def test_an_init_that_is_refused_makes_nothing(address, store_on, server, tmp_path):
    """P5: where the bus is gone, an init that is refused leaves "could not look" as it was; a wrong rule leaves no stream, either."""
    store = store_on(server, "soma", anew=False)
    with pytest.raises(ConfigurationError):
        create_bus(address, policy="none", home=tmp_path)
    with pytest.raises(NotABusError):
        store.check()
    create_bus(address, home=tmp_path)
    planner = Agent("planner", bus=address, home=tmp_path)
    assert planner.unread == 0
    store.stream.drop()

    with pytest.raises(ConfigurationError, match="not there now"):
        create_bus(address, home=tmp_path)

    with pytest.raises(NotABusError):
        store.check()
    with pytest.raises(StoreUnavailableError):
        planner.unread  # noqa: B018 - it raises
    create_bus(address, home=tmp_path, anew=True)


def test_a_stop_that_was_lifted_stays_so_when_the_server_is_killed(address, store_on, server, tmp_path):
    """P12: stopped twice by hand, and resumed: a kill -9 of the server does not bring the first stop back."""
    bus = create_bus(address, home=tmp_path)
    store = store_on(server, "soma", anew=False)
    audit = Audit(store, bus.bus, "anna", None, store.now, None)
    for why in ("a", "b"):
        stop_by_hand(store, audit, bus.bus, Scope(Range.BUS), why, by="anna", ids=IdMaker(lambda size: b"0" * size))
    assert resume_by_hand(store, None)
    server.kill()
    server.start()
    until(lambda: store.list(""), "the server is back")

    assert "STOP" not in store.list("")


def test_what_is_known_of_a_stream_is_looked_at_again_after_a_minute(store):
    """When an operator gives the stream copies, whoever is at work asks its leader alone within a minute."""
    stream, clock, asked = store.stream, [0.0], []
    stream._monotonic = lambda: clock[0]
    ask, ask_all = stream.ask, stream.link.ask_all

    def copied(what, *args):
        answer = ask(what, *args)
        if what.startswith("STREAM.INFO"):
            answer["config"]["num_replicas"] = 3
        return answer

    def noting(questions):
        asked.extend(questions := list(questions))
        return ask_all(questions)

    stream.link.ask_all = noting
    store.create("a.json", b"1")
    assert store.read("a.json") == b"1"
    stream.ask = copied
    clock[0] = 59.0
    store.read("a.json")
    assert any(".DIRECT.GET." in each.subject for each in asked)
    asked.clear()
    clock[0] = 61.0

    assert store.read("a.json") == b"1"
    assert not any(".DIRECT.GET." in each.subject for each in asked)


def test_a_deletion_that_reads_what_is_old_ends(store):
    """A deletion that finds the document again and again, and never as it is, says that it could not look."""
    store.create("a.json", b"1")
    old = store._tree.find("a.json")
    store.replace("a.json", b"2")
    store._tree.find = lambda key: old if key == "a.json" else None

    with pytest.raises(StoreUnavailableError, match="again and again"):
        store.delete("a.json")
