"""A real agent in a process of its own that does what it is told: `python actor.py CADENCE BUS HOME NAME LEASE_S`.

Each line on stdin is a JSON list, a verb and what it takes; each is answered by one line, `{"answer": …}` or
`{"error": …, "said": …}`. Mail that its beat handles is printed as it comes, before it is acknowledged.
"""

import json
import os
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

from somabus import Agent, Draft, Insight, create_bus
from somabus.errors import KeyExistsError, NotABusError, SomabusError
from somabus.verify import judge_path

every, bus, home, name, lease_s = sys.argv[1:]
JOIN_WITHIN_S = 60
leases = {}
left = {"before the pause": 0}


def say(**facts):
    """Print one line, at once: the process may be dead a moment later."""
    os.write(1, json.dumps(facts).encode() + b"\n")


def joined():
    """Join; a drive may show the other machine's bus only after a while."""
    deadline = time.monotonic() + JOIN_WITHIN_S
    while True:
        try:
            return Agent(
                name, bus=bus, home=home, every=every, lease_for=timedelta(seconds=float(lease_s)), durability="none"
            )
        except NotABusError:
            if time.monotonic() > deadline:
                raise
            threading.Event().wait(0.2)


def handle(message, delivery):
    """Say what is being handled; in the middle of a beat, wait for a line if that was asked for."""
    say(id=message.id, generation=delivery.generation, attempt=delivery.attempt)
    left["before the pause"] -= 1
    if left["before the pause"] == 0:
        say(paused=True)
        sys.stdin.readline()


def answer(message, delivery):
    """Say it, and answer loudly."""
    handle(message, delivery)
    return message.body.upper()


def beat(pause=0):
    """Beat once, with a pause in the middle of handling that many messages; the report."""
    left["before the pause"] = pause
    report = agent.beat(messages=1_000_000)
    return {
        **json.loads(report.to_json()),
        "could_not_look": report.could_not_look,
        "faults": [step.detail for step in report.steps if not step.ok],
    }


def send(to, count, kind="note", key=None):
    """Send so many as one group; their ids."""
    if key is not None:
        return [agent.send(to, "once", kind=kind, key=key).id]
    return [receipt.id for receipt in agent.send_many([Draft(to, str(n), kind=kind) for n in range(count)])]


def bodies():
    """Take everything that waits; who wrote what."""
    found = []
    for delivery in agent.inbox.drain():
        with delivery as message:
            found.append([delivery.sender, message.body])
    return found


def take():
    """Take one message and acknowledge it; its id and attempt, or nothing."""
    delivery = agent.inbox.claim()
    if delivery is None:
        return None
    delivery.ack()
    return [delivery.message.id, delivery.attempt]


def create(key):
    """Create a document; whether this agent was the one."""
    try:
        agent._services.store.create(key, name.encode())
    except KeyExistsError:
        return False
    return True


def lease(what):
    """Take a lease; its generation."""
    leases[what] = agent.lease(what)
    return leases[what].generation


VERBS = {
    "beat": beat,
    "send": send,
    "bodies": bodies,
    "take": take,
    "create": create,
    "lease": lease,
    "release": lambda what: leases.pop(what).release(),
    "read": lambda key: agent._services.store.read(key).decode(),
    "counts": lambda: [agent.counts().mail, agent.counts().claimed, agent.counts().dead],
    "peers": lambda: {peer.name: str(peer.presence or peer.fault) for peer in agent.peers()},
    "state": lambda to, message: str(agent._services.sender.trace(to, message).state),
    "share": lambda count: [agent.share(Insight(topic="t", statement=str(n), confidence=0.5)) for n in range(count)],
    "faults": lambda: [str(fault) for fault in judge_path(Path(bus))[0] if fault.weight == "error"],
}


def obey(verb, *given):
    """Do one thing and say what came of it."""
    try:
        say(answer=VERBS[verb](*given))
    except SomabusError as error:
        say(error=type(error).__name__, said=str(error))


if every == "found":
    create_bus(bus, home=home)
    say(ready=True)
    sys.exit()
agent = joined()
agent.on("*")(handle)
agent.on("question")(answer)
say(ready=agent.short)
for line in iter(sys.stdin.readline, ""):
    obey(*json.loads(line))
