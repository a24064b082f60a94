"""Every exception that somabus raises.

An exception from outside this tree is a bug in somabus, please report it.

    SomabusError
    ├── ConfigurationError            your turn: settings are missing, malformed or contradict each other
    │   ├── NotABusError              the path holds no somabus.json
    │   │   └── IsACopyError          it holds a copy of a bus, to look at or not finished
    │   ├── SchedulerError            a scheduler of this machine is not there, or did not do as asked
    │   └── UnsafeKeyError            the private key can be read by others; it was not used
    ├── InvalidNameError              your turn: a name that could not be a path part (also a ValueError)
    ├── UnknownRecipientError         your turn: nobody by that name; carries the nearest names
    ├── NotJoinedError                your turn: no agent of that name joined from this machine
    ├── NameTakenError                your turn: the name belongs to another key
    ├── LookalikeNameError            your turn: the name looks like one that is there
    ├── StoppedError                  the operator's turn: a human stopped it; carries why
    ├── NotApprovedError              the operator's turn: no approval covers it
    ├── MessageError                  the sender's turn
    │   ├── MalformedMessageError     not a message of format 1
    │   ├── UnsupportedFormatError    a format number that this version does not know
    │   ├── MessageTooLargeError      over the limit; send an attachment's name instead
    │   └── ReferenceNotFoundError    refers to something that is not there
    ├── JobError                      the submitter's turn
    │   ├── JobRefusedError           the job breaks a rule, or cannot be: a cycle, too deep, too wide
    │   ├── JobNotFoundError          no job of this id lies in the queue
    │   ├── JobStateError             it is in a state in which this cannot be done
    │   ├── NoQueueError              nobody has submitted to a queue of that name
    │   ├── NoSuchStepError           no step of that number waits for anybody's word
    │   ├── OtherChildError           a handler submits another child than at its last attempt
    │   ├── QueueFullError            more than `max_waiting` wait already
    │   ├── BudgetError               its tree of jobs has spent what it may
    │   └── ChildFailedError          a child that must complete did not
    ├── TrustError                    the operator's turn: not from whom it says
    ├── RateLimitError                your turn: too much went to one place; carries from when on more may go
    ├── StaleVersionError             nobody's fault: somebody wrote a newer version; read it, and write again
    ├── LeaseHeldError                nobody's fault: somebody else holds it, until when is told
    ├── LeaseLostError                nobody's fault: held once, passed on since; abandon the work
    └── StoreError
        ├── InvalidKeyError           a bug or an attack: a key that leaves the tree (also a ValueError)
        ├── KeyExistsError            nobody's fault: somebody was first
        ├── KeyMissingError           nobody's fault: it is not there, or somebody took it
        ├── DocumentTooLargeError     more bytes than any document of a bus may have
        ├── StoreUnavailableError     could not look; try again later, nothing is known to be lost
        │   ├── NoAnswerError         the doctor on the other machine did not say its next word in time
        │   ├── NotLetInError         could not look: the server does not take us for whom we say we are
        │   └── UnfitServerError      could not look, nor will a later try: something is to be set first
        ├── StoreFullError            no space left; nothing was half written
        ├── StoreRefusedError         the drive or the server refuses: read-only, or no permission
        └── StoreDamagedError         not what the format allows (a folder or a link for a file); needs a person

Facts are attributes, `str()` is one sentence, and every error survives pickling.
"""

from datetime import datetime
from typing import Final


class SomabusError(Exception):
    """The root: everything somabus raises on purpose is one of these."""


class ConfigurationError(SomabusError):
    """Settings are missing, malformed or contradict each other; nothing was done."""


class NotABusError(ConfigurationError):
    """The path holds no bus; nothing was created there."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return (
            f"{self.path!r} holds no somabus.json, so it is no bus and nothing was made there; "
            f"make one with: somabus init {_short(self.path)}"
        )


class IsACopyError(NotABusError):
    """The path holds a copy of a bus, which is none; it is unchanged."""

    def __str__(self) -> str:
        return (
            f"{self.path!r} is a copy of a bus, to look at or not finished: no bus, and it is unchanged; "
            f"to finish it stop the bus, then: somabus copy FROM {_short(self.path)}"
        )


class SchedulerError(ConfigurationError):
    """A scheduler of this machine is not there, or did not do as asked; its entries are as they were."""

    def __init__(self, tool: str, detail: str) -> None:
        super().__init__(tool, detail)
        self.tool = tool
        self.detail = detail

    def __str__(self) -> str:
        return (
            f"{self.tool} {_line(self.detail)}; its entries are as they were; install by hand what this shows: "
            "somabus schedule install --print, or choose another scheduler with --with"
        )


class UnsafeKeyError(ConfigurationError):
    """The private key can be read by other users of this machine; it was not used."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return (
            f"the private key {self.path} can be read by others, and was not used; "
            f"if nobody did, run: chmod 600 {self.path}"
        )


class InvalidNameError(SomabusError, ValueError):
    """A name breaks the rule for names; nothing was done with it."""

    def __init__(self, name: str, rule: str) -> None:
        super().__init__(name, rule)
        self.name = name
        self.rule = rule

    def __str__(self) -> str:
        return f"{_short(self.name)} is no valid name: {self.rule}"


class UnknownRecipientError(SomabusError):
    """Nobody of that name has joined the bus; nothing was sent."""

    def __init__(self, name: str, near: tuple[str, ...] = ()) -> None:
        super().__init__(name, near)
        self.name = name
        self.near = near

    def __str__(self) -> str:
        hint = f"did you mean {' or '.join(self.near)}?" if self.near else "see who is there: somabus peers"
        return f"nobody named {_short(self.name)} has joined this bus, so nothing was sent; {hint}"


class NotJoinedError(SomabusError):
    """No agent of that name has joined the bus, or none from this machine; nothing was done in its name.

    `home`: where its key was looked for, if that is what is missing.
    """

    def __init__(self, name: str, near: tuple[str, ...] = (), home: str = "") -> None:
        super().__init__(name, near, home)
        self.name = name
        self.near = near
        self.home = home

    def __str__(self) -> str:
        hint = f"did you mean {' or '.join(self.near)}? " if self.near else ""
        said = f"no agent named {_short(self.name)} has joined this bus"
        if self.home:
            said = f"no key of {_short(self.name)} for this bus lies in {self.home}: it has not joined from there"
        return f"{said}; {hint}join first with: somabus join NAME"


class NameTakenError(SomabusError):
    """The name is registered under another key; the registered agent is untouched."""

    def __init__(self, name: str, owner: str) -> None:
        super().__init__(name, owner)
        self.name = name
        self.owner = owner

    def __str__(self) -> str:
        return (
            f"the name {self.name!r} belongs to the key #{self.owner} on this bus, and the key on this machine is "
            "another one; choose another name, or bring the agent's own key to this machine"
        )


class LookalikeNameError(SomabusError):
    """The name looks like one that is on the bus; nothing was registered."""

    def __init__(self, name: str, twin: str) -> None:
        super().__init__(name, twin)
        self.name = name
        self.twin = twin

    def __str__(self) -> str:
        return (
            f"the name {_short(self.name)} looks like {_short(self.twin)}, who is on this bus; "
            "choose a name that nobody takes for it"
        )


class StoppedError(SomabusError):
    """A human stopped it; nothing was done, and what waits goes on waiting."""

    def __init__(self, entry: str, scope: str, why: str, by: str) -> None:
        super().__init__(entry, scope, why, by)
        self.entry = entry
        self.scope = scope
        self.why = why
        self.by = by

    def __str__(self) -> str:
        said = f": {_short(self.why)}" if self.why else ""
        return f"{self.by} stopped {self.scope}{said}; {self.entry} did nothing; see: somabus stops"


class NotApprovedError(SomabusError):
    """No approval covers the action; it must not be done."""

    def __init__(self, approval: str, reason: str) -> None:
        super().__init__(approval, reason)
        self.approval = approval
        self.reason = reason

    def __str__(self) -> str:
        return f"not approved: {self.reason} (approval {_short(self.approval)})"


class MessageError(SomabusError):
    """The message itself is at fault, not the drive."""


class MalformedMessageError(MessageError):
    """The bytes are no message of format 1; they were not acted on."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"malformed: {self.reason}"


class UnsupportedFormatError(MessageError):
    """The format number is one that this version does not know; nothing was acted on."""

    def __init__(self, found: object) -> None:
        super().__init__(found)
        self.found = found

    def __str__(self) -> str:
        return f"format {_short(str(self.found))} is not known to this version, which reads format 1; update somabus"


class MessageTooLargeError(MessageError):
    """The message is over the limit; nothing was sent."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(size, limit)
        self.size = size
        self.limit = limit

    def __str__(self) -> str:
        return (
            f"the message has {self.size:,} bytes, the limit is {self.limit:,}; "
            "put the large part where the other one can fetch it, and send its name"
        )


_MESSAGES: Final = "name mail by its id (`somabus inbox`), a post by channel#number (`somabus read --channel`)"
_REFERENCES: Final = {
    "channel": "`somabus channels` lists those that there are",
    "arc": "the name of an arc begins with arc: (`somabus arcs`)",
    "goal": "`somabus goals` lists those that there are",
    "attachment": "`somabus job attachments JOB` lists those that there are",
    "goal_id": "`somabus goals` lists those that there are",
    "approval": "`somabus approvals` lists those that were asked for",
    "resource": "there are somabus://inbox, somabus://channels and somabus://channel/<name>",
}
"""What to do about a reference that points at nothing, by the field that holds it."""


class ReferenceNotFoundError(MessageError):
    """A reference points at nothing; nothing was sent."""

    def __init__(self, field: str, value: str) -> None:
        super().__init__(field, value)
        self.field = field
        self.value = value

    def __str__(self) -> str:
        how = _REFERENCES.get(self.field.removeprefix("refs."), _MESSAGES)
        return f"{self.field} names {_short(self.value)}, which is not known here; nothing was sent or changed; {how}"


class TrustError(SomabusError):
    """What was read is not from whom it says; it was not acted on."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"not trusted: {self.reason}"


class StaleVersionError(SomabusError):
    """Somebody wrote a newer version than the one that was read; nothing was written."""

    def __init__(self, what: str, based_on: int, newest: int) -> None:
        super().__init__(what, based_on, newest)
        self.what = what
        self.based_on = based_on
        self.newest = newest

    def __str__(self) -> str:
        return (
            f"{_short(self.what)} is at version {self.newest}, and what was to be written was based on "
            f"{self.based_on}; nothing was written: read it again first"
        )


class RateLimitError(SomabusError):
    """This agent has sent too much to one place in too short a time; nothing was sent."""

    def __init__(self, place: str, per_hour: int, again_at: datetime) -> None:
        super().__init__(place, per_hour, again_at)
        self.place = place
        self.per_hour = per_hour
        self.again_at = again_at

    def __str__(self) -> str:
        return (
            f"more than {self.per_hour:,} an hour to {_short(self.place)} is against the policy of this bus, so "
            f"nothing was sent; again from {self.again_at:%Y-%m-%d %H:%M:%S} UTC on; is it a loop?"
        )


class LeaseHeldError(SomabusError):
    """Somebody else holds the lease; nothing was taken."""

    def __init__(self, name: str, holder: str, ends_at: datetime) -> None:
        super().__init__(name, holder, ends_at)
        self.name = name
        self.holder = holder
        self.ends_at = ends_at

    def __str__(self) -> str:
        return f"the lease {self.name!r} is held by {_short(self.holder)} until {self.ends_at:%Y-%m-%d %H:%M:%S} UTC"


class LeaseLostError(SomabusError):
    """Held once, passed on since; nothing was changed, and the work must be abandoned."""

    def __init__(self, name: str, generation: int) -> None:
        super().__init__(name, generation)
        self.name = name
        self.generation = generation

    def __str__(self) -> str:
        return (
            f"the lease on {self.name!r} (generation {self.generation}) ended and was passed on; "
            "nothing was changed, abandon this work"
        )


class JobError(SomabusError):
    """Something about a job cannot be; what was there before is unchanged."""


class JobRefusedError(JobError):
    """A job breaks a rule; nothing was submitted."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"the job was not submitted: {_line(self.reason)}"


class JobNotFoundError(JobError):
    """No job of this id lies in the queue; nothing was done."""

    def __init__(self, job: str) -> None:
        super().__init__(job)
        self.job = job

    def __str__(self) -> str:
        return f"there is no job {_short(self.job)}; see which there are: somabus jobs"


class JobStateError(JobError):
    """A job is in a state in which this cannot be done with it; nothing was changed."""

    def __init__(self, job: str, state: str, event: str, allowed: tuple[str, ...] = ()) -> None:
        super().__init__(job, state, event, allowed)
        self.job = job
        self.state = state
        self.event = event
        self.allowed = allowed

    def __str__(self) -> str:
        can = (
            f"; one can {event} a job that is {' or '.join(self.allowed)}"
            if (event := self.event) and self.allowed
            else ""
        )
        return f"the job {_line(self.job)} is {self.state}, so nothing was changed{can}"


class NoQueueError(JobError):
    """Nobody has submitted to a queue of that name; nothing was done."""

    def __init__(self, queue: str, there: tuple[str, ...] = ()) -> None:
        super().__init__(queue, there)
        self.queue = queue
        self.there = there

    def __str__(self) -> str:
        there = f"there are: {', '.join(self.there)}" if self.there else "there is none; the first submit makes one"
        return f"nobody has submitted to a queue named {_short(self.queue)}; {there}"


class NoSuchStepError(JobError):
    """No step of that number waits for anybody's word; nothing was changed."""

    def __init__(self, job: str, step: int) -> None:
        super().__init__(job, step)
        self.job = job
        self.step = step

    def __str__(self) -> str:
        return f"step {self.step} of {_short(self.job)} waits for nobody's word; see: somabus job {self.job}"


class OtherChildError(JobError):
    """A handler submits another child than at its last attempt; nothing was submitted."""

    def __init__(self, parent: str, number: int, name: str) -> None:
        super().__init__(parent, number, name)
        self.parent = parent
        self.number = number
        self.name = name

    def __str__(self) -> str:
        return (
            f"child {self.number} of {_line(self.parent)} is {_short(self.name)} with other work than before: "
            f"the handler has changed, or does not submit the same ones in the same order; "
            f"resume it with the handler that it had, or cancel it and submit it anew"
        )


class QueueFullError(JobError):
    """So many jobs wait already that this one was not wanted; nothing was submitted."""

    def __init__(self, queue: str, waiting: int, most: int) -> None:
        super().__init__(queue, waiting, most)
        self.queue = queue
        self.waiting = waiting
        self.most = most

    def __str__(self) -> str:
        wait = "1 job waits" if self.waiting == 1 else f"{self.waiting:,} jobs wait"
        return (
            f"{wait} in the queue {self.queue!r} and this one was to be submitted only below "
            f"{self.most:,}, so it was not; try again later, or start another worker: "
            f"somabus work --queue {_line(self.queue)}"
        )


class BudgetError(JobError):
    """A tree of jobs has spent what it may; nothing was spent, and the job must end."""

    def __init__(self, job: str, unit: str, spent: float, most: float, asked: float = 0.0) -> None:
        super().__init__(job, unit, spent, most, asked)
        self.job = job
        self.unit = unit
        self.spent = spent
        self.most = most
        self.asked = asked

    def __str__(self) -> str:
        asked = f", and {self.asked:g} more were asked" if self.asked else ""
        spent = f"may spend {self.most:g} {_line(self.unit)}, has spent {self.spent:g}{asked}"
        return f"the tree of the job {_line(self.job)} {spent}"


class ChildFailedError(JobError):
    """A child that must complete did not; the parent fails."""

    def __init__(self, child: str, state: str, why: str = "") -> None:
        super().__init__(child, state, why)
        self.child = child
        self.state = state
        self.why = why

    def __str__(self) -> str:
        return f"the child {_line(self.child)} is {self.state}" + (f": {_line(self.why)}" if self.why else "")


class StoreError(SomabusError):
    """The store could not do as asked; `key` names where."""

    def __init__(self, key: str, detail: str = "") -> None:
        super().__init__(key, detail)
        self.key = key
        self.detail = detail

    _sentence = "the store failed at {key}"

    def __str__(self) -> str:
        said = self._sentence.format(key=_short(self.key))
        return f"{said} ({self.detail})" if self.detail else said


class InvalidKeyError(StoreError, ValueError):
    """The key is no path inside the tree; nothing was touched."""

    _sentence = "{key} is no key of a bus, and nothing was touched"


class KeyExistsError(StoreError):
    """Somebody was first; what is there is theirs and unchanged."""

    _sentence = "{key} exists already and is unchanged"


class KeyMissingError(StoreError):
    """It is not there, or somebody else took it; nothing was changed."""

    _sentence = "{key} is not there, or somebody else took it; nothing was changed"


class DocumentTooLargeError(StoreError):
    """The document is larger than anything a bus holds; it was not read whole."""

    _sentence = "{key} is larger than any document of a bus may be"


class StoreUnavailableError(StoreError):
    """Could not look. This is not an empty answer; try again later."""

    _sentence = "could not look at {key}: the drive or the server does not answer, or is not there; try again later"


class NoAnswerError(StoreUnavailableError):
    """The doctor on another machine did not say its next word in time; what was found before still holds."""

    _sentence = "no word from the other machine at {key}"


class NotLetInError(StoreUnavailableError):
    """The server does not take us for whom we say we are, or we say nothing: nothing is known of what lies there."""

    _sentence = "{key} does not let us in"


class UnfitServerError(StoreUnavailableError):
    """Could not look, nor will a later try: something is to be set first, here or at the server."""

    _sentence = "could not look at {key}"


class StoreFullError(StoreError):
    """No space is left; nothing was half written."""

    _sentence = "no space left for {key}; nothing was half written; free some space and try again"


class StoreRefusedError(StoreError):
    """The drive or the server refuses; nothing was changed."""

    _sentence = "the drive or the server refuses {key}: it is read-only, or this user lacks the permission"


class StoreDamagedError(StoreError):
    """Something stands there that the format does not allow; it needs a person."""

    _sentence = "{key} is not what the format allows; look at it with: somabus verify"


def _short(text: str, limit: int = 120) -> str:
    """Quote a foreign text so that it can neither flood nor forge a line of output."""
    quoted = ascii(text)
    return quoted if len(quoted) <= limit else f"{quoted[:limit]}…'"


def _line(text: str, limit: int = 300) -> str:
    """Put what a tool has said into one line."""
    said = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return said if len(said) <= limit else f"{said[:limit]}…"
