"""somabus: agents on several machines share a folder, and the folder is their message bus.

    from somabus import Agent

    agent = Agent("scout", bus="X:/soma_network")
    agent.send("planner", "3 leads found", kind="status")

What it promises is in docs/promises.md; the names below are all there is to know, and docs/reference.md lists them.
Each is imported at its first use (PEP 562, docs/decisions/0010).
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from somabus.agent import Agent
    from somabus.approvals import Approval
    from somabus.arcs import Arc
    from somabus.connection import create_bus
    from somabus.delivery import Delivery
    from somabus.errors import SomabusError
    from somabus.goals import GoalReading
    from somabus.halt import Stopped
    from somabus.inbox import Counts, Inbox
    from somabus.jobs.context import JobContext
    from somabus.lease import Lease
    from somabus.letter import Letter
    from somabus.model.deadletter import DeadLetter
    from somabus.model.draft import Draft
    from somabus.model.heartbeat import Heartbeat
    from somabus.model.job import JobDraft
    from somabus.model.message import Message, Priority
    from somabus.model.presence import Presence
    from somabus.model.receipt import Receipt, Trace
    from somabus.model.report import BeatReport
    from somabus.model.retry import RetryPolicy
    from somabus.model.shapes import Insight
    from somabus.model.trust import Trust
    from somabus.peer import Peer
    from somabus.post import Channel, Post, Reading

__version__ = "0.4.0"

__all__ = [
    "Agent",
    "Approval",
    "Arc",
    "BeatReport",
    "Channel",
    "Counts",
    "DeadLetter",
    "Delivery",
    "Draft",
    "GoalReading",
    "Heartbeat",
    "Inbox",
    "Insight",
    "JobContext",
    "JobDraft",
    "Lease",
    "Letter",
    "Message",
    "Peer",
    "Post",
    "Presence",
    "Priority",
    "Reading",
    "Receipt",
    "RetryPolicy",
    "SomabusError",
    "Stopped",
    "Trace",
    "Trust",
    "create_bus",
]

_FROM = {
    "agent": ("Agent",),
    "approvals": ("Approval",),
    "arcs": ("Arc",),
    "connection": ("create_bus",),
    "delivery": ("Delivery",),
    "errors": ("SomabusError",),
    "goals": ("GoalReading",),
    "halt": ("Stopped",),
    "inbox": ("Counts", "Inbox"),
    "jobs.context": ("JobContext",),
    "lease": ("Lease",),
    "letter": ("Letter",),
    "model.deadletter": ("DeadLetter",),
    "model.draft": ("Draft",),
    "model.heartbeat": ("Heartbeat",),
    "model.job": ("JobDraft",),
    "model.message": ("Message", "Priority"),
    "model.presence": ("Presence",),
    "model.receipt": ("Receipt", "Trace"),
    "model.report": ("BeatReport",),
    "model.retry": ("RetryPolicy",),
    "model.shapes": ("Insight",),
    "model.trust": ("Trust",),
    "peer": ("Peer",),
    "post": ("Channel", "Post", "Reading"),
}


def __getattr__(name: str) -> Any:
    """Import a public name at its first use."""
    from importlib import import_module

    for module, names in _FROM.items():
        if name in names:
            value = globals()[name] = getattr(import_module(f"somabus.{module}"), name)
            return value
    message = f"module 'somabus' has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    """List the public names, those not imported yet included."""
    return sorted([*globals(), *__all__])
