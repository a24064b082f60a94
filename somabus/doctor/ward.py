"""How the bus does: a table of looks, each of which reads one thing and says what is wrong with it.

Nothing is changed. What a look finds carries its cause and the next command; a look that finds nothing says nothing.
"""

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Final

from somabus.agent import Agent
from somabus.doctor.debris import debris
from somabus.doctor.finding import Finding, Weight
from somabus.doctor.queues import wedged
from somabus.errors import (
    MessageError,
    SomabusError,
    StoreDamagedError,
    StoreRefusedError,
    StoreUnavailableError,
    UnsafeKeyError,
)
from somabus.home import agents_here
from somabus.model.deadletter import DeadLetter, Reason
from somabus.model.heartbeat import Outcome
from somabus.model.ids import milliseconds
from somabus.model.presence import SKEW_TOLERANCE, Presence, span
from somabus.model.slot import WHY, Slot, State
from somabus.model.stop import scope_of
from somabus.model.text import many
from somabus.model.tree import box
from somabus.model.wire import parse_object
from somabus.operator.oversight import stops_of
from somabus.operator.seat import Seat
from somabus.peer import Peer
from somabus.registry import Registry
from somabus.scheduler import standing
from somabus.store.directory.mount import mount_of
from somabus.sweep.room import Fill
from somabus.verify import Fault, judge_path, judge_store
from somabus.verify.mail import SYNC

FIX: Final = "somabus doctor --fix"
_MOST: Final = 20
_MOST_DEAD: Final = 1000
_PATIENT: Final = timedelta(hours=1)
_UNKNOWN_CADENCE_S: Final = 6 * 3600.0
_OTHERS_WRITE: Final = 0o002
_OTHERS_READ: Final = 0o077


@dataclass(frozen=True)
class Ward:
    """The bus as the doctor reads it: its address, and its folder if it is one; `home` is where our keys lie."""

    seat: Seat
    where: str
    root: Path | None
    home: Path

    @cached_property
    def peers(self) -> tuple[Peer, ...]:
        """Everybody on the bus."""
        return Registry(self.seat.store, self.seat.authority, self.seat.identities).peers()


def look_round(ward: Ward) -> Iterator[Finding]:
    """Take every look; one that fails is itself a finding.

    Raises:
        StoreUnavailableError: the drive is away.
    """
    for name, look in LOOKS.items():
        try:
            yield from look(ward)
        except StoreUnavailableError:
            raise
        except (OSError, SomabusError) as error:
            yield Finding(name, Weight.ERROR, "bus", f"could not look: {error}", "somabus verify")


def _stops(ward: Ward) -> Iterator[Finding]:
    for each in stops_of(ward.seat):
        yield Finding("stop", Weight.WARNING, str(each.scope), str(each), "when it may go on: somabus resume")


def _claims(ward: Ward) -> Iterator[Finding]:
    """A claim whose lease ended long ago is one that nobody takes over: its agent does not run."""
    now, every = ward.seat.store.now(), {peer.name: peer.card.every_s for peer in ward.peers if peer.card}
    for agent in _agents(ward):
        patience = max(_PATIENT, timedelta(seconds=2 * every.get(agent, _UNKNOWN_CADENCE_S)))
        ends = [slot.until for slot in _slots(ward, agent, State.CLAIMED) if slot.until is not None]
        stuck = [end for end in ends if end < milliseconds(now - patience)]
        if stuck:
            since = span(timedelta(milliseconds=milliseconds(now) - min(stuck)))
            said = f"claims whose lease has ended: {len(stuck)}, the oldest {since} ago; nobody took them over"
            yield Finding("stuck claim", Weight.WARNING, agent, said, f"on its machine: somabus beat --agent {agent}")


def _slots(ward: Ward, agent: str, state: State) -> Iterator[Slot]:
    for name in _names(ward, box(agent, state)):
        slot = Slot.parse(name)
        if slot is not None and slot.fits(state):
            yield slot


def _dead(ward: Ward) -> Iterator[Finding]:
    for agent in _agents(ward):
        tally = Counter(_why(ward, agent, name) for name in _names(ward, box(agent, State.DEAD)) if name.endswith(WHY))
        for reason, count in sorted(tally.items()):
            said = f"dead letters: {count}, {reason}; {_REMEDIES.get(reason, 'look at them')}"
            yield Finding("dead letter", Weight.WARNING, agent, said, f"somabus dead --agent {agent}")


def _why(ward: Ward, agent: str, name: str) -> str:
    try:
        raw = ward.seat.store.read(f"{box(agent, State.DEAD)}/{name}") or b""
        return DeadLetter.from_object(parse_object(raw)).reason
    except (MessageError, StoreDamagedError):
        return "for a reason that cannot be read"


_REMEDIES: Final[dict[str, str]] = {
    Reason.MALFORMED: "the writer broke the format",
    Reason.TOO_LARGE: "the writer broke the format",
    Reason.NOT_A_FILE: "the writer broke the format",
    Reason.BAD_NAME: "the writer broke the format",
    Reason.WRONG_ADDRESS: "somebody copies mail",
    Reason.FORGED: "find out who wrote them before anything else",
    Reason.REVOKED: "an operator called the key back",
    Reason.UNTRUSTED: "this bus does not act on such mail",
    Reason.NOT_APPROVED: "ask for an approval and send again",
    Reason.HOPS: "two agents answer each other",
    Reason.ATTEMPTS: "the handler fails on them; mend it, then replay",
    Reason.REJECTED: "the handler refused them",
}


def _peers(ward: Ward) -> Iterator[Finding]:
    now = ward.seat.store.now()
    for peer in ward.peers:
        seen = span(now - peer.last_seen) if peer.last_seen else ""
        host = f" (on {peer.heartbeat.host})" if peer.heartbeat and peer.heartbeat.host else ""
        cadence = peer.card.cadence if peer.card else ""
        said = f"has not beaten in {seen}{host}; its cadence is {cadence}"
        step = f"there: somabus beat --agent {peer.name}, and see that its schedule fires"
        if peer.presence is Presence.SILENT:
            yield Finding("silent agent", Weight.WARNING, peer.name, said, step)
        elif peer.presence is Presence.LATE:
            yield Finding("late agent", Weight.NOTE, peer.name, said, step)


def _beats(ward: Ward) -> Iterator[Finding]:
    for peer in ward.peers:
        beat = peer.heartbeat.beat if peer.heartbeat else None
        if beat is None:
            continue
        at = f"beat {beat.number} of {beat.due_at:%Y-%m-%d %H:%M} UTC"
        if beat.missed:
            said = f"missed {many(beat.missed, 'beat')} before {at}: its machine slept or its schedule did not fire"
            yield Finding("missed beats", Weight.WARNING, peer.name, said, f"there: somabus status --agent {peer.name}")
        if beat.outcome is Outcome.RUNNING and ward.seat.store.now() - beat.started_at > _PATIENT:
            said = f"{at} fired and ran, and did not finish: it was killed, or hangs"
            yield Finding(
                "unfinished beat", Weight.WARNING, peer.name, said, f"there: somabus beat --agent {peer.name}"
            )
        if beat.outcome is Outcome.FAILED:
            said = f"{at} fired and ran, and a step of it failed"
            yield Finding("failed beat", Weight.WARNING, peer.name, said, f"there: somabus beat --agent {peer.name}")


def _clocks(ward: Ward) -> Iterator[Finding]:
    for peer in ward.peers:
        offset_s = (peer.heartbeat.clock_offset_s if peer.heartbeat else None) or 0.0
        if peer.presence is Presence.SKEWED:
            said = "its last beat lies in the future of the drive's clock"
        elif abs(offset_s) > SKEW_TOLERANCE.total_seconds():
            said = (
                f"at its last beat its machine's clock was {span(timedelta(seconds=abs(offset_s)))} beside the drive's"
            )
        else:
            continue
        host = f" ({peer.heartbeat.host})" if peer.heartbeat and peer.heartbeat.host else ""
        yield Finding(
            "skewed clock", Weight.WARNING, peer.name, said + host, "set that machine's clock by a time server"
        )


def _debris(ward: Ward) -> Iterator[Finding]:
    found = [] if ward.root is None else list(debris(ward.root, ward.seat.store.now().timestamp()))
    if found:
        oldest = span(timedelta(seconds=max(each.age_s for each in found)))
        said = f"left by writers that were killed: {many(len(found), 'folder')}, the oldest {oldest} ago"
        yield Finding("debris", Weight.NOTE, "tmp", said, FIX)


def _damage(ward: Ward) -> Iterator[Finding]:
    now = ward.seat.store.now
    faults = judge_store(ward.seat.store)[0] if ward.root is None else judge_path(ward.root, now=now)[0]
    told = [_told(fault) for fault in faults if scope_of(fault.path) is None]  # a stop is told as one
    yield from told[:_MOST]
    if len(told) > _MOST:
        yield Finding(
            "damage", Weight.ERROR, "bus", f"{many(len(told) - _MOST, 'more fault')} in the tree", "somabus verify"
        )


def _told(fault: Fault) -> Finding:
    if fault.rule == SYNC:
        step = "move the bus to a drive, or leave its folder out of the sync tool; then remove the copy"
        return Finding("conflict copy", Weight.WARNING, fault.path, fault.rule, step)
    weight = Weight.ERROR if fault.weight == "error" else Weight.NOTE
    return Finding("damage", weight, fault.path, fault.rule, fault.step)


def _keys(ward: Ward) -> Iterator[Finding]:
    for key in open_keys(ward.home, ward.seat.bus.bus):
        said = "others on this machine can read this private key, and speak in its name; it is not used until that ends"
        yield Finding("open key", Weight.ERROR, str(key), said, FIX)


def open_keys(home: Path, bus: str) -> list[Path]:
    """Return the private keys for a bus that are not for this user alone."""
    if os.name != "posix":
        return []
    kept = [*(home / "buses" / bus).glob("*/key*"), *(home / "operators" / bus).glob("*/key*"), home / "mcp-token"]
    return [each for each in sorted(kept) if each.is_file() and each.name != "key.was" and _readable(each)]


def _readable(key: Path) -> bool:
    return bool(key.lstat().st_mode & _OTHERS_READ)


def _folder(ward: Ward) -> Iterator[Finding]:
    if ward.root is None:
        return
    mode = ward.root.stat().st_mode
    if os.name == "posix" and not mount_of(ward.root).network and mode & _OTHERS_WRITE and not mode & stat.S_ISVTX:
        said = "everybody on this machine may remove what lies on the bus"
        yield Finding("folder", Weight.NOTE, str(ward.root), said, f"chmod o-w {ward.root}, or see docs/security.md")


def _schedules(ward: Ward) -> Iterator[Finding]:
    """Tell installed, fired, ran and finished apart for each agent whose key is on this machine."""
    known = {peer.name for peer in ward.peers if peer.card is not None}
    for name in sorted(known & set(agents_here(ward.home, ward.seat.bus.bus))):
        with suppress(UnsafeKeyError, StoreRefusedError):  # told as an open key; another user's, for the server
            found = standing(Agent(name, ward.where, home=ward.home, join=False))
            weight = Weight.WARNING if found.unwell else Weight.NOTE
            if found.missing:
                yield Finding("schedule", weight, name, found.fact, found.next_step)


def _room(ward: Ward) -> Iterator[Finding]:
    """Say how full the bus is, where it comes near its budget."""
    fill = Fill(ward.seat.store.weigh(""), ward.seat.bus.policy.retention.budget_bytes)
    if fill.level != "ok":
        weight = Weight.ERROR if fill.level == "error" else Weight.WARNING
        yield Finding(
            "room", weight, "bus", f"the bus takes {fill}", "see what stays: somabus sweep --rehearse --agent NAME"
        )


LOOKS: Final[dict[str, Callable[[Ward], Iterator[Finding]]]] = {
    "stop": _stops,
    "stuck claim": _claims,
    "dead letter": _dead,
    "silent agent": _peers,
    "missed beats": _beats,
    "schedule": _schedules,
    "skewed clock": _clocks,
    "debris": _debris,
    "damage": _damage,
    "open key": _keys,
    "folder": _folder,
    "room": _room,
    "wedged queue": lambda ward: wedged(ward.seat),
}


def _agents(ward: Ward) -> list[str]:
    return ward.seat.store.list("messages")


def _names(ward: Ward, prefix: str) -> list[str]:
    try:
        return ward.seat.store.list(prefix)
    except StoreDamagedError:
        return []  # a file stands there, which is told as damage
