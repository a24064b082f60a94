"""P14 on a server: what somebody writes past somabus, with a client of his own, stops nobody's mail."""

import pytest

from somabus import Agent, create_bus
from somabus.copying import copy, digest
from somabus.store.memory import MemoryStore
from somabus.store.nats import open_store
from somabus.store.nats.subjects import Subjects
from somabus.store.nats.talk import Question
from somabus.testing import HandClock

SUBJECTS = Subjects("soma")
HEADERS = (
    {"Status": "503"},
    {"Status": "404"},
    {"Status": "503", "Description": "no responders"},
    {"Nats-Sequence": "7"},
)
ENDINGS = ("a:b", "con", "a%20", "%2Ea", "x" * 250, "é")


@pytest.fixture
def address(server):
    """The address of a bus."""
    return f"{server.url}/soma"


@pytest.fixture
def team(address, tmp_path):
    """Two agents on a bus."""
    create_bus(address, home=tmp_path)
    return [Agent(name, bus=address, home=tmp_path / name, every="1h") for name in ("scout", "planner")]


@pytest.fixture
def put(address):
    """Write to a subject, as any client can."""
    store = open_store(address, {})
    yield lambda subject, data, headers=None: store._stream.put([Question(subject, data, headers, subject)])
    store.close()


def served(planner):
    """Return what an agent is served."""
    return [delivery.message.body for delivery in planner.inbox.drain() if delivery.ack() is None]


@pytest.mark.parametrize(
    "headers", [HEADERS[0], *(pytest.param(each, marks=pytest.mark.slow) for each in HEADERS[1:])], ids=str
)
def test_headers_of_a_message_are_its_writers_word(team, put, headers):
    """A message that carries the words with which a server refuses is a message; it is served or set aside, and what waits behind it is served."""
    scout, planner = team
    first, second = scout.send("planner", "first", priority="high"), scout.send("planner", "second")
    store = planner.connection.store
    (name,) = [each for each in store.list("messages/planner/inbox") if first.id in each]
    key = f"messages/planner/inbox/{name}"
    put(SUBJECTS.document(key), store.read(key), headers)

    assert set(served(planner)) >= {"second"}
    assert planner.unread == 0
    assert scout.trace(second).state.value == "done"


@pytest.mark.slow
def test_headers_of_a_card_or_a_post_stop_nobody(team, put):
    """A card and a post that carry such words are read as what they are: peers, channels and beats go on."""
    scout, planner = team
    planner.subscribe("general")
    store = planner.connection.store
    for number, headers in enumerate(HEADERS, 1):
        scout.post("general", "hello")
        for key in ("registry/scout/card.json", f"channels/general/0000000/{number:010d}.json"):
            raw = store.read(key)
            assert raw is not None, key
            put(SUBJECTS.document(key), raw, headers)

        assert {peer.name for peer in planner.peers()} == {"scout", "planner"}
        assert [post.message.body for post in planner.read().posts] == ["hello"]
    assert not planner.beat().could_not_look


@pytest.mark.parametrize("kind", ["k", pytest.param("f", marks=pytest.mark.slow)])
def test_a_name_that_is_no_key_is_not_listed(team, put, kind):
    """What lies under a name that no key has is not there for agents: mail is served, beats and sweeps go on."""
    scout, planner = team
    scout.send("planner", "it")
    for folder in ("messages.planner.inbox", "channels", "leases", "registry"):
        for ending in ENDINGS:
            put(f"soma.{kind}.{folder}.{ending}", b"x")

    assert planner.unread == 1
    assert served(planner) == ["it"]
    assert not planner.beat().could_not_look
    planner.sweep()


@pytest.mark.parametrize("name", ["0-{id}%2E0%2Ejson", pytest.param("folder", marks=pytest.mark.slow)])
def test_a_folder_among_the_mail_is_set_aside(team, put, name):
    """A folder that stands where mail waits is set aside like any other thing that is no message, and is counted once."""
    scout, planner = team
    receipt = scout.send("planner", "it")
    put(f"soma.f.messages.planner.inbox.{name.format(id=receipt.id[:-1] + '0')}", b"")

    assert planner.unread == 2
    assert served(planner) == ["it"]
    assert planner.unread == 0
    assert len(planner.inbox.dead()) == 1


def test_a_document_in_the_place_of_a_folder_hides_nothing(team, put):
    """A server keeps a document where a folder is: what lies in the folder is copied, and the document is named as left."""
    scout, _ = team
    scout.post("general", "hello")
    scout.connection.store.create("STOP", b"moving")
    put("soma.k.channels.general", b"planted")
    target = MemoryStore(HandClock().now)

    copied = copy(scout.connection.store, target)

    assert (copied.finished, copied.left) == (True, ("channels/general",))
    assert target.read("channels/general/0000000/0000000001.json")
    assert digest(target) == copied.digest


def test_a_document_at_the_target_gives_way_to_a_folder(server, tmp_path):
    """What stands at the target in the place of a folder is taken away, so that both places are the same."""
    create_bus(tmp_path / "bus", home=tmp_path)
    agent = Agent("writer", tmp_path / "bus", home=tmp_path / "writer", durability="none")
    agent.post("general", "hello")
    source, target = agent.connection.store, open_store(f"{server.url}/other", {})
    source.create("STOP", b"moving")
    target.make()
    copy(source, target)
    target._stream.put([Question("other.k.channels.general", b"planted")])

    copied = copy(source, target, over=True)

    assert (copied.finished, copied.left) == (True, ())
    assert target.read("channels/general") is None
    assert digest(target) == copied.digest == digest(source)
    target.close()
