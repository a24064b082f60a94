"""What a server refuses becomes the store's own error, at once, and nothing is half written."""

import time

import pytest

from somabus.errors import (
    DocumentTooLargeError,
    NotABusError,
    NotLetInError,
    StoreFullError,
    StoreRefusedError,
    StoreUnavailableError,
)
from somabus.store.nats.talk import Refused, meaning

NO_LIMIT = 10_000


def change(store, **configuration):
    """Let an operator change the stream."""
    there = store._stream.ask("STREAM.INFO.soma", {}, "soma")["config"]
    store._stream.ask("STREAM.UPDATE.soma", {**there, **configuration}, "soma")


def fill(store, size=2000):
    """Write until the server takes no more; return what was taken."""
    taken = []
    with pytest.raises(StoreFullError) as full:
        for n in range(NO_LIMIT):
            store.create(f"a/{n}.json", b"x" * size)
            taken.append(f"{n}.json")
    assert "free some space" in str(full.value)
    return taken


@pytest.mark.parametrize("limit", [{"max_bytes": 100_000}, {"max_msgs": 50}], ids=str)
def test_a_full_stream_refuses_and_drops_nothing(server, store_on, limit):
    """Where an operator limits the stream, it is full one day: what is there stays, reads go on, and space that is freed is used."""
    store = store_on(server, "soma")
    change(store, **limit)
    taken = fill(store)

    assert len(taken) > 10
    assert store.list("a") == sorted(taken)
    assert all(store.read(f"a/{name}") for name in taken)
    for name in taken[:5]:
        store.delete(f"a/{name}")
    store.create("a/new.json", b"x" * 1000)
    assert store.read("a/new.json") == b"x" * 1000


def test_a_full_account_refuses(servers, store_on):
    """What a server keeps for all of its streams has an end as well."""
    server = servers(jetstream="")
    server.stop()
    server.configure(f'jetstream {{ store_dir: "{server.folder}/js", max_file_store: 100000 }}')
    server.start()
    store = store_on(server, "soma")

    taken = fill(store)

    assert store.list("a") == sorted(taken)


def test_a_sealed_stream_refuses(server, store_on):
    """A stream that was sealed can be read and is not written."""
    store = store_on(server, "soma")
    store.create("a.json", b"1")
    change(store, sealed=True)

    for act in (lambda: store.create("b.json", b""), lambda: store.replace("a.json", b"2")):
        with pytest.raises(StoreRefusedError):
            act()
    with pytest.raises(StoreRefusedError):
        store.delete("a.json")
    assert store.read("a.json") == b"1"


def test_a_stream_that_went_away_is_not_an_empty_bus(server, store_on):
    """P5: where the stream was deleted no verb answers "empty": it could not look."""
    store = store_on(server, "soma")
    store.create("a/b.json", b"1")
    store._stream.ask("STREAM.DELETE.soma", {}, "soma")

    for act in (
        lambda: store.read("a/b.json"), lambda: store.list("a"), lambda: store.create("c.json", b""),
        lambda: store.create_many([("c.json", b"")]), lambda: store.delete("a/b.json"), lambda: store.weigh(""),
        lambda: store.move("a/b.json", "c.json"), lambda: store.prune("a"), lambda: store.lock("a").__enter__(),
    ):  # fmt: skip
        with pytest.raises(StoreUnavailableError):
            act()


def test_a_bus_that_is_not_there_is_told_at_once(server, store_on):
    """A name that no stream has is told in a moment, by whatever verb comes first; with old servers as well."""
    began = time.monotonic()
    for verb in (
        lambda store: store.read("a.json"),
        lambda store: store.list(""),
        lambda store: store.delete("a.json"),
    ):
        store = store_on(server, "nobodys", anew=False)
        with pytest.raises(StoreUnavailableError):
            verb(store)
        with pytest.raises(NotABusError):
            store.check()
    assert time.monotonic() - began < 3


def test_a_server_without_jetstream_is_told(servers, store_on):
    """A server that keeps nothing is no place for a bus; the error says what is missing."""
    store = store_on(servers(jetstream=""), anew=False)

    for act in (store.make, store.check, lambda: store.read("a.json"), lambda: store.list("")):
        with pytest.raises(StoreUnavailableError, match="JetStream"):
            act()


def test_an_account_without_jetstream_is_told(servers, store_on):
    """An account that may keep nothing is told at once."""
    server = servers(
        more="accounts { A { users = [ { user: a, password: a } ] }, B { jetstream: enabled, users = [ { user: b, password: b } ] } }"
    )
    store = store_on(server, anew=False, user="a", password="a")

    with pytest.raises((StoreRefusedError, StoreUnavailableError), match="JetStream"):
        store.make()


def test_a_document_that_the_server_does_not_take_is_refused_before_it_is_sent(servers, store_on):
    """A document over the server's limit is told with both numbers, and the connection stays."""
    store = store_on(servers(max_payload="100KB"))
    line = store._link.begin()

    for size in (100 * 1024 - 1023, 100 * 1024, 500_000):
        for act in (store.create, store.replace, lambda key, data: store.create_many([(key, data)])):
            with pytest.raises(DocumentTooLargeError, match="max_payload"):
                act("a.json", b"x" * size)
    store.create("a.json", b"x" * (100 * 1024 - 1024))
    store.move("a.json", "box/" + "b" * 190)

    assert len(store.read("box/" + "b" * 190)) == 100 * 1024 - 1024
    assert store._link.begin() is line


def test_what_may_not_be_written_is_refused_at_once(servers, store_on):
    """A subject that this user may not write to is told in a moment, not by a silence; the connection stays."""
    server = servers(
        more='authorization { users = [ { user: a, password: a, permissions: { publish: ["$JS.API.>", "soma.f.>", "soma.k.Mine.>"] } } ] }'
    )
    store = store_on(server, "soma", user="a", password="a")
    began = time.monotonic()

    for act in (store.create, store.replace, lambda key, data: store.create_many([("Mine/1.json", data), (key, data)])):
        with pytest.raises(StoreRefusedError, match=r"'Yours/1.json'.* may not publish \"soma.k.Yours.1%2Ejson\""):
            act("Yours/1.json", b"")
    store.create("Mine/2.json", b"1")
    with pytest.raises(StoreRefusedError):
        store.move("Mine/2.json", "Yours/2.json")

    assert time.monotonic() - began < 3
    assert store.read("Mine/2.json") == b"1"
    assert store.now().year >= 2024, "who may not ask the server for the time goes by this machine's"


def test_who_may_not_hear_answers_is_told(servers, store_on):
    """A user without the right to its own answers is told so, and does not wait for them."""
    server = servers(
        more='authorization { users = [ { user: a, password: a, permissions: { publish: ">", subscribe: ["soma.>"] } } ] }'
    )
    store = store_on(server, "soma", anew=False, user="a", password="a")
    began = time.monotonic()

    for _ in range(2):
        with pytest.raises(NotLetInError, match="_INBOX"):
            store.read("a.json")
    assert time.monotonic() - began < 5


TABLE = {
    (10047, "storage resources exceeded"): StoreFullError,
    (10002, "resource limits exceeded for account"): StoreFullError,
    (10077, "maximum bytes exceeded"): StoreFullError,
    (10077, "write /js/1.blk: no space left on device"): StoreFullError,
    (10077, "stream closed"): StoreUnavailableError,
    (10039, "JetStream not enabled for account"): StoreRefusedError,
    (10054, "message size exceeds maximum allowed"): DocumentTooLargeError,
    (10008, "JetStream system temporarily unavailable"): StoreUnavailableError,
    (503, ""): StoreUnavailableError,
    (10059, "stream not found"): StoreUnavailableError,
    (99999, "news of a later server"): StoreUnavailableError,
}


@pytest.mark.parametrize(("refused", "error"), TABLE.items(), ids=[f"{code} {said}" for code, said in TABLE])
def test_each_refusal_has_its_meaning(refused, error):
    """The numbers and words of a server, and the store's errors for them; what is not known says nothing of the document."""
    found = meaning(Refused(*refused), "a.json", "nats://h:1/soma")

    assert type(found) is error
    assert found.key == "a.json"
    assert found.detail.startswith("nats://h:1/soma: ")
