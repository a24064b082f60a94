"""Windows Task Scheduler: one task, as XML of its published schema; in UTC, so that no clock change touches it."""

import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import gcd
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from somabus.scheduler.plan import Plan
from somabus.scheduler.times import DAY, times_of_day, utc
from somabus.scheduler.tool import Run, must, run

_NAMESPACE: Final = "http://schemas.microsoft.com/windows/2004/02/mit/task"
_LONGEST_REPETITION: Final = timedelta(days=31)
_SECOND: Final = timedelta(seconds=1)
_MOST_TRIGGERS: Final = 48
"""So many triggers a task may have."""

_SETTINGS: Final = {
    "MultipleInstancesPolicy": "IgnoreNew",
    "DisallowStartIfOnBatteries": "false",
    "StopIfGoingOnBatteries": "false",
    "AllowHardTerminate": "true",
    "StartWhenAvailable": "true",
    "Enabled": "true",
    "ExecutionTimeLimit": "P1D",
}


class Windows:
    """The Task Scheduler, for one user, with his domain before his name."""

    name = "windows"

    def __init__(self, user: str, run: Run = run) -> None:
        self._user = user
        self._run = run

    def render(self, plan: Plan, now: datetime) -> str:
        """See `Scheduler.render`.

        In ASCII and without an encoding declared, so that it is true to its bytes however a shell writes it to a file.
        """
        task = Element("Task", version="1.2", xmlns=_NAMESPACE)
        about = SubElement(task, "RegistrationInfo")
        _texts(about, Author="somabus", Description=f"somabus beat of {plan.agent}: {plan.schedule.text}")
        SubElement(task, "Triggers").extend(_triggers(plan, now))
        principal = SubElement(SubElement(task, "Principals"), "Principal", id="Author")
        logon = "S4U" if plan.always else "InteractiveToken"
        _texts(principal, UserId=self._user, LogonType=logon, RunLevel="LeastPrivilege")
        _texts(SubElement(task, "Settings"), **_SETTINGS)
        action = SubElement(SubElement(task, "Actions", Context="Author"), "Exec")
        _texts(action, Command=plan.command[0], Arguments=subprocess.list2cmdline(plan.command[1:]))
        indent(task)
        return f'<?xml version="1.0"?>\n{tostring(task, encoding="us-ascii").decode()}\n'

    def by_hand(self, plan: Plan) -> str:
        """See `Scheduler.by_hand`."""
        return f"save it as {plan.job}.xml; then: schtasks /create /tn {plan.job} /xml {plan.job}.xml"

    def install(self, plan: Plan, now: datetime) -> None:
        """See `Scheduler.install`."""
        with tempfile.TemporaryDirectory() as place:
            path = Path(place, "task.xml")
            path.write_bytes(self.render(plan, now).encode("utf-16"))  # with its mark: schtasks refuses UTF-8
            order = ["schtasks", "/create", "/tn", plan.job, "/xml", str(path), "/f"]
            must(order, self._run(order, b""))

    def remove(self, job: str) -> bool:
        """See `Scheduler.remove`."""
        if not self.find(job):
            return False
        order = ["schtasks", "/delete", "/tn", job, "/f"]
        must(order, self._run(order, b""))
        return True

    def find(self, job: str) -> str:
        """See `Scheduler.find`."""
        done = self._run(["schtasks", "/query", "/tn", job, "/xml"], b"")
        return "" if done.code else done.out.decode(errors="replace").strip()

    def start(self, job: str) -> None:
        """See `Scheduler.start`."""
        order = ["schtasks", "/run", "/tn", job]
        must(order, self._run(order, b""))

    def look(self, job: str) -> str:
        """See `Scheduler.look`."""
        return f"schtasks /query /tn {job} /v /fo list"

    def note(self, plan: Plan) -> str:
        """See `Scheduler.note`."""
        if not plan.always:
            return "it fires while you are logged on; for longer: somabus schedule install --always"
        # S4U is a logon without a password, so it has none to show to a file server.
        return (
            "without your password it reaches no network drive; if the bus lies on one, store the password: "
            f"schtasks /change /tn {plan.job} /ru {self._user} /rp *"
        )


def _triggers(plan: Plan, now: datetime) -> Iterator[Element]:
    span, begin = plan.schedule.span, now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if span is not None and span <= _LONGEST_REPETITION and not span % _SECOND:
        yield _repeated(plan.schedule.next(now), span)
        return
    times = sorted(times_of_day(plan.schedule, utc, now))
    if len(times) > _MOST_TRIGGERS:
        step = gcd(DAY, *(later - times[0] for later in times))
        yield _repeated(begin + timedelta(minutes=times[0] % step), timedelta(minutes=step))
        return
    for minute in times:
        trigger = _trigger("CalendarTrigger", begin + timedelta(minutes=minute))
        _texts(SubElement(trigger, "ScheduleByDay"), DaysInterval="1")
        yield trigger


def _repeated(first: datetime, every: timedelta) -> Element:
    trigger = _trigger("TimeTrigger", first)
    _texts(SubElement(trigger, "Repetition"), Interval=f"PT{every // _SECOND}S")
    return trigger


def _trigger(kind: str, first: datetime) -> Element:
    trigger = Element(kind)
    _texts(trigger, StartBoundary=f"{first.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")
    return trigger


def _texts(parent: Element, **texts: str) -> None:
    for name, text in texts.items():
        SubElement(parent, name).text = text
