"""A real process that takes mail, for races and kills: `python racer.py ROLE BUS HOME AGENT …`; it prints JSON lines.

drain   take and acknowledge until COUNT messages are done; print each claim
hold    take one message, print it, and hold it until killed
send    send COUNT messages to RECIPIENT, print each id once its send returned
beat    beat for ever, with a handler that takes a moment
stale   take one message with a lease of no length, wait for a line on stdin, then try to settle it
"""

import json
import os
import sys
import threading
from datetime import timedelta

from somabus import Agent, RetryPolicy
from somabus.errors import LeaseLostError, StoreUnavailableError

role, bus, home, name, *rest = sys.argv[1:]
durability = os.environ.get("RACER_DURABILITY", "none")
patience = threading.Event()


def say(**facts):
    """Print one line, at once: the process may be dead a moment later."""
    os.write(1, json.dumps(facts).encode() + b"\n")


def drain(agent, count, lease_s):
    """Handle until so many are done on the bus, whoever did them."""
    vain = 0
    while vain < 2000:
        try:
            for delivery in agent.inbox.drain(lease_for=timedelta(seconds=lease_s)):
                say(id=delivery.message.id, generation=delivery.generation, attempt=delivery.attempt)
                try:
                    delivery.ack()
                    say(acked=delivery.message.id)
                except LeaseLostError:
                    say(lost=delivery.message.id)
        except StoreUnavailableError as error:
            say(away=str(error))
        if done(agent) >= count:
            return
        vain += 1
        patience.wait(0.05)
    say(gave_up=done(agent))


def done(agent):
    """Count what is done."""
    box = f"messages/{agent.name}/done"
    return sum(len(agent._services.store.list(f"{box}/{day}")) for day in agent._services.store.list(box))


agent = Agent(name, bus=bus, home=home, durability=durability, retry=RetryPolicy(max_attempts=50), every="1h")
say(ready=os.getpid())
match role:
    case "drain":
        sys.stdin.readline()
        drain(agent, int(rest[0]), float(rest[1]))
    case "hold":
        delivery = agent.inbox.claim(lease_for=timedelta(seconds=float(rest[0])))
        say(id=delivery.message.id, generation=delivery.generation)
        threading.Event().wait()
    case "send":
        sys.stdin.readline()
        for n in range(int(rest[1])):
            say(id=agent.send(rest[0], f"message {n}").id)
    case "beat":

        @agent.on("*")
        def handle(message):
            """Take a moment, so that a kill finds somebody at work."""
            say(handling=message.id)
            patience.wait(0.002)

        while True:
            report = agent.beat()
            say(beat=report.number, outcome=report.outcome)
    case "stale":
        delivery = agent.inbox.claim(lease_for=timedelta(milliseconds=1))
        say(id=delivery.message.id, generation=delivery.generation)
        sys.stdin.readline()
        for act in (
            delivery.ack,
            lambda: delivery.nack("late"),
            delivery.extend,
            lambda: delivery.reject("late"),
        ):
            try:
                act()
                say(allowed=True)
            except LeaseLostError:
                say(refused=True)
say(end=True)
