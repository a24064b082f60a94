"""Who signs in these tests, and what they sign: two operators, an agent with an old and a new key, a stranger."""

from somabus.model import signing
from somabus.model.bus import Bus, OperatorKey
from somabus.model.envelope import seal_body
from somabus.model.signing import Signer
from tests.model.examples import ID, NOW

ANNA, BERT = Signer(b"a" * 32), Signer(b"b" * 32)
SCOUT, SCOUT_NEW = Signer(b"s" * 32), Signer(b"n" * 32)
STRANGER = Signer(b"x" * 32)


def text(signer):
    """Return a signer's public key as the format has it."""
    return signing.to_text(signer.public_key)


def sealed(value, seal, signer):
    """Return a document with a signature; None for the signer leaves it unsigned."""
    return value.to_json() if signer is None else seal_body(value.to_json(), seal, signer.sign)


def operator(name, signer):
    """Return an operator as `somabus.json` names it."""
    return OperatorKey(name=name, public_key=text(signer), since=NOW)


def bus(version=1, operators=(("anna", ANNA),), **changed):
    """Return a version of a bus."""
    facts = {"bus": ID, "created_at": NOW, "version": version, "operators": [operator(*each) for each in operators]}
    return Bus.model_validate({**facts, **changed})
