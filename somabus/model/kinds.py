"""The kinds of message known by name, and the shape that some of them must have.

Any other lower-case word is a kind too; it is carried and not judged.
"""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from somabus.errors import MalformedMessageError

KINDS: Final = (
    "note", "question", "answer", "claim", "decision", "status", "heartbeat", "brief", "closeout",
    "insight", "goal", "alert", "echo", "receipt",
)  # fmt: skip

NEVER_MUTED: Final = frozenset(["alert", "heartbeat"])
"""Kinds that no loop guard stops: an agent whose alarms are muted looks well."""

NEVER_BOUNCED: Final = frozenset(["receipt", "alert", "heartbeat"])
"""Kinds whose failure is not told to the sender by mail, or two agents would bounce bounces for ever."""


class Insight(BaseModel):
    """Something learned, with the confidence of the one who says it."""

    model_config = ConfigDict(frozen=True, defer_build=True, allow_inf_nan=False)

    topic: str = Field(min_length=1, max_length=200)
    statement: str = Field(min_length=1)
    confidence: float = Field(ge=0, le=1, strict=True)


class Alert(BaseModel):
    """Something is wrong with a component: an agent, the drive, a message."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    component: str = Field(min_length=1, max_length=200)
    severity: str = Field(pattern="^(info|warning|error|critical)$")
    detail: str = Field(min_length=1)


_DATA: Final[dict[str, type[BaseModel]]] = {"insight": Insight, "alert": Alert}


def check_kind(kind: str, data: dict[str, Any], refs: dict[str, str | None], channel: str | None) -> None:
    """Check what the kind asks for beyond the members of every message.

    Raises:
        MalformedMessageError: something is missing; it is named.
    """
    if kind in _DATA:
        try:
            _DATA[kind].model_validate(data)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = str(first["loc"][0]) if first["loc"] else "object"
            raise MalformedMessageError(f"data.{where} of a message of kind {kind}: {first['msg']}") from None
    if kind == "answer" and not refs.get("reply_to"):
        raise MalformedMessageError("an answer needs refs.reply_to, the id of the question")
    if kind in ("brief", "closeout") and not (channel or "").startswith("arc:"):
        raise MalformedMessageError(f"a {kind} belongs to an arc: channel must be arc:<name>")
