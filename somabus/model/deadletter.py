"""Why a message was set aside: the record beside each dead letter."""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from somabus.model.message import Id, Name, Utc, Value


class Reason(StrEnum):
    """The causes, each with its own remedy (docs/promises.md, P14)."""

    MALFORMED = "malformed"
    TOO_LARGE = "too large"
    NOT_A_FILE = "not readable"
    BAD_NAME = "bad name"
    WRONG_ADDRESS = "wrong address"
    FORGED = "forged"
    REVOKED = "revoked"
    UNTRUSTED = "untrusted"
    NOT_APPROVED = "not approved"
    HOPS = "too many hops"
    ATTEMPTS = "attempts used up"
    REJECTED = "rejected"


class DeadLetter(Value):
    """What is known of a message that was set aside.

    `file` is its name under dead/, `shown_at` when it was first shown to somebody.
    """

    format: Literal[1] = 1
    file: str = Field(max_length=300)
    reason: Reason
    detail: str = Field(default="", max_length=2000)
    at: Utc
    by: Name
    attempt: int = 0
    id: Id | None = None
    sender: Name | None = None
    subject: str = ""
    found_as: str = Field(default="", max_length=300)
    shown_at: Utc | None = None
