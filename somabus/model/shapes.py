"""The shapes of what messages of some kinds carry in `data`."""

from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from somabus.errors import MalformedMessageError
from somabus.model.names import check_name


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


class Sign(BaseModel):
    """The body of every posted heartbeat: what the agent does, and within how many seconds it beats again."""

    model_config = ConfigDict(frozen=True, defer_build=True, allow_inf_nan=False)

    doing: str = Field(max_length=500)
    every_s: float = Field(gt=0, le=31 * 86_400, strict=True)


class Pair(BaseModel):
    """Whom an agent declares to work with in a channel; None ends it."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    partner: Annotated[str, AfterValidator(check_name)] | None


class Mention(BaseModel):
    """Where an agent was called: the mail is a copy of that post."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    channel: str = Field(min_length=1, max_length=129)
    number: int = Field(ge=1, strict=True)
    kind: str = Field(min_length=1, max_length=64)


_SHAPES: Final[dict[str, type[BaseModel]]] = {
    "insight": Insight, "alert": Alert, "pair": Pair, "mention": Mention, "heartbeat": Sign,
}  # fmt: skip


def check_shape(kind: str, data: dict[str, Any]) -> None:
    """Check what a message of a kind that has a shape carries.

    Raises:
        MalformedMessageError: something is missing; it is named.
    """
    try:
        _SHAPES[kind].model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = str(first["loc"][0]) if first["loc"] else "object"
        raise MalformedMessageError(f"data.{where} of a message of kind {kind}: {first['msg']}") from None
