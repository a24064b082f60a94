"""The services about jobs of one agent, joined: what workers, handlers and people reach for."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from somabus.delivery import Chain
from somabus.halt import Stopped
from somabus.jobs.aside import Aside
from somabus.jobs.follower import Follower
from somabus.jobs.ledger import Ledger
from somabus.jobs.opening import JobOpener
from somabus.jobs.records import Records
from somabus.jobs.submitter import Submitter
from somabus.jobs.workers import Workers
from somabus.lease import Leases
from somabus.model.ids import IdMaker
from somabus.model.job import Job
from somabus.model.retention import Retention
from somabus.store.port import Store

if TYPE_CHECKING:
    from somabus.jobs.holding import Settling


class Services(NamedTuple):
    """What stands on the bus for all queues alike. `stopped` lets an entry point pass, and returns stopped kinds."""

    me: str
    store: Store
    records: Records
    ledger: Ledger
    follower: Follower
    opener: JobOpener
    submitter: Submitter
    workers: Workers
    aside: Aside
    leases: Leases
    ids: IdMaker
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    entropy: Callable[[int], bytes]
    send: Callable[..., Any]
    tell: Callable[[str, str, str], None]
    stopped: Callable[[str], frozenset[str]]
    stops: Callable[[], tuple[Stopped, ...]]
    skills: Callable[[], tuple[str, ...]]
    recipient: Callable[[Job], str | None]
    retention: Callable[[], Retention]
    chain: Chain


class Desk(NamedTuple):
    """What the handlers of one worker reach for; `wait` lets so many seconds pass."""

    me: str
    records: Records
    ledger: Ledger
    submitter: Submitter
    settling: "Settling"
    aside: Aside
    now: Callable[[], datetime]
    wait: Callable[[float], object]
    send: Callable[..., Any]
