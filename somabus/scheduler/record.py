"""What an agent's home remembers of its scheduler: the installation, the last firing, and the last start by hand."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

from somabus.connection import base_of, new_writer
from somabus.errors import MessageError
from somabus.home import agent_home
from somabus.model.firing import Firing, Installation
from somabus.model.message import Value
from somabus.model.schedule import DEFAULT, Schedule
from somabus.model.wire import parse_object
from somabus.scheduler.plan import slot_at
from somabus.store.port import Store

_INSTALLED: Final = "schedule.json"
_FIRED: Final = "firing.json"
_BY_HAND: Final = "firing-by-hand.json"
_V = TypeVar("_V", bound=Value)


class Record:
    """The record in one agent's home; nothing of it lies on the drive. What is damaged counts as not there."""

    def __init__(self, home: Store) -> None:
        self._home = home

    @classmethod
    def of(cls, bus_id: str, agent: str, home: str) -> "Record":
        """Return the record of an agent, without a look at the drive."""
        return cls(agent_home(base_of(home or None), bus_id, agent, new_writer()))

    @property
    def installation(self) -> Installation | None:
        """What was installed, if anything was."""
        return self._read(_INSTALLED, Installation)

    @property
    def firing(self) -> Firing | None:
        """The last start, whoever started it."""
        starts = [each for each in (self.fired, self._read(_BY_HAND, Firing)) if each is not None]
        return max(starts, key=lambda each: each.fired_at, default=None)

    @property
    def fired(self) -> Firing | None:
        """The last start by the scheduler: a start by hand does not hide it."""
        return self._read(_FIRED, Firing)

    def install(self, installation: Installation | None) -> None:
        """Remember what is installed; None: nothing is."""
        if installation is None:
            for key in (_INSTALLED, _FIRED, _BY_HAND):
                self._home.delete(key)
        else:
            self._home.replace(_INSTALLED, installation.to_json())

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """Be the one firing at work, or learn that another is; free again when its holder dies."""
        with self._home.lock("firing") as mine:
            yield mine

    @property
    def busy(self) -> bool:
        """Whether a firing is at work right now."""
        with self.turn() as free:
            return not free

    def fire(self, now: datetime, pid: int, job: str) -> Firing:
        """Write down what was started by an entry, or by hand if `job` is empty, before anything else is done."""
        installed = self.installation
        due, _gap = slot_at(Schedule.parse(installed.cadence if installed else DEFAULT), now)
        firing = Firing(job=job, due_at=due, fired_at=now, pid=pid)
        self._write(firing)
        return firing

    def end(self, firing: Firing, now: datetime, code: int) -> None:
        """Write down how it ended."""
        ended = firing.model_copy(update={"ended_at": now, "exit_code": code})
        self._write(ended)

    def _write(self, firing: Firing) -> None:
        self._home.replace(_FIRED if firing.job else _BY_HAND, firing.to_json())

    def _read(self, key: str, kind: type[_V]) -> _V | None:
        with suppress(MessageError):
            raw = self._home.read(key)
            return None if raw is None else kind.from_object(parse_object(raw))
        return None


def log_of(home: Path, job: str) -> Path:
    """Return where a job writes what it prints."""
    return home / "logs" / f"{job}.log"
