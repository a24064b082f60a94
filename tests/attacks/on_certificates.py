"""Attacks on who is who: certificates, the revocation list, and keys that were called back."""

from somabus.model import tree
from somabus.model.certificate import Certificate
from somabus.model.envelope import Seal
from somabus.model.signing import to_text
from somabus.operator import agents
from tests.attacks.attack import AGENT, BESIDE, OPERATOR, WRITER, Attack, none
from tests.attacks.scene import DAY, HONEST

_MAIL = r"inbox of (scout|planner)"
_EVE = tree.certificate("eve")


def reads_mail(scene, agent):
    """Beat, and see what becomes of the mail."""
    return scene.mail(agent)


def _eve(scene):
    """Join an agent that no operator has certified, on a bus that acts on certified mail alone."""
    scene.policy(trust="certified")
    return scene.joined("eve")


def _writes_to_all(agent):
    for name in HONEST:
        agent.send(name, "pay mallory")
    return reads_mail


def _certificate(scene, agent, days):
    now = scene.clock.now()
    return Certificate(
        bus=scene.id, agent=agent.name, public_key=to_text(scene.key_of(agent.name).public_key), serial=scene.new_id(),
        issued_at=now, not_after=now + days * DAY, operator="anna",
    )  # fmt: skip


def _forged(scene):
    eve = _eve(scene)
    scene.put(_EVE, scene.sealed(_certificate(scene, eve, 30), Seal.CERTIFICATE, scene.key_of("eve")))
    return _writes_to_all(eve)


def _expired(scene):
    eve = _eve(scene)
    agents.certify(scene.anna, "eve", valid_for=DAY)
    scene.planted.append(scene.get(_EVE))
    scene.clock.advance(days=2)
    return _writes_to_all(eve)


def _copied(scene):
    eve = _eve(scene)
    scene.put(_EVE, scene.get(tree.certificate("mallory")))
    return _writes_to_all(eve)


def _too_long(scene):
    eve = _eve(scene)
    scene.put(_EVE, scene.anna.sealed(_certificate(scene, eve, 91), Seal.CERTIFICATE))
    return _writes_to_all(eve)


def _called_back(scene):
    """The certificate of an agent that was called back, put where it was."""
    eve = _eve(scene)
    agents.certify(scene.anna, "eve")
    raw = scene.get(_EVE)
    agents.revoke(scene.anna, "eve", "stolen")
    for agent in scene.running.values():
        agent.beat()
    scene.put(_EVE, raw)
    return _writes_to_all(eve)


def _revoked(scene):
    agents.revoke(scene.anna, "mallory", "stolen")
    scene.send(scene.mallory, "planner")
    return reads_mail


def _revoke_and_see(scene):
    old = scene.get(tree.REVOCATIONS)
    agents.revoke(scene.anna, "mallory", "stolen")
    for agent in scene.running.values():
        agent.beat()
    return old


def _older_list(scene):
    scene.put(tree.REVOCATIONS, _revoke_and_see(scene))
    return _writes_to_all(scene.mallory)


def _forged_list(scene):
    _revoke_and_see(scene)
    there = scene.anna.authority.revocations
    empty = there.model_copy(update={"number": there.number + 1, "revoked": ()})
    scene.put(tree.REVOCATIONS, scene.sealed(empty, Seal.REVOCATIONS))
    return _writes_to_all(scene.mallory)


def _no_list(scene):
    _revoke_and_see(scene)
    scene.take(tree.REVOCATIONS)
    return _writes_to_all(scene.mallory)


ROWS = (
    Attack(
        "A forged certificate, signed with another key than an operator's", AGENT, _forged,
        r"certificate is not signed by an operator of this bus",
        "The agent stays uncertified; under `certified` its mail is not acted upon.",
        r"eve", BESIDE, met_by=HONEST, besides=_MAIL,
    ),
    Attack(
        "An expired certificate", AGENT, _expired, r"the certificate of eve expired at \d",
        "From that moment the agent is uncertified; under `certified` its mail is not acted upon.",
        r"eve", BESIDE, met_by=HONEST, besides=_MAIL,
    ),
    Attack(
        "The certificate of another agent, copied over", WRITER, _copied, r"the certificate under eve was made for mallory",
        "It certifies nobody.", r"eve", BESIDE, met_by=HONEST, besides=_MAIL,
    ),
    Attack(
        "A certificate for more than 90 days", OPERATOR, _too_long, r"claims more than 90 days",
        "It certifies nobody, although an operator signed it.", r"eve", BESIDE, met_by=HONEST, besides=_MAIL,
    ),
    Attack(
        "The certificate of a revoked key, put back", WRITER, _called_back, r"the key of eve was revoked at",
        "The key counts no more.", r"eve", BESIDE, met_by=HONEST, besides=_MAIL,
    ),
    Attack(
        "A revoked key that goes on sending", AGENT, _revoked, r"key of mallory that signed it was revoked at .*: stolen",
        "Its mail is set aside, and nobody sends it a bounce.",
    ),
    Attack(
        "An older revocation list, put back", WRITER, _older_list, r"number 1 was put back; number 2",
        "The newest list that an agent has seen holds; the revoked key stays revoked.",
        r"revocation list", BESIDE, met_by=HONEST,
    ),
    Attack(
        "A newer, empty revocation list, signed by an agent", AGENT, _forged_list, r"not signed by an operator",
        "The newest list that an operator signed holds; the revoked key stays revoked.",
        r"revocation list", BESIDE, met_by=HONEST,
    ),
    Attack(
        "The revocation list, taken away", WRITER, _no_list, r"was removed; number 2",
        "The newest list that an agent has seen holds; without any, no certificate counts.",
        r"revocation list", none("nothing is left to keep"), met_by=HONEST,
    ),
)  # fmt: skip
