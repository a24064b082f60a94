"""What the agents of the demo do. Run as `somabus run --script cast.py`; the environment says where to leave marks."""

import os
import threading
from pathlib import Path
from typing import Any

from somabus import Agent, Delivery, Message

MARKS = "SOMABUS_DEMO_MARKS"


def setup(agent: Agent) -> None:
    """Give an agent its handlers: `oracle` answers, `worker` hangs at the first attempt, everybody else takes note."""
    agent.use_builtin_handlers()
    if agent.name == "oracle":
        agent.on("question")(lambda message: f"42 is the answer to: {message.body}")
    if agent.name == "worker":
        agent.on("job")(_job)


def _job(message: Message, delivery: Delivery) -> dict[str, Any]:
    (Path(os.environ[MARKS]) / f"{message.id}.{delivery.attempt}").touch()
    if delivery.attempt == 1:
        threading.Event().wait()  # until somebody kills this process
    return {"attempt": delivery.attempt}
