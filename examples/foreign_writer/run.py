"""A shell script sends, an agent reads."""

import subprocess
import tempfile
from pathlib import Path

from somabus import Agent, create_bus

with tempfile.TemporaryDirectory() as place:
    bus = Path(place, "bus")
    create_bus(bus, policy="open")
    planner = Agent("planner", bus=bus, home=Path(place, "home"))
    script = Path(__file__).with_name("send.sh")
    order = ["sh", script, bus, "nightly-backup", "planner", 'the backup says "done"']
    subprocess.run(order, check=True)  # noqa: S603 - our own script

    for delivery in planner.inbox.drain():
        with delivery as message:
            print(delivery.sender, "says:", message.body)
