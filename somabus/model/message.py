"""The message: what agents say to each other, checked member by member.

The names of the members are the format (docs/format.md). Unknown members are kept out of the value and do no
harm, so that a later minor version may add some.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from somabus.errors import MalformedMessageError, MessageTooLargeError
from somabus.model import signing, wire
from somabus.model.ids import is_id
from somabus.model.kinds import check_kind
from somabus.model.names import RULE, channel_folder, is_name

MAX_SUBJECT: Final = 200
MAX_HOPS: Final = 1_000_000


def _name(text: str) -> str:
    if not is_name(text):
        raise ValueError(RULE)
    return text


def _id(text: str) -> str:
    if not is_id(text):
        message = "a UUIDv7 in lower case is needed"
        raise ValueError(message)
    return text


def _channel(text: str) -> str:
    channel_folder(text)
    return text


def _public_key(text: str) -> str:
    if len(signing.from_text(text)) != signing.PUBLIC_KEY_BYTES:
        message = "a public key has 32 bytes"
        raise ValueError(message)
    return text


def _written(value: object) -> object:
    """Take a time only as text: a bare number could be seconds or milliseconds."""
    if not isinstance(value, str | datetime):
        message = "a time is a text in ISO 8601 with an offset"
        raise ValueError(message)  # noqa: TRY004 - pydantic collects ValueError
    return value


Name = Annotated[str, AfterValidator(_name)]
Id = Annotated[str, AfterValidator(_id)]
PublicKey = Annotated[str, AfterValidator(_public_key)]
Utc = Annotated[AwareDatetime, BeforeValidator(_written), AfterValidator(wire.utc)]
Key = Annotated[str, Field(min_length=1, max_length=200)]


class Priority(StrEnum):
    """The order of service: all urgent mail before all high mail, and so on."""

    URGENT = "urgent"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"

    @property
    def digit(self) -> int:
        """The digit in front of the file's name; the smaller is served first."""
        return _DIGITS[self]


_DIGITS: Final = {Priority.URGENT: 1, Priority.HIGH: 3, Priority.NORMAL: 5, Priority.LOW: 7}


class Value(BaseModel):
    """A frozen, checked value of the format; its validator is built at the first use, not at import."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True, allow_inf_nan=False)

    def to_json(self) -> bytes:
        """Write the value as the format has it: compact JSON in the order of the members."""
        return wire.dump(self.model_dump())

    @classmethod
    def from_object(cls, value: dict[str, Any]) -> Self:
        """Check a parsed object of this format.

        Raises:
            UnsupportedFormatError: another format's number.
            MalformedMessageError: a member is missing or breaks its rule; it is named.
        """
        wire.check_format(value)
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            raise MalformedMessageError(explain(error)) from None


class Message(Value):
    """One message, as sent. Every member was checked; nothing here was verified to come from `sender`."""

    format: Literal[1] = 1
    bus: Id
    id: Id
    kind: Name
    sender: Name
    to: tuple[Name, ...] = Field(max_length=1000)
    channel: Annotated[str, AfterValidator(_channel)] | None = None
    created_at: Utc
    expires_at: Utc | None = None
    priority: Priority = Priority.NORMAL
    subject: str = Field(default="", max_length=MAX_SUBJECT)
    body: str = ""
    data: dict[str, Any] = Field(default_factory=dict)
    topic: str | None = Field(default=None, max_length=MAX_SUBJECT)
    refs: dict[str, str | None] = Field(default_factory=dict, max_length=32)
    thread: Id
    hops: int = Field(default=0, ge=0, le=MAX_HOPS, strict=True)
    origin: Id
    key: Key | None = None

    @property
    def reply_to(self) -> str | None:
        """The id of the message that this one answers, or None."""
        return self.refs.get("reply_to")

    def expired(self, now: datetime) -> bool:
        """Tell whether the message is past its expiry and must not be acted on."""
        return self.expires_at is not None and self.expires_at <= now

    def encode(self) -> bytes:
        """Write the unsigned JSON object.

        Raises:
            MalformedMessageError: the kind asks for members that are not there, or `data` holds no JSON.
            MessageTooLargeError: over 256 KiB.
        """
        check_kind(self.kind, self.data, self.refs, self.channel)
        wire.refuse_unwritable(self.data)
        try:
            body = self.to_json() if self.data else wire.dump(self.__dict__)
        except TypeError as error:
            raise MalformedMessageError(f"data cannot be written as JSON: {error}") from None
        if self.data:  # the members beside it are flat and written as they are read
            wire.parse_object(body)
        if len(body) > wire.MAX_DOCUMENT - 128:
            raise MessageTooLargeError(len(body), wire.MAX_DOCUMENT - 128)
        return body

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Read a message from the bytes that were verified.

        Raises:
            MalformedMessageError: no message of format 1; the reason names member and rule.
            UnsupportedFormatError: another format's number.
        """
        value = wire.parse_object(body)
        if "signature" in value:
            raise MalformedMessageError(
                'a signature is the last member, written ,"signature":"<86 characters of base64url>"} without blanks'
            )
        message = cls.from_object(value)
        check_kind(message.kind, message.data, message.refs, message.channel)
        return message


def _quoted(part: int | str) -> str:
    text = str(part)
    return text if (text.isidentifier() and text.isascii()) or isinstance(part, int) else ascii(text)[:60]


def explain(error: ValidationError) -> str:
    """Say in one line which member broke which rule; foreign values are quoted and cut."""
    first = error.errors(include_url=False)[0]
    where = ".".join(_quoted(part) for part in first["loc"]) or "the object"
    found = ascii(first.get("input"))[:60]
    return f"{where}: {first['msg']} (found {found})"
