"""A delivery: one claimed message in the hands of its holder, until the lease ends or the holder is done with it."""

import logging
from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Protocol

from somabus.box import Box
from somabus.errors import StoppedError
from somabus.model.ids import from_milliseconds
from somabus.model.message import Message
from somabus.model.slot import Slot
from somabus.model.trust import Trust
from somabus.opener import Opened

if TYPE_CHECKING:
    from somabus.model.receipt import Receipt

_log: Final = logging.getLogger("somabus")


class Delivery:
    """A message that is yours until `lease_ends_at`.

    Use it in a `with` block: leaving the block acknowledges, an exception gives the message back to be tried again
    later and is logged, not raised, so that one bad message does not stop the others (`error` keeps it). After the
    lease has passed on to another holder, `ack`, `nack`, `extend`, `reject` and leaving the block raise
    `LeaseLostError` and change nothing.
    """

    def __init__(
        self,
        box: Box,
        chain: "Chain",
        slot: Slot,
        opened: Opened,
        *,
        reply: "Callable[..., Receipt]",
        finish: Callable[[Message], None],
    ) -> None:
        self._box = box
        self._chain = chain
        self._finish = finish
        self._slot = slot
        self._opened = opened
        self._reply = reply
        self._replies = 0
        self.settled = False
        self.acknowledged = False
        self.error: BaseException | None = None

    @property
    def message(self) -> Message:
        """The message."""
        return self._opened.message

    @property
    def trust(self) -> Trust:
        """How far the sender is proven."""
        return self._opened.trust

    @property
    def sender(self) -> str:
        """The sender as people read it: `scout #1a2b3c4d`, from the key, never from the body."""
        return self._opened.sender

    @property
    def attempt(self) -> int:
        """Which attempt this is; above 1 the message may have been handled in part before."""
        return self._slot.attempt

    @property
    def generation(self) -> int:
        """The number that fences this claim: it grows with every claim and never goes back."""
        return self._slot.generation

    @property
    def lease_ends_at(self) -> datetime:
        """Until when nobody else gets this message, by the drive's clock."""
        return from_milliseconds(self._slot.until or 0)

    def age(self) -> timedelta:
        """How long ago the message was written, by the drive's clock."""
        return self._box.now() - self.message.created_at

    def ack(self) -> None:
        """Report the message as handled; it lies in done/ on return.

        Raises:
            LeaseLostError: somebody else has it now; nothing was changed.
            StoreError: it is not known whether it was acknowledged; it may come again.
        """
        self._box.ack(self._slot)
        self.acknowledged = True
        self._finish(self.message)
        self.settled = True

    def nack(self, error: str = "", *, delay: timedelta | None = None) -> None:
        """Give the message back to be tried again later, or to the dead letters after the last attempt.

        Raises:
            LeaseLostError: somebody else has it now; nothing was changed.
        """
        self._box.nack(self._slot, self._opened.message, error, delay)
        self.settled = True

    def release(self) -> None:
        """Put the message back where it waits, at once; this counts as an attempt.

        Raises:
            LeaseLostError: somebody else has it now; nothing was changed.
        """
        self._box.release(self._slot)
        self.settled = True

    def extend(self, lease_for: timedelta | None = None) -> None:
        """Make the lease end later: `lease_for` from now.

        Raises:
            LeaseLostError: somebody else has it now; abandon the work.
        """
        self._slot = self._box.extend(self._slot, lease_for)

    def reject(self, why: str) -> None:
        """Set the message aside for good, with a reason that its sender is told.

        Raises:
            LeaseLostError: somebody else has it now; nothing was changed.
        """
        self._box.reject(self._slot, self._opened.message, why)
        self.settled = True

    def reply(self, body: str = "", *, kind: str = "answer", **fields: Any) -> "Receipt":
        """Answer the sender, one hop further on the same thread.

        The answer's id follows from this message and the number of the reply, so a handler that runs a second time
        does not answer a second time.
        """
        self._replies += 1
        return self._reply(self.message, self._replies, body, kind=kind, **fields)

    def __enter__(self) -> Message:
        self._chain.enter(self.message)
        return self.message

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._chain.leave()
        self.error = error
        if self.settled:
            return isinstance(error, Exception)
        if error is None:
            self.ack()
            return False
        if isinstance(error, StoppedError):
            self.release()  # a human stopped it in the middle: it waits, and comes again after the resume
            return True
        if isinstance(error, Exception):
            facts = {"message_id": self.message.id, "kind": self.message.kind, "attempt": self.attempt}
            _log.error("handler failed", exc_info=error, extra=facts)
            self.nack(f"{type(error).__name__}: {error}")
            return True
        self.release()  # stopped from outside: not the message's fault, so it waits no longer than it must
        return False


class Cause(Protocol):
    """What is being handled, a message or a job: its place in the chain of causes."""

    @property
    def hops(self) -> int:
        """How many causes it has."""

    @property
    def origin(self) -> str:
        """The id of the first of them."""


class Chain:
    """What this thread or task is handling, so that what it sends continues that chain of hops."""

    def __init__(self) -> None:
        self._handling: ContextVar[tuple[Cause, ...]] = ContextVar("handling", default=())

    def enter(self, cause: Cause) -> None:
        """Begin handling."""
        self._handling.set((*self._handling.get(), cause))

    def leave(self) -> None:
        """End handling."""
        self._handling.set(self._handling.get()[:-1])

    @property
    def cause(self) -> Cause | None:
        """The message or the job being handled, or None."""
        handling = self._handling.get()
        return handling[-1] if handling else None
