"""What a sweeper works on: the stores and services of one agent."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from somabus.alerts import Alerts
from somabus.authority import Authority
from somabus.channel import Channels
from somabus.cursors import CursorBook
from somabus.identity import Identities
from somabus.lease import Leases
from somabus.registry import Registry
from somabus.store.port import Store
from somabus.sweep.rehearsal import Rehearsal

if TYPE_CHECKING:
    from somabus.arcs import Arcs


class Ground(NamedTuple):
    """What a sweeper works on; on one that is not `real`, nothing is written, and no alert is raised."""

    me: str
    store: Store
    home: Store
    authority: Authority
    identities: Identities
    registry: Registry
    channels: Channels
    arcs: "Callable[[], Arcs]"
    alerts: Alerts
    cursors: CursorBook
    leases: Leases
    real: bool = True

    def rehearsed(self) -> "Ground":
        """Return the same ground, on which nothing is changed."""
        return self._replace(store=Rehearsal(self.store), home=Rehearsal(self.home), real=False)
