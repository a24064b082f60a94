"""Every way into somabus, and what it does while a human has stopped it: the one table of P12.

Whoever adds a way in adds a row; the suite walks the table, the public methods and the commands, and misses none.
"""

from enum import StrEnum
from typing import Final


class WhenStopped(StrEnum):
    """What a way in does under a stop.

    `refused`: raises StoppedError and changes nothing. `idle`: stays, tells that it is stopped, and acts on nothing.
    `looks`: reads as ever. `finishes`: ends what was begun before the stop, so that nothing is left half done.
    `here`: changes this machine alone.
    """

    REFUSED = "refused"
    IDLE = "idle"
    LOOKS = "looks"
    FINISHES = "finishes"
    HERE = "here"


_R, _I, _L, _F, _H = (
    WhenStopped.REFUSED, WhenStopped.IDLE, WhenStopped.LOOKS, WhenStopped.FINISHES, WhenStopped.HERE,
)  # fmt: skip

ENTRY_POINTS: Final[dict[str, WhenStopped]] = {
    # mail
    "Agent.send": _R, "Agent.send_many": _R, "Agent.reply": _R, "Agent.withdraw": _R, "Agent.trace": _L,
    "Agent.find": _L, "Agent.endings": _L, "Agent.unread": _L, "Agent.counts": _L,
    "Inbox.drain": _R, "Inbox.claim": _R, "Inbox.take": _R, "Inbox.replay": _R, "Inbox.mark_shown": _R,
    "Inbox.peek": _L, "Inbox.waiting": _L, "Inbox.unread": _L, "Inbox.counts": _L, "Inbox.dead": _L, "Inbox.find": _L,
    "Delivery.reply": _R, "Delivery.ack": _F, "Delivery.nack": _F, "Delivery.release": _F, "Delivery.extend": _F,
    "Delivery.reject": _F, "Delivery.age": _L, "Delivery.message": _L, "Delivery.sender": _L, "Delivery.trust": _L,
    "Delivery.attempt": _L, "Delivery.generation": _L, "Delivery.lease_ends_at": _L,
    # channels
    "Agent.post": _R, "Agent.read": _R, "Agent.mark_read": _R, "Agent.peek": _L, "Agent.subscribe": _R,
    "Agent.unsubscribe": _R, "Agent.channels": _L, "Agent.unread_by_channel": _L,
    "Agent.arcs": _L, "Agent.arc": _L, "Agent.pair": _R,
    "Agent.echo": _R, "Agent.wait": _L, "Agent.tool": _H,
    "Agent.announce": _H, "Agent.folders": _L, "Agent.wait_news": _H, "Agent.forget_session": _H,
    "Arc.name": _L, "Arc.open": _L, "Arc.brief": _L, "Arc.owner": _L, "Arc.claimed": _L, "Arc.age": _L, "Arc.last": _L,
    "Arc.pairs": _L, "Arc.notes": _L, "Arc.scratchpad": _L, "Scratchpad.read": _L, "Scratchpad.history": _L,
    "Scratchpad.owner": _L, "Scratchpad.write": _R, "Scratchpad.release": _F,
    # sharing, and the routine
    "Agent.share": _R, "Agent.learn": _H, "Agent.beat": _I, "Agent.run": _I, "Agent.due": _L, "Agent.sweep": _R,
    "Agent.on": _H, "Agent.check": _H, "Agent.use_builtin_handlers": _H,
    # jobs
    "Agent.submit": _R, "Agent.submit_many": _R, "Agent.work": _I, "Agent.handler": _H, "Agent.worker": _H,
    "Agent.jobs": _L, "Jobs.queues": _L, "Jobs.all": _L, "Jobs.find": _L, "Jobs.named": _L, "Jobs.file": _L,
    "Jobs.outcome": _L, "Jobs.stats": _L, "Jobs.log": _L, "Jobs.attachments": _L, "Jobs.attachment": _L,
    "Jobs.counts": _L, "Jobs.standing": _L, "Jobs.left_by": _L,
    "Jobs.cancel": _R, "Jobs.pause": _R, "Jobs.resume": _R, "Jobs.replay": _R,
    "Jobs.decide": _R, "Jobs.tell": _R, "Worker.until": _I, "Worker.one": _R, "Worker.drain": _R, "Worker.chores": _R,
    # peers and leases; an agent joins by being made
    "Agent.join": _R, "Agent.peers": _L, "Agent.short": _L, "Agent.bus": _L, "Agent.lease": _R,
    "Agent.connection": _L, "Agent.schedule": _L, "Agent.heartbeat": _L,
    "Lease.extend": _F, "Lease.release": _F, "Lease.check": _L, "Lease.name": _L, "Lease.generation": _L,
    # what the humans rule
    "Agent.goals": _L, "Agent.values": _L, "Agent.workers": _L, "Agent.propose_goal": _R, "Agent.work_on": _R,
    "Agent.ask_approval": _R, "Agent.approval": _L, "Agent.stops": _L, "Agent.rotate": _R,
    "Approval.state": _L, "Approval.wait": _L, "Approval.use": _R, "Approval.why": _L, "Approval.fault": _L,
    "Approval.id": _L,
}  # fmt: skip

COMMANDS: Final[dict[str, WhenStopped]] = {
    "send": _R, "read": _R, "reply": _R, "withdraw": _R, "join": _R, "share": _R, "beat": _I, "run": _I, "sweep": _R,
    "due": _R,
    "inbox": _L, "dead": _L, "trace": _L, "status": _L, "peers": _L, "verify": _L, "doctor": _L,
    "goals": _L, "mirror": _L,
    "approvals": _L, "audit": _L, "stops": _L, "learn": _H, "demo": _H, "bench": _H, "init": _H, "copy": _H,
    "propose": _R, "work-on": _R, "ask": _R, "rotate": _R,
    "submit": _R, "work": _I, "jobs": _L, "job": _R,
    "post": _R, "subscribe": _R, "unsubscribe": _R, "pair": _R, "echo": _R, "channels": _L, "arcs": _L, "pad": _L,
    "wait": _L, "mcp": _L, "hook": _H, "hooks": _H, "schedule": _H,
}  # fmt: skip
"""The commands of agents. Those of operators (`operator …`, stop, resume, approve, deny) work under every stop."""
