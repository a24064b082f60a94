"""The services about jobs, built out of the services that are there at any rate."""

import os
from typing import TYPE_CHECKING, Any

from somabus.jobs.aside import Aside
from somabus.jobs.desk import Services
from somabus.jobs.drafting import Drafter
from somabus.jobs.follower import Follower
from somabus.jobs.once import Once
from somabus.jobs.opening import JobOpener
from somabus.jobs.records import Records
from somabus.jobs.submitter import Submitter
from somabus.jobs.workers import Workers
from somabus.model.draft import Draft
from somabus.model.trust import may_act

if TYPE_CHECKING:
    from somabus.assembly import Assembly


def services(parts: "Assembly") -> Services:
    """Build them for one agent."""
    store, bus = parts.store, parts.authority.bus
    records = Records(store, bus.bus, parts.me, identities=parts.identities, sign=parts.signer.sign, entropy=os.urandom)
    follower, workers = Follower(records), Workers(store)
    drafter = Drafter(
        bus.bus, parts.me, records=records, sign=parts.signer.sign, cause=lambda: parts.inbox.chain.cause, now=store.now
    )

    def stopped(entry: str) -> frozenset[str]:
        parts.authority.refresh()
        return parts.halt.check(entry)

    def skills() -> tuple[str, ...]:
        """Return what this agent can do: as the operators certified it, or, where nobody rules, as its card says."""
        if parts.authority.owned:
            certificate = parts.identities.standing(parts.me).certificate
            return () if certificate is None else certificate.skills
        card = parts.identities.card(parts.me)
        return () if card is None else card.skills

    def seal(body: str, data: dict[str, Any], job: str) -> bytes:
        return parts.composer.entry(Draft(to="", body=body, data=data, refs={"job": job}))[1]

    def send(to: str, body: str, **fields: Any) -> Any:
        return parts.sender.send(Draft(to=to, body=body, **fields), spool=True)

    return Services(
        me=parts.me, store=store, records=records, follower=follower,
        opener=JobOpener(parts.me, parts.authority, parts.opener, lambda: parts.approvals),
        submitter=Submitter(
            store, drafter, Once(store, records, follower), records=records, follower=follower, workers=workers,
            ids=parts.ids,
        ),
        workers=workers,
        aside=Aside(
            store, parts.me, records, parts.opener,
            may_act=lambda opened: may_act(opened.trust, parts.authority.bus.policy.trust), seal=seal,
        ),
        leases=parts.parts.leases, identities=parts.identities, ids=parts.ids, now=parts.now,
        monotonic=parts.connection.clock.monotonic, entropy=os.urandom, send=send,
        tell=parts.incidents.tell, stopped=stopped, skills=skills, chain=parts.inbox.chain,
    )  # fmt: skip
