"""The store on NATS JetStream passes the one public suite, against real servers."""

import itertools

import pytest

from somabus.errors import ConfigurationError, NotABusError
from somabus.store.nats import Link, NatsStore
from somabus.testing.contract import StoreContract
from tests.natsserver import NatsServer, every_server

_NAMES = itertools.count()


@pytest.fixture(scope="module", params=every_server())
def server(tmp_path_factory, request):
    """One server for the tests of this file; each has a bus of its own."""
    running = NatsServer(tmp_path_factory.mktemp("nats"), program=request.param)
    yield running
    running.stop()


def make(server, name=None):
    """Return a store on a new bus."""
    store = NatsStore(Link([server.url]), name or f"bus{next(_NAMES)}")
    store.make()
    return store


class TestNats(StoreContract):
    """A stream of JetStream."""

    @pytest.fixture(autouse=True)
    def _server(self, server):
        self.server, self.stores = server, []
        yield
        for store in self.stores:
            store.close()

    def make_store(self, tmp_path):
        self.stores.append(make(self.server))
        return self.stores[-1]


FOREIGN = {
    "another retention": {"retention": "workqueue"},
    "a limit that drops the oldest": {"description": "somabus 1", "max_msgs_per_subject": 1, "max_msgs": 100},
    "an age": {"description": "somabus 1", "max_msgs_per_subject": 1, "max_age": 10**12, "discard": "new"},
}


@pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_stream_is_refused(server, foreign):
    """A stream that is none of somabus's, or that would drop documents, is told and untouched under the name of a bus."""
    name = f"theirs{next(_NAMES)}"
    store = NatsStore(Link([server.url]), name)
    store._stream.ask(f"STREAM.CREATE.{name}", {"name": name, "subjects": [f"{name}.>"], **foreign}, name)

    for refuse in (store.make, store.check):
        with pytest.raises(ConfigurationError, match="none of somabus's"):
            refuse()
    store.close()


def test_subjects_that_another_stream_has_are_told(server):
    """A stream of another name that takes the subjects of the bus is told: choose another name."""
    name = f"taken{next(_NAMES)}"
    store = NatsStore(Link([server.url]), name)
    store._stream.ask("STREAM.CREATE.all", {"name": "all", "subjects": [f"{name}.>"]}, name)

    with pytest.raises(ConfigurationError, match="another stream"):
        store.make()
    store._stream.ask("STREAM.DELETE.all", {}, name)
    store.close()


def test_a_bus_is_made_once(server):
    """Making a bus that is there changes nothing in it; one that is not there is told."""
    store = make(server)
    store.create("a/b.json", b"1")

    store.make()
    store.check()

    assert store.read("a/b.json") == b"1"
    with pytest.raises(NotABusError):
        NatsStore(store._link, "nobodys").check()
    store.close()


class TestNatsByItsLeader(TestNats):
    """A stream of which there are copies: only its leader is asked, for another server may be behind."""

    def make_store(self, tmp_path):
        store = super().make_store(tmp_path)
        store._stream._seen = store._stream._monotonic() + 3600, store._stream.known("")._replace(one_copy=False)
        return store
