"""What the scheduler does, once: `somabus beat --script agent.py`."""

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
    order = [sys.executable, "-m", "somabus", "--bus", bus, "--agent", "librarian", "beat", "--script", script]
    subprocess.run(order, env={**os.environ, "SOMABUS_HOME": str(home)}, check=True)  # noqa: S603 - our own command

    for delivery in scout.inbox.drain():
        with delivery as message:
            print(delivery.sender, "answers:", message.body)
