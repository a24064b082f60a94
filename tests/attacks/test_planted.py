"""P7 and P12: what a writer to the drive plants beside what the humans rule, and what a careless moment would give him.

Each of these once worked against us, or stopped somebody; they are here so that none works again.
"""

import os
from datetime import timedelta

import orjson
import pytest

from somabus.desk import Desk
from somabus.errors import ConfigurationError, NotApprovedError, StoppedError
from somabus.model import signing, tree
from somabus.model.certificate import Rotation
from somabus.model.draft import Draft
from somabus.model.envelope import Seal, seal_body, split
from somabus.model.signing import Signer
from somabus.model.stop import Range, Scope
from somabus.model.trust import Trust
from somabus.model.wire import parse_object
from somabus.operator import agents, direction, oversight, people
from tests.attacks.scene import Scene, found_bus

BUS = Scope(Range.BUS)


@pytest.fixture(scope="module")
def founded(tmp_path_factory):
    """A bus with an operator and certified agents, to be copied."""
    return found_bus(tmp_path_factory.mktemp("planted"))


@pytest.fixture
def scene(founded, tmp_path):
    """Anna rules; scout and planner are honest; mallory has a key of its own."""
    return Scene(founded, tmp_path)


def json_of(path):
    """Return what a document says, without its signature."""
    return parse_object(split(path.read_bytes()).body)


def test_an_outbox_carries_no_protected_mail(scene):
    """Mail of a protected kind, put into an outbox that all follow, is run by nobody, with or without a stop."""
    ran = []
    scene.scout.on("shell")(lambda message: ran.append(message.body))
    mallory = scene.mallory._services

    mallory.outbox.share(mallory.composer.entry(Draft("", "rm -rf /", kind="shell"))[1])
    report = scene.scout.beat()

    assert ran == []
    assert "protected kind shell has no place in a log" in str(report)


def test_a_stop_in_the_audit_is_an_operators_or_none(scene):
    """An entry that an agent wrote cannot make an operator lift another stop than the one that it names."""
    whole = oversight.stop(scene.anna, BUS, "all")
    scene.scout.stops()
    scene.mallory._services.audit.append("stop", f"STOP.agent.mallory {whole.stop.id}", "x")
    only = Scope(Range.AGENT, "mallory")
    oversight.stop(scene.anna, only, "bad")

    oversight.resume(scene.anna, only, "good again")
    (scene.root / "STOP").unlink()

    with pytest.raises(StoppedError):
        scene.scout.send("planner", "on with it")


def test_an_answer_goes_to_the_wording_that_was_read(scene):
    """A request that its agent words anew after the operator has read it is not approved."""
    asked = scene.mallory.ask_approval("deploy", detail="harmless")
    (read,) = oversight.approvals_of(scene.anna).all()
    other = asked.request.model_copy(update={"detail": "wipe everything"})
    (scene.root / tree.approval(asked.id, "request")).write_bytes(
        seal_body(other.to_json(), Seal.REQUEST, scene.key.sign)
    )

    with pytest.raises(NotApprovedError, match="not the one you read"):
        oversight.answer(scene.anna, asked.id, "", granted=True, expect=read.digest)

    assert asked.state == "asked"


def test_revoking_one_agent_revokes_no_other(scene):
    """A planted certificate with another agent's key in it gives nobody's key away."""
    planted = {**json_of(scene.root / "registry/planner/certificate.json"), "agent": "mallory"}
    (scene.root / "registry/mallory/certificate.json").write_bytes(orjson.dumps(planted))

    agents.revoke(scene.anna, "mallory", "stolen")

    scene.scout._services.authority.refresh()
    assert scene.scout._services.identities.standing("planner").trust is Trust.CERTIFIED


@pytest.mark.parametrize("spoil", ["certificate.json", "card.json"])
def test_a_spoiled_file_saves_no_key(scene, spoil):
    """Whoever spoils its card or its certificate is revoked all the same."""
    (scene.root / "registry/mallory" / spoil).write_bytes(b"x")

    assert agents.revoke(scene.anna, "mallory", "stolen")


@pytest.mark.parametrize("document", ["bus", "revocations"])
def test_a_folder_in_the_place_of_the_next_number_is_in_nobodys_way(scene, document):
    """Operators stop and revoke whatever was planted where the next version is written."""
    history = scene.root / "operator/history" / document / "0000000"
    last = max(history.iterdir()).name
    (history / f"{int(last[:10]) + 1:010d}.json").mkdir()

    assert oversight.stop(scene.anna, BUS, "x").signed
    assert agents.revoke(scene.anna, "mallory", "x")
    assert people.set_policy(scene.anna, hop_limit=7).policy.hop_limit == 7


def test_a_false_newer_version_halts_no_agent(scene):
    """An unsigned newer somabus.json, with the versions before it made unreadable, is refused and mail goes on."""
    claimed = json_of(scene.root / "somabus.json")
    claimed["version"] += 2
    (scene.root / "somabus.json").write_bytes(orjson.dumps(claimed))
    (scene.root / f"operator/history/bus/0000000/{claimed['version'] - 1:010d}.json").mkdir()
    scene.planner.send("scout", "hello")

    assert [delivery.message.body for delivery in scene.scout.inbox.drain()] == ["hello"]


@pytest.mark.parametrize("spoil", ["somabus.json", "registry/scout/card.json"])
def test_a_spoiled_file_keeps_no_agent_from_starting(scene, spoil):
    """A new process of an agent starts from what its machine remembers; an operator's act puts the policy back."""
    (scene.root / spoil).write_bytes(b"x")

    assert scene.started("scout").name == "scout"
    people.set_policy(scene.anna, hop_limit=7)
    assert json_of(scene.root / "somabus.json")["policy"]["hop_limit"] == 7


def test_what_one_process_has_seen_holds_for_the_others(scene):
    """Of two processes of one agent, the one that saw the newer goal and the stop remembers for both."""
    idle, goal = scene.scout, direction.new_goal(scene.anna, "one", "")
    idle.goals()
    place = scene.root / tree.goal(goal.id)
    direction.change_goal(scene.anna, goal.id, title="two")
    second = place.read_bytes()
    direction.change_goal(scene.anna, goal.id, title="three")
    oversight.stop(scene.anna, BUS, "x")
    busy = scene.started("scout")
    busy.goals()
    busy.stops()

    place.write_bytes(second)
    (scene.root / "STOP").unlink()

    assert [each.title for each in idle.goals()] == ["three"]
    assert [each.title for each in scene.started("scout").goals()] == ["three"]
    with pytest.raises(StoppedError):
        idle.send("planner", "x")


def test_a_resume_by_a_new_operator_counts_at_once(scene):
    """An agent that has not looked since the operator was admitted goes on after that operator's resume, and accuses nobody."""
    oversight.stop(scene.anna, BUS, "all")
    scene.scout.stops()
    bert = _admitted(scene, "bert")

    oversight.resume(bert, None, "fine")

    assert scene.scout.send("planner", "on with it").id
    assert [each.entry.act for each in scene.anna.audit.check() if each.entry and each.entry.act == "refused"] == []


def test_the_values_outlive_the_operator_who_wrote_them(scene):
    """After an operator was removed, another writes the values again, and agents who knew the old ones read them."""
    bert = _admitted(scene, "bert")
    direction.set_values(bert, "first")
    direction.set_values(bert, "second")
    assert scene.scout.values() == "second"
    people.dismiss(scene.anna, "bert", keep=False)

    direction.set_values(scene.anna, "third")

    assert scene.scout.values() == "third"


def test_a_renewal_takes_up_no_key_that_nobody_compared(scene):
    """Whoever has a copy of an agent's key cannot have another key certified by the next routine renewal."""
    stolen, thief = scene.key_of("scout"), Signer(os.urandom(32))
    wish = Rotation(
        bus=scene.id, agent="scout", asked_at=scene.clock.now(), old_key=signing.to_text(stolen.public_key),
        new_key=signing.to_text(thief.public_key),
    )  # fmt: skip
    (scene.root / tree.rotation("scout")).write_bytes(seal_body(wish.to_json(), Seal.ROTATION, stolen.sign))

    assert agents.certify(scene.anna, "scout").key == stolen.public_key


def test_a_certificate_from_the_future_is_none(scene):
    """Dates that lie ahead stretch no certificate beyond 90 days from now."""
    certificate = agents.certify(scene.anna, "mallory")
    far = certificate.issued_at + timedelta(days=3650)
    stretched = certificate.model_copy(update={"issued_at": far - timedelta(days=90), "not_after": far})
    scene.anna.store.replace(tree.certificate("mallory"), scene.anna.sealed(stretched, Seal.CERTIFICATE))

    standing = scene.started("scout")._services.identities.standing("mallory")

    assert standing.trust is not Trust.CERTIFIED
    assert "more than 90 days" in standing.fault


def test_one_key_is_one_operator(scene):
    """The key of one operator cannot be admitted a second time, under another name; so whoever is removed is gone."""
    bert = _admitted(scene, "bert")

    with pytest.raises(ConfigurationError, match="that key is bert's"):
        people.admit(scene.anna, "brigitte", signing.to_text(bert.signer.public_key))


def _admitted(scene, name):
    desk = Desk(scene.root, home=scene.path / "homes" / name, clock=scene.clock)
    people.admit(scene.anna, name, desk.new_key(name, None).public_key)
    return desk.sit(lambda: "")
