"""What a handler is handed: its job, the ledger of its steps, its children, and whom it may talk to.

    ctx.step("fetch", fn)     1 pending is written   2 fn takes effect   3 done is written, with the result

A process that dies before 1 or after 3 leaves no doubt: the next attempt takes the step, or has its result. In between,
nobody knows whether it took effect: it is taken again if it was declared idempotent, else the job waits for a human. A
step that raises was not done: the next attempt takes it again.
"""

import hashlib
from collections.abc import Callable, Collection
from datetime import timedelta
from math import inf
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar, cast

from somabus.errors import (
    BudgetError,
    ChildFailedError,
    ConfigurationError,
    LeaseLostError,
    MalformedMessageError,
    MessageTooLargeError,
    OtherChildError,
    SomabusError,
    StoppedError,
)
from somabus.jobs.desk import Desk
from somabus.jobs.holding import Holding, patiently
from somabus.jobs.outcome import Outcome, outcome_of, outcomes
from somabus.model.job import Job, JobAddress, JobDraft, OnFailure, child_id
from somabus.model.wire import refuse_unwritable
from somabus.model.work import Page, Standing, Step, judge
from somabus.store.port import MAX_BYTES

if TYPE_CHECKING:
    from somabus.jobs.aside import Said

_T = TypeVar("_T")
_MAX_STEPS: Final = 9999
_LAG: Final = timedelta(seconds=5)


class Leave(BaseException):
    """A handler ends here, and its job goes another way than by what it returns. No `except Exception` holds it up."""

    def __init__(self, how: Callable[[Holding], None], said: str) -> None:
        super().__init__(said)
        self.how = how


class JobContext:
    """One attempt at a job, as its handler sees it."""

    def __init__(self, desk: Desk, check: Callable[[], None], holding: Holding, ledger: dict[int, Page]) -> None:
        self._desk = desk
        self._check = check
        self._holding = holding
        self._ledger = ledger
        self._inside = ""
        self._steps = 0
        self._children = 0
        self._said = 0
        self._heard = 0
        self._checks: list[tuple[str, Callable[[], Any]]] = []

    # -- what it is about -------------------------------------------------------------------------------------

    @property
    def job(self) -> Job:
        """The job."""
        return self._holding.job

    @property
    def data(self) -> dict[str, Any]:
        """What its submitter gave it."""
        return self._holding.job.data

    @property
    def sender(self) -> str:
        """Who submitted it, as people read it: `scout #1a2b3c4d`, from the key."""
        return self._holding.opened.sender

    @property
    def attempt(self) -> int:
        """Which attempt this is; above 1 some of it may have been done before."""
        return self._holding.ticket.attempt

    @property
    def generation(self) -> int:
        """The number that fences this attempt: it grows with every claim and never goes back."""
        return self._holding.ticket.generation

    def check(self) -> None:
        """Make sure that the job is still this worker's: call it now and then in long work.

        Raises:
            LeaseLostError: it was cancelled, paused, ran out of its time, or was passed on; stop working.
        """
        self._check()

    # -- steps ------------------------------------------------------------------------------------------------

    def step(self, name: str, function: Callable[..., _T], *args: Any, idempotent: bool = False) -> _T:
        """Take a step once, whatever happens, and return its result; in a later attempt, the result of the first time.

        Steps are known by their order: a handler takes the same ones in the same order at each attempt.

        Args:
            name: for people, and to notice a handler that was changed.
            function: what to do; returns what JSON can hold.
            args: what to call it with.
            idempotent: taking it twice does no harm, so it may be taken again when nobody knows whether it was.

        Raises:
            LeaseLostError: the job is not this worker's any more; the step was not begun.
            ConfigurationError: it is begun inside of another step.
        """
        self._refuse_inside(f"step {name!r}")
        self._steps += 1
        page = self._ledger.get(self._steps, Page())
        self._check_step(self._steps, name, page, idempotent=idempotent)
        if page.done is not None:
            return cast("_T", page.done.result)
        self._check()
        ledger = self._desk.ledger
        step = ledger.word(self.job.address, self._steps, name, turn=page.next_turn, generation=self.generation)
        if not ledger.begin(step):
            raise LeaseLostError(self.job.id, self.generation)  # a later attempt is at this step already
        result = self._taken(step, function, args)
        done = self._writable(step.model_copy(update={"result": result, "at": self._desk.now()}))
        return cast("_T", patiently(lambda: ledger.end(done), self._check, self._desk.wait).result)

    def _taken(self, step: Step, function: Callable[..., _T], args: tuple[Any, ...]) -> _T:
        """Let a step take effect; one that raises was not done, unless it was told to stop in the middle of it."""
        self._inside = step.name
        try:
            return function(*args)
        except (LeaseLostError, StoppedError):
            raise
        except Exception:
            patiently(lambda: self._desk.ledger.allow(step), self._check, self._desk.wait)
            raise
        finally:
            self._inside = ""

    def _refuse_inside(self, what: str) -> None:
        """Refuse what a step must not do: what it has done so far would be neither done nor undone."""
        if self._inside:
            raise ConfigurationError(f"{what} belongs behind the step {self._inside!r}, not into it; let that return")

    def _check_step(self, number: int, name: str, page: Page, *, idempotent: bool) -> None:
        """Leave a handler that is at a step it cannot take."""
        known = page.done or page.pending
        if number > _MAX_STEPS:
            self.give_up(f"more than {_MAX_STEPS:,} steps; make children of them")
        if known is not None and known.name != name:
            self.park(
                f"step {number} is {name!r} and was {known.name!r} before: the handler has changed; "
                "resume it with the one that it had, or cancel it and submit it anew"
            )
        if page.in_doubt and not idempotent:
            self.park(f"step {number}, {name!r}, was begun, and nobody knows whether it took effect")

    def _writable(self, done: Step) -> Step:
        """Return a step whose result can be written; it took effect, so a job that returns another has failed."""
        said = f"step {done.number}, {done.name!r}, took effect and returned"
        try:
            refuse_unwritable({"result": done.result})
            size = len(done.to_json())
        except (TypeError, ValueError, MalformedMessageError) as error:
            self.give_up(f"{said} what JSON cannot hold: {error}")
        if size > MAX_BYTES:
            self.give_up(f"{said} {size:,} bytes; {MAX_BYTES:,} is the most")
        return done

    def require(self, check: Callable[[], Any], why: str = "") -> None:
        """Have something hold before the job counts as completed: a check that raises or returns False fails it."""
        self._checks.append((why or getattr(check, "__name__", "a check"), check))

    def verify(self) -> None:
        """Run what was required.

        Raises:
            ValueError: a check does not hold.
        """
        for why, check in self._checks:
            if check() is False:
                message = f"what must hold before it is completed does not: {why}"
                raise ValueError(message)

    # -- other jobs -------------------------------------------------------------------------------------------

    def submit(self, name: str, data: dict[str, Any] | None = None, **fields: Any) -> JobAddress:
        """Submit a child of this job; once, however often this line is reached.

        Args:
            name: its handler.
            data: what the handler gets.
            fields: see `JobDraft`; `queue` is this one if not given.

        Raises:
            JobRefusedError: too deep, too wide, or it breaks another rule.
        """
        self._check()
        self._children += 1
        draft = JobDraft(name, data or {}, **{"queue": self.job.queue, **fields})
        try:
            return self._desk.submitter.submit_child(self.job, self._children, draft)
        except OtherChildError as error:
            self.park(str(error))

    def gather(self) -> tuple[Outcome, ...]:
        """Return how the children ended, in the order of their submit; until all have, leave and come again then.

        The handler is left here and run again from the start when all have ended: what it did before belongs into
        steps. Told of are the children that were submitted before this line, and those that others gave it, so that
        the line says the same at each attempt; those whose `on_failure` is `remove` and that did not complete are
        left out.

        Raises:
            ChildFailedError: one that must complete did not.
        """
        self._refuse_inside("gather")
        address = self.job.address
        known = self._desk.records.children(address)
        awaited = self._awaited(known)
        there = [each for each in outcomes(self._desk.records, address) if each.id in awaited]
        for each in there:
            if each.failed and each.on_failure is OnFailure.FAIL:
                raise ChildFailedError(each.address, str(each.state), each.error)
        go_on = any(each.failed and each.on_failure is OnFailure.CONTINUE for each in there)
        if len(there) < len(awaited) and not go_on:
            needs = [each.id for each in self.job.needs()]
            standing, _ = judge(needs, known, self.job.children, self._desk.records.met(address))
            if standing is not Standing.WAIT:  # it would come again at once: what was told cannot be seen here yet
                self.snooze(_LAG)
            raise Leave(self._desk.settling.await_children, "its children have not all ended")
        return tuple(each for each in there if not (each.failed and each.on_failure is OnFailure.REMOVE))

    def _awaited(self, known: Collection[str]) -> set[str]:
        """Return the ids of the children that are gathered here: a listing of them may be old, and have later ones."""
        numbers = range(1, max(len(known), self._children) + 1)
        own = {child_id(self.job.id, number): number for number in numbers}
        earlier = {each for each, number in own.items() if number <= self._children}
        return earlier | (set(known) - own.keys())

    def outcomes(self) -> tuple[Outcome, ...]:
        """Return how the jobs ended that this one depends on."""
        found = (outcome_of(self._desk.records, address) for address in self.job.needs())
        there = [each for each in found if each is not None]
        return tuple(each for each in there if not (each.failed and each.on_failure is OnFailure.REMOVE))

    # -- talking ----------------------------------------------------------------------------------------------

    def message(self, body: str, **fields: Any) -> None:
        """Send mail to whoever submitted the job; once, however often this line is reached.

        Raises:
            ConfigurationError: it names somebody else.
        """
        if {"to", "key"} & fields.keys():
            raise ConfigurationError("a message of a job goes to its submitter, once; to others send with the agent")
        self._check()
        self._said += 1
        fields = {"kind": "status", "subject": f"job {self.job.address}"[:200], **fields}
        self._desk.send(self.job.sender, body, key=f"job {self.job.id} {self._said}", **fields)

    def inbox(self) -> "tuple[Said, ...]":
        """Return what was said to this job since the last call, or since the beginning, the oldest first."""
        new = self._desk.aside.said(self.job.address, after=self._heard)
        self._heard = max((each.number for each in new), default=self._heard)
        return new

    def progress(self, fraction: float, note: str = "") -> None:
        """Say how far the job is, from 0 to 1; the last word counts."""
        self._check()
        self._desk.aside.report(self.job.address, self.generation, min(max(fraction, 0.0), 1.0), note)

    def log(self, line: str) -> None:
        """Write a line into the job's log, for people."""
        self._check()
        self._desk.aside.log(self.job.address, self.generation, line)

    def attach(self, name: str, content: bytes | str) -> str:
        """Keep a file with the job, and return the SHA-256 under which it lies there.

        Raises:
            MessageTooLargeError: over 1 MiB; put it on the drive yourself and attach where it is.
        """
        self._check()
        content = content.encode() if isinstance(content, str) else content
        if len(content) > MAX_BYTES:
            raise MessageTooLargeError(len(content), MAX_BYTES)
        digest = hashlib.sha256(content).hexdigest()
        self._desk.aside.attach(self.job.address, name, digest, content)
        return digest

    def spend(self, **amounts: float) -> None:
        """Count what the job spends, tokens or money or seconds, before it does; all of its tree counts together.

        Raises:
            BudgetError: the tree may not spend so much; nothing was counted, and the job must end.
            ValueError: it is less than nothing.
        """
        if not all(0 <= amount < inf for amount in amounts.values()):
            message = f"what is spent is a number from 0 on: {amounts}"
            raise ValueError(message)
        self._check()
        over = self._desk.aside.spend(self.job, amounts)
        if over is not None:
            raise BudgetError(*over)

    def leave(self, error: SomabusError) -> NoReturn:
        """End here for what `check` raised, and leave a step that was cut off in doubt: it may be done in part."""
        settle = self._desk.settling.release if isinstance(error, StoppedError) else lambda _holding: None
        raise Leave(settle, str(error))

    # -- other ends -------------------------------------------------------------------------------------------

    def give_up(self, why: str) -> NoReturn:
        """End here: the job has failed, and is not tried again."""
        self._refuse_inside("give_up")
        raise Leave(lambda holding: self._desk.settling.fail(holding, why), why)

    def snooze(self, delay: timedelta) -> NoReturn:
        """End here, and come again after a while; this counts as no failure."""
        self._refuse_inside("snooze")
        raise Leave(lambda holding: self._desk.settling.snooze(holding, delay), f"put off for {delay}")

    def park(self, why: str) -> NoReturn:
        """End here, and wait for a human: `inbox` then has what was said with `tell`."""
        self._refuse_inside("park")
        raise Leave(lambda holding: self._desk.settling.park(holding, why), why)
