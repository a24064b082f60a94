"""What the tests of the model begin with: one moment, ids, a message, and documents as a foreign writer spells them."""

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from somabus.model.ids import microseconds, uuid7
from somabus.model.message import Message

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)

quick = settings(deadline=None, max_examples=50, database=None)
"""Generated examples without a time limit each (a busy machine is no fault) and without a file left behind."""

texts = st.text(max_size=40)
leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
json_values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
)
json_objects = st.dictionaries(texts, json_values, max_size=5)


def moments(first: int, last: int) -> st.SearchStrategy[datetime]:
    """Return aware times from the beginning of one year to the beginning of another."""
    naive = st.datetimes(datetime(first, 1, 1), datetime(last, 1, 1))  # noqa: DTZ001 - Hypothesis adds the zone
    return naive.map(lambda at: at.replace(tzinfo=UTC))


def an_id(number: int = 0) -> str:
    """Return the id of the given number; higher numbers are later."""
    return uuid7(microseconds(NOW) + number, bytes(8))


ID = an_id()


def members(**changed: Any) -> dict[str, Any]:
    """Return the members of a sound message as they stand on the drive, some of them changed."""
    return {
        "format": 1,
        "bus": ID,
        "id": ID,
        "kind": "note",
        "sender": "scout",
        "to": ["planner"],
        "created_at": "2026-01-05T12:00:00Z",
        "thread": ID,
        "origin": ID,
        **changed,
    }


def document(**changed: Any) -> bytes:
    """Return a message of a foreign writer: with blanks, and its letters spelled as ASCII."""
    return json.dumps(members(**changed)).encode()


def message(**changed: Any) -> Message:
    """Return a sound message, some of its members changed."""
    return Message.model_validate(members(**changed))
