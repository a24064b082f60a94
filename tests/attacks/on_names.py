"""Attacks on names, cards, keys and signs of life; and on the audit, which tells of all the others."""

import hashlib
import os
from datetime import timedelta

from somabus import Agent
from somabus.errors import LookalikeNameError, UnsafeKeyError
from somabus.model import tree
from somabus.model.audit import AuditEntry
from somabus.model.envelope import Seal, split
from somabus.model.heartbeat import Heartbeat
from somabus.model.signing import Signer, to_text
from somabus.model.wire import parse_object
from tests.attacks.attack import AGENT, BESIDE, USER, WRITER, Attack, none
from tests.attacks.on_certificates import reads_mail
from tests.attacks.scene import HONEST

_NAME_AND_KEY = "the check asks whether an entry is signed, not whether by a key of the one it names"
_REVIEW = "what the review of peers finds is alerted, and neither kept nor audited"
_NOTHING_CAME = none("nothing came onto the bus")
_AUDIT = none("the check of the audit names it each time")


# -- names ------------------------------------------------------------------------------------------------------


def _joins(scene):
    def meet(scene, _):
        try:
            Agent("p1anner", scene.root, home=scene.path / "homes" / "mallory", clock=scene.clock)
        except LookalikeNameError as error:
            said = str(error)
        scene.must(not (scene.root / "registry" / "p1anner").exists(), "p1anner joined")
        return said

    return meet


def _planted(scene, **facts):
    key = Signer(os.urandom(32))
    scene.put(tree.card("p1anner"), scene.card("p1anner", key=key, **facts))
    kept = list(scene.planted)
    for name in HONEST:
        scene.message(name, sender="p1anner", key=key)
    scene.planted = kept
    return reads_mail


def _planted_newcomer(scene):
    """The card says that p1anner joined before planner did; the agent that reads it has met neither."""
    for pins in (scene.path / "homes" / "scout" / "buses").rglob("planner.json"):
        pins.unlink()
    scene.running["scout"] = scene.started("scout")
    return _planted(scene, joined_at=scene.clock.now() - timedelta(days=400))


# -- cards, heartbeats, keys ------------------------------------------------------------------------------------


def _looks_at_peers(scene, agent):
    return agent.beat().peers["mallory"]


def _other_card(scene):
    scene.put(tree.card("mallory"), scene.card("mallory", key=Signer(os.urandom(32))))
    return _looks_at_peers


def _other_card_and_mail(scene):
    """The victim has no certificate: what protects it is that the planner remembers its key."""
    scene.joined("eve").send("planner", "hello")
    scene.planner.beat()
    assert scene.handled, "its true mail is handled"
    scene.handled.clear()
    scene.put(tree.card("eve"), scene.card("eve", key=scene.key))
    scene.planted.clear()
    scene.message("planner", sender="eve")
    return reads_mail


def _heartbeat(scene):
    there = Heartbeat.from_object(parse_object(split(scene.get(tree.heartbeat("mallory"))).body))
    fine = there.model_copy(update={"written_at": scene.clock.now() + timedelta(seconds=1)})
    scene.put(tree.heartbeat("mallory"), scene.sealed(fine, Seal.HEARTBEAT, Signer(os.urandom(32))))
    return _looks_at_peers


def _open_key(scene):
    os.chmod(scene.path / "homes" / "planner" / "buses" / scene.id / "planner" / "key", 0o644)

    def meet(scene, _):
        try:
            scene.started("planner").send("scout", "as ever")
        except UnsafeKeyError as error:
            return str(error)
        scene.done.append("planner used the key")
        return ""

    return meet


def _open_operator_key(scene):
    os.chmod(scene.path / "homes" / "anna" / "operators" / scene.id / "anna" / "key", 0o644)

    def meet(scene, _):
        try:
            scene.desk.sit(lambda: "")
        except UnsafeKeyError as error:
            return str(error)
        scene.done.append("anna's key was used")
        return ""

    return meet


# -- the audit --------------------------------------------------------------------------------------------------


def _checks(scene, _):
    """Meet it as the operator who looks: return the numbers at fault, and why."""
    said = " | ".join(f"{each.number}: {each.fault}" for each in scene.audit() if each.fault)
    scene.must(said, "the audit was found whole")
    return said


def _seen(scene):
    """Let the operator look once, so that the end of the audit is known; return its files."""
    assert not [each for each in scene.audit() if each.fault]
    return scene.entries(tree.AUDIT)


def _altered(scene):
    path = _seen(scene)[1]
    path.write_bytes(path.read_bytes().replace(b'"certify"', b'"certifx"'))
    return _checks


def _altered_and_signed(scene):
    path = _seen(scene)[1]
    entry = AuditEntry.from_object(parse_object(split(path.read_bytes()).body))
    worse = entry.model_copy(update={"detail": "nothing", "key": to_text(scene.key.public_key)})
    path.write_bytes(scene.sealed(worse, Seal.AUDIT))
    return _checks


def _removed(scene):
    _seen(scene)[1].unlink()
    return _checks


def _cut_off(scene):
    files = _seen(scene)
    files[-1].unlink()
    return _checks


def _inserted(scene):
    files = _seen(scene)
    for path in reversed(files[1:]):
        number = int(path.stem) + 1
        path.rename(path.with_name(f"{number:010d}.json"))
    files[1].write_bytes(files[2].read_bytes())
    return _checks


def _in_annas_name(scene):
    files = _seen(scene)
    last = AuditEntry.from_object(parse_object(split(files[-1].read_bytes()).body))
    previous = hashlib.sha256(files[-1].read_bytes()).hexdigest()
    facts = {"number": last.number + 1, "previous": previous, "by": "anna", "key": to_text(scene.key.public_key),
             "act": "approve", "subject": scene.new_id(), "detail": "fine"}  # fmt: skip
    scene.put(
        f"{tree.AUDIT}/0000000/{last.number + 1:010d}.json", scene.sealed(last.model_copy(update=facts), Seal.AUDIT)
    )
    return _checks


ROWS = (
    Attack(
        "A name that looks like another (`p1anner`), by joining", AGENT, _joins, r"p1anner.* looks like 'planner'",
        "The attacker's own program refuses; nobody joins.", "", _NOTHING_CAME, _NOTHING_CAME, _NOTHING_CAME, met_by=(),
    ),
    Attack(
        "A name that looks like another, by a planted card", WRITER, _planted, r"the name p1anner looks like planner",
        "Its key is not remembered and its mail is set aside, until an operator certifies it.",
        r"p1anner", BESIDE, met_by=HONEST,
    ),
    Attack(
        "The same with an older date on the card, at an agent that has met neither", WRITER, _planted_newcomer,
        r"the name p1anner looks like planner", "Its key is not remembered, for an operator has certified the other.",
        r"p1anner", BESIDE, met_by=("scout",),
    ),
    Attack(
        "A card, replaced by one with another key", WRITER, _other_card, r"its key is not the one seen first",
        "Nobody believes the card; the key seen first, or certified, goes on counting.",
        r"mallory", BESIDE, met_by=HONEST,
    ),
    Attack(
        "A card, replaced by one with another key, and mail signed with it", AGENT, _other_card_and_mail,
        r"was not signed by eve's key", "The mail is forged, and set aside.",
    ),
    Attack(
        "A heartbeat in another's name", WRITER, _heartbeat, r"the heartbeat of mallory was not written by mallory",
        "It says nothing of the agent, which is reported with this fault.", r"mallory", BESIDE, met_by=HONEST,
    ),
    Attack(
        "An agent's private key, readable by others", USER, _open_key, r"the private key .* can be read by others, and was not used",
        "The agent does not start; its key signs this alarm and nothing else.",
        r"home of planner", none("no bytes came"), met_by=("planner",), restarts=False,
    ),
    Attack(
        "An operator's private key, readable by others", USER, _open_operator_key,
        r"the private key .* can be read by others, and was not used", "The operator's commands refuse.",
        "", none("no bytes came"), none("the operator who would be told is the one refused"),
        none("the operator who would be told is the one refused"), met_by=(),
    ),
    Attack(
        "An entry of the audit, altered", WRITER, _altered, r"\b2: it was changed: its signature does not fit",
        "`somabus audit` reports its number.", "", _AUDIT, _AUDIT, _AUDIT, met_by=(),
    ),
    Attack(
        "An entry of the audit, altered and signed by an agent", AGENT, _altered_and_signed,
        r"\b3: it does not follow number 2", "`somabus audit` reports the number behind it.",
        "", _AUDIT, _AUDIT, _AUDIT, met_by=(),
    ),
    Attack(
        "An entry, removed in the middle of the audit", WRITER, _removed, r"\b2: it is missing: it was removed",
        "`somabus audit` reports its number.", "", _AUDIT, _AUDIT, _AUDIT, met_by=(),
    ),
    Attack(
        "An entry, removed at the end of the audit", WRITER, _cut_off,
        r"\b4: it is missing: it was there before and was removed",
        "`somabus audit` reports its number, if it has seen it before.", "", _AUDIT, _AUDIT, _AUDIT, met_by=(),
    ),
    Attack(
        "An entry, inserted into the audit", WRITER, _inserted, r"\b3: it was made as number 2",
        "`somabus audit` reports its number.", "", _AUDIT, _AUDIT, _AUDIT, met_by=(),
    ),
    Attack(
        "An entry in an operator's name, signed by an agent, at the end of the audit", AGENT, _in_annas_name,
        r"\b5: .*anna", "`somabus audit` reports its number.", "", _AUDIT, _AUDIT, _AUDIT, met_by=(),
    ),
)  # fmt: skip
