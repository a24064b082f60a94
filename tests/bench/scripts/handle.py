"""A handler that waits for mail as `somabus run` does; for each message it prints when it was called.

handle.py BUS HOME      → lines of: subject, monotonic clock in ns, this process's CPU time in ns

It ends when its standard input does, so that it does not outlive who started it.
"""

import os
import sys
from threading import Thread
from time import monotonic_ns, process_time_ns

from somabus import Agent

agent = Agent("consumer", sys.argv[1], home=sys.argv[2], durability="none")


@agent.on("note")
def called(message):
    """Say that and when it was called."""
    print(message.subject, monotonic_ns(), process_time_ns(), flush=True)


def end_with_parent():
    """Wait for the end of the input, which costs nothing meanwhile."""
    os.read(sys.stdin.fileno(), 1)
    os._exit(0)


Thread(target=end_with_parent, daemon=True).start()
agent.run()
