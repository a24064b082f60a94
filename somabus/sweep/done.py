"""Mail that is over: a day's folder goes when its days are over, or the oldest when there is no room for all.

What was handled is also the record by which a copy of it is recognised; so yesterday and today always stay.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from somabus.model import tree
from somabus.model.retention import Retention
from somabus.model.slot import State
from somabus.store.port import Store
from somabus.sweep.area import Allowance, Swept, held_back

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def sweep_done(store: Store, agent: str, rule: Retention, held: frozenset[str], allowance: Allowance) -> Swept:
    """Drop what was handled, withdrawn or has expired long ago, the oldest day first."""
    dropped, kept = 0, 0
    for folder in _over(store, tree.box(agent, State.DONE), rule):
        for name in store.list(folder):
            if name[:36] in held:
                kept += 1
            elif allowance.take():
                store.delete(f"{folder}/{name}")
                dropped += 1
            else:
                return Swept("done", dropped, done=False)
        store.prune(folder)
    return Swept("done", dropped, why=held_back(kept))


def _over(store: Store, folder: str, rule: Retention) -> Iterator[str]:
    """Yield the folders of the days that are over, and of the oldest others while all together are too heavy."""
    days = [day for day in store.list(folder) if _DAY.fullmatch(day)]
    weights = {day: store.weigh(f"{folder}/{day}") for day in days} if rule.done_bytes else {}
    weight, now = sum(weights.values()), store.now()
    limit, at_least = ((now - span).date().isoformat() for span in (rule.span("done"), timedelta(days=1)))
    for day in days:
        if day < limit or (weight > rule.done_bytes > 0 and day < at_least):
            yield f"{folder}/{day}"
        weight -= weights.get(day, 0)
