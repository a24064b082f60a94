"""Signatures are plain Ed25519, and a key or a signature has one spelling."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somabus.model.signing import PUBLIC_KEY_BYTES, SIGNATURE_BYTES, Signer, from_text, short, to_text, verifies
from tests.model.examples import quick

SIGNER = Signer(b"s" * 32)


def test_it_is_the_ed25519_of_the_rfc():
    """Another language's library verifies what we sign: test 1 of RFC 8032, section 7.1."""
    signer = Signer(bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))

    assert signer.public_key.hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert signer.sign(b"").hex() == (
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    )


@quick
@given(st.binary(max_size=300))
def test_what_was_signed_verifies(data):
    """The owner's signature over any bytes is accepted, and has the length that the format says."""
    signature = SIGNER.sign(data)

    assert verifies(SIGNER.public_key, data, signature)
    assert (len(SIGNER.public_key), len(signature)) == (PUBLIC_KEY_BYTES, SIGNATURE_BYTES)


@quick
@given(st.binary(min_size=1, max_size=100), st.data())
def test_one_flipped_bit_is_noticed(data, draw):
    """A change of one bit in the data or in the signature is enough."""
    signature = SIGNER.sign(data)
    both = bytearray(data + signature)
    bit = draw.draw(st.integers(0, len(both) * 8 - 1))
    both[bit // 8] ^= 1 << bit % 8

    assert not verifies(SIGNER.public_key, bytes(both[: len(data)]), bytes(both[len(data) :]))


def test_another_key_did_not_sign_it():
    """A signature counts for one key alone."""
    assert not verifies(Signer(b"t" * 32).public_key, b"data", SIGNER.sign(b"data"))


@pytest.mark.parametrize("key", [b"", b"short", b"x" * 31, b"x" * 33, bytes(32), b"\xff" * 32])
def test_a_key_that_is_none_verifies_nothing(key):
    """A key of a wrong length or of no point on the curve answers no, and does not crash."""
    assert not verifies(key, b"data", SIGNER.sign(b"data"))


@pytest.mark.parametrize("signature", [b"", b"x" * 63, b"x" * 65, bytes(64)])
def test_a_signature_that_is_none_is_refused(signature):
    """A signature of a wrong length, or of zeros, answers no, and does not crash."""
    assert not verifies(SIGNER.public_key, b"data", signature)


def test_the_seed_is_not_handed_out():
    """What a signer shows of itself is its public half alone."""
    assert b"s" * 32 not in [getattr(SIGNER, name) for name in dir(SIGNER) if not name.startswith("_")]


def test_the_short_form_is_the_start_of_the_fingerprint():
    """`#1a2b3c4d` is the start of the key's SHA-256, which people can compute elsewhere."""
    assert short(SIGNER.public_key) == hashlib.sha256(SIGNER.public_key).hexdigest()[:8]


@quick
@given(st.binary(max_size=80))
def test_bytes_survive_as_text(data):
    """Every key and signature comes back from its text, which is safe in JSON and in a URL."""
    text = to_text(data)

    assert from_text(text) == data
    assert text.replace("-", "").replace("_", "").isalnum() or not text


@pytest.mark.parametrize("text", ["A", "AA==", "AB", "A A", "AA\n", " AA", "é", "+/+/", "AAA=", "\ud800", "AA.A"])
def test_another_spelling_of_bytes_is_refused(text):
    """Padding, blanks, the other alphabet and stray last bits are refused, so nobody gets a second valid spelling."""
    with pytest.raises(ValueError):
        from_text(text)
