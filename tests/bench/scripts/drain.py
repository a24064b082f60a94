"""Drains an inbox and prints how many there were and how much memory the process took at most, in MB.

drain.py BUS HOME
"""

import sys
from pathlib import Path

from somabus import Agent


def peak_mb():
    """Return the peak of the resident memory."""
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage says would include the process that started this one
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)


agent, handled = Agent("consumer", sys.argv[1], home=sys.argv[2], durability="none"), 0
for delivery in agent.inbox.drain():
    delivery.ack()
    handled += 1
print(handled, peak_mb())
