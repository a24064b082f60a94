"""An operator's key on the operator's own machine: the passphrase opens it, nothing else does."""

import pytest
from nacl.pwhash import argon2id
from nacl.secret import SecretBox

from somabus.errors import ConfigurationError, MalformedMessageError, MessageError
from somabus.model import signing
from somabus.model.signing import Signer
from somabus.safe import KeyFile, make_key, read_key, unlock

SEED = b"s" * 32
SALT = b"t" * 16
CHEAP = 8192


def entropy(count):
    """Return bytes that are no secret."""
    return b"s" * count


def locked(**changed):
    """Return a key that is locked at small cost; only the cost differs from what `make_key` writes."""
    key = argon2id.kdf(32, b"open", SALT, opslimit=1, memlimit=CHEAP)
    secret = bytes(SecretBox(key).encrypt(SEED, b"n" * 24))
    facts = {
        "operator": "anna", "public_key": signing.to_text(Signer(SEED).public_key), "secret": signing.to_text(secret),
        "salt": signing.to_text(SALT), "ops": 1, "memory": CHEAP,
    }  # fmt: skip
    return KeyFile.model_validate({**facts, **changed})


def never():
    """Nobody asks for a passphrase."""
    raise AssertionError


def test_what_is_made_with_a_passphrase_opens_with_it():
    """The key that comes out is the one whose public half the file shows; the cost is that of the library's advice."""
    file = read_key(make_key("anna", "correct horse", entropy))

    signer = unlock(file, lambda: "correct horse")

    assert signing.to_text(signer.public_key) == file.public_key
    assert (file.locked, file.ops >= argon2id.OPSLIMIT_MODERATE, file.memory >= argon2id.MEMLIMIT_MODERATE) == (
        True,
    ) * 3


def test_without_a_passphrase_it_lies_there_plain():
    """Nobody is asked for anything, and the file says of itself that it is not locked."""
    file = read_key(make_key("anna", None, entropy))

    assert not file.locked
    assert unlock(file, never).public_key == Signer(SEED).public_key
    assert file.short == signing.short(Signer(SEED).public_key)


def test_the_locked_file_does_not_hold_the_seed():
    """What lies on the disk is of no use without the passphrase."""
    file = locked()

    assert SEED not in signing.from_text(file.secret)
    assert signing.to_text(SEED).encode() not in file.to_json()


@pytest.mark.parametrize("passphrase", ["", "Open", " open", "opeN", "\ud800", "x" * 1000])
def test_another_passphrase_does_not_open_it(passphrase):
    """The refusal names the key and the operator, and says nothing of what was typed."""
    with pytest.raises(ConfigurationError, match=r"^the passphrase does not open the key #[0-9a-f]{8} of anna$"):
        unlock(locked(), lambda: passphrase)


def test_the_right_one_opens_it():
    """The cheap key of these tests is a sound one."""
    assert unlock(locked(), lambda: "open").public_key == Signer(SEED).public_key


@pytest.mark.parametrize(
    "file",
    [
        locked(secret=signing.to_text(b"x" * 72)), locked(secret=""), locked(secret="not base64!"),

        locked(secret=locked().secret[:-4]), locked(salt=signing.to_text(b"x" * 16)), locked(salt="AAAA"),
        locked(salt="!"), locked(ops=2), locked(memory=CHEAP * 2),
        locked(public_key=signing.to_text(Signer(b"x" * 32).public_key)),
        KeyFile(operator="anna", public_key=locked().public_key, secret=signing.to_text(b"short")),
        KeyFile(operator="anna", public_key=locked().public_key, secret=signing.to_text(b"x" * 32)),
    ],
    ids=["other bytes", "emptied", "no base64", "cut", "other salt", "short salt", "no salt", "other cost",
         "other memory", "another public key", "a short seed", "another seed"],
)  # fmt: skip
def test_a_damaged_file_opens_nothing(file):
    """Whatever is wrong with the file, no key comes out of it, and the refusal is one sentence."""
    with pytest.raises(ConfigurationError, match="of anna"):
        unlock(file, lambda: "open")


@pytest.mark.parametrize("raw", [b"", b"{}", b"{", b'{"format":1}'])
def test_what_is_no_key_file_is_refused(raw):
    """An empty or a foreign file is told as what it is."""
    with pytest.raises(MessageError):
        read_key(raw)


@pytest.mark.parametrize(
    ("member", "wrong"),
    [("ops", 0), ("ops", 17), ("memory", 8191), ("memory", 2**31 + 1), ("operator", "Anna"), ("public_key", "x")],
)
def test_a_cost_beyond_reason_is_refused(member, wrong):
    """A file from elsewhere cannot make the machine work for hours, nor for nothing."""
    with pytest.raises(MalformedMessageError, match=f"^malformed: {member}"):
        KeyFile.from_object({**locked().model_dump(), member: wrong})
