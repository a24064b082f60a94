"""One agent's folders of mail, and the moves between them: the table of `model/slot.py`, made on a store.

A claim is a rename to a name that carries the holder, and every later move is one from exactly that name: a holder
whose lease was passed on finds no file there, and changes nothing. It knows neither keys nor trust.
"""

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Final

from somabus.errors import KeyMissingError, LeaseLostError, SomabusError
from somabus.model import tree
from somabus.model.deadletter import DeadLetter, Reason
from somabus.model.ids import IdMaker, later, milliseconds
from somabus.model.message import Message
from somabus.model.retry import RetryPolicy
from somabus.model.slot import WHY, Event, Slot, State, target
from somabus.store.port import Store

_HOLDER_BYTES: Final = 6
_FIRST_PAGE: Final = 500  # most who take want one, or there are few
_PAGE: Final = 5_000
_LONGEST_LEASE: Final = timedelta(days=30)
_STRANGER_DIGIT: Final = 9
_log: Final = logging.getLogger("somabus")


class Box:
    """The folders of one agent.

    Args:
        store: the bus.
        me: the agent's name.
        entropy: random bytes, for holders and jitter.
        retry: when a message is tried again, and when no more.
        lease_for: how long a claim lasts where the caller does not say.
        on_dead: told of every dead letter before it is moved; it may be told twice.
    """

    def __init__(
        self,
        store: Store,
        me: str,
        *,
        entropy: Callable[[int], bytes],
        retry: RetryPolicy,
        lease_for: timedelta,
        on_dead: Callable[[DeadLetter, Message | None], None],
    ) -> None:
        self._store = store
        self._me = me
        self._entropy = entropy
        self._lease_for = lease_for
        self._on_dead = on_dead
        self._ids = IdMaker(entropy)
        self.retry = retry
        self.now = store.now

    def claim(self, state: State, name: str, slot: Slot, lease_for: timedelta | None) -> Slot | None:
        """Take a message by renaming it to a name of one's own; None if it is not there any more."""
        mine = slot.claimed(self._entropy(_HOLDER_BYTES).hex(), self._lease_end(lease_for))
        return mine if self.move(state, name, Event.CLAIM, mine.name, durable=False) else None

    def ack(self, slot: Slot) -> None:
        """See `Delivery.ack`."""
        self.settle(slot, Event.ACK)

    def nack(self, slot: Slot, message: Message, error: str, delay: timedelta | None) -> None:
        """See `Delivery.nack`."""
        if self.retry.exhausted(slot.attempt):
            self.set_aside(slot, Reason.ATTEMPTS, f"attempt {slot.attempt}: {error or 'given back'}", message)
            return
        dice = int.from_bytes(self._entropy(4)) / (1 << 32)
        wait = self.retry.delay(slot.attempt, dice) if delay is None else delay
        self._held(slot, Event.NACK, slot.postponed(milliseconds(later(self.now(), wait))).name)

    def release(self, slot: Slot) -> None:
        """See `Delivery.release`."""
        self._held(slot, Event.RELEASE, slot.waiting().name)

    def extend(self, slot: Slot, lease_for: timedelta | None) -> Slot:
        """See `Delivery.extend`."""
        longer = slot.extended(max((slot.until or 0) + 1, self._lease_end(lease_for)))
        self._held(slot, Event.EXTEND, longer.name, durable=False)
        return longer

    def reject(self, slot: Slot, message: Message, why: str) -> None:
        """See `Delivery.reject`."""
        self.set_aside(slot, Reason.REJECTED, why, message)

    def settle(self, slot: Slot, event: Event) -> None:
        """Move a claimed message to done/, under a name that says how it ended."""
        done = tree.done(self._me, self.now().date(), slot.id, event)
        try:
            self._store.move(self.key(State.CLAIMED, slot.name), done)
        except KeyMissingError as error:
            raise LeaseLostError(slot.id, slot.generation) from error

    def set_aside(self, slot: Slot, reason: Reason, detail: str, message: Message | None, found_as: str = "") -> None:
        """Move a claimed message to the dead letters.

        Power cut or kill after each step: 1 the lease is longer, 2 a record without its letter, 3 the sender knows;
        the lease ends and all is done again, under the next name and with the same bounce. 4 done.
        """
        detail = detail.encode(errors="backslashreplace").decode()
        slot = self.extend(slot, None)  # 1 proves that it is ours to judge
        letter = DeadLetter(
            file=slot.name, reason=reason, detail=detail[:2000], at=self.now(), by=self._me, attempt=slot.attempt,
            id=message.id if message else slot.id, sender=message.sender if message else None,
            subject=message.subject if message else "", found_as=found_as[:300],
        )  # fmt: skip
        self._store.replace(f"{self.key(State.DEAD, slot.name)}{WHY}", letter.to_json())  # 2
        try:
            self._on_dead(letter, message)  # 3
        except SomabusError as error:
            _log.warning("could not tell of a dead letter", exc_info=error, extra={"message_id": letter.id})
        self._held(slot, Event.SET_ASIDE, slot.name)  # 4
        _log.warning("message set aside", extra={"message_id": letter.id, "reason": str(reason), "detail": detail})

    def quietly_aside(self, slot: Slot, reason: Reason, detail: str, message: Message | None) -> None:
        """Set aside a message that nobody was given."""
        self.quietly(lambda: self.set_aside(slot, reason, detail, message))

    def quietly(self, settle: Callable[[], None]) -> None:
        """Settle a message that nobody was given; if the lease was lost meanwhile, it is another's to settle."""
        try:
            settle()
        except LeaseLostError:
            _log.info("lease lost while setting aside")

    def put_stranger_aside(self, state: State, name: str) -> None:
        """Set aside a file whose name is none of ours, under a name of ours."""
        slot = self.claim(state, name, Slot(_STRANGER_DIGIT, self._ids.make(self.now())), None)
        if slot is not None:
            detail = f"{name!r} is no file name of a message; see docs/format.md"
            self.quietly(lambda: self.set_aside(slot, Reason.BAD_NAME, detail, None, found_as=name))

    def _held(self, slot: Slot, event: Event, name: str, *, durable: bool = True) -> None:
        if not self.move(State.CLAIMED, slot.name, event, name, durable=durable):
            raise LeaseLostError(slot.id, slot.generation)

    def move(self, state: State, name: str, event: Event, new_name: str, *, durable: bool = True) -> bool:
        """Make one move of the table; False if the file is not there any more."""
        try:
            self._store.move(self.key(state, name), self.key(target(state, event), new_name), durable=durable)
        except KeyMissingError:
            return False
        return True

    def _lease_end(self, lease_for: timedelta | None) -> int:
        return milliseconds(self.now() + min(lease_for or self._lease_for, _LONGEST_LEASE))

    def list(self, state: State) -> list[str]:
        """Return the names in the folder of a state."""
        return self._store.list(tree.box(self._me, state))

    def walk(self, state: State) -> Iterator[str]:
        """Yield the names in the folder of a state, in order, and keep no more than a page of them at a time."""
        after, size = "", _FIRST_PAGE
        while True:
            page = self._store.list(tree.box(self._me, state), after, size)
            yield from page
            if len(page) < size:
                return
            after, size = page[-1], _PAGE

    def key(self, state: State, name: str) -> str:
        """Return where a message lies."""
        return f"{tree.box(self._me, state)}/{name}"
