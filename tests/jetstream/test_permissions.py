"""P7 on a server: with the lists of docs/nats-permissions.md two agents do all that agents do, and the server itself takes nothing under another's name."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from somabus import Agent, Insight, create_bus
from somabus.errors import NotLetInError, StoppedError, StoreRefusedError
from somabus.model.receipt import Whereabouts
from somabus.store.nats import Link, NatsStore, open_store
from tests.jetstream.waiting import until
from tests.packaging.blocks import blocks

PAGE = Path(__file__).parents[2] / "docs" / "nats-permissions.md"
FORGED = (
    "registry/planner/card.json", "registry/planner/heartbeat.json", "registry/planner/cursors.json",
    "registry/planner/certificate.json", "messages/planner/outbox/000000/000000001.json",
    "messages/planner/claimed/5-0199.json", "messages/planner/done/2026-01-01/0199.json",
    "messages/planner/dead/5-0199.json", "messages/planner/keys/0199.json", "goals/0199/planner.json",
    "goals/0199.json", "somabus.json", "STOP", "STOP/1.json", "operator/resumed/x.json", "values.md", "operator/revocations.json", "new/at/the/root.json",
)  # fmt: skip

MINE = "messages/scout/keys/{}.json"
VERBS = {
    "create": lambda store, key: store.create(key, b"{}"),
    "replace": lambda store, key: store.replace(key, b"{}"),
    "create many": lambda store, key: store.create_many([(key, b"{}")]),
    "move": lambda store, key: store.move(MINE.format(FORGED.index(key)), key),
}


def users():
    """Return whom the page's configuration lets in, as it stands there."""
    (block,) = [each.text for each in blocks(PAGE.read_text()) if each.value("file") == "nats-server.conf"]
    return block[block.index("authorization {") :]


@pytest.fixture
def running(servers):
    """A server with the page's users."""
    return servers(more=users())


@pytest.fixture
def bus(running, tmp_path):
    """The address of a bus for a user; the bus was made by a human."""

    def bus(name):
        return f"nats://{name}:secret-of-{name}@{running.address}/soma"

    create_bus(bus("humans"), home=tmp_path)
    return bus


@pytest.fixture
def team(bus, tmp_path):
    """Two agents, each with the rights of its own."""
    return [Agent(name, bus=bus(name), home=tmp_path / name, every="1h") for name in ("scout", "planner")]


def test_agents_do_everything_that_agents_do(team):
    """Joining, mail and its ways, posts, insights, leases, beats and sweeps need no more than the lists give."""
    scout, planner = team
    question = scout.send("planner", "how many?", kind="question", key="once")
    for delivery in planner.inbox.drain():
        delivery.extend()
        delivery.reply("three")
        delivery.ack()
    assert scout.trace(question).state is Whereabouts.DONE
    with next(iter(scout.inbox.drain())) as answer:
        assert answer.body == "three"
    again, bad = scout.send("planner", "again"), scout.send("planner", "bad")
    for delivery in planner.inbox.drain():
        delivery.reject("no") if delivery.message.id == bad.id else delivery.nack("later")
    assert (scout.trace(again).state, scout.trace(bad).state) == (Whereabouts.DELAYED, Whereabouts.DEAD)
    planner.inbox.replay(bad.id)

    scout.subscribe("arc:wiki")
    planner.subscribe("arc:wiki")
    scout.post("arc:wiki", "hello @planner")
    assert [each.message.body for each in planner.read(channels=["arc:wiki"]).posts] == ["hello @planner"]
    scout.share(Insight(topic="smb", statement="slow", confidence=0.5))
    scout.learn("smb", "slower")
    with planner.lease("deploy", for_=timedelta(minutes=1)) as lease:
        lease.extend(timedelta(minutes=2))
    job = scout.submit("noop", key="once")
    planner.worker().drain()
    assert scout.jobs.outcome(job).by == "planner"
    for agent in (*team, *team):
        agent.on("*")(lambda message: None)
        report = agent.beat()
        assert report.outcome == "ok", [step for step in report.steps if not step.ok]
        agent.sweep()
    assert scout.peers()


@pytest.mark.slow
def test_a_join_that_is_refused_is_not_seen(team, bus, tmp_path):
    """Whoever may not write the card that it wants is told, and nobody sees a peer without a card."""
    with pytest.raises(StoreRefusedError, match="registry/writer/card"):
        Agent("writer", bus=bus("scout"), home=tmp_path / "scout")

    assert [peer.name for peer in team[1].peers()] == ["planner", "scout"]


@pytest.mark.slow
def test_withdrawing_takes_the_two_lines_of_the_page(running, team):
    """With the lists as they are a withdrawal is refused and the mail stays; with what the page names besides, it is done."""
    scout, planner = team
    first = scout.send("planner", "not so")
    with pytest.raises(StoreRefusedError):
        scout.withdraw(first)
    assert planner.inbox.claim().ack() is None
    more = re.findall(r'"[^"]+"', re.search(r"\*\*Withdrawing\*\*.*adds `([^`]+)`", PAGE.read_text())[1])
    running.configure(users().replace('"soma.clock"', f'"soma.clock", {", ".join(more)}'))
    running.stop()
    running.start()
    second = scout.send("planner", "nor so", spool=True)
    until(lambda: scout.beat().outcome == "ok" and planner.unread, "it is delivered")

    assert scout.withdraw(second).state is Whereabouts.WITHDRAWN
    assert planner.unread == 0


def test_the_server_refuses_what_is_another_s(team, bus):
    """Whoever has scout's password and writes as planner, or as the humans, is refused by the server, whichever verb it tries; nothing changed."""
    store, humans = open_store(bus("scout"), {}), open_store(bus("humans"), {})
    store.create_many([(MINE.format(n), b"{}") for n in range(len(FORGED))])
    before, root = {key: humans.read(key) for key in FORGED}, humans.list("")

    for key in FORGED:
        for verb in VERBS.values():
            with pytest.raises(StoreRefusedError, match="may not publish"):
                verb(store, key)

    assert {key: humans.read(key) for key in FORGED} == before
    assert humans.list("") == root, "nor is there a folder for what was refused"
    store.close()
    humans.close()


@pytest.mark.slow
def test_nobody_hears_the_answers_to_another(bus, running):
    """Each user listens to its own answers alone: who hears another's could give some in the server's place."""
    link = Link([running.url], {"user": "scout", "password": "secret-of-scout", "inbox_prefix": "_INBOX.planner"})
    store = NatsStore(link, "soma")
    with pytest.raises(NotLetInError) as refused:
        store.read("somabus.json")
    assert "_INBOX.planner" in str(refused.value)
    store.close()

    own = open_store(bus("scout"), {"SOMABUS_NATS_INBOX": "_INBOX.scout.mine"})
    assert own.read("somabus.json")
    own.close()


@pytest.mark.slow
def test_what_the_server_cannot_refuse_is_told_by_the_signature(bus, team, running):
    """The page's last word: through the server's own answers scout writes under any key. Then nothing is believed that another did not sign."""
    scout, planner = team
    humans = open_store(bus("humans"), {})
    planner.beat()
    scout.beat()
    forged = {
        "registry/planner/card.json", "registry/planner/heartbeat.json", "messages/planner/claimed/x.json", "somabus.json", "STOP",
    }  # fmt: skip
    before = {key for folder in ("registry/planner", "messages/planner") for key in humans.list(folder)}
    store = open_store(bus("scout"), {})
    store.replace("messages/scout/keys/evil.json", b'{"forged": true}')
    line, subjects = store._link.begin(), store._subjects

    async def ask(asked, reply):
        await line._client.publish(asked, b"", reply=reply)
        await line._client.flush()

    source = subjects.document("messages/scout/keys/evil.json")
    for key in forged:
        line.run(ask(f"$JS.API.DIRECT.GET.soma.{source}", subjects.document(key)))

    until(lambda: all(humans.read(key) == b'{"forged": true}' for key in forged), "the server has written it")
    assert {key for folder in ("registry/planner", "messages/planner") for key in humans.list(folder)} >= before
    with pytest.raises(StoppedError):
        planner.inbox.claim()
    humans.delete("STOP")
    assert (planner.beat().dead, planner.inbox.claim()) == (1, None), "what lies in claimed is nobody's message"

    for verb in ("DELETE", "PURGE"):
        line.run(ask(subjects.document(f"messages/scout/keys/{verb}.json"), f"$JS.API.STREAM.{verb}.soma"))
    until(lambda: humans.read("messages/scout/keys/PURGE.json") is not None, "the server has done it")
    kept = humans.read("somabus.json") is not None
    assert kept == (running.version > (2, 10)), "the old one takes an acknowledgement for an order to purge"
    store.close()
    humans.close()
