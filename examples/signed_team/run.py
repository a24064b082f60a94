"""Play the signed team in a temporary folder."""

import sys
import tempfile
from pathlib import Path

from worker import setup

from somabus import Agent, create_bus
from somabus.desk import Desk
from somabus.errors import StoppedError
from somabus.model.stop import Range, Scope
from somabus.operator import agents, oversight, people

with tempfile.TemporaryDirectory() as folder:
    bus, home = Path(folder) / "bus", Path(folder) / "home"
    create_bus(bus, home=home)

    # The human, who would do this with `somabus operator …`
    desk = Desk(bus, home=home)
    desk.new_key("anna", passphrase=None)
    anna = desk.sit(lambda: "")
    people.found(anna)
    scout, worker = (Agent(name, bus, home=home) for name in ("scout", "worker"))
    for agent in (scout, worker):
        agents.certify(anna, agent.name, expect=agent.short)
    people.set_policy(anna, trust="certified", protected=("shell",))

    setup(worker)
    approval = scout.ask_approval("shell", detail="echo hello", to="worker")
    oversight.answer(anna, approval.id, "go ahead", granted=True)
    print("the human answered:", approval.state)

    scout.send("worker", "echo mischief", kind="shell")
    scout.send("worker", "echo mischief", kind="shell", approval=approval)
    scout.send("worker", "echo hello", kind="shell", approval=approval)
    worker.beat()

    out = [letter.opened.message.data["out"] for letter in scout.inbox.peek() if letter.opened.message.kind == "answer"]
    print("the worker ran:", out)
    dead = [letter.detail for letter in worker.inbox.dead()]
    print("set aside:", *dead, sep="\n  ")

    oversight.stop(anna, Scope(Range.BUS), "that is enough for today")
    try:
        scout.send("worker", "more")
        stopped = False
    except StoppedError as error:
        print(error)
        stopped = True

    whole = all(not each.fault for each in anna.audit.check())
    sys.exit(0 if out == ["hello\n"] and len(dead) == len(["not asked", "changed"]) and stopped and whole else 1)
