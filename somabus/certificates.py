"""The certificates as they lie beside the cards, each opened once; whether one counts is not said here."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from somabus.authority import Authority
from somabus.errors import MessageError, TrustError
from somabus.model import tree
from somabus.model.envelope import Envelope, Seal
from somabus.model.trust import Policy
from somabus.recall import UNTOLD, Recall, Stamps
from somabus.store.port import Store

if TYPE_CHECKING:
    from somabus.model.certificate import Certificate

_LOOK_AGAIN: Final = timedelta(seconds=30)
_LOOK_SOON: Final = timedelta(seconds=1)


class Looked(NamedTuple):
    """A certificate as it lay there, opened once."""

    at: datetime
    raw: bytes | None
    version: int
    certificate: "Certificate | None"
    fault: str
    predecessor: bytes | None = None


class Certificates:
    """Reads them on behalf of one agent."""

    def __init__(self, store: Store, authority: Authority, recall: Recall) -> None:
        self._store = store
        self._authority = authority
        self._recall = recall
        self._looked: dict[str, Looked] = {}

    def look(self, name: str, now: datetime, stamps: Stamps = UNTOLD) -> Looked:
        """Read a certificate, at most twice a minute where it counts; its signature is verified once.

        Raises:
            StoreError: could not look.
        """
        looked, version = self._looked.get(name), self._authority.bus.version
        if looked is not None and looked.version == version:
            # A bus that acts on certified mail alone must not turn away who was certified a moment ago.
            waiting = looked.certificate is None and self._authority.bus.policy.trust is Policy.CERTIFIED
            if timedelta(0) <= now - looked.at < (_LOOK_SOON if waiting else _LOOK_AGAIN):
                return looked
        raw = self._read(name, stamps)
        if looked is not None and (looked.raw, looked.version) == (raw, version):
            looked = looked._replace(at=now)
        else:
            looked = self._opened(name, raw, version, now)
        self._looked[name] = looked
        return looked

    def forget(self, name: str) -> bool:
        """Read it anew at the next look; return False if that would have been so in any case."""
        return self._looked.pop(name, None) is not None

    def predecessor(self, name: str) -> bytes | None:
        """Return the key that handed over to the certified one, as it was looked at last."""
        return self._looked[name].predecessor

    def _read(self, name: str, stamps: Stamps) -> bytes | None:
        where = tree.certificate(name)
        # By listing: on NFS a name that was looked for before it came stays missing for half a minute.
        if stamps.get(where) is None and "certificate.json" not in self._store.list(f"{tree.REGISTRY}/{name}"):
            return None
        return self._recall.read(self._store, where, stamps, listed=True)

    def _opened(self, name: str, raw: bytes | None, version: int, now: datetime) -> Looked:
        if raw is None:
            return Looked(now, None, version, None, "")
        from somabus.model.certificate import Certificate

        def proven(_envelope: Envelope, key: bytes, seal: Seal) -> bool:
            return self._recall.holds(tree.certificate(name), raw, key, seal)

        try:
            certificate = self._authority.opened(raw, Seal.CERTIFICATE, Certificate, proven)
            return Looked(now, raw, version, certificate, "", certificate.predecessor())
        except (MessageError, TrustError) as error:
            return Looked(now, raw, version, None, str(error))
