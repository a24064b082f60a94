"""The audit: one log for all, in which every act of an operator and every refused attempt stands, hash-chained.

Each entry carries the digest of the one before it. What an entry of the chain says is signed by who says it; that
none was taken out or changed, the next one tells, and at the end of the log the memory of whoever looked before.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Final

from somabus.errors import DocumentTooLargeError, KeyExistsError, MessageError, StoreDamagedError, StoreUnavailableError
from somabus.log import Log
from somabus.model import signing, tree
from somabus.model.audit import FIRST, AuditEntry, Checked, Head, check, digest
from somabus.model.envelope import Seal, seal_body
from somabus.model.signing import Signer
from somabus.model.wire import parse_object
from somabus.store.port import Store

_TRIES: Final = 1000
_AT_ONCE: Final = 10_000
_HEAD: Final = "audit.json"
_MAX_EVIDENCE: Final = 64 * 1024


class Audit:
    """Appends on behalf of one agent or operator, and checks the whole.

    Args:
        store: the bus.
        bus: its id.
        me: who appends.
        signer: seals the entries; None for one who has no key that it may use.
        now: the drive's time.
        home: remembers the end of the log, or None for one who remembers nothing.
        author_fault: for the check: says why an entry is not by whom it says, or nothing.
    """

    def __init__(
        self,
        store: Store,
        bus: str,
        me: str,
        signer: Signer | None,
        now: Callable[[], datetime],
        home: Store | None,
        author_fault: Callable[[AuditEntry], str] = lambda _entry: "",
    ) -> None:
        self._store = store
        self._bus = bus
        self._me = me
        self._signer = signer
        self._now = now
        self._home = home
        self._author_fault = author_fault
        self._log = Log(store, tree.AUDIT)

    def append(self, act: str, subject: str, detail: str = "", *, evidence: bytes | None = None) -> int:
        """Append an entry and return its number; it is durable on return.

        Args:
            act: what was done or refused.
            subject: to whom or what.
            detail: the fact.
            evidence: bytes that were refused; they are kept beside the log under their digest.

        Raises:
            StoreError: nothing was appended.
        """
        kept = "" if evidence is None else self._keep(evidence)
        number = self._log.tail() + 1
        for _ in range(_TRIES):
            raw = self._sealed(number, self._previous(number), act, subject, detail, kept)
            if self._log.append_at(number, raw):
                head = self._head()
                if self._digest_of(head.number) == head.digest:  # else the check tells, and must not forget
                    self._remember(Head(number=number, digest=digest(raw)))
                return number
            number += 1  # somebody has it, so it exists, whatever a listing shows
        raise StoreUnavailableError(tree.AUDIT, f"{_TRIES} others were faster")

    def check(self) -> Iterator[Checked]:
        """Yield every entry in order, with what is wrong with it; remember the end if nothing is.

        Raises:
            StoreUnavailableError: could not look.
        """
        sound, last = True, Head()
        for each in check(self._entries(), self._head(), self._author_fault):
            sound = sound and not each.fault
            if each.entry is not None:
                last = Head(number=each.number, digest=self._digest_of(each.number))
            yield each
        if sound:
            self._remember(last)

    def _sealed(self, number: int, previous: str, act: str, subject: str, detail: str, evidence: str) -> bytes:
        entry = AuditEntry(
            bus=self._bus,
            number=number,
            previous=previous,
            at=self._now(),
            by=self._me,
            key=None if self._signer is None else signing.to_text(self._signer.public_key),
            act=act[:80],
            subject=_plain(subject)[:300],
            detail=_plain(detail)[:2000],
            evidence=evidence,
        )
        if self._signer is None:
            return entry.to_json()
        return seal_body(entry.to_json(), Seal.AUDIT, self._signer.sign)

    def _entries(self) -> Iterator[tuple[int, bytes | None]]:
        at = 0
        while numbers := self._log.after(at, _AT_ONCE):
            for number in numbers:
                for missing in range(at + 1, min(number, at + 1 + _AT_ONCE)):
                    yield missing, None
                yield number, self._read(number)
                at = number

    def _read(self, number: int) -> bytes | None:
        try:
            return self._log.read(number)
        except (StoreDamagedError, DocumentTooLargeError):
            return b""

    def _previous(self, number: int) -> str:
        """Return the digest of the entry before; it exists, so what cannot be read yet is waited for by the caller."""
        raw = self._read(number - 1) if number > 1 else None
        if number > 1 and raw is None:
            raise StoreUnavailableError(f"{tree.AUDIT}/{number - 1}", "it exists and cannot be read yet")
        return FIRST if raw is None else digest(raw)

    def _digest_of(self, number: int) -> str:
        raw = self._read(number) if number else None
        return FIRST if raw is None else digest(raw)

    def _keep(self, evidence: bytes) -> str:
        kept = evidence[:_MAX_EVIDENCE]
        key = tree.evidence(digest(kept))
        with suppress(KeyExistsError):
            self._store.create(key, kept)
        return key

    def _head(self) -> Head:
        with suppress(MessageError, StoreDamagedError, DocumentTooLargeError):
            raw = None if self._home is None else self._home.read(_HEAD)
            return Head() if raw is None else Head.from_object(parse_object(raw))
        return Head()

    def _remember(self, head: Head) -> None:
        if self._home is not None and head.number >= self._head().number:
            self._home.replace(_HEAD, head.to_json())


def _plain(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()
