"""Mail that is over: a day's folder goes when its days are over, or the oldest when there is no room for all.

What was handled is also the record by which a copy of it is recognised; so yesterday and today always stay.
"""

import re
from datetime import timedelta
from typing import Final

from somabus.errors import StoreDamagedError
from somabus.model import tree
from somabus.model.retention import Retention
from somabus.model.slot import State
from somabus.store.port import Store
from somabus.sweep.area import Allowance, Swept, held_back

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def sweep_done(
    store: Store, agent: str, rule: Retention, held: frozenset[str], weights: dict[str, int], allowance: Allowance
) -> tuple[Swept, dict[str, int]]:
    """Drop what was handled, withdrawn or has expired long ago, the oldest day first.

    Args:
        store: the bus.
        agent: whose mail.
        rule: what is old, and how much there may be.
        held: the ids that something open refers to.
        weights: what the days weighed at the step before; those that are over do not change any more.
        allowance: what may be done in this step.

    Returns:
        What became of it, and the weights for the next step.
    """
    folder, now = tree.box(agent, State.DONE), store.now()
    days = [day for day in store.list(folder) if _DAY.fullmatch(day)]
    limit, at_least = ((now - span).date().isoformat() for span in (rule.span("done"), timedelta(days=1)))
    fresh = {day: store.weigh(f"{folder}/{day}") for day in days if day >= at_least or day not in weights}
    weights = {day: weight for day, weight in {**weights, **fresh}.items() if day in days}
    weight, dropped, kept = sum(weights.values()), 0, 0
    for day in days:
        if not (day < limit or (weight > rule.done_bytes > 0 and day < at_least)):
            break
        for name in _names(store, f"{folder}/{day}"):
            if name[:36] in held:
                kept += 1
            elif allowance.take():
                store.delete(f"{folder}/{day}/{name}")
                dropped += 1
            else:
                return Swept("done", dropped, done=False), weights
        store.prune(f"{folder}/{day}")
        weight -= weights.pop(day, 0)
    return Swept("done", dropped, why=held_back(kept)), weights


def _names(store: Store, folder: str) -> list[str]:
    try:
        return store.list(folder)
    except StoreDamagedError:
        return []  # something else stands in the place of the folder; `somabus verify` tells of it
