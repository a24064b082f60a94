"""A real worker, to be killed: `python worker_process.py work BUS HOME AGENT EFFECTS LEASE_S STEP_S`; it prints JSON lines.

Each step appends to a file of its own, named by job and step, when it takes effect: whoever reads them afterwards
knows how often it did, whatever the bus says.
"""

import json
import os
import sys
import threading
from datetime import timedelta
from pathlib import Path

from somabus import Agent

_, bus, home, name, effects, lease_s, step_s = sys.argv[1:]
stop, moment = threading.Event(), threading.Event()


def say(**facts):
    """Print one line, at once: the process may be dead a moment later."""
    os.write(1, json.dumps(facts).encode() + b"\n")


def effect(ctx, step):
    """Take effect: one write, whole or not at all."""
    file = os.open(Path(effects, f"{ctx.job.id}.{step}"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(file, f"{ctx.generation}\n".encode())
    os.close(file)
    moment.wait(float(step_s))  # so that a kill finds some in the middle of a step
    return step


def steps(ctx):
    """Take three steps; the second may be repeated."""
    say(began=ctx.job.id, generation=ctx.generation, digit=ctx.job.priority.digit, plain=ctx.data.get("plain", False))
    for step in ("one", "again", "three"):
        ctx.step(step, effect, ctx, step, idempotent=step == "again")


def family(ctx):
    """Have two children, and take a step when they have ended."""
    for n in range(2):
        ctx.submit("steps", {"n": n}, max_stalled=1000)
    ended = [str(each.state) for each in ctx.gather()]
    ctx.step("last", effect, ctx, "last")
    return ended


def flaky(ctx):
    """Fail at the first attempt."""
    ctx.step("one", effect, ctx, "one")
    if ctx._holding.ticket.failed == 0:
        raise RuntimeError("not yet")


agent = Agent(name, bus=bus, home=home, durability="none", every="1h")
for each in (steps, family, flaky):
    agent.handler(each.__name__)(each)
worker = agent.worker(lease_for=timedelta(seconds=float(lease_s)))
say(ready=os.getpid())
sys.stdin.readline()
worker.until(stop)
