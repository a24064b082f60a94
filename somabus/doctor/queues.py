"""Queues that stand still: the doctor says of each why, and what to do."""

import os
from collections.abc import Iterator
from datetime import timedelta

from somabus.doctor.finding import Finding, Weight
from somabus.jobs.aside import Aside
from somabus.jobs.asking import recipient_of
from somabus.jobs.ledger import Ledger
from somabus.jobs.look import Look
from somabus.jobs.opening import JobOpener
from somabus.jobs.records import Records
from somabus.jobs.standstill import Ground
from somabus.jobs.workers import Workers
from somabus.lease import Leases
from somabus.opener import Opener
from somabus.operator.oversight import approvals_of, stops_of
from somabus.operator.seat import Seat


def wedged(seat: Seat) -> Iterator[Finding]:
    """Find queues in which jobs wait for something that does not come by itself, and jobs that failed or are dead."""
    look = look_of(seat)
    for queue in look.queues():
        failures, causes = look.standing(queue)
        for each in causes:
            yield Finding("wedged queue", Weight.WARNING, queue, each.why, each.step or f"somabus jobs stats {queue}")
        for each in failures:
            yield Finding("failed jobs", Weight.WARNING, queue, each.why, each.step)


def look_of(seat: Seat) -> Look:
    """Return the queues as one sees them who sits there."""
    bus = seat.bus.bus
    opener = Opener(seat.name, seat.authority, seat.identities, seat.now)
    sign = seat.signer.sign
    records = Records(seat.store, bus, seat.name, counts=opener.counts, sign=sign, entropy=os.urandom)
    ledger = Ledger(seat.store, bus, seat.name, counts=opener.counts, sign=sign)
    aside = Aside(seat.store, seat.name, records, opener, may_act=lambda _opened: False, seal=lambda *_said: b"")
    jobs = JobOpener(seat.name, seat.authority, opener, lambda: approvals_of(seat))
    leases = Leases(seat.store, seat.name, "looks", timedelta())
    ground = Ground(
        seat.store, records, Workers(seat.store), leases, lambda: stops_of(seat),
        lambda job: recipient_of(job, jobs, approvals_of(seat)),
    )  # fmt: skip
    return Look(ground, ledger, jobs, aside)
