"""launchd: a property list among the user's agents. It catches up when the machine wakes, and not when it starts."""

import plistlib
import shlex
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from somabus.scheduler.plan import Plan
from somabus.scheduler.times import Wall, here, hours_and_minutes, times_of_day
from somabus.scheduler.tool import Run, must, run

_HOURS, _MINUTES = 24, 60
_NO_SUCH: Final = (3, 113)
"""How `launchctl` says that it knows no such service."""


class Launchd:
    """The launchd of a user; `uid` names his domain."""

    name = "launchd"

    def __init__(self, uid: int, run: Run = run, folder: Path | None = None, wall: Wall = here) -> None:
        self._domain = f"gui/{uid}"
        self._run = run
        self._folder = folder or Path.home() / "Library" / "LaunchAgents"
        self._wall = wall

    def render(self, plan: Plan, now: datetime) -> str:
        """See `Scheduler.render`."""
        facts: dict[str, Any] = {
            "Label": plan.job,
            "ProgramArguments": list(plan.command),
            **self._when(plan, now),
            "ProcessType": "Background",
            "StandardErrorPath": f"{plan.log}.err",
        }
        return plistlib.dumps(facts, sort_keys=False).decode()

    def by_hand(self, plan: Plan) -> str:
        """See `Scheduler.by_hand`."""
        path = self._path(plan.job)
        return f"the file {path}; then: launchctl bootstrap {self._domain} {shlex.quote(str(path))}"

    def install(self, plan: Plan, now: datetime) -> None:
        """See `Scheduler.install`."""
        path = self._path(plan.job)
        before, text = self.find(plan.job), self.render(plan, now)
        self._boot_out(plan.job)  # also first of all the proof that launchctl is there
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        order = ["launchctl", "bootstrap", self._domain, str(path)]
        done = self._run(order, b"")
        if done.code:
            path.write_text(before, encoding="utf-8") if before else path.unlink()
        if done.code and before:
            self._run(order, b"")  # what was loaded before is loaded again
        must(order, done)

    def remove(self, job: str) -> bool:
        """See `Scheduler.remove`."""
        if not self._path(job).exists():
            return False
        self._boot_out(job)
        self._path(job).unlink()
        return True

    def find(self, job: str) -> str:
        """See `Scheduler.find`."""
        path = self._path(job)
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def start(self, job: str) -> None:
        """See `Scheduler.start`."""
        order = ["launchctl", "kickstart", f"{self._domain}/{job}"]
        must(order, self._run(order, b""))

    def look(self, job: str) -> str:
        """See `Scheduler.look`."""
        return f"launchctl print {self._domain}/{job}"

    def note(self, plan: Plan) -> str:
        """See `Scheduler.note`."""
        return "launchd starts it while you are logged in, whatever --always says" if plan.always else ""

    def _when(self, plan: Plan, now: datetime) -> dict[str, Any]:
        hours, minutes = hours_and_minutes(times_of_day(plan.schedule, self._wall, now))
        if len(hours) == _HOURS and len(minutes) == _MINUTES:
            return {"StartInterval": 60}
        if len(hours) == _HOURS:
            return {"StartCalendarInterval": [{"Minute": minute} for minute in minutes]}
        times = [{"Hour": hour, "Minute": minute} for hour in hours for minute in minutes]
        return {"StartCalendarInterval": times}

    def _boot_out(self, job: str) -> None:
        order = ["launchctl", "bootout", f"{self._domain}/{job}"]
        done = self._run(order, b"")
        if done.code not in _NO_SUCH:
            must(order, done)

    def _path(self, job: str) -> Path:
        return self._folder / f"{job}.plist"
