"""The store on NATS JetStream passes the one public suite, against a real server."""

import itertools

import pytest

from somabus.errors import ConfigurationError, NotABusError
from somabus.store.nats import Link, NatsStore
from somabus.testing.contract import StoreContract
from tests.natsserver import NatsServer, binary

pytestmark = pytest.mark.skipif(binary() is None, reason="no nats-server here")
_NAMES = itertools.count()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One server for the tests of this file; each has a bus of its own."""
    running = NatsServer(tmp_path_factory.mktemp("nats"))
    yield running
    running.stop()


def make(server, name=None):
    """Return a store on a new bus."""
    store = NatsStore(Link([server.url], {}), name or f"bus{next(_NAMES)}")
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


def test_a_foreign_stream_is_refused(server):
    """A stream that is none of somabus's, under the name of a bus, is told and untouched."""
    store = make(server, "mine")
    store._api("STREAM.CREATE.theirs", {"name": "theirs", "subjects": ["theirs.>"], "retention": "workqueue"})

    for refuse in (NatsStore(store._link, "theirs").make, NatsStore(store._link, "theirs").check):
        with pytest.raises(ConfigurationError, match="none of somabus's"):
            refuse()
    with pytest.raises(NotABusError):
        NatsStore(store._link, "nobodys").check()
    store.make()
    store.check()
    store.close()
