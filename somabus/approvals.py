"""Approvals: an agent asks before a protected action, and does it only with an operator's signed yes.

    approvals/<id>/request.json    created once by the agent, sealed with its key
    approvals/<id>/answer.json     created once by an operator, over the digest of exactly those bytes
    approvals/<id>/use.json        created once by whoever does it: one winner

Power cut between an agent's use and its action: the action was not done and the approval is spent; ask again. A use
is remembered at home as well, so that whoever takes the file away has gained nothing.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from somabus.authority import Authority
from somabus.errors import (
    ConfigurationError,
    DocumentTooLargeError,
    KeyExistsError,
    MalformedMessageError,
    MessageError,
    NotApprovedError,
    StoreDamagedError,
    StoreRefusedError,
    TrustError,
)
from somabus.halt import Halt
from somabus.identity import Identities
from somabus.incidents import Tell
from somabus.model import tree
from somabus.model.approval import Answer, ApprovalState, Covered, Request, Use, mismatch, standing
from somabus.model.envelope import Seal, seal_body, split
from somabus.model.ids import IdMaker, is_id, later
from somabus.model.message import explain
from somabus.model.wire import parse_object, refuse_unwritable
from somabus.store.port import Store

_LONGEST: Final = timedelta(days=90)
_GLANCE_S: Final = 1.0


class Asked(NamedTuple):
    """One approval as it stands now; `fault` says what lies there and does not count."""

    request: Request
    state: ApprovalState
    answer: Answer | None = None
    fault: str = ""
    digest: str = ""


class Approval:
    """What `Agent.ask_approval` returns: look at it, wait for the answer, use it once."""

    def __init__(self, approvals: "Approvals", request: Request) -> None:
        self._approvals = approvals
        self.request = request

    @property
    def id(self) -> str:
        """Its id, for `send(approval=…)` and for people."""
        return self.request.id

    @property
    def state(self) -> ApprovalState:
        """Where it stands now: asked, granted, denied, expired or used."""
        return self._approvals.look(self.id).state

    @property
    def why(self) -> str:
        """What the operator said with the answer."""
        answer = self._approvals.look(self.id).answer
        return "" if answer is None else answer.why

    @property
    def fault(self) -> str:
        """What lies there in the place of an answer and is none."""
        return self._approvals.look(self.id).fault

    def wait(self, timeout: float) -> bool:
        """Wait for the answer, at most so many seconds; True if it was granted, False if not, or not yet."""
        return self._approvals.wait(self.id, timeout)

    def use(self) -> None:
        """Use it up, right before the action; whoever returns from this may act, and nobody else ever.

        Raises:
            NotApprovedError: it was not granted, is past its expiry, or was used before. Do not act.
            StoppedError: a human stopped this agent. Do not act.
        """
        self._approvals.use(self.id)


class Approvals:
    """Asks, waits and uses on behalf of one agent.

    Args:
        store: the bus.
        home: remembers what was asked and used.
        me: the agent.
        authority: knows the operators and the categories.
        identities: knows whose key is whose.
        halt: looks whether a human has stopped it.
        sign: signs with the agent's key.
        ids: makes ids.
        now: the drive's time.
        monotonic: seconds, for waiting.
        tell: told of what does not count.
    """

    def __init__(
        self,
        store: Store,
        home: Store,
        me: str,
        *,
        authority: Authority,
        identities: Identities,
        halt: Halt,
        sign: Callable[[bytes], bytes],
        ids: IdMaker,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        tell: Tell,
    ) -> None:
        self._store = store
        self._home = home
        self._me = me
        self._authority = authority
        self._identities = identities
        self._halt = halt
        self._sign = sign
        self._ids = ids
        self._now = now
        self._monotonic = monotonic
        self._tell = tell

    def ask(
        self, action: str, detail: str, data: dict[str, Any], category: str, to: str | None, expires_in: timedelta
    ) -> Approval:
        """Write a request for the operators to see.

        Raises:
            ConfigurationError: no such category, nobody who could answer, or no such expiry; nothing was asked.
            MalformedMessageError: the request breaks a rule; it is named.
        """
        self._authority.refresh()
        bus = self._authority.bus
        if not bus.owned:
            raise ConfigurationError(
                "nobody can approve on this bus, it has no operator; a human makes one: somabus operator init"
            )
        if category not in bus.policy.categories:
            known = ", ".join(bus.policy.categories)
            raise ConfigurationError(f"{category!r} is no category of this bus; there are: {known}")
        if not timedelta(0) < expires_in <= _LONGEST:
            raise ConfigurationError(f"an approval expires within {_LONGEST.days} days, not in {expires_in}")
        now = self._now()
        try:
            refuse_unwritable(data)
            request = Request(
                bus=bus.bus, id=self._ids.make(now), agent=self._me, action=action, category=category, detail=detail,
                data=data, to=to or self._me, asked_at=now, expires_at=later(now, expires_in),
            )  # fmt: skip
            raw = seal_body(request.to_json(), Seal.REQUEST, self._sign)
        except ValidationError as error:
            raise MalformedMessageError(explain(error)) from None
        except TypeError as error:
            raise MalformedMessageError(f"data cannot be written as JSON: {error}") from None
        self._store.create_many([(tree.approval(request.id, "request"), raw)])
        return Approval(self, request)

    def recall(self, approval_id: str) -> Approval:
        """Return an approval that was asked for before, by this process or another; to be used by who it is for.

        Raises:
            NotApprovedError: there is no request of that id that its agent signed.
        """
        return Approval(self, self.look(approval_id).request)

    def look(self, approval_id: str) -> Asked:
        """Return where an approval stands.

        Raises:
            NotApprovedError: there is no request of that id that its agent signed.
        """
        return self._look(approval_id, self._tell)

    def _look(self, approval_id: str, tell: Tell) -> Asked:
        self._authority.refresh()
        raw, request = self._request(approval_id, tell)
        answer, fault = self._answer(approval_id, raw, tell)
        used = self._used(approval_id)
        return Asked(request, standing(request, answer, self._now(), used=used), answer, fault, request_digest(raw))

    def all(self) -> Iterator[Asked]:
        """Yield every approval, oldest first; what nobody signed is told and left out."""
        for name in self._store.list(tree.APPROVALS):
            if is_id(name):
                with suppress(NotApprovedError):
                    yield self.look(name)

    def wait(self, approval_id: str, timeout: float) -> bool:
        """See `Approval.wait`."""
        until = self._monotonic() + timeout
        while self.look(approval_id).state is ApprovalState.ASKED:
            left = until - self._monotonic()
            if left <= 0:
                return False
            self._store.wait(tree.approval(approval_id), min(left, _GLANCE_S))
        return self.look(approval_id).state is ApprovalState.GRANTED

    def use(self, approval_id: str) -> None:
        """See `Approval.use`."""
        asked = self.look(approval_id)
        if asked.request.agent != self._me or asked.request.to != self._me:
            raise self._refused(
                self._tell, approval_id, f"it is for {asked.request.agent} on {asked.request.to}, not {self._me}"
            )
        self._halt.check("Approval.use", [asked.request.action])
        try:
            self._spend(asked, None)
        except NotApprovedError as error:
            # A false answer was told when it was looked at; impatience is no attack.
            if not asked.fault and asked.state is not ApprovalState.ASKED:
                self._tell(f"approval {approval_id}", error.reason, error.reason)
            raise

    def recipient(self, approval_id: str) -> str:
        """Return who is to use an approval, and tell nobody of what is wrong with it: whoever uses it does.

        Raises:
            NotApprovedError: there is no request of that id that its agent signed.
        """
        return self._look(approval_id, _nobody).request.to

    def awaits(self, covered: Covered) -> bool:
        """Tell whether what is protected must wait here: its approval is another's to use, or nobody answered yet.

        Nobody is told of what is wrong with an approval: whoever uses it does that.
        """
        try:
            asked = self._look(covered.approval, _nobody)
        except NotApprovedError:
            return False
        if asked.request.to != self._me:
            return True
        return asked.state is ApprovalState.ASKED and not (asked.fault or mismatch(asked.request, covered, self._me))

    def cover(self, covered: Covered, *, spend: bool) -> None:
        """Make sure that protected mail, or a protected job, is covered by an approval, and use it up for that.

        Raises:
            NotApprovedError: none covers exactly this.
        """
        if not is_id(covered.approval):
            raise NotApprovedError(covered.approval, f"{covered.called}, and it names none")
        asked = self._look(covered.approval, _nobody)  # whoever sets it aside tells of it
        differs = mismatch(asked.request, covered, self._me)
        if differs:
            raise NotApprovedError(covered.approval, differs)
        use = self._spent_here(covered.approval)
        if use is not None and use.message == covered.id and not use.done:
            return  # this very one, come again: what lies on the bus could be anybody's word, this is ours
        if spend:
            self._spend(asked, covered.id)
        elif asked.state is not ApprovalState.GRANTED:
            raise NotApprovedError(covered.approval, _said(asked))

    def finish(self, covered: Covered) -> None:
        """Note that what was covered was done to its end: no copy of it is covered again."""
        use = self._spent_here(covered.approval) if is_id(covered.approval) else None
        if use is not None and use.message == covered.id:
            done = use.model_copy(update={"done": True})
            self._home.replace(_memory(covered.approval), seal_body(done.to_json(), Seal.USE, self._sign))

    # -- steps ------------------------------------------------------------------------------------------------

    def _spend(self, asked: Asked, message_id: str | None) -> None:
        """Power cut after each step: 1 spent as far as this agent knows, 2 spent for all. Never twice."""
        request = asked.request
        if asked.state is not ApprovalState.GRANTED:
            raise NotApprovedError(request.id, _said(asked))
        use = Use(bus=request.bus, id=request.id, by=self._me, at=self._now(), message=message_id)
        raw = seal_body(use.to_json(), Seal.USE, self._sign)
        try:
            self._home.create(_memory(request.id), raw)  # 1
            self._store.create(tree.approval(request.id, "use"), raw)  # 2
        except KeyExistsError:
            raise NotApprovedError(request.id, "it was used before") from None

    def _request(self, approval_id: str, tell: Tell) -> tuple[bytes, Request]:
        if not is_id(approval_id):
            raise NotApprovedError(approval_id, "it is no id of an approval")
        key = tree.approval(approval_id, "request")
        try:
            there = "request.json" in self._store.list(tree.approval(approval_id))
            raw = self._store.read(key, listed=True) if there else None
            if raw is None:
                raise NotApprovedError(approval_id, "nobody asked for it")
            request = Request.from_object(parse_object(split(raw).body))
        except (MessageError, StoreDamagedError, StoreRefusedError, DocumentTooLargeError) as error:
            raise self._refused(tell, approval_id, f"the request cannot be read: {error}") from None
        if (request.bus, request.id) != (self._authority.bus.bus, approval_id):
            raise self._refused(
                tell, approval_id, f"the request was made as {request.id} on the bus {request.bus}", raw
            )
        if not self._identities.signed_by(request.agent, split(raw), Seal.REQUEST):
            raise self._refused(tell, approval_id, f"the request was not signed by {request.agent}", raw)
        return raw, request

    def _answer(self, approval_id: str, request: bytes, tell: Tell) -> tuple[Answer | None, str]:
        """Return an operator's answer to exactly these bytes, or why what lies there is none."""
        key = tree.approval(approval_id, "answer")
        raw = None
        try:
            if "answer.json" not in self._store.list(tree.approval(approval_id)):
                return None, ""
            raw = self._store.read(key, listed=True) or b""
            answer = self._authority.opened(raw, Seal.ANSWER, Answer)
            if answer.id != approval_id:
                fault = f"the answer was given to {answer.id}"
            elif answer.request != request_digest(request):
                fault = "the answer was given to another wording of the request"
            else:
                return answer, ""
        except (MessageError, TrustError, StoreDamagedError, StoreRefusedError, DocumentTooLargeError) as error:
            fault = str(error)
        tell(f"approval {approval_id}", fault, fault, raw)
        return None, fault

    def _used(self, approval_id: str) -> bool:
        """Tell whether an approval was used: as this agent remembers, or as anything on the bus says, by anybody."""
        if self._home.read(_memory(approval_id)) is not None:
            return True
        return "use.json" in self._store.list(tree.approval(approval_id))

    def _spent_here(self, approval_id: str) -> Use | None:
        """Return the use that this agent made of an approval; power gone in between, the bus learns it now."""
        raw = self._home.read(_memory(approval_id))
        if raw is None:
            return None
        with suppress(KeyExistsError):
            self._store.create(tree.approval(approval_id, "use"), raw)
        return Use.from_object(parse_object(split(raw).body))

    def _refused(self, tell: Tell, approval_id: str, reason: str, evidence: bytes | None = None) -> NotApprovedError:
        tell(f"approval {approval_id}", reason, reason, evidence)
        return NotApprovedError(approval_id, reason)


def _nobody(component: str, episode: str, detail: str, evidence: bytes | None = None) -> None:
    """Tell nobody."""


def request_digest(raw: bytes) -> str:
    """Return what an answer says of a request."""
    return hashlib.sha256(raw).hexdigest()


def _said(asked: Asked) -> str:
    words = {
        ApprovalState.ASKED: "no operator has answered yet",
        ApprovalState.DENIED: "an operator said no",
        ApprovalState.EXPIRED: f"it expired at {asked.request.expires_at:%Y-%m-%d %H:%M:%S} UTC",
        ApprovalState.USED: "it was used before",
        ApprovalState.GRANTED: "it is granted",
    }
    said = words[asked.state]
    why = asked.answer.why if asked.answer else ""
    return f"{said}: {why}" if why else f"{said} ({asked.fault})" if asked.fault else said


def _memory(approval_id: str) -> str:
    return f"approvals/{approval_id}.json"
