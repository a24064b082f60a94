"""One step of a sweep: the areas that are due, in their order, until the allowance is spent.

It is loaded when something is due, and most beats find nothing.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import Final

from somabus.arcs import PREFIX
from somabus.errors import SomabusError, StoreUnavailableError
from somabus.model import tree
from somabus.model.address import parse_address
from somabus.model.names import channel_folder
from somabus.model.retention import Retention
from somabus.model.sweeping import EVERY, Sweeping
from somabus.sweep.area import Allowance, Swept
from somabus.sweep.dead import sweep_dead
from somabus.sweep.debris import sweep_debris
from somabus.sweep.done import sweep_done
from somabus.sweep.ground import Ground
from somabus.sweep.held import Held
from somabus.sweep.keys import sweep_keys
from somabus.sweep.logs import sweep_log
from somabus.sweep.readers import NOBODY, Readers
from somabus.sweep.room import Fill, watch, weigh
from somabus.sweep.sessions import sweep_sessions

_LOOKING: Final = "what is open is still being looked through"


class Step:
    """One step: goes through areas, and keeps the ledger of when each was gone through."""

    def __init__(
        self,
        ground: Ground,
        ledger: Sweeping,
        allowance: Allowance,
        now: datetime,
        tell: Callable[[Swept], None],
        *,
        force: bool,
    ) -> None:
        self._force = force
        self._ground = ground
        self._tell = tell
        self.ledger = ledger
        self._allowance = allowance
        self._now = now
        self._rule: Retention = ground.authority.bus.policy.retention
        self._readers = Readers(ground.store, ground.registry, ground.identities, self._rule)
        self._open = Held(ground.store, ground.home, ground.registry)

    def all_of(self, whose: str, areas: Iterator[tuple[str, Callable[[], Swept]]]) -> list[Swept]:
        """Go through the areas that are due until the allowance is spent; note which were gone through to the end."""
        found: list[Swept] = []
        for name, sweep in areas:
            if not (self._force or self.ledger.due(name, self._now)):
                continue  # an earlier step of this pass has done it
            found.append(self._one(name, sweep))
            self._tell(found[-1])
            if found[-1].done:
                self._note(swept={**self.ledger.swept, name: self._now})
            if self._allowance.spent:
                return found
        if all(each.done for each in found):
            self.ended(whose)
        return found

    def ended(self, whose: str) -> None:
        """Note that all areas of a pass were gone through; those that are not there any more are forgotten."""
        lately = {name: at for name, at in self.ledger.swept.items() if self._now - at < 2 * EVERY}
        self._note(swept={**lately, whose: self._now})

    def mine(self) -> Iterator[tuple[str, Callable[[], Swept]]]:
        """Yield this agent's own areas."""
        outbox = tree.outbox(self._ground.me)
        yield "done", self._done
        yield "dead", self._dead
        yield outbox, partial(self._log, outbox, but=self._ground.me)
        yield "debris at home", self._debris_at_home
        yield "sessions", self._sessions
        yield "keys", self._keys  # last, for they take long to look through

    def everybodys(self) -> Iterator[tuple[str, Callable[[], Swept]]]:
        """Yield what is everybody's."""
        yield "debris", self._debris
        yield tree.ALERTS, partial(self._log, tree.ALERTS)
        for channel in self._ground.channels.names():
            yield tree.channel(channel), partial(self._channel, channel)
            if channel.startswith(PREFIX):
                yield tree.scratchpad(channel), partial(self._scratchpad, channel)
        yield "room", self._room

    # -- areas ------------------------------------------------------------------------------------------------

    def _one(self, name: str, sweep: Callable[[], Swept]) -> Swept:
        try:
            return sweep()
        except StoreUnavailableError:
            raise
        except SomabusError as error:
            return Swept(name, why=str(error))  # refused or damaged: the others have their turn all the same

    def _log(self, log: str, *, but: str = "") -> Swept:
        return sweep_log(
            self._ground.store, log, self._rule, partial(self._readers.floor, log, but=but), self._allowance
        )

    def _channel(self, channel: str) -> Swept:
        log = tree.channel(channel)
        return sweep_log(self._ground.store, log, self._rule, partial(self._floor, log, channel), self._allowance)

    def _scratchpad(self, arc: str) -> Swept:
        return sweep_log(self._ground.store, tree.scratchpad(arc), self._rule, lambda: NOBODY, self._allowance)

    def _floor(self, log: str, channel: str) -> int:
        """Return the first number of a channel that somebody has not read, that is open, or that is referred to."""
        agenda = self._ground.arcs().agenda(channel, deep=True)
        opened = [question.word.number for question in agenda.questions]
        opened += [agenda.brief.number] if agenda.open and agenda.brief is not None else []
        held = self._open.look(self._allowance)
        if held is None:
            return 0
        folder = channel_folder(channel)
        found = (parse_address(each, channel) for each in held if "#" in each)
        opened += [each.number for each in found if each is not None and channel_folder(each.channel) == folder]
        return min([self._readers.floor(log, channel=channel), *opened])

    def _done(self) -> Swept:
        held = self._open.look(self._allowance)
        if held is None:
            return Swept("done", why=_LOOKING, done=False)
        ground, days = self._ground, self.ledger.days
        swept, days = sweep_done(ground.store, ground.me, self._rule, held, days, self._allowance)
        self._note(days=days)
        return swept

    def _dead(self) -> Swept:
        held = self._open.look(self._allowance)
        if held is None:
            return Swept("dead", why=_LOOKING, done=False)
        return sweep_dead(self._ground.store, self._ground.me, self._rule, held, self._allowance)

    def _keys(self) -> Swept:
        swept, mark = sweep_keys(self._ground.store, self._ground.me, self._rule, self.ledger.mark, self._allowance)
        self._note(mark=mark)
        return swept

    def _sessions(self) -> Swept:
        swept, seen = sweep_sessions(self._ground.home, self._rule, self.ledger.sessions, self._now, self._allowance)
        self._note(sessions=seen)
        return swept

    def _debris(self) -> Swept:
        swept, seen = sweep_debris("debris", self._ground.store, self.ledger.debris, self._now, self._allowance)
        self._note(debris=seen)
        return swept

    def _debris_at_home(self) -> Swept:
        swept, seen = sweep_debris(
            "debris at home", self._ground.home, self.ledger.debris_at_home, self._now, self._allowance
        )
        self._note(debris_at_home=seen)
        return swept

    def _room(self) -> Swept:
        """Weigh the bus, a part at each step, and raise an alert if it grows over its budget."""
        weights, mark = weigh(self._ground.store, self.ledger.weights, self.ledger.weighed, self._allowance)
        self._note(weights=weights, weighed=mark)
        if mark:
            return Swept("room", done=False)
        fill = Fill(sum(weights.values()), self._rule.budget_bytes)
        if self._ground.real:
            self._ground.cursors.load()
            try:
                watch(fill, self._ground.alerts)
            finally:
                self._ground.cursors.save()
        return Swept("room", why="" if fill.level == "ok" else f"{fill.level}: {fill}")

    def _note(self, **change: object) -> None:
        self.ledger = self.ledger.model_copy(update=change)
