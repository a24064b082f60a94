"""What one machine sees of what another one writes: a new name, and new bytes under an old name."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from somabus.doctor.finding import Finding, Weight
from somabus.doctor.place import get, put, spoken
from somabus.doctor.side import PATIENCE_S, Side

_REPLACES: Final = 3
_RARELY_S: Final = 2.0  # the kernel's SMB client holds an old file open while it is read more than once a second
_LOOK: Final = {"listed": "listing", "opened": "opening"}


def prepare_appears(folder: Path) -> None:
    """Make a folder for each way of looking."""
    for eye in _LOOK:
        (folder / eye).mkdir()


def ask_appears(side: Side, folder: Path) -> Finding:
    """Let a name appear for which the other machine has been looking since before it was there."""
    side.talk.hear(f"{side.other} looking for a new name")
    at = side.now() + side.offset_s
    for eye in _LOOK:
        put(folder / eye / "new", b"new")
    word = side.talk.hear(f"{side.other} seeing a new name", PATIENCE_S * 2)
    seen = {eye: None if word[eye] is None else max(0.0, word[eye] - at) for eye in _LOOK}
    facts = {f"appears_{eye}_s": None if seen_s is None else round(seen_s, 3) for eye, seen_s in seen.items()}
    said = ", ".join(f"{_after(seen_s)} by {_LOOK[eye]}" for eye, seen_s in seen.items())
    if None in seen.values():
        step = "look at the caching options of the mounts"
        return Finding("new name", Weight.WARNING, side.other, f"looked for too early, it is {said}", step, facts)
    late = max(seen_s for seen_s in seen.values() if seen_s is not None) > 1
    said = f"looked for too early, it is {said}" + ("; mail comes that much later, none is lost" if late else "")
    return Finding("new name", Weight.NOTE if late else Weight.OK, side.other, said, "", facts)


def answer_appears(side: Side, folder: Path) -> None:
    """Look for two names, each in its folder: a listing would remind the system of a name that it denies on opening."""
    seen: dict[str, float | None] = dict.fromkeys(_LOOK)
    looks = {
        "listed": lambda: "new" in os.listdir(folder / "listed"),
        "opened": lambda: bool(get(folder / "opened" / "new")),
    }

    def look() -> bool:
        for eye in (each for each in looks if seen[each] is None):
            with suppress(OSError):
                seen[eye] = side.now() if looks[eye]() else None
        return None not in seen.values()

    look()
    side.talk.say()
    side.watch(look)
    side.talk.say(**seen)


def prepare_replaced(folder: Path) -> None:
    """Write what will be replaced."""
    put(folder / "replaced", b"0")


def ask_replaced(side: Side, folder: Path) -> Finding:
    """Replace a file that the other machine reads all the time."""
    seen: list[float | None] = []
    for number in range(1, _REPLACES + 1):
        side.talk.hear(f"{side.other} reading a file", PATIENCE_S * 2)
        put(folder / "replaced", b"%d" % number)
        at = side.now() + side.offset_s
        word = side.talk.hear(f"{side.other} seeing new bytes", PATIENCE_S * 2)
        seen.append(None if word["at"] is None else max(0.0, word["at"] - at))
    late = [each for each in seen if each is not None]
    worst = max(late) if len(late) == len(seen) else None
    facts = {"replaced_s": None if worst is None else round(worst, 3)}
    said = f"new bytes under an old name are {_after(worst)}"
    if worst is None or worst > side.staleness_s:
        said += f", and this bus allows for {side.staleness_s:.0f} s: who is on time may be called late"
        step = f"somabus operator policy --staleness {int(worst or PATIENCE_S) * 2 + 1}"
        return Finding("replaced", Weight.WARNING, side.other, said, step, facts)
    return Finding("replaced", Weight.NOTE if worst > 1 else Weight.OK, side.other, said, "", facts)


def answer_replaced(side: Side, folder: Path) -> None:
    """Read a file until its bytes are new."""
    side.watch(lambda: get(folder / "replaced") == b"0")
    for number in range(1, _REPLACES + 1):
        side.talk.say()
        data = b"%d" % number
        seen = side.watch(lambda data=data: get(folder / "replaced") == data, _RARELY_S)  # type: ignore[misc]
        side.talk.say(at=seen)


def _after(seconds: float | None) -> str:
    return "not seen within a minute" if seconds is None else f"seen after {spoken(seconds)}"
