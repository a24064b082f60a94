"""A message as its writer thinks of it: to whom, what, and what should hold for it. The sender adds the rest."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from somabus.model.message import Priority


@dataclass(frozen=True, slots=True)
class Draft:
    """What `Agent.send` takes, as a value, for `Agent.send_many`.

    `key`: sending the same key to the same recipient twice delivers once. `supersedes`: the id of an earlier message
    of yours that this one replaces; it is withdrawn if nobody took it yet. `not_before`: it waits so long first.
    `approval`: the id of the one that covers it, for mail of a protected kind. `refs`: what else it refers to, by name.
    `short`: it is for the recipient with this key alone.
    """

    to: str
    body: str = ""
    kind: str = "note"
    subject: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    priority: Priority | str = Priority.NORMAL
    expires_in: timedelta | None = None
    not_before: timedelta | None = None
    reply_to: str | None = None
    topic: str | None = None
    key: str | None = None
    supersedes: str | None = None
    approval: str | None = None
    refs: dict[str, str] = field(default_factory=dict)
    short: str | None = None
