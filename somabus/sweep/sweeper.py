"""The sweeper: goes through the areas that are due, one after the other, for as long as it is allowed.

What is this agent's own it sweeps itself, once a day. What is everybody's, one sweeper at a time sweeps: whoever
takes the lease `sweep`, and nobody for a day after that. An area that fails or is refused keeps no other from its
turn. Cut off anywhere, the next step goes on with what is left.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import timedelta
from typing import Final

from somabus.errors import LeaseHeldError, MessageError, StoreError
from somabus.model.sweeping import EVERY, Sweeping
from somabus.model.wire import parse_object
from somabus.sweep.area import Allowance, Swept
from somabus.sweep.ground import Ground

LEASE: Final = "sweep"
_LEASE_FOR: Final = timedelta(minutes=10)
_FILE: Final = "sweep.json"
_ALL: Final = "everybody's"
_MINE: Final = "mine"


class Sweeper:
    """Sweeps on behalf of one agent."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def step(
        self, allowance: Allowance, *, force: bool = False, each: Callable[[Swept], None] | None = None
    ) -> list[Swept]:
        """Sweep what is due, as far as the allowance goes; return what became of each area.

        Args:
            allowance: what may be done.
            force: also what is not due yet.
            each: told of every area once it was swept.

        Raises:
            StoreUnavailableError: could not look; what was swept before is swept.
        """
        now, found = self._ground.store.now(), list[Swept]()
        before = self._remembered()
        if not (force or before.due(_MINE, now) or before.due(_ALL, now)):
            return found
        from somabus.sweep.step import Step

        run = Step(self._ground, before, allowance, now, each or (lambda _swept: None), force=force)
        try:
            if force or run.ledger.due(_MINE, now):
                found += run.all_of(_MINE, run.mine())
            if (force or run.ledger.due(_ALL, now)) and not allowance.spent and self._my_turn(force=force):
                with self._turn():
                    found += run.all_of(_ALL, run.everybodys())
            elif run.ledger.due(_ALL, now) and not allowance.spent:
                run.ended(_ALL)  # somebody else does it, or has done it today
        except LeaseHeldError as error:
            run.ended(_ALL)
            found.append(Swept(_ALL, why=str(error)))
        finally:
            if run.ledger != before:
                self._ground.home.replace(_FILE, run.ledger.to_json())
        return found

    def behind(self) -> bool:
        """Tell whether what is this agent's own was not swept to its end for days: more comes than goes."""
        at, now = self._remembered().swept.get(_MINE), self._ground.store.now()
        return at is not None and now - at > 3 * EVERY

    def _turn(self) -> AbstractContextManager[object]:
        """Take the turn; a record that claims more than a turn may take is nobody's."""
        if not self._ground.real:
            return nullcontext()
        now = self._ground.store.now()
        return self._ground.leases.take(LEASE, _LEASE_FOR, dead=lambda other: other.ends_at - now > 2 * _LEASE_FOR)

    def _my_turn(self, *, force: bool) -> bool:
        """Tell whether nobody has swept for a day."""
        last = self._ground.leases.last(LEASE)
        now = self._ground.store.now()
        return (
            force or last is None or last.agent == self._ground.me or not last.taken_at <= now < last.taken_at + EVERY
        )

    def _remembered(self) -> Sweeping:
        with suppress(MessageError, StoreError):
            raw = self._ground.home.read(_FILE)
            if raw is not None:
                return Sweeping.from_object(parse_object(raw))
        return Sweeping()
