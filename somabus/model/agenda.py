"""What is open in a channel: folded from its posts, one after the other, so that everybody who reads them agrees.

    brief ─► open, nobody's ── claim ─► open, owned ── closeout ─► closed ── brief ─► …
    question ─► open until an answer names it in reply_to

Pure: the same posts make the same agenda, whatever clock their writers had.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final, Literal

from pydantic import Field

from somabus.model.address import Address, mentions, parse_address
from somabus.model.message import Message, Name, Utc, Value
from somabus.model.shapes import Pair, Sign

MOST_QUESTIONS: Final = 200
"""So many open questions of one channel are kept in mind, the newest."""


class Word(Value):
    """One post in a line."""

    number: int
    kind: Name
    sender: Name
    at: Utc
    line: str


class Question(Value):
    """A question that nobody has answered, and whom it asks; nobody in particular if that is empty."""

    word: Word
    asks: tuple[Name, ...] = ()


class Beaten(Value):
    """The last heartbeat that somebody has posted here."""

    at: Utc
    every_s: float
    doing: str = ""


class Agenda(Value):
    """What is open in one channel after the post `upto`; `since` is the number of the first post that was looked at."""

    format: Literal[1] = 1
    since: int = 1
    upto: int = 0
    brief: Word | None = None
    closed: Word | None = None
    owner: Name | None = None
    last: Word | None = None
    questions: tuple[Question, ...] = ()
    beaten: dict[str, Beaten] = Field(default_factory=dict)
    partners: dict[str, Name] = Field(default_factory=dict)

    @property
    def open(self) -> bool:
        """Whether a brief was posted and no closeout after it."""
        return self.brief is not None and self.closed is None

    @property
    def complete(self) -> bool:
        """Whether earlier posts could not change what this says of the brief."""
        return self.since <= 1 or self.brief is not None or self.closed is not None

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Those who have both declared that they work together."""
        both = {tuple(sorted((one, other))) for one, other in self.partners.items() if self.partners.get(other) == one}
        return tuple((one, other) for one, other in sorted(both))

    def after(self, number: int, message: Message) -> "Agenda":
        """Return the agenda after one more post."""
        word = Word(
            number=number, kind=message.kind, sender=message.sender, at=message.created_at,
            line=" ".join((message.subject or message.body).split())[:120],
        )  # fmt: skip
        change: dict[str, object] = {"upto": number, "last": word}
        step = _STEPS.get(message.kind)
        if step is not None:
            change |= step(self, word, message)
        return self.model_copy(update=change)

    def skipped(self, number: int) -> "Agenda":
        """Return the agenda after a number that holds no post that counts."""
        return self.model_copy(update={"upto": number})

    def owed(self, channel: str) -> Iterator[tuple[str, str]]:
        """Yield who owes something here, and what."""
        if self.open and self.owner is not None and self.brief is not None:
            yield self.owner, f"the work on {Address(channel, self.brief.number)}"
        for question in self.questions:
            for name in question.asks:
                yield name, f"an answer to {Address(channel, question.word.number)}"

    def beat_of(self, name: str) -> Beaten | None:
        """Return the last heartbeat that an agent has posted here."""
        return self.beaten.get(name)


def _brief(_: Agenda, word: Word, __: Message) -> dict[str, object]:
    return {"brief": word, "closed": None, "owner": None}


def _claim(agenda: Agenda, word: Word, message: Message) -> dict[str, object]:
    """Give the brief to the first who claims it; a claim that names something else is none of the brief."""
    named = message.refs.get("brief") or message.refs.get("reply_to")
    address = parse_address(named, message.channel) if named else None
    if not agenda.open or agenda.owner is not None or agenda.brief is None:
        return {}
    of_the_brief = address is None or address == (message.channel, agenda.brief.number)
    return {"owner": word.sender} if of_the_brief else {}


def _closeout(_: Agenda, word: Word, __: Message) -> dict[str, object]:
    return {"closed": word, "owner": None}


def _question(agenda: Agenda, word: Word, message: Message) -> dict[str, object]:
    asked = Question(word=word, asks=mentions(message.body))
    return {"questions": (*agenda.questions, asked)[-MOST_QUESTIONS:]}


def _answer(agenda: Agenda, _: Word, message: Message) -> dict[str, object]:
    address = parse_address(message.reply_to or "", message.channel)
    if address is None or address.channel != message.channel:
        return {}
    return {"questions": tuple(each for each in agenda.questions if each.word.number != address.number)}


def _heartbeat(agenda: Agenda, word: Word, message: Message) -> dict[str, object]:
    sign = Sign.model_validate(message.data)
    return {"beaten": {**agenda.beaten, word.sender: Beaten(at=word.at, every_s=sign.every_s, doing=sign.doing)}}


def _pair(agenda: Agenda, word: Word, message: Message) -> dict[str, object]:
    partner = Pair.model_validate(message.data).partner
    others = {name: other for name, other in agenda.partners.items() if name != word.sender}
    return {"partners": {**others, word.sender: partner} if partner else others}


_STEPS: Final = {
    "brief": _brief, "claim": _claim, "closeout": _closeout, "question": _question, "answer": _answer,
    "heartbeat": _heartbeat, "pair": _pair,
}  # fmt: skip
"""What a post of each kind does to the agenda; posts of all other kinds are only the last word."""


def last_seen(beaten: Beaten | None, seen: datetime | None) -> datetime | None:
    """Return the later of two signs of life, as far as there are any."""
    known = [each for each in (beaten.at if beaten else None, seen) if each is not None]
    return max(known, default=None)
