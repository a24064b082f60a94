"""Ed25519 (RFC 8032) by libsodium: keys, signatures and the short form of a key that people compare.

Why PyNaCl: docs/decisions/0001. It is imported at the first use, which keeps `import somabus` light.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

SEED_BYTES: Final = 32
PUBLIC_KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64


class Signer:
    """Signs with one private key; hands out its public half and never the seed."""

    def __init__(self, seed: bytes) -> None:
        from nacl.bindings import crypto_sign, crypto_sign_seed_keypair

        self.public_key, self._key = crypto_sign_seed_keypair(seed)
        self._sign = crypto_sign

    def sign(self, data: bytes) -> bytes:
        """Return the 64 bytes of signature over the data."""
        return self._sign(data, self._key)[:SIGNATURE_BYTES]


def verifies(public_key: bytes, data: bytes, signature: bytes) -> bool:
    """Tell whether the signature over the data was made with the private half of this key."""
    from nacl.bindings import crypto_sign_open
    from nacl.exceptions import BadSignatureError

    if (len(public_key), len(signature)) != (PUBLIC_KEY_BYTES, SIGNATURE_BYTES):
        return False  # the library reads as many bytes, whatever it is given
    try:
        crypto_sign_open(signature + data, public_key)
    except BadSignatureError:
        return False
    return True


def short(public_key: bytes) -> str:
    """Return the first eight hex digits of the key's SHA-256: what `#1a2b3c4d` behind a name shows."""
    import hashlib

    return hashlib.sha256(public_key).hexdigest()[:8]


def to_text(data: bytes) -> str:
    """Write bytes as base64url without padding."""
    return urlsafe_b64encode(data).decode().rstrip("=")


def from_text(text: str) -> bytes:
    """Read base64url without padding; a ValueError for anything else, and for a second spelling of the same bytes."""
    data = urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4))
    if to_text(data) != text:
        message = "not base64url without padding"
        raise ValueError(message)
    return data
