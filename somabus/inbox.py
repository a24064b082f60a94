"""The inbox: an agent takes its mail, one holder a message, and nothing gets lost on the way.

    list once ─► claim (rename) ─► read ─► open ─► judge ─┬─► a delivery
                     │ lost?                              ├─► dead/    cannot be read, may not be acted on
                     └─► next                             └─► done/    expired, or handled before

A claim is a rename to a name that carries the holder, believed once the file reads under that name. A message whose
holder died is claimed straight out of claimed/ when its lease ends. What goes wrong with one message is that
message's affair: it is set aside with its reason, its sender is told, and the next one is served.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from somabus.box import Box
from somabus.delivery import Chain, Delivery
from somabus.endings import done_keys, read_why
from somabus.errors import (
    DocumentTooLargeError,
    MessageError,
    MessageTooLargeError,
    SomabusError,
    StoreDamagedError,
    StoreRefusedError,
    StoreUnavailableError,
)
from somabus.guard import Guard
from somabus.model import tree
from somabus.model.deadletter import DeadLetter, Reason
from somabus.model.envelope import split
from somabus.model.ids import milliseconds
from somabus.model.message import Message
from somabus.model.slot import WHY, Event, Slot, State
from somabus.opener import Opened, Opener
from somabus.store.port import Store
from somabus.tried import Tried

if TYPE_CHECKING:
    from somabus.letter import Letter
    from somabus.model.receipt import Receipt

LEASE_FOR: Final = timedelta(minutes=10)
_RELIST_AFTER: Final = timedelta(seconds=2)
_LONGEST_LEASE_MS: Final = 31 * 86_400_000  # a name that claims more is no lease of ours, and hides nothing


@dataclass(frozen=True, slots=True)
class Counts:
    """How much lies where. `posts` are those unread in the channels that the agent follows."""

    waiting: int
    delayed: int
    due: int
    claimed: int
    dead: int
    posts: int = 0

    @property
    def mail(self) -> int:
        """The mail that waits, retries that are due included."""
        return self.waiting + self.due

    @property
    def unread(self) -> int:
        """Everything that waits to be read now."""
        return self.mail + self.posts


class _Glance(NamedTuple):
    """A message before it is taken, and its bytes, if it could be read."""

    letter: "Letter"
    raw: bytes = b""


class Inbox:
    """One agent's mail.

    Args:
        store: the bus.
        me: the agent's name.
        opener: from bytes to a trusted message.
        box: the folders, and the moves between them.
        reply: how a delivery answers.
        guard: lets nothing through that a human stopped or must approve.
    """

    def __init__(
        self, store: Store, me: str, opener: Opener, *, box: Box, reply: "Callable[..., Receipt]", guard: Guard
    ) -> None:
        self._store = store
        self._me = me
        self._opener = opener
        self._box = box
        self._reply = reply
        self._guard = guard
        self.now = store.now
        self.chain = Chain()

    # -- taking -----------------------------------------------------------------------------------------------

    def drain(
        self,
        *,
        lease_for: timedelta | None = None,
        limit: int | None = None,
        wanted: Callable[[Message], bool] | None = None,
    ) -> Iterator[Delivery]:
        """Take what waits, by priority, then age, until nothing waits that can be taken.

        Args:
            lease_for: how long each delivery is the caller's alone, thirty days at most.
            limit: end after so many.
            wanted: leave alone what this declines; such messages stay where they wait.

        Raises:
            StoppedError: a human stopped it; it is looked before each message. What waits goes on waiting.
            StoreUnavailableError: could not look. What was delivered before stays delivered.
        """
        deliveries = self._drain("Inbox.drain", lease_for, wanted)
        return deliveries if limit is None else self._some(deliveries, limit)

    def _some(self, deliveries: Iterator[Delivery], limit: int) -> Iterator[Delivery]:
        if limit < 1:
            self._guard.begin("Inbox.drain")
            return
        for given, delivery in enumerate(deliveries, 1):
            yield delivery
            if given >= limit:
                return

    def _drain(
        self, entry: str, lease_for: timedelta | None, wanted: Callable[[Message], bool] | None
    ) -> Iterator[Delivery]:
        tried, again = Tried(), False
        self._guard.refresh()
        while True:
            listed_at, progress = self.now(), False
            for state, name, stopped in self._unstopped(entry, tried.fresh(self._candidates(listed_at)), again):
                glance = self._glance(state, name) if stopped or wanted is not None else None
                if not _wants(glance, wanted, stopped):
                    continue
                delivery = self._take(state, name, lease_for, stopped, glance)
                progress = True
                if delivery is not None:
                    with tried.holding(delivery):
                        yield delivery
                if self.now() - listed_at > _RELIST_AFTER:
                    break  # urgent mail may have come meanwhile
            if not progress:
                return
            again = True

    def _unstopped(
        self, entry: str, names: Iterable[tuple[State, str]], looked: bool
    ) -> Iterator[tuple[State, str, frozenset[str]]]:
        """Yield each name with the kinds of work that are stopped now: a stop waits for no drain to end.

        Raises:
            StoppedError: all of it is stopped; also where nothing waits, if nobody has looked before.
        """
        for state, name in names:
            yield state, name, self._guard.stopped_kinds(entry)
            looked = True
        if not looked:
            self._guard.stopped_kinds(entry)

    def claim(self, *, lease_for: timedelta | None = None) -> Delivery | None:
        """Take the next message by priority, then age, or return None when none waits.

        Until the lease ends nobody else is given this message; afterwards anybody may be. Delivery is at least
        once, so handlers meet the same message twice without harm.

        Raises:
            StoppedError: a human stopped it. Nothing was claimed.
            StoreUnavailableError: could not look. Nothing was claimed.
        """
        return next(self._drain("Inbox.claim", lease_for, None), None)

    def take(self, message_id: str, *, lease_for: timedelta | None = None) -> Delivery | None:
        """Take one particular message, or return None if it does not wait, or if its kind of work is stopped."""
        stopped = self._guard.begin("Inbox.take")
        for state, name in self._candidates(self.now()):
            if name[2:38] == message_id:
                glance = self._glance(state, name) if stopped else None
                if not _wants(glance, None, stopped):
                    return None
                return self._take(state, name, lease_for, stopped, glance)
        return None

    # -- looking ----------------------------------------------------------------------------------------------

    def counts(self) -> Counts:
        """Count, without opening a file.

        Raises:
            StoreUnavailableError: could not look. This is not zero.
        """
        now = milliseconds(self.now())
        delayed, claimed = self._box.list(State.LATER), self._box.list(State.CLAIMED)
        dead = [name for name in self._box.list(State.DEAD) if not name.endswith(WHY)]
        due = sum(_until(name) <= now for name in delayed) + sum(_free(name, now) for name in claimed)
        return Counts(len(self._box.list(State.INBOX)), len(delayed), due, len(claimed), len(dead))

    def unread(self) -> int:
        """Count what waits to be read, without opening a file; cheaper than `counts`."""
        now = milliseconds(self.now())
        due = sum(_until(name) <= now for name in self._box.list(State.LATER))
        return len(self._box.list(State.INBOX)) + due + sum(_free(name, now) for name in self._box.list(State.CLAIMED))

    def waiting(self) -> list[str]:
        """Return the ids of what waits, in the order of service, by listing alone; foreign names are left out."""
        names = (name for _, name in self._candidates(self.now()))
        return [slot.id for slot in map(Slot.parse, names) if slot is not None]

    def peek(self, limit: int = 20) -> "tuple[Letter, ...]":
        """Look at what waits, in the order of service, and take nothing.

        Raises:
            StoreUnavailableError: could not look. This is not an empty inbox.
        """
        letters: list[Letter] = []
        for state, name in self._candidates(self.now()):
            if len(letters) >= limit:
                break
            glance = self._glance(state, name)
            if glance is not None:
                letters.append(glance.letter)
        return tuple(letters)

    def find(self, message_id: str) -> "Letter | None":
        """Look at one message by its id, wherever it lies, or return None; nothing is taken."""
        from somabus.letter import Letter
        from somabus.trace import Tracer

        found = Tracer(self._store).find(self._me, message_id)
        if found is None:
            return None
        try:
            raw = self._store.read(found.key)
            opened = None if raw is None else self._opener.open(raw)
        except StoreUnavailableError:
            raise
        except SomabusError as error:
            return Letter(found.name, found.state, None, str(error))
        refusal = None if opened is None else self._opener.refusal(opened, released=True)
        return Letter(found.name, found.state, opened, refusal.detail if refusal else "")

    def dead(self) -> tuple[DeadLetter, ...]:
        """Return the dead letters, each with its reason, in the order of priority, then age."""
        names = [name for name in self._box.list(State.DEAD) if not name.endswith(WHY)]
        return tuple(read_why(self._store, self._me, name) or self._unexplained(name) for name in names)

    def mark_shown(self, letters: Iterable[DeadLetter]) -> None:
        """Note that somebody has seen dead letters: only then may a sweep drop them, once they are old."""
        self._guard.begin("Inbox.mark_shown")
        for letter in letters:
            if letter.shown_at is None:
                seen = letter.model_copy(update={"shown_at": self.now()})
                self._store.replace(f"{tree.box(self._me, State.DEAD)}/{letter.file}{WHY}", seen.to_json())

    def replay(self, message_id: str) -> bool:
        """Bring a dead letter back into the inbox, with all its attempts before it; False if it is not there.

        Args:
            message_id: the message's id, or the name of a dead letter's file.
        """
        self._guard.begin("Inbox.replay")
        for name in self._box.list(State.DEAD):
            slot = Slot.parse(name)
            if slot is None or message_id not in (slot.id, name):
                continue
            letter = read_why(self._store, self._me, name)
            if letter is not None and letter.id is not None:
                slot = Slot(slot.digit, letter.id, slot.generation)
            if not self._box.move(State.DEAD, name, Event.REPLAY, slot.reborn().name):
                return False  # another process replayed it just now
            self._store.delete(f"{tree.box(self._me, State.DEAD)}/{name}{WHY}")
            return True
        return False

    # -- the way of one message -------------------------------------------------------------------------------

    def _candidates(self, now: datetime) -> Iterator[tuple[State, str]]:
        """Yield what can be claimed, in the order of service, from one walk through each folder."""
        at = milliseconds(now)
        held: set[str] = set()
        free: list[tuple[str, State]] = []
        for name in self._box.list(State.CLAIMED):
            if _free(name, at):
                free.append((name, State.CLAIMED))
            else:
                held.add(name[2:38])
        free += [(name, State.LATER) for name in self._box.list(State.LATER) if _until(name) <= at]
        waiting = ((name, State.INBOX) for name in self._box.walk(State.INBOX))
        for name, state in heapq.merge(waiting, sorted(free)):
            if name[2:38] not in held:  # a second copy of what somebody is handling waits for the outcome
                yield state, name

    def _take(
        self, state: State, name: str, lease_for: timedelta | None, stopped: frozenset[str], glance: "_Glance | None"
    ) -> Delivery | None:
        slot = Slot.parse(name)
        if slot is None or not slot.fits(state):
            self._box.put_stranger_aside(state, name)
            return None
        mine = self._box.claim(state, name, slot, lease_for)
        if mine is None:
            return None
        opened = self._opened(mine, glance)
        return None if opened is None else self._judged(mine, opened, stopped)

    def _opened(self, slot: Slot, glance: "_Glance | None") -> Opened | None:
        """Read what was claimed; what cannot be read is set aside."""
        try:
            raw = self._store.read(self._box.key(State.CLAIMED, slot.name))
            if glance is not None and raw == glance.raw and glance.letter.opened is not None:
                return glance.letter.opened  # opened a moment ago, byte for byte
            # Race: a user-space network client tells two claimants that they won; only one can read the file.
            return None if raw is None else self._opener.open(raw)
        except (DocumentTooLargeError, MessageTooLargeError) as error:
            self._box.quietly_aside(slot, Reason.TOO_LARGE, str(error), None)
        except (StoreDamagedError, StoreRefusedError) as error:
            self._box.quietly_aside(slot, Reason.NOT_A_FILE, str(error), None)
        except MessageError as error:
            self._box.quietly_aside(slot, Reason.MALFORMED, str(error), None)
        except StoreUnavailableError as error:
            if slot.attempt <= self._box.retry.max_attempts:
                raise
            self._box.quietly_aside(slot, Reason.ATTEMPTS, str(error), None)  # a bad sector is not met for ever
        return None

    def _judged(self, slot: Slot, opened: Opened, stopped: frozenset[str]) -> Delivery | None:
        """Return the delivery of what may be handled now; whatever else was claimed is settled at once."""
        message = opened.message
        if self._refused(slot, opened):
            return None
        if self._done_before(message):
            self._box.quietly(lambda: self._box.settle(slot, Event.DUPLICATE))
        elif message.expired(self.now()):
            self._box.quietly(lambda: self._box.settle(slot, Event.EXPIRE))
        elif slot.attempt > self._box.retry.max_attempts:
            detail = f"{self._box.retry.max_attempts} holders had it and none finished; it may be what stops them"
            self._box.quietly_aside(slot, Reason.ATTEMPTS, detail, message)
        elif message.kind in stopped:
            self._box.quietly(lambda: self._box.release(slot))  # another lay there at the glance
        elif (uncovered := self._guard.spend(opened)) is not None:
            self._box.quietly_aside(slot, uncovered.reason, uncovered.detail, message)
        else:
            return Delivery(self._box, self.chain, slot, opened, reply=self._reply, finish=self._guard.finish)
        return None

    def _refused(self, slot: Slot, opened: Opened) -> bool:
        """Settle what may not be acted on, and tell whether it was such a message."""
        message = opened.message
        refusal = self._opener.refusal(opened, released=slot.replayed)
        if refusal is not None and refusal.later and not self._box.retry.exhausted(slot.attempt):
            self._box.quietly(lambda: self._box.nack(slot, message, refusal.detail, None))
        elif refusal is not None:
            self._box.quietly_aside(slot, refusal.reason, refusal.detail, message)
        elif message.id != slot.id:
            detail = f"the file's name says {slot.id}, the message {message.id}"
            self._box.quietly_aside(slot, Reason.MALFORMED, detail, message)
        else:
            return False
        return True

    def _done_before(self, message: Message) -> bool:
        """Tell whether this sender's message of this id was handled or withdrawn before."""
        for key, _ in done_keys(self._store, self._me, message.id, (Event.ACK, Event.WITHDRAW)):
            with suppress(MessageError, StoreDamagedError, DocumentTooLargeError):
                raw = self._store.read(key)
                # Another sender's message of the same id is a trick to suppress this one.
                if raw is not None and Message.decode(split(raw).body).sender == message.sender:
                    return True
        return False

    def _glance(self, state: State, name: str) -> "_Glance | None":
        """Look at a message without taking it; None if somebody took it meanwhile."""
        from somabus.letter import Letter

        slot = Slot.parse(name)
        if slot is None or not slot.fits(state):
            return _Glance(Letter(name, state, None, "no file name of a message that waits"))
        try:
            raw = self._store.read(self._box.key(state, name))
            if raw is None:
                return None
            opened = self._opener.open(raw)
        except StoreUnavailableError:
            raise
        except SomabusError as error:
            return _Glance(Letter(name, state, None, str(error)))
        return _Glance(Letter(name, state, opened, self._fault(slot, opened)), raw)

    def _fault(self, slot: Slot, opened: Opened) -> str:
        """Say why a message may not be acted on now, or nothing."""
        if opened.message.id != slot.id:
            return f"the file's name says {slot.id}, the message {opened.message.id}"
        if opened.message.expired(self.now()):
            return f"expired at {opened.message.expires_at:%Y-%m-%d %H:%M} UTC"
        refusal = self._opener.refusal(opened, released=slot.replayed) or self._guard.refusal(opened)
        return refusal.detail if refusal else ""

    def _unexplained(self, name: str) -> DeadLetter:
        slot = Slot.parse(name)
        return DeadLetter(
            file=name, reason=Reason.BAD_NAME, detail="no record beside it says why", at=self.now(), by=self._me,
            attempt=slot.attempt if slot else 0, id=slot.id if slot else None,
        )  # fmt: skip


def _wants(glance: _Glance | None, wanted: Callable[[Message], bool] | None, stopped: frozenset[str]) -> bool:
    """Tell whether to take a message. What cannot be read or acted on is wanted: taking is how it gets set aside."""
    if glance is None or glance.letter.opened is None or glance.letter.fault:
        return True
    message = glance.letter.opened.message
    return message.kind not in stopped and (wanted is None or wanted(message))


def _free(name: str, at: int) -> bool:
    """Tell whether a name under claimed/ may be taken: its lease has ended, or claims more than any lease may."""
    return not at < _until(name) < at + _LONGEST_LEASE_MS


def _until(name: str) -> int:
    """When the delay or the lease in a name ends; a foreign name has none and is up for taking at once."""
    slot = Slot.parse(name)
    return 0 if slot is None or slot.until is None else slot.until
