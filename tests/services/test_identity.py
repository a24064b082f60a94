"""Who is who: which keys count for a name, and what it costs to know."""

import os
from datetime import timedelta

import pytest

from somabus.authority import Authority
from somabus.identity import Identities, Standing
from somabus.model import signing, tree
from somabus.model.card import Card
from somabus.model.certificate import Certificate, Rotation
from somabus.model.envelope import Seal, seal_body, split
from somabus.model.signing import Signer
from somabus.model.trust import Trust
from somabus.model.wire import parse_object
from somabus.operator import agents, people
from somabus.pins import Pins
from somabus.recall import Recall
from tests.services.court import Court, Told

NEW = Signer(b"n" * 32)


@pytest.fixture
def court():
    """A bus with the operator anna and the agents scout and planner."""
    return Court("scout", "planner")


class Reader:
    """One reader's view, as a new process has it; its memory outlives it."""

    def __init__(self, court, name="reader"):
        self.told = Told()
        self.authority = Authority(court.store, court.home(name), court.world.bus, self.told)
        self.authority.refresh()
        self.pins = Pins(court.home(name), Recall(court.home(name)))
        self.recall = Recall(court.home(name))
        self.identities = Identities(court.store, self.authority, self.pins, self.recall, self.told)

    def standing(self, name="scout"):
        """Look what is so now."""
        self.authority.refresh()
        return self.identities.standing(name)


def key(court, name="scout"):
    """Return an agent's key."""
    return court.world.signers[name].public_key


def wish(court, signer=NEW, agent="scout"):
    """Let an agent ask for a new key."""
    old = court.world.signers[agent]
    made = Rotation(
        bus=court.world.bus.bus, agent=agent, asked_at=court.clock.now(), old_key=signing.to_text(old.public_key),
        new_key=signing.to_text(signer.public_key),
    )  # fmt: skip
    court.store.replace(tree.rotation(agent), seal_body(made.to_json(), Seal.ROTATION, old.sign))


def new_card(court, signer, agent="scout", **changed):
    """Put another card in the place of an agent's, sealed with the key that it carries."""
    card = Card.from_object(parse_object(split(court.store.read(tree.card(agent))).body))
    card = card.model_copy(update={"public_key": signing.to_text(signer.public_key), **changed})
    court.store.replace(tree.card(card.name), seal_body(card.to_json(), Seal.CARD, signer.sign))


# -- what it costs --------------------------------------------------------------------------------------------


def test_a_card_that_has_not_changed_is_verified_once(court, checks):
    """Looking at a card again costs no second signature check; a changed one costs exactly one more."""
    reader = Reader(court)
    for _ in range(10):
        reader.identities.card("scout")
    assert checks[Seal.CARD] == 1

    new_card(court, court.world.signers["scout"], display_name="The scout")
    for _ in range(10):
        assert reader.identities.card("scout").display_name == "The scout"

    assert checks[Seal.CARD] == 2


def test_a_certificate_that_has_not_changed_is_verified_once(court, checks):
    """Days of looking at one certificate cost one signature check; a renewed one costs exactly one more."""
    seat = court.seat()
    agents.certify(seat, "scout")
    reader = Reader(court)
    checks.clear()

    for _ in range(10):
        assert reader.standing().trust is Trust.CERTIFIED
        court.clock.advance(hours=5)
    assert checks == {Seal.CERTIFICATE: 1}

    agents.certify(seat, "scout")
    court.clock.advance(minutes=1)
    checks.clear()
    for _ in range(10):
        reader.standing()
        court.clock.advance(hours=5)

    assert checks == {Seal.CERTIFICATE: 1}


def test_a_certificate_with_a_rotation_is_verified_once(court, checks):
    """During the overlap of two keys a look costs no more than at other times."""
    reader = Reader(court)
    reader.standing()
    wish(court)
    agents.certify(court.seat(), "scout", expect=signing.short(NEW.public_key))
    court.clock.advance(minutes=1)
    reader.standing()
    checks.clear()

    for _ in range(10):
        assert len(reader.standing().keys) == 2
        court.clock.advance(minutes=5)

    assert checks == {}


def test_mail_of_a_certified_sender_costs_one_check_a_message(court, checks):
    """An agent that drains costs one signature check a message, and one each for card and certificate of the sender."""
    agents.certify(court.seat(), "scout")
    scout, planner = court.world.agent("scout"), court.world.agent("planner")
    for n in range(10):
        scout.send("planner", str(n))
    checks.clear()

    for delivery in planner.inbox.drain():
        with delivery:
            assert delivery.trust is Trust.CERTIFIED

    assert checks[Seal.MESSAGE] == 10
    assert checks[Seal.CARD] <= 1
    assert checks[Seal.CERTIFICATE] <= 1
    assert checks[Seal.BUS] == checks[Seal.REVOCATIONS] == 0


# -- what is so -----------------------------------------------------------------------------------------------


def test_the_first_key_of_a_name_is_pinned(court):
    """A name that nobody vouches for is its first key's, also after its card was exchanged, and after a restart."""
    assert Reader(court).standing() == Standing((key(court),), Trust.PINNED)

    new_card(court, NEW)

    assert Reader(court).standing() == Standing((key(court),), Trust.PINNED)


def test_an_operator_is_known_by_the_bus(court):
    """A name of an operator has the operator's key, whatever card lies under it."""
    new_card(court, NEW, name="anna")

    assert Reader(court).standing("anna") == Standing((court.signers["anna"].public_key,), Trust.OPERATOR)


def test_nobody_has_no_key(court):
    """A name without a card stands for nobody."""
    assert Reader(court).standing("nobody") == Standing((), Trust.UNSIGNED)


def test_a_certified_key_is_certified_until_it_ends(court):
    """With the certificate comes the standing, and with its end it goes; the key first seen goes on being pinned."""
    reader = Reader(court)
    agents.certify(court.seat(), "scout", valid_for=timedelta(days=2))
    court.clock.advance(minutes=1)
    assert (reader.standing().trust, reader.standing().keys) == (Trust.CERTIFIED, (key(court),))

    court.clock.advance(days=2)

    assert (reader.standing().trust, reader.standing().keys) == (Trust.PINNED, (key(court),))
    assert "expired" in reader.standing().fault
    assert "expired" in reader.told[0][1]


def test_a_rotated_key_and_the_old_one_count_for_the_overlap(court):
    """Both keys count until the overlap ends, the new one first; then the new one alone."""
    reader = Reader(court)
    reader.standing()
    wish(court)

    agents.certify(court.seat(), "scout", overlap=timedelta(days=3), expect=signing.short(NEW.public_key))
    court.clock.advance(minutes=1)
    assert reader.standing().keys == (NEW.public_key, key(court))
    court.clock.advance(days=3)

    assert reader.standing().keys == (NEW.public_key,)
    assert Reader(court).standing().keys == (NEW.public_key,)
    assert reader.told == []


def test_a_revoked_key_counts_no_more(court):
    """From the revocation on, neither pin nor certificate gives the key any standing."""
    reader = Reader(court)
    agents.certify(court.seat(), "scout")
    reader.standing()

    agents.revoke(court.seat(), "scout", "stolen")

    for each in (reader, Reader(court)):
        standing = each.standing()
        assert (standing.keys, standing.trust) == ((), Trust.REVOKED)
        assert "stolen" in standing.fault


def test_a_revoked_agent_comes_back_with_a_new_certified_key(court):
    """The pinned key was called back, so an operator's certificate may lead to another one."""
    reader = Reader(court)
    reader.standing()
    agents.revoke(court.seat(), "scout", "stolen")
    new_card(court, NEW)

    agents.certify(court.seat(), "scout", expect=signing.short(NEW.public_key))
    court.clock.advance(minutes=1)

    assert (reader.standing().trust, reader.standing().keys) == (Trust.CERTIFIED, (NEW.public_key,))


def tampered(court, how):
    """Spoil scout's certificate."""
    where = tree.certificate("scout")
    raw = court.store.read(where)
    if how == "of another agent":
        agents.certify(court.seat(), "planner")
        raw = court.store.read(tree.certificate("planner"))
    elif how == "by an agent":
        value = Certificate.from_object(parse_object(split(raw).body))
        raw = seal_body(value.to_json(), Seal.CERTIFICATE, court.world.signers["scout"].sign)
    elif how == "changed":
        raw = raw.replace(b'"roles":[]', b'"roles":["king"]')
    elif how == "of another bus":
        other = Court("scout")
        value = Certificate.from_object(parse_object(split(raw).body)).model_copy(update={"bus": other.world.bus.bus})
        raw = seal_body(value.to_json(), Seal.CERTIFICATE, court.signers["anna"].sign)
    elif how == "unsigned":
        raw = split(raw).body
    else:
        raw = b"{"
    court.store.replace(where, raw)


@pytest.mark.parametrize("how", ["of another agent", "by an agent", "changed", "of another bus", "unsigned", "no json"])
def test_a_certificate_that_proves_nothing_is_told(court, how):
    """Whoever copies, forges or changes a certificate gains nothing by it, and the fact is told once."""
    agents.certify(court.seat(), "scout")
    tampered(court, how)
    reader = Reader(court)

    for _ in range(3):
        assert reader.standing().trust is Trust.PINNED
    assert {component for component, _ in reader.told} == {"scout"}
    assert reader.standing().fault


def test_a_certificate_for_another_key_than_the_pinned_one_waits_for_a_hand_over(court):
    """A reader that knows another key follows neither card nor certificate until that key hands over or is called back."""
    reader = Reader(court, "old friend")
    reader.standing()
    new_card(court, NEW)
    agents.certify(court.seat("anna", home=court.home("elsewhere")), "scout", expect=signing.short(NEW.public_key))
    court.clock.advance(minutes=1)

    standing = reader.standing()

    assert (standing.trust, standing.keys) == (Trust.PINNED, (key(court),))
    assert "handed nothing over" in standing.fault


def test_without_the_list_of_revoked_keys_no_certificate_counts(court):
    """Whoever takes the list away makes no stolen key good again."""
    agents.certify(court.seat(), "scout")
    court.store.delete(tree.REVOCATIONS)

    assert Reader(court).standing().trust is Trust.PINNED
    assert "is missing" in Reader(court).standing().fault


def test_a_name_that_looks_like_another_takes_a_certificate(court):
    """`p1anner`, put beside `planner` by hand, stands for nobody; the one who was first keeps standing."""
    reader = Reader(court)
    court.clock.advance(minutes=1)
    made = Signer(os.urandom(32))
    new_card(court, made, "planner", name="p1anner", joined_at=court.clock.now())

    assert reader.standing("p1anner").keys == ()
    assert "looks like planner" in reader.standing("p1anner").fault
    assert reader.standing("planner").trust is Trust.PINNED
    assert next(component for component, _ in reader.told) == "p1anner"


def test_a_rename_shows_at_the_next_look(court):
    """Display names are read live; one that reads like somebody else's name is not shown."""
    reader = Reader(court)
    scout = court.world.signers["scout"]
    assert reader.identities.title("scout") == ""

    new_card(court, scout, display_name="Eyes")
    court.clock.advance(seconds=2)
    assert reader.identities.title("scout") == "Eyes"

    new_card(court, scout, display_name="P1anner")
    court.clock.advance(seconds=2)
    assert reader.identities.title("scout") == ""


def test_a_dismissed_operators_certificates_end_with_it(court):
    """What a dismissed operator certified counts no more at the next look, unless it was signed anew."""
    bert = court.seat("bert")
    people.admit(court.seat(), "bert", signing.to_text(bert.signer.public_key))
    agents.certify(bert, "scout")
    agents.certify(court.seat(), "planner")
    reader = Reader(court)
    assert reader.standing().trust is Trust.CERTIFIED

    people.dismiss(court.seat(), "bert", keep=False)

    assert reader.standing("scout").trust is Trust.PINNED
    assert reader.standing("planner").trust is Trust.CERTIFIED
