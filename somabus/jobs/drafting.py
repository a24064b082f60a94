"""Drafting: what a submitter says of a job becomes the job, sealed, with its place in its tree and among the causes.

It looks for the parent, and changes nothing.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from pydantic import ValidationError

from somabus.delivery import Cause
from somabus.errors import ConfigurationError, JobRefusedError, MalformedMessageError
from somabus.jobs.records import Records
from somabus.model.envelope import Seal, seal_body
from somabus.model.ids import later, milliseconds
from somabus.model.job import MAX_DEPTH, Job, JobAddress, JobDraft, OnDuplicate, Quiet, Rate, Slots
from somabus.model.message import Priority, explain
from somabus.model.schedule import Schedule
from somabus.model.ticket import JobState, Ticket
from somabus.model.wallclock import zone_of

OLDEST_SLOT: Final = timedelta(days=1)
"""An older slot is not caught up: the bus may keep keys for two days alone."""

_RULES: Final = {
    "value_error": "this is the rule: {error}",
    "greater_than": "must be above {gt:,.12g}",
    "greater_than_equal": "must be at least {ge:,.12g}",
    "less_than_equal": "must be at most {le:,.12g}",
    "string_too_short": "must be at least {min_length} character long",
    "string_too_long": "must be at most {max_length} characters long",
    "too_long": "must be at most {max_length}",
    "string_pattern_mismatch": "must be a time of the day, as 22:00",
}
"""What each kind of fault that a draft may have left says to people."""


class Made:
    """A job ready to be written: where its life begins, and its bytes."""

    def __init__(self, job: Job, data: bytes, now: datetime) -> None:
        self.job = job
        self.data = data
        ticket = Ticket(job.priority.digit, job.id)
        self.state = JobState.WAITING
        if job.held_up():
            self.state = JobState.BLOCKED
        elif job.not_before is not None and job.not_before > now:
            self.state, ticket = JobState.DELAYED, ticket.due(milliseconds(job.not_before))
        self.ticket = ticket


class Drafter:
    """Drafts on behalf of one agent.

    Args:
        bus: the id of the bus.
        me: the agent.
        records: where parents are looked for.
        sign: signs with the agent's key.
        cause: what this agent is handling now; None if nothing.
        now: the drive's time.
    """

    def __init__(
        self,
        bus: str,
        me: str,
        *,
        records: Records,
        sign: Callable[[bytes], bytes],
        cause: Callable[[], Cause | None],
        now: Callable[[], datetime],
    ) -> None:
        self._bus = bus
        self._me = me
        self._records = records
        self._sign = sign
        self._cause = cause
        self._now = now

    def made(
        self,
        draft: JobDraft,
        job_id: str,
        depends_on: tuple[str, ...],
        parent: str | None,
        children: int,
        known: Mapping[str, Job] | None = None,
        child: int = 0,
    ) -> Made:
        """Return the sealed job of a draft.

        Raises:
            JobRefusedError: it breaks a rule.
        """
        now, cause = self._now(), self._cause()
        try:
            above = None if parent is None else (known or {}).get(parent) or self._above(parent)
            depth = 0 if above is None else above.depth + 1
            if depth > MAX_DEPTH:
                raise JobRefusedError(f"it would be {depth} children deep, and {MAX_DEPTH} is the most")
            job = Job(
                bus=self._bus, id=job_id, queue=draft.queue, name=draft.name, sender=self._me, created_at=now,
                not_before=_begin(draft, now, job_id), begin_by=_by(now, draft.begin_within),
                end_by=_by(now, draft.end_within), priority=Priority(draft.priority), note=draft.note, data=draft.data,
                key=draft.key, depends_on=tuple(map(_canonical(draft.queue), depends_on)), parent=parent,
                children=children,
                child=child, on_failure=draft.on_failure, depth=depth,
                root=None if above is None else str(above.tree), max_attempts=draft.max_attempts,
                max_stalled=draft.max_stalled, backoff_s=draft.backoff.total_seconds(),
                backoff_cap_s=max(draft.backoff_cap, draft.backoff).total_seconds(),
                timeout_s=None if draft.timeout is None else draft.timeout.total_seconds(), tags=draft.tags,
                skills=draft.skills, worker=draft.worker,
                slots=None if draft.slots is None else Slots(key=draft.slots[0], count=draft.slots[1]),
                rate=_rate(draft), quiet=_quiet(draft), budget=draft.budget, approval=draft.approval,
                replay_of=draft.replay_of, hops=cause.hops + 1 if cause else 0,
                origin=cause.origin if cause else job_id,
            )  # fmt: skip
            data = seal_body(job.encode(), Seal.JOB, self._sign)
        except ValidationError as error:
            raise JobRefusedError(_broken(error)) from None
        except MalformedMessageError as error:
            raise JobRefusedError(error.reason) from None
        return Made(job, data, now)

    def _above(self, where: str) -> Job | None:
        parent = JobAddress.parse(where)
        return None if parent is None else self._records.job(parent)


def in_slot(draft: JobDraft, now: datetime) -> JobDraft:
    """Return a draft whose key is the last slot of its schedule, where it has one: so a slot fires once.

    Raises:
        JobRefusedError: that is no schedule, or there is a key as well.
    """
    if draft.slot is None:
        return draft
    if draft.key is not None:
        raise JobRefusedError("either a key or a slot says what it is a second time of, not both")
    try:
        due = Schedule.parse(draft.slot).due(now)
    except ConfigurationError as error:
        raise JobRefusedError(str(error)) from None
    if now - due > OLDEST_SLOT:  # its key may be forgotten already
        raise JobRefusedError(
            f"the last slot of {draft.slot!r} was on {due:%Y-%m-%d}, and is too long ago to be caught up"
        )
    return replace(draft, key=f"{draft.slot} {due.isoformat()}", on_duplicate=OnDuplicate.REJECT, slot=None)


def _canonical(queue: str) -> Callable[[str], str]:
    def canonical(where: str) -> str:
        address = JobAddress.parse(where, queue)
        if address is None:
            raise JobRefusedError(
                f"{where!r} is no job: give a receipt's address, as queue/id, or a label of this batch"
            )
        return str(address)

    return canonical


def _begin(draft: JobDraft, now: datetime, job_id: str) -> datetime | None:
    """Return before when it may not begin; with a stagger, that follows from its key, or else from its id."""
    if draft.delay is not None and draft.not_before is not None:
        raise JobRefusedError("either delay or not_before says when it may begin, not both")
    at = later(now, draft.delay) if draft.delay is not None else draft.not_before
    stagger = draft.stagger or timedelta()
    _refuse_too_late(draft, later(at or now, stagger) - now)
    if not stagger:
        return at
    seed = hashlib.sha256(f"{draft.name}\n{draft.key or job_id}".encode()).digest()
    return later(at or now, stagger * (int.from_bytes(seed[:4]) / (1 << 32)))


def _refuse_too_late(draft: JobDraft, begins: timedelta) -> None:
    """Refuse what could only be too late."""
    for field in ("begin_within", "end_within"):
        within: timedelta | None = getattr(draft, field)
        if within is not None and within <= max(begins, timedelta()):
            raise JobRefusedError(
                f"{field} is {within}, and it may have to wait {begins} until it may begin; "
                f"make {field} longer, or delay or stagger shorter"
            )


def _broken(error: ValidationError) -> str:
    """Say which field broke which rule of the format."""
    first = error.errors(include_url=False)[0]
    rule = _RULES.get(first["type"])
    if rule is None:
        return explain(error)
    parts = [part for part in first["loc"] if isinstance(part, str)]
    where = " of ".join([*reversed(parts), *([] if error.title == Job.__name__ else [error.title.lower()])])
    return f"{where} is {repr(first.get('input'))[:60]}, and {rule.format(**first.get('ctx', {}))}"


def _by(now: datetime, within: timedelta | None) -> datetime | None:
    return None if within is None else later(now, within)


def _rate(draft: JobDraft) -> Rate | None:
    if draft.rate is None:
        return None
    key, count, window = draft.rate
    return Rate(key=key, count=count, window_s=window.total_seconds())


def _quiet(draft: JobDraft) -> Quiet | None:
    if draft.quiet is None:
        return None
    begins, ends, *zone = draft.quiet
    try:
        zone_of(*zone or ["UTC"])
    except ConfigurationError as error:
        raise JobRefusedError(str(error)) from None
    return Quiet(begins=begins, ends=ends, zone=zone[0] if zone else "UTC")
