"""The beat: one run of an agent's routine, as a scheduler starts it every six hours.

    check inbox ─► process ─► share learnings ─► review peers ─► sweep ─► heartbeat

Each step stands alone: one that fails is reported and the rest still run. The heartbeat comes last, so that it tells
how the beat ended; a beat with work to do also writes one first (`running`), so that a beat that is killed is seen to
have begun (docs/decisions/0005). Overlapping beats of one agent would do no harm, for every message is claimed; they
are kept apart all the same: by a lock on this machine, and by a lease on the bus when there is work.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from somabus.alerts import Alerts
from somabus.authority import Authority
from somabus.cursors import CursorBook
from somabus.delivery import Delivery
from somabus.errors import LeaseHeldError, LeaseLostError, SomabusError, StoppedError, StoreError, StoreUnavailableError
from somabus.halt import Halt, Stopped
from somabus.handlers import Handlers, run_checks
from somabus.inbox import Counts, Inbox
from somabus.incidents import Incidents
from somabus.learnings import Learnings
from somabus.lease import Lease, Leases
from somabus.model.heartbeat import Beat, Heartbeat, Outcome
from somabus.model.leases import LeaseRecord
from somabus.model.message import Message
from somabus.model.presence import Presence, judge_presence
from somabus.model.report import BeatReport, StepReport
from somabus.model.schedule import Schedule
from somabus.outbox import Outbox
from somabus.peer import Peer
from somabus.reader import Entry
from somabus.registry import Registry
from somabus.review import accuse
from somabus.spool import Spool
from somabus.store.port import Store
from somabus.sweep import Allowance, Sweeper

_FOLLOW_AT_ONCE: Final = 200
_LONGEST_BEAT: Final = timedelta(days=1)
_MARGIN: Final = timedelta(minutes=1)
_SHORT: Final = 0.1
_CATCH_UP: Final = 6
_BAD_LUCK: Final = "could not look: "
_log: Final = logging.getLogger("somabus")


class Budget(NamedTuple):
    """How much one beat may do; what is left waits for the next."""

    messages: int = 100
    seconds: float = 300.0
    sweep_documents: int = 5000
    sweep_seconds: float = 5.0


@dataclass(slots=True, eq=False, repr=False)
class Parts:
    """The services that a routine passes over, all of one agent."""

    me: str
    bus: str
    store: Store
    home: Store
    authority: Authority
    halt: Halt
    incidents: Incidents
    inbox: Inbox
    counts: Callable[[], Counts]
    flush: Callable[[], tuple[int, list[str]]]
    registry: Registry
    outbox: Outbox
    alerts: Alerts
    cursors: CursorBook
    learnings: Learnings
    spool: Spool
    leases: Leases
    sweeper: Sweeper
    handlers: Handlers
    schedule: Schedule
    staleness: timedelta
    sign: Callable[[bytes], bytes]
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    vitals: Callable[[], dict[str, Any]]
    same_machine: Callable[[str], bool]


@dataclass(slots=True, eq=False, repr=False)
class _Run:
    """What one beat has found so far."""

    number: int
    started_at: datetime
    due_at: datetime
    next_due_at: datetime
    missed: int
    deadline: float
    overdue: bool
    other_runs: bool = False
    steps: list[StepReport] = field(default_factory=list)
    counts: Counts | None = None
    handled: int = 0
    failed: int = 0
    set_aside: int = 0
    posted: int = 0
    learned: list[dict[str, Any]] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    peers: dict[str, str] = field(default_factory=dict)
    checks: dict[str, str] = field(default_factory=dict)
    detail: str = ""
    stopped: Stopped | None = None
    off: frozenset[str] = frozenset()

    @property
    def beat(self) -> Beat:
        return Beat(number=self.number, due_at=self.due_at, started_at=self.started_at, missed=self.missed)


class Routine:
    """Runs beats of one agent."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._turn = f"beat.{parts.me}"[:64].rstrip(".")

    def beat(self, budget: Budget, stop: Callable[[], bool] = lambda: False) -> BeatReport:
        """Run the routine once and report; only what is no error of somabus's tree gets out as an exception."""
        parts = self._parts
        with parts.home.lock("beat") as mine:
            run = self._begin(budget)
            if not mine:
                run.detail = "another beat of this agent is running on this machine"
                return self._report(run, Outcome.BUSY)
            return self._steps(run, budget, stop)

    def process(self, budget: Budget, stop: Callable[[], bool] = lambda: False) -> int:
        """Handle what waits, between two beats; return how many were handled."""
        now = self._parts.now()
        deadline = self._parts.monotonic() + budget.seconds
        # Between beats there is no slot to serve: the heartbeat need not be read for that.
        run = _Run(0, now, due_at=now, next_due_at=now, missed=0, deadline=deadline, overdue=False)
        self._drain(run, budget, stop)
        return run.handled

    def tidy(self, budget: Budget) -> None:
        """Go on with a sweep that the last beat did not end, in one short step."""
        allowance = Allowance(budget.sweep_documents, budget.sweep_seconds * _SHORT, self._parts.monotonic)
        self._parts.sweeper.step(allowance)

    def goodbye(self) -> None:
        """Tell the peers that this agent stops on purpose, so that its silence alarms nobody."""
        parts = self._parts
        last = parts.registry.heartbeat(parts.me)
        if last is not None:
            farewell = last.model_copy(update={"stopped": True, "written_at": parts.store.now()})
            parts.registry.write_heartbeat(farewell, parts.sign)

    # -- the order of things ----------------------------------------------------------------------------------

    def _spooled(self) -> int:
        """Count what waits on this machine; a damaged spool counts as nothing here and fails where it is worked on."""
        with suppress(StoreError):
            return self._parts.spool.count()
        return 0

    def _steps(self, run: _Run, budget: Budget, stop: Callable[[], bool]) -> BeatReport:
        parts = self._parts
        lease: Lease | None = None
        try:
            with self._step(run, "check inbox") as say:
                parts.authority.refresh()
                run.stopped = parts.halt.hold()
                run.counts = parts.counts()
                said = f"{run.counts.mail} wait, {run.counts.delayed} delayed, {run.counts.dead} dead letters"
                say(said + (f", {run.counts.posts} posts unread" if run.counts.posts else ""))
            if run.stopped is not None:
                return self._end(run)
            self._give_way(run)
            work = bool((run.counts and run.counts.mail) or parts.learnings.count() or self._spooled())
            if work:
                lease = self._take_turn(budget)
                with self._step(run, "begin"):
                    self._write_heartbeat(run, Outcome.RUNNING, None)
            if self._spooled():
                with self._step(run, "deliver spool") as say:
                    say(self._flush())
            with self._step(run, "process") as say:
                say(self._process(run, budget, stop))
            with self._step(run, "share learnings") as say:
                say(self._share(run))
            with self._step(run, "review peers") as say:
                say(self._review(run))
            with self._step(run, "sweep") as say:
                say(self._sweep(budget))
            return self._end(run)
        except StoppedError:
            run.stopped = parts.halt.hold()  # in the middle: what was begun is ended, nothing else is begun
            return self._end(run)
        except LeaseHeldError as error:
            run.detail = f"another beat of this agent is running: {error}"
            return self._report(run, Outcome.BUSY)
        finally:
            if lease is not None:
                with self._step(run, "end"):
                    lease.release()

    def _give_way(self, run: _Run) -> None:
        """Stop where another machine's beat of this agent is at work."""
        other: LeaseRecord | None = None
        with suppress(StoreError):  # politeness failed; the claims decide
            other = self._parts.leases.held(self._turn) if run.other_runs else None
        if other is not None and self._alive(other):
            raise LeaseHeldError(self._turn, other.holder, other.ends_at)

    def _alive(self, turn: LeaseRecord) -> bool:
        """Tell whether another machine's beat may be behind a record.

        The lock of this machine is ours, so a record of this machine is of a beat that died; and no beat takes a day.
        """
        ours = turn.agent == self._parts.me  # nobody else takes this agent's turn
        return ours and not self._parts.same_machine(turn.holder) and turn.ends_at - self._parts.now() < _LONGEST_BEAT

    def _begin(self, budget: Budget) -> _Run:
        parts = self._parts
        now, previous = parts.now(), None
        try:
            previous = parts.registry.heartbeat(parts.me)
        except (SomabusError, ValueError):
            previous = None  # away, or damaged: the steps will say so; the number begins anew
        due = parts.schedule.due(now)
        return _Run(
            number=previous.beat.number + 1 if previous else 1,
            started_at=now,
            due_at=due,
            next_due_at=parts.schedule.next(now),
            missed=previous.missed(parts.schedule, now) if previous else 0,
            deadline=parts.monotonic() + budget.seconds,
            overdue=previous is not None and self._was_overdue(previous, now),
            other_runs=previous is not None and previous.beat.outcome is Outcome.RUNNING,
        )

    def _was_overdue(self, previous: Heartbeat, now: datetime) -> bool:
        verdict = judge_presence(
            last_seen=previous.written_at,
            every_s=previous.every_s,
            stopped=False,
            now=now,
            staleness=self._parts.staleness,
        )
        return verdict is not Presence.ON_TIME

    def _take_turn(self, budget: Budget) -> Lease | None:
        parts = self._parts
        try:
            return parts.leases.take(
                self._turn,
                timedelta(seconds=budget.seconds) + _MARGIN,
                dead=lambda record: not self._alive(record),
            )
        except StoreError:
            return None  # politeness failed; the claims decide

    def _end(self, run: _Run) -> BeatReport:
        parts = self._parts
        parts.incidents.flush()
        with self._step(run, "heartbeat") as say:
            run.checks = {} if run.stopped else run_checks(parts.handlers.checks)
            outcome = _outcome(run)
            if run.handled or run.failed or run.counts is None or run.counts.mail:
                self._recount(run)
            self._write_heartbeat(run, outcome, parts.now())
            bad = [name for name, said in run.checks.items() if said.startswith("failed")]
            say(
                f"next beat {run.next_due_at:%Y-%m-%d %H:%M} UTC"
                + (f"; failed checks: {', '.join(bad)}" if bad else "")
            )
        return self._report(run, _outcome(run))

    def _recount(self, run: _Run) -> None:
        """Count what is left; if that fails, the heartbeat says that nobody could look, and is written all the same."""
        before, run.counts = run.counts, None
        with suppress(StoreError):
            run.counts = self._parts.counts()
            run.set_aside = max(0, run.counts.dead - before.dead) if before else 0

    # -- the steps --------------------------------------------------------------------------------------------

    def _flush(self) -> str:
        self._parts.halt.check("Agent.beat")
        sent, refused = self._parts.flush()
        return f"{sent} delivered" + "".join(f"; refused {each}" for each in refused)

    def _process(self, run: _Run, budget: Budget, stop: Callable[[], bool]) -> str:
        if run.counts is None or run.counts.mail:
            self._drain(run, budget, stop)
        said = f"{run.handled} handled"
        said += f", {run.failed} failed and come again" if run.failed else ""
        return said

    def _drain(self, run: _Run, budget: Budget, stop: Callable[[], bool]) -> None:
        parts = self._parts
        known = parts.handlers.handles

        def wanted(message: Message) -> bool:
            return known(message.kind)

        # Only where some kinds have no handler is it worth reading a message before it is taken.
        declines = None if known("*") else wanted
        for delivery in parts.inbox.drain(limit=budget.messages, wanted=declines):
            well = self._handle(delivery)
            run.handled += well
            run.failed += not well
            if stop() or parts.monotonic() > run.deadline:
                return

    def _handle(self, delivery: Delivery) -> bool:
        """Handle one message; one that took longer than its lease is another's now, and delays nobody behind it."""
        try:
            with delivery:
                self._parts.handlers.handle(delivery)
        except LeaseLostError as error:
            _log.warning("lease lost", extra={"message_id": delivery.message.id, "detail": str(error)})
            return False
        return delivery.error is None

    def _share(self, run: _Run) -> str:
        parts = self._parts
        run.off = parts.halt.check("Agent.beat")
        parts.cursors.load()
        try:
            run.posted = parts.learnings.post(parts.outbox) if parts.learnings.count() else 0
            faults = [
                entry for name in sorted(parts.registry.names() - {parts.me}) for entry in self._follow(run, name)
            ]
        finally:
            parts.cursors.save()
        said = f"{run.posted} posted, {len(run.learned)} received"
        return said + "".join(f"; {entry.log}/{entry.number}: {entry.fault}" for entry in faults[:5])

    def _follow(self, run: _Run, peer: str) -> list[Entry]:
        faults: list[Entry] = []
        try:
            for entry in self._parts.outbox.follow(peer, self._parts.cursors, _FOLLOW_AT_ONCE):
                self._hear(run, entry, faults)
        except StoreUnavailableError:
            raise
        except StoreError as error:
            faults.append(Entry(peer, 0, None, str(error)))  # one peer's damage is not the others'
        return faults

    def _hear(self, run: _Run, entry: Entry, faults: list[Entry]) -> None:
        if entry.opened is None or entry.fault:
            faults.append(entry)
            return
        message = entry.opened.message
        # What the body says of itself comes first, so that it cannot stand for what was verified.
        run.learned.append({**message.data, "from": entry.opened.sender, "kind": message.kind, "id": message.id})
        failed = "" if message.kind in run.off else self._tell(message)
        if failed:
            faults.append(entry._replace(fault=failed))

    def _tell(self, message: Message) -> str:
        """Let a handler know of a message that nobody acknowledges; say so if it failed, and go on."""
        try:
            self._parts.handlers.tell(message)
        except Exception as error:  # noqa: BLE001 - a handler may fail in any way; the log is read on
            return f"a handler failed on {message.id}: {type(error).__name__}: {error}"
        return ""

    def _review(self, run: _Run) -> str:
        parts = self._parts
        parts.halt.check("Agent.beat")
        peers = parts.registry.peers(but=parts.me)
        run.peers = {peer.name: str(peer.presence or peer.fault or "no card yet") for peer in peers}
        before = {peer.name: peer for peer in peers}
        raised, faults = 0, ""
        parts.cursors.load()
        parts.alerts.end_episodes({peer.name for peer in peers if not peer.fault}, "fault")
        for peer in peers:
            if peer.fault:
                self._tell_fault(peer)
        try:
            for one in accuse(peers, me=parts.me, overdue=run.overdue or run.missed > 0):
                if self._still(before[one.component]):
                    raised += parts.alerts.raise_once(one.component, one.episode, one.severity, one.detail)
            for opened in parts.alerts.fresh():
                run.alerts.append({**opened.message.data, "from": opened.sender, "id": opened.message.id})
                failed = "" if opened.message.kind in run.off else self._tell(opened.message)
                faults += f"; {failed}" if failed else ""
        finally:
            parts.cursors.save()
        tally = {verdict: list(run.peers.values()).count(verdict) for verdict in dict.fromkeys(run.peers.values())}
        said = ", ".join(f"{count} {verdict}" for verdict, count in tally.items()) or "nobody else is here"
        return said + (f"; {raised} alerts raised" if raised else "") + faults

    def _tell_fault(self, peer: Peer) -> None:
        """Keep what is wrong with a peer in the audit; what cannot be read now is no evidence."""
        evidence: bytes | None = None
        with suppress(StoreError):
            evidence = self._parts.store.read(peer.fault_at)
        if evidence is not None:
            self._parts.incidents.tell(peer.name, f"fault: {peer.fault}"[:200], peer.fault[:1000], evidence)

    def _still(self, before: Peer) -> bool:
        """Look a second time before accusing: what was read may be old on this drive."""
        again = self._parts.registry.peer(before.name)
        return (again.presence, again.fault) == (before.presence, before.fault)

    def _sweep(self, budget: Budget) -> str:
        parts = self._parts
        parts.halt.check("Agent.beat")
        more = _CATCH_UP if parts.sweeper.behind() else 1
        allowance = Allowance(more * budget.sweep_documents, more * budget.sweep_seconds, parts.monotonic)
        swept = parts.sweeper.step(allowance)
        return "; ".join(str(each) for each in swept if not each.idle) or "nothing to do"

    def _write_heartbeat(self, run: _Run, outcome: Outcome, finished_at: datetime | None) -> None:
        parts = self._parts
        beat = run.beat.model_copy(update={"outcome": outcome, "finished_at": finished_at})
        parts.registry.write_heartbeat(
            Heartbeat(
                bus=parts.bus,
                agent=parts.me,
                written_at=parts.store.now(),
                beat=beat,
                every_s=parts.schedule.every_s,
                next_due_at=run.next_due_at,
                unread=run.counts.unread if run.counts else None,
                dead=run.counts.dead if run.counts else None,
                spooled=self._spooled(),
                checks=run.checks,
                stopped=run.stopped is not None,
                **parts.vitals(),
            ),
            parts.sign,
        )

    # -- reporting --------------------------------------------------------------------------------------------

    @contextmanager
    def _step(self, run: _Run, name: str) -> Iterator[Callable[[str], None]]:
        """Run one step; what goes wrong in it is written down and stays in it."""
        begun = self._parts.monotonic()
        said: list[str] = []
        fault, away = "", False
        try:
            yield said.append
        except StoppedError:
            raise  # ends the beat, not the step
        except StoreUnavailableError as error:
            fault, away = f"{_BAD_LUCK}{error}", True
        except SomabusError as error:
            fault = str(error)
        except Exception as error:  # noqa: BLE001 - one step may fail in any way, the others still run
            fault = f"{type(error).__name__}: {error}"
        if fault or name not in ("begin", "end"):
            seconds = self._parts.monotonic() - begun
            run.steps.append(StepReport(name, not fault, fault or "".join(said), round(seconds, 4), away))

    def _report(self, run: _Run, outcome: Outcome) -> BeatReport:
        parts = self._parts
        return BeatReport(
            agent=parts.me,
            number=run.number,
            outcome=outcome,
            due_at=run.due_at,
            started_at=run.started_at,
            finished_at=parts.now(),
            missed=run.missed,
            steps=tuple(run.steps),
            handled=run.handled,
            failed=run.failed,
            set_aside=run.set_aside,
            unread=run.counts.unread if run.counts else None,
            dead=run.counts.dead if run.counts else None,
            spooled=self._spooled(),
            posted=run.posted,
            learned=tuple(run.learned),
            alerts=tuple(run.alerts),
            peers=run.peers,
            checks=run.checks,
            detail=run.detail or (str(run.stopped) if run.stopped else ""),
        )


def _outcome(run: _Run) -> Outcome:
    if not all(step.ok for step in run.steps):
        return Outcome.FAILED
    return Outcome.STOPPED if run.stopped else Outcome.OK
