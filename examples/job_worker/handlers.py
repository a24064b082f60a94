"""A handler of five steps; each writes a line, so that one sees how often it took effect."""

import time
from pathlib import Path


def setup(agent):
    """Register what this worker can do."""
    agent.handler("report")(report)


def report(ctx):
    """Make a report of five steps; the third takes for ever at the first attempt."""
    for name in ("fetch", "parse", "render", "upload", "tell"):
        ctx.step(name, lambda name=name: take(ctx, name), idempotent=name == "render")
    return {"attempts": ctx.attempt}


def take(ctx, name):
    """Take one step."""
    with Path(ctx.data["effects"]).open("a", encoding="utf-8") as effects:
        effects.write(f"{name} in attempt {ctx.attempt}\n")
    if name == "render" and ctx.attempt == 1:
        time.sleep(600)  # here the worker is killed
