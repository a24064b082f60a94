"""For testing agents, and stores: a clock turned by hand, a bus in memory, stores that stop at any step.

    from somabus.testing import World

    world = World()
    scout, planner = world.agent("scout"), world.agent("planner")
    world.clock.advance(hours=6)

These are products: they are proven by the same contract as the real parts. `somabus.testing.contract` is the suite
that every store passes.
"""

from somabus.testing.clock import HandClock
from somabus.testing.faults import Crash, FailingFiles, Fuse, StoppingFiles, StoppingStore
from somabus.testing.world import World

__all__ = ["Crash", "FailingFiles", "Fuse", "HandClock", "StoppingFiles", "StoppingStore", "World"]
