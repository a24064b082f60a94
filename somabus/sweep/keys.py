"""The records of keys: by one of them a second sending with the same key is known, for as long as the record is kept.

Their names do not tell their age, so they are read, a part at each step; `mark` is the name where the last one ended.
"""

from datetime import datetime

from somabus.errors import DocumentTooLargeError, MessageError, StoreDamagedError
from somabus.model import tree
from somabus.model.ids import id_time, is_id
from somabus.model.retention import Retention
from somabus.model.wire import parse_object
from somabus.store.port import Store
from somabus.sweep.area import Allowance, Swept


def sweep_keys(store: Store, agent: str, rule: Retention, mark: str, allowance: Allowance) -> tuple[Swept, str]:
    """Drop records that are old, and return what became of it and the mark to begin behind the next time."""
    folder, limit = tree.sent_keys(agent), store.now() - rule.span("keys")
    dropped = 0
    for name in store.list(folder, mark):
        if allowance.spent:
            return Swept("keys", dropped, done=False), mark
        made_at = _made_at(store, f"{folder}/{name}")
        if made_at is not None and made_at < limit and allowance.take():
            store.delete(f"{folder}/{name}")
            dropped += 1
        mark = name
    return Swept("keys", dropped), ""


def _made_at(store: Store, key: str) -> datetime | None:
    """Return when the message of a record was made; None for a record that cannot be read, which is left alone."""
    try:
        found = parse_object(store.read(key) or b"{}").get("id")
    except (MessageError, StoreDamagedError, DocumentTooLargeError):
        return None
    return min(id_time(found), store.now()) if isinstance(found, str) and is_id(found) else None
