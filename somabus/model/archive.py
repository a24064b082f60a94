"""An archive: old entries of a log in one compressed file that says itself whether it is whole.

    <log>/archive/<first>-<last>.gz                        gzip (RFC 1952) of lines of JSON:
    {"format":1,"log":"channels/general","first":1000,"last":1999,"at":"…"}
    {"number":1000,"entry":"…"}                            the bytes of an entry, as the text that they are
    {"number":1007,"base64":"…"}                           the bytes of one that is no UTF-8
    {"sha256":"…"}                                         of all the lines before

The bytes of an entry come out as they went in, so that its signature still holds. A number that is not there was
missing in the log. All the entries of an archive lie in one segment. Beside them `<first>-<last>.gone` says that a
segment was dropped.
"""

import base64
import hashlib
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from pydantic import Field

from somabus.errors import MalformedMessageError
from somabus.model.message import Utc, Value
from somabus.model.wire import dump, parse_object

SEGMENT: Final = 1000
"""So many numbers of a log lie in one folder."""

FOLDER: Final = "archive"
MOST_PACKED: Final = 512 * 1024
"""So many bytes of entries go into one archive: written as lines and compressed, that is one document."""

_NAME: Final = re.compile(r"(\d{10})-(\d{10})\.gz", re.ASCII)
_GONE: Final = re.compile(r"\d{10}-(\d{7})999\.gone", re.ASCII)
_GZIP: Final = 31  # zlib's word for a gzip header of its own making, which carries no time and no name
_BOMB: Final = 8 * MOST_PACKED


class Span(NamedTuple):
    """The first and the last number that an archive answers for."""

    first: int
    last: int

    @property
    def name(self) -> str:
        """The name of its file."""
        return f"{self.first:010d}-{self.last:010d}.gz"

    @classmethod
    def parse(cls, name: str) -> "Span | None":
        """Read the name of a file, or return None for a foreign one."""
        found = _NAME.fullmatch(name)
        span = None if found is None else cls(int(found[1]), int(found[2]))
        return span if span is not None and 1 <= span.first <= span.last else None


class Header(Value):
    """The first line."""

    format: Literal[1] = 1
    log: str = Field(max_length=300)
    first: int = Field(ge=1)
    last: int = Field(ge=1)
    at: Utc


class Archive(NamedTuple):
    """What stands in one file."""

    header: Header
    entries: dict[int, bytes]


def bounds(segment: int) -> Span:
    """Return the first and the last number of a segment."""
    return Span(max(1, segment * SEGMENT), segment * SEGMENT + SEGMENT - 1)


def gone_name(segment: int) -> str:
    """Return the name of the mark that a segment was dropped."""
    return f"{bounds(segment).first:010d}-{bounds(segment).last:010d}.gone"


def gone_segments(names: Iterable[str]) -> frozenset[int]:
    """Return the segments that were dropped, by the marks among some names."""
    return frozenset(int(found[1]) for found in map(_GONE.fullmatch, names) if found)


def spans(first: int, last: int, entries: Sequence[tuple[int, bytes]]) -> Iterator[tuple[Span, dict[int, bytes]]]:
    """Share the entries of a segment out among as few archives as their size allows, in the order of their numbers."""
    start, held, weight = first, dict[int, bytes](), 0
    for number, raw in entries:
        if held and weight + len(raw) > MOST_PACKED:
            yield Span(start, number - 1), held
            start, held, weight = number, {}, 0
        held[number] = raw
        weight += len(raw)
    yield Span(start, last), held


def pack(log: str, span: Span, entries: dict[int, bytes], at: datetime) -> bytes:
    """Write an archive."""
    lines = [Header(log=log, first=span.first, last=span.last, at=at).to_json(), *map(_line, entries.items())]
    body = b"".join(line + b"\n" for line in lines)
    body += dump({"sha256": hashlib.sha256(body).hexdigest()}) + b"\n"
    packer = zlib.compressobj(9, zlib.DEFLATED, _GZIP)
    return packer.compress(body) + packer.flush()


def unpack(raw: bytes) -> Archive:
    """Read an archive.

    Raises:
        MessageError: it is none, or not whole.
    """
    *lines, seal = _lines(raw)
    body = b"".join(line + b"\n" for line in lines)
    if parse_object(seal).get("sha256") != hashlib.sha256(body).hexdigest():
        raise MalformedMessageError("the archive is not whole: its last line is not the digest of those before it")
    if not lines:
        raise MalformedMessageError("the archive has no first line")
    header = Header.from_object(parse_object(lines[0]))
    entries = dict(_entry(parse_object(line)) for line in lines[1:])
    if any(not header.first <= number <= header.last for number in entries):
        raise MalformedMessageError(f"the archive holds a number that is not from {header.first} to {header.last}")
    return Archive(header, entries)


def _line(entry: tuple[int, bytes]) -> bytes:
    number, raw = entry
    try:
        return dump({"number": number, "entry": raw.decode()})
    except UnicodeDecodeError:
        return dump({"number": number, "base64": base64.b64encode(raw).decode()})


def _entry(line: dict[str, Any]) -> tuple[int, bytes]:
    number, text, coded = line.get("number"), line.get("entry"), line.get("base64")
    if type(number) is int and isinstance(text, str):
        return number, text.encode(errors="surrogatepass")
    if type(number) is int and isinstance(coded, str):
        try:
            return number, base64.b64decode(coded, validate=True)
        except ValueError:
            pass
    raise MalformedMessageError("a line of the archive is no entry")


def _lines(raw: bytes) -> list[bytes]:
    opener = zlib.decompressobj(_GZIP)
    try:
        body = opener.decompress(raw, _BOMB)
    except zlib.error as error:
        raise MalformedMessageError(f"no gzip: {error}") from None
    if not opener.eof or not body.endswith(b"\n"):
        raise MalformedMessageError("the archive is cut off, or far larger than one may be")
    return body[:-1].split(b"\n")
