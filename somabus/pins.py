"""The keys that this agent has seen: the first key of a name is remembered, another one is refused.

An operator's certificate may lead from one key to the next; nothing else does.

Pins lie on the agent's own machine (its home), where a writer to the shared drive cannot change them.
"""

import contextlib
from collections.abc import Iterable
from typing import Literal

from somabus.errors import KeyExistsError
from somabus.model import signing
from somabus.model.message import Name, Utc, Value
from somabus.model.wire import parse_object
from somabus.recall import UNTOLD, Recall, Stamps
from somabus.store.port import Store


class Pin(Value):
    """One remembered key."""

    format: Literal[1] = 1
    name: Name
    public_key: str
    first_seen: Utc


class Pins:
    """The memory for keys, in a store of the agent's own."""

    def __init__(self, home: Store, recall: Recall) -> None:
        self._home = home
        self._recall = recall
        self._known: dict[str, bytes] = {}

    def stamps(self, names: Iterable[str]) -> Stamps:
        """Ask once which of the records stand still that were not read yet."""
        keys = [_key(name) for name in names if name not in self._known]
        return dict(zip(keys, self._home.stamps(keys), strict=True))

    def key(self, name: str, stamps: Stamps = UNTOLD) -> bytes | None:
        """Return the remembered key of a name, or None if the name is new.

        Raises:
            StoreError: the agent's own disk could not be read; nobody is trusted then.
            MalformedMessageError: the record is damaged; delete the file named in the error to forget the key.
        """
        if name not in self._known:
            raw = self._recall.read(self._home, _key(name), stamps)
            if raw is None:
                return None
            self._known[name] = self._pinned(_key(name), raw)
        return self._known[name]

    def remember(self, name: str, key: bytes, now: Utc) -> bytes:
        """Remember a key for a name that is new, and return the key that counts: the one remembered first."""
        pin = Pin(name=name, public_key=signing.to_text(key), first_seen=now)
        with contextlib.suppress(KeyExistsError):
            self._home.create(_key(name), pin.to_json())
        return self.key(name) or key

    def succeed(self, name: str, key: bytes, now: Utc) -> None:
        """Remember another key for a name, because the old one handed over to it or was called back."""
        self._home.replace(_key(name), Pin(name=name, public_key=signing.to_text(key), first_seen=now).to_json())
        self._known[name] = key

    def _pinned(self, where: str, raw: bytes) -> bytes:
        found = self._recall.found(where, raw)
        if found:
            return bytes.fromhex(found[0])
        key = signing.from_text(Pin.from_object(parse_object(raw)).public_key)
        self._recall.learn(where, raw, key)
        return key


def _key(name: str) -> str:
    return f"pins/{name}.json"
