"""cron: one line in the user's crontab, known by the comment at its end; every other byte stays.

cron knows this machine's wall clock alone and catches up on nothing; it gives the line to `sh`, to whom the name is a
comment.
"""

import shlex
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from somabus.errors import ConfigurationError, SchedulerError
from somabus.scheduler.plan import Plan
from somabus.scheduler.times import Wall, here, hours_and_minutes, times_of_day
from somabus.scheduler.tool import Run, must, run, user

_LONGEST: Final = 998
_TRIES: Final = 5
"""cron's own limit for a command (MAX_COMMAND), less its end."""


class Cron:
    """The crontab of this user."""

    name = "cron"

    def __init__(self, run: Run = run, wall: Wall = here) -> None:
        self._run = run
        self._wall = wall

    def render(self, plan: Plan, now: datetime) -> str:
        """See `Scheduler.render`."""
        hours, minutes = hours_and_minutes(times_of_day(plan.schedule, self._wall, now))
        command = f"{shlex.join(plan.command)} {_mark(plan.job)}"
        # To cron an unescaped % ends the command; it takes the backslash away before sh sees the line.
        escaped = command.replace("%", r"\%")
        if len(escaped.encode()) > _LONGEST:
            message = f"the command has {len(escaped.encode())} bytes, and cron takes {_LONGEST}; use shorter paths"
            raise ConfigurationError(message)
        return f"{_field(minutes, 60)} {_field(hours, 24)} * * * {escaped}\n"

    def by_hand(self, plan: Plan) -> str:  # noqa: ARG002 - the same for all
        """See `Scheduler.by_hand`."""
        return "one line for: crontab -e"

    def install(self, plan: Plan, now: datetime) -> None:
        """See `Scheduler.install`."""
        line = self.render(plan, now).encode()
        for _ in range(_TRIES):
            before = self._read()
            lines = before.splitlines(keepends=True)
            at = next((n for n, each in enumerate(lines) if _is_ours(each, plan.job)), len(lines))
            kept = [each for each in lines if not _is_ours(each, plan.job)]
            self._write(before, b"".join([*kept[:at], line, *kept[at:]]))
            if line in self._read():
                return
        # Race: the tool has no lock, and another one wrote back what it had read before.
        raise SchedulerError("crontab", "others go on changing it; try again")

    def remove(self, job: str) -> bool:
        """See `Scheduler.remove`."""
        before = self._read()
        after = b"".join(each for each in before.splitlines(keepends=True) if not _is_ours(each, job))
        self._write(before, after)
        return after != before

    def find(self, job: str) -> str:
        """See `Scheduler.find`."""
        lines = (each for each in self._read().splitlines() if _is_ours(each, job))
        return next(lines, b"").decode(errors="replace")

    def start(self, job: str) -> None:
        """See `Scheduler.start`.

        cron starts nothing on demand: what it would do is done here, as poor as it does, and told as a start by hand.
        """
        line = self.find(job)
        if not line:
            raise SchedulerError("crontab", f"has no entry {job}")
        command = line.split(maxsplit=5)[5].replace(r"\%", "%").replace(f" --job {job} ", " ", 1)
        # The outer shell ends at once, so that nobody has to wait for the inner one.
        subprocess.run(  # noqa: S602 - the line is ours, and sh is who cron gives it to
            f"( {command}\n) &", shell=True, cwd=Path.home(), start_new_session=True, check=True,
            env={"HOME": str(Path.home()), "LOGNAME": user(), "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh"},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def look(self, job: str) -> str:
        """See `Scheduler.look`."""
        return f"crontab -l | grep {job}; pgrep -a cron"

    def note(self, plan: Plan) -> str:
        """See `Scheduler.note`."""
        said = "cron does not catch up on slots that came while the machine was off; the next beat counts them"
        said += "; it fires whether or not you are logged on, so --always changes nothing" if plan.always else ""
        return said + ("" if self._runs() else "; and no cron seems to run here: start its daemon, or it never fires")

    def _runs(self) -> bool:
        """Tell whether cron seems to run; where nobody can tell, it does."""
        with suppress(SchedulerError):
            return self._run(["pgrep", "-x", "crond?"], b"").code != 1
        return True

    def _read(self) -> bytes:
        order = ["crontab", "-l"]
        done = self._run(order, b"")
        return b"" if done.code and "no crontab" in done.err else must(order, done).out

    def _write(self, before: bytes, after: bytes) -> None:
        if after == before:
            return
        order = ["crontab", "-"] if after else ["crontab", "-r"]
        must(order, self._run(order, after))


def _mark(job: str) -> str:
    return f"# {job}"


def _is_ours(line: bytes, job: str) -> bool:
    return line.rstrip().endswith(f" {_mark(job)}".encode()) and not line.lstrip().startswith(b"#")


def _field(values: Sequence[int], size: int) -> str:
    """Write a field: `*`, `*/n`, or the values themselves."""
    if len(values) == size:
        return "*"
    step = size // len(values)
    even = len(values) > 2 and list(values) == list(range(0, size, step))  # noqa: PLR2004 - of two, the values say more
    return f"*/{step}" if even else ",".join(map(str, values))
