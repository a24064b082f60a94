"""Servers that a test may kill, hang and configure, and stores on them."""

import itertools
from datetime import timedelta

import pytest

from somabus.store.nats import Link, NatsStore
from tests.natsserver import NatsServer, every_server

_NAMES = itertools.count()


@pytest.fixture(scope="session", params=every_server())
def program(request):
    """A server's program: the first of this machine, and in the slow run all others."""
    return request.param


@pytest.fixture
def servers(tmp_path, program):
    """Starts servers; whatever the test left of them ends with it."""
    running = []

    def start(**options):
        folder = tmp_path / f"server{len(running)}"
        folder.mkdir()
        running.append(NatsServer(folder, **{"program": program, **options}))
        return running[-1]

    yield start
    for server in running:
        server.resume()
        server.stop()


@pytest.fixture
def server(servers):
    """One server of the test's own."""
    return servers()


@pytest.fixture
def store_on():
    """Makes stores; they are closed at the end."""
    made = []

    def make(server, name=None, *, anew=True, move_takes=30.0, url=None, **options):
        link = Link([url or server.url], options)
        made.append(NatsStore(link, name or f"bus{next(_NAMES)}", move_takes=timedelta(seconds=move_takes)))
        if anew:
            made[-1].make()
        return made[-1]

    yield make
    for store in made:
        store.close()


@pytest.fixture
def store(server, store_on):
    """A store on a bus of its own."""
    return store_on(server)


@pytest.fixture
def fences(server):
    """Whether the server judges a writing by the last message of another subject."""
    return server.version >= (2, 12)
