"""Approvals: an agent asks, an operator answers over the exact request, and the answer is good for one use.

asked ─► granted ─► used
  │  └─► denied
  └────► expired        silence is "no"
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, NamedTuple

import orjson
from pydantic import Field

from somabus.model.message import Id, Message, Name, Utc, Value


class ApprovalState(StrEnum):
    """Where an approval stands."""

    ASKED = "asked"
    GRANTED = "granted"
    DENIED = "denied"
    EXPIRED = "expired"
    USED = "used"


class Request(Value):
    """What an agent asks to be allowed, exactly: once, by whom, until when."""

    format: Literal[1] = 1
    bus: Id
    id: Id
    agent: Name
    action: Name
    category: Name
    detail: str = Field(min_length=1, max_length=20_000)
    data: dict[str, Any] = Field(default_factory=dict)
    to: Name
    asked_at: Utc
    expires_at: Utc


class Answer(Value):
    """An operator's answer; `request` is the SHA-256 of the request's bytes, so it answers that one and no other."""

    format: Literal[1] = 1
    bus: Id
    id: Id
    request: str = Field(pattern="^[0-9a-f]{64}$")
    granted: bool
    why: str = Field(default="", max_length=1000)
    at: Utc
    operator: Name


class Use(Value):
    """The one use of an approval: by whom, for which message if it was for one, and whether that was handled."""

    format: Literal[1] = 1
    bus: Id
    id: Id
    by: Name
    at: Utc
    message: Id | None = None
    done: bool = False


def standing(request: Request, answer: Answer | None, now: datetime, *, used: bool) -> ApprovalState:
    """Say where an approval stands; what is past its expiry is "no", whatever was answered."""
    if used:
        return ApprovalState.USED
    if answer is not None and not answer.granted:
        return ApprovalState.DENIED
    if request.expires_at <= now:
        return ApprovalState.EXPIRED
    return ApprovalState.ASKED if answer is None else ApprovalState.GRANTED


class Covered(NamedTuple):
    """What is about to be done under an approval: a message of a protected kind, or a job of a protected name.

    `called`: what it needs, for people; `text`: how they call what `detail` is there.
    """

    id: str
    approval: str
    sender: str
    action: str
    detail: str
    data: dict[str, Any]
    subject: str = ""
    topic: str | None = None
    called: str = ""
    text: str = "body"

    @classmethod
    def mail(cls, message: Message) -> "Covered":
        """Return what a message must have been approved as."""
        return cls(
            id=message.id, approval=message.refs.get("approval") or "", sender=message.sender, action=message.kind,
            detail=message.body, data=message.data, subject=message.subject, topic=message.topic,
            called=f"mail of kind {message.kind} needs refs.approval",
        )  # fmt: skip


def mismatch(request: Request, covered: Covered, me: str) -> str:
    """Say in what something differs from the request that was approved, or nothing if it is exactly that."""
    asked = {"sender": request.agent, "kind": request.action, "to": request.to,
             covered.text: request.detail, "data": request.data, "subject": "", "topic": None}  # fmt: skip
    sent = {"sender": covered.sender, "kind": covered.action, "to": me, covered.text: covered.detail,
            "data": covered.data, "subject": covered.subject, "topic": covered.topic}  # fmt: skip
    # As JSON: to Python 1, 1.0 and true are equal, to a handler they may not be.
    return next(
        (f"its {name} is not the approved one" for name in asked if _json(asked[name]) != _json(sent[name])), ""
    )


def _json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
