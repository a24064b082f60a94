"""A real process that posts or reads: `python talker.py ROLE BUS HOME AGENT HOURS …`; it prints JSON lines.

post    post COUNT posts to `general`, each under a key of its own; print each number
read    look, print what was seen, mark it as read; until COUNT posts were seen
"""

import json
import os
import sys
import time
from datetime import timedelta

from somabus import Agent
from somabus.clock import SystemClock

role, bus, home, name, hours, count = sys.argv[1:]


class Slow(SystemClock):
    """A clock that is some hours behind."""

    def now(self):
        """Return the wrong time."""
        return super().now() - timedelta(hours=float(hours))

    def monotonic(self):
        """Return the monotonic time, which nobody can set."""
        return time.monotonic()


def say(**facts):
    """Print one line, at once: the process may be dead a moment later."""
    os.write(1, json.dumps(facts).encode() + b"\n")


agent = Agent(name, bus=bus, home=home, durability="none", clock=Slow() if float(hours) else None)
say(ready=os.getpid())
sys.stdin.readline()
if role == "post":
    for n in range(int(count)):
        receipt = agent.post("general", f"{name} {n}", key=str(n))
        say(number=receipt.number, duplicate=receipt.duplicate)
else:
    last = 0
    while last < int(count):
        reading = agent.peek(["general"], limit=50)
        say(seen=[[post.number, post.message.body] for post in reading], faults=[str(each) for each in reading.faults])
        agent.mark_read(reading)
        last = max([last, *(post.number for post in reading)])
say(end=True)
