"""Who rules the bus: from the first look on a signature leads from each version to the next, or nothing changes."""

import pytest

from somabus import Agent, create_bus
from somabus.authority import Authority
from somabus.desk import Desk
from somabus.errors import ConfigurationError, TrustError
from somabus.model import signing, tree
from somabus.model.bus import BUS_FILE, Bus, OperatorKey
from somabus.model.envelope import Seal, seal_body, split
from somabus.model.signing import Signer
from somabus.model.wire import parse_object
from somabus.operator import agents, people
from somabus.testing import HandClock
from tests.services.court import Court, Told

MALLORY = Signer(b"m" * 32)


@pytest.fixture
def court():
    """A bus with the operator anna and the agent scout."""
    return Court("scout")


def reader(court, name="reader"):
    """Return what a reader knows, as a new process does, and what it told."""
    told = Told()
    authority = Authority(court.store, court.home(name), court.world.bus, told)
    authority.refresh()
    return authority, told


def on_drive(court):
    """Return what somabus.json says."""
    return Bus.from_object(parse_object(split(court.store.read(BUS_FILE)).body))


def version(court, number):
    """Return the key of a version in the history."""
    return f"{tree.history('bus')}/0000000/{number:010d}.json"


def forged(bus, signer=MALLORY, **changed):
    """Return a version that names mallory, sealed by mallory or by nobody."""
    operator = OperatorKey(name="mallory", public_key=signing.to_text(MALLORY.public_key), since=bus.created_at)
    body = Bus.model_validate({**bus.model_dump(), "operators": [operator], **changed}).to_json()
    return body if signer is None else seal_body(body, Seal.BUS, signer.sign)


def test_the_first_look_is_believed_and_remembered(court):
    """A reader takes the operators as it meets them, and knows them from then on."""
    authority, told = reader(court)

    assert [each.name for each in authority.bus.operators] == ["anna"]
    assert court.home("reader").read(f"seen/{BUS_FILE}") == court.store.read(BUS_FILE)
    assert told == []


def test_a_first_look_at_operators_without_their_signature_is_believed_by_nobody(court):
    """A bus that names operators and carries no signature of theirs is refused whole."""
    court.store.replace(BUS_FILE, forged(on_drive(court), None))
    authority = Authority(court.store, court.home("reader"), on_drive(court), Told())

    with pytest.raises(TrustError, match="names operators and is not signed by any of them"):
        authority.refresh()
    assert court.home("reader").read(f"seen/{BUS_FILE}") is None


@pytest.mark.parametrize("sleeps", [True, False], ids=["slept through", "looked at each"])
def test_it_follows_version_by_version(court, sleeps):
    """Whoever slept through several versions goes through each of them, as whoever saw them all."""
    authority, told = reader(court)
    seat = court.seat()
    for limit in (5, 6, 7, 8):
        people.set_policy(seat, hop_limit=limit)
        if not sleeps:
            authority.refresh()

    authority.refresh()

    assert (authority.bus.version, authority.bus.policy.hop_limit) == (5, 8)
    assert told == []


def test_it_follows_from_one_operator_to_the_next_and_on(court):
    """The operator of today need not be known to whoever slept: each version is signed by one of the version before."""
    authority, told = reader(court)
    bert = court.seat("bert")
    people.admit(court.seat(), "bert", signing.to_text(bert.signer.public_key))
    people.dismiss(bert, "anna", keep=False)
    people.set_policy(bert, hop_limit=3)

    authority.refresh()

    assert [each.name for each in authority.bus.operators] == ["bert"]
    assert authority.bus.policy.hop_limit == 3
    assert told == []


def breaking(court, how):
    """Break the third version in the history; return what mends it."""
    mend = court.put_back(version(court, 3))
    raw = court.store.read(version(court, 3))
    if how == "gone":
        court.store.delete(version(court, 3))
    elif how == "changed":
        court.store.replace(version(court, 3), raw.replace(b'"hop_limit":6', b'"hop_limit":9'))
    elif how == "another version":
        court.store.replace(version(court, 3), court.store.read(version(court, 2)))
    elif how == "forged":
        court.store.replace(version(court, 3), forged(on_drive(court), version=3))
    else:
        court.store.replace(version(court, 3), b"{")
    return mend


@pytest.mark.parametrize("how", ["gone", "changed", "another version", "forged", "no json"])
def test_a_broken_link_holds_what_is_before_it(court, how):
    """It goes as far as the signatures lead, tells which version breaks the way, and goes on once that is mended."""
    authority, told = reader(court)
    seat = court.seat()
    for limit in (5, 6, 7):
        people.set_policy(seat, hop_limit=limit)
    mend = breaking(court, how)

    authority.refresh()

    assert (authority.bus.version, authority.bus.policy.hop_limit) == (2, 5)
    assert [component for component, _ in told] == [BUS_FILE]
    assert "version 3 of somabus.json: " in told[0][1]
    assert told[0][1].endswith("version 2 holds")

    mend()
    authority.refresh()

    assert (authority.bus.version, authority.bus.policy.hop_limit) == (4, 7)


def test_the_way_is_remembered_over_a_restart(court):
    """A new process of the same agent begins where the last one was."""
    reader(court)
    people.set_policy(court.seat(), hop_limit=5)
    reader(court)
    court.store.replace(BUS_FILE, forged(on_drive(court)))

    authority, told = reader(court)

    assert authority.bus.policy.hop_limit == 5
    assert [each.name for each in authority.bus.operators] == ["anna"]
    assert len(told) == 1


def test_an_older_version_put_back_changes_nothing(court):
    """The version that was seen holds, and the one put back is named."""
    old = court.put_back()
    people.set_policy(court.seat(), hop_limit=5)
    authority, told = reader(court)
    old()

    authority.refresh()

    assert authority.bus.policy.hop_limit == 5
    assert told == [(BUS_FILE, "somabus.json was put back to version 1; version 2 holds")]


@pytest.mark.parametrize("signer", [MALLORY, None], ids=["by a stranger", "by nobody"])
@pytest.mark.parametrize("ahead", [0, 1, 1000])
def test_a_version_that_no_operator_signed_changes_nothing(court, signer, ahead):
    """Of the same number, of the next, or far ahead: a change that no operator signed is told and does not hold."""
    authority, told = reader(court)
    court.store.replace(BUS_FILE, forged(on_drive(court), signer, version=1 + ahead))

    authority.refresh()

    assert [each.name for each in authority.bus.operators] == ["anna"]
    assert len(told) == 1


def test_an_unowned_bus_is_what_it_was(court):
    """Before there are operators nobody changes the policy: a change by hand does not hold for who has seen it."""
    court = Court(founded=False)
    authority, told = reader(court)
    court.store.replace(BUS_FILE, on_drive(court).model_copy(update={"name": "x"}).to_json())

    authority.refresh()

    assert authority.bus.name == ""
    assert told == [
        (BUS_FILE, "somabus.json was changed and no operator signed a new version; what it said before holds")
    ]


@pytest.mark.parametrize(
    "raw", [b"", b"{", b'{"format":2}', b"x" * 2_000_000], ids=["empty", "cut", "format 2", "huge"]
)
def test_a_file_that_cannot_be_read_changes_nothing(court, raw):
    """What held before holds, and the fault is told."""
    authority, told = reader(court)
    court.store.replace(BUS_FILE, raw)

    authority.refresh()

    assert authority.bus.version == 1
    assert told[0][1].startswith("somabus.json cannot be read: ")


def test_another_bus_in_its_place_changes_nothing(court):
    """A whole other bus, signed by its own operator, is not this one."""
    other = Court()
    people.set_policy(other.seat(), hop_limit=3)
    authority, told = reader(court)
    court.store.replace(BUS_FILE, other.store.read(BUS_FILE))

    authority.refresh()

    assert authority.bus.bus == court.world.bus.bus
    assert "it is another bus" in told[0][1]


# -- the list of revoked keys ---------------------------------------------------------------------------------


def test_a_revoked_key_counts_no_more_and_never_again(court):
    """An older list put back, an emptied one, none at all: the key stays revoked for who has seen it revoked."""
    key = court.world.signers["scout"].public_key
    old = court.put_back(tree.REVOCATIONS)
    authority, told = reader(court)
    assert authority.revoked(key, court.clock.now()) is None
    agents.revoke(court.seat(), "scout", "stolen")
    authority.refresh()

    for tamper in (
        old,
        lambda: court.store.delete(tree.REVOCATIONS),
        lambda: court.store.replace(tree.REVOCATIONS, b""),
    ):
        tamper()
        authority.refresh()
        again, _ = reader(court)

        assert authority.revoked(key, court.clock.now()).why == "stolen"
        assert again.revoked(key, court.clock.now()).why == "stolen"
        assert authority.revoked_keys("scout", court.clock.now()) == again.revoked_keys("scout", court.clock.now())
    assert [component for component, _ in told] == ["revocation list"] * 3


def test_a_missing_list_is_told_to_whoever_never_saw_one(court):
    """Its absence is a sign: from the first operator on there is one."""
    court.store.delete(tree.REVOCATIONS)

    authority, told = reader(court)

    assert authority.revocations is None
    assert told == [("revocation list", "operator/revocations.json is missing")]
    assert authority.revoked_keys("scout", court.clock.now()) == ()


def test_a_list_of_another_bus_is_none(court):
    """A signed list, carried over from a bus of the same operator, is refused."""
    other = Court()
    other.signers = court.signers
    court.store.replace(tree.REVOCATIONS, other.store.read(tree.REVOCATIONS))

    authority, told = reader(court)

    assert authority.revocations is None
    assert "made for another bus" in told[0][1]


def test_without_operators_there_is_no_list_to_ask_for():
    """On a bus of nobody's no list is looked for and none is missed."""
    authority, told = reader(Court(founded=False))

    assert (authority.revocations, told, authority.operator_keys("anna")) == (None, [], ())


# -- on a real folder -----------------------------------------------------------------------------------------


def test_a_forgery_seen_in_passing_does_not_rule_who_comes_later(tmp_path):
    """A forged somabus.json that lay there for a moment names no operators for an agent that joins after it has gone."""
    where = {"home": tmp_path / "home", "clock": HandClock()}
    create_bus(tmp_path / "bus", home=tmp_path / "home")
    desk = Desk(tmp_path / "bus", **where)
    desk.new_key("anna", None)
    people.found(desk.sit(lambda: ""))
    Agent("scout", tmp_path / "bus", **where)
    file = tmp_path / "bus" / BUS_FILE
    genuine = file.read_bytes()
    file.write_bytes(forged(Bus.from_object(parse_object(split(genuine).body)), None, version=2))
    Agent("scout", tmp_path / "bus", **where)
    file.write_bytes(genuine)

    planner = Agent("planner", tmp_path / "bus", **where)

    assert [each.name for each in planner.bus.operators] == ["anna"]


# -- publishing -----------------------------------------------------------------------------------------------


def test_of_two_changes_at_the_same_moment_one_holds(court):
    """The second operator is told that another change came first, which holds for all; repeated, the second follows it."""
    one, two = court.seat(), court.seat()
    people.set_policy(one, hop_limit=5)
    two.authority.refresh = lambda: None  # both looked before either wrote
    with pytest.raises(ConfigurationError, match="came first, as number 2, and holds; look and repeat yours"):
        people.set_policy(two, hop_limit=9)
    assert on_drive(court).policy.hop_limit == 5

    people.set_policy(court.seat(), hop_limit=9)

    assert (on_drive(court).version, on_drive(court).policy.hop_limit) == (3, 9)


@pytest.mark.parametrize(
    "what",
    [
        "garbage", "a forgery",
        "an older list",
    ],
)  # fmt: skip
def test_nobody_can_block_a_revocation_by_taking_its_number(court, what):
    """Whoever can write to the drive cannot keep an operator from calling a key back, nor spoil the list by it."""
    before = court.store.read(tree.REVOCATIONS)
    planted = {"garbage": b"{}", "an older list": before, "a forgery": before.replace(b'"number":1', b'"number":2')}
    court.store.replace(f"{tree.history('revocations')}/0000000/0000000002.json", planted[what])

    agents.revoke(court.seat(), "scout", "stolen")

    authority, _ = reader(court, "newcomer")
    assert authority.revoked(court.world.signers["scout"].public_key, court.clock.now()) is not None
