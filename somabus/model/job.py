"""The job: what is to be done once, in spite of everything, checked member by member; and what a submitter says of it.

The names of the members are the format (docs/format.md). A job is sealed by its submitter and never changes; what
becomes of it lies in its file's name (`ticket`) and in the records beside it (`work`).
"""

from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, NamedTuple, Self

from pydantic import Field

from somabus.errors import MalformedMessageError, MessageTooLargeError
from somabus.model import forms, wire
from somabus.model.ids import derive_id, is_id
from somabus.model.message import MAX_HOPS, Id, Key, Name, Priority, Utc, Value
from somabus.model.names import is_name

DEFAULT_QUEUE: Final = "default"
MAX_DEPTH: Final = 5
MAX_WIDTH: Final = 1000
MAX_NOTE: Final = 2000
BUILTIN_NAMES: Final = frozenset(["echo", "noop", "sleep", "shell", "aggregate"])
"""Names that every worker has a handler for."""

ALWAYS_PROTECTED: Final = frozenset(["shell"])
"""Names that run only with an operator's approval, whatever the policy of the bus lists."""

_LONGEST_S: Final = 10 * 366 * 86_400.0
Seconds = Annotated[float, Field(gt=0, le=_LONGEST_S)]


class JobAddress(NamedTuple):
    """Where a job is to be looked for."""

    queue: str
    id: str

    def __str__(self) -> str:
        return f"{self.queue}/{self.id}"

    @classmethod
    def parse(cls, text: str, queue: str = DEFAULT_QUEUE) -> "JobAddress | None":
        """Read `queue/id`, or an id alone, which is looked for in the queue given; None for anything else."""
        where, _, job = text.rpartition("/")
        address = cls(where or queue, job)
        return address if is_name(address.queue) and is_id(job) else None


class OnFailure(StrEnum):
    """What becomes of whoever waits for a job that does not complete: its parent, or what depends on it."""

    FAIL = "fail"
    """It fails as well."""
    REMOVE = "remove"
    """It goes on as if the job had never been."""
    IGNORE = "ignore"
    """It goes on once all have ended, and sees the failure among the outcomes."""
    CONTINUE = "continue"
    """It goes on at once, without waiting for the others."""


class OnDuplicate(StrEnum):
    """What a second submit of the same key does."""

    REJECT = "reject"
    """Nothing, as long as the key is remembered: the receipt names the first."""
    COALESCE = "coalesce"
    """Nothing while the first has not begun; afterwards it is a job of its own."""
    REPLACE = "replace"
    """It takes the place of the first while that has not begun; afterwards it is a job of its own."""


class Rate(Value):
    """At most so many begin within a window of so many seconds, of all jobs of this queue with this key."""

    key: Name
    count: int = Field(ge=1, le=100_000)
    window_s: Seconds


class Slots(Value):
    """At most so many of a key are worked on at one time, in all queues."""

    key: Name
    count: int = Field(ge=1, le=100)


class Quiet(Value):
    """Hours in which nothing begins, as `22:00` to `07:00`, in a time zone."""

    begins: str = Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    ends: str = Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    zone: str = Field(default="UTC", max_length=100)


def child_id(parent: str, number: int) -> str:
    """Return the id of the child of this number that a job's handler submits."""
    return derive_id(parent, f"child {number}")


class Terms(NamedTuple):
    """What decides who may take a job, and when: small, and the same for many."""

    name: str
    worker: str | None
    tags: tuple[str, ...]
    skills: tuple[str, ...]
    slots: Slots | None
    rate: Rate | None
    quiet: Quiet | None
    begin_by: datetime | None
    end_by: datetime | None

    def over(self, now: datetime) -> bool:
        """Tell whether one of its times has passed."""
        return any(at is not None and at <= now for at in (self.begin_by, self.end_by))


class Job(Value):
    """One job, as submitted. Every member was checked; nothing here was verified to come from `sender`."""

    format: Literal[1] = 1
    bus: Id
    id: Id
    queue: Name
    name: Name
    sender: Name
    created_at: Utc
    not_before: Utc | None = None
    begin_by: Utc | None = None
    end_by: Utc | None = None
    priority: Priority = Priority.NORMAL
    note: str = Field(default="", max_length=MAX_NOTE)
    data: dict[str, Any] = Field(default_factory=dict)
    key: Key | None = None
    depends_on: tuple[str, ...] = Field(default=(), max_length=MAX_WIDTH)
    parent: str | None = None
    child: int = Field(default=0, ge=0, strict=True)
    children: int = Field(default=0, ge=0, le=MAX_WIDTH, strict=True)
    on_failure: OnFailure = OnFailure.FAIL
    depth: int = Field(default=0, ge=0, le=MAX_DEPTH, strict=True)
    root: str | None = None
    max_attempts: int = Field(default=5, ge=1, le=1000, strict=True)
    max_stalled: int = Field(default=3, ge=0, le=1000, strict=True)
    backoff_s: float = Field(default=30.0, ge=0, le=_LONGEST_S)
    backoff_cap_s: float = Field(default=3600.0, ge=0, le=_LONGEST_S)
    timeout_s: Seconds | None = None
    tags: tuple[Name, ...] = Field(default=(), max_length=32)
    skills: tuple[str, ...] = Field(default=(), max_length=32)
    worker: Name | None = None
    slots: Slots | None = None
    rate: Rate | None = None
    quiet: Quiet | None = None
    budget: dict[str, float] = Field(default_factory=dict, max_length=16)
    approval: Id | None = None
    replay_of: str | None = None
    hops: int = Field(default=0, ge=0, le=MAX_HOPS, strict=True)
    origin: Id

    @property
    def address(self) -> JobAddress:
        """Where it is to be looked for."""
        return JobAddress(self.queue, self.id)

    @property
    def kind(self) -> str:
        """Its name, as the word for what kind of work it is: what a human can stop, and what can be protected."""
        return self.name

    def encode(self) -> bytes:
        """Write the unsigned JSON object.

        Raises:
            MalformedMessageError: `data` holds no JSON.
            MessageTooLargeError: over 256 KiB.
        """
        wire.refuse_unwritable(self.data)
        try:
            body = self.to_json()
        except TypeError as error:
            raise MalformedMessageError(f"data cannot be written as JSON: {error}") from None
        wire.parse_object(body)
        if len(body) > wire.MAX_DOCUMENT - 128:
            raise MessageTooLargeError(len(body), wire.MAX_DOCUMENT - 128)
        return body

    @classmethod
    def decode(cls, body: bytes) -> Self:
        """Read a job from the bytes that were verified.

        Raises:
            MalformedMessageError: no job of format 1; the reason names member and rule.
            UnsupportedFormatError: another format's number.
        """
        job = cls.from_object(wire.parse_object(body))
        for where in (*job.depends_on, *filter(None, (job.parent, job.root, job.replay_of))):
            if JobAddress.parse(where) is None:
                raise MalformedMessageError(f"{ascii(where)[:80]} is no address of a job: it is written queue/id")
        return job

    def needs(self) -> tuple[JobAddress, ...]:
        """Return the jobs that it depends on."""
        return tuple(address for each in self.depends_on if (address := JobAddress.parse(each)) is not None)

    @property
    def tree(self) -> JobAddress:
        """The job at the root of its tree of children: itself, if it is nobody's child."""
        return (JobAddress.parse(self.root) if self.root else None) or self.address

    def held_up(self) -> bool:
        """Tell whether it waits for other jobs from the beginning."""
        return bool(self.depends_on or self.children)

    @property
    def terms(self) -> Terms:
        """What decides who may take it, and when."""
        return Terms(
            self.name,
            self.worker,
            self.tags,
            self.skills,
            self.slots,
            self.rate,
            self.quiet,
            self.begin_by,
            self.end_by,
        )

    def late(self, now: datetime, *, begun: bool) -> str:
        """Say which of its times has passed, so that it has failed; or nothing."""
        if not begun and self.begin_by is not None and self.begin_by <= now:
            return f"it was to begin by {self.begin_by:%Y-%m-%d %H:%M:%S} UTC"
        if self.end_by is not None and self.end_by <= now:
            return f"it was to end by {self.end_by:%Y-%m-%d %H:%M:%S} UTC"
        return ""


@dataclass(frozen=True, slots=True)
class JobDraft:
    """What `Agent.submit` takes, as a value, for `Agent.submit_many`; what is no form of a field is refused at once.

    `queue`: where. `data`: what the handler gets. `note`: what it is about, for people; an approval is bound to it.
    `priority`: urgent, high, normal, low. `delay` or `not_before`: when it may begin. `key` and `on_duplicate`: a
    second submit of the same key. `slot`: a schedule, as `0 3 * * *`, whose last slot is the key: it is there once for
    each slot, whoever submits it. `depends_on`: jobs (receipts, addresses, or labels of this batch) that must complete
    first. `parent`: the job (or label) that waits for this one. `children`: how many children it waits for before it
    begins. `on_failure`: what becomes of those that wait for it if it does not complete. `label`: its name within this
    batch.

    `max_attempts`, `backoff` and `backoff_cap`: how often and how soon it is tried again. `max_stalled`: how often a
    worker may vanish over it. `timeout`: of one attempt. `begin_within`, `end_within`: from now. `tags`, `skills`,
    `worker`: who may take it. `slots`: `("gpu", 2)`. `rate`: `("api", 10, timedelta(minutes=1))`. `quiet`:
    `("22:00", "07:00", "Europe/Zurich")`. `stagger`: begin at a moment within this span that follows from its key, or
    else from its id. `max_waiting`: refuse it if so many wait already. `budget`: what its whole tree may spend, by
    unit. `approval`: for a protected name.
    """

    name: str
    data: dict[str, Any] = field(default_factory=dict)
    queue: str = DEFAULT_QUEUE
    note: str = ""
    priority: Priority | str = Priority.NORMAL
    delay: timedelta | None = None
    not_before: datetime | None = None
    key: str | None = None
    on_duplicate: OnDuplicate | str = OnDuplicate.REJECT
    slot: str | None = None
    depends_on: tuple[str, ...] = ()
    parent: str | None = None
    children: int = 0
    on_failure: OnFailure | str = OnFailure.FAIL
    label: str | None = None
    max_attempts: int = 5
    backoff: timedelta = timedelta(seconds=30)
    backoff_cap: timedelta = timedelta(hours=1)
    max_stalled: int = 3
    timeout: timedelta | None = None
    begin_within: timedelta | None = None
    end_within: timedelta | None = None
    tags: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    worker: str | None = None
    slots: tuple[str, int] | None = None
    rate: tuple[str, int, timedelta] | None = None
    quiet: tuple[str, str] | tuple[str, str, str] | None = None
    stagger: timedelta | None = None
    max_waiting: int | None = None
    budget: dict[str, float] = field(default_factory=dict)
    approval: str | None = None
    replay_of: str | None = None

    def __post_init__(self) -> None:
        """Bring what was given into the one form of its field.

        Raises:
            JobRefusedError: it has none; the error names the field, what was found, and how it is written.
        """
        for each in fields(self):
            value = getattr(self, each.name)
            if value is not each.default:
                object.__setattr__(self, each.name, _FORMS[each.name].taken(each.name, value))


_FORMS: Final = {
    **dict.fromkeys(("name", "queue", "worker"), forms.NAME),
    **dict.fromkeys(("note", "key", "slot", "label", "replay_of"), forms.TEXT),
    **dict.fromkeys(("delay", "backoff", "backoff_cap", "timeout", "stagger"), forms.SPAN),
    **dict.fromkeys(("begin_within", "end_within"), forms.SPAN),
    **dict.fromkeys(("children", "max_attempts", "max_stalled", "max_waiting"), forms.WHOLE),
    **dict.fromkeys(("tags", "skills"), forms.TEXTS),
    "priority": forms.one_of(Priority), "on_duplicate": forms.one_of(OnDuplicate),
    "on_failure": forms.one_of(OnFailure), "data": forms.OBJECT, "not_before": forms.MOMENT,
    "depends_on": forms.JOBS, "parent": forms.JOB, "slots": forms.SLOTS, "rate": forms.RATE, "quiet": forms.QUIET,
    "budget": forms.AMOUNTS, "approval": forms.ID,
}  # fmt: skip
