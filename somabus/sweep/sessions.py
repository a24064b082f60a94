"""What sessions were told, on this machine: a record that has not changed for the days of done mail is forgotten."""

import zlib
from datetime import datetime

from somabus.errors import DocumentTooLargeError, StoreDamagedError
from somabus.model.retention import Retention
from somabus.store.port import Store
from somabus.sweep.area import Allowance, Swept

_FOLDER = "sessions"


def sweep_sessions(
    home: Store, rule: Retention, seen: dict[str, datetime], now: datetime, allowance: Allowance
) -> tuple[Swept, dict[str, datetime]]:
    """Forget sessions that have ended without saying so; return since when each of the others has been as it is."""
    found, dropped = dict[str, datetime](), 0
    for name in home.list(_FOLDER):
        state = f"{name} {zlib.crc32(_read(home, name)):08x}"
        since = min(seen.get(state, now), now)
        if now - since > rule.span("done") and allowance.take():
            home.delete(f"{_FOLDER}/{name}")
            dropped += 1
        else:
            found[state] = since
    return Swept("sessions", dropped, done=not allowance.spent), found


def _read(home: Store, name: str) -> bytes:
    try:
        return home.read(f"{_FOLDER}/{name}") or b""
    except (StoreDamagedError, DocumentTooLargeError):
        return b""
