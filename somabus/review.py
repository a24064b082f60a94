"""Reviewing peers: who is silent, and who of us may say so."""

from collections.abc import Iterable
from typing import NamedTuple

from somabus.model.presence import Presence
from somabus.peer import Peer


class Accusation(NamedTuple):
    """What would be raised as an alert, once an episode."""

    component: str
    episode: str
    severity: str
    detail: str


def accuse(peers: Iterable[Peer], *, me: str, overdue: bool) -> list[Accusation]:
    """Decide what to raise an alert about.

    A reviewer that was itself overdue accuses nobody: what it takes for silence may be its own absence. An episode
    is named after the peer's last beat, so it ends by itself when the peer beats again.
    """
    found: list[Accusation] = []
    for peer in peers:
        if peer.name == me:
            continue
        if peer.fault:
            found.append(Accusation(peer.name, f"fault: {peer.fault}"[:200], "error", peer.fault[:1000]))
        elif peer.presence is Presence.SILENT and not overdue:
            number = peer.heartbeat.beat.number if peer.heartbeat else 0
            seen = f"{peer.last_seen:%Y-%m-%d %H:%M:%S} UTC" if peer.last_seen else "its joining"
            found.append(Accusation(peer.name, f"silent after beat {number}", "warning", f"silent since {seen}"))
        elif peer.presence is Presence.SKEWED:
            number = peer.heartbeat.beat.number if peer.heartbeat else 0
            detail = "its last beat lies in the future of the drive's clock; check that machine's clock"
            found.append(Accusation(peer.name, f"skewed at beat {number}", "warning", detail))
    return found
