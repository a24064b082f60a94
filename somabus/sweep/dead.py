"""Dead letters: they go when they were shown to somebody and their days are over, and never before they were shown."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from somabus.endings import read_why
from somabus.model import tree
from somabus.model.deadletter import DeadLetter
from somabus.model.retention import Retention
from somabus.model.slot import WHY, State
from somabus.store.port import Store
from somabus.sweep.area import Allowance, Swept, held_back

_ORPHANED: Final = timedelta(days=2)


def sweep_dead(store: Store, agent: str, rule: Retention, held: frozenset[str], allowance: Allowance) -> Swept:
    """Drop dead letters, each with the record beside it, and records that have lost theirs."""
    folder = tree.box(agent, State.DEAD)
    names = store.list(folder)
    files = [name for name in names if not name.endswith(WHY)]
    letters = {name: read_why(store, agent, name) for name in files}
    shown = {name: letter for name, letter in letters.items() if letter is not None and letter.shown_at is not None}
    orphans = [name for name in names if name.endswith(WHY) and name.removesuffix(WHY) not in letters]
    dropped, kept = 0, 0
    for name in [*_over(store, folder, shown, rule), *_orphaned(store, agent, orphans)]:
        if name in shown and shown[name].id in held:
            kept += 1
        elif allowance.take():
            store.delete(f"{folder}/{name}")  # before its record: a dead letter is never without its reason
            store.delete(f"{folder}/{name.removesuffix(WHY)}{WHY}")
            dropped += 1
        else:
            return Swept("dead", dropped, done=False)
    unseen = len(files) - len(shown)
    said = [f"never shown: {unseen}; see: somabus dead"] if unseen else []
    return Swept("dead", dropped, why=", ".join([*said, *filter(None, [held_back(kept)])]))


def _over(store: Store, folder: str, shown: dict[str, DeadLetter], rule: Retention) -> Iterator[str]:
    """Yield those whose days are over, and the oldest others while all together are too heavy."""
    excess = store.weigh(folder) - rule.dead_bytes if rule.dead_bytes and shown else 0
    limit = store.now() - rule.span("dead")
    for name, letter in sorted(shown.items(), key=lambda each: _since(each[1])):
        if _since(letter) < limit or excess > 0:
            yield name
            excess -= len(store.read(f"{folder}/{name}") or b"") if excess > 0 else 0


def _since(letter: DeadLetter) -> datetime:
    """Return when somebody saw it: what was never seen is not over."""
    return max(letter.at, letter.shown_at or letter.at)


def _orphaned(store: Store, agent: str, records: list[str]) -> Iterator[str]:
    """Yield records without a dead letter that are no fresh ones: a record is written before its letter comes."""
    for name in records:
        letter = read_why(store, agent, name.removesuffix(WHY))
        if letter is not None and letter.at < store.now() - _ORPHANED:
            yield name
