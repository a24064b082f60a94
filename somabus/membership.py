"""An agent's place on a bus: its card, and the joining, which is put off while the drive is away.

Joining again with the same key is no event. What is not declared stays as the card has it.
"""

from contextlib import suppress
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from somabus.assembly import Assembly
from somabus.errors import (
    ConfigurationError,
    MessageError,
    NotJoinedError,
    StoreDamagedError,
    StoreError,
    StoreUnavailableError,
    TrustError,
)
from somabus.model.bus import BUS_FILE
from somabus.model.card import Card
from somabus.model.message import explain
from somabus.model.names import nearest
from somabus.model.schedule import Schedule
from somabus.model.signing import to_text


class Membership:
    """Joins on behalf of one agent.

    Args:
        services: of the agent; `moved` hands in others.
        schedule: the cadence that a new card declares.
        declared: what the card must say besides; a name that is not in it stays as the card has it.
        may_join: whether a name that never joined may.

    Raises:
        ConfigurationError: what was declared breaks a rule of cards.
    """

    def __init__(self, services: Assembly, schedule: Schedule, declared: dict[str, Any], *, may_join: bool) -> None:
        self._services = services
        self._declared = declared
        self._may_join = may_join
        self.joined = False
        self.card = self._new_card(schedule)

    def join(self, *, must: bool) -> None:
        """Register the card; while the drive is away, put it off to the next beat; under a stop, leave all as it is."""
        services, name = self._services, self._services.me
        try:
            if services.registry.knows(name):
                if services.halt.hold() is not None:
                    self._join_stopped()
                    return
            else:
                services.halt.check("Agent.join")
            if not (self._may_join or services.registry.knows(name)):
                raise NotJoinedError(name, nearest(name, services.registry.names()))
            self.card = services.registry.join(self._wished(), services.signer.sign)
            self.joined = True
        except StoreUnavailableError:
            if must and self._bus_answers():
                raise
        services.parts.schedule = Schedule.parse(self.card.cadence)

    def moved(self, services: Assembly) -> None:
        """Go over to services that were built around another key, and bring the card up to date."""
        self._services = services
        self.card = self.card.model_copy(update={"public_key": to_text(services.signer.public_key)})
        self.join(must=False)

    # -- steps ------------------------------------------------------------------------------------------------

    def _join_stopped(self) -> None:
        """Be the agent that the card shows, under a stop; what was to be changed in it is refused."""
        self.card = self._wished(changed=False)
        if any(getattr(self.card, fact) != value for fact, value in self._declared.items()):
            self._services.halt.check("Agent.join")
        self.joined = True

    def _bus_answers(self) -> bool:
        """Tell whether the bus can be read now; that its file is seen is not enough, for mounts remember names."""
        with suppress(StoreError):
            return self._services.store.read(BUS_FILE) is not None
        return False

    def _new_card(self, schedule: Schedule) -> Card:
        services, now = self._services, self._services.now()
        try:
            card = Card(**{**_facts(services, schedule, now), **self._declared})
            card.to_json()
        except ValidationError as error:
            message = f"the card of {services.me}: {explain(error)}"
            raise ConfigurationError(message) from None
        except TypeError as error:
            message = f"the card of {services.me} cannot be written: {error}"
            raise ConfigurationError(message) from None
        return card

    def _wished(self, *, changed: bool = True) -> Card:
        """Return the card as it is, changed in what was declared now and in the key of now."""
        with suppress(MessageError, TrustError, StoreDamagedError):
            there = self._services.registry.card(self._services.me)
            if there is not None and there.key in self._services.keys:
                facts = {**self._declared, "public_key": self.card.public_key}
                return there.model_copy(update=facts) if changed else there
        return self.card


def _facts(services: Assembly, schedule: Schedule, now: datetime) -> dict[str, Any]:
    return {
        "bus": services.authority.bus.bus,
        "name": services.me,
        "public_key": to_text(services.signer.public_key),
        "joined_at": now,
        "cadence": schedule.text,
        "every_s": schedule.every_s,
    }
