"""P7, with humans in charge: an operator vouches for keys, calls them back, and rules who counts."""

import os
from datetime import timedelta

import pytest

from somabus import Agent, Insight, create_bus
from somabus.desk import Desk
from somabus.errors import ConfigurationError, NameTakenError, TrustError, UnknownRecipientError
from somabus.model import signing, tree
from somabus.model.bus import Bus
from somabus.model.envelope import split
from somabus.model.signing import Signer
from somabus.model.trust import Policy, Trust
from somabus.model.wire import parse_object
from somabus.operator import agents, direction, oversight, people
from somabus.operator.seat import take_seat
from somabus.store.memory import MemoryStore
from somabus.testing import Crash, Fuse, StoppingStore, World


def seat(world, name="anna", *, signer=None, home=None, store=None):
    """An operator's seat on a world's bus, whether or not the bus knows that one yet."""
    return take_seat(
        store=store or world.store, home=home or MemoryStore(world.clock.now), bus=world.bus, name=name,
        signer=signer or Signer(os.urandom(32)), entropy=os.urandom, now=world.clock.now,
        monotonic=world.clock.monotonic,
    )  # fmt: skip


def owned():
    """A world, and the seat of its first operator."""
    world = World()
    anna = seat(world)
    people.found(anna)
    return world, anna


def strict(*certified):
    """A world that acts on certified agents alone, its operator, and an agent for each name: those given are certified."""
    world, anna = owned()
    for name in ("scout", "planner"):
        world.agent(name)
    for name in certified:
        agents.certify(anna, name)
    people.set_policy(anna, trust="certified")
    return world, anna, world.agent("scout"), world.agent("planner")


def rooted(world, name, **declared):
    """An agent whose key lies in its home, as a real one's does; asking again is a new process with the key of now."""
    home = world.homes.setdefault(name, MemoryStore(world.clock.now))
    if home.read("key") is None:
        home.create("key", signing.to_text(os.urandom(signing.SEED_BYTES)).encode())
    world.signers[name] = Signer(signing.from_text(home.read("key").decode()))
    return world.agent(name, **declared)


def key_text(signer):
    """A public key as people pass it on."""
    return signing.to_text(signer.public_key)


def trust_of(world, reader, sender="scout"):
    """What a reader finds of the next message, newly looked."""
    world.clock.advance(seconds=31)
    delivery = world.agent(reader).inbox.claim()
    return None if delivery is None else delivery.trust


# -- who counts ----------------------------------------------------------------------------------------------------


def test_a_certificate_shows_in_what_is_delivered():
    """Mail of an agent that an operator vouches for is delivered as certified, with the name and the key."""
    world, anna = owned()
    scout, planner = world.agent("scout"), world.agent("planner")
    agents.certify(anna, "scout", roles=("searcher",))

    scout.send("planner", "x")
    delivery = planner.inbox.claim()

    assert (delivery.trust, delivery.sender) == (Trust.CERTIFIED, f"scout #{scout.short}")


def test_an_operators_answer_shows_as_the_operators():
    """Mail that an operator signed is delivered as the operator's, with the operator's key."""
    world, anna = owned()
    scout = world.agent("scout")
    asked = scout.ask_approval("deploy", detail="version 3")

    oversight.answer(anna, asked.id, "go", granted=True)
    delivery = scout.inbox.claim()

    assert (delivery.trust, delivery.sender) == (Trust.OPERATOR, f"anna #{signing.short(anna.signer.public_key)}")


def test_an_uncertified_agents_mail_waits_for_its_certificate():
    """Where certified agents alone count, mail of another lies in the dead letters with that reason, and can be replayed once an operator has certified its sender."""
    world, anna, scout, planner = strict("planner")
    sent = scout.send("planner", "trust me")

    assert planner.inbox.claim() is None
    (letter,) = planner.inbox.dead()
    assert (letter.id, letter.reason) == (sent.id, "untrusted")
    assert "no operator has certified scout" in letter.detail

    agents.certify(anna, "scout")
    world.clock.advance(seconds=2)
    assert planner.inbox.replay(sent.id)
    assert planner.inbox.claim().trust is Trust.CERTIFIED


def test_what_an_uncertified_agent_shares_is_not_heard():
    """Where certified agents alone count, the insights and the alerts of another reach nobody."""
    _, _, scout, planner = strict("planner")
    scout.share(Insight(topic="t", statement="s", confidence=0.5))
    scout._services.cursors.load()
    scout._services.alerts.raise_once("archive", "fire", "critical", "it burns")

    report = planner.beat()

    assert (report.learned, [each for each in report.alerts if each["component"] == "archive"]) == ((), [])


@pytest.mark.parametrize("certified", [True, False])
def test_goals_are_for_certified_agents(certified):
    """Where certified agents alone count, another can neither read goals nor values as its own, and is told what to do."""
    _, anna, scout, _ = strict(*(["scout"] if certified else []))
    goal = direction.new_goal(anna, "Index the archive", "")
    direction.set_values(anna, "# Be kind")

    if certified:
        assert [each.id for each in scout.goals()] == [goal.id]
        assert scout.values() == "# Be kind"
        assert scout.work_on(goal.id, "a part") == ()
    else:
        for read in (scout.goals, scout.values, lambda: scout.work_on(goal.id, "a part")):
            with pytest.raises(TrustError, match="somabus operator certify scout"):
                read()


def test_a_certificate_ends_and_is_renewed():
    """After its last day a certificate counts no more, and after the operator has renewed it its agent is believed again."""
    world, anna, scout, planner = strict("scout", "planner")
    agents.certify(anna, "scout", valid_for=timedelta(days=1))
    world.clock.advance(days=2)
    scout.send("planner", "late")
    assert planner.inbox.claim() is None
    assert "expired" in planner.inbox.dead()[0].detail

    agents.certify(anna, "scout")

    world.clock.advance(seconds=31)
    scout.send("planner", "again")
    assert planner.inbox.claim().message.body == "again"


@pytest.mark.parametrize(
    "days",
    [
        1,
        10,
    ],
)
def test_a_renewed_certificate_keeps_roles_and_skills(days):
    """A certificate that is renewed, before its end or after it, says again what the agent may be and can do."""
    world, anna = owned()
    world.agent("scout", skills=["search"])
    agents.certify(anna, "scout", valid_for=timedelta(days=5), roles=("searcher",), skills=("archive",))
    world.clock.advance(days=days)

    renewed = agents.certify(anna, "scout")

    assert (renewed.roles, renewed.skills) == (("searcher",), ("archive",))


@pytest.mark.parametrize("days", [0, -1, 91])
def test_no_certificate_is_for_longer_than_90_days(days):
    """A certificate over 90 days, or over none, is refused, and nothing is signed."""
    world, anna = owned()
    world.agent("scout")

    with pytest.raises(ConfigurationError, match="90 days"):
        agents.certify(anna, "scout", valid_for=timedelta(days=days))

    assert world.store.read(tree.certificate("scout")) is None


def test_the_wrong_key_is_not_certified():
    """An operator who compares keys is not made to certify another one."""
    world, anna = owned()
    scout = world.agent("scout")

    with pytest.raises(TrustError, match=f"#{scout.short}, not #00000000"):
        agents.certify(anna, "scout", expect="#00000000")

    assert world.store.read(tree.certificate("scout")) is None


# -- an agent's new key --------------------------------------------------------------------------------------------


def rotated(overlap=timedelta(days=7)):
    """Scout got a new key; the process of before and the one of now, which has the new key, and their readers."""
    world, anna = owned()
    old, planner = rooted(world, "scout"), world.agent("planner")
    agents.certify(anna, "scout")
    old.send("planner", "before")
    with planner.inbox.claim():
        pass
    short = old.rotate()
    agents.certify(anna, "scout", expect=short, overlap=overlap)
    world.clock.advance(seconds=31)
    new = rooted(world, "scout")
    return world, anna, old, new, short


def test_both_keys_count_during_the_overlap_and_the_old_one_not_after_it():
    """After a rotation what either key signed is acted on for the overlap; after it the old key is refused and the new one goes on."""
    world, _, old, new, short = rotated()
    assert (new.short, old.short == short) == (short, False)
    old.send("planner", "old")
    new.send("planner", "new")
    planner = world.agent("planner")
    seen = []
    for delivery in planner.inbox.drain():
        with delivery as message:
            seen.append((message.body, delivery.trust, delivery.sender))
    assert sorted(seen) == [
        ("new", Trust.CERTIFIED, f"scout #{new.short}"), ("old", Trust.CERTIFIED, f"scout #{old.short}"),
    ]  # fmt: skip

    world.clock.advance(days=8)
    late = old.send("planner", "too late")
    new.send("planner", "in time")

    assert [each.message.body for each in planner.inbox.drain()] == ["in time"]
    assert [(each.id, each.reason) for each in planner.inbox.dead()] == [(late.id, "revoked")]


def test_before_the_certificate_the_old_key_goes_on():
    """A key that was asked for and not granted changes nothing: the agent signs with the old one, and is believed."""
    world, anna = owned()
    scout, planner = rooted(world, "scout"), world.agent("planner")
    agents.certify(anna, "scout")
    short = scout.rotate()
    assert scout.rotate() == short, "asked for twice, it is the same key"

    scout = rooted(world, "scout")
    scout.send("planner", "x")

    assert scout.short != short
    assert planner.inbox.claim().trust is Trust.CERTIFIED


def test_a_reader_that_slept_through_the_rotation_accepts_the_new_key():
    """A reader that knew the old key and was away until the overlap was over believes the new key, for the old one handed over to it."""
    world, _, _, new, _ = rotated()
    world.clock.advance(days=30)

    new.send("planner", "good morning")

    assert trust_of(world, "planner") is Trust.CERTIFIED


def test_a_reader_that_slept_through_two_rotations_accepts_the_newest_key():
    """A reader that knew the key before the one before, and was away for two rotations, believes the newest key: the operator called back those in between."""
    world, anna, _, new, _ = rotated()
    world.clock.advance(days=30)
    new = rooted(world, "scout")
    short = new.rotate()
    agents.certify(anna, "scout", expect=short)
    world.clock.advance(days=5)
    rooted(world, "scout")
    world.clock.advance(days=25)
    newest = rooted(world, "scout")

    newest.send("planner", "good morning")

    assert newest.short == short
    assert trust_of(world, "planner") is Trust.CERTIFIED


def test_a_rotation_loses_neither_card_nor_cursors():
    """An agent with a new key keeps its card and its place in what others share: nothing is heard twice, nothing is missed, and its own heartbeat is believed."""
    world, anna = owned()
    scout, planner = rooted(world, "scout", display_name="The Scout", skills=["search"]), world.agent("planner")
    agents.certify(anna, "scout")
    planner.share(Insight(topic="t", statement="first", confidence=0.5))
    assert len(scout.beat().learned) == 1
    joined_at = next(each for each in planner.peers() if each.name == "scout").card.joined_at

    agents.certify(anna, "scout", expect=scout.rotate())
    world.clock.advance(hours=6)
    scout = rooted(world, "scout")
    planner.share(Insight(topic="t", statement="second", confidence=0.5))
    report = scout.beat()

    peer = next(each for each in world.agent("planner").peers() if each.name == "scout")
    assert [each["statement"] for each in report.learned] == ["second"]
    assert (report.number, report.outcome) == (2, "ok")
    assert (peer.short, peer.card.display_name, peer.card.skills) == (scout.short, "The Scout", ("search",))
    assert (peer.card.joined_at, peer.fault, peer.presence) == (joined_at, "", "on time")


def test_after_the_overlap_the_cursors_are_still_believed():
    """Cursors that the old key sealed are kept under the new one, also long after the overlap."""
    world, anna = owned()
    scout, planner = rooted(world, "scout"), world.agent("planner")
    agents.certify(anna, "scout")
    planner.share(Insight(topic="t", statement="first", confidence=0.5))
    scout.beat()
    agents.certify(anna, "scout", expect=scout.rotate())
    world.clock.advance(days=1)
    assert rooted(world, "scout").beat().learned == ()
    world.clock.advance(days=30)

    assert rooted(world, "scout").beat().learned == ()


@pytest.mark.parametrize("overlap", [timedelta(0), timedelta(days=7)])
def test_an_agent_that_slept_through_its_own_overlap_goes_on_with_the_new_key(overlap):
    """An agent whose new key was certified while it was off, and which wakes after the overlap, joins with the new key and hears nothing twice."""
    world, anna = owned()
    scout, planner = rooted(world, "scout"), world.agent("planner")
    agents.certify(anna, "scout")
    planner.share(Insight(topic="t", statement="first", confidence=0.5))
    scout.beat()
    short = scout.rotate()
    agents.certify(anna, "scout", expect=short, overlap=overlap)
    world.clock.advance(days=30)

    scout = rooted(world, "scout")

    assert scout.short == short
    assert scout.beat().learned == ()


def test_a_lost_key_is_replaced_by_the_operator():
    """An agent whose key was lost or stolen joins with a new one after the old was revoked, and is believed once certified; the old key never again."""
    world, anna, thief, planner = strict("scout", "planner")
    thief.send("planner", "hello")
    with planner.inbox.claim():
        pass

    agents.revoke(anna, "scout", "stolen")
    world.signers["scout"] = Signer(os.urandom(32))
    world.homes["scout"] = MemoryStore(world.clock.now)
    stolen = thief.send("planner", "obey me")
    world.store.delete(tree.card("scout"))
    scout = world.agent("scout")
    agents.certify(anna, "scout", expect=scout.short)
    world.clock.advance(seconds=31)
    scout.send("planner", "it is me")

    assert [(each.message.body, each.trust) for each in planner.inbox.drain()] == [("it is me", Trust.CERTIFIED)]
    assert [(each.id, each.reason) for each in planner.inbox.dead()] == [(stolen.id, "revoked")]


def test_an_agent_whose_key_was_revoked_joins_anew():
    """After a revocation the agent joins with a new key as `certify` tells it to, without anybody deleting files, and waits for its certificate."""
    world, anna, _, planner = strict("scout", "planner")
    agents.revoke(anna, "scout", "stolen")
    world.signers["scout"] = Signer(os.urandom(32))
    world.homes["scout"] = MemoryStore(world.clock.now)

    scout = world.agent("scout")

    agents.certify(anna, "scout", expect=scout.short)
    world.clock.advance(seconds=31)
    scout.send("planner", "it is me")
    assert planner.inbox.claim().trust is Trust.CERTIFIED


def test_a_name_is_not_free_for_another_key_before_the_revocation():
    """As long as its key counts, nobody else joins under an agent's name."""
    world, _, *_ = strict("scout", "planner")
    world.signers["scout"] = Signer(os.urandom(32))
    world.homes["scout"] = MemoryStore(world.clock.now)

    with pytest.raises(NameTakenError):
        world.agent("scout")


def test_a_revoked_agent_counts_for_nobody():
    """After a revocation what the key signed is dead-lettered as revoked, its insights are not heard, and its owner is told nothing of goals."""
    _, anna, scout, planner = strict("scout", "planner")
    agents.revoke(anna, "scout", "laptop stolen")
    scout.share(Insight(topic="t", statement="s", confidence=0.5))
    scout.send("planner", "x")

    report = planner.beat()

    assert report.learned == ()
    assert planner.inbox.claim() is None
    assert "laptop stolen" in planner.inbox.dead()[0].detail
    with pytest.raises(TrustError):
        scout.goals()


# -- an operator's new key -----------------------------------------------------------------------------------------


def ruled():
    """A world in which an operator has signed something of each kind, and an agent has seen all of it."""
    world, anna = owned()
    scout, planner, thief = (world.agent(name) for name in ("scout", "planner", "thief"))
    for name in ("scout", "planner", "thief"):
        agents.certify(anna, name)
    people.set_policy(anna, trust="certified")
    direction.new_goal(anna, "Index the archive", "")
    direction.set_values(anna, "# Be kind")
    agents.revoke(anna, "thief", "stolen")
    asked = scout.ask_approval("deploy", detail="version 3")
    oversight.answer(anna, asked.id, "", granted=True)
    with scout.inbox.claim():
        pass
    planner.send("scout", "x")
    with scout.inbox.claim():
        pass
    assert len(scout.goals()) == 1
    assert scout.values() == "# Be kind"
    return world, anna, asked, thief


def holds(world, asked, thief, title="Index the archive"):
    """Make sure that scout still finds all of it, in the process of before and in a new one."""
    world.clock.advance(seconds=31)
    scout, planner = world.agent("scout"), world.agent("planner")
    dead = len(scout.inbox.dead())
    planner.send("scout", "from a certified agent")
    thief.send("scout", "from a revoked one")
    reading = scout.goals()

    assert [each.trust for each in scout.inbox.drain()] == [Trust.CERTIFIED]
    assert [each.reason for each in scout.inbox.dead()][dead:] == ["revoked"]
    assert ([each.title for each in reading], reading.faults) == ([title], ())
    assert scout.values() == "# Be kind"
    assert scout.approval(asked.id).state == "granted"


def test_an_operators_new_key_keeps_all_that_was_signed():
    """After an operator's rotation certificates, goals, values, revocations and answers hold as before, for agents that had seen them; the old key can do nothing more."""
    world, anna, asked, thief = ruled()
    old = seat(world, signer=anna.signer, home=anna.home)

    people.rotate(anna, Signer(os.urandom(32)), lambda: None)

    holds(world, asked, thief)
    holds(world, asked, thief)
    with pytest.raises(ConfigurationError, match="no operator of this bus with the key of this machine"):
        direction.new_goal(old, "Rob the bank", "")
    direction.set_values(anna, "# Be kind")


def test_an_agent_that_never_saw_the_old_key_believes_the_new_one():
    """A newcomer after the rotation finds goals, values and certificates as everybody else does."""
    world, anna, *_ = ruled()
    people.rotate(anna, Signer(os.urandom(32)), lambda: None)
    newcomer = world.agent("newcomer")
    agents.certify(anna, "newcomer")
    world.clock.advance(seconds=31)

    assert [each.title for each in newcomer.goals()] == ["Index the archive"]
    assert newcomer.values() == "# Be kind"


def killed_at(step, tries):
    """Kill an operator's rotation before a step on the drive, and try again; tell whether it was killed at all."""
    world, anna, asked, thief = ruled()
    new, fuse = Signer(os.urandom(32)), Fuse()
    dying = seat(world, signer=anna.signer, home=anna.home, store=StoppingStore(world.store, fuse))
    fuse.at = fuse.steps + step
    try:
        people.rotate(dying, new, lambda: None)
        killed = False
    except Crash:
        killed = True
        holds(world, asked, thief)
        for left in reversed(range(tries)):
            try:
                people.rotate(seat(world, signer=anna.signer, home=anna.home), new, lambda: None)
                break
            except ConfigurationError:
                if not left:
                    raise
    holds(world, asked, thief)
    assert [each.public_key for each in world.agent("scout").bus.operators] == [key_text(new)]
    return killed


@pytest.mark.parametrize(("tries", "stride"), [(1, 9), pytest.param(1, 1, marks=pytest.mark.slow)])
def test_an_operators_rotation_that_is_killed_is_completed_by_the_next_try(tries, stride):
    """Killed before any step on the drive, an operator's rotation begun again with the same key goes through; agents find all that was signed at every moment in between, and after it."""
    step = 1
    while killed_at(step, tries):
        step += stride

    assert step > 30


def test_a_rotation_that_could_not_take_the_new_key_into_use_is_completed():
    """If the machine dies after the bus knows the new key alone, and before the key file was changed, the next try takes it into use."""
    world, anna, asked, thief = ruled()
    old, new, promoted = anna.signer, Signer(os.urandom(32)), []

    def die():
        raise Crash

    with pytest.raises(Crash):
        people.rotate(anna, new, die)

    people.rotate(seat(world, signer=old, home=anna.home), new, lambda: promoted.append(True))
    assert promoted == [True]
    holds(world, asked, thief)


# -- several operators ---------------------------------------------------------------------------------------------


def pair(world, anna):
    """A second operator, admitted by the first."""
    bert = seat(world, "bert")
    people.admit(anna, "bert", key_text(bert.signer))
    bert.must_own()
    return bert


def test_an_admitted_operator_rules():
    """Whom an operator admits can do what an operator can; who was not admitted can do nothing."""
    world, anna = owned()
    scout = world.agent("scout")
    stranger = seat(world, "carl")

    assert not people.found(stranger)
    with pytest.raises(ConfigurationError):
        direction.new_goal(stranger, "Obey me", "")
    direction.new_goal(pair(world, anna), "Index the archive", "")

    assert [each.operator for each in scout.goals()] == ["bert"]


@pytest.mark.parametrize("keep", [True, False])
def test_a_dismissed_operator_rules_no_more(keep):
    """After a dismissal that operator's key signs nothing; what it signed before holds if the others signed it anew, else counts no more; what it revoked stays revoked."""
    world, anna = owned()
    for name in ("scout", "planner", "thief"):
        world.agent(name)
    bert = pair(world, anna)
    agents.certify(bert, "scout")
    direction.new_goal(bert, "Index the archive", "")
    direction.set_values(bert, "# Be kind")
    agents.revoke(bert, "thief", "stolen")
    planner = world.agent("planner")
    thief = world.agent("thief")
    assert len(planner.goals()) == 1

    people.dismiss(anna, "bert", keep=keep)

    world.clock.advance(seconds=31)
    planner = world.agent("planner")
    world.agent("scout").send("planner", "x")
    thief.send("planner", "x")
    assert [each.trust for each in planner.inbox.drain()] == [Trust.CERTIFIED if keep else Trust.PINNED]
    assert [each.reason for each in planner.inbox.dead()] == ["revoked"]
    assert len(planner.goals()) == keep
    with pytest.raises(ConfigurationError):
        direction.new_goal(bert, "Obey me", "")
    if keep:
        assert planner.values() == "# Be kind"


def test_the_last_operator_cannot_go():
    """A bus that has an operator keeps one; nobody dismisses oneself, or whom there is not."""
    _, anna = owned()

    for name in ("anna", "nobody"):
        with pytest.raises(ConfigurationError, match="nothing was changed"):
            people.dismiss(anna, name, keep=True)

    assert [each.name for each in anna.bus.operators] == ["anna"]


class Racing:
    """A store that lets another act just before a document of the rule is numbered."""

    def __init__(self, store, other):
        self._store = store
        self._other = other

    def __getattr__(self, name):
        return getattr(self._store, name)

    def create(self, key, data):
        """Let the other one be first, once."""
        if key.startswith("operator/history/") and self._other is not None:
            other, self._other = self._other, None
            other()
        self._store.create(key, data)


@pytest.mark.parametrize("mine", ["policy", "membership"])
@pytest.mark.parametrize("theirs", ["policy", "membership"])
def test_of_two_changes_at_once_one_wins_and_nothing_is_lost(mine, theirs):
    """Two operators change policy or membership at the same moment: one change holds whole, the other one's operator is told to look and repeat, and after repeating both hold."""
    world, anna = owned()
    bert = pair(world, anna)
    change = {
        "policy": lambda each, n: people.set_policy(each, hop_limit=n),
        "membership": lambda each, n: people.admit(each, f"human{'abcdefghijk'[n]}", key_text(Signer(os.urandom(32)))),
    }
    anna.store = Racing(world.store, lambda: change[theirs](bert, 3))

    with pytest.raises(ConfigurationError, match="came first"):
        change[mine](anna, 9)

    scout = world.agent("scout")
    won = scout.bus
    assert (won.policy.hop_limit == 3) == (theirs == "policy")
    assert (len(won.operators) == 3) == (theirs == "membership")
    change[mine](anna, 9)
    scout.goals()
    assert scout.bus.version == won.version + 1
    assert scout.bus.policy.hop_limit == (9 if mine == "policy" else 3 if theirs == "policy" else 16)
    assert len(scout.bus.operators) == 2 + (theirs == "membership") + (mine == "membership")


def test_two_revocations_at_once_both_hold_in_the_end():
    """Two operators revoke at the same moment: the one who was slower is told, repeats, and both keys are called back."""
    world, anna = owned()
    bert = pair(world, anna)
    thieves = [world.agent(name) for name in ("thief", "burglar")]
    planner = world.agent("planner")
    anna.store = Racing(world.store, lambda: agents.revoke(bert, "burglar", ""))

    with pytest.raises(ConfigurationError, match="came first"):
        agents.revoke(anna, "thief", "")
    agents.revoke(anna, "thief", "")

    for each in thieves:
        each.send("planner", "x")
    assert list(planner.inbox.drain()) == []
    assert [each.reason for each in planner.inbox.dead()] == ["revoked", "revoked"]


def test_the_policy_is_changed_by_operators_alone():
    """A somabus.json whose policy somebody edited changes nothing for agents that saw the one before."""
    world, _, scout, planner = strict("planner")
    raw = world.store.read("somabus.json")
    world.store.replace("somabus.json", raw.replace(b'"certified"', b'"open"'))
    scout.send("planner", "obey")

    assert planner.inbox.claim() is None
    assert planner.bus.policy.trust is Policy.CERTIFIED
    assert Bus.from_object(parse_object(split(raw).body)).policy.trust is Policy.CERTIFIED


# -- names for people ----------------------------------------------------------------------------------------------


def test_a_new_display_name_shows_at_the_next_read():
    """After a rename the new display name stands beside the sender everywhere at the next read, also on mail sent before."""
    world = World()
    scout, planner = world.agent("scout", display_name="Old"), world.agent("planner")
    scout.send("planner", "x")
    assert planner.inbox.peek()[0].opened.sender == f"scout #{scout.short} (Old)"

    world.agent("scout", display_name="New")
    world.clock.advance(seconds=2)

    assert planner.inbox.peek()[0].opened.sender == f"scout #{scout.short} (New)"
    assert planner.inbox.claim().sender == f"scout #{scout.short} (New)"


@pytest.mark.parametrize("title", ["planner", "Planner", "P1anner", "p l a n n e r", "anna", "ANNA"])
def test_a_display_name_cannot_pass_for_another(title):
    """A display name that looks like the name of another agent, or of an operator, is not shown."""
    world, _ = owned()
    world.agent("planner")
    scout = world.agent("scout", display_name=title)
    scout.send("planner", "x")

    assert world.agent("planner").inbox.claim().sender == f"scout #{scout.short}"


def test_an_agent_that_stays_goes_over_to_its_new_key_by_itself(tmp_path):
    """A process that is running when its new key is certified uses it from its next beat on, with its handlers and its card."""
    create_bus(tmp_path / "bus", home=tmp_path / "home")
    desk = Desk(tmp_path / "bus", home=tmp_path / "home")
    desk.new_key("anna", None)
    anna = desk.sit(lambda: "")
    people.found(anna)
    scout, planner = (
        Agent(name, tmp_path / "bus", home=tmp_path / "home", durability="none") for name in ("scout", "planner")
    )
    scout.use_builtin_handlers()
    agents.certify(anna, "scout")
    old, new = scout.short, scout.rotate()
    agents.certify(anna, "scout", expect=new)
    planner.send("scout", "hi", kind="echo")

    report = scout.beat()
    scout.send("planner", "with the new key")

    assert (report.outcome, report.handled, scout.short) == ("ok", 1, new)
    assert {letter.opened.sender for letter in planner.inbox.peek()} == {f"scout #{new}"}
    assert new != old
    assert Agent("scout", tmp_path / "bus", home=tmp_path / "home").short == new


def test_nobody_asks_for_somebody_who_is_not_there(tmp_path):
    """An approval for an agent that never joined is refused with the nearest name, and nothing is asked."""
    create_bus(tmp_path / "bus", home=tmp_path / "home")
    desk = Desk(tmp_path / "bus", home=tmp_path / "home")
    desk.new_key("anna", None)
    people.found(desk.sit(lambda: ""))
    scout = Agent("scout", tmp_path / "bus", home=tmp_path / "home", durability="none")

    with pytest.raises(UnknownRecipientError, match="did you mean scout"):
        scout.ask_approval("shell", detail="ls", to="scuot")

    assert not (tmp_path / "bus" / "approvals").exists()
