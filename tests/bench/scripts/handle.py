"""A handler that waits for mail as `somabus run` does; for each message it prints when it was called.

handle.py BUS HOME      → lines of: subject, monotonic clock in ns, this process's CPU time in ns
"""

import sys
from time import monotonic_ns, process_time_ns

from somabus import Agent

agent = Agent("consumer", sys.argv[1], home=sys.argv[2], durability="none")


@agent.on("note")
def called(message):
    """Say that and when it was called."""
    print(message.subject, monotonic_ns(), process_time_ns(), flush=True)


agent.run()
