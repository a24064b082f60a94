"""One visit of the doctor: the drive, the other machine, the bus. What was learned is remembered on this machine."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from somabus.clock import Clock, SystemClock
from somabus.connection import base_of, known_bus, new_writer
from somabus.desk import Desk
from somabus.doctor import server
from somabus.doctor.between import answer, ask, planned, session
from somabus.doctor.client import client_of
from somabus.doctor.finding import Finding, Weight, learned
from somabus.doctor.mend import mend
from somabus.doctor.place import Tell, place_on, silent
from somabus.doctor.probes import examine
from somabus.doctor.ward import FIX, Ward, look_round
from somabus.errors import (
    ConfigurationError,
    MessageError,
    NotABusError,
    NotJoinedError,
    SomabusError,
    StoreDamagedError,
    StoreFullError,
    StoreRefusedError,
    StoreUnavailableError,
    TrustError,
)
from somabus.home import Drives
from somabus.model.bus import BUS_FILE
from somabus.model.drive import Drive
from somabus.model.names import check_name, nearest
from somabus.model.stop import Range
from somabus.operator.oversight import stops_of
from somabus.operator.seat import Seat
from somabus.site import is_remote, open_site
from somabus.store.directory.mount import mount_of

_TOKEN_BYTES: Final = 6


@dataclass(frozen=True, slots=True)
class Visit:
    """Args: where the bus is, where this machine keeps its keys, and who is told while something takes its time.

    `client` names the client of the drive that works at a path, `usage` looks how full it is.
    """

    path: str
    home: str | None = None
    clock: Clock = field(default_factory=SystemClock)
    tell: Tell = silent
    usage: Callable[[str], Any] = shutil.disk_usage
    client: Callable[[Path], str] = client_of

    def drive(self) -> list[Finding]:
        """Find out what this machine can about the drive, and remember it; or about the server.

        Raises:
            StoreUnavailableError: the drive is not there.
            NotABusError: there is no bus, and never was.
        """
        if is_remote(self.path):
            return self._server()
        try:
            with place_on(self._root, self.clock, f"doctor-{new_writer()}", self.usage) as place:
                found = list(examine(place))
        except StoreUnavailableError:
            if known_bus(self._root, self.home) is None:
                raise NotABusError(self.path) from None
            raise StoreUnavailableError(str(self._root), "is it mounted?") from None
        except (StoreRefusedError, StoreFullError) as error:
            return [_cannot_write(error)]
        self._remember(learned(found), "")
        return found

    def between(self, me: str, other: str, *, wait_s: float) -> Iterator[Finding]:
        """Find out, together with the machine of another agent that runs `somabus doctor --answer`, what holds there.

        Raises:
            ConfigurationError: the bus lies on a server.
            NotJoinedError: nobody of that name has joined.
            NoAnswerError: it does not answer, or no more; what was found before is remembered.
        """
        self._check_drive()
        seat = self._seat()
        self._check(other, seat)
        name, found = session(me, other, os.urandom(_TOKEN_BYTES).hex()), list[Finding]()
        known, client = self._drives().recall(str(self._root)), self.client(self._root)
        plan = planned(me, other, known, seat.bus.policy.staleness_s, seat.store.now(), client)
        try:
            with place_on(self._root, self.clock, name) as place:
                for finding in ask(place, plan, wait_s=wait_s, tell=self.tell):
                    found.append(finding)
                    yield finding
        finally:
            if facts := learned(found):
                self._remember(facts, other)

    def answer(self, me: str, *, wait_s: float) -> tuple[str, Drive | None]:
        """Wait until somebody asks, do the other part, and return who asked and what is known of the drive now.

        That is None where somebody on this same machine asked: nothing was tried, nothing is remembered.

        Raises:
            NoAnswerError: nobody asks, or no more.
        """
        self._check_drive()
        seat = self._seat()
        asker, facts = answer(
            self._root / "tmp", me, client=self.client(self._root), clock=self.clock, drive_now=seat.store.now,
            wait_s=wait_s, tell=self.tell,
        )  # fmt: skip
        return asker, None if facts is None else self._remember(facts, asker)

    def bus(self, *, fix: bool = False) -> list[Finding]:
        """Read how the bus does; with `fix`, put right what is provably safe, unless a human stopped the bus.

        Raises:
            StoreUnavailableError: could not look.
        """
        try:
            ward = Ward(self._seat(), self.path, None if is_remote(self.path) else self._root, base_of(self.home))
        except (TrustError, MessageError, StoreDamagedError) as error:
            step = "bring back a copy of it; no agent can start without"
            return [Finding("damage", Weight.ERROR, BUS_FILE, str(error), step)]
        if fix and self._stopped(ward.seat):
            return [_held(each) for each in look_round(ward)]
        return [*(mend(ward) if fix else ()), *look_round(ward)]

    def _server(self) -> list[Finding]:
        site = open_site(self.path, base_of(self.home), new_writer())
        if site.facts is None:
            return []
        site.check()
        try:
            return list(server.examine(site.facts(), site.store, self.clock, f"doctor-{new_writer()}"))
        except StoreFullError as error:
            return [_cannot_write(error)]

    def _check_drive(self) -> None:
        if is_remote(self.path):
            message = (
                "two machines see one server alike: there is nothing to examine between them; leave the option out"
            )
            raise ConfigurationError(message)

    @property
    def _root(self) -> Path:
        return Path(self.path).absolute()

    def _seat(self) -> Seat:
        return Desk(self.path, home=self.home).look()

    def _drives(self) -> Drives:
        return Drives(base_of(self.home), new_writer())

    def _remember(self, facts: dict[str, Any], against: str) -> Drive:
        """Join what was found with what was known, unless another kind of drive lies there now."""
        drives, path, (kind, network) = self._drives(), str(self._root), mount_of(self._root)
        before = drives.recall(path)
        if before.kind != kind:
            before = Drive(kind=kind, network=network)
        now = before.joined(facts, against=against, at=self.clock.now())
        drives.remember(path, now)
        return now

    def _check(self, other: str, seat: Seat) -> None:
        names = seat.identities.names()
        if check_name(other) not in names:
            raise NotJoinedError(other, nearest(other, names))

    def _stopped(self, seat: Seat) -> bool:
        return any(each.scope.range is Range.BUS for each in stops_of(seat))


def _cannot_write(error: SomabusError) -> Finding:
    step = "give this user the right to write there, or make room"
    return Finding("write", Weight.ERROR, "drive", f"this machine cannot write on the bus: {error}", step)


def _held(finding: Finding) -> Finding:
    """Say of what `--fix` would have put right that a stop keeps it as it is."""
    if finding.step != FIX:
        return finding
    cause = f"{finding.cause}; it was left as it is, for a human has stopped the bus"
    return replace(finding, cause=cause, step=f"when it may go on: somabus resume, then {FIX}")
