"""Where a message lies and what its file is called: the life of a message as one table.

    inbox/              5-<id>.<generation>.json
    later/              5-<id>.<generation>.<due, ms>.json
    claimed/            5-<id>.<generation>.<lease end, ms>.<holder>.json
    done/<date>/        <id>.json   <id>.expired.json   <id>.withdrawn.json   <id>.duplicate.json
    dead/               the name it had under claimed/, and <name>.why.json beside it

A message's state is the folder it lies in; a move is one rename. The name sorts by priority, then age. The
generation grows with every claim and never goes back, so a holder of the past has no file under its name. A
message that is done has one name that follows from its id alone: a copy put back later is recognised by it.
"""

import re
from enum import StrEnum
from typing import Final, NamedTuple

_SLOT: Final = re.compile(
    r"(?P<digit>[0-9])-(?P<id>[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})"
    r"\.(?P<generation>0|[1-9][0-9]{0,8})(?:\.(?P<until>0|[1-9][0-9]{0,14}))?(?:\.(?P<holder>[0-9a-f]{12}))?\.json"
)
WHY: Final = ".why.json"


class State(StrEnum):
    """The folder a message lies in."""

    INBOX = "inbox"
    LATER = "later"
    CLAIMED = "claimed"
    DONE = "done"
    DEAD = "dead"


class Event(StrEnum):
    """What can happen to a message."""

    CLAIM = "claim"
    EXTEND = "extend"
    ACK = "ack"
    NACK = "nack"
    RELEASE = "release"
    SET_ASIDE = "set aside"
    EXPIRE = "expire"
    DUPLICATE = "duplicate"
    WITHDRAW = "withdraw"
    REPLAY = "replay"


MOVES: Final[dict[State, dict[Event, State]]] = {
    State.INBOX: {Event.CLAIM: State.CLAIMED, Event.WITHDRAW: State.DONE},
    State.LATER: {Event.CLAIM: State.CLAIMED, Event.WITHDRAW: State.DONE},
    State.CLAIMED: {
        Event.CLAIM: State.CLAIMED,  # by another, once the lease has ended
        Event.EXTEND: State.CLAIMED,
        Event.ACK: State.DONE,
        Event.NACK: State.LATER,
        Event.RELEASE: State.INBOX,
        Event.SET_ASIDE: State.DEAD,
        Event.EXPIRE: State.DONE,
        Event.DUPLICATE: State.DONE,
    },
    State.DONE: {},
    State.DEAD: {Event.REPLAY: State.INBOX},
}
"""Every move there is. Code, tests and the picture in docs/architecture.md come from this table."""

OUTCOMES: Final = {
    Event.ACK: "",
    Event.EXPIRE: ".expired",
    Event.WITHDRAW: ".withdrawn",
    Event.DUPLICATE: ".duplicate",
}
"""What stands in the name of a message that is done, between id and ending."""


_SHAPES: Final = {
    State.INBOX: (False, False),
    State.LATER: (True, False),
    State.CLAIMED: (True, True),
    State.DEAD: (True, True),
}
"""Whether a name there says until when, and who holds it."""

ATTEMPTS_A_LIFE: Final = 1000
"""A replay begins a new life: the generation goes on to the next thousand, the attempts start again."""

_LAST_LIFE: Final = 999_999_000


class Slot(NamedTuple):
    """The facts in a file's name. `until` is when a delay or a lease ends, in ms on the drive's clock."""

    digit: int
    id: str
    generation: int = 0
    until: int | None = None
    holder: str | None = None

    @property
    def name(self) -> str:
        """The file's name."""
        until = "" if self.until is None else f".{self.until}"
        holder = "" if self.holder is None else f".{self.holder}"
        return f"{self.digit}-{self.id}.{self.generation}{until}{holder}.json"

    @classmethod
    def parse(cls, name: str) -> "Slot | None":
        """Read a file's name, or return None for a name that no writer of format 1 gives."""
        found = _SLOT.fullmatch(name)
        if found is None:
            return None
        digit, message_id, generation, until, holder = found.groups()
        return cls(int(digit), message_id, int(generation), None if until is None else int(until), holder)

    def fits(self, state: State) -> bool:
        """Tell whether a file of this name belongs into that folder."""
        if self.holder is None and self.generation >= _LAST_LIFE:
            return False  # no room to claim it and to keep the generation within nine digits
        return (self.until is not None, self.holder is not None) == _SHAPES.get(state)

    @property
    def attempt(self) -> int:
        """Which attempt a claim of this generation is, 1 being the first since it was sent or replayed."""
        rest = self.generation % ATTEMPTS_A_LIFE
        return ATTEMPTS_A_LIFE if rest == 0 and self.holder is not None else rest

    @property
    def replayed(self) -> bool:
        """Whether a human brought it back from the dead letters."""
        return self.generation >= ATTEMPTS_A_LIFE

    def reborn(self) -> "Slot":
        """The name under inbox/ after a replay: waiting, at the start of the next thousand."""
        life = self.generation // ATTEMPTS_A_LIFE + 1
        return self._replace(generation=life * ATTEMPTS_A_LIFE, until=None, holder=None)

    def claimed(self, holder: str, lease_end: int) -> "Slot":
        """The name under claimed/ for the next generation."""
        return self._replace(generation=self.generation + 1, until=lease_end, holder=holder)

    def extended(self, lease_end: int) -> "Slot":
        """The name under claimed/ with a later end, same generation and holder."""
        return self._replace(until=lease_end)

    def postponed(self, due: int) -> "Slot":
        """The name under later/."""
        return self._replace(until=due, holder=None)

    def waiting(self) -> "Slot":
        """The name under inbox/."""
        return self._replace(until=None, holder=None)


def done_name(message_id: str, event: Event) -> str:
    """The name of a message that is done; it follows from the id alone."""
    return f"{message_id}{OUTCOMES[event]}.json"


def done_event(name: str) -> Event | None:
    """Read from a name under done/ how the message ended, or None for a foreign name."""
    for event, mark in OUTCOMES.items():
        if mark and name.endswith(f"{mark}.json"):
            return event
    return Event.ACK if name.endswith(".json") else None


def target(state: State, event: Event) -> State:
    """Return the folder that the event moves a message to; a KeyError for a move that the table does not have."""
    return MOVES[state][event]
