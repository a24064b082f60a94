"""The kinds of message known by name, and the shape that some of them must have.

Any other lower-case word is a kind too; it is carried and not judged.
"""

from typing import Any, Final

from somabus.errors import MalformedMessageError

KINDS: Final = (
    "note", "question", "answer", "claim", "decision", "status", "heartbeat", "brief", "closeout",
    "insight", "goal", "alert", "echo", "receipt", "mention", "pair", "scratchpad",
)  # fmt: skip

NEVER_MUTED: Final = frozenset(["alert", "heartbeat"])
"""Kinds that no loop guard stops: an agent whose alarms are muted looks well."""

NEVER_BOUNCED: Final = frozenset(["receipt", "alert", "heartbeat", "mention"])
"""Kinds whose failure is not told to the sender by mail, or two agents would bounce bounces for ever."""

_SHAPED: Final = frozenset(["insight", "alert", "pair", "mention"])
"""Kinds whose data has a shape of its own, in `somabus.model.shapes`."""

_SHAPED_POSTS: Final = _SHAPED | {"heartbeat"}
_OF_ARCS: Final = ("brief", "closeout", "scratchpad")


def check_kind(kind: str, data: dict[str, Any], refs: dict[str, str | None], channel: str | None) -> None:
    """Check what the kind asks for beyond the members of every message.

    Raises:
        MalformedMessageError: something is missing; it is named.
    """
    if kind in (_SHAPED_POSTS if channel is not None else _SHAPED):
        from somabus.model.shapes import check_shape  # most messages have none

        check_shape(kind, data)
    if kind == "answer" and not refs.get("reply_to"):
        raise MalformedMessageError("an answer needs refs.reply_to, the id of the question")
    if kind in _OF_ARCS and not (channel or "").startswith("arc:"):
        raise MalformedMessageError(f"a {kind} belongs to an arc: channel must be arc:<name>")
