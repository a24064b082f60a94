"""Seal and open: the bytes that are verified are the bytes that are parsed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somabus.model import signing, wire
from somabus.model.envelope import Seal, seal_body, split
from somabus.model.signing import Signer
from tests.model.examples import json_objects, quick

SIGNER = Signer(b"s" * 32)
KEY = SIGNER.public_key
BODIES = json_objects.filter(bool).map(wire.dump)


def sealed(body=b'{"a":1}', seal=Seal.MESSAGE):
    """Return a document of ours."""
    return seal_body(body, seal, SIGNER.sign)


@quick
@given(BODIES, st.sampled_from(Seal))
def test_sealed_and_split_is_the_same_body(body, seal):
    """Every body comes out of its envelope byte for byte, and its owner's key verifies it."""
    envelope = split(sealed(body, seal))

    assert envelope.body == body
    assert envelope.verified_by(KEY, seal)


@quick
@given(st.binary(max_size=300))
def test_bytes_that_are_no_json_keep_their_seal_too(inner):
    """The seal asks nothing of the body but that it is closed by a brace: nothing is parsed before it is verified."""
    envelope = split(sealed(b"{" + inner + b"}"))

    assert envelope.body == b"{" + inner + b"}"
    assert envelope.verified_by(KEY, Seal.MESSAGE)


@quick
@given(BODIES, st.data())
def test_one_flipped_bit_breaks_the_seal(body, draw):
    """Whichever bit of the file is changed, body, suffix or signature: it does not verify."""
    raw = bytearray(sealed(body))
    bit = draw.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8

    assert not split(bytes(raw)).verified_by(KEY, Seal.MESSAGE)


@quick
@given(BODIES, st.data())
def test_a_file_cut_short_breaks_the_seal(body, draw):
    """A file that lost its end does not verify at any length."""
    raw = sealed(body)

    assert not split(raw[: draw.draw(st.integers(0, len(raw) - 1))]).verified_by(KEY, Seal.MESSAGE)


@quick
@given(BODIES, st.binary(min_size=1, max_size=20).filter(bytes.strip))
def test_a_file_with_something_behind_it_breaks_the_seal(body, more):
    """Nothing but blanks may stand behind the seal."""
    assert not split(sealed(body) + more).verified_by(KEY, Seal.MESSAGE)


@pytest.mark.parametrize("blanks", [b"\n", b"\r\n", b" " * 50])
def test_blanks_at_the_end_do_no_harm(blanks):
    """An editor or another language may leave a line's end behind the document."""
    assert split(sealed() + blanks).verified_by(KEY, Seal.MESSAGE)


@pytest.mark.parametrize("seal", Seal)
@pytest.mark.parametrize("other", Seal)
def test_a_seal_counts_for_one_kind_of_document(seal, other):
    """A card never passes as a message, nor a heartbeat as a card."""
    assert split(sealed(seal=seal)).verified_by(KEY, other) == (seal is other)


def test_the_kinds_are_told_apart_by_the_lines_of_the_format():
    """The signed bytes are the line and the body, so another language can make and check them."""
    signature = SIGNER.sign(b'somabus message 1\n{"a":1}')

    assert sealed() == b'{"a":1,"signature":"%s"}' % signing.to_text(signature).encode()


def test_another_key_did_not_seal_it():
    """A signature by somebody else is a forgery."""
    assert not split(sealed()).verified_by(Signer(b"t" * 32).public_key, Seal.MESSAGE)


@quick
@given(BODIES)
def test_a_sealed_document_is_one_readable_object(body):
    """The file stays plain JSON, with the signature as its last member."""
    value = json.loads(sealed(body))

    assert list(value)[-1] == "signature"
    assert len(value["signature"]) == 86


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1}',
        b'{"a":1,"signature":null}',
        b'{"a":1,"signature":""}',
        b'{"a":1,"signature":"%s"}' % (b"A" * 85),
        b'{"a":1,"signature":"%s"}' % (b"A" * 87),
        b'{"a":1,"signature":"%s"}' % (b"+" * 86),
        b'{"a":1, "signature":"%s"}' % (b"A" * 86),
        b'{"a":1,"signature": "%s"}' % (b"A" * 86),
        b'{"signature":"%s"}' % (b"A" * 86),
        b'{"a":1,"signature":"%s","b":2}' % (b"A" * 86),
        b'{"a":{"b":1,"signature":"%s"}}' % (b"A" * 86),
        b'{"a":1,"signature":"%s"}' % (b"A" * 85 + b"B"),
    ],
)
def test_what_is_not_the_suffix_of_the_format_is_no_signature(raw):
    """Only the one spelling at the very end counts; anything else is an unsigned body, whole and unjudged."""
    envelope = split(raw + b"\n")

    assert (envelope.body, envelope.signature) == (raw, None)
    assert not envelope.verified_by(KEY, Seal.MESSAGE)


def test_a_second_spelling_of_the_signature_is_refused():
    """The spare bits of the last character cannot be used to make a second file out of a signed one."""
    raw = sealed()
    last = raw[-3:-2]
    spare = bytes([last[0] + 1])

    assert split(raw).verified_by(KEY, Seal.MESSAGE)
    assert split(raw[:-3] + spare + raw[-2:]).signature is None


def test_a_text_that_looks_like_a_seal_stays_text():
    """A body that quotes another document's signature is not cut there."""
    body = wire.dump({"body": sealed().decode()})

    assert split(sealed(body)).body == body
