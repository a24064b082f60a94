"""Judging the archives of logs: each says itself whether it is whole, and its entries are judged as in their log."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from somabus.archives import Archives
from somabus.errors import MessageError, StoreDamagedError
from somabus.model.archive import SEGMENT, Span, bounds
from somabus.model.wire import parse_object
from somabus.verify import mail
from somabus.verify.fault import Fault, Paper
from somabus.verify.grounds import Grounds

_LOST: Final = "bring back a copy of it; readers find what it holds nowhere else"


def archive(grounds: Grounds, paper: Paper) -> Iterator[Fault]:
    """Judge an archive, and what it holds."""
    span = Span(int(paper.part["first"]), int(paper.part["last"]))
    try:
        found = Archives(grounds.store, paper.part["log"]).opened(span)
    except (MessageError, StoreDamagedError) as error:
        yield paper.fault(str(error), _LOST)
        return
    if span.first // SEGMENT != span.last // SEGMENT:
        yield paper.fault("it reaches over the end of a segment", "no reader looks into it")
    for number, raw in found.entries.items():
        yield from _entry(grounds, replace(paper, key=f"{paper.key}, number {number}", raw=raw))


def mark(_: Grounds, paper: Paper) -> Iterator[Fault]:
    """Judge the mark that a segment was dropped: its name says all."""
    parse_object(paper.raw)
    yield from ()


def before(grounds: Grounds, log: str, number: int) -> int:
    """Return the last number before an entry that a sweep has archived or dropped, or 0."""
    archives = Archives(grounds.store, log)
    archived = [span.last for spans in archives.look().values() for span in spans if span.last < number]
    dropped = [bounds(segment).last for segment in archives.gone if bounds(segment).last < number]
    return max([0, *dropped, *archived])


def _entry(grounds: Grounds, paper: Paper) -> Iterator[Fault]:
    try:
        yield from mail.entry(grounds, paper)
    except MessageError as error:
        yield paper.fault(str(error), "readers step over it")
