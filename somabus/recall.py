"""What lay there at the last look: what has not changed since is neither read nor proven again, by any process.

Two facts are kept of a document, and no later event can make them wrong: that these bytes lay there under this stamp
(`Store.stamps`), and what was found in them: first the key that sealed them, or in a pin the pinned one. Whether a key
counts for a name, whether a certificate has run out, whether somebody is late: that is asked anew each time.

The memory lies in the agent's own home, where a writer to the drive can add nothing to it; who can write there can
write the pins themselves. It holds what stands in the registry and is read again and again; a message is read once.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Final, NamedTuple

import orjson

from somabus.errors import DocumentTooLargeError, StoreDamagedError, StoreError
from somabus.model.envelope import Seal, split
from somabus.store.port import MAX_BYTES, Store

_FOLDER: Final = "recall"
_BEFORE_THIS: Final = "proofs"
_HEAD: Final = b"somabus recall 1 "
_HEAD_BYTES: Final = len(_HEAD) + 2 * hashlib.sha256().digest_size + 1
_MOST_PARTS: Final = 16
_LARGE_BYTES: Final = 64 * 1024
_WORTH_A_WRITE: Final = 32
"""To read and prove so few again, or one in so many, costs the next process less than writing costs this one."""

Stamps = Mapping[str, str | None]
"""What a store said of documents when it was asked, by their keys."""

UNTOLD: Final[Stamps] = {}
"""Nothing was asked: everything is read."""


class _Kept(NamedTuple):
    raw: bytes
    stamp: str | None
    found: tuple[str, ...] = ()


class Recall:
    """Remembers on behalf of one agent.

    Args:
        home: the agent's own memory; a power cut may take what is kept.
        rules: by which documents were found good; what was found by others is found anew.
    """

    def __init__(self, home: Store, rules: str = "") -> None:
        self._home = home
        self._rules = rules.encode()
        self._before: dict[str, _Kept] | None = None
        self._met: dict[str, _Kept] = {}
        self._fresh = 0

    def read(self, store: Store, where: str, stamps: Stamps = UNTOLD, *, listed: bool = False) -> bytes | None:
        """Return the document: what lay there before if its stamp is the same, or else what lies there now.

        Stamps must have been asked for before this; what is read now lay there then, or has another one by now.
        """
        if stamps:
            self._remember()
        kept, stamp = self._kept(where), stamps.get(where)
        if kept is None or stamp is None or stamp != kept.stamp:
            raw = store.read(where, listed=listed)
            if raw is None:
                return None
            kept = self._renewed(kept, raw, stamp)
        self._met[where] = kept
        return kept.raw

    def holds(self, where: str, raw: bytes, key: bytes, seal: Seal) -> bool:
        """Tell whether this key sealed exactly these bytes; whether the key counts is not said.

        What lies at one place has one kind of seal.
        """
        if self.found(where, raw)[:1] != (key.hex(),):
            if not split(raw).verified_by(key, seal):
                return False
            self.learn(where, raw, key)
        return True

    def found(self, where: str, raw: bytes) -> tuple[str, ...]:
        """Return what was found in exactly these bytes, the key first, as hex digits; nothing if they are new."""
        kept = self._kept(where)
        return kept.found if kept is not None and kept.raw == raw else ()

    def learn(self, where: str, raw: bytes, key: bytes, *more: str) -> None:
        """Remember what was found in a document that is good."""
        kept = self._kept(where)
        stamp = kept.stamp if kept is not None and kept.raw == raw else None
        self._met[where] = made = _Kept(raw, stamp, (key.hex(), *more))
        self._fresh += made != kept

    def keep(self) -> None:
        """Remember at home what this process has met, and nothing else, if that is worth a write."""
        if self._fresh < max(_WORTH_A_WRITE, len(self._met) // _WORTH_A_WRITE):
            return
        self._fresh = 0
        parts = dict(zip(map(str, range(_MOST_PARTS)), _parts(self._met, self._rules), strict=False))
        with suppress(StoreError):  # it is read and proven again, no more
            for name in {*self._home.list(_FOLDER), *parts}:
                where, part = f"{_FOLDER}/{name}", parts.get(name)
                with suppress(StoreDamagedError):
                    if part is None:
                        self._home.delete(where)
                    elif part != self._home.read(where):  # what had no room is fresh at every beat
                        self._home.replace(where, part)
            self._home.delete(_BEFORE_THIS)

    # -- steps ------------------------------------------------------------------------------------------------

    def _kept(self, where: str) -> _Kept | None:
        return self._met.get(where) or (self._before or {}).get(where)

    def _remember(self) -> None:
        """Read what was kept: only for who looks at everybody is that worth the reading."""
        if self._before is not None:
            return
        self._before = {}
        with suppress(StoreError):  # it is read and proven again, no more
            for name in self._home.list(_FOLDER, limit=_MOST_PARTS):
                with suppress(StoreDamagedError, DocumentTooLargeError):
                    self._before.update(_records(self._home.read(f"{_FOLDER}/{name}") or b"", self._rules))

    def _renewed(self, kept: _Kept | None, raw: bytes, stamp: str | None) -> _Kept:
        """Return what to keep of what was read now; where there is no new stamp, the old one stands for its bytes."""
        if kept is None or kept.raw != raw:
            return _Kept(raw, stamp)
        if stamp is None:
            return kept
        self._fresh += bool(kept.found)
        return kept._replace(stamp=stamp)


def _parts(met: Mapping[str, _Kept], rules: bytes) -> Iterator[bytes]:
    """Yield what is worth keeping, in parts that each fit into a document and each stand alone."""
    lines, size = list[bytes](), _HEAD_BYTES
    for where, kept in met.items():
        if not kept.found or len(kept.raw) > _LARGE_BYTES:
            continue  # it is not good, or nobody asked; or it would leave little room for others
        line = orjson.dumps((where, kept.stamp, kept.found, kept.raw.decode("latin-1")))
        if size + len(line) > MAX_BYTES:
            yield _part(lines, rules)
            lines, size = [], _HEAD_BYTES
        lines.append(line)
        size += len(line) + 1
    yield _part(lines, rules)


def _part(lines: Iterable[bytes], rules: bytes) -> bytes:
    body = b"\n".join(lines)
    return b"%s%s\n%s" % (_HEAD, hashlib.sha256(rules + b"\n" + body).hexdigest().encode(), body)


def _records(part: bytes, rules: bytes) -> dict[str, _Kept]:
    """Read a part; one that is not exactly what was written, by the same rules, counts as empty."""
    body = part[_HEAD_BYTES:]
    if part != _part([body], rules):
        return {}
    lines = (orjson.loads(line) for line in body.splitlines())
    return {where: _Kept(raw.encode("latin-1"), stamp, tuple(found)) for where, stamp, found, raw in lines}
