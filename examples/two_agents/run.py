"""Two agents talk over a folder. On two machines, each would be a script of its own with the same bus path."""

import tempfile
from pathlib import Path

from somabus import Agent, create_bus

with tempfile.TemporaryDirectory() as place:
    bus, home = Path(place, "bus"), Path(place, "home")
    create_bus(bus, "example")
    scout = Agent("scout", bus=bus, home=home)
    planner = Agent("planner", bus=bus, home=home)

    @planner.on("question")
    def plan(message):
        with planner.lease("calendar") as lease:
            return {"day": "Monday", "generation": lease.generation}

    receipt = scout.send("planner", "which day?", kind="question")
    print(scout.trace(receipt))

    print(planner.beat())

    for delivery in scout.inbox.drain():
        with delivery as message:
            print(f"{delivery.sender} answers: {message.data['day']}")
    print(scout.trace(receipt))
