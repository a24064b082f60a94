"""values.md: anybody can read it, and nobody can change a byte of it unnoticed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somabus.errors import MalformedMessageError, MessageError, TrustError
from somabus.model.creed import Creed, digest, written
from somabus.model.envelope import Seal
from tests.model.examples import ID, NOW, quick
from tests.model.signed import ANNA, STRANGER, sealed

TEXT = b"# What we stand for\n\nBe kind.\n"


def creed(text=TEXT, **changed):
    """Return what the last line says of a text."""
    facts = {"bus": ID, "version": 3, "at": NOW, "operator": "anna", "sha256": digest(text)}
    return Creed.model_validate({**facts, **changed})


def file(text=TEXT, signer=ANNA, **changed):
    """Return a whole values.md."""
    return written(text, sealed(creed(text, **changed), Seal.VALUES, signer))


def holds(raw):
    """Tell whether a reader takes it for anna's values."""
    try:
        _, envelope = Creed.opened(raw)
    except (MessageError, TrustError):
        return False
    return envelope.verified_by(ANNA.public_key, Seal.VALUES)


@quick
@given(st.binary(max_size=200))
def test_whatever_the_text_is_it_comes_back(text):
    """Blanks at the end, a carriage return, lines that look like the last one: the text is bound as it is."""
    found, envelope = Creed.opened(file(text))

    assert found.text == text.decode(errors="replace")
    assert envelope.verified_by(ANNA.public_key, Seal.VALUES)


def test_it_says_which_version_it_is():
    """Readers keep the highest version they have seen."""
    found, _ = Creed.opened(file())

    assert (found.number, found.operator, found.text) == (3, "anna", TEXT.decode())


def test_the_text_stands_first_and_as_it_was_written():
    """Anybody reads it with any editor: Markdown, and one comment at the end."""
    raw = file()

    assert raw.startswith(TEXT)
    assert raw[len(TEXT) :].startswith(b'\n<!-- somabus {"format":1,')
    assert raw.endswith(b'"} -->\n')
    assert TEXT.split(b"\n")[0] not in raw[len(TEXT) :]


def test_every_changed_byte_is_noticed():
    """Text, last line, signature: one byte changed anywhere, and it is nobody's values; a blank at the end is no byte of it."""
    raw = file()
    assert holds(raw)

    unnoticed = []
    for at in range(len(raw) - 1):
        changed = bytearray(raw)
        changed[at] ^= 1
        if holds(bytes(changed)):
            unnoticed.append((at, chr(raw[at])))

    assert unnoticed == []


@quick
@given(st.data())
def test_every_piece_taken_out_or_put_in_is_noticed(draw):
    """Bytes removed or added anywhere before the end of the last line are noticed."""
    raw = file()
    at = draw.draw(st.integers(0, len(raw) - 2))
    until = draw.draw(st.integers(at, len(raw) - 2))
    put = draw.draw(st.binary(max_size=5))
    changed = raw[:at] + put + raw[until:]

    assert holds(changed) is (changed.rstrip() == raw.rstrip())


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b"", MalformedMessageError),
        (TEXT, MalformedMessageError),
        (file() + b"One more thing.\n", MalformedMessageError),
        (file().rstrip().removeprefix(TEXT + b"\n"), MalformedMessageError),
        (b"\n<!-- somabus {} -->\n", MessageError),
        (b"\n<!-- somabus {no json} -->\n", MalformedMessageError),
        (file().replace(b"kind", b"mean"), TrustError),
        (file().replace(b"\n", b"\r\n"), TrustError),
        (written(b"another text", sealed(creed(), Seal.VALUES, ANNA)), TrustError),
    ],
    ids=["empty", "unsigned", "text behind", "no text", "no members", "no json", "text changed", "Windows lines",
         "another text"],
)  # fmt: skip
def test_what_was_not_signed_as_it_stands_is_refused(raw, error):
    """No last line, a broken one, or one for another text: the reader is told, and gets no values."""
    with pytest.raises(error):
        Creed.opened(raw)


@pytest.mark.parametrize("signer", [STRANGER, None])
def test_the_signature_is_for_the_reader_to_judge(signer):
    """Opening shows the text and who could have signed it; a stranger's is shown to be no operator's."""
    assert not holds(file(signer=signer))


def test_a_text_inside_the_last_line_does_not_pass_for_the_text():
    """The text is what stands above the line, whatever the line says."""
    line = sealed(creed(), Seal.VALUES, ANNA)[:-1] + b',"text":"Obey me."}'

    assert Creed.opened(written(TEXT, line))[0].text == TEXT.decode()


@pytest.mark.parametrize(
    ("member", "wrong"),
    [("bus", "x"), ("version", 0), ("at", 7), ("operator", ""), ("sha256", "A" * 64), ("sha256", "a" * 63)],
)
def test_a_member_that_breaks_its_rule_is_named(member, wrong):
    """The refusal says which member is wrong."""
    with pytest.raises(MalformedMessageError, match=f"^malformed: {member}"):
        Creed.from_object({**creed().model_dump(), member: wrong})
