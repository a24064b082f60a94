"""P7. The sender is who it says: signed, verified against the key seen first, shown from the key, never from the body."""

import os

import pytest

from somabus import Draft
from somabus.errors import NameTakenError
from somabus.log import Log
from somabus.model.bus import BusPolicy
from somabus.model.card import Card
from somabus.model.envelope import Seal, seal_body, split
from somabus.model.message import Message
from somabus.model.signing import Signer, to_text
from somabus.model.trust import Policy, Trust
from somabus.testing import World
from tests.planting import plant


def test_the_sender_is_shown_by_its_key():
    """Readers see `name #1a2b3c4d`, computed from the key that verified the message."""
    world = World()
    scout, planner = world.agent("scout"), world.agent("planner")
    scout.send("planner", "x")

    delivery = planner.inbox.claim()

    assert delivery.trust is Trust.PINNED
    assert delivery.sender == f"scout #{scout.short}"


@pytest.mark.parametrize("policy", [Policy.OPEN, Policy.PINNED])
def test_a_forged_message_is_never_acted_on(policy):
    """A message in another's name, signed with any other key, is set aside and alerted, under every policy."""
    world = World(policy=BusPolicy(trust=policy))
    scout, planner = world.agent("scout"), world.agent("planner")
    scout.send("planner", "real")
    forged = plant(world, "planner", sender="scout", sign=Signer(os.urandom(32)).sign)

    bodies = [delivery.message.body for delivery in planner.inbox.drain()]

    assert bodies == ["real"]
    assert [(letter.id, letter.reason) for letter in planner.inbox.dead()] == [(forged, "forged")]
    report = planner.beat()
    assert [alert["episode"] for alert in report.alerts] == [f"forged {forged}"]
    assert scout.unread == 0, "the victim of a forgery is not bothered with a bounce"


def test_every_changed_byte_is_noticed():
    """Not one byte of a stored message can be changed without its being noticed."""
    world = World()
    scout, planner = world.agent("scout"), world.agent("planner")
    scout.send("planner", "pay 10", data={"n": 1})
    (name,) = world.store.list("messages/planner/inbox")
    raw = world.store.read(f"messages/planner/inbox/{name}")
    for at in range(0, len(raw), 7):
        spoiled = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
        world.store.replace(f"messages/planner/inbox/{name}", spoiled)

        (letter,) = planner.inbox.peek()

        assert letter.fault, f"byte {at} was changed and nobody noticed"


def test_an_unsigned_message_is_acted_on_only_where_the_policy_says_so():
    """On a `pinned` bus unsigned mail is set aside; on an `open` one it is delivered and marked as unsigned."""
    for policy, expected in ((Policy.PINNED, []), (Policy.OPEN, [(Trust.UNSIGNED, "stranger (unsigned)")])):
        world = World(policy=BusPolicy(trust=policy))
        planner = world.agent("planner")
        plant(world, "planner", sender="stranger", sign=None)

        seen = [(delivery.trust, delivery.sender) for delivery in planner.inbox.drain()]

        assert seen == expected
        assert len(planner.inbox.dead()) == (0 if expected else 1)


def test_the_key_seen_first_is_remembered():
    """Whoever replaces an agent's card by one with another key is not believed: mail under the new key is forged, and peers are alerted."""
    world = World()
    scout, planner = world.agent("scout"), world.agent("planner")
    scout.send("planner", "first")
    planner.inbox.claim().ack()
    thief = Signer(os.urandom(32))
    card = Card.from_object({**_card(world, "scout"), "public_key": to_text(thief.public_key)})
    world.store.replace("registry/scout/card.json", seal_body(card.to_json(), Seal.CARD, thief.sign))
    plant(world, "planner", sender="scout", sign=thief.sign)

    assert list(planner.inbox.drain()) == []
    assert planner.inbox.dead()[0].reason == "forged"
    assert "not the one seen first" in next(peer.fault for peer in planner.peers() if peer.name == "scout")


def test_a_name_belongs_to_its_first_key():
    """Two agents started under one name: the second is refused, and the card of the first stays as it is."""
    world = World()
    world.agent("scout")
    before = world.store.read("registry/scout/card.json")
    world.signers["scout"] = Signer(os.urandom(32))

    with pytest.raises(NameTakenError) as refused:
        world.agent("scout")

    assert refused.value.owner in str(refused.value)
    assert world.store.read("registry/scout/card.json") == before


def test_a_message_whose_sender_is_not_visible_yet_waits():
    """On a drive that shows a new card late, a signed message is not thrown away: it is tried again, and handled once the card is there."""
    world = World()
    scout, planner = world.agent("scout"), world.agent("planner")
    scout.send("planner", "early")
    card = world.store.read("registry/scout/card.json")
    world.store.delete("registry/scout/card.json")

    assert list(planner.inbox.drain()) == []
    assert planner.inbox.dead() == ()

    world.store.create("registry/scout/card.json", card)
    world.clock.advance(hours=1)
    assert planner.inbox.claim().message.body == "early"


@pytest.mark.parametrize("where", ["another inbox", "another bus"])
def test_a_signed_message_counts_only_where_it_was_sent(where):
    """A copy of a genuine message, put into another inbox or another bus, is no message there."""
    world, other = World(), World()
    scout = world.agent("scout")
    world.agent("planner")
    scout.send("planner", "for the planner alone")
    (name,) = world.store.list("messages/planner/inbox")
    copy = world.store.read(f"messages/planner/inbox/{name}")
    target = world if where == "another inbox" else other
    other.signers["scout"] = world.signers["scout"]
    other.agent("scout")
    victim = target.agent("worker" if where == "another inbox" else "planner")
    target.store.create_many([(f"messages/{victim.name}/inbox/{name}", copy)])

    assert list(victim.inbox.drain()) == []
    assert victim.inbox.dead()[0].reason == "wrong address"


def test_a_heartbeat_cannot_be_written_for_another():
    """Only an agent's own key can say that it is alive."""
    world = World()
    scout, planner = world.agent("scout"), world.agent("planner")
    scout.beat()
    raw = world.store.read("registry/scout/heartbeat.json")
    body = split(raw).body.replace(b'"unread":0', b'"unread":9')
    forged = seal_body(body, Seal.HEARTBEAT, world.signers["planner"].sign)
    world.store.replace("registry/scout/heartbeat.json", forged)

    peer = next(peer for peer in planner.peers() if peer.name == "scout")

    assert peer.presence is None
    assert "not written by scout" in peer.fault


def test_a_seal_of_one_kind_is_no_seal_of_another():
    """A signed heartbeat cannot be passed off as a message: the signature covers the kind of document."""
    world = World()
    scout, planner = world.agent("scout"), world.agent("planner")
    scout.send("planner", "x")
    (name,) = world.store.list("messages/planner/inbox")
    message = Message.decode(split(world.store.read(f"messages/planner/inbox/{name}")).body)
    resealed = seal_body(message.to_json(), Seal.HEARTBEAT, world.signers["scout"].sign)
    world.store.replace(f"messages/planner/inbox/{name}", resealed)

    assert list(planner.inbox.drain()) == []
    assert planner.inbox.dead()[0].reason == "forged"


def _card(world, name):
    from somabus.model.wire import parse_object

    return parse_object(split(world.store.read(f"registry/{name}/card.json")).body)


@pytest.mark.parametrize("kind", ["insight", "alert"])
def test_a_body_cannot_stand_for_the_sender_in_a_report(kind):
    """What a shared message says of itself never takes the place of what was verified, in any report."""
    world = World()
    scout, planner = world.agent("scout"), world.agent("planner")
    claim = {"from": "operator #00000000", "id": "x", "kind": "goal"}
    data = {
        "insight": {"topic": "t", "statement": "s", "confidence": 1, **claim},
        "alert": {"component": "c", "severity": "info", "detail": "d", **claim},
    }[kind]
    channel = "alerts" if kind == "alert" else None
    message, raw = scout._services.composer.entry(Draft("", kind=kind, data=data), channel=channel)
    Log(world.store, "channels/alerts" if kind == "alert" else "messages/scout/outbox").append(raw)

    report = planner.beat()

    (told,) = report.alerts if kind == "alert" else report.learned
    assert (told["from"], told["id"]) == (f"scout #{scout.short}", message.id)
