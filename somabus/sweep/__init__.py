"""The sweep: what is over is packed or dropped, in small steps, while others write.

    mine         done/  dead/  keys/  the outbox, sessions at home          each agent its own
    everybody's  channels, debris in tmp/, the budget                       one sweeper at a time, once a day

One file an area; each can be cut off at any line and begun again.
"""

from somabus.sweep.area import Allowance, Swept
from somabus.sweep.ground import Ground
from somabus.sweep.rehearsal import Rehearsal
from somabus.sweep.sweeper import Sweeper

__all__ = ["Allowance", "Ground", "Rehearsal", "Sweeper", "Swept"]
