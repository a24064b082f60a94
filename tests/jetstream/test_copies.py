"""P1, P3 on three servers: the stream has three copies, and what one server acknowledged holds when it is killed."""

import pytest

from somabus.errors import KeyExistsError, KeyMissingError
from somabus.store.nats.talk import Refused
from tests.jetstream.waiting import until
from tests.natsserver import free_port

pytestmark = pytest.mark.slow


@pytest.fixture
def cluster(servers):
    """Three servers that are one."""
    ports = [free_port() for _ in range(3)]
    routes = ", ".join(f'"nats-route://127.0.0.1:{port}"' for port in ports)
    running = []
    for port in ports:
        running.append(servers(jetstream="\n"))
        running[-1].stop()
        running[-1].configure(
            f'jetstream {{ store_dir: "{running[-1].folder}/js" }}\n'
            f'cluster {{ name: three, listen: "127.0.0.1:{port}", routes: [ {routes} ] }}'
        )
    for each in running:
        each.start()
    return running


def test_what_is_acknowledged_is_seen_through_every_server_and_survives_one(cluster, store_on):
    """What was written through one server is read through the others at once; a server that is killed takes nothing with it, and the others go on."""
    one, two, three = (store_on(each, "soma", anew=False) for each in cluster)
    until(lambda: one.make() is None, "the three have a leader")
    there = one._stream.ask("STREAM.INFO.soma", {}, "soma")["config"]
    until(lambda: copied(one._stream, there), "it has copies")
    until(lambda: one.replace("a/0", b"0") is None, "it takes documents")

    for n in range(1, 100):
        writer, reader, other = (one, two, three, one, two)[n % 3 : n % 3 + 3]
        writer.create(f"a/{n}", b"%d" % n)
        assert reader.read(f"a/{n}") == b"%d" % n
        with pytest.raises(KeyExistsError):
            other.create(f"a/{n}", b"")
        reader.move(f"a/{n}", f"b/{n}")
        assert (other.read(f"a/{n}"), other.read(f"b/{n}")) == (None, b"%d" % n)
        with pytest.raises(KeyMissingError):
            other.move(f"a/{n}", f"c/{n}")
    assert {each._stream.known("a").fences for each in (one, two, three)} == {cluster[0].version >= (2, 12)}
    cluster[0].kill()

    until(lambda: two.replace("a/0", b"1") is None, "the others have a leader")
    until(lambda: len(three.list("b")) == 99, "all of it is there")
    assert {int(three.read(f"b/{n}")) for n in range(1, 100)} == set(range(1, 100))
    assert one.read("a/0") == b"1", "whoever was connected to it has found another"


def copied(stream, there):
    """Ask for three copies; the servers may not know one another yet."""
    try:
        return stream.ask("STREAM.UPDATE.soma", {**there, "num_replicas": 3}, "soma")
    except Refused:
        return None
