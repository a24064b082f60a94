"""JSON as it lies on the drive: strict on reading, compact on writing.

A document is one JSON object in UTF-8, at most `MAX_DOCUMENT` bytes, without duplicate members. Two parsers that
disagree on a duplicate would see two different messages under one signature, so it is refused.
"""

import math
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from somabus.errors import MalformedMessageError, UnsupportedFormatError

FORMAT: Final = 1
MAX_DOCUMENT: Final = 256 * 1024
MAX_DEPTH: Final = 64


def dump(value: Any) -> bytes:
    """Write a value as compact JSON; times become UTC with a Z."""
    return orjson.dumps(value, option=orjson.OPT_UTC_Z)


def parse_object(raw: bytes) -> dict[str, Any]:
    """Read one JSON object from untrusted bytes.

    Raises:
        MalformedMessageError: empty, no JSON, no object, nested too deeply, or a member stands twice.
    """
    if not raw.strip():
        raise MalformedMessageError("the file is empty")
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise MalformedMessageError(f"no JSON: {error}") from None
    if not isinstance(value, dict):
        raise MalformedMessageError(f"a JSON object is needed, not {type(value).__name__}")
    brackets = raw.count(b"{") + raw.count(b"[")
    if brackets > MAX_DEPTH and not _shallow(value, MAX_DEPTH):
        raise MalformedMessageError(f"nested deeper than {MAX_DEPTH} levels")
    # What we wrote ourselves comes out of a second writing unchanged, and a duplicate never does: no slow
    # second parse for our own files, one for those of other writers.
    if orjson.dumps(value) != raw:
        _refuse_duplicates(raw)
    return value


def check_format(value: dict[str, Any]) -> None:
    """Refuse a document of a format that this version does not know.

    Raises:
        UnsupportedFormatError: the number is another one, or missing.
    """
    found = value.get("format")
    if type(found) is not int or found != FORMAT:
        raise UnsupportedFormatError(found)


def refuse_unwritable(value: Any) -> None:
    """Refuse what JSON has no way to write and a writer would silently turn into null.

    Raises:
        MalformedMessageError: NaN or an infinity.
    """
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    for child in children:
        refuse_unwritable(child)
    if isinstance(value, float) and not math.isfinite(value):
        raise MalformedMessageError(f"data holds {value}, which JSON cannot write; leave it out or send a text")


def utc(at: datetime) -> datetime:
    """Return the same moment in UTC; a ValueError for one outside the years 1 to 9999 there."""
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        message = "a time outside the years 1 to 9999 in UTC"
        raise ValueError(message) from error


def _shallow(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return True
    children = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_shallow(child, levels - 1) for child in children)


def _refuse_duplicates(raw: bytes) -> None:
    import json

    def once(pairs: list[tuple[str, Any]]) -> None:
        names = [name for name, _ in pairs]
        if len(set(names)) != len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise MalformedMessageError(f"the member {ascii(twice)[:60]} stands twice")

    try:
        json.loads(raw, object_pairs_hook=once, parse_int=str, parse_float=str)
    except (ValueError, RecursionError) as error:
        raise MalformedMessageError(f"no JSON: {error}") from None
