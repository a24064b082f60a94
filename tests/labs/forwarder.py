"""What the agents of the soak do, for `somabus run --script forwarder.py`: pass each message on to the next agent.

SOAK_JOURNAL names a folder on this machine; each process writes there what it was given and what it was told is sent.
"""

import json
import os
from pathlib import Path

RING = ("scout", "planner", "critic", "writer", "keeper")
LEGS = 5
"""A chain that one message begins ends after so many messages."""


def setup(agent):
    """Register the handler."""
    journal = os.open(
        Path(os.environ["SOAK_JOURNAL"]) / f"{agent.name}-{os.getpid()}.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND
    )

    def note(**facts):
        """Write one line: `kill -9` takes nothing of what is written."""
        os.write(journal, json.dumps(facts).encode() + b"\n")

    @agent.on("*")
    def forward(message, delivery):
        """Pass it on under a key, so that a second try sends nothing a second time."""
        note(id=message.id, generation=delivery.generation, attempt=delivery.attempt)
        if message.hops + 1 < LEGS:
            following = RING[(RING.index(agent.name) + 1) % len(RING)]
            note(sent=agent.send(following, "pass it on", key=f"after {message.id}").id)
