"""P1 to P4 at every crash point on a server: a process dies before any single question that changes something.

The scenes are those of the other stores. Looking is no step: it changes nothing.
"""

from datetime import timedelta

import pytest

from somabus.store.nats import Link, NatsStore
from somabus.store.nats.talk import Question
from tests.crashes.harness import every_point
from tests.crashes.test_crash_points import SCENES
from tests.jetstream.stopping import StoppingLink
from tests.natsserver import NatsServer, every_server

pytestmark = pytest.mark.slow
AT_ONCE = timedelta(0)


@pytest.fixture(scope="module", params=every_server())
def on_server(request, tmp_path_factory):
    """A ground on which a process dies at a question; what it began may be finished at once."""
    folder = tmp_path_factory.mktemp("nats")
    server = NatsServer(folder, program=request.param, jetstream=f'jetstream {{ store_dir: "{folder}/js" }}\n')
    plain, mortal = Link([server.url]), StoppingLink([server.url], None)
    buses = []

    def ground(fuse, clock):
        buses.append(f"bus{len(buses)}")
        mortal.fuse = fuse
        store = NatsStore(plain, buses[-1], now=clock.now, move_takes=AT_ONCE)
        store.make()
        if buses[:-1]:  # not before: a server that has no stream left forgets its folder as well
            plain.ask(Question(f"$JS.API.STREAM.DELETE.{buses[-2]}"))
        return store, NatsStore(mortal, buses[-1], now=clock.now, move_takes=AT_ONCE)

    yield ground
    plain.close()
    mortal.close()
    server.stop()


@pytest.mark.parametrize("scene", SCENES)
def test_nothing_is_lost_wherever_it_stops_on_a_server(scene, on_server, points, request):
    """P1-P4: wherever a process dies, what was promised before still holds after the next beats."""
    count = every_point(on_server, scene)

    points[request.node.name, "questions to a server"] = count
    assert count > 3
