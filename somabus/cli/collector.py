"""The garbage collector in the process of a command; why: docs/decisions/0027.

What a command makes is nearly all imported code, and that lives until the end: to walk it finds next to nothing,
neither again and again while it comes in, nor once more as the interpreter ends.
"""

import atexit
import gc
from typing import Final

_COLLECT_AFTER: Final = 100_000
_USUAL: Final = gc.get_threshold()


def rest() -> None:
    """Spare a process that soon ends the collector, a seventh of its time."""
    gc.set_threshold(_COLLECT_AFTER)
    atexit.register(gc.freeze)


def work() -> None:
    """Let it work as usual again: the process stays, and what its handlers leave behind must go."""
    atexit.unregister(gc.freeze)
    gc.freeze()  # what has been imported stays
    gc.set_threshold(*_USUAL)
