"""What the scheduler does, once: `somabus schedule install --print`, and the beat that it starts."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from somabus import Agent, create_bus

with tempfile.TemporaryDirectory() as place:
    bus, home = Path(place, "bus"), Path(place, "home")
    create_bus(bus)
    scout = Agent("scout", bus=bus, home=home)
    Agent("librarian", bus=bus, home=home)
    scout.send("librarian", "NFS", kind="question")

    script = Path(__file__).with_name("agent.py")
    somabus = [sys.executable, "-m", "somabus", "--bus", bus, "--agent", "librarian"]
    for order in (
        ["schedule", "install", "--every", "6h", "--script", script, "--with", "cron", "--print"],
        ["beat", "--script", script],
    ):
        environment = {**os.environ, "SOMABUS_HOME": str(home)}
        subprocess.run([*somabus, *order], env=environment, check=True)  # noqa: S603 - our own command

    for delivery in scout.inbox.drain():
        with delivery as message:
            print(delivery.sender, "answers:", message.body)
