"""Goals and values: read what the humans have signed; propose, say what one works on, and how far it is.

Only what an operator's signature covers counts, at the highest version that this agent has seen. What else lies in
the folder is reported and never returned as a goal.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from pydantic import ValidationError

from somabus.authority import Authority
from somabus.errors import (
    DocumentTooLargeError,
    MalformedMessageError,
    MessageError,
    ReferenceNotFoundError,
    StoreDamagedError,
    StoreRefusedError,
    TrustError,
)
from somabus.identity import Identities
from somabus.incidents import Tell
from somabus.model import tree
from somabus.model.creed import Creed
from somabus.model.envelope import Seal, seal_body, split
from somabus.model.goal import Goal, GoalState, Proposal, Work
from somabus.model.ids import IdMaker, is_id
from somabus.model.message import Value, explain
from somabus.model.names import is_name
from somabus.model.trust import Policy, Trust
from somabus.model.wire import parse_object
from somabus.ratchet import Ratchet
from somabus.store.port import Store

_JSON: Final = ".json"
_V = TypeVar("_V", bound=Value)


@dataclass(frozen=True, slots=True)
class GoalReading:
    """What the humans want: the goals that verify, active and ended, and what lies there and does not verify."""

    active: tuple[Goal, ...]
    ended: tuple[Goal, ...] = ()
    proposed: tuple[Proposal, ...] = ()
    faults: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Goal]:
        return iter(self.active)

    def __len__(self) -> int:
        return len(self.active)


class Goals:
    """Reads and works on behalf of one agent.

    Args:
        store: the bus.
        me: the agent.
        authority: knows the operators.
        identities: knows whose key is whose.
        sign: signs with the agent's key.
        ids: makes ids.
        now: the drive's time.
        tell: told of what does not verify.
    """

    def __init__(
        self,
        store: Store,
        me: str,
        *,
        authority: Authority,
        identities: Identities,
        sign: Callable[[bytes], bytes],
        ids: IdMaker,
        now: Callable[[], datetime],
        tell: Tell,
    ) -> None:
        self._store = store
        self._me = me
        self._authority = authority
        self._identities = identities
        self._sign = sign
        self._ids = ids
        self._now = now
        self._tell = tell
        self._goals = goal_reader(authority)
        self._values = values_reader(authority)

    def read(self) -> GoalReading:
        """Return the goals as they stand.

        Raises:
            TrustError: this bus acts on certified agents alone, and this one is not certified.
            StoreUnavailableError: could not look.
        """
        self._must_be_certified()
        keys = {f"{tree.GOALS}/{name}" for name in self._store.list(tree.GOALS) if name.endswith(_JSON)}
        found: list[Goal] = []
        faults: list[str] = []
        for key in sorted(keys | {key for key in self._goals.seen(tree.GOALS) if key.endswith(_JSON)}):
            reading = self._goals.read(key)
            fault, value = reading.fault, reading.value
            if value is not None and tree.goal(value.id) != key:
                fault, value = f"{key}: it was made as the goal {value.id}", None
            if fault:
                self._tell(key, fault, fault, reading.raw)
                faults.append(fault)
            if value is not None:
                found.append(value)
        proposals = self._proposals({goal.id for goal in found}, faults)
        active = tuple(goal for goal in found if goal.state is GoalState.ACTIVE)
        ended = tuple(goal for goal in found if goal.state is GoalState.ENDED)
        return GoalReading(active, ended, proposals, tuple(faults))

    def values(self) -> str:
        """Return the humans' values, as they signed them; an empty text if there are none.

        Raises:
            TrustError: what stands there is not theirs, and nothing that was is remembered.
        """
        self._must_be_certified()
        reading = self._values.read(tree.VALUES)
        if reading.fault:
            self._tell(tree.VALUES, reading.fault, reading.fault, reading.raw)
        if reading.value is None and reading.fault:
            raise TrustError(reading.fault)
        return "" if reading.value is None else reading.value.text

    def propose(self, title: str, body: str) -> Proposal:
        """Ask the humans for a goal; it counts for nothing until one of them activates it.

        Raises:
            MalformedMessageError: the title is empty or too long.
        """
        now = self._now()
        made = self._checked(
            Proposal,
            bus=self._authority.bus.bus,
            id=self._ids.make(now),
            agent=self._me,
            title=title,
            body=body,
            at=now,
        )
        self._store.create_many([(tree.proposal(made.id), seal_body(made.to_json(), Seal.PROPOSAL, self._sign))])
        return made

    def work_on(self, goal_id: str, doing: str, progress: float | None, *, done: bool) -> tuple[Work, ...]:
        """Say what this agent does for a goal, and return what others do for it.

        Of two that begin at the same moment at least one learns of the other: each writes first and looks then.

        Raises:
            ReferenceNotFoundError: no active goal has this id; nothing was written.
        """
        if all(goal.id != goal_id for goal in self.read().active):
            raise ReferenceNotFoundError("goal", goal_id)
        now, mine = self._now(), next((each for each in self.workers(goal_id) if each.agent == self._me), None)
        work = self._checked(
            Work, bus=self._authority.bus.bus, goal=goal_id, agent=self._me, doing=doing, progress=progress, done=done,
            since=mine.since if mine else now, updated_at=now,
        )  # fmt: skip
        self._store.replace(tree.work(goal_id, self._me), seal_body(work.to_json(), Seal.WORK, self._sign))
        return tuple(each for each in self.workers(goal_id) if each.agent != self._me and not each.done)

    def workers(self, goal_id: str) -> tuple[Work, ...]:
        """Return what everybody has said of its work on a goal, done or not."""
        if not is_id(goal_id):
            raise ReferenceNotFoundError("goal", goal_id)
        names = [name.removesuffix(_JSON) for name in self._store.list(tree.work(goal_id))]
        found = [self._work(goal_id, name) for name in names if is_name(name)]
        return tuple(each for each in found if each is not None)

    # -- steps ------------------------------------------------------------------------------------------------

    def _must_be_certified(self) -> None:
        self._authority.refresh()
        if self._authority.bus.policy.trust is not Policy.CERTIFIED:
            return
        standing = self._identities.standing(self._me)
        if standing.trust not in (Trust.CERTIFIED, Trust.OPERATOR):
            why = standing.fault or "no certificate is there"
            raise TrustError(
                f"{self._me} is not certified on this bus, so its goals are not {self._me}'s ({why}); "
                f"an operator certifies it with: somabus operator certify {self._me}"
            )

    def _proposals(self, known: set[str], faults: list[str]) -> tuple[Proposal, ...]:
        found: list[Proposal] = []
        for name in self._store.list(tree.PROPOSALS):
            key = f"{tree.PROPOSALS}/{name}"
            try:
                raw = self._store.read(key, listed=True) or b""
                made = Proposal.from_object(parse_object(split(raw).body))
                self._check_author(raw, made.agent, Seal.PROPOSAL)
                if tree.proposal(made.id) != key or made.bus != self._authority.bus.bus:
                    faults.append(f"{key}: it was made for another place")
                elif made.id not in known:
                    found.append(made)
            except (MessageError, TrustError, StoreDamagedError, StoreRefusedError, DocumentTooLargeError) as error:
                faults.append(f"{key}: {error}")
        return tuple(found)

    def _work(self, goal_id: str, name: str) -> Work | None:
        try:
            raw = self._store.read(tree.work(goal_id, name), listed=True) or b""
            work = Work.from_object(parse_object(split(raw).body))
            self._check_author(raw, name, Seal.WORK)
        except (MessageError, TrustError, StoreDamagedError, StoreRefusedError, DocumentTooLargeError):
            return None  # nobody says anything there
        ours = (work.bus, work.goal, work.agent) == (self._authority.bus.bus, goal_id, name)
        return work if ours else None

    def _check_author(self, raw: bytes, agent: str, seal: Seal) -> None:
        if not self._identities.signed_by(agent, split(raw), seal):
            raise TrustError(f"it was not signed by {agent}")

    def _checked(self, kind: type[_V], **members: object) -> _V:
        try:
            value = kind(**members)
            value.to_json()
        except ValidationError as error:
            raise MalformedMessageError(explain(error)) from None
        except TypeError as error:
            raise MalformedMessageError(str(error)) from None
        return value


def goal_reader(authority: Authority) -> Ratchet[Goal]:
    """Return what reads goals, at the highest version seen."""
    return authority.ratchet(
        lambda raw: Goal.from_object(parse_object(split(raw).body)),
        lambda raw: authority.opened(raw, Seal.GOAL, Goal),
    )


def values_reader(authority: Authority) -> Ratchet[Creed]:
    """Return what reads the values, at the highest version seen."""
    return authority.ratchet(lambda raw: Creed.opened(raw)[0], lambda raw: opened_values(authority, raw))


def opened_values(authority: Authority, raw: bytes) -> Creed:
    """Return the values if an operator of this bus signed them.

    Raises:
        MessageError, TrustError: it is no such file, or nobody did.
    """
    creed, envelope = Creed.opened(raw)
    if creed.bus != authority.bus.bus:
        raise TrustError(f"it was made for another bus, {creed.bus}")
    if authority.bus.signer_of(envelope, Seal.VALUES) is None:
        raise TrustError("it is not signed by an operator of this bus")
    return creed
