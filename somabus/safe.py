"""An operator's private key as it lies on the operator's own machine: locked with a passphrase, or plain on request.

Argon2id (RFC 9106) turns the passphrase into a key, XSalsa20-Poly1305 locks the seed with it; both by libsodium.
"""

from collections.abc import Callable
from typing import Final, Literal

from pydantic import Field

from somabus.errors import ConfigurationError
from somabus.model import signing
from somabus.model.message import Name, PublicKey, Value
from somabus.model.signing import Signer
from somabus.model.wire import parse_object

_OPS: Final = 3
_MEMORY: Final = 256 * 1024 * 1024
_SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 24


class KeyFile(Value):
    """One operator's key. `secret` is the seed, locked if `salt` is not empty."""

    format: Literal[1] = 1
    operator: Name
    public_key: PublicKey
    secret: str
    salt: str = ""
    ops: int = Field(default=_OPS, ge=1, le=16)
    memory: int = Field(default=_MEMORY, ge=8192, le=2**31)

    @property
    def locked(self) -> bool:
        """Whether it takes a passphrase."""
        return bool(self.salt)

    @property
    def short(self) -> str:
        """The first eight hex digits of the key's fingerprint."""
        return signing.short(signing.from_text(self.public_key))


def make_key(operator: str, passphrase: str | None, entropy: Callable[[int], bytes]) -> bytes:
    """Return the file of a new key, locked with the passphrase, or plain if that is None."""
    seed = entropy(signing.SEED_BYTES)
    made = KeyFile(operator=operator, public_key=signing.to_text(Signer(seed).public_key), secret="")
    if passphrase is None:
        return made.model_copy(update={"secret": signing.to_text(seed)}).to_json()
    from nacl.secret import SecretBox

    salt = entropy(_SALT_BYTES)
    box = SecretBox(_stretched(passphrase, salt, _OPS, _MEMORY))
    locked = bytes(box.encrypt(seed, entropy(_NONCE_BYTES)))
    return made.model_copy(update={"secret": signing.to_text(locked), "salt": signing.to_text(salt)}).to_json()


def read_key(raw: bytes) -> KeyFile:
    """Return what a key file says of itself."""
    return KeyFile.from_object(parse_object(raw))


def unlock(file: KeyFile, passphrase: Callable[[], str]) -> Signer:
    """Return the signer.

    Raises:
        ConfigurationError: the passphrase is wrong, or the file is damaged.
    """
    from nacl.exceptions import CryptoError

    try:
        seed = signing.from_text(file.secret)
        if file.locked:
            from nacl.secret import SecretBox

            stretched = _stretched(passphrase(), signing.from_text(file.salt), file.ops, file.memory)
            seed = SecretBox(stretched).decrypt(seed)
        signer = Signer(seed)
    except (CryptoError, ValueError) as error:
        message = f"the passphrase does not open the key #{file.short} of {file.operator}"
        raise ConfigurationError(message) from error
    if signing.to_text(signer.public_key) != file.public_key:
        message = f"the key file of {file.operator} is damaged: it does not hold the key #{file.short}"
        raise ConfigurationError(message)
    return signer


def _stretched(passphrase: str, salt: bytes, ops: int, memory: int) -> bytes:
    from nacl.pwhash import argon2id

    return argon2id.kdf(32, passphrase.encode(), salt, opslimit=ops, memlimit=memory)
