"""somabus: agents on several machines share a folder, and the folder is their message bus.

    from somabus import Agent

    agent = Agent("scout", bus="X:/soma_network")
    agent.send("planner", "3 leads found", kind="status")

What it promises is in docs/promises.md; the names below are all there is to know, and docs/reference.md lists them.
"""

from somabus.agent import Agent
from somabus.connection import create_bus
from somabus.delivery import Delivery
from somabus.errors import SomabusError
from somabus.inbox import Counts, Inbox, Letter
from somabus.lease import Lease
from somabus.model.deadletter import DeadLetter
from somabus.model.draft import Draft
from somabus.model.heartbeat import Heartbeat
from somabus.model.kinds import Insight
from somabus.model.message import Message, Priority
from somabus.model.presence import Presence
from somabus.model.receipt import Receipt, Trace
from somabus.model.report import BeatReport
from somabus.model.retry import RetryPolicy
from somabus.model.trust import Trust
from somabus.registry import Peer

__version__ = "0.1.0"

__all__ = [
    "Agent",
    "BeatReport",
    "Counts",
    "DeadLetter",
    "Delivery",
    "Draft",
    "Heartbeat",
    "Inbox",
    "Insight",
    "Lease",
    "Letter",
    "Message",
    "Peer",
    "Presence",
    "Priority",
    "Receipt",
    "RetryPolicy",
    "SomabusError",
    "Trace",
    "Trust",
    "create_bus",
]
