"""Which signatures were found good: what has not changed is not proven again, not even by the next process.

That a key sealed exactly these bytes is true for ever, so it may be remembered. Whether that key counts for a name
is another question, and it is asked anew each time: what is kept here outlives no key, and speaks for none.

The memory lies in the agent's own home, where a writer to the drive can add nothing to it. It holds what
stands in the registry and is read again and again; a message is opened once.
"""

import hashlib
from contextlib import suppress
from typing import Final

from somabus.errors import StoreError
from somabus.model.envelope import Envelope, Seal
from somabus.store.port import MAX_BYTES, Store

_FILE: Final = "proofs"
_KEPT: Final = frozenset([Seal.CARD, Seal.CERTIFICATE, Seal.HEARTBEAT])
_MARK_BYTES: Final = hashlib.sha256().digest_size
_WORTH_A_WRITE: Final = 32
"""To prove so few again costs the next process less than writing the memory costs this one."""


class Proofs:
    """Proves on behalf of one agent, each thing once."""

    def __init__(self, home: Store) -> None:
        self._home = home
        self._before: frozenset[bytes] | None = None
        self._now: dict[tuple[str, Seal], bytes] = {}
        self._fresh = 0

    def holds(self, name: str, envelope: Envelope, key: bytes, seal: Seal) -> bool:
        """Tell whether this key sealed exactly this document of that name; whether the key counts is not said."""
        if seal not in _KEPT or envelope.signature is None:
            return envelope.verified_by(key, seal)
        mark = _mark(envelope.body, envelope.signature, key, seal)
        if mark != self._now.get((name, seal)) and mark not in self._remembered():
            if not envelope.verified_by(key, seal):
                return False
            self._fresh += 1
        self._now[name, seal] = mark
        return True

    def keep(self) -> None:
        """Remember at home what this process has proven or met again, and nothing else, if that is worth a write."""
        if self._fresh < _WORTH_A_WRITE:
            return
        marks = list(self._now.values())[: MAX_BYTES // _MARK_BYTES]
        with suppress(StoreError):  # it is proven again, no more
            self._home.replace(_FILE, b"".join(marks))
            self._before, self._fresh = frozenset(), 0

    def _remembered(self) -> frozenset[bytes]:
        if self._before is None:
            raw = b""
            with suppress(StoreError):  # it is proven again, no more
                raw = self._home.read(_FILE) or b""
            starts = range(0, len(raw) - _MARK_BYTES + 1, _MARK_BYTES)
            self._before = frozenset(raw[start : start + _MARK_BYTES] for start in starts)
        return self._before


def _mark(body: bytes, signature: bytes, key: bytes, seal: Seal) -> bytes:
    """Return what stands for one proof. Key and signature are of one length each, and a seal holds no line's end."""
    return hashlib.sha256(b"%s%s%s\n%s" % (key, signature, seal.encode(), body)).digest()
