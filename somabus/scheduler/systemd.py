"""systemd: a timer and a service of the user's own manager, catching up on what came while the machine was off."""

from contextlib import suppress
from datetime import datetime
from pathlib import Path

from somabus.errors import SchedulerError
from somabus.scheduler.plan import Plan
from somabus.scheduler.times import hours_and_minutes, times_of_day, utc
from somabus.scheduler.tool import Run, must, run, user


class Systemd:
    """The user's systemd."""

    name = "systemd"

    def __init__(self, run: Run = run, folder: Path | None = None) -> None:
        self._run = run
        self._folder = folder or _user_units()

    def service(self, plan: Plan) -> str:
        """Write the service: one beat, never two at once, and none for longer than a day."""
        return "\n".join(
            [
                "[Unit]",
                f"Description=somabus beat of {plan.agent}",
                "",
                "[Service]",
                "Type=oneshot",
                # The colon: no $ is expanded. 7 is busy, 8 is stopped by a human; both are no failure.
                f"ExecStart=:{' '.join(map(_quoted, plan.command))}",
                "SuccessExitStatus=7 8",
                "TimeoutStartSec=1d",
                "",
            ]
        )

    def timer(self, plan: Plan, now: datetime) -> str:
        """Write the timer."""
        hours, minutes = hours_and_minutes(times_of_day(plan.schedule, utc, now))
        return "\n".join(
            [
                "[Unit]",
                f"Description=somabus grid of {plan.agent}: {_escaped(plan.schedule.text)}",
                "",
                "[Timer]",
                f"OnCalendar=*-*-* {_field(hours, 24)}:{_field(minutes, 60)}:00 UTC",
                "Persistent=true",
                "AccuracySec=1s",
                "",
                "[Install]",
                "WantedBy=timers.target",
                "",
            ]
        )

    def render(self, plan: Plan, now: datetime) -> str:
        """See `Scheduler.render`."""
        texts = {"service": self.service(plan), "timer": self.timer(plan, now)}
        return "\n".join(f"# {self._unit(plan.job, kind)}\n{text}" for kind, text in texts.items())

    def by_hand(self, plan: Plan) -> str:
        """See `Scheduler.by_hand`."""
        files = " and ".join(str(self._unit(plan.job, kind)) for kind in ("service", "timer"))
        enable = f"systemctl --user daemon-reload && systemctl --user enable --now {plan.job}.timer"
        return f"two files: {files}; then: {enable}"

    def install(self, plan: Plan, now: datetime) -> None:
        """See `Scheduler.install`."""
        self._must("--version")  # before anything is written
        self._folder.mkdir(parents=True, exist_ok=True)
        units = {kind: self._unit(plan.job, kind) for kind in ("service", "timer")}
        before = {kind: unit.read_text(encoding="utf-8") for kind, unit in units.items() if unit.exists()}
        try:
            self._load(plan.job, {"service": self.service(plan), "timer": self.timer(plan, now)})
        except SchedulerError:
            if len(before) < len(units):
                self.remove(plan.job)
            else:
                with suppress(SchedulerError):
                    self._load(plan.job, before)
            raise

    def _load(self, job: str, texts: dict[str, str]) -> None:
        for kind, text in texts.items():
            self._unit(job, kind).write_text(text, encoding="utf-8")
        self._must("daemon-reload")
        self._must("enable", f"{job}.timer")
        self._must("restart", f"{job}.timer")

    def remove(self, job: str) -> bool:
        """See `Scheduler.remove`."""
        there = [unit for unit in (self._unit(job, kind) for kind in ("timer", "service")) if unit.exists()]
        if not there:
            return False
        with suppress(SchedulerError):  # the files are what counts when the manager comes up again
            self._run(["systemctl", "--user", "disable", "--now", f"{job}.timer"], b"")
        (self._folder / "timers.target.wants" / f"{job}.timer").unlink(missing_ok=True)
        for unit in there:
            unit.unlink()
        with suppress(SchedulerError):
            self._run(["systemctl", "--user", "daemon-reload"], b"")
        return True

    def find(self, job: str) -> str:
        """See `Scheduler.find`."""
        units = [self._unit(job, kind) for kind in ("service", "timer")]
        return "\n".join(f"# {unit}\n{unit.read_text(encoding='utf-8')}" for unit in units if unit.exists())

    def start(self, job: str) -> None:
        """See `Scheduler.start`."""
        self._must("start", "--no-block", f"{job}.service")

    def look(self, job: str) -> str:
        """See `Scheduler.look`."""
        return f"systemctl --user list-timers --all {job}.timer"

    def note(self, plan: Plan) -> str:
        """See `Scheduler.note`."""
        if not plan.always:
            return "it fires while you are logged in; for longer: somabus schedule install --always"
        return f"so that it also fires while you are not logged in, type once: loginctl enable-linger {user()}"

    def _unit(self, job: str, kind: str) -> Path:
        return self._folder / f"{job}.{kind}"

    def _must(self, *order: str) -> None:
        full = ["systemctl", "--user", *order]
        must(full, self._run(full, b""))


def _user_units() -> Path:
    from platformdirs import user_config_path

    return user_config_path("systemd", appauthor=False) / "user"


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{_escaped(escaped)}"'


def _escaped(text: str) -> str:
    return text.replace("%", "%%")


def _field(values: list[int], size: int) -> str:
    return "*" if len(values) == size else ",".join(f"{each:02}" for each in values)
