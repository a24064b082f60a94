"""What two machines find out together: a table of rounds, each with the part of the asker and that of the answerer.

In each round the two sides say a fixed number of words in turn, so neither can be ahead of the other. What one side
did alone, the other never sees in memory: everything goes over the drive.
"""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from somabus.doctor import taking
from somabus.doctor.finding import Finding, Weight
from somabus.doctor.holder import Holder, take
from somabus.doctor.place import put
from somabus.doctor.side import LOOK_S, PATIENCE_S, Side
from somabus.doctor.sight import (
    answer_appears,
    answer_replaced,
    ask_appears,
    ask_replaced,
    prepare_appears,
    prepare_replaced,
)
from somabus.model.presence import SKEW_TOLERANCE

COUNT: Final = 100
_PINGS: Final = 8
_STEP_S: Final = 0.008
_SHORTEST_LEAD_S: Final = 0.25
_EVENTS: Final = 5
_EVENT_WAIT_S: Final = 3.0
_SMALL_OFFSET_S: Final = 2.0
_POLL = "polling finds everything"


class Round(NamedTuple):
    """`prepare` is done by the one who asks, for all rounds before any begins."""

    prepare: Callable[[Path], None]
    ask: Callable[[Side, Path], Finding]
    answer: Callable[[Side, Path], None]


def _nothing(_folder: Path) -> None:
    """Nothing need be there."""


# -- clocks -----------------------------------------------------------------------------------------------------


def _ask_clock(side: Side, _folder: Path) -> Finding:
    """The quickest of several exchanges tells most exactly how far the clocks are apart."""
    best = None
    for _ in range(_PINGS):
        left = side.now()
        side.talk.say()
        word = side.talk.hear(f"clock of {side.other}")
        back = side.now()
        trip, offset = (back - left) - (word["left"] - word["came"]), (word["came"] + word["left"] - left - back) / 2
        best = min(best or (trip, offset), (trip, offset))
    side.delay_s, side.offset_s = max(0.0, (best or (0, 0))[0] / 2), (best or (0, 0))[1]
    ahead = "ahead of" if side.offset_s > 0 else "behind"
    said = f"that of {side.other} is {abs(side.offset_s):.2f} s {ahead} this one's (± {side.delay_s:.2f} s)"
    if abs(side.offset_s) > SKEW_TOLERANCE.total_seconds():
        return Finding("clocks", Weight.WARNING, side.other, f"{said}; its schedule fires that much beside the grid",
                       "set both by a time server")  # fmt: skip
    return Finding("clocks", Weight.NOTE if abs(side.offset_s) > _SMALL_OFFSET_S else Weight.OK, side.other, said)


def _answer_clock(side: Side, _folder: Path) -> None:
    for _ in range(_PINGS):
        side.talk.hear("clocks")
        came = side.now()
        side.talk.say(came=came, left=side.now())


# -- races ------------------------------------------------------------------------------------------------------


def _prepare_race(way: str, folder: Path) -> None:
    taking.WAYS[way].prepare(folder, "a", COUNT)
    taking.make_letters(folder, COUNT if way == "claim" else 0)


def _ask_race(way: str, side: Side, folder: Path) -> Finding:
    side.talk.hear(f"{side.other} at the start of {way}")
    lead = max(_SHORTEST_LEAD_S, side.delay_s * 6)
    begin = side.now() + lead
    side.talk.say(begin=begin + side.offset_s, sweep=min(max(side.delay_s, 0.001), 0.05))
    mine = taking.run(way, folder, "a", COUNT, lambda number: side.until(begin + number * _STEP_S))
    word = side.talk.hear(f"{side.other} racing by {way}")
    theirs = taking.Taken(frozenset(word["told"]), frozenset(word["held"]))
    return taking.verdict(way, (mine, theirs), COUNT, f"against {side.other}")


def _answer_race(way: str, side: Side, folder: Path) -> None:
    taking.WAYS[way].prepare(folder, "b", COUNT)
    side.talk.say()
    word = side.talk.hear(f"the start of {way}")

    def begin(number: int) -> None:
        # The clocks are known to a few milliseconds: from a little early to a little late, most tries near the middle.
        beside = word["sweep"] * (2 * number / COUNT - 1) ** 3
        side.until(word["begin"] + number * _STEP_S + beside)

    mine = taking.run(way, folder, "b", COUNT, begin)
    side.talk.say(told=sorted(mine.told), held=sorted(mine.held))


# -- locks ------------------------------------------------------------------------------------------------------


def _ask_locks(side: Side, folder: Path) -> Finding:
    with Holder(folder / "lock") as holder:
        side.talk.say(holds=holder.holds)
        taken = side.talk.hear(f"{side.other} at the lock")["taken"]
        holder.kill()
    killed = side.now() + side.offset_s
    side.talk.say()
    freed = side.talk.hear(f"{side.other} waiting for the lock", PATIENCE_S * 2)["freed"]
    facts = {"locks_across": holder.holds and taken is False and freed is not None}
    if not holder.holds or taken is not False:
        said = "not held across machines: two beats of one agent may overlap; claims and leases still decide"
        return Finding("locks", Weight.NOTE, side.other, said, "schedule an agent on one machine alone", facts)
    if freed is None:
        said = "held across machines, and kept when the holder is killed: the next beat would wait for ever"
        return Finding("locks", Weight.WARNING, side.other, said, "look at the lock options of the mounts", facts)
    said = f"held across machines, and free {max(0.0, freed - killed):.1f} s after the holder was killed"
    return Finding("locks", Weight.OK, side.other, said, "", facts)


def _answer_locks(side: Side, folder: Path) -> None:
    side.talk.hear("a lock")
    taken = take(folder / "lock")
    side.talk.say(taken=taken)
    side.talk.hear("the end of the holder")
    freed = side.watch(lambda: take(folder / "lock") is True) if taken is False else None
    side.talk.say(freed=freed)


# -- native events ----------------------------------------------------------------------------------------------


def _ask_events(side: Side, folder: Path) -> Finding:
    side.talk.hear(f"{side.other} listening for events")
    for number in range(_EVENTS):
        put(folder / f"event.{number}", b"new")
        threading.Event().wait(LOOK_S)
    side.talk.say()
    heard = side.talk.hear(f"{side.other} counting events")["heard"]
    facts = {"native_events": heard >= _EVENTS}
    said = f"{heard} of {_EVENTS} of this machine's writes were told to {side.other}"
    weight = Weight.OK if heard >= _EVENTS else Weight.NOTE
    return Finding("events", weight, side.other, said if weight is Weight.OK else f"{said}; {_POLL}", "", facts)


def _answer_events(side: Side, folder: Path) -> None:
    from watchdog.events import FileSystemEvent, FileSystemEventHandler
    from watchdog.observers import Observer

    heard, all_heard = set[str](), threading.Event()

    class Ear(FileSystemEventHandler):
        def on_any_event(self, event: FileSystemEvent) -> None:
            for path in (event.src_path, event.dest_path):
                name = os.path.basename(os.fsdecode(path))
                if name.startswith("event."):
                    heard.add(name)
            if len(heard) >= _EVENTS:
                all_heard.set()

    observer = Observer()
    with suppress(OSError, RuntimeError):
        observer.schedule(Ear(), str(folder))
        observer.start()
    side.talk.say()
    side.talk.hear("writes")
    all_heard.wait(_EVENT_WAIT_S)
    if observer.is_alive():
        observer.stop()
        observer.join()
    side.talk.say(heard=len(heard))


def _race(way: str) -> Round:
    return Round(partial(_prepare_race, way), partial(_ask_race, way), partial(_answer_race, way))


ROUNDS: Final[dict[str, Round]] = {
    "clock": Round(_nothing, _ask_clock, _answer_clock),
    **{way: _race(way) for way in taking.WAYS},
    "appears": Round(prepare_appears, ask_appears, answer_appears),
    "replaced": Round(prepare_replaced, ask_replaced, answer_replaced),
    "locks": Round(_nothing, _ask_locks, _answer_locks),
    "events": Round(_nothing, _ask_events, _answer_events),
}


def facts_of(word: dict[str, Any]) -> dict[str, Any]:
    """Return what the asker has learned that holds for the answerer too."""
    found = word.get("learned")
    return {name: fact for name, fact in found.items() if name not in _OWN} if isinstance(found, dict) else {}


_OWN: Final = frozenset(["kind", "network", "locks", "clock_offset_s", "fsync_s", "measured_at", "against"])
